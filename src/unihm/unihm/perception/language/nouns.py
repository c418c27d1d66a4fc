"""Kinds of things that stand on tables, and what they look like to a depth camera."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from unihm.perception.language import sentence_encoder as text

# Classes of shape that `unihm.perception.scene.describe` scores.
SHAPES = (
    "box", "cylinder", "ball", "egg", "cup", "mug", "bowl", "bottle", "prism", "cone", "ring",
    "long", "flat", "tray", "irregular",
)  # fmt: skip

# Those that many things of other classes are of as well.
VAGUE = ("long", "flat", "irregular")

# Each kind with its shape classes, best first.
NOUNS: dict[str, tuple[str, ...]] = {
    "box": ("box",), "block": ("box", "prism"), "brick": ("box",), "cube": ("box",),
    "cuboid": ("box",), "carton": ("box",), "package": ("box",), "packet": ("box", "flat"),
    "parcel": ("box",), "case": ("box", "flat"), "dice": ("box",), "die": ("box",),
    "book": ("flat", "box"), "crate": ("tray", "box"), "sponge": ("box", "flat"),
    "cylinder": ("cylinder",), "can": ("cylinder",), "tin": ("cylinder",),
    "tube": ("cylinder", "long"), "jar": ("cylinder", "bottle"), "drum": ("cylinder",),
    "roll": ("cylinder",), "canister": ("cylinder",), "candle": ("cylinder",),
    "barrel": ("cylinder",), "pillar": ("cylinder", "box"), "battery": ("cylinder",),
    "ball": ("ball",), "sphere": ("ball",), "globe": ("ball",), "orb": ("ball",),
    "marble": ("ball",), "orange": ("ball",), "apple": ("ball", "egg"),
    "tomato": ("ball", "egg"), "peach": ("ball",), "lemon": ("egg", "ball"),
    "lime": ("egg", "ball"), "pear": ("egg", "ball"), "fruit": ("ball", "egg"),
    "egg": ("egg", "ball"), "ellipsoid": ("egg", "ball"), "potato": ("egg", "ball"),
    "avocado": ("egg", "ball"), "cup": ("cup", "mug"), "beaker": ("cup", "mug"),
    "glass": ("cup",), "tumbler": ("cup",), "goblet": ("cup",), "mug": ("mug", "cup"),
    "coffee mug": ("mug", "cup"), "coffee cup": ("mug", "cup"), "teacup": ("mug", "cup"),
    "pot": ("cup", "bowl", "mug"), "vase": ("bottle", "cup"), "wineglass": ("cup", "bottle"),
    "wine glass": ("cup", "bottle"),
    "bowl": ("bowl", "cup"), "dish": ("bowl", "tray", "flat"), "basin": ("bowl",),
    "plate": ("flat", "bowl", "tray"), "saucer": ("flat", "bowl"), "bottle": ("bottle",),
    "flask": ("bottle",), "water bottle": ("bottle",), "ketchup": ("bottle",),
    "mustard": ("bottle",), "spray": ("bottle",), "shampoo": ("bottle",),
    "prism": ("prism", "cylinder"), "hexagon": ("prism",), "hexagonal block": ("prism",),
    "cone": ("cone",), "pyramid": ("cone", "prism"), "funnel": ("cone",),
    "ring": ("ring",), "torus": ("ring",), "doughnut": ("ring",), "donut": ("ring",),
    "bagel": ("ring",), "hoop": ("ring",), "capsule": ("long", "egg", "cylinder"),
    "sausage": ("long",), "roller": ("long", "cylinder"), "stick": ("long",), "rod": ("long",),
    "bar": ("long", "box"), "pen": ("long",), "pencil": ("long",), "marker": ("long",),
    "banana": ("long", "irregular"), "hammer": ("long", "irregular"),
    "mallet": ("long", "irregular"), "screwdriver": ("long",), "tool": ("long", "irregular"),
    "utensil": ("long", "irregular"),
    "wrench": ("long", "flat"), "knife": ("long", "flat"), "fork": ("long", "flat"),
    "spoon": ("long", "flat"), "toothbrush": ("long",), "toothpaste": ("long", "box", "cone"),
    "flashlight": ("long", "cylinder"), "torch": ("long", "cylinder"),
    "stapler": ("long", "box", "irregular"), "remote": ("long", "flat", "box"),
    "carrot": ("long", "cone"), "cucumber": ("long",), "brush": ("long", "irregular"),
    "telephone": ("flat", "box"), "calculator": ("flat", "box"),
    "scissors": ("flat", "long", "irregular"), "phone": ("flat", "box"),
    "wallet": ("flat", "box"), "card": ("flat",), "disc": ("flat", "cylinder"),
    "disk": ("flat", "cylinder"), "lid": ("flat", "cylinder"), "coaster": ("flat",),
    "tray": ("tray", "flat"), "bin": ("tray", "box", "cup"), "basket": ("tray", "bowl"),
    "container": ("tray", "bowl", "cup", "cylinder", "egg", "box"), "pan": ("tray", "bowl", "flat"),
    "mouse": ("egg", "irregular", "flat"), "duck": ("irregular", "egg"),
    "camera": ("irregular", "box"), "clock": ("irregular", "cylinder", "box"),
    "alarm clock": ("irregular", "cylinder", "box"), "lamp": ("irregular", "bottle"),
    "light bulb": ("bottle", "egg", "irregular"), "bulb": ("bottle", "egg", "irregular"),
    "toy": ("irregular", "box", "egg"), "figure": ("irregular",), "doll": ("irregular",),
    "corner piece": ("irregular", "box"), "angle block": ("irregular", "box"),
    "l shaped block": ("irregular", "box"), "drill": ("irregular",),
    "teapot": ("irregular", "egg", "cup"), "kettle": ("irregular", "egg", "cup"),
    "key": ("flat", "irregular"), "coin": ("flat",), "drawer": ("box", "tray"),
    "door": ("box", "flat"), "thermos": ("bottle", "cylinder"), "pitcher": ("mug", "cup"),
    "jug": ("mug", "bottle"), "coke": ("cylinder", "bottle"), "soda": ("cylinder", "bottle"),
    "notebook": ("flat", "box"), "eraser": ("box",), "chalk": ("long", "box"),
    "detergent": ("bottle", "box"), "bleach": ("bottle",), "vial": ("bottle", "cylinder"),
    "plum": ("ball", "egg"), "puck": ("flat", "cylinder"), "tuna can": ("cylinder", "flat"),
    "spatula": ("long", "flat"), "clamp": ("irregular", "flat"), "snack": ("box", "flat"),
    "soap": ("box", "egg", "flat"), "glue": ("cylinder", "bottle"), "cap": ("cylinder", "cup"),
    "shoe": ("irregular", "long"), "hat": ("irregular", "bowl"), "charger": ("box",),
    "lego": ("box",), "tape": ("ring", "cylinder"), "weight": ("cylinder", "box"),
    "cookie tin": ("cylinder", "flat"), "biscuit tin": ("cylinder", "flat"),
    "tub": ("cylinder", "tray", "bowl", "cup", "box"), "soup can": ("cylinder",),
    "cracker box": ("box",), "sugar box": ("box",), "pudding box": ("box", "flat"),
    "cutting board": ("flat",), "chopping board": ("flat",), "chess board": ("flat",),
    "gelatin box": ("box", "flat"), "meat can": ("box", "cylinder"),
    "caliper": ("long", "flat", "irregular"), "calipers": ("long", "flat", "irregular"),
    "paper": ("flat",), "lunchbox": ("box",), "backpack": ("irregular", "box"),
    "onion": ("ball", "egg"), "bread": ("long", "egg"), "sandwich": ("flat", "box"),
}  # fmt: skip

# Metres of things whose size people know: the least and the most of the longest side, and the most
# of the second. Only kinds that their size tells from others of the same shape.
SIZES: dict[str, tuple[float, float, float]] = {
    "apple": (0.05, 0.11, 0.11), "orange": (0.05, 0.11, 0.11), "tomato": (0.03, 0.11, 0.11),
    "peach": (0.05, 0.10, 0.10), "plum": (0.03, 0.08, 0.08), "lemon": (0.04, 0.11, 0.08),
    "lime": (0.04, 0.09, 0.07), "pear": (0.06, 0.14, 0.10), "avocado": (0.06, 0.14, 0.10),
    "fruit": (0.02, 0.25, 0.12), "egg": (0.04, 0.08, 0.06), "potato": (0.04, 0.15, 0.10),
    "onion": (0.04, 0.12, 0.12), "banana": (0.10, 0.25, 0.11), "carrot": (0.08, 0.28, 0.06),
    "cucumber": (0.10, 0.38, 0.07), "bread": (0.06, 0.40, 0.16), "sausage": (0.06, 0.30, 0.06),
    "marble": (0.01, 0.04, 0.04), "dice": (0.01, 0.05, 0.05), "die": (0.01, 0.05, 0.05),
    "coin": (0.01, 0.05, 0.05), "key": (0.03, 0.12, 0.06), "battery": (0.02, 0.10, 0.06),
    "pen": (0.08, 0.20, 0.03), "pencil": (0.05, 0.20, 0.03), "marker": (0.08, 0.20, 0.04),
    "chalk": (0.03, 0.14, 0.03), "eraser": (0.02, 0.12, 0.06), "knife": (0.10, 0.40, 0.07),
    "fork": (0.10, 0.35, 0.06), "spoon": (0.10, 0.35, 0.09), "spatula": (0.15, 0.40, 0.12),
    "screwdriver": (0.08, 0.40, 0.06), "wrench": (0.08, 0.40, 0.09), "hammer": (0.15, 0.45, 0.18),
    "mallet": (0.15, 0.45, 0.18), "scissors": (0.08, 0.28, 0.14),
    "toothbrush": (0.10, 0.25, 0.05), "stapler": (0.06, 0.22, 0.09), "mouse": (0.06, 0.15, 0.09),
    "remote": (0.08, 0.28, 0.08), "phone": (0.10, 0.20, 0.12), "wallet": (0.07, 0.22, 0.14),
    "card": (0.05, 0.18, 0.13), "cup": (0.05, 0.17, 0.16), "mug": (0.06, 0.17, 0.16),
    "coffee mug": (0.06, 0.17, 0.16), "coffee cup": (0.05, 0.17, 0.16),
    "teacup": (0.05, 0.16, 0.15), "glass": (0.05, 0.22, 0.12), "tumbler": (0.06, 0.24, 0.13),
    "bowl": (0.07, 0.40, 0.40), "book": (0.10, 0.42, 0.34), "light bulb": (0.05, 0.16, 0.10),
    "cookie tin": (0.12, 0.32, 0.32), "biscuit tin": (0.12, 0.32, 0.32),
    "cap": (0.02, 0.10, 0.10), "soap": (0.04, 0.14, 0.10), "lego": (0.01, 0.12, 0.08),
}  # fmt: skip

# Metres that things which lie flat on a table are high at most.
THICKNESS: dict[str, float] = {
    "scissors": 0.03, "key": 0.02, "coin": 0.01, "card": 0.02, "pen": 0.025, "pencil": 0.02,
    "marker": 0.03, "chalk": 0.025, "knife": 0.035, "fork": 0.035, "spoon": 0.04,
    "spatula": 0.06, "wrench": 0.045, "toothbrush": 0.03, "phone": 0.03, "remote": 0.045,
    "wallet": 0.04,
}  # fmt: skip

# What kinds that have a colour of their own look like.
COLORS: dict[str, tuple[str, ...]] = {
    "banana": ("yellow", "green"), "lemon": ("yellow",), "lime": ("green",),
    "orange": ("orange",), "apple": ("red", "green", "yellow"), "tomato": ("red", "green"),
    "peach": ("orange", "pink", "yellow", "red"), "pear": ("green", "yellow", "brown"),
    "plum": ("purple", "red", "blue", "black"), "avocado": ("green", "black"),
    "carrot": ("orange",), "cucumber": ("green",), "potato": ("brown", "yellow", "orange"),
    "onion": ("brown", "white", "purple", "orange"), "egg": ("white", "brown", "orange", "pink"),
    "sausage": ("brown", "red", "pink", "orange"), "bread": ("brown", "orange", "yellow"),
    # Of the YCB set, which stands on many a robot's table.
    "cracker box": ("red",), "sugar box": ("yellow",), "soup can": ("red", "white"),
    "pudding box": ("brown", "orange"), "gelatin box": ("red",), "meat can": ("blue",),
    "mustard": ("yellow",), "ketchup": ("red",), "chalk": ("white",),
}  # fmt: skip

# Below this cosine an unknown noun is not taken for any kind that is listed.
SIMILAR = 0.64
# How much a compound is like the kind that it ends with.
_COMPOUND = 0.9

# Things that people know and that stand on no table; an unknown noun nearer to these than to
# NOUNS is not on the table.
ELSEWHERE = (
    "person", "man", "woman", "child", "house", "building", "tree", "mountain", "river", "sun",
    "moon", "sky", "cloud", "ocean", "road", "chair", "sofa", "bed", "refrigerator", "television",
    "piano", "guitar", "music", "song", "idea", "love", "laptop", "umbrella", "violin", "castle",
    "church", "volcano", "police", "soldier", "happiness", "elevator",
    "washing machine", "president", "city", "country", "war", "game", "weather", "money",
)  # fmt: skip

# Such things stand on no table either, but toys of them do: by a colour one may be meant.
TOYS = (
    "elephant", "dinosaur", "dog", "cat", "horse", "lion", "bird", "fish", "animal", "car", "truck",
    "airplane", "train", "ship", "bicycle", "monkey", "dragon", "snake", "spaceship", "submarine",
)  # fmt: skip


@cache
def _table() -> NDArray[np.float32]:
    return text.encode([*NOUNS, *ELSEWHERE])


def _head(word: str) -> str:
    """The listed kind that a compound ends with: "box" of "shoebox"; empty where it is none."""
    for split in range(3, len(word) - 2):
        head = word[split:]
        if head in NOUNS and text.is_word(word[:split]):
            return head
    return ""


def lookup(noun: str) -> tuple[str, float]:
    """The listed kind nearest in meaning to ``noun``.

    Returns:
        the kind and how near it is (1: the very word); ("", 0.5) for a word that is near to no
        kind; ("", 0.25) for what there are toys of; ("", 0.0) for a word that is nearer to things
        that stand on no table.
    """
    noun = re.sub(r"\s+", " ", noun.strip())
    last = noun.split()[-1] if noun else ""
    for candidate in (noun, noun.removesuffix("s"), last, last.removesuffix("s")):
        if candidate in NOUNS:
            return candidate, 1.0
    if not noun or noun in ELSEWHERE or last in ELSEWHERE:
        return "", 0.0
    if last in TOYS or last.removesuffix("s") in TOYS:
        return "", 0.25
    head = _head(last)
    if head:
        return head, _COMPOUND
    similarity = np.maximum(*(_table() @ text.encode([noun, last]).T).T)
    best = int(similarity.argmax())
    if best >= len(NOUNS):
        return "", 0.0 if similarity[best] > 0.5 else 0.5
    if similarity[best] < SIMILAR:
        return "", 0.5
    return list(NOUNS)[best], float(similarity[best])
