"""Tables to train CLIPort on: rendered, with what may be asked for and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from unihm.errors import UnihmError
from unihm.learning.synthesis.tables.household import HOUSEHOLD, make_household
from unihm.learning.synthesis.tables.piles import random_shape
from unihm.learning.synthesis.tables.rendering import Item, RaycastScene, Sensor
from unihm.perception.camera import CaptureConfig, world_points
from unihm.perception.colors import NAMES, name_pixels
from unihm.perception.language import sentence_encoder as text
from unihm.perception.planner.cliport.config import CliportConfig
from unihm.perception.planner.cliport.heightmap import make_heightmap, to_pixel
from unihm.perception.planner.cliport.vocabulary import (
    ABSENT,
    CLAUSES,
    GENERIC,
    KINDS,
    PUSH_WORDS,
    kinds_named,
)
from unihm.perception.planner.placing import (
    AREAS,
    DIRECTIONS,
    GAP,
    SIDES,
    aligning_turn,
    is_free,
    nearest_free,
)
from unihm.perception.scene.frames import horizontal_rectangle
from unihm.sim.scene import COLORS
from unihm.transforms import apply, look_at, make_transform
from unihm.types import FloatArray

IMAGE_SIZE = (120, 160)  # a pixel still covers less than one of the map
# Neighbouring pixels of so coarse an image differ more in depth.
COARSE = CaptureConfig(flying_tolerance=0.05)
MIN_CELLS = 4  # of the map, that an object must show
PUSH_LENGTH = 0.10  # m
_HOLLOW = ("tray", "bowl")
_POOL = 40  # shapes of every kind; each is stretched anew


@dataclass(frozen=True)
class PickQuestion:
    """A description, and the objects that it fits (numbers of the label map; empty: none)."""

    phrase: str
    fits: tuple[int, ...]


@dataclass(frozen=True)
class PlaceQuestion:
    """Where an object shall go.

    Attributes:
        clause: in words (:data:`unihm.perception.planner.cliport.vocabulary.CLAUSES`).
        target: number of the object in the label map.
        center: (2,) row and column of its middle on the map.
        goals: (G, 2) row and column of the places for its middle, all equally good.
        turn: radians that it is turned by, counter-clockwise.
    """

    clause: str
    target: int
    center: FloatArray
    goals: FloatArray
    turn: float


@dataclass(frozen=True)
class PlannerSample:
    """One table from above.

    Attributes:
        rgb: (H, W, 3) uint8.
        height: (H, W) float16, metres.
        seen: (H, W) bool.
        labels: (H, W) int8: 0 is no object.
        kinds: what the objects 1, 2, ... are; empty where nobody knows.
        picks, places: what may be asked; the embeddings (384,) of their words are in ``words``.
        words: embedding by phrase.
    """

    rgb: NDArray[np.uint8]
    height: NDArray[np.float16]
    seen: NDArray[np.bool_]
    labels: NDArray[np.int8]
    kinds: tuple[str, ...]
    picks: tuple[PickQuestion, ...]
    places: tuple[PlaceQuestion, ...]
    words: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Thing:
    """An object of a scene: its words, its footprint, and for a front the way that it opens."""

    kind: str
    color: str
    center: FloatArray  # (2,) metres
    yaw: float  # of the long side
    sides: FloatArray  # (2,) long and short side, metres
    rgb: FloatArray  # (3,) sRGB
    opening: FloatArray | None = None  # (2,) unit

    @property
    def half(self) -> float:
        """Half of the long side, metres."""
        return float(self.sides[0]) / 2


def draw_color(rng: np.random.Generator) -> tuple[str, FloatArray]:
    """The name of a colour, and an sRGB (3,) that people call so."""
    if rng.random() < 0.6:
        name = str(rng.choice(list(COLORS)))
        rgb = np.array(COLORS[name]) * rng.uniform(0.8, 1.15) + rng.normal(0, 0.03, 3)
        return name, np.clip(rgb, 0, 1)
    rgb = rng.random(3)
    return NAMES[int(name_pixels((255 * rgb[None]).astype(np.uint8))[0])], rgb


def make_sample(seed: int, config: CliportConfig) -> PlannerSample | None:
    """A random table; None where the camera sees too little of it."""
    rng = np.random.default_rng([seed, 53])
    items, things = _furnish(rng)
    scene = RaycastScene(items, rng, textured=float(rng.choice([0.0, 0.0, 0.3])))
    focal = rng.uniform(125, 165)
    K = np.array([[focal, 0, IMAGE_SIZE[1] / 2], [0, focal, IMAGE_SIZE[0] / 2], [0, 0, 1.0]])
    frame = scene.render(K, IMAGE_SIZE, _camera(rng), Sensor.draw(rng))
    try:
        points = world_points(frame.observation, COARSE)
    except UnihmError:
        return None
    top = make_heightmap(frame.observation, points, 0.0, config)
    labels = np.where(top.source >= 0, frame.labels.ravel()[np.maximum(top.source, 0)], 0)
    counts = np.bincount(labels.ravel(), minlength=len(things) + 1)
    visible = [k for k in range(len(things)) if counts[k + 1] >= MIN_CELLS]
    if not visible:
        return None
    picks = _pick_questions(rng, things, visible)
    places = _place_questions(rng, things, visible, config)
    phrases = sorted({q.phrase for q in picks} | {q.clause for q in places})
    return PlannerSample(
        rgb=(255 * top.rgb).astype(np.uint8),
        height=top.height.astype(np.float16),
        seen=top.source >= 0,
        labels=labels.astype(np.int8),
        kinds=tuple(thing.kind for thing in things),
        picks=tuple(picks),
        places=tuple(places),
        words=dict(zip(phrases, text.encode(phrases))),
    )


def _camera(rng: np.random.Generator) -> FloatArray:
    """(4, 4) somewhere round the table, mostly opposite the robot, looking at its middle."""
    azimuth = np.deg2rad(rng.normal(0, 50) if rng.random() < 0.7 else rng.uniform(-180, 180))
    elevation = np.deg2rad(rng.uniform(28, 75))
    distance = rng.uniform(0.75, 1.2)
    away = [
        np.cos(elevation) * np.cos(azimuth),
        np.cos(elevation) * np.sin(azimuth),
        np.sin(elevation),
    ]
    target = np.array([0.48, 0.0, 0.02]) + rng.normal(0, [0.05, 0.06, 0.02])
    return look_at(target + distance * np.array(away), target, rng.normal(0, np.deg2rad(2)))


def _furnish(rng: np.random.Generator) -> tuple[list[Item], list[Thing]]:
    """Objects on the table. They share a few colours, so that the kind matters too."""
    palette: list[tuple[str, FloatArray]] = []
    while len(palette) < rng.integers(2, 6):
        word, rgb = draw_color(rng)
        if all(np.linalg.norm(rgb - other) > 0.35 and word != name for name, other in palette):
            palette.append((word, rgb))
    items: list[Item] = []
    things: list[Thing] = []
    kinds = [str(k) for k in rng.choice(list(KINDS)[:-2], rng.integers(2, 7))]
    if rng.random() < 0.55:
        kinds = ["tray", *kinds]
    if rng.random() < 0.2:
        kinds = ["drawer", *kinds]
    for kind in kinds:
        word, rgb = palette[rng.integers(len(palette))]
        for _ in range(15):
            item, opening = _stand(rng, kind, rgb)
            footprint = apply(
                item.T_world_item, item.mesh.vertices[:: len(item.mesh.vertices) // 200 + 1]
            )[:, :2]
            yaw, center, sides = horizontal_rectangle(
                np.column_stack([footprint, np.zeros(len(footprint))])
            )
            thing = Thing(
                kind, word, np.asarray(center)[:2], float(yaw), np.asarray(sides), rgb, opening
            )
            gap = rng.uniform(0.0, 0.05)
            if all(
                np.linalg.norm(thing.center - o.center) > thing.half + o.half + gap - 0.02
                for o in things
            ):
                items.append(item)
                things.append(thing)
                break
    return items, things


@cache
def _pool(kind: str, number: int) -> trimesh.Trimesh:
    """A shape that a hand can hold (trays are larger): made once, used often."""
    rng = np.random.default_rng([list(KINDS).index(kind), number, 59])
    while True:
        mesh = make_household(kind, rng) if kind in HOUSEHOLD else random_shape(rng, kind)[1]
        if kind == "tray" or (np.sort(mesh.extents)[1] < 0.12 and mesh.extents.max() < 0.24):
            return mesh


def _drawer(rng: np.random.Generator) -> trimesh.Trimesh:
    """A small cabinet with a handle on the side that faces -x."""
    depth, width, height = rng.uniform([0.10, 0.14, 0.08], [0.20, 0.28, 0.20])
    body = trimesh.creation.box([depth, width, height])
    grip = trimesh.creation.box([0.02, rng.uniform(0.04, 0.10), 0.015])
    grip.apply_translation([-depth / 2 - 0.015, 0, rng.uniform(0.0, 0.35) * height])
    return trimesh.Trimesh(
        np.concatenate([body.vertices, grip.vertices]),
        np.concatenate([body.faces, grip.faces + len(body.vertices)]),
    )


def _stand(rng: np.random.Generator, kind: str, rgb: FloatArray) -> tuple[Item, FloatArray | None]:
    """An object somewhere on the table, mostly upright; a cabinet with its front to the robot."""
    yaw = rng.uniform(-np.pi, np.pi)
    xy = rng.uniform([0.30, -0.36], [0.70, 0.36])
    if kind == "drawer":
        mesh = _drawer(rng)
        xy, yaw = rng.uniform([0.55, -0.32], [0.72, 0.32]), rng.uniform(-0.7, 0.7)
    else:
        mesh = _pool(kind, int(rng.integers(_POOL)))
        stretch = np.append(rng.uniform(0.85, 1.15, 3), 1.0)
        mesh = mesh.copy().apply_transform(np.diag(stretch))
    turn = Rotation.from_euler("z", yaw).as_matrix()
    upright = kind in ("tray", "bowl", "cup", "mug", "drawer") or rng.random() < 0.8
    if not upright:
        turn = turn @ Rotation.from_euler("x", float(rng.choice([-0.5, 0.5])) * np.pi).as_matrix()
    z = -float((mesh.vertices @ turn.T)[:, 2].min())
    opening = -turn[:2, 0] if kind == "drawer" else None
    return Item(kind, mesh, make_transform(turn, [*xy, z]), rgb), opening


def _pick_questions(
    rng: np.random.Generator, things: list[Thing], visible: list[int]
) -> list[PickQuestion]:
    """Every visible object in a few ways, and some things that are not there."""
    questions = []
    for index in visible:
        thing = things[index]
        for _ in range(1 + (rng.random() < 0.4)):
            noun = str(rng.choice(KINDS[thing.kind]))
            color = thing.color
            kind = rng.random()
            if kind < 0.65:
                questions.append(_pick_question(things, color, noun))
            elif kind < 0.8:
                questions.append(_pick_question(things, "", noun))
            else:
                questions.append(_pick_question(things, color, str(rng.choice(GENERIC))))
    for _ in range(3):
        word, rgb = draw_color(rng)
        nearby = min(np.linalg.norm(rgb - t.rgb) for t in things)
        kind = rng.random()
        if kind < 0.4:
            color = str(rng.choice(["", things[0].color]))
            questions.append(PickQuestion(f"{color} {rng.choice(ABSENT)}".strip(), ()))
        elif kind < 0.7 and nearby > 0.45 and all(word != t.color for t in things):
            noun = str(rng.choice(KINDS[str(rng.choice(list(KINDS)))]))
            questions.append(PickQuestion(f"{word} {noun}", ()))
        else:
            noun = str(rng.choice(KINDS[str(rng.choice(list(KINDS)))]))
            color = things[rng.integers(len(things))].color
            questions.append(_pick_question(things, color, noun))
    return questions


def _pick_question(things: list[Thing], color: str, noun: str) -> PickQuestion:
    kinds = kinds_named(noun)
    fits = tuple(
        k + 1
        for k, thing in enumerate(things)
        if color in ("", thing.color) and (not kinds or thing.kind in kinds)
    )
    return PickQuestion(f"{color} {noun}".strip(), fits)


def _place_questions(
    rng: np.random.Generator, things: list[Thing], visible: list[int], config: CliportConfig
) -> list[PlaceQuestion]:
    """Places, pushes, openings for random objects."""
    questions: list[PlaceQuestion] = []
    movable = [k for k in visible if things[k].kind not in ("tray", "drawer")]
    for _ in range(4):
        if movable:
            question = _transport(rng, things, int(rng.choice(movable)), visible, config)
            if question is not None:
                questions.append(question)
    for index in visible:
        thing = things[index]
        if thing.opening is not None:
            for word, sign in (("open", 1.0), ("close", -1.0)):
                goal = thing.center + sign * PUSH_LENGTH * thing.opening
                questions.append(_question(CLAUSES[word], index, thing, [goal], 0.0, config))
    return questions


def _transport(
    rng: np.random.Generator,
    things: list[Thing],
    index: int,
    visible: list[int],
    config: CliportConfig,
) -> PlaceQuestion | None:
    """One wish about where an object shall go; None where it cannot."""
    thing = things[index]
    others = [things[k] for k in range(len(things)) if k != index]
    outlines = [(o.center, o.half) for o in others]
    anchors = [things[k] for k in visible if k != index]
    kind = rng.random()
    if kind < 0.2:
        word = str(rng.choice(list(DIRECTIONS)))
        goal = thing.center + PUSH_LENGTH * np.array(DIRECTIONS[word])
        return _question(
            CLAUSES["push"].format(PUSH_WORDS[word]), index, thing, [goal], 0.0, config
        )
    if kind < 0.35:
        word = str(rng.choice(list(AREAS)))
        spot = nearest_free(np.array(AREAS[word]), thing.half, outlines)
        if spot is None or np.linalg.norm(spot - AREAS[word]) > 0.15:
            return None
        return _question(CLAUSES["area"].format(word), index, thing, [spot], 0.0, config)
    if not anchors:
        return None
    anchor = anchors[rng.integers(len(anchors))]
    words = _unique_words(rng, anchor, others)
    if words is None:
        return None
    if kind < 0.42:
        way = anchor.center - thing.center
        goal = thing.center + PUSH_LENGTH * way / np.linalg.norm(way)
        return _question(CLAUSES["push towards"].format(words), index, thing, [goal], 0.0, config)
    holders = [a for a in anchors if a.kind in _HOLLOW]
    if holders and kind < 0.75:
        anchor = holders[rng.integers(len(holders))]
        words = _unique_words(rng, anchor, others)
        if words is None:
            return None
        relation = "in" if rng.random() < 0.7 else "on"
        turn = aligning_turn(thing.yaw, thing.sides, anchor.yaw, anchor.sides)
        return _question(
            CLAUSES[relation].format(words), index, thing, [anchor.center], turn, config
        )
    relation = str(rng.choice([*SIDES, "beside"]))
    names = [SIDES[relation]] if relation in SIDES else list(DIRECTIONS)
    goals = []
    for name in names:
        gap = thing.half + anchor.half + GAP
        spot = anchor.center + gap * np.array(DIRECTIONS[name])
        if is_free(spot, thing.half, outlines):
            goals.append(spot)
    if not goals:
        return None
    return _question(CLAUSES[relation].format(words), index, thing, goals, 0.0, config)


def _question(
    clause: str,
    index: int,
    thing: Thing,
    goals: list[FloatArray],
    turn: float,
    config: CliportConfig,
) -> PlaceQuestion:
    return PlaceQuestion(
        clause, index + 1, to_pixel(config, thing.center), to_pixel(config, np.stack(goals)), turn
    )


def _unique_words(rng: np.random.Generator, thing: Thing, others: list[Thing]) -> str | None:
    """A description that fits this object only; None where there is none."""
    for _ in range(4):
        noun, color = str(rng.choice(KINDS[thing.kind])), thing.color
        if rng.random() < 0.3:
            color = ""
        if len(_pick_question(others, color, noun).fits) == 1:
            return f"{color} {noun}".strip()
    return None


def save_sample(path: Path, sample: PlannerSample) -> None:
    """Write one table (npz, no pickles)."""
    phrases = list(sample.words)
    number = {phrase: k for k, phrase in enumerate(phrases)}
    width = max((len(q.goals) for q in sample.places), default=1)
    goals = np.full((len(sample.places), width, 2), np.nan, np.float32)
    for row, question in zip(goals, sample.places):
        row[: len(question.goals)] = question.goals
    arrays: dict[str, Any] = {
        "rgb": sample.rgb,
        "height": sample.height,
        "seen": np.packbits(sample.seen),
        "labels": sample.labels,
        "kinds": np.array(sample.kinds, dtype=str),
        "phrases": np.array(phrases),
        "words": np.stack([sample.words[p] for p in phrases]).astype(np.float16),
        "pick_phrase": np.array([number[q.phrase] for q in sample.picks], np.int16),
        "pick_fits": np.array(
            [[k in q.fits for k in range(1, sample.labels.max() + 1)] for q in sample.picks], bool
        ),
        "place_clause": np.array([number[q.clause] for q in sample.places], np.int16),
        "place_target": np.array([q.target for q in sample.places], np.int8),
        "place_center": np.array([q.center for q in sample.places], np.float32).reshape(-1, 2),
        "place_goals": goals,
        "place_turn": np.array([q.turn for q in sample.places], np.float32),
    }
    np.savez(path, **arrays)


def load_sample(path: Path) -> PlannerSample:
    """Read what :func:`save_sample` wrote."""
    with np.load(path, allow_pickle=False) as data:
        phrases = [str(p) for p in data["phrases"]]
        labels = data["labels"]
        seen = np.unpackbits(data["seen"], count=labels.size).reshape(labels.shape).astype(bool)
        picks = tuple(
            PickQuestion(phrases[k], tuple(int(n) + 1 for n in np.flatnonzero(fits)))
            for k, fits in zip(data["pick_phrase"], data["pick_fits"])
        )
        places = tuple(
            PlaceQuestion(
                phrases[k], int(target), center, goals[np.isfinite(goals[:, 0])], float(turn)
            )
            for k, target, center, goals, turn in zip(
                data["place_clause"],
                data["place_target"],
                data["place_center"].astype(float),
                data["place_goals"].astype(float),
                data["place_turn"],
            )
        )
        words = dict(zip(phrases, data["words"].astype(np.float32)))
        kinds = tuple(str(kind) for kind in data["kinds"])
        return PlannerSample(data["rgb"], data["height"], seen, labels, kinds, picks, places, words)
