"""What `unihm bench tasks` asks for: scenes, targets, sentences, and how each is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation import unseen_shapes
from unihm.evaluation.opening_scenes import OPENING_SIZES, OPENS, opening_scene
from unihm.perception.planner.placing import DIRECTIONS
from unihm.sim.scene import (
    RANDOM_SIZES,
    Scene,
    SceneObject,
    Sizes,
    load_scene,
    place_freely,
    random_scene,
)
from unihm.sim.tasks import (
    TaskOutcome,
    Track,
    judge_close,
    judge_grab,
    judge_open,
    judge_place,
    judge_push,
)

# Words of this benchmark alone; the training data has its own.
SENTENCES = (
    "pick up the {name}",
    "Grab the {name}, please.",
    "I'd like to have the {name}",
    "take hold of the {name} and raise it",
    "could you lift the {name}?",
    "get me the {name}",
    "please fetch the {name}",
    "hold the {name} up",
)
PLACE_SENTENCES = (
    "put the {name} {where}",
    "Place the {name} {where}, please.",
    "could you set the {name} down {where}?",
    "move the {name} and put it {where}",
)
PUSH_SENTENCES = {
    "left": ("push the {name} to the left", "slide the {name} {cm} cm to the left"),
    "right": ("push the {name} to the right", "slide the {name} {cm} cm to the right"),
    "away": ("push the {name} away from you", "push the {name} {cm} cm forward"),
    "toward": ("pull the {name} towards you", "pull the {name} {cm} cm backward"),
}
# What is said, and how far it must be open in the end, as shares of the whole way.
OPEN_SENTENCES = (
    ("open the {name}", 0.5, 1.01),
    ("Could you open the {name}, please?", 0.5, 1.01),
    ("open the {name} all the way", 0.5, 1.01),
    ("open the {name} halfway", 0.2, 0.75),
    ("open the {name} a little", 0.05, 0.45),
)
CLOSE_SENTENCES = (
    ("close the {name}", -0.01, 0.1),
    ("please shut the {name}", -0.01, 0.1),
)
WHERE = {
    "in": "into the {anchor}",
    "on": "on the {anchor}",
    "left": "to the left of the {anchor}",
    "right": "to the right of the {anchor}",
    "front": "in front of the {anchor}",
    "behind": "behind the {anchor}",
    "beside": "next to the {anchor}",
}
# What things are put into and onto: fixed, as what stands under another thing should be.
ANCHORS = {
    "tray": {"x": 0.22, "y": 0.20, "z": 0.03},
    "bowl": {"radius": 0.08, "height": 0.045},
    "box": {"x": 0.12, "y": 0.12, "z": 0.04},
}
NOUNS = {
    "box": ("box", "block"),
    "cylinder": ("cylinder", "can"),
    "sphere": ("ball", "sphere"),
    "prism": ("prism", "hexagonal block"),
    "bottle": ("bottle", "flask"),
    "cup": ("cup", "beaker"),
    "mug": ("mug", "coffee mug"),
    "ellipsoid": ("egg", "ellipsoid"),
}


@dataclass(frozen=True)
class Assignment:
    """One thing to be done in one scene.

    Attributes:
        seed: of the scene and of chance in it.
        task: a name of :data:`TASKS`.
        scene: what stands there.
        instruction: the sentence.
        target: the object that is meant.
        seen: whether its family of shapes is one of those that are trained on.
        judge: says from the simulator's poses whether it was done.
    """

    seed: int
    task: str
    scene: Scene
    instruction: str
    target: str
    seen: bool
    judge: Callable[[Track], TaskOutcome]


def grab_assignment(seed: int, scene: Scene, target: str) -> Assignment:
    """Lift ``target``."""
    rng = np.random.default_rng([seed, 8])
    name = name_of(scene, target, rng)
    sentence = str(rng.choice(SENTENCES)).format(name=name)
    return _assignment(seed, "grab", scene, sentence, target, partial(judge_grab, target=target))


def place_assignment(seed: int, scene: Scene, target: str) -> Assignment:
    """Put ``target`` in, on or beside something; what things are put into is added to the scene."""
    rng = np.random.default_rng([seed, 9])
    relation = str(rng.choice(list(WHERE)))
    if relation in ("in", "on"):
        scene, anchor = _with_anchor(rng, scene, target, "box" if relation == "on" else None)
    else:
        anchor = str(rng.choice([item.name for item in scene.objects if item.name != target]))
    sentence = str(rng.choice(PLACE_SENTENCES)).format(
        name=name_of(scene, target, rng),
        where=WHERE[relation].format(anchor=name_of(scene, anchor, rng)),
    )
    judge = partial(judge_place, scene=scene, target=target, relation=relation, anchor=anchor)
    return _assignment(seed, "place", scene, sentence, target, judge)


def push_assignment(seed: int, scene: Scene, target: str) -> Assignment:
    """Push or pull ``target``, half the time by a distance that is said."""
    rng = np.random.default_rng([seed, 10])
    way = str(rng.choice(list(PUSH_SENTENCES)))
    plain, measured = PUSH_SENTENCES[way]
    cm = int(rng.integers(6, 13))
    sentence, distance = (plain, None) if rng.random() < 0.5 else (measured, 0.01 * cm)
    sentence = sentence.format(name=name_of(scene, target, rng), cm=cm)
    direction = np.array(DIRECTIONS[way])
    judge = partial(judge_push, scene=scene, target=target, direction=direction, distance=distance)
    return _assignment(seed, "push", scene, sentence, target, judge)


def open_assignment(seed: int, scene: Scene, target: str) -> Assignment:
    """Open ``target``, or close it where it stands open."""
    rng = np.random.default_rng([seed, 12])
    item = scene.object(target)
    sentences = CLOSE_SENTENCES if item.opened > 0 else OPEN_SENTENCES
    sentence, least, most = sentences[int(rng.integers(len(sentences)))]
    judge = partial(
        judge_close if item.opened > 0 else judge_open,
        scene=scene,
        target=target,
        least=least,
        most=most,
    )
    sentence = sentence.format(name=OPENS[item.mechanism.works_like][int(rng.integers(2))])
    seen = item.articulated in OPENING_SIZES and all(
        low <= item.size.get(key, low) <= high
        for key, (low, high) in OPENING_SIZES[item.articulated].items()
    )
    return Assignment(seed, "open", scene, sentence, target, seen, judge)


TASKS: dict[str, Callable[[int, Scene, str], Assignment]] = {
    "grab": grab_assignment,
    "place": place_assignment,
    "push": push_assignment,
    "open": open_assignment,
}
"""How each task is asked for."""


def assignments(
    task: str, episodes: int, seed: int, scene: str | None, unseen: bool = False
) -> Iterator[Assignment]:
    """One for each episode: random scenes, or one file's objects in turn.

    A file's scene is used as it stands for one round of its objects; after that the objects are
    shifted by up to 2 cm and turned at random.

    Args:
        task: a name of :data:`TASKS`.
        episodes: how many.
        seed: another one gives other scenes.
        scene: name or path of a file; None for random scenes.
        unseen: of random scenes every second one has shapes that no training has seen.

    Raises:
        UnihmError: INVALID_SCENE where the file has nothing to move.
    """
    fixed = load_scene(scene) if scene else None
    for number in range(episodes):
        episode_seed = 10_000 * (seed + 1) + number
        rng = np.random.default_rng([episode_seed, 7])
        if fixed is None:
            if task == "open":
                yield open_assignment(
                    episode_seed, *opening_scene(episode_seed, bool(unseen and number % 2))
                )
                continue
            sizes: Sizes = unseen_shapes.SIZES if unseen and number % 2 else RANDOM_SIZES
            made = random_scene(episode_seed, sizes=sizes)
            target = str(rng.choice([item.name for item in made.objects]))
        else:
            names = [
                item.name
                for item in fixed.objects
                if (item.opens if task == "open" else not item.stands_fast)
            ]
            if not names:
                raise UnihmError(ErrorCode.INVALID_SCENE, f"Nothing in {scene} can be moved.")
            made = _shuffled(fixed, rng) if number >= len(names) else fixed
            target = names[number % len(names)]
        yield TASKS[task](episode_seed, made, target)


def _assignment(
    seed: int,
    task: str,
    scene: Scene,
    sentence: str,
    target: str,
    judge: Callable[[Track], TaskOutcome],
) -> Assignment:
    seen = scene.object(target).shape in RANDOM_SIZES
    return Assignment(seed, task, scene, sentence, target, seen, judge)


def _with_anchor(
    rng: np.random.Generator, scene: Scene, target: str, shape: str | None
) -> tuple[Scene, str]:
    """The scene with something to put ``target`` into or onto in another's stead, and its name."""
    shape = shape or str(rng.choice(["tray", "bowl"]))
    others = [item for item in scene.objects if item.name != target][1:]
    item = SceneObject(
        name=f"white {shape}", shape=shape, size=ANCHORS[shape], color="white", fixed=True
    )
    objects = [scene.object(target), *others]
    place = place_freely(rng, item, objects)
    return replace(scene, objects=(*objects, replace(item, position=place))), item.name


def _shuffled(scene: Scene, rng: np.random.Generator) -> Scene:
    objects = []
    for item in scene.objects:
        if not item.stands_fast:
            place = np.array(item.position, float)
            place[:2] += rng.uniform(-0.02, 0.02, 2)
            roll, pitch, _ = item.rpy
            turned = (roll, pitch, float(rng.uniform(-np.pi, np.pi)))
            item = replace(item, position=tuple(place), rpy=turned)
        objects.append(item)
    return replace(scene, objects=tuple(objects))


def name_of(scene: Scene, target: str, rng: np.random.Generator) -> str:
    """What to call ``target``: its colour and a common word for its shape."""
    item = scene.object(target)
    if isinstance(item.color, str) and item.shape in NOUNS and target.startswith(item.color):
        return f"{item.color} {rng.choice(NOUNS[item.shape])}"
    return target
