"""From a grasp to a whole motion: come open, close, hold, let go, leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unihm.robots import Hand
from unihm.transforms import minimum_snap
from unihm.types import FloatArray, HandMotion, IntArray, ObjectTrajectory, Phase

APPROACH_DISTANCE = 0.12  # m
OPENING_SHARE = 1 / 3  # share of the approach (and of the retreat) in which the fingers spread


@dataclass(frozen=True)
class Attempt:
    """A grasp as it is carried out; the wrist keeps its orientation.

    Attributes:
        T_object_wrist: (4, 4) when the pads touch.
        approach: (3,) metres, object frame: from the touching wrist to where it comes from.
        open_joints: (J,) while it comes.
        joints: (J,) when the pads touch.
    """

    T_object_wrist: FloatArray
    approach: FloatArray
    open_joints: FloatArray
    joints: FloatArray


def grasp_motion(hand: Hand, attempt: Attempt, trajectory: ObjectTrajectory) -> HandMotion:
    """The hand's path for every frame of ``trajectory``.

    The wrist comes straight along ``attempt.approach`` while the fingers go from the hand's open
    pose to ``attempt.open_joints``; in GRASP they close, and at its last frame the pads touch.
    Every segment starts and ends at rest.
    """
    frames = len(trajectory)
    fraction = phase_fractions(trajectory.phase)
    away = np.zeros(frames)  # 1: at the far end of the approach
    spread = np.zeros(frames)  # 0: touching, 1: open around the object
    rest = np.zeros(frames)  # 1: the hand's own open pose
    for u, (phase, f) in enumerate(zip(trajectory.phase, fraction)):
        if phase == Phase.APPROACH:
            away[u], spread[u] = 1 - minimum_snap(f), 1.0
            rest[u] = 1 - minimum_snap(f / OPENING_SHARE)
        elif phase == Phase.GRASP:
            spread[u] = 1 - minimum_snap(f)
        elif phase == Phase.RELEASE:
            spread[u] = minimum_snap(f)
        elif phase == Phase.RETREAT:
            away[u], spread[u] = minimum_snap(f), 1.0
            rest[u] = minimum_snap((f - 1 + OPENING_SHARE) / OPENING_SHARE)
    T_object_wrist = np.repeat(attempt.T_object_wrist[None], frames, axis=0)
    T_object_wrist[:, :3, 3] += away[:, None] * attempt.approach
    return HandMotion(
        hand=hand.name,
        T_object_wrist=T_object_wrist,
        joints=blend(blend(attempt.joints, attempt.open_joints, spread), hand.open_joints, rest),
        trajectory=trajectory,
    )


def phase_fractions(phase: IntArray) -> FloatArray:
    """(T,) share of its phase that is over at each frame, (0, 1]; the approach starts at 0."""
    fraction = np.zeros(len(phase))
    for name in Phase:
        index = np.flatnonzero(phase == name)
        fraction[index] = (np.arange(len(index)) + 1) / max(len(index), 1)
    approach = phase == Phase.APPROACH
    fraction[approach] = np.linspace(0, 1, int(approach.sum()))
    return fraction


def blend(a: FloatArray, b: FloatArray, share_of_b: FloatArray) -> FloatArray:
    """Rows between ``a`` and ``b`` (J,) or (T, J)."""
    share = share_of_b[:, None]
    return a * (1 - share) + b * share
