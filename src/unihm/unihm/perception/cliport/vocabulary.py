"""What things are called in training: kinds, colours and clauses.

Colours have twelve names here; whatever else people call them has been brought down to these
before the network is asked (:mod:`unihm.perception.colors`). What stands in ``HELD_OUT`` is in no
training sentence: the benchmark asks for it.
"""

from __future__ import annotations

import numpy as np

from unihm.perception.colors import NAMES
from unihm.types import FloatArray

# Kinds of `unihm.data.tabletop` and what they are called; a word may name several kinds.
KINDS: dict[str, tuple[str, ...]] = {
    "box": ("box", "block", "carton", "packet", "cuboid", "brick", "cube", "case"),
    "cylinder": ("cylinder", "can", "tin", "roll", "tube", "drum", "canister"),
    "sphere": ("ball", "sphere", "orange", "globe", "marble", "apple"),
    "capsule": ("capsule", "roller", "sausage", "stick"),
    "ellipsoid": ("egg", "ellipsoid", "potato", "lemon", "pear"),
    "cone": ("cone", "pyramid", "funnel"),
    "prism": ("prism", "hexagonal block", "hexagon", "nut"),
    "ring": ("ring", "doughnut", "torus", "bagel", "tyre"),
    "bottle": ("bottle", "flask", "vase", "water bottle", "shampoo"),
    "cup": ("cup", "beaker", "tumbler", "glass", "pot"),
    "bowl": ("bowl", "dish", "basin", "saucer"),
    "mug": ("mug", "coffee mug", "cup", "teacup"),
    "hammer": ("hammer", "mallet", "tool"),
    "screwdriver": ("screwdriver", "tool", "pen", "rod"),
    "l_block": ("L-shaped block", "angle block", "corner piece"),
    "tray": ("tray", "plate", "bin", "container", "basket"),
    "drawer": ("drawer", "cabinet", "cupboard", "door", "chest of drawers"),
}
GENERIC = ("object", "thing", "one", "item")
ABSENT = (
    "elephant", "dog", "car", "chair", "piano", "tree", "person", "airplane", "guitar", "horse",
    "bicycle", "train", "laptop", "umbrella", "house", "shark", "robot", "moon",
)  # fmt: skip

# Words that the benchmark keeps for itself.
HELD_OUT = (
    "shoebox", "rectangular", "beverage", "spool", "baseball", "tennis", "carafe", "decanter",
    "drinking", "chalice", "tankard", "espresso", "salad", "cereal", "traffic", "party",
)  # fmt: skip

CLAUSES: dict[str, str] = {
    "in": "in the {}",
    "on": "on the {}",
    "left": "left of the {}",
    "right": "right of the {}",
    "front": "in front of the {}",
    "behind": "behind the {}",
    "beside": "next to the {}",
    "area": "on the {} of the table",
    "push": "push {}",
    "push towards": "push towards the {}",
    "open": "open",
    "close": "close",
}
"""What the place affordance is asked with, by relation."""

PUSH_WORDS = {"left": "left", "right": "right", "away": "away", "toward": "towards me"}


def color_lessons() -> tuple[list[str], FloatArray]:
    """Phrases (N,) with every colour and with none, and (N, 12) which colour each has."""
    nouns = [noun for named in KINDS.values() for noun in named]
    phrases, colors = list(nouns), [np.zeros(len(NAMES)) for _ in nouns]
    for k, color in enumerate(NAMES):
        for noun in nouns[k % 4 :: 4]:
            phrases.append(f"{color} {noun}")
            colors.append(np.eye(len(NAMES))[k])
    return phrases, np.stack(colors)


def kinds_named(noun: str) -> frozenset[str]:
    """The kinds that a noun may mean."""
    return frozenset(kind for kind, nouns in KINDS.items() if noun in nouns)
