"""What things are called in training: kinds, colours and clauses.

Colours are the 949 names of the xkcd colour survey (public domain; matplotlib carries them), so
that the network learns what colours *mean* to the sentence encoder rather than a dozen words.
What stands in ``HELD_OUT`` is never trained with: the benchmark asks for it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.colors import XKCD_COLORS, to_rgb

from unihm.perception.colors import NAMES, name_pixels
from unihm.sim.scene import COLORS
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

# Colour words and nouns that the benchmark keeps for itself, wherever they occur in a name.
HELD_OUT = (
    "ruby", "jade", "cobalt", "canary", "mauve", "aquamarine", "fuchsia",
    "crimson", "emerald", "navy", "golden", "turquoise", "rose",
    "shoebox", "beverage", "baseball", "decanter", "carafe", "drinking", "espresso", "tankard",
    "salad", "traffic", "spool", "chalice",
)  # fmt: skip
# Names of the survey that nobody would say at table.
_RUDE = ("poo", "shit", "puke", "vomit", "snot", "barf", "booger", "diarrhea", "piss")

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


@cache
def color_names() -> tuple[tuple[str, tuple[float, float, float]], ...]:
    """(name, sRGB) of every colour that may be trained with."""
    found = [(name, rgb) for name, rgb in COLORS.items()]
    for key, value in XKCD_COLORS.items():
        name = key.removeprefix("xkcd:").replace("/", " ")
        if not any(word in name for word in (*HELD_OUT, *_RUDE)):
            found.append((name, to_rgb(value)))
    return tuple(found)


def draw_color(rng: np.random.Generator) -> tuple[tuple[str, ...], FloatArray]:
    """Words for a colour, the most particular first, and its sRGB (3,)."""
    if rng.random() < 0.5:
        name = str(rng.choice(list(COLORS)))
        rgb = np.clip(
            np.array(COLORS[name]) * rng.uniform(0.8, 1.15) + rng.normal(0, 0.03, 3), 0, 1
        )
        return (name,), rgb
    name, value = color_names()[rng.integers(len(color_names()))]
    rgb = np.clip(np.array(value) + rng.normal(0, 0.015, 3), 0, 1)
    basic = NAMES[int(name_pixels((255 * rgb[None]).astype(np.uint8))[0])]
    return (name, basic), rgb


def kinds_named(noun: str) -> frozenset[str]:
    """The kinds that a noun may mean."""
    return frozenset(kind for kind, nouns in KINDS.items() if noun in nouns)
