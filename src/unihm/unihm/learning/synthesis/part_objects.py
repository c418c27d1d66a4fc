"""Random objects of named parts on the table: a further family is a further line here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unihm.learning.synthesis.objects import RECIPES, Measures, Recipe

Ranges = dict[str, tuple[float, float]]


def uniform(ranges: Ranges) -> Callable[[np.random.Generator], Measures]:
    """Measures drawn evenly from ranges in metres."""
    return lambda rng: {key: float(rng.uniform(*span)) for key, span in ranges.items()}


def recipes_of(sizes: dict[str, Ranges]) -> dict[str, Recipe]:
    """Equally frequent shapes of given ranges, which stand as they were made."""
    return {name: Recipe(1.0, uniform(ranges)) for name, ranges in sizes.items()}


PART_SIZES: dict[str, Ranges] = {
    "jug": {"radius": (0.026, 0.040), "height": (0.09, 0.16), "handle": (0.022, 0.036)},
    "pan": {"radius": (0.032, 0.055), "height": (0.025, 0.05), "handle": (0.08, 0.14)},
    "goblet": {"radius": (0.026, 0.040), "height": (0.11, 0.18), "stem": (0.007, 0.012)},
    "vase": {"radius": (0.028, 0.042), "height": (0.12, 0.19), "neck": (0.011, 0.019)},
    "knife": {"length": (0.17, 0.26), "width": (0.018, 0.028), "thick": (0.013, 0.022)},
    "pot": {"radius": (0.028, 0.042), "height": (0.06, 0.11), "knob": (0.010, 0.016)},
    "mallet": {"length": (0.15, 0.24), "head": (0.035, 0.06), "grip": (0.010, 0.015)},
}
"""Ranges of their measures, metres."""

#: What `unihm synth grasps` makes: as many objects with parts as without.
GRASP_RECIPES: dict[str, Recipe] = {
    **RECIPES,
    **{name: Recipe(14.0, uniform(ranges)) for name, ranges in PART_SIZES.items()},
}
