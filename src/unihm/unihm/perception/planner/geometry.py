"""Where the selected object goes: free places, directions and heights, from what is seen."""

from __future__ import annotations

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.planner.config import PlannerConfig
from unihm.perception.planner.placing import (
    DIRECTIONS,
    GAP,
    aligning_turn,
    area_center,
    is_beside,
    nearest_free,
    side_axis,
)
from unihm.perception.planner.selection import Selection
from unihm.perception.scene import DetectedObject, TableScene
from unihm.perception.scene.frames import azimuth, canonical_object_frame, horizontal_rectangle
from unihm.perception.trajectory import make_trajectory
from unihm.types import FloatArray, ObjectTrajectory, TaskKind

_SHORTEST_PUSH = 0.05  # m that is worth it where no distance was asked for
_MISSING = 0.03  # m that an asked push may fall short


def carry_out(selection: Selection, scene: TableScene, config: PlannerConfig) -> ObjectTrajectory:
    """Trajectory of the selected object.

    Raises:
        UnihmError: UNREACHABLE where the arm does not get there, or no place is free.
    """
    step, target = selection.step, selection.target
    _check_reach(target.center, f"The {target.words}", config)
    T_world_object = canonical_object_frame(target.surface, azimuth(target.center))
    place = direction = None
    turn, lift, distance = 0.0, config.lift, config.push_distance
    if step.kind == TaskKind.PICK_AND_PLACE:
        place, turn = _place(selection, scene)
        _check_reach(place, "The place for it", config)
        lift = _travel_height(target, place, scene, config)
    elif step.kind == TaskKind.PUSH:
        direction, asked = _push(selection)
        distance = _push_distance(target, direction, scene, config, asked)
    return make_trajectory(
        step.kind,
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
    target, anchors = selection.target, selection.anchors
    destination = selection.step.destination
    assert destination is not None
    others = [o for o in scene.objects if o is not target]
    half = target.extents[:2].max() / 2
    if not anchors:
        area = destination.things[0].place if destination.name == "area" else "middle"
        return _free_place(area_center(area), half, others, scene.table.offset), 0.0
    if destination.name == "between":
        center = np.mean([anchor.center[:2] for anchor in anchors], axis=0)
        return _free_place(center, half, others, scene.table.offset), 0.0
    anchor = anchors[0]
    if destination.name in ("on", "in"):
        # A tray or bowl is placed into: what is seen in its middle is its floor.
        radius = max(0.25 * anchor.extents[1], 0.012)
        floor = scene.height_below(anchor.center, radius)
        return np.array([*anchor.center[:2], floor]), _turn_to_fit(target, anchor)
    named = side_axis(destination.name)
    gap = half + float(anchor.extents[:2].max()) / 2 + GAP
    outlines, options = _outlines(others), []
    for axis in [np.array(way) for way in DIRECTIONS.values()] if named is None else [named]:
        spot = anchor.center[:2] + gap * axis
        free = nearest_free(
            spot, half, outlines, lambda at: is_beside(at, anchor.center[:2], gap, named)
        )
        if free is not None:
            options.append((np.linalg.norm(free - spot) + 0.2 * np.hypot(*free), free))
    if not options:
        raise UnihmError(
            ErrorCode.UNREACHABLE,
            f"There is no free place within reach {_where(destination.name)} the {anchor.words}.",
        )
    best = min(options, key=lambda option: float(option[0]))[1]
    return np.array([*best, scene.table.offset]), 0.0


def _where(relation: str) -> str:
    """The relation of a destination, for people."""
    words = {"front": "in front of", "beside": "next to", "behind": "behind"}
    return words.get(relation, f"on the {relation} of")


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


def _push(selection: Selection) -> tuple[FloatArray, float | None]:
    """(2,) the way that a thing is pushed, and how many metres where that was said."""
    step, target = selection.step, selection.target
    way = step.direction
    if step.destination is None:
        assert way is not None
        axis = np.sum([DIRECTIONS[name] for name in way.name.split()], axis=0)
        return _unit(axis), way.distance
    distance = way.distance if way is not None else None
    name, start = step.destination.name, target.center[:2]
    if not selection.anchors:
        area = step.destination.things[0].place if name == "area" else "middle"
        offset = area_center(area) - start
        return offset, float(np.linalg.norm(offset))
    anchor = selection.anchors[0]
    if name == "between":
        offset = np.mean([a.center[:2] for a in selection.anchors], axis=0) - start
        return offset, float(np.linalg.norm(offset))
    axis = side_axis(name)
    if axis is not None:
        gap = (target.extents[:2].max() + anchor.extents[:2].max()) / 2 + GAP
        offset = anchor.center[:2] + gap * axis - start
        return offset, float(np.linalg.norm(offset))
    toward = anchor.center[:2] - start
    return (-toward if name == "away" else toward), distance


def _push_distance(
    target: DetectedObject,
    direction: FloatArray,
    scene: TableScene,
    config: PlannerConfig,
    asked: float | None = None,
) -> float:
    """Metres that the target may slide: short of other things, and within reach.

    Where a distance was asked for it is that or an error: less would be something else.
    """
    way, start = _unit(np.asarray(direction[:2])), target.center[:2]
    wanted = config.push_distance if asked is None else asked
    distance = wanted
    for thing in scene.objects:
        if thing is target:
            continue
        middle, extents = thing.outline
        offset = middle[:2] - start
        along, aside = float(offset @ way), float(way[0] * offset[1] - way[1] * offset[0])
        room = float(target.extents[:2].max() + extents[:2].max()) / 2
        if along > 0 and abs(aside) < 0.8 * room:
            distance = min(distance, along - room)
    least = _SHORTEST_PUSH if asked is None else max(0.01, asked - _MISSING)
    while distance >= least:
        radius = float(np.hypot(*(start + distance * way)))
        if config.reach[0] <= radius <= config.reach[1]:
            return distance
        distance -= 0.01
    how_far = "" if asked is None else f" by {100 * asked:.0f} cm"
    raise UnihmError(
        ErrorCode.UNREACHABLE,
        f"The {target.words} cannot slide that way{how_far}: something is in the way, or the "
        "arm's reach ends.",
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
