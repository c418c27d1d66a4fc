"""Sentences that ask for an episode: the same wish in many people's words."""

from __future__ import annotations

import numpy as np

from unihm.types import TaskKind

GRAB = (
    "pick up {object}",
    "grab {object}",
    "grasp {object}",
    "lift {object}",
    "lift {object} off the table",
    "take {object}",
    "get {object}",
    "hold {object} up",
    "raise {object} a little",
    "please pick up {object}",
    "could you grab {object}",
    "can you lift {object} for me",
    "I need {object}",
    "hand me {object}",
    "fetch {object} please",
    "pick {object} up from the table",
    "would you mind taking {object}",
    "let me have {object}",
    "reach for {object} and lift it",
    "bring up {object}",
)
PLACE = (
    "put {object} {place}",
    "place {object} {place}",
    "set {object} down {place}",
    "move {object} {place}",
    "pick up {object} and put it {place}",
    "take {object} and place it {place}",
    "please put {object} {place}",
    "could you move {object} {place}",
    "drop {object} off {place}",
    "carry {object} over and leave it {place}",
    "tidy {object} away {place}",
    "grab {object} and set it {place}",
)
PUSH = (
    "push {object} {direction}",
    "slide {object} {direction}",
    "shove {object} a bit {direction}",
    "move {object} {direction} without lifting it",
    "nudge {object} {direction}",
    "please push {object} {direction}",
    "could you slide {object} {direction}",
)
PLACES = (
    "into the tray",
    "in the tray",
    "on the tray",
    "into the bin",
    "in the box",
    "into the bowl",
    "on the plate",
    "on the left",
    "on the right",
    "next to the cup",
    "over there",
    "closer to me",
)
# What people call the shapes of unihm.sim.shapes.
NOUNS: dict[str, tuple[str, ...]] = {
    "box": ("box", "block", "carton", "packet", "cuboid"),
    "cylinder": ("cylinder", "can", "tin", "roll"),
    "sphere": ("ball", "sphere", "orange"),
    "capsule": ("capsule", "roller", "sausage"),
    "ellipsoid": ("egg", "ellipsoid", "potato"),
    "cone": ("cone",),
    "prism": ("prism", "hexagonal block", "hexagon"),
    "ring": ("ring", "doughnut", "torus"),
    "bottle": ("bottle", "flask"),
    "cup": ("cup", "beaker", "tumbler"),
    "bowl": ("bowl", "dish"),
    "mug": ("mug", "coffee mug", "cup"),
    "hammer": ("hammer", "mallet"),
    "screwdriver": ("screwdriver", "tool"),
    "l_block": ("L-shaped block", "angle block", "corner piece"),
}
SIZES = {"small": ("small", "little", "tiny"), "large": ("big", "large"), "tall": ("tall", "high")}


def object_words(shape: str, colour: str, size: str, rng: np.random.Generator) -> str:
    """A noun phrase, ``the small red box``: colour and size are sometimes left out."""
    words = []
    if size and rng.random() < 0.3:
        words.append(str(rng.choice(SIZES[size])))
    if colour and rng.random() < 0.75:
        words.append(colour)
    article = "that" if rng.random() < 0.1 else "the"
    noun = "object" if rng.random() < 0.05 else str(rng.choice(NOUNS.get(shape, (shape,))))
    return " ".join([article, *words, noun])


def direction_words(direction: np.ndarray) -> str:
    """What a person in front of the arm's base calls a horizontal direction (x forward, y left)."""
    x, y = direction[:2]
    if abs(x) > abs(y):
        return "away" if x > 0 else "towards me"
    return "to the left" if y > 0 else "to the right"


def make_instructions(
    kind: TaskKind,
    shape: str,
    colour: str,
    size: str,
    rng: np.random.Generator,
    direction: np.ndarray | None = None,
    count: int = 5,
) -> tuple[str, ...]:
    """Different sentences for one episode.

    Args:
        kind: the task.
        shape: name in :data:`unihm.sim.shapes.SHAPES`.
        colour: a word.
        size: a key of :data:`SIZES`, or empty.
        rng: source of the choices.
        direction: (2,) or (3,) world, for a push.
        count: sentences.
    """
    templates = {TaskKind.GRAB: GRAB, TaskKind.PICK_AND_PLACE: PLACE}.get(kind, PUSH)
    sentences = []
    for template in rng.choice(templates, size=count, replace=False):
        words = {"object": object_words(shape, colour, size, rng)}
        if kind == TaskKind.PICK_AND_PLACE:
            words["place"] = str(rng.choice(PLACES))
        elif direction is not None:
            words["direction"] = direction_words(direction)
        sentence = str(template).format(**words)
        if rng.random() < 0.3:
            sentence = sentence[0].upper() + sentence[1:]
        if rng.random() < 0.15:
            sentence += "."
        sentences.append(sentence)
    return tuple(sentences)
