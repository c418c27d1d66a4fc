"""What the words of an instruction mean on one table: the target, and what it goes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from unihm.perception.language import Command, Phrase
from unihm.perception.scene import DetectedObject, TableScene
from unihm.perception.scene.matching import find, score_by_geometry
from unihm.types import FloatArray, RgbdObservation, TaskKind

if TYPE_CHECKING:
    from unihm.perception.planner.cliport import PickAffordance


@dataclass(frozen=True)
class Selection:
    """A command, its words resolved to things on the table.

    Attributes:
        command: what was asked for.
        target: the object to take.
        anchor: what it is put to or pushed towards; None where nothing was named.
        pick_point: (3,) metres, world, on the target's seen surface.
        opening: (2,) metres from there to where a network puts a front that is to be opened or
            closed; None for other tasks, and where it has not decided.
    """

    command: Command
    target: DetectedObject
    anchor: DetectedObject | None
    pick_point: FloatArray
    opening: FloatArray | None = None


class ReferenceScorer(Protocol):
    """Says which objects a phrase may refer to, and where one is taken."""

    @property
    def affordance(self) -> PickAffordance | None:
        """Where the target may be picked, as a network has it; None without one."""

    def __call__(self, phrase: Phrase, objects: list[DetectedObject]) -> FloatArray:
        """(N,) from 0 to 1: how well colours and kinds fit."""

    def pick_point(self, target: DetectedObject, phrase: Phrase) -> FloatArray:
        """(3,) metres, world: the seen point where the target of ``phrase`` is best taken."""

    def opening_direction(self, word: str, pick_point: FloatArray) -> FloatArray | None:
        """(2,) the way of a front that is to "open" or "close"; None where it is not known."""


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
        """(3,) the seen point that is nearest to the middle of all."""
        points = target.cluster.points
        middle = np.median(points, axis=0)
        return points[np.argmin(np.linalg.norm(points - middle, axis=1))]

    def opening_direction(self, word: str, pick_point: FloatArray) -> FloatArray | None:
        """None: a shape does not tell."""
        return None


def select(command: Command, objects: list[DetectedObject], scorer: ReferenceScorer) -> Selection:
    """Resolve the words of a command to the objects that they mean.

    Raises:
        UnihmError: OBJECT_NOT_FOUND, OBJECT_AMBIGUOUS.
    """
    target = find(command.target, objects, scorer)
    pick_point = scorer.pick_point(target, command.target)
    anchor = opening = None
    if command.reference is not None:
        anchor = find(command.reference, [o for o in objects if o is not target], scorer)
    if command.kind == TaskKind.OPEN_CLOSE:
        opening = scorer.opening_direction("close" if command.closing else "open", pick_point)
    return Selection(command, target, anchor, pick_point, opening)
