"""Smooth object trajectories with the standard timings of every task."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from unihm.errors import ErrorCode, UnihmError
from unihm.transforms import make_transform, minimum_snap
from unihm.types import FloatArray, ObjectTrajectory, Phase, TaskKind

DT = 0.1  # s, between frames
APPROACH, GRASP = 12, 8  # frames: the object rests
LIFT, SETTLE = 14, 6  # GRAB, 40 frames in all
PLACE_LIFT, PLACE_CARRY, PLACE_LOWER = 12, 16, 10  # PICK_AND_PLACE, 76 frames in all
RELEASE, RETREAT = 8, 10
SLIDE, SLIDE_RETREAT = 16, 8  # PUSH, 44 frames in all
SWING = 36  # OPEN_CLOSE, 72 frames in all

PLACE_GAP = 0.005  # m between the object's bottom and the target's surface on release


def make_trajectory(
    kind: TaskKind,
    T_world_object: ArrayLike,
    pick_point: ArrayLike,
    place_position: ArrayLike | None = None,
    push_direction: ArrayLike | None = None,
    place_turn: float = 0.0,
    lift: float = 0.15,
    push_distance: float = 0.10,
    support_height: float = 0.0,
    description: str = "",
) -> ObjectTrajectory:
    """Trajectory of an object that is grasped, moved from waypoint to waypoint, and let go.

    It stays level. Every segment starts and ends at rest (7th-order time scaling).

    Args:
        kind: the task; it decides the phases and the number of frames (a multiple of 4).
        T_world_object: (4, 4) where the object is now, in the frame of
            :func:`unihm.perception.scene.frames.canonical_object_frame`.
        pick_point: (3,) metres, world, on the object's surface.
        place_position: (3,) metres, world, on the surface where the object's bottom shall stand
            (PICK_AND_PLACE).
        place_turn: radians about the vertical by which it is turned while it is carried.
        push_direction: (2,) or (3,), world; its horizontal part is used (PUSH, OPEN_CLOSE).
        lift: metres that the object is raised.
        push_distance: metres along ``push_direction``.
        support_height: metres, world z of the surface that the object stands on now.
        description: the words that the object was found by.

    Raises:
        UnihmError: INVALID_MOTION where the task lacks its ``place_position`` or direction.
    """
    start = np.array(T_world_object, float)
    origin = start[:3, 3]
    raised = origin + np.array([0.0, 0.0, lift])
    if kind == TaskKind.GRAB:
        moves = [(LIFT, raised), (SETTLE, raised)]
        after = []
    elif kind == TaskKind.PICK_AND_PLACE:
        if place_position is None:
            raise UnihmError(ErrorCode.INVALID_MOTION, "A place task needs a place position.")
        target = np.array(place_position, float)
        target[2] += origin[2] - support_height + PLACE_GAP
        # The object travels level, `lift` above the higher one of its two places.
        travel_height = max(origin[2], target[2]) + lift
        raised = np.array([*origin[:2], travel_height])
        above = np.array([*target[:2], travel_height])
        moves = [(PLACE_LIFT, raised), (PLACE_CARRY, above), (PLACE_LOWER, target)]
        after = [(Phase.RELEASE, RELEASE), (Phase.RETREAT, RETREAT)]
    else:
        direction = np.zeros(2) if push_direction is None else np.array(push_direction, float)[:2]
        length = np.linalg.norm(direction)
        if not length > 1e-6:
            raise UnihmError(ErrorCode.INVALID_MOTION, "A push needs a horizontal direction.")
        shift = np.array([*(push_distance / length * direction), 0.0])
        moves = [(SLIDE, origin + shift)]
        after = [(Phase.RETREAT, SLIDE_RETREAT)]

    path = _through(origin, moves)
    phase = [Phase.APPROACH] * APPROACH + [Phase.GRASP] * GRASP + [Phase.HOLD] * len(path)
    for name, frames in after:
        phase += [name] * frames
    at_rest = np.repeat(origin[None], APPROACH + GRASP, axis=0)
    placed = np.repeat(path[-1:], sum(frames for _, frames in after), axis=0)
    positions = np.concatenate([at_rest, path, placed])
    turn = np.zeros(len(positions))
    if kind == TaskKind.PICK_AND_PLACE:
        first = APPROACH + GRASP + PLACE_LIFT
        carried = minimum_snap(np.arange(1, PLACE_CARRY + 1) / PLACE_CARRY)
        turn[first : first + PLACE_CARRY] = place_turn * carried
        turn[first + PLACE_CARRY :] = place_turn
    rotation = Rotation.from_euler("z", turn[:, None]).as_matrix() @ start[:3, :3]
    return ObjectTrajectory(
        T_world_object=make_transform(rotation, positions),
        phase=np.array(phase, np.int64),
        dt=DT,
        kind=kind,
        pick_point=np.array(pick_point, float),
        description=description,
    )


def opening_trajectory(
    T_world_handle: FloatArray,
    motion: Callable[[float], FloatArray],
    amount: float,
    description: str = "",
) -> ObjectTrajectory:
    """Trajectory of a handle that moves with its drawer, door or lid, and is let go.

    Args:
        T_world_handle: (4, 4) where it is now.
        motion: (4, 4) of an amount in metres or radians along or about the joint, in world axes.
        amount: how far it moves in the end.
        description: the words that it was found by.
    """
    shares = minimum_snap(np.arange(1, SWING + 1) / SWING)
    moving = [motion(float(share * amount)) @ T_world_handle for share in shares]
    at_rest = [T_world_handle] * (APPROACH + GRASP)
    poses = [*at_rest, *moving, *[moving[-1]] * (RELEASE + SLIDE_RETREAT)]
    phase = (
        [Phase.APPROACH] * APPROACH
        + [Phase.GRASP] * GRASP
        + [Phase.HOLD] * SWING
        + [Phase.RELEASE] * RELEASE
        + [Phase.RETREAT] * SLIDE_RETREAT
    )
    return ObjectTrajectory(
        T_world_object=np.array(poses),
        phase=np.array(phase, np.int64),
        dt=DT,
        kind=TaskKind.OPEN_CLOSE,
        pick_point=np.array(T_world_handle[:3, 3]),
        description=description,
    )


def _through(start: FloatArray, moves: list[tuple[int, FloatArray]]) -> FloatArray:
    """Positions (T, 3) after ``start``: each move takes its frames and comes to rest at its end."""
    positions = []
    for frames, end in moves:
        s = minimum_snap(np.arange(1, frames + 1) / frames)[:, None]
        positions.append(start + s * (end - start))
        start = end
    return np.concatenate(positions)
