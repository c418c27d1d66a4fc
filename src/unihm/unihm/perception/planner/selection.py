"""What the words of an instruction mean on one table: the target, and what it goes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import Action, Phrase, Step, is_table
from unihm.perception.scene import DetectedObject, TableScene
from unihm.perception.scene.matching import find, find_several, score_by_geometry
from unihm.perception.scene.reader import cluster_at
from unihm.types import FloatArray, RgbdObservation

if TYPE_CHECKING:
    from unihm.perception.planner.cliport import PickAffordance


@dataclass(frozen=True)
class Selection:
    """A step, its words resolved to things on the table.

    Attributes:
        step: what was asked for.
        target: the object to take.
        anchors: what it is put to or pushed towards; two for "between", none where nothing was
            named or the table itself.
        pick_point: (3,) metres, world, on the target's seen surface.
        confidence: probability from 0 to 1 that the target is what the words mean; None of what is
            opened or closed, which its handle tells.
    """

    step: Step
    target: DetectedObject
    anchors: tuple[DetectedObject, ...]
    pick_point: FloatArray
    confidence: float | None


class ReferenceScorer(Protocol):
    """Says which objects a phrase may refer to, and where one is taken."""

    @property
    def affordance(self) -> PickAffordance | None:
        """Where the target may be picked, as a network has it; None without one."""

    def __call__(self, phrase: Phrase, objects: list[DetectedObject]) -> FloatArray:
        """(N,) from 0 to 1: how well colours and kinds fit."""

    def pick_point(self, target: DetectedObject, phrase: Phrase) -> FloatArray:
        """(3,) metres, world: the seen point where the target of ``phrase`` is best taken."""


class ScorerBackend(Protocol):
    """What ``planner: {backend: ...}`` names: a class whose ``load(weights)`` gives this."""

    def scorer(self, observation: RgbdObservation, scene: TableScene) -> ReferenceScorer:
        """The scorer of one image and one instruction; ``scene`` is what was read from it."""
        ...


class GeometricScorer:
    """Colours by name, kinds by the primitive that fits; objects are taken near their middle."""

    affordance = None

    def __call__(self, phrase: Phrase, objects: list[DetectedObject]) -> FloatArray:
        """(N,) from 0 to 1."""
        return score_by_geometry(phrase, objects)

    def pick_point(self, target: DetectedObject, phrase: Phrase) -> FloatArray:
        """(3,) as :func:`middle_of`."""
        return middle_of(target)


def middle_of(target: DetectedObject) -> FloatArray:
    """(3,) metres, world: the seen point that is nearest to the middle of all."""
    points = target.cluster.points
    middle = np.median(points, axis=0)
    return points[np.argmin(np.linalg.norm(points - middle, axis=1))]


def select(
    step: Step,
    objects: list[DetectedObject],
    scorer: ReferenceScorer,
    click: FloatArray | None = None,
) -> Selection:
    """Resolve the words of a step to the objects that they mean.

    Args:
        step: what was asked for.
        objects: what there is.
        scorer: says how well the words fit.
        click: (3,) metres, world, where a person has pointed at the target; None: nowhere.

    Raises:
        UnihmError: OBJECT_NOT_FOUND, OBJECT_AMBIGUOUS, LOW_CONFIDENCE; INVALID_INSTRUCTION where
            the words stand for what was spoken of before.
    """
    if step.action is Action.RELEASE:
        raise UnihmError(
            ErrorCode.INVALID_INSTRUCTION,
            "Putting down what is held needs no plan: the robot does it before its next task.",
        )
    if step.target.pronoun:
        raise UnihmError(
            ErrorCode.INVALID_INSTRUCTION,
            f"Nobody said what '{step.target.words or 'it'}' is; name the thing.",
        )
    clicked = None if click is None else _clicked(objects, click)
    match = find(step.thing, objects, scorer, clicked)
    target = match.thing
    if click is None:
        pick_point = scorer.pick_point(target, step.target)
    else:
        seen = target.cluster.points
        pick_point = seen[np.argmin(np.linalg.norm(seen - click, axis=1))]
    anchors: list[DetectedObject] = []
    if step.destination is not None and step.destination.name != "area":
        for thing in step.destination.things:
            others = [o for o in objects if o is not target and o not in anchors]
            if thing.count != 1:
                anchors += find_several(thing, others, scorer)
            elif not is_table(thing):
                anchors.append(find(thing, others, scorer).thing)
    return Selection(step, target, tuple(anchors), pick_point, match.confidence)


def _clicked(objects: list[DetectedObject], click: FloatArray) -> DetectedObject:
    found = cluster_at(objects, click)
    if found is None:
        x, y, z = click
        raise UnihmError(
            ErrorCode.OBJECT_NOT_FOUND,
            f"Nothing stands where was clicked, at ({x:.2f}, {y:.2f}, {z:.2f}) m.",
        )
    return found
