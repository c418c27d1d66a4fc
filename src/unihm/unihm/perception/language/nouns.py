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
    "container": ("tray", "bowl", "cup", "box"), "pan": ("tray", "bowl", "flat"),
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
    "onion": ("ball", "egg"), "bread": ("long", "egg"), "sandwich": ("flat", "box"),
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
