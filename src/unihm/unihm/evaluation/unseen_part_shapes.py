"""Objects of named parts that no training and no tuning has seen, to measure manner with."""

from __future__ import annotations

import numpy as np

from unihm.sim.part_shapes import arc_handle, box_at
from unihm.sim.shapes import Geometry, bar, revolution, shape, union


@shape("watering_can")
def watering_can(radius: float = 0.036, height: float = 0.09, handle: float = 0.028) -> Geometry:
    """Drum with an ear at +x and a long spout at -x."""
    body = revolution(
        [(0.0, 0.0), (radius, 0.0), (0.92 * radius, height), (0.0, height)], [(height, "body")]
    )
    spout = bar(
        np.array([-0.8 * radius, 0.0, 0.25 * height]),
        np.array([-2.1 * radius, 0.0, 0.95 * height]),
        0.0075,
        "spout",
    )
    ear = arc_handle(0.94 * radius, 0.15 * height, 0.9 * height, handle, 0.0065)
    return union([*body.parts, spout, *ear])


@shape("ladle")
def ladle(length: float = 0.20, radius: float = 0.034, grip: float = 0.0095) -> Geometry:
    """Ladle lying along x: a round bowl at +x."""
    bowl = revolution(
        [
            (0.0, 0.0),
            (0.6 * radius, 0.0),
            (radius, 0.7 * radius),
            (radius, 1.1 * radius),
            (0.0, 1.1 * radius),
        ],
        [(2 * radius, "body")],
    )
    start = np.array([-0.8 * radius, 0.0, 0.85 * radius])
    return union([*bowl.parts, bar(start - [length - 2 * radius, 0, 0], start, grip, "handle")])


@shape("flask")
def flask(radius: float = 0.036, height: float = 0.15, neck: float = 0.014) -> Geometry:
    """Cone with a neck, as chemists have it."""
    body, rim = 0.58 * height, 0.93 * height
    return revolution(
        [
            (0.0, 0.0),
            (radius, 0.0),
            (radius, 0.08 * height),
            (neck, body),
            (neck, rim),
            (1.35 * neck, rim),
            (1.35 * neck, height),
            (0.0, height),
        ],
        [(0.5 * height, "body"), (rim, "neck"), (height, "rim")],
    )


@shape("candlestick")
def candlestick(radius: float = 0.034, height: float = 0.15, stem: float = 0.010) -> Geometry:
    """Broad base, thin stem, a cup on top."""
    foot, cup = 0.14 * height, 0.74 * height
    return revolution(
        [
            (0.0, 0.0),
            (radius, 0.0),
            (0.85 * radius, foot),
            (stem, foot),
            (stem, cup),
            (0.75 * radius, 0.80 * height),
            (0.75 * radius, height),
            (0.0, height),
        ],
        [(foot, "base"), (cup, "stem"), (height, "body")],
    )


@shape("cleaver")
def cleaver(length: float = 0.21, width: float = 0.05, thick: float = 0.018) -> Geometry:
    """Cleaver lying flat along x: its blade at +x is broad."""
    grip = 0.5 * length
    return union(
        [
            box_at((grip, 0.45 * width, thick), np.array([-grip / 2, 0, thick / 2]), "handle"),
            box_at(
                (length - grip, width, 0.4 * thick),
                np.array([(length - grip) / 2 - 0.001, 0, thick / 2]),
                "blade",
            ),
        ]
    )


SIZES: dict[str, dict[str, tuple[float, float]]] = {
    "watering_can": {"radius": (0.030, 0.040), "height": (0.08, 0.11), "handle": (0.024, 0.032)},
    "ladle": {"length": (0.17, 0.23), "radius": (0.028, 0.038), "grip": (0.008, 0.011)},
    "flask": {"radius": (0.031, 0.040), "height": (0.13, 0.17), "neck": (0.012, 0.016)},
    "candlestick": {"radius": (0.030, 0.038), "height": (0.13, 0.17), "stem": (0.008, 0.012)},
    "cleaver": {"length": (0.18, 0.24), "width": (0.04, 0.06), "thick": (0.014, 0.020)},
}
"""Ranges of their measures, metres."""
