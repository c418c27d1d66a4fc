"""Where the selected object goes: free places, directions and heights, from what is seen."""

from __future__ import annotations

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.planner.config import PlannerConfig
from unihm.perception.planner.placing import (
    AREAS,
    DIRECTIONS,
    GAP,
    SIDES,
    aligning_turn,
    nearest_free,
)
from unihm.perception.planner.selection import Selection
from unihm.perception.scene import DetectedObject, TableScene
from unihm.perception.scene.frames import azimuth, canonical_object_frame, horizontal_rectangle
from unihm.perception.trajectory import make_trajectory
from unihm.types import FloatArray, ObjectTrajectory, TaskKind

_SHORTEST_PUSH = 0.03  # m


def carry_out(selection: Selection, scene: TableScene, config: PlannerConfig) -> ObjectTrajectory:
    """Trajectory of the selected object.

    Raises:
        UnihmError: UNREACHABLE where the arm does not get there, or no place is free.
    """
    command, target = selection.command, selection.target
    _check_reach(target.center, f"The {target.words}", config)
    T_world_object = canonical_object_frame(target.surface, azimuth(target.center))
    place = direction = None
    turn, lift, distance = 0.0, config.lift, config.push_distance
    if command.kind == TaskKind.PICK_AND_PLACE:
        place, turn = _place(selection, scene)
        _check_reach(place, "The place for it", config)
        lift = _travel_height(target, place, scene, config)
    elif command.kind == TaskKind.PUSH:
        direction = _push_direction(selection)
    elif command.kind == TaskKind.OPEN_CLOSE:
        direction = _opening_direction(selection)
    if direction is not None:
        distance = _push_distance(target, direction, scene, config)
    return make_trajectory(
        command.kind,
        T_world_object,
        pick_point=selection.pick_point,
        place_position=place,
        place_turn=turn,
        push_direction=direction,
        lift=lift,
        push_distance=distance,
        support_height=scene.table.offset,
        description=target.words,
    )


def _check_reach(position: FloatArray, what: str, config: PlannerConfig) -> None:
    nearest, farthest = config.reach
    distance = float(np.hypot(*position[:2]))
    if not nearest <= distance <= farthest:
        raise UnihmError(
            ErrorCode.UNREACHABLE,
            f"{what} is {distance:.2f} m from the arm's base; it reaches from {nearest:.2f} "
            f"to {farthest:.2f} m.",
        )


def _place(selection: Selection, scene: TableScene) -> tuple[FloatArray, float]:
    """(3,) where the target's bottom shall stand, and the radians that it is turned by."""
    command, target, anchor = selection.command, selection.target, selection.anchor
    others = [o for o in scene.objects if o is not target]
    half = target.extents[:2].max() / 2
    if command.relation == "area":
        center = np.array(AREAS[command.area])
        return _free_place(center, half, others, scene.table.offset), 0.0
    assert anchor is not None
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


def _travel_height(
    target: DetectedObject, place: FloatArray, scene: TableScene, config: PlannerConfig
) -> float:
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
    needed = highest - scene.table.offset + config.clearance
    raised = max(0.0, float(place[2]) - scene.table.offset)
    return max(config.lift, needed - raised)


def _push_direction(selection: Selection) -> FloatArray:
    """(2,) the way that a thing is pushed."""
    if selection.anchor is not None:
        return selection.anchor.center[:2] - selection.target.center[:2]
    return np.array(DIRECTIONS[selection.command.direction])


def _opening_direction(selection: Selection) -> FloatArray:
    """(2,) the way that a front is pulled or pushed: as the network has it, or radially."""
    radial = selection.target.center[:2] * (1.0 if selection.command.closing else -1.0)
    way = selection.opening
    # A front that opens away from the robot is out of its reach: then it was seen wrongly.
    if way is None or _unit(way) @ _unit(radial) < 0.5:
        return radial
    return way


def _push_distance(
    target: DetectedObject, direction: FloatArray, scene: TableScene, config: PlannerConfig
) -> float:
    """Metres that the target may slide: short of other things, and within reach."""
    way, start = _unit(np.asarray(direction[:2])), target.center[:2]
    distance = config.push_distance
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
        if config.reach[0] <= radius <= config.reach[1]:
            return distance
        distance -= 0.01
    raise UnihmError(
        ErrorCode.UNREACHABLE,
        f"The {target.words} cannot slide that way: something is in the way, or the arm's "
        "reach ends.",
    )


def _turn_to_fit(target: DetectedObject, anchor: DetectedObject) -> float:
    """Radians by which a long thing is turned to lie along its container."""
    yaw, _, sides = horizontal_rectangle(target.surface)
    holder_yaw, _, holder_sides = horizontal_rectangle(anchor.surface)
    return aligning_turn(yaw, sides, holder_yaw, holder_sides)


def _unit(vector: FloatArray) -> FloatArray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _outlines(things: list[DetectedObject]) -> list[tuple[FloatArray, float]]:
    """Middle and half the length of everything, quickly."""
    seen = [thing.outline for thing in things]
    return [(middle, float(extents[:2].max()) / 2) for middle, extents in seen]


def _free_place(
    center: FloatArray, half: float, others: list[DetectedObject], table_height: float
) -> FloatArray:
    """(3,) on the table: the place nearest to ``center`` (2,) where nothing stands in the way."""
    spot = nearest_free(center, half, _outlines(others))
    if spot is None:
        raise UnihmError(ErrorCode.UNREACHABLE, "There is no free place on the table for it.")
    return np.array([*spot, table_height])
