"""The words that instructions are made of, and what each stands for."""

from __future__ import annotations

GRAB = frozenset({
    "pick", "grab", "grasp", "take", "lift", "get", "hand", "give", "fetch", "hold", "bring",
    "raise", "pass", "reach", "seize", "catch", "clutch", "retrieve", "collect", "snatch",
    "grip", "want", "need", "have", "pluck", "hoist", "elevate", "choose", "select", "find",
})  # fmt: skip
PLACE = frozenset({
    "put", "place", "set", "drop", "move", "lay", "stand", "deposit", "stack", "insert",
    "return", "deliver", "leave", "carry", "tidy",
})  # fmt: skip
PUSH = frozenset({
    "push", "slide", "shove", "nudge", "pull", "drag", "move", "shift", "sweep", "tug",
})  # fmt: skip
PULL = ("pull", "drag", "tug")
OPEN = ("open", "close", "shut")
VERBS = GRAB | PLACE | PUSH | {*OPEN}

# Relations of one thing to another; the longest match wins.
RELATIONS: dict[str, str] = {
    "on top of": "on", "onto": "on", "on": "on", "upon": "on", "over": "on", "above": "on",
    "into": "in", "inside of": "in", "inside": "in", "in": "in", "within": "in",
    "in front of": "front", "before": "front", "behind": "behind", "in back of": "behind",
    "to the left of": "left", "left of": "left", "on the left of": "left",
    "on the left side of": "left", "left from": "left",
    "to the right of": "right", "right of": "right", "on the right of": "right",
    "on the right side of": "right", "right from": "right",
    "next to": "beside", "beside": "beside", "near to": "beside", "near": "beside",
    "close to": "beside", "by": "beside", "alongside": "beside", "adjacent to": "beside",
    "touching": "beside",
}  # fmt: skip

# Words for a place on the table; each is a rank along a direction of the viewer.
PLACES: dict[str, str] = {
    "left": "left", "leftmost": "left", "lefthand": "left",
    "right": "right", "rightmost": "right", "righthand": "right",
    "middle": "middle", "centre": "middle", "center": "middle", "central": "middle",
    "nearest": "near", "closest": "near", "near": "near", "front": "near", "close": "near",
    "farthest": "far", "furthest": "far", "far": "far", "back": "far", "rear": "far",
}  # fmt: skip

SIZES: dict[str, str] = {
    "big": "large", "large": "large", "bigger": "large", "biggest": "large", "larger": "large",
    "largest": "large", "huge": "large", "small": "small", "smaller": "small",
    "smallest": "small", "little": "small", "tiny": "small", "mini": "small",
    "tall": "tall", "taller": "tall", "tallest": "tall", "high": "tall", "highest": "tall",
    "short": "short", "shorter": "short", "shortest": "short", "low": "short",
    "long": "long", "longer": "long", "longest": "long", "wide": "wide", "wider": "wide",
    "thick": "wide", "fat": "wide", "widest": "wide", "narrow": "thin", "thin": "thin",
    "slim": "thin", "thinnest": "thin", "flat": "flat", "flattest": "flat", "round": "round",
    "rounded": "round", "circular": "round", "square": "angular", "rectangular": "angular",
    "angular": "angular", "cubic": "angular", "hollow": "hollow", "empty": "hollow",
    "spherical": "ball", "cylindrical": "cylinder",
}  # fmt: skip

# "On the left of" nothing but the table.
SIDE_AREAS = {"left": "left", "right": "right", "front": "near", "behind": "far"}

# Directions of a push, from the viewer behind the robot.
DIRECTIONS: dict[str, str] = {
    "left": "left", "leftwards": "left", "right": "right", "rightwards": "right",
    "forward": "away", "forwards": "away", "away": "away", "ahead": "away",
    "back": "toward", "backward": "toward", "backwards": "toward", "toward": "toward",
    "towards": "toward", "closer": "toward", "here": "toward", "nearer": "toward",
}  # fmt: skip

# "The second box from the left".
ORDINALS: dict[str, int] = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "6th": 6, "7th": 7,
}  # fmt: skip

ANY = frozenset({"a", "an", "any", "one", "some", "another", "either"})
GENERIC = frozenset({
    "object", "thing", "item", "one", "ones", "something", "anything", "stuff", "it", "that",
    "this", "them", "piece", "shape",
})  # fmt: skip
FILLER = frozenset({
    "the", "a", "an", "any", "some", "one", "of", "please", "could", "would", "you",
    "your", "i", "me", "my", "mine", "for", "to", "up", "down", "it", "its", "that", "this",
    "those", "these", "is", "are", "be", "with", "off", "out", "now", "just", "then", "and",
    "from", "kindly", "like", "need", "d", "s", "m", "ll", "ve", "robot", "hey", "hi", "hello",
    "there", "here", "at", "over", "do", "will", "shall", "let", "us", "we", "our", "so",
    "bit", "slightly", "gently", "carefully", "slowly", "quickly", "table", "desk", "tabletop",
    "surface", "which", "who", "has", "hand", "mind", "side", "most", "very", "really", "must",
    "should", "have", "not", "also", "another", "either", "way", "direction", "using",
    "without", "lifting", "touching", "colored", "coloured", "looking", "looks", "color",
    "colour", "shaped", "against", "into", "cm",
})  # fmt: skip
# Words that are a colour before a noun, and a thing by themselves.
FRUIT = frozenset({
    "orange", "plum", "cherry", "apricot", "tangerine", "lime", "olive", "aubergine", "chestnut",
})  # fmt: skip
