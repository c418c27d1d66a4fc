"""Pushing: the closed hand comes down behind the object and slides it along the table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from unihm.control.grasp_motion import (
    APPROACH_DISTANCE,
    OPENING_SHARE,
    blend,
    phase_fractions,
)
from unihm.learning.synthesis.grasps.distance_field import DistanceField
from unihm.learning.synthesis.grasps.hand_points import HandPoints
from unihm.robots import Hand
from unihm.transforms import invert, make_transform, minimum_snap
from unihm.types import FloatArray, HandMotion, ObjectTrajectory, Phase

TABLE_GAP = 0.008  # m between the hand and the table
BEHIND = 0.03  # m between hand and object before it is touched


@dataclass(frozen=True)
class Push:
    """How a hand pushes an object, in the object frame.

    Attributes:
        T_object_wrist: (4, 4) when the hand touches the object.
        behind: (3,) metres from there to where the hand comes down.
        joints: (J,) of the closed hand.
    """

    T_object_wrist: FloatArray
    behind: FloatArray
    joints: FloatArray


@lru_cache(maxsize=16)
def fist(points: HandPoints) -> FloatArray:
    """Joints (J,) with the fingers closed and the thumb out of the way of what is pushed.

    The thumb's joints are those, of a fixed random choice, with which it stands out of the palm
    least.
    """
    hand, rng = points.hand, np.random.default_rng(0)
    thumb = points.chains[0]
    T_palm_wrist = invert(hand.T_wrist_palm)
    on_thumb = points.digit == 0
    best, least = hand.closed_joints, np.inf
    for _ in range(200):
        q = hand.closed_joints.copy()
        q[thumb] = rng.uniform(hand.lower[thumb], hand.upper[thumb])
        balls = points.state(T_palm_wrist, q).positions[points.num_pads :]
        height = float((balls[on_thumb, 2] + points.radii[on_thumb]).max(initial=0.0))
        if height < least:
            best, least = q, height
    return best


def solve_push(
    points: HandPoints,
    field: DistanceField,
    direction: FloatArray,
    centre: FloatArray,
    table: float,
) -> Push:
    """Fist down behind the object, palm towards ``direction``, as low as the table lets it.

    Args:
        points: the hand.
        field: the object.
        direction: (3,) unit, horizontal, object frame.
        centre: (3,) of mass, object frame; the push goes through it.
        table: z of the table, object frame, metres.
    """
    hand = points.hand
    down = np.array([0.0, 0.0, -1.0])
    R_object_palm = np.stack([down, np.cross(direction, down), direction], axis=1)
    rotation = R_object_palm @ hand.T_wrist_palm[:3, :3].T
    T = make_transform(rotation, np.zeros(3))
    joints = fist(points)
    balls = points.state(T, joints).positions[points.num_pads :]
    across = np.cross(down, direction)
    front = balls[(balls @ direction) > np.median(balls @ direction)].mean(axis=0)
    start = across * (across @ (centre - front)) - 0.3 * direction
    start[2] = table + TABLE_GAP - float((balls[:, 2] - points.radii).min())
    T[:3, 3] = start
    travelled = 0.0
    for _ in range(50):  # no ball can come nearer by more than the hand moves
        gap = float((field(balls + T[:3, 3])[0] - points.radii).min())
        if gap < 2e-4 or travelled > 0.6:
            break
        travelled += gap
        T[:3, 3] = start + travelled * direction
    return Push(T, -BEHIND * direction, joints)


def push_motion(hand: Hand, push: Push, trajectory: ObjectTrajectory) -> HandMotion:
    """Down behind the object, forward until it touches, along with it, back and up again."""
    fraction = phase_fractions(trajectory.phase)
    frames = len(trajectory)
    behind, above, rest = np.zeros(frames), np.zeros(frames), np.zeros(frames)
    for u, (phase, f) in enumerate(zip(trajectory.phase, fraction)):
        if phase == Phase.APPROACH:
            behind[u], above[u] = 1.0, 1 - minimum_snap(f)
            rest[u] = 1 - minimum_snap(f / OPENING_SHARE)
        elif phase == Phase.GRASP:
            behind[u] = 1 - minimum_snap(f)
        elif phase == Phase.RETREAT:
            behind[u], above[u] = minimum_snap(2 * f), minimum_snap(2 * f - 1)
            rest[u] = minimum_snap((f - 1 + OPENING_SHARE) / OPENING_SHARE)
    T_object_wrist = np.repeat(push.T_object_wrist[None], frames, axis=0)
    T_object_wrist[:, :3, 3] += behind[:, None] * push.behind
    T_object_wrist[:, 2, 3] += above * APPROACH_DISTANCE
    return HandMotion(
        hand=hand.name,
        T_object_wrist=T_object_wrist,
        joints=blend(np.repeat(push.joints[None], frames, axis=0), hand.open_joints, rest),
        trajectory=trajectory,
    )
