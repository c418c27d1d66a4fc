"""What `unihm bench grab` asks for: scenes, targets and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from unihm.sim.scene import Scene, load_scene, random_scene

# Words of this benchmark alone; the training data has its own.
SENTENCES = (
    "pick up the {name}",
    "Grab the {name}, please.",
    "I'd like to have the {name}",
    "take hold of the {name} and raise it",
    "could you lift the {name}?",
    "get me the {name}",
    "please fetch the {name}",
    "hold the {name} up for a moment",
)
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


def grab_episodes(episodes: int, seed: int, scene: str | None) -> Iterator[tuple[int, Scene, str]]:
    """(seed, scene, name of the target) for each episode: random scenes, or one file's objects.

    A file's scene is used as it stands for one round of its objects; after that the objects are
    shifted by up to 2 cm and turned at random.
    """
    fixed = load_scene(scene) if scene else None
    for number in range(episodes):
        episode_seed = 10_000 * (seed + 1) + number
        rng = np.random.default_rng([episode_seed, 7])
        if fixed is None:
            made = random_scene(episode_seed)
            yield episode_seed, made, str(rng.choice([item.name for item in made.objects]))
            continue
        names = [item.name for item in fixed.objects if not item.fixed]
        made = _shuffled(fixed, rng) if number >= len(names) else fixed
        yield episode_seed, made, names[number % len(names)]


def _shuffled(scene: Scene, rng: np.random.Generator) -> Scene:
    objects = []
    for item in scene.objects:
        if not item.fixed:
            place = np.array(item.position, float)
            place[:2] += rng.uniform(-0.02, 0.02, 2)
            roll, pitch, _ = item.rpy
            turned = (roll, pitch, float(rng.uniform(-np.pi, np.pi)))
            item = replace(item, position=tuple(place), rpy=turned)
        objects.append(item)
    return replace(scene, objects=tuple(objects))


def say(scene: Scene, target: str, rng: np.random.Generator) -> str:
    """A sentence that asks for ``target`` by its colour and a common word for its shape."""
    item = scene.object(target)
    name = target
    if isinstance(item.color, str) and item.shape in NOUNS and target.startswith(item.color):
        name = f"{item.color} {rng.choice(NOUNS[item.shape])}"
    return str(rng.choice(SENTENCES)).format(name=name)
