"""Was it done? Decided from what the robot itself senses.

A lift has independent witnesses:

- *Fingers*: a finger that presses on something stops short of its set-point; one that closed on
  nothing reaches it.
- *Weight*: the arm bears the object's weight, seen in its joint torques.
- *Camera*: where the object stood, the depth image now sees farther.

Two of the witnesses that could say something decide. But where the camera sees something else, or
nothing, in the place where the object should hang, it is not held: a fist presses on itself, bears
on the arm and fills that place, and has deceived all three; it has neither the object's shape nor
its colours.

What was put down or pushed is looked for: it counts where it stands as it should stand, where it
was told to be, and not because its old place is empty; and nothing else may have been knocked over
for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import cKDTree

from unihm.config import Interval, NotNegative, Positive, Share, settings
from unihm.control.execution import ExecutionPlan
from unihm.control.sight import alike, left_behind, locate, locate_along, share_at, share_in_hand
from unihm.errors import ErrorCode, UnihmError
from unihm.geometry import covers
from unihm.perception.scene import DetectedObject, read_scene
from unihm.perception.scene.openings import find_openings, opening_at
from unihm.perception.trajectory import PLACE_GAP
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.transforms import apply, invert
from unihm.types import FloatArray, ObjectCloud, ObjectTrajectory, Phase, RgbdObservation, TaskKind

_FARTHER = 0.05  # m beyond where a thing should be that it is looked for
_RISE = 0.03  # m: what a thing may stand higher or lower than planned, in the hollow of a bowl
_OWN = 0.02  # m from an object's surface within which what is seen belongs to it
_MIN_SQUEEZE = 0.02  # rad of squeeze below which a joint tells nothing


@settings()
class VerificationConfig:
    """Thresholds of the witnesses.

    Attributes:
        blocked: share of the squeeze that a finger must be kept from to count as pressing.
        min_weight: N that the arm must bear.
        left_behind: share of the old place that may still look as before.
        in_hand: share of a lifted thing's front in view that must be seen in the hand.
        depth_tolerance: m by which depth counts as the same.
        recognised: share of a thing's front that must be seen where it is said to stand.
        beside: m that a thing may stand beside where it was to be put.
        about: shares of a push's distance between which it was about that.
        way: shares of the way that a drawer, door or lid was to go between which it was that.
        part_seen: share of what is seen of such a part that must be seen again.
        undisturbed: share of every other thing in view that must look as before.
    """

    blocked: Share = 0.1
    min_weight: NotNegative = 0.3
    left_behind: Share = 0.4
    in_hand: Share = 0.55
    depth_tolerance: Positive = 0.015
    recognised: Share = 0.6
    beside: Positive = 0.04
    about: Interval = (0.5, 1.5)
    way: Interval = (0.88, 1.25)
    part_seen: Share = 0.6
    undisturbed: Share = 0.5


@dataclass(frozen=True)
class JointSample:
    """What the drivers report at rest, best averaged over a few samples.

    Attributes:
        arm, arm_effort: (7,) rad and N m, the torque beyond what bears the robot's own weight; NaN
            where nobody tells it.
        hand, hand_command: (J,) measured and commanded.
    """

    arm: FloatArray
    arm_effort: FloatArray
    hand: FloatArray
    hand_command: FloatArray


@dataclass(frozen=True)
class Verdict:
    """Whether a motion has done what it was for.

    Attributes:
        held: the decision: the object is in the hand, or stands where it was told to be.
        reason: one sentence for people.
        votes: of each witness that could say something.
        evidence: the figures behind the votes.
        code: of the failure: GRASP_FAILED where the object has not come along, OBJECT_LOST where
            it is not where it was carried to, NOT_DONE where it was moved otherwise than asked, or
            something else with it.
    """

    held: bool
    reason: str
    votes: dict[str, bool] = field(default_factory=dict)
    evidence: dict[str, float] = field(default_factory=dict)
    code: ErrorCode = ErrorCode.GRASP_FAILED


def verify(
    arm: Arm,
    hand: Hand,
    plan: ExecutionPlan,
    trajectory: ObjectTrajectory,
    cloud: ObjectCloud,
    empty: JointSample | None,
    at_rest: JointSample | None,
    before: RgbdObservation,
    after: RgbdObservation,
    config: VerificationConfig | None = None,
) -> Verdict:
    """Judge a motion that has come to rest, by what it was for.

    Args:
        arm, hand: the robot.
        plan: that was carried out.
        trajectory: where the object was to go.
        cloud: its surface.
        empty, at_rest: joints before and after; None where nobody knows.
        before, after: images of the same fixed camera.
        config: thresholds.
    """
    config = config or VerificationConfig()
    if trajectory.kind == TaskKind.GRAB:
        if empty is None or at_rest is None:
            return Verdict(False, "Not confirmed: the joints of the empty hand are not known.")
        return verify_lift(
            arm,
            hand,
            empty,
            at_rest,
            plan.squeeze,
            before,
            after,
            cloud,
            trajectory.T_world_object[0],
            plan.arm[plan.last_of(Phase.GRASP)],
            config,
        )
    if trajectory.kind == TaskKind.OPEN_CLOSE:
        return verify_opening(trajectory, before, after, config)
    things = read_scene(before).objects
    if trajectory.kind == TaskKind.PICK_AND_PLACE:
        verdict = verify_place(trajectory, cloud, before, after, config, things)
    else:
        verdict = verify_push(trajectory, cloud, before, after, config)
    if not verdict.held:
        return verdict
    own = apply(trajectory.T_world_object[0], cloud.points)
    return verify_others(verdict, own, things, before, after, config)


def verify_others(
    verdict: Verdict,
    own: FloatArray,
    things: Sequence[DetectedObject],
    before: RgbdObservation,
    after: RgbdObservation,
    config: VerificationConfig | None = None,
) -> Verdict:
    """Look whether everything else stands as it stood; what is hidden now has no say.

    Args:
        verdict: of what was to be done.
        own: (N, 3) metres, world: the object's surface where it stood before.
        things: all that was seen then.
        before, after: images of the same fixed camera; the hand has left in the second one.
        config: thresholds.

    Returns:
        the same verdict, or NOT_DONE with what was knocked over or moved.
    """
    config = config or VerificationConfig()
    for thing, points in _others(own, things):
        left = left_behind(before, after, points, config.depth_tolerance)
        if left is not None and left < config.undisturbed:
            reason = f"Not as asked: the {thing.words} was knocked over or moved."
            evidence = {**verdict.evidence, "undisturbed": left}
            return Verdict(False, reason, verdict.votes, evidence, ErrorCode.NOT_DONE)
    return verdict


def _others(
    own: FloatArray, things: Sequence[DetectedObject]
) -> Iterator[tuple[DetectedObject, FloatArray]]:
    """All but the object itself and its parts, and (N, 3) what of them is not the object's."""
    tree = cKDTree(own)
    for thing in things:
        points = thing.cluster.points
        other = tree.query(points)[0] > _OWN
        if other.mean() >= 0.5:
            yield thing, points[other]


def verify_place(
    trajectory: ObjectTrajectory,
    cloud: ObjectCloud,
    before: RgbdObservation,
    after: RgbdObservation,
    config: VerificationConfig | None = None,
    things: Sequence[DetectedObject] = (),
) -> Verdict:
    """Look whether an object stands where it was to be put, as it was to stand.

    In or on a thing every place is as good as the one that was planned: a ball rolls in its tray.

    Args:
        trajectory: that puts it there.
        cloud: its surface.
        before, after: images of the same fixed camera; the hand has left in the second one.
        config: thresholds.
        things: all that was seen before.
    """
    config = config or VerificationConfig()
    goal = trajectory.T_world_object[-1].copy()
    goal[2, 3] -= PLACE_GAP
    points = apply(trajectory.T_world_object[0], cloud.points)
    tolerance = config.depth_tolerance
    found = locate(
        after,
        cloud,
        goal,
        config.beside + _FARTHER,
        _RISE,
        tolerance,
        alike(before, after, points, tolerance),
    )
    if found is None:
        return Verdict(
            False, "Not confirmed: the place is out of sight.", code=ErrorCode.OBJECT_LOST
        )
    away = float(np.linalg.norm(found.shift[:2]))
    stands = goal.copy()
    stands[:3, 3] += found.shift
    already = share_at(before, cloud, stands, tolerance, alike(before, before, points, tolerance))
    evidence = {"recognised": found.share, "away": away, "before": already}
    if found.share < config.recognised or already >= config.recognised:
        left = left_behind(before, after, points, tolerance)
        if left is not None and left > config.left_behind:
            reason = "Not put down there: the object still stands where it stood."
            return Verdict(False, reason, evidence={**evidence, "left_behind": left})
        reason = "Not put down there: nothing like the object is seen at its place."
    elif away > config.beside and not any(
        covers(seen[:, :2], np.array([goal[:2, 3], stands[:2, 3]])).all()
        for _, seen in _others(points, things)
    ):
        reason = f"Not put down there: the object stands {100 * away:.0f} cm beside its place."
    else:
        return Verdict(True, "Put down: the object stands in its place.", evidence=evidence)
    return Verdict(False, reason, evidence=evidence, code=ErrorCode.OBJECT_LOST)


def verify_push(
    trajectory: ObjectTrajectory,
    cloud: ObjectCloud,
    before: RgbdObservation,
    after: RgbdObservation,
    config: VerificationConfig | None = None,
) -> Verdict:
    """Look how far an object was moved along the line that it was to follow.

    Args:
        trajectory: the line; its end is where it should be.
        cloud: the object's surface.
        before, after: images of the same fixed camera; the hand has left in the second one.
        config: thresholds.
    """
    config = config or VerificationConfig()
    goal = trajectory.T_world_object[-1]
    line = goal[:2, 3] - trajectory.T_world_object[0, :2, 3]
    asked = float(np.linalg.norm(line))
    points, tolerance = apply(trajectory.T_world_object[0], cloud.points), config.depth_tolerance
    colored = alike(before, after, points, tolerance)
    found = locate(after, cloud, goal, asked + _FARTHER, 0.0, tolerance, colored)
    if found is None or found.share < config.recognised:
        evidence = {} if found is None else {"recognised": found.share}
        reason = "Not confirmed: the object is not seen as it stood; it may have fallen over."
        return Verdict(False, reason, evidence=evidence, code=ErrorCode.NOT_DONE)
    moved = line + found.shift[:2]
    way = float(moved @ line) / asked
    aside = float(np.linalg.norm(moved - way * line / asked))
    evidence = {"recognised": found.share, "moved": way, "aside": aside}
    words = f"The object was moved by {100 * way:.0f} cm of {100 * asked:.0f}"
    least, most = np.multiply(config.about, asked)
    if least <= way <= most and aside <= config.beside:
        return Verdict(True, f"{words}.", evidence=evidence)
    if aside > config.beside:
        words += f", and {100 * aside:.0f} cm off its line"
    return Verdict(False, f"{words}.", evidence=evidence, code=ErrorCode.NOT_DONE)


def verify_opening(
    trajectory: ObjectTrajectory,
    before: RgbdObservation,
    after: RgbdObservation,
    config: VerificationConfig | None = None,
) -> Verdict:
    """Look how far a drawer, door or lid has moved along the way that it was to go.

    What is seen of the part before is looked for at every place of the way, and beyond its end.

    Args:
        trajectory: the way of its handle.
        before, after: images of the same fixed camera; the hand has left in the second one.
        config: thresholds.
    """
    config = config or VerificationConfig()
    try:
        scene = read_scene(before)
        opening = opening_at(find_openings(scene, before), trajectory.pick_point)
    except UnihmError:
        return Verdict(False, "Not confirmed: the part was not seen.", code=ErrorCode.NOT_DONE)
    found = locate_along(after, opening.part, trajectory.T_world_object, config.depth_tolerance)
    if found is None:
        reason = "Not confirmed: the part is out of sight now."
        return Verdict(False, reason, code=ErrorCode.NOT_DONE)
    evidence = {"recognised": found.share, "moved": found.moved}
    words = f"It moved {100 * found.moved:.0f} % of the way that it was to go"
    if found.share < config.part_seen:
        reason = "Not confirmed: the part is not seen anywhere on its way."
        return Verdict(False, reason, evidence=evidence, code=ErrorCode.NOT_DONE)
    least, most = config.way
    done = least <= found.moved <= most
    verdict = Verdict(done, f"{words}.", evidence=evidence, code=ErrorCode.NOT_DONE)
    if not done:
        return verdict
    own = opening.thing.cluster.points
    low, high = own[:, :2].min(axis=0), own[:, :2].max(axis=0)

    def is_beside(thing: DetectedObject) -> bool:
        """Not in or on the furniture, with which it may move."""
        middle = thing.cluster.points[:, :2].mean(axis=0)
        return bool((middle < low).any() or (middle > high).any())

    beside = [thing for thing in scene.objects if is_beside(thing)]
    return verify_others(verdict, own, beside, before, after, config)


def verify_lift(
    arm: Arm,
    hand: Hand,
    empty: JointSample,
    lifted: JointSample,
    squeeze: FloatArray,
    before: RgbdObservation | None = None,
    after: RgbdObservation | None = None,
    cloud: ObjectCloud | None = None,
    T_world_object: FloatArray | None = None,
    grasp: FloatArray | None = None,
    config: VerificationConfig | None = None,
) -> Verdict:
    """Judge a lift that has come to rest.

    Args:
        arm, hand: the robot.
        empty: joints at rest before the grasp, the hand touching nothing.
        lifted: joints at rest after the lift.
        squeeze: (J,) of the execution plan.
        before, after: images of the same fixed camera; without them, or without the object's
            surface, there is no third witness.
        cloud: the object's surface.
        T_world_object: (4, 4) where it stood.
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
    if np.isfinite([empty.arm_effort, lifted.arm_effort]).all():
        evidence["weight"] = vertical_load(arm, lifted) - vertical_load(arm, empty)
        votes["weight"] = evidence["weight"] > config.min_weight
    seen = None
    if (
        before is not None
        and after is not None
        and cloud is not None
        and T_world_object is not None
    ):
        points = apply(T_world_object, cloud.points)
        share = left_behind(before, after, points, config.depth_tolerance)
        if share is not None:
            evidence["left_behind"] = share
            votes["camera"] = share < config.left_behind
        if grasp is not None:
            T_hanging = arm.forward(lifted.arm) @ invert(arm.forward(grasp)) @ T_world_object
            colored = alike(before, after, points, config.depth_tolerance)
            seen = share_in_hand(
                after, cloud, T_hanging, config.depth_tolerance, colored, config.in_hand
            )
    held = 2 * sum(votes.values()) > len(votes)
    if seen is not None:
        evidence["in_hand"] = seen
        if seen < config.in_hand:
            return Verdict(False, "Not held: the object is not seen in the hand.", votes, evidence)
    if "weight" not in votes and len(votes) < 2:
        reason = "Not confirmed: the arm's torques are not known, and the camera saw nothing."
        return Verdict(False, reason, votes, evidence)
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


def _reason(held: bool, votes: dict[str, bool]) -> str:
    said = {
        "fingers": ("the fingers press on something", "the fingers closed on nothing"),
        "weight": ("the arm bears a weight", "the arm bears no weight"),
        "camera": ("the object has left its place", "the object still stands where it stood"),
    }
    witnesses = [said[name][0 if vote else 1] for name, vote in votes.items() if vote == held]
    return f"{'Held' if held else 'Not held'}: {' and '.join(witnesses)}."
