"""Scenes with something that opens, for ``unihm bench tasks --task open``."""

from __future__ import annotations

import numpy as np

from unihm.sim.scene import COLORS, Camera, Scene, SceneObject, Sizes

#: Measures that the task was developed with.
OPENING_SIZES: Sizes = {
    "drawer": {
        "width": (0.20, 0.28), "depth": (0.20, 0.24), "height": (0.14, 0.18),
        "handle": (0.08, 0.12), "thick": (0.011, 0.014), "gap": (0.030, 0.036),
    },
    "cabinet": {
        "width": (0.18, 0.22), "depth": (0.14, 0.18), "height": (0.18, 0.24),
        "handle": (0.08, 0.10), "thick": (0.011, 0.014), "gap": (0.030, 0.036),
    },
    "lidded_box": {
        "width": (0.18, 0.24), "depth": (0.15, 0.19), "height": (0.08, 0.12),
        "handle": (0.07, 0.10), "thick": (0.011, 0.014), "gap": (0.028, 0.034),
    },
}  # fmt: skip
#: Others: lower and higher ones, thicker handles, knobs on drawers.
UNSEEN_SIZES: Sizes = {
    "drawer": {
        "width": (0.16, 0.20), "depth": (0.18, 0.20), "height": (0.18, 0.22),
        "handle": (0.022, 0.026), "thick": (0.022, 0.026), "gap": (0.026, 0.032),
    },
    "cabinet": {
        "width": (0.22, 0.26), "depth": (0.18, 0.20), "height": (0.24, 0.28),
        "handle": (0.11, 0.13), "thick": (0.015, 0.018), "gap": (0.034, 0.040),
    },
    "lidded_box": {
        "width": (0.14, 0.18), "depth": (0.19, 0.22), "height": (0.12, 0.15),
        "handle": (0.10, 0.12), "thick": (0.015, 0.018), "gap": (0.034, 0.040),
    },
}  # fmt: skip
#: What people call them.
OPENS = {
    "drawer": ("drawer", "drawer"),
    "cabinet": ("door", "cabinet"),
    "lidded_box": ("lid", "box"),
}
OVER_THE_SHOULDER = Camera(eye=(0.06, 0.60, 0.68), target=(0.54, 0.0, 0.06))
_MASS = {"drawer": 0.4, "cabinet": 0.4, "lidded_box": 0.2}  # kg, of what moves
_PLACES = {"drawer": (0.64, 0.68), "cabinet": (0.68, 0.74), "lidded_box": (0.52, 0.58)}  # m, x
# How far open what shall be closed stands: a lid that leans back further hides its handle.
_OPEN_SHARES = {"drawer": (0.45, 0.8), "cabinet": (0.4, 0.75), "lidded_box": (0.15, 0.28)}


def opening_scene(seed: int, unseen: bool) -> tuple[Scene, str]:
    """A scene and the name of what opens in it, closed or standing open, its front to the robot."""
    rng = np.random.default_rng([seed, 21])
    kind = str(rng.choice(list(OPENS)))
    ranges = (UNSEEN_SIZES if unseen else OPENING_SIZES)[kind]
    size = {key: float(rng.uniform(*span)) for key, span in ranges.items()}
    if kind == "drawer":
        size["travel"] = 0.7 * size["depth"]
    color = str(rng.choice([c for c in COLORS if c not in ("black", "grey")]))
    name = f"{color} {kind.replace('_', ' ')}"
    thing = SceneObject(
        name=name,
        articulated=kind,
        size=size,
        position=(float(rng.uniform(*_PLACES[kind])), float(rng.uniform(-0.08, 0.04))),
        rpy=(0.0, 0.0, float(np.pi + rng.uniform(-0.25, 0.25))),
        color=color,
        mass=_MASS[kind],
        opened=float(rng.uniform(*_OPEN_SHARES[kind])) if rng.random() < 0.5 else 0.0,
    )
    return Scene(name=f"open:{seed}", camera=OVER_THE_SHOULDER, objects=(thing,)), name
