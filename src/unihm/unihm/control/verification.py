"""Did the lift work? Decided from what the robot itself senses, by independent witnesses.

- *Fingers*: a finger that presses on something stops short of its set-point; one that closed on
  nothing reaches it.
- *Weight*: the arm bears the object's weight, seen in its joint torques.
- *Camera*: where the object stood, the depth image now sees farther.

Two of the witnesses that could say something decide. But where the camera looks past the hand at
the place where the object should hang, and sees through it, nothing is held: fingers that press on
each other, and the shaking of an arm, have deceived the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from unihm.config import NotNegative, Positive, Share, settings
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.transforms import apply, invert
from unihm.types import FloatArray, RgbdObservation

MIN_PIXELS = 30  # of the object's old place that must be in view for the camera to have a say
_MIN_SQUEEZE = 0.02  # rad of squeeze below which a joint tells nothing


@settings()
class VerificationConfig:
    """Thresholds of the witnesses.

    Attributes:
        blocked: share of the squeeze that a finger must be kept from to count as pressing.
        min_weight: N that the arm must bear.
        left_behind: share of the old place that may still look as before.
        in_hand: share of what is in view of the object's new place where something must be.
        depth_tolerance: m by which depth counts as the same.
    """

    blocked: Share = 0.1
    min_weight: NotNegative = 0.3
    left_behind: Share = 0.4
    in_hand: Share = 0.4
    depth_tolerance: Positive = 0.015


@dataclass(frozen=True)
class JointSample:
    """What the drivers report at rest, best averaged over a few samples.

    Attributes:
        arm, arm_effort: (7,) rad and N m, the torque beyond what bears the robot's own weight.
        hand, hand_command: (J,) measured and commanded.
    """

    arm: FloatArray
    arm_effort: FloatArray
    hand: FloatArray
    hand_command: FloatArray


@dataclass(frozen=True)
class Verdict:
    """Whether the hand holds the object.

    Attributes:
        held: the decision.
        reason: one sentence for people.
        votes: of each witness that could say something.
        evidence: the figures behind the votes.
    """

    held: bool
    reason: str
    votes: dict[str, bool] = field(default_factory=dict)
    evidence: dict[str, float] = field(default_factory=dict)


def verify_lift(
    arm: Arm,
    hand: Hand,
    empty: JointSample,
    lifted: JointSample,
    squeeze: FloatArray,
    before: RgbdObservation | None = None,
    after: RgbdObservation | None = None,
    points_world: FloatArray | None = None,
    grasp: FloatArray | None = None,
    config: VerificationConfig | None = None,
) -> Verdict:
    """Judge a lift that has come to rest.

    Args:
        arm, hand: the robot.
        empty: joints at rest before the grasp, the hand touching nothing.
        lifted: joints at rest after the lift.
        squeeze: (J,) of the execution plan.
        before, after: images of the same fixed camera; without them there is no third witness.
        points_world: (N, 3) m: the object's surface where it stood.
        grasp: (7,) rad: the arm when the fingers had closed about it.
        config: thresholds.
    """
    config = config or VerificationConfig()
    votes: dict[str, bool] = {}
    evidence: dict[str, float] = {}
    if np.abs(squeeze).max() > _MIN_SQUEEZE:
        pressing = pressing_fingers(hand, lifted, squeeze, config.blocked)
        evidence["pressing_fingers"] = len(pressing)
        votes["fingers"] = len(pressing) >= 2
    evidence["weight"] = vertical_load(arm, lifted) - vertical_load(arm, empty)
    votes["weight"] = evidence["weight"] > config.min_weight
    if before is not None and after is not None and points_world is not None:
        share = left_behind(before, after, points_world, config.depth_tolerance)
        if share is not None:
            evidence["left_behind"] = share
            votes["camera"] = share < config.left_behind
    held = 2 * sum(votes.values()) > len(votes)
    if after is not None and points_world is not None and grasp is not None:
        T_lift = arm.forward(lifted.arm) @ invert(arm.forward(grasp))
        share = seen_at(after, apply(T_lift, points_world), config.depth_tolerance)
        if share is not None:
            evidence["in_hand"] = share
            if share < config.in_hand:
                return Verdict(False, "Not held: nothing is seen in the hand.", votes, evidence)
    return Verdict(held, _reason(held, votes), votes, evidence)


def pressing_fingers(
    hand: Hand, sample: JointSample, squeeze: FloatArray, blocked: float
) -> tuple[str, ...]:
    """Names of the fingers that stop short of their set-points by ``blocked`` of their squeeze."""
    short = (sample.hand_command - sample.hand) * np.sign(squeeze)
    jacobian = hand.fingertip_jacobian(sample.hand)  # (F, 3, J)
    names = []
    for finger, moves in zip(hand.finger_names, np.abs(jacobian).max(axis=1) > 1e-6):
        own = moves & (np.abs(squeeze) > _MIN_SQUEEZE)
        if own.any() and short[own].sum() > blocked * np.abs(squeeze[own]).sum():
            names.append(finger)
    return tuple(names)


def vertical_load(arm: Arm, sample: JointSample) -> float:
    """Force in N that pulls the flange down, from the joint torques: tau = -J' w, least squares."""
    jacobian = arm.jacobian(sample.arm)
    wrench = np.linalg.lstsq(jacobian.T, sample.arm_effort, rcond=1e-3)[0]
    return float(wrench[2])


def left_behind(
    before: RgbdObservation,
    after: RgbdObservation,
    points_world: FloatArray,
    tolerance: float,
) -> float | None:
    """Share of the object's pixels that look as far away as before; None where too few are seen.

    Pixels that something has come in front of (the hand, the arm) have no say.
    """
    camera = apply(invert(before.T_world_camera), points_world)
    camera = camera[camera[:, 2] > 0.05]
    pixels = np.round((camera @ before.K.T)[:, :2] / camera[:, 2:]).astype(int)
    height, width = before.depth.shape
    inside = ((pixels >= 0) & (pixels < [width, height])).all(axis=1)
    pixels, expected = pixels[inside], camera[inside, 2]
    first = before.depth[pixels[:, 1], pixels[:, 0]]
    second = after.depth[pixels[:, 1], pixels[:, 0]]
    # The object's own front: not what lies behind a hole, and not the far side of the surface.
    seen = np.isfinite(first) & np.isfinite(second) & (first > 0) & (second > 0)
    seen &= np.abs(first - expected) < 2 * tolerance
    same = seen & (np.abs(second - first) < tolerance)
    gone = seen & (second - first >= tolerance)
    if same.sum() + gone.sum() < MIN_PIXELS:
        return None
    return float(same.sum() / (same.sum() + gone.sum()))


def seen_at(observation: RgbdObservation, points: FloatArray, tolerance: float) -> float | None:
    """Share of the pixels of a surface (N, 3), world, where something is at least that near.

    A finger in front of it counts as something too. None where too little of it is in view.
    """
    camera = apply(invert(observation.T_world_camera), points)
    camera = camera[camera[:, 2] > 0.05]
    u, v = np.round((camera @ observation.K.T)[:, :2] / camera[:, 2:]).astype(int).T
    height, width = observation.depth.shape
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    farthest = np.zeros(observation.depth.shape)
    np.maximum.at(farthest, (v[inside], u[inside]), camera[inside, 2])
    seen = np.isfinite(observation.depth) & (observation.depth > 0) & (farthest > 0)
    if seen.sum() < MIN_PIXELS:
        return None
    return float((observation.depth[seen] < farthest[seen] + tolerance).mean())


def _reason(held: bool, votes: dict[str, bool]) -> str:
    said = {
        "fingers": ("the fingers press on something", "the fingers closed on nothing"),
        "weight": ("the arm bears a weight", "the arm bears no weight"),
        "camera": ("the object has left its place", "the object still stands where it stood"),
    }
    witnesses = [said[name][0 if vote else 1] for name, vote in votes.items() if vote == held]
    return f"{'Held' if held else 'Not held'}: {' and '.join(witnesses)}."
