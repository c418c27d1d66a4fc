"""The planner: from an instruction and an image to the trajectory of the named object (eq. 7).

Which object is meant and where it goes comes from CLIPort's affordances or, with the backend
``geometric``, from fitted primitives; what a sentence says for certain (places, comparisons,
directions) is worked out in either case, and so are the errors.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unihm.config import load_section
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import parse
from unihm.perception.planner.config import PlannerConfig
from unihm.perception.planner.geometry import carry_out
from unihm.perception.planner.selection import (
    GeometricScorer,
    ReferenceScorer,
    Selection,
    select,
)
from unihm.perception.scene import TableScene, example, read_scene
from unihm.types import ObjectTrajectory, RgbdObservation

if TYPE_CHECKING:
    from unihm.perception.planner.cliport import CliportPredictor, PickAffordance


@dataclass(frozen=True)
class Plan:
    """What the planner makes of one instruction.

    Attributes:
        trajectory: where the object goes.
        selection: what the words mean.
        scene: what stands on the table; the segmentation need not read it again.
        affordance: where the target may be picked, as the network has it; None without one.
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
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        scene: TableScene,
        affordance: PickAffordance | None = None,
    ) -> None:
        super().__init__(code, message)
        self.scene = scene
        self.affordance = affordance


class Planner:
    """Finds the object that an instruction names and plans where it goes."""

    def __init__(self, config: PlannerConfig | None = None) -> None:
        self.config = config or PlannerConfig()
        self._predictor: CliportPredictor | None = None
        if self.config.backend == "cliport":
            from unihm.perception.planner.cliport import CliportPredictor

            self._predictor = CliportPredictor.load(self.config.weights)

    @classmethod
    def load(cls, preset: str = "tiny") -> Planner:
        """The planner of a preset.

        Raises:
            UnihmError: WEIGHTS_MISSING, INVALID_CONFIG.
        """
        return cls(load_section(preset, "planner", PlannerConfig))

    def warm_up(self) -> None:
        """Plan once for nothing: the first plan takes seconds, the next ones a tenth of one."""
        with suppress(UnihmError):  # a workspace in which the example is not on the table
            self.plan(example.example_observation(), example.INSTRUCTION)

    def plan(self, observation: RgbdObservation, instruction: str) -> Plan:
        """Trajectory of the object that ``instruction`` names.

        Raises:
            UnihmError: INVALID_INSTRUCTION, INVALID_DEPTH.
            PlanningError: OBJECT_NOT_FOUND, OBJECT_AMBIGUOUS, UNREACHABLE.
        """
        command = parse(instruction)
        scene = read_scene(observation, self.config.workspace)
        scorer = self._scorer(observation, scene)
        try:
            selection = select(command, scene.objects, scorer)
            trajectory = carry_out(selection, scene, self.config)
        except UnihmError as error:
            raise PlanningError(error.code, error.message, scene, scorer.affordance) from error
        return Plan(trajectory, selection, scene, scorer.affordance)

    def _scorer(self, observation: RgbdObservation, scene: TableScene) -> ReferenceScorer:
        """Who says how well an object fits a phrase."""
        if self._predictor is None:
            return GeometricScorer()
        from unihm.perception.planner.cliport import AffordanceScorer

        return AffordanceScorer(
            self._predictor.predict(observation, scene.points, scene.table.offset)
        )
