"""A hand motion becomes timed set-points of arm and hand: transit, approach, grip, lift, let go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unihm.control.config import ControlConfig
from unihm.control.grip import squeeze_offsets
from unihm.control.leaving import things_about, way_home
from unihm.control.timing import TimedPath, follow, move
from unihm.control.transit import CLOSE, PathPlanner, TransitPlanner, what_stands
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language.manner import Manner
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.robots.collision import lowest_of_hand
from unihm.robots.limits import JointLimits
from unihm.types import FloatArray, HandMotion, IntArray, ObjectCloud, Phase, TaskKind

_TRANSIT_FRAME = 0.05  # s per 2 cm frame of a vertical transit
_HAND_ACCELERATION_TIME = 0.1  # s in which a finger reaches its full speed
_LONGEST_JOIN = 0.6  # rad: more than a stop travels


@dataclass(frozen=True)
class ExecutionPlan:
    """Set-points of arm and hand at a fixed rate; N samples.

    Attributes:
        times: (N,) s from 0.
        arm: (N, 7) rad.
        hand: (N, J) rad or m, the independent joints in the order of the hand file.
        phase: (N,) values of :class:`Phase`; the transit counts as APPROACH.
        squeeze: (J,) what is added to the hand's joints while it holds the object.
    """

    times: FloatArray
    arm: FloatArray
    hand: FloatArray
    phase: IntArray
    squeeze: FloatArray

    def __len__(self) -> int:
        return len(self.times)

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.times[-1])

    def rest(self, index: int) -> ExecutionPlan:
        """What is left of the plan from sample ``index`` on."""
        index = min(max(index, 0), len(self) - 1)
        return ExecutionPlan(
            self.times[index:] - self.times[index],
            self.arm[index:],
            self.hand[index:],
            self.phase[index:],
            self.squeeze,
        )

    def last_of(self, phase: Phase) -> int:
        """Index of the last set-point of ``phase``; -1 where there is none."""
        found = np.flatnonzero(self.phase == phase)
        return int(found[-1]) if len(found) else -1


def plan_execution(
    motion: HandMotion,
    hand: Hand,
    arm: Arm,
    q_arm: FloatArray,
    q_hand: FloatArray,
    config: ControlConfig | None = None,
    cloud: ObjectCloud | None = None,
    manner: Manner | None = None,
    paths: PathPlanner | None = None,
) -> ExecutionPlan:
    """Carry out ``motion`` from where arm and hand are now, which is at rest.

    The arm first travels past what is seen to the first frame, or from its home past what stands
    before something that opens. Then every phase is followed with
    the timing of its frames, slowed down where a limit asks for it, and ends at rest. The squeeze
    comes at the end of GRASP, stays through HOLD and goes with RELEASE; a push has none. A motion
    that lets go ends at home, out of the camera's way.

    Args:
        motion: from the refiner: in its last GRASP frame the pads touch the surface.
        hand: that the motion is for.
        arm: that carries it.
        q_arm: (7,) rad now.
        q_hand: (J,) now.
        config: timings and margins.
        cloud: of the object; with it the squeeze acts along the surface's normals.
        manner: how hard and how fast, as the words of the task ask for; None: as usual.
        paths: finds the arm's ways; None: a :class:`TransitPlanner`.

    Raises:
        UnihmError: UNREACHABLE where the arm cannot follow, or there is no way to the first frame;
            INVALID_MOTION for a wrong hand.
    """
    config, manner = config or ControlConfig(), manner or Manner()
    paths = paths or TransitPlanner(arm, hand, config)
    joints = np.clip(motion.joints, hand.lower, hand.upper)
    path = arm.solve_path(wrist_path(motion, hand, config), hand, q_arm)
    phases = motion.trajectory.phase
    dt = motion.trajectory.dt / min(1.0, manner.speed)
    squeeze = _squeeze(motion, hand, manner.force * config.squeeze_depth, cloud)

    limits = arm.limits.scaled(min(1.0, manner.speed * config.speed)).joined(hand_limits(hand))
    builder = _Builder(limits, config.rate, np.concatenate([q_arm, q_hand]))
    opens = motion.trajectory.kind == TaskKind.OPEN_CLOSE
    things = what_stands(motion.trajectory, cloud, 0)
    if opens:
        _travel(builder, paths, arm.home, joints[0], things, Phase.APPROACH)
        way = way_home(arm, hand, path[0], joints[0], things)
        for posture in [*way[-2::-1], path[0]]:
            builder.go(np.concatenate([posture, joints[0]]), Phase.APPROACH)
    else:
        _travel(builder, paths, path[0], joints[0], things, Phase.APPROACH)
    grip = np.zeros_like(squeeze)
    for phase in Phase:
        frames = np.flatnonzero(phases == phase)
        if len(frames) == 0:
            continue
        speed = config.release_speed if phase == Phase.RELEASE else 1.0
        if phase == Phase.HOLD:
            joints[frames] += grip
        elif phase > Phase.HOLD and grip.any():  # let go before anything else moves
            before = frames[0] - 1
            loose = np.concatenate([path[before], motion.joints[before]])
            builder.ramp(loose, config.squeeze_seconds / speed, phase)
            grip = np.zeros_like(grip)
        waypoints = np.hstack([path[frames], joints[frames]])
        builder.follow(np.vstack([builder.here, waypoints]), dt / speed, phase)
        if phase == Phase.GRASP and squeeze.any():
            grip = squeeze
            gripping = np.concatenate([path[frames[-1]], joints[frames[-1]] + grip])
            builder.ramp(gripping, config.squeeze_seconds, phase)
    if opens:
        # Fingers that stretch before a drawer would push it; they do so at home.
        here, fingers = np.split(builder.here, [len(arm)])
        things = things_about(motion.trajectory, cloud, np.array([0, -1]))
        for posture in way_home(arm, hand, here, fingers, things):
            builder.go(np.concatenate([posture, fingers]), Phase.RETREAT)
        builder.go(np.concatenate([arm.home, hand.open_joints]), Phase.RETREAT)
    elif phases[-1] == Phase.RETREAT:
        things = what_stands(motion.trajectory, cloud, -1)
        _leave(builder, paths, arm.home, hand.open_joints, things, Phase.RETREAT)
    return builder.plan(len(arm), squeeze)


def plan_move(
    arm: Arm,
    hand: Hand,
    q_arm: FloatArray,
    q_hand: FloatArray,
    goal_arm: FloatArray,
    goal_hand: FloatArray,
    config: ControlConfig | None = None,
    phase: Phase = Phase.RETREAT,
    things: FloatArray | None = None,
    paths: PathPlanner | None = None,
) -> ExecutionPlan:
    """From rest to rest, e.g. home, past ``things`` (N, 3); the hand moves first, then the arm.

    That order lets go of whatever the hand is about before it leaves.

    Raises:
        UnihmError: UNREACHABLE where there is no way past what stands there.
    """
    config = config or ControlConfig()
    paths = paths or TransitPlanner(arm, hand, config)
    things = np.zeros((0, 3)) if things is None else things
    limits = arm.limits.scaled(config.speed).joined(hand_limits(hand))
    builder = _Builder(limits, config.rate, np.concatenate([q_arm, q_hand]))
    _leave(builder, paths, goal_arm, goal_hand, things, phase)
    return builder.plan(len(arm), np.zeros(len(q_hand)))


def begin_at(
    plan: ExecutionPlan,
    arm: Arm,
    hand: Hand,
    q_arm: FloatArray,
    q_hand: FloatArray,
    config: ControlConfig | None = None,
) -> ExecutionPlan:
    """The same plan from where arm (7,) and hand (J,) rest, which is not far from its beginning.

    A robot that was stopped on its way stands a little beyond the sample that it was told to leave.

    Raises:
        UnihmError: SAFETY_STOP where the plan begins further away than any stop can have led.
    """
    away = max(np.abs(plan.arm[0] - q_arm).max(), np.abs(plan.hand[0] - q_hand).max())
    if away <= CLOSE:
        return plan
    if np.abs(plan.arm[0] - q_arm).max() > _LONGEST_JOIN:
        raise UnihmError(
            ErrorCode.SAFETY_STOP, f"A motion would begin {away:.2f} rad from where the arm is."
        )
    config = config or ControlConfig()
    limits = arm.limits.scaled(config.speed).joined(hand_limits(hand))
    builder = _Builder(limits, config.rate, np.concatenate([q_arm, q_hand]))
    builder.go(np.concatenate([plan.arm[0], plan.hand[0]]), Phase(plan.phase[0]))
    way = builder.plan(len(arm), plan.squeeze)
    times = np.arange(len(way) - 1 + len(plan)) / config.rate
    return ExecutionPlan(
        times,
        np.concatenate([way.arm[:-1], plan.arm]),
        np.concatenate([way.hand[:-1], plan.hand]),
        np.concatenate([way.phase[:-1], plan.phase]),
        plan.squeeze,
    )


def hand_limits(hand: Hand) -> JointLimits:
    """Limits of the independent joints; full speed is reached in a tenth of a second."""
    velocity = np.asarray(hand.velocity_limit, float)
    acceleration = velocity / _HAND_ACCELERATION_TIME
    return JointLimits(
        np.asarray(hand.lower, float),
        np.asarray(hand.upper, float),
        velocity,
        acceleration,
        acceleration / (_HAND_ACCELERATION_TIME / 4),
    )


def wrist_path(motion: HandMotion, hand: Hand, config: ControlConfig) -> FloatArray:
    """T_world_wrist (T, 4, 4) that the arm is asked to follow for a motion."""
    T_world_wrist = aim(motion.T_world_wrist, hand, config.aim_low)
    if motion.trajectory.kind == TaskKind.PUSH:
        T_world_wrist[:, 2, 3] -= _down_to_table(T_world_wrist, motion, hand, config)
    return keep_above(T_world_wrist, motion.joints, hand, config.touch_depth)


def _down_to_table(
    T_world_wrist: FloatArray, motion: HandMotion, hand: Hand, config: ControlConfig
) -> FloatArray:
    """Metres (T,) by which a hand goes lower that pushes: what is pushed too high falls over.

    Where its fingers hang lower than when they push, as before they bend, it is by less.
    """
    lowest = lowest_of_hand(hand, T_world_wrist, motion.joints)
    room = np.maximum(0.0, lowest - config.push_gap)
    pushing = motion.trajectory.phase == Phase.HOLD
    return np.where(np.isfinite(room), np.minimum(room, room[pushing].min()), 0.0)


def aim(T_world_wrist: FloatArray, hand: Hand, aim_low: float) -> FloatArray:
    """Shift a path (T, 4, 4) down by ``aim_low`` metres as far as the hand comes from above.

    The whole path is shifted by the same amount, that of the steepest frame: the fingers'
    direction decides, 1 straight down, 0 from 30 degrees below the horizon upwards.
    """
    approach = T_world_wrist[:, :3, :3] @ hand.T_wrist_palm[:3, 0]
    share = np.clip((-approach[:, 2] - 0.5) / 0.35, 0.0, 1.0).max()
    shifted = np.array(T_world_wrist, float)
    shifted[:, 2, 3] -= aim_low * share
    return shifted


def keep_above(
    T_world_wrist: FloatArray, joints: FloatArray, hand: Hand, depth: float
) -> FloatArray:
    """Shift a path (T, 4, 4) up as a whole, so that the hand goes no deeper than ``depth`` metres.

    Fingers yield on the table by a little; what is deeper would press with the arm's weight.
    """
    excess = -depth - float(lowest_of_hand(hand, T_world_wrist, joints).min())
    shifted = np.array(T_world_wrist, float)
    shifted[:, 2, 3] += max(0.0, excess)
    return shifted


def _leave(
    builder: _Builder,
    paths: PathPlanner,
    goal_arm: FloatArray,
    goal_hand: FloatArray,
    things: FloatArray,
    phase: Phase,
) -> None:
    """Append the hand's new shape where it is, which lets go of things, and then the way."""
    builder.go(np.concatenate([builder.here[: len(goal_arm)], goal_hand]), phase)
    _travel(builder, paths, goal_arm, goal_hand, things, phase)


def _travel(
    builder: _Builder,
    paths: PathPlanner,
    goal_arm: FloatArray,
    goal_hand: FloatArray,
    things: FloatArray,
    phase: Phase,
) -> None:
    """Append the way to ``goal_arm``; the hand takes its new shape up in the air."""
    n = len(goal_arm)
    for path in paths.path(builder.here[:n], goal_arm, goal_hand, things):
        if len(path) == 2:
            builder.go(np.concatenate([path[-1], goal_hand]), phase)
        else:
            before = builder.here[n:]
            waypoints = np.hstack([path, np.tile(before, (len(path), 1))])
            builder.follow(waypoints, _TRANSIT_FRAME, phase)
    builder.go(np.concatenate([builder.here[:n], goal_hand]), phase)


def _squeeze(motion: HandMotion, hand: Hand, depth: float, cloud: ObjectCloud | None) -> FloatArray:
    """Offsets (J,) for the last frame of GRASP; zero for a push, which only leans on the object."""
    frames = np.flatnonzero(motion.trajectory.phase == Phase.GRASP)
    if motion.trajectory.kind == TaskKind.PUSH or len(frames) == 0:
        return np.zeros(motion.joints.shape[1])
    contact = frames[-1]
    return squeeze_offsets(
        hand, motion.joints[contact], depth, motion.T_object_wrist[contact], cloud
    )


class _Builder:
    """Appends timed pieces of (arm, hand) set-points, each from rest to rest."""

    def __init__(self, limits: JointLimits, rate: float, start: FloatArray) -> None:
        self.limits = limits
        self.rate = rate
        self.positions = [np.asarray(start, float)[None]]  # each (n, 7 + J)
        self.phases = [np.array([Phase.APPROACH])]

    @property
    def here(self) -> FloatArray:
        return self.positions[-1][-1]

    def go(self, goal: FloatArray, phase: Phase) -> None:
        """Straight in joint space, as fast as the limits allow."""
        if np.abs(goal - self.here).max() > CLOSE:
            self._append(move(self.here, goal, self.limits, self.rate), phase)

    def ramp(self, goal: FloatArray, seconds: float, phase: Phase) -> None:
        """Straight in joint space in at least ``seconds``."""
        self.follow(np.stack([self.here, goal]), seconds, phase)

    def follow(self, waypoints: FloatArray, dt: float, phase: Phase) -> None:
        """Through ``waypoints`` (K, n), ``dt`` seconds apart or more; the robot is at the first."""
        seconds = dt * np.arange(len(waypoints), dtype=float)
        self._append(follow(waypoints, seconds, self.limits, self.rate), phase)

    def _append(self, path: TimedPath, phase: Phase) -> None:
        self.positions.append(path.positions[1:])
        self.phases.append(np.full(len(path) - 1, phase))

    def plan(self, arm_joints: int, squeeze: FloatArray) -> ExecutionPlan:
        positions = np.concatenate(self.positions)
        return ExecutionPlan(
            times=np.arange(len(positions)) / self.rate,
            arm=positions[:, :arm_joints],
            hand=positions[:, arm_joints:],
            phase=np.concatenate(self.phases).astype(np.int64),
            squeeze=squeeze,
        )
