"""Does the planner take the right thing to the right place? Rendered tables with instructions.

Kinds and colours repeat on a table, so that neither alone tells which object is meant. The words
of :data:`OTHER_NOUNS` and :data:`OTHER_COLORS` stand in no training sentence; of the nouns' new
words none is in the list of kinds either, of the colours all are in the list of synonyms.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.perception.scenes import (
    EYE,
    PALETTE,
    PLAIN_SENTENCES,
    SENSOR,
    SHAPES,
    SIZE,
    TARGET,
    K,
    draw_item,
    draw_places,
    draw_tray,
    name_of,
    nearest_surface,
    surfaces_of,
)
from unihm.evaluation.statistics import mean, median
from unihm.learning.synthesis.tables.rendering import Frame, RaycastScene
from unihm.perception.planner import Planner
from unihm.perception.planner.placing import DIRECTIONS, SIDES
from unihm.transforms import look_at
from unihm.types import FloatArray, ObjectTrajectory

ON_OBJECT = 0.01  # m from the surface within which a pick point is on the object

OTHER_NOUNS = {
    "box": ("shoebox", "rectangular container"),
    "cylinder": ("beverage can", "spool"),
    "sphere": ("baseball", "tennis ball"),
    "bottle": ("carafe", "decanter"),
    "cup": ("drinking cup", "chalice"),
    "mug": ("tankard", "espresso mug"),
    "bowl": ("salad bowl", "cereal bowl"),
    "cone": ("traffic cone", "party cone"),
}
OTHER_COLORS = {
    "red": "ruby",
    "green": "jade",
    "blue": "cobalt",
    "yellow": "canary",
    "purple": "mauve",
    "cyan": "aquamarine",
    "pink": "fuchsia",
}
OTHER_SENTENCES = (
    "would you be so kind as to fetch me that {} over there",
    "I would really like to have the {} now",
    "go and get hold of the {}",
)
ABSENT = ("elephant", "umbrella", "piano")
RELATIONS = {"left": "to the left of", "right": "to the right of", "front": "in front of"}


@dataclass(frozen=True)
class NamedTable:
    """A rendered table.

    Attributes:
        frame: the image, and what there is; the last item is a tray.
        names: (colour, kind) of every object but the tray.
    """

    frame: Frame
    names: tuple[tuple[str, str], ...]


@dataclass
class PlanningFigures:
    """Counts over tables; shares and medians are read from them."""

    right: list[bool] = field(default_factory=list)
    wrong: list[bool] = field(default_factory=list)
    right_other_words: list[bool] = field(default_factory=list)
    pick_on_object: list[bool] = field(default_factory=list)
    refused: list[bool] = field(default_factory=list)
    place_error: list[float] = field(default_factory=list)
    relation_right: list[bool] = field(default_factory=list)
    planner_ms: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Name to figure: shares from 0 to 1, metres, milliseconds."""
        return {
            "right_object": mean(self.right),
            "silently_wrong_object": mean(self.wrong),
            "right_object_other_words": mean(self.right_other_words),
            "pick_on_object": mean(self.pick_on_object),
            "refused_what_is_absent_or_ambiguous": mean(self.refused),
            "place_error_median_m": median(self.place_error),
            "place_relation_right": mean(self.relation_right),
            "planner_ms_median": median(self.planner_ms),
        }


def make_table(seed: int, count: int = 4, meshes: list[Path] | None = None) -> NamedTable:
    """Objects that share colours and kinds (no two share both), and a grey tray."""
    rng = np.random.default_rng([seed, 83])
    kinds = rng.permutation([str(m) for m in meshes] if meshes else list(SHAPES))[: count - 1]
    colors = rng.permutation(list(PALETTE))[: count - 1]
    pairs = [*zip(colors, kinds)]
    # A further one has the colour of the first and the kind of the second.
    pairs.append((colors[0], kinds[1]))
    positions = draw_places(rng, count + 1)
    items = [
        draw_item(rng, str(kind), str(color), xy, from_file=bool(meshes))
        for (color, kind), xy in zip(pairs, positions)
    ]
    names = [(str(color), Path(kind).stem) for color, kind in pairs]
    items.append(draw_tray(rng, positions[-1]))
    eye = EYE + rng.normal(0, 0.04, 3)
    frame = RaycastScene(items, rng, textured=0.0).render(K, SIZE, look_at(eye, TARGET), SENSOR)
    return NamedTable(frame, tuple(names))


def measure_planning(
    planner: Planner, tables: int, seed: int, meshes: list[Path] | None = None
) -> PlanningFigures:
    """Ask for every object of ``tables`` tables, for things that are not there, and for places."""
    figures = PlanningFigures()
    for k in tqdm(range(tables), desc=f"tables ({planner.config.backend})"):
        table = make_table(seed * 100_003 + k, meshes=meshes)
        rng = np.random.default_rng([seed, k, 5])
        surfaces = surfaces_of(table.frame)
        for index, (color, kind) in enumerate(table.names):
            words = f"{color} {name_of(kind)}"
            sentence = str(rng.choice(PLAIN_SENTENCES)).format(words)
            _measure_grab(planner, table, index, surfaces, sentence, figures)
            if not meshes:
                words = f"{OTHER_COLORS[color]} {rng.choice(OTHER_NOUNS[kind])}"
                sentence = str(rng.choice(OTHER_SENTENCES)).format(words)
                plan = _plan(planner, table.frame, sentence)
                figures.right_other_words.append(
                    isinstance(plan, ObjectTrajectory)
                    and nearest_surface(surfaces, plan.pick_point)[0] == index
                )
        # Two things have this colour, and nothing else is said.
        vague = _plan(planner, table.frame, f"pick up the {table.names[0][0]} object")
        figures.refused.append(vague == ErrorCode.OBJECT_AMBIGUOUS)
        absent = _plan(planner, table.frame, f"pick up the {rng.choice(ABSENT)}")
        figures.refused.append(absent == ErrorCode.OBJECT_NOT_FOUND)
        _measure_places(planner, table, rng, figures)
    return figures


def _plan(planner: Planner, frame: Frame, sentence: str) -> ObjectTrajectory | ErrorCode:
    try:
        return planner.plan(frame.observation, sentence).trajectory
    except UnihmError as error:
        return error.code


def _measure_grab(
    planner: Planner,
    table: NamedTable,
    index: int,
    surfaces: list[FloatArray],
    sentence: str,
    figures: PlanningFigures,
) -> None:
    start = time.perf_counter()
    try:
        plan = planner.plan(table.frame.observation, sentence).trajectory
    except UnihmError:
        figures.right.append(False)
        figures.wrong.append(False)
        return
    figures.planner_ms.append(1e3 * (time.perf_counter() - start))
    nearest, distance = nearest_surface(surfaces, plan.pick_point)
    figures.right.append(nearest == index)
    figures.wrong.append(nearest != index)
    figures.pick_on_object.append(distance < ON_OBJECT)


def _measure_places(
    planner: Planner, table: NamedTable, rng: np.random.Generator, figures: PlanningFigures
) -> None:
    """Into the tray, and beside something."""
    boxes = [item.world_mesh.bounds for item in table.frame.items]
    names = [f"{color} {name_of(kind)}" for color, kind in table.names]
    chosen, other = rng.choice(len(names), 2, replace=False)
    plan = _plan(planner, table.frame, f"put the {names[chosen]} into the tray")
    if isinstance(plan, ObjectTrajectory):
        middle = boxes[-1].mean(axis=0)[:2]
        end = plan.T_world_object[-1, :2, 3]
        figures.place_error.append(float(np.linalg.norm(end - middle)))
    relation = str(rng.choice(list(RELATIONS)))
    sentence = f"put the {names[chosen]} {RELATIONS[relation]} the {names[other]}"
    plan = _plan(planner, table.frame, sentence)
    if not isinstance(plan, ObjectTrajectory):
        figures.relation_right.append(False)
        return
    way = plan.T_world_object[-1, :2, 3] - boxes[other].mean(axis=0)[:2]
    along = float(way @ DIRECTIONS[SIDES[relation]])
    figures.relation_right.append(along > 0.7 * float(np.linalg.norm(way)) and along < 0.30)
