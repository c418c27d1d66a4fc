"""The planner: from an instruction and an image to the trajectory of the named object (eq. 7)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.perception import matching
from unihm.perception.completion import complete
from unihm.perception.describe import Seen
from unihm.perception.frames import azimuth, canonical_object_frame
from unihm.perception.geometric import TableScene, WorkspaceConfig, scene_reader
from unihm.perception.language import Command, parse
from unihm.perception.trajectory import make_trajectory
from unihm.types import FloatArray, ObjectTrajectory, RgbdObservation, Task, TaskKind

_DIRECTIONS = {
    "left": (0.0, 1.0),
    "right": (0.0, -1.0),
    "away": (1.0, 0.0),
    "toward": (-1.0, 0.0),
}
_SIDES = {"left": "left", "right": "right", "front": "toward", "behind": "away"}
_AREAS = {
    "left": (0.50, 0.25),
    "right": (0.50, -0.25),
    "middle": (0.50, 0.0),
    "near": (0.38, 0.0),
    "far": (0.62, 0.0),
}


@dataclass(frozen=True)
class PlannerConfig:
    """How the planner looks and moves.

    Attributes:
        backend: ``geometric`` (no weights).
        reach: nearest and farthest distance from the arm's base, metres, of an object's centre.
        lift: metres that an object is raised.
        clearance: metres between a carried object and whatever it passes over.
        push_distance: metres.
        workspace: where objects may be.
    """

    backend: str = "geometric"
    reach: tuple[float, float] = (0.25, 0.78)
    lift: float = 0.15
    clearance: float = 0.04
    push_distance: float = 0.10
    workspace: WorkspaceConfig = field(default_factory=WorkspaceConfig)

    def __post_init__(self) -> None:
        if self.backend != "geometric":
            raise ValueError(f"there is no planner backend '{self.backend}'")


class Planner:
    """Finds the object that an instruction names and plans where it goes."""

    def __init__(self, config: PlannerConfig | None = None) -> None:
        self.config = config or PlannerConfig()
        self._reader = scene_reader(self.config.workspace)

    def plan(self, task: Task, observation: RgbdObservation) -> ObjectTrajectory:
        """Trajectory of the object that ``task.instruction`` names.

        Raises:
            UnihmError: INVALID_INSTRUCTION, OBJECT_NOT_FOUND, OBJECT_AMBIGUOUS, UNREACHABLE,
                INVALID_DEPTH.
        """
        command = parse(task.instruction)
        scene = self._reader.read(observation)
        target = matching.find(command.target, scene.objects)
        self._check_reach(target.center, f"The {target.words}")
        points = complete(
            target.cluster.points, observation.T_world_camera[:3, 3], scene.table.offset
        ).points
        T_world_object = canonical_object_frame(points, azimuth(target.center))
        place = direction = None
        lift = self.config.lift
        if command.kind == TaskKind.PICK_AND_PLACE:
            place = self._place_position(command, target, scene)
            self._check_reach(place, "The place for it")
            lift = self._travel_height(target, place, scene)
        elif command.kind == TaskKind.PUSH:
            direction = self._push_direction(command, target, scene)
        elif command.kind == TaskKind.OPEN_CLOSE:
            # A front is pulled open towards the robot and pushed shut.
            direction = target.center[:2] * (1.0 if command.closing else -1.0)
        return make_trajectory(
            command.kind,
            T_world_object,
            pick_point=_pick_point(target),
            place_position=place,
            push_direction=direction,
            lift=lift,
            push_distance=self.config.push_distance,
            support_height=scene.table.offset,
            description=target.words,
        )

    def _check_reach(self, position: FloatArray, what: str) -> None:
        nearest, farthest = self.config.reach
        distance = float(np.hypot(*position[:2]))
        if not nearest <= distance <= farthest:
            raise UnihmError(
                ErrorCode.UNREACHABLE,
                f"{what} is {distance:.2f} m from the arm's base; it reaches from {nearest:.2f} "
                f"to {farthest:.2f} m.",
            )

    def _place_position(self, command: Command, target: Seen, scene: TableScene) -> FloatArray:
        """(3,) where the target's bottom shall stand."""
        others = [o for o in scene.objects if o is not target]
        half = target.extents[:2].max() / 2
        if command.relation == "area":
            center = np.array(_AREAS[command.area])
            return _nearest_free(center, half, others, scene.table.offset)
        assert command.reference is not None
        anchor = matching.find(command.reference, others)
        if command.relation in ("on", "in"):
            # A tray or bowl is placed into: what is seen in its middle is its floor.
            radius = max(0.25 * anchor.extents[1], 0.012)
            return np.array([*anchor.center[:2], scene.height_below(anchor.center, radius)])
        names = [_SIDES[command.relation]] if command.relation in _SIDES else list(_DIRECTIONS)
        options = []
        for name in names:
            axis = np.array(_DIRECTIONS[name])
            gap = half + anchor.extents[:2].max() / 2 + 0.03
            spot = anchor.center[:2] + gap * axis
            free = _nearest_free(spot, half, others, scene.table.offset)
            options.append((np.linalg.norm(free[:2] - spot) + 0.2 * np.hypot(*free[:2]), free))
        return min(options, key=lambda option: float(option[0]))[1]

    def _travel_height(self, target: Seen, place: FloatArray, scene: TableScene) -> float:
        """Lift that carries the target over everything between its two places."""
        start, end = target.center[:2], place[:2]
        along = end - start
        length = max(float(np.linalg.norm(along)), 1e-6)
        highest = 0.0
        for thing in scene.objects:
            if thing is target:
                continue
            t = np.clip((thing.center[:2] - start) @ along / length**2, 0.0, 1.0)
            passing = float(np.linalg.norm(start + t * along - thing.center[:2]))
            if passing < (target.extents[0] + thing.extents[0]) / 2 + 0.05:
                highest = max(highest, thing.center[2] + thing.extents[2] / 2)
        needed = highest - scene.table.offset + self.config.clearance
        raised = max(0.0, float(place[2]) - scene.table.offset)
        return max(self.config.lift, needed - raised)

    def _push_direction(self, command: Command, target: Seen, scene: TableScene) -> FloatArray:
        if command.reference is not None:
            others = [o for o in scene.objects if o is not target]
            anchor = matching.find(command.reference, others)
            return anchor.center[:2] - target.center[:2]
        return np.array(_DIRECTIONS[command.direction])


def _pick_point(target: Seen) -> FloatArray:
    """(3,) a seen point of the object near the middle of what is seen of it."""
    points = target.cluster.points
    middle = np.median(points, axis=0)
    return points[np.argmin(np.linalg.norm(points - middle, axis=1))]


def _nearest_free(
    center: FloatArray, half: float, others: list[Seen], table_height: float
) -> FloatArray:
    """(3,) on the table: the place nearest to ``center`` (2,) where nothing stands in the way."""
    steps = np.arange(-0.25, 0.2501, 0.025)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    grid = grid[np.argsort(np.linalg.norm(grid, axis=1), kind="stable")]
    for offset in grid:
        spot = center + offset
        if not 0.30 <= np.hypot(*spot) <= 0.72:
            continue
        if all(
            np.linalg.norm(spot - o.center[:2]) > half + o.extents[:2].max() / 2 + 0.01
            for o in others
        ):
            return np.array([*spot, table_height])
    raise UnihmError(ErrorCode.UNREACHABLE, "There is no free place on the table for it.")
