"""What things are called in training: kinds, colours and clauses.

Colours have twelve names here; whatever else people call them has been brought down to these
before the network is asked (:mod:`unihm.perception.colors`). What stands in ``HELD_OUT`` is in no
training sentence: the benchmark asks for it.
"""

from __future__ import annotations

import numpy as np

from unihm.perception.colors import NAMES
from unihm.perception.language.nouns import NOUNS
from unihm.perception.planner.placing import AREAS
from unihm.types import FloatArray

# Kinds of `piles` and `household` in `unihm.learning.synthesis.tables`, and what they are called; a
# word may name several kinds.
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
    "banana": ("banana",),
    "wineglass": ("wineglass", "goblet", "wine glass"),
    "bulb": ("bulb", "light bulb"),
    "tube": ("toothpaste", "tube", "glue"),
    "flashlight": ("flashlight", "torch"),
    "phone": ("phone", "telephone", "remote", "calculator"),
    "camera": ("camera",),
    "duck": ("duck", "toy", "figure"),
    "stapler": ("stapler",),
    "mouse": ("mouse", "soap"),
    "clock": ("clock", "alarm clock"),
    "tray": ("tray", "plate", "bin", "container", "basket"),
    "drawer": ("drawer", "cabinet", "cupboard", "door", "chest of drawers"),
}
# Kinds by the classes of shape of `unihm.perception.language.nouns`.
SHAPES: dict[str, tuple[str, ...]] = {
    "box": ("box",), "cylinder": ("cylinder",), "ball": ("sphere",), "egg": ("ellipsoid",),
    "cup": ("cup",), "mug": ("mug",), "bowl": ("bowl",), "bottle": ("bottle",),
    "prism": ("prism",), "cone": ("cone",), "ring": ("ring",), "flat": ("box", "tray"),
    "long": ("capsule", "screwdriver", "hammer", "flashlight", "banana"), "tray": ("tray",),
    "irregular": ("l_block", "duck", "stapler", "camera", "clock"),
}  # fmt: skip
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


def name_samples() -> tuple[list[str], FloatArray]:
    """Phrases (N,), and (N, 40) how far each allows the names of colours and of kinds."""
    nouns = {noun: _kinds_of_noun(noun) for named in KINDS.values() for noun in named}
    nouns |= {noun: np.ones(len(KINDS)) for noun in GENERIC}
    nouns |= {noun: np.zeros(len(KINDS)) for noun in ABSENT}
    # What else things are called says less for certain, and in fewer colours.
    others = {n: _kinds_of_shapes(NOUNS[n]) for n in NOUNS if n not in nouns and _may_be_taught(n)}
    phrases: list[str] = []
    names: list[FloatArray] = []
    for number, (noun, kinds) in enumerate((nouns | others).items()):
        phrases.append(noun)
        names.append(np.concatenate([np.ones(len(NAMES)), kinds]))
        for color in NAMES if noun in nouns else NAMES[number % 3 :: 3]:
            phrases.append(f"{color} {noun}")
            names.append(np.concatenate([np.array(NAMES) == color, kinds]).astype(float))
    return phrases, np.stack(names)


def _kinds_of_noun(noun: str) -> FloatArray:
    kinds = kinds_named(noun)
    return np.array([float(kind in kinds) for kind in KINDS])


def _kinds_of_shapes(shapes: tuple[str, ...]) -> FloatArray:
    """(28,) of classes of shape, best first: each counts for less than the one before."""
    allowed = [dict.fromkeys(SHAPES[s], 0.75**rank) for rank, s in enumerate(shapes)]
    return np.array([max(found.get(kind, 0.0) for found in allowed) for kind in KINDS])


def _may_be_taught(noun: str) -> bool:
    return not set(noun.split()) & set(HELD_OUT)


def clause_samples() -> tuple[list[str], FloatArray]:
    """The same for clauses: what they put something beside, in or on."""
    described, names = name_samples()
    about = [clause for clause in CLAUSES.values() if "{}" in clause]
    about = [clause for clause in about if clause not in (CLAUSES["area"], CLAUSES["push"])]
    phrases = [about[k % len(about)].format(words) for k, words in enumerate(described)]
    alone = [CLAUSES["open"], CLAUSES["close"]]
    alone += [CLAUSES["push"].format(word) for word in PUSH_WORDS.values()]
    alone += [CLAUSES["area"].format(word) for word in AREAS]
    nothing = np.zeros((len(alone), names.shape[1]))
    return [*phrases, *alone], np.concatenate([names, nothing])


def kinds_named(noun: str) -> frozenset[str]:
    """The kinds that a noun may mean."""
    return frozenset(kind for kind, nouns in KINDS.items() if noun in nouns)
