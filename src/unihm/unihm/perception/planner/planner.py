"""The planner: from an instruction and an image to the trajectory of the named object (eq. 7).

Which object is meant and where it goes comes from CLIPort's affordances or, with the backend
``geometric``, from fitted primitives; what a sentence says for certain (places, comparisons,
directions) is worked out in either case, and so are the errors.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from unihm.config import Interval, NotNegative, Positive, settings
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language.parser import Command, parse
from unihm.perception.planner.placing import (
    AREAS,
    DIRECTIONS,
    GAP,
    SIDES,
    aligning_turn,
    nearest_free,
)
from unihm.perception.scene import example, matching
from unihm.perception.scene.describe import Seen
from unihm.perception.scene.frames import azimuth, canonical_object_frame, horizontal_rectangle
from unihm.perception.scene.reader import TableScene, WorkspaceConfig, scene_reader
from unihm.perception.trajectory import make_trajectory
from unihm.types import FloatArray, ObjectTrajectory, RgbdObservation, Task, TaskKind

if TYPE_CHECKING:
    from unihm.perception.planner.cliport import CliportPredictor
    from unihm.perception.planner.cliport.judge import AffordanceJudge

_SHORTEST_PUSH = 0.03  # m


@settings()
class PlannerConfig:
    """How the planner looks and moves.

    Attributes:
        backend: ``cliport``, or ``geometric`` (no weights).
        weights: preset whose CLIPort is used.
        reach: nearest and farthest distance from the arm's base, metres, of an object's centre.
        lift: metres that an object is raised.
        clearance: metres between a carried object and whatever it passes over.
        push_distance: metres.
        workspace: where objects may be.
    """

    backend: Literal["geometric", "cliport"] = "geometric"
    weights: str = "tiny"
    reach: Interval = (0.25, 0.78)
    lift: Positive = 0.15
    clearance: NotNegative = 0.04
    push_distance: Positive = 0.10
    workspace: WorkspaceConfig = field(default_factory=WorkspaceConfig)


class Planner:
    """Finds the object that an instruction names and plans where it goes.

    Attributes:
        judge: what the network made of the last image that was planned for (``cliport``).
    """

    def __init__(self, config: PlannerConfig | None = None) -> None:
        self.config = config or PlannerConfig()
        self._reader = scene_reader(self.config.workspace)
        self._predictor: CliportPredictor | None = None
        self.judge: AffordanceJudge | None = None
        if self.config.backend == "cliport":
            from unihm.perception.planner.cliport import CliportPredictor

            self._predictor = CliportPredictor.load(self.config.weights)

    def warm_up(self) -> None:
        """Plan once for nothing: the first plan takes seconds, the next ones a tenth of one."""
        with suppress(UnihmError):  # a workspace in which the example is not on the table
            self.plan(example.TASK, example.example_observation())
        self.judge = None

    def plan(self, task: Task, observation: RgbdObservation) -> ObjectTrajectory:
        """Trajectory of the object that ``task.instruction`` names.

        Raises:
            UnihmError: INVALID_INSTRUCTION, OBJECT_NOT_FOUND, OBJECT_AMBIGUOUS, UNREACHABLE,
                INVALID_DEPTH.
        """
        self.judge = None
        command = parse(task.instruction)
        scene = self._reader.read(observation)
        judge = self._look(observation, scene)
        target = matching.find(command.target, scene.objects, judge)
        self._check_reach(target.center, f"The {target.words}")
        T_world_object = canonical_object_frame(target.surface, azimuth(target.center))
        pick_point = self._pick_point(command, target)
        place = direction = None
        turn, lift, distance = 0.0, self.config.lift, self.config.push_distance
        if command.kind == TaskKind.PICK_AND_PLACE:
            place, turn = self._place(command, target, scene, judge)
            self._check_reach(place, "The place for it")
            lift = self._travel_height(target, place, scene)
        elif command.kind == TaskKind.PUSH:
            direction = self._push_direction(command, target, scene, judge)
        elif command.kind == TaskKind.OPEN_CLOSE:
            direction = self._opening_direction(command, target, pick_point)
        if direction is not None:
            distance = self._push_distance(target, direction, scene)
        return make_trajectory(
            command.kind,
            T_world_object,
            pick_point=pick_point,
            place_position=place,
            place_turn=turn,
            push_direction=direction,
            lift=lift,
            push_distance=distance,
            support_height=scene.table.offset,
            description=target.words,
        )

    def _look(self, observation: RgbdObservation, scene: TableScene) -> matching.Judge:
        """Who says how well an object fits a phrase."""
        if self._predictor is None:
            return matching.judge_by_geometry
        from unihm.perception.planner.cliport.judge import AffordanceJudge

        seen = self._predictor.look(observation, scene.points, scene.table.offset)
        self.judge = AffordanceJudge(seen)
        return self.judge

    def affordance(self, observation: RgbdObservation) -> NDArray[np.uint8] | None:
        """(H, W, 3): the image that was last planned for, with the pick affordance of its target.

        None with the backend ``geometric``, or where the sentence was not understood.
        """
        if self.judge is None or self.judge.asked is None:
            return None
        from unihm.perception.planner.cliport.overlay import affordance_image

        points = self._reader.read(observation).points
        seen = self.judge.affordances.heightmap
        return affordance_image(observation, points, seen, self.judge.asked.shares)

    def _pick_point(self, command: Command, target: Seen) -> FloatArray:
        """(3,) a seen point of the object: the best by the affordance, else near its middle."""
        if self.judge is not None:
            return self.judge.best_point(target, command.target)
        points = target.cluster.points
        middle = np.median(points, axis=0)
        return points[np.argmin(np.linalg.norm(points - middle, axis=1))]

    def _check_reach(self, position: FloatArray, what: str) -> None:
        nearest, farthest = self.config.reach
        distance = float(np.hypot(*position[:2]))
        if not nearest <= distance <= farthest:
            raise UnihmError(
                ErrorCode.UNREACHABLE,
                f"{what} is {distance:.2f} m from the arm's base; it reaches from {nearest:.2f} "
                f"to {farthest:.2f} m.",
            )

    def _place(
        self, command: Command, target: Seen, scene: TableScene, judge: matching.Judge
    ) -> tuple[FloatArray, float]:
        """(3,) where the target's bottom shall stand, and the radians that it is turned by."""
        others = [o for o in scene.objects if o is not target]
        half = target.extents[:2].max() / 2
        if command.relation == "area":
            center = np.array(AREAS[command.area])
            return _free_place(center, half, others, scene.table.offset), 0.0
        assert command.reference is not None
        anchor = matching.find(command.reference, others, judge)
        if command.relation in ("on", "in"):
            # A tray or bowl is placed into: what is seen in its middle is its floor.
            radius = max(0.25 * anchor.extents[1], 0.012)
            floor = scene.height_below(anchor.center, radius)
            return np.array([*anchor.center[:2], floor]), _turn_to_fit(target, anchor)
        names = [SIDES[command.relation]] if command.relation in SIDES else list(DIRECTIONS)
        options = []
        for name in names:
            axis = np.array(DIRECTIONS[name])
            gap = half + anchor.extents[:2].max() / 2 + GAP
            spot = anchor.center[:2] + gap * axis
            free = _free_place(spot, half, others, scene.table.offset)
            options.append((np.linalg.norm(free[:2] - spot) + 0.2 * np.hypot(*free[:2]), free))
        return min(options, key=lambda option: float(option[0]))[1], 0.0

    def _travel_height(self, target: Seen, place: FloatArray, scene: TableScene) -> float:
        """Lift that carries the target over everything between its two places."""
        start, end = target.center[:2], place[:2]
        along = end - start
        length = max(float(np.linalg.norm(along)), 1e-6)
        highest = 0.0
        for thing in scene.objects:
            if thing is target:
                continue
            middle, extents = thing.outline
            t = np.clip((middle[:2] - start) @ along / length**2, 0.0, 1.0)
            passing = float(np.linalg.norm(start + t * along - middle[:2]))
            if passing < (target.extents[0] + extents[0]) / 2 + 0.05:
                highest = max(highest, middle[2] + extents[2] / 2)
        needed = highest - scene.table.offset + self.config.clearance
        raised = max(0.0, float(place[2]) - scene.table.offset)
        return max(self.config.lift, needed - raised)

    def _push_direction(
        self, command: Command, target: Seen, scene: TableScene, judge: matching.Judge
    ) -> FloatArray:
        """(2,) the way that a thing is pushed."""
        if command.reference is not None:
            others = [o for o in scene.objects if o is not target]
            anchor = matching.find(command.reference, others, judge)
            return anchor.center[:2] - target.center[:2]
        return np.array(DIRECTIONS[command.direction])

    def _opening_direction(
        self, command: Command, target: Seen, pick_point: FloatArray
    ) -> FloatArray:
        """(2,) the way that a front is pulled or pushed: as the network has it, or radially."""
        radial = target.center[:2] * (1.0 if command.closing else -1.0)
        if self.judge is None:
            return radial
        way = self.judge.way("close" if command.closing else "open", pick_point)
        # A front that opens away from the robot is out of its reach: then it was seen wrongly.
        if way is None or _unit(way) @ _unit(radial) < 0.5:
            return radial
        return way

    def _push_distance(self, target: Seen, direction: FloatArray, scene: TableScene) -> float:
        """Metres that the target may slide: short of other things, and within reach."""
        way, start = _unit(np.asarray(direction[:2])), target.center[:2]
        distance = self.config.push_distance
        for thing in scene.objects:
            if thing is target:
                continue
            middle, extents = thing.outline
            offset = middle[:2] - start
            along, aside = float(offset @ way), float(way[0] * offset[1] - way[1] * offset[0])
            room = float(target.extents[:2].max() + extents[:2].max()) / 2
            if along > 0 and abs(aside) < 0.8 * room:
                distance = min(distance, along - room)
        while distance > _SHORTEST_PUSH:
            radius = float(np.hypot(*(start + distance * way)))
            if self.config.reach[0] <= radius <= self.config.reach[1]:
                return distance
            distance -= 0.01
        raise UnihmError(
            ErrorCode.UNREACHABLE,
            f"The {target.words} cannot slide that way: something is in the way, or the arm's "
            "reach ends.",
        )


def _turn_to_fit(target: Seen, anchor: Seen) -> float:
    """Radians by which a long thing is turned to lie along its container."""
    yaw, _, sides = horizontal_rectangle(target.surface)
    holder_yaw, _, holder_sides = horizontal_rectangle(anchor.surface)
    return aligning_turn(yaw, sides, holder_yaw, holder_sides)


def _unit(vector: FloatArray) -> FloatArray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _outlines(things: list[Seen]) -> list[tuple[FloatArray, float]]:
    """Middle and half the length of everything, quickly."""
    seen = [thing.outline for thing in things]
    return [(middle, float(extents[:2].max()) / 2) for middle, extents in seen]


def _free_place(
    center: FloatArray, half: float, others: list[Seen], table_height: float
) -> FloatArray:
    """(3,) on the table: the place nearest to ``center`` (2,) where nothing stands in the way."""
    spot = nearest_free(center, half, _outlines(others))
    if spot is None:
        raise UnihmError(ErrorCode.UNREACHABLE, "There is no free place on the table for it.")
    return np.array([*spot, table_height])
