"""The planner: from an instruction and an image to the trajectory of the named object (eq. 7).

Which object is meant and where it goes comes from CLIPort's affordances, from fitted primitives
(``geometric``) or from a back end of one's own. What a sentence says for certain (places,
comparisons, directions) is worked out in any case, and so are the errors.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unihm.config import load_section
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.backends import load
from unihm.perception.language import LanguageReader, understand
from unihm.perception.planner.candidates import part_clusters
from unihm.perception.planner.config import SCORERS, PlannerConfig
from unihm.perception.planner.geometry import carry_out
from unihm.perception.planner.opening_plans import carry_out_opening, choose_opening, plan_opening
from unihm.perception.planner.selection import (
    GeometricScorer,
    ReferenceScorer,
    ScorerBackend,
    Selection,
    select,
)
from unihm.perception.scene import TableScene, example, read_scene
from unihm.perception.scene.matching import UnclearPhrase, where
from unihm.perception.scene.openings import Opening, find_openings
from unihm.perception.segmentation.backends import PREDICTORS, MaskBackend
from unihm.types import FloatArray, ObjectTrajectory, RgbdObservation, TaskKind

if TYPE_CHECKING:
    from unihm.perception.planner.cliport import PickAffordance


@dataclass(frozen=True)
class Reading:
    """What an instruction means on a picture.

    Attributes:
        selection: what the words mean.
        scene: what stands on the table; the segmentation need not read it again.
        affordance: where the target may be picked, as the network has it; None without one.
        opening: the panel that shall be opened or closed; None for other tasks.
    """

    selection: Selection
    scene: TableScene
    affordance: PickAffordance | None = None
    opening: Opening | None = None


@dataclass(frozen=True)
class Plan:
    """What the planner makes of one instruction.

    Attributes:
        trajectory: where the object goes.
        selection, scene, affordance: as in :class:`Reading`.
    """

    trajectory: ObjectTrajectory
    selection: Selection
    scene: TableScene
    affordance: PickAffordance | None = None


class PlanningError(UnihmError):
    """No plan for what was understood; it carries what was seen, so that a person can see why.

    Attributes:
        scene: what stands on the table.
        affordance: where the target may be picked, as the network has it; None without one.
        candidates: of OBJECT_AMBIGUOUS and LOW_CONFIDENCE: what the words may mean.
    """

    def __init__(
        self,
        error: UnihmError,
        scene: TableScene,
        affordance: PickAffordance | None = None,
    ) -> None:
        super().__init__(error.code, error.message)
        self.scene = scene
        self.affordance = affordance
        self.candidates = error.candidates if isinstance(error, UnclearPhrase) else []


class Planner:
    """Finds the object that an instruction names and plans where it goes."""

    def __init__(
        self, config: PlannerConfig | None = None, reader: LanguageReader | None = None
    ) -> None:
        self.config = config or PlannerConfig()
        self.reader = reader or LanguageReader()
        self._backend: ScorerBackend | None = load(
            self.config.backend, SCORERS, self.config.weights
        )
        self._parter: MaskBackend | None = load(
            self.config.candidates, PREDICTORS, self.config.weights
        )

    @classmethod
    def load(cls, preset: str = "tiny") -> Planner:
        """The planner of a preset.

        Raises:
            UnihmError: WEIGHTS_MISSING, INVALID_CONFIG.
        """
        return cls(load_section(preset, "planner", PlannerConfig), LanguageReader.load(preset))

    def warm_up(self) -> None:
        """Plan once for nothing: the first plan takes seconds, the next ones a tenth of one."""
        with suppress(UnihmError):  # a workspace in which the example is not on the table
            self.plan(example.example_observation(), example.INSTRUCTION)

    def plan(
        self, observation: RgbdObservation, instruction: str, click: FloatArray | None = None
    ) -> Plan:
        """Trajectory of the object that ``instruction`` names.

        Args:
            observation: of the table.
            instruction: the sentence.
            click: (3,) metres, world: a person has pointed here at the object to be taken, which
                the words must fit; None: the words alone say it.

        Raises:
            UnihmError: INVALID_INSTRUCTION, INVALID_DEPTH.
            PlanningError: OBJECT_NOT_FOUND, OBJECT_AMBIGUOUS, LOW_CONFIDENCE, UNREACHABLE.
        """
        reading = self.read(observation, instruction, click)
        try:
            if reading.opening is not None:
                step = reading.selection.step
                moves = plan_opening(step, reading.opening)
                trajectory = carry_out_opening(moves, self.config, step.target.words)
            else:
                trajectory = carry_out(reading.selection, reading.scene, self.config)
        except UnihmError as error:
            raise PlanningError(error, reading.scene, reading.affordance) from error
        return Plan(trajectory, reading.selection, reading.scene, reading.affordance)

    def see(self, observation: RgbdObservation) -> TableScene:
        """What stands on the table.

        Raises:
            UnihmError: INVALID_DEPTH.
        """
        scene = read_scene(observation, self.config.workspace)
        if self._parter is not None:
            scene = part_clusters(scene, observation, self._parter)
        return scene

    def read(
        self, observation: RgbdObservation, instruction: str, click: FloatArray | None = None
    ) -> Reading:
        """What ``instruction`` means on the picture, as :meth:`plan`; where it goes is not asked.

        Raises:
            UnihmError: INVALID_INSTRUCTION, INVALID_DEPTH.
            PlanningError: OBJECT_NOT_FOUND, OBJECT_AMBIGUOUS; LOW_CONFIDENCE where it may be
                several things that touch.
        """
        if not self.reader.asks:
            understand(instruction).one_step()  # a refusal needs no scene
        scene = self.see(observation)
        seen = [thing.words for thing in scene.objects] if self.reader.asks else []
        step = self.reader.understand(instruction, objects=seen).one_step()
        if step.kind == TaskKind.OPEN_CLOSE:
            try:
                opening = choose_opening(step, find_openings(scene, observation), click)
            except UnihmError as error:
                raise PlanningError(error, scene) from error
            pick_point = opening.T_world_handle[:3, 3]
            return Reading(
                Selection(step, opening.thing, (), pick_point, None), scene, None, opening
            )
        scorer: ReferenceScorer = GeometricScorer()
        if self._backend is not None:
            scorer = self._backend.scorer(observation, scene)
        try:
            selection = select(step, scene.objects, scorer, click)
            if click is None:
                _check_one_thing(selection, scene)
        except UnihmError as error:
            raise PlanningError(error, scene, scorer.affordance) from error
        return Reading(selection, scene, scorer.affordance)


def _check_one_thing(selection: Selection, scene: TableScene) -> None:
    """Raise LOW_CONFIDENCE where what is meant seems to be several things that touch."""
    for thing in (selection.target, *selection.anchors):
        if any(thing is several for several in scene.unparted):
            raise UnihmError(
                ErrorCode.LOW_CONFIDENCE,
                f"What is meant may be part of {where(thing)}, which looks like several things "
                "that touch; point at it, or move them apart.",
            )
