"""An independent look at everything that is sent to the drivers, and at who noticed a fault."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory
from unihm_msgs import msg

from unihm.robots.limits import JointLimits
from unihm.ros.conversions import time_to_seconds
from unihm.ros.course import Course, course_from_msg
from unihm.ros.qos import RELIABLE, SENSOR, STATUS
from unihm.types import FloatArray

STEP = 0.002  # rad that a trajectory may begin from where the driver is
_ROUNDING = 0.01  # share of a limit that differences of what was sent may be beyond it
# Of a stream none may be lost on a busy machine, or the next one looks like a jump.
COMMANDS = QoSProfile(depth=1000)
_UNTOLD = 0.05  # s in which a command after a jump of the clock is still timed by the former one
_PAUSE = 0.5  # s without a command after which the next one of a stream is a new beginning


@dataclass(frozen=True)
class Violation:
    """A command that breaks a rule: when (s), on which topic, and which."""

    time: float
    topic: str
    reason: str


class CommandObserver:
    """Judges the trajectories that one driver is sent, by a model of what it still follows.

    A trajectory has to be finite and inside the position limits; its differences have to keep the
    limits of velocity and acceleration; and its first point has to be where the driver gets from
    its state of then within the acceleration limit, to :data:`STEP`.

    Args:
        names: the driver's joints.
        limits: of these.
        here: (n,) where it is.

    Attributes:
        course: what the driver follows.
        commands: how many there were.
        commanded: s by the driver's clock, when the last one was sent.
        violations: reasons, each with its time.
        largest_step: rad, at the start of any of them.
    """

    def __init__(self, names: tuple[str, ...], limits: JointLimits, here: FloatArray) -> None:
        self.names, self.limits = names, limits
        self.course = Course.resting(here)
        self.commands, self.commanded = 0, 0.0
        self.violations: list[tuple[float, str]] = []
        self.largest_step = 0.0

    def take(self, message: JointTrajectory, now: float) -> None:
        """A command has come at ``now``, s by the driver's clock."""
        self.commands += 1
        self.commanded = now
        try:
            course = course_from_msg(message, self.names, self.course, now)
        except ValueError as error:
            self.violations.append((now, f"malformed: {error}"))
            return
        begins = max(time_to_seconds(message.header.stamp) or now, now)
        for reason in self._wrong(course, begins, late=course.times[0] < now):
            self.violations.append((now, reason))
        self.course = course

    def _wrong(self, course: Course, begins: float, late: bool) -> list[str]:
        limits, reasons = self.limits, []
        first = int(np.searchsorted(course.times, begins + 1e-9))
        # The driver goes at once to where it should be, which is behind the sample before.
        first -= late or first == len(course.times)
        times, positions = course.times[first:], course.positions[first:]
        outside = np.maximum(limits.lower - positions, positions - limits.upper).max()
        if outside > 1e-6:
            reasons.append(f"{outside:.4f} rad outside the position limits")
        q, v = self.course.state(begins)
        ahead = max(0.0, times[0] - begins)
        step = (
            np.abs(course.at(begins + ahead) - q - v * ahead) - 0.5 * limits.acceleration * ahead**2
        )
        self.largest_step = max(self.largest_step, float(step.max()))
        if step.max() > STEP:
            reasons.append(f"begins {step.max():.4f} rad from where the driver is")
        gaps = np.diff(times)[:, None]
        velocity = np.diff(positions, axis=0) / gaps
        share = float((np.abs(velocity) / limits.velocity).max(initial=0.0))
        if share > 1 + _ROUNDING:
            reasons.append(f"{share:.2f} times the velocity limit")
        acceleration = np.diff(velocity, axis=0) / gaps[1:]
        share = float((np.abs(acceleration) / limits.acceleration).max(initial=0.0))
        if share > 1 + _ROUNDING:
            reasons.append(f"{share:.2f} times the acceleration limit")
        return reasons

    def is_moving(self, now: float) -> bool:
        """True while the driver has somewhere to go."""
        to_come = self.course.positions[self.course.times > now]
        return bool(np.abs(to_come - self.course.at(now)).max(initial=0.0) > 1e-3)


class StreamObserver:
    """Judges set-points that are sent one by one at a fixed rate, by their own differences.

    The first one, and one after a pause, may be anywhere inside the limits.

    Args:
        limits: of the joints.
        rate: set-points per second that are meant.
    """

    def __init__(self, names: tuple[str, ...], limits: JointLimits, rate: float) -> None:
        self.names, self.limits, self.rate = names, limits, rate
        self.commands = 0
        self.violations: list[tuple[float, str]] = []
        self._recent: list[FloatArray] = []
        self._last = 0.0

    def take(self, message: JointTrajectory, now: float) -> None:
        """A set-point has come at ``now``."""
        self.commands += 1
        values = dict(zip(message.joint_names, message.points[0].positions))
        position = np.array([values.get(name, np.nan) for name in self.names])
        if now - self._last > _PAUSE:
            self._recent.clear()
        self._last = now
        limits, reason = self.limits, ""
        self._recent = [*self._recent[-2:], position]
        if not np.isfinite(position).all():
            reason = "malformed"
        elif (np.maximum(limits.lower - position, position - limits.upper) > 1e-6).any():
            reason = "outside the position limits"
        else:
            velocity = np.diff(self._recent, axis=0) * self.rate
            acceleration = np.diff(velocity, axis=0) * self.rate
            if (np.abs(velocity[-1:]) > limits.velocity * (1 + _ROUNDING)).any():
                reason = "beyond the velocity limit"
            elif (np.abs(acceleration) > limits.acceleration * (1 + _ROUNDING)).any():
                reason = "beyond the acceleration limit"
        if reason:
            self.violations.append((now, reason))


class Witness:
    """Hears the graph from outside: commands, statuses, stops.

    Args:
        node: that listens; it is spun by its owner.
        arm: judges what the arm's driver is sent on ``arm_topic``.
        hand: judges what the hand's is sent on ``hand_topic``.

    Attributes:
        offset: s that the drivers' clock is ahead of the system's.
    """

    def __init__(
        self,
        node: Node,
        arm: CommandObserver,
        hand: StreamObserver,
        arm_topic: str = "/fr3_arm_controller/joint_trajectory",
        hand_topic: str = "/hand_controller/joint_trajectory",
    ) -> None:
        self.arm, self.hand = arm, hand
        self.offset, self._former, self._since = 0.0, 0.0, 0.0
        self._node = node
        self._lock = threading.Lock()
        self._heard: list[tuple[float, str, Any]] = []
        self._joints: dict[str, float] = {}
        for observer, topic in ((arm, arm_topic), (hand, hand_topic)):
            node.create_subscription(
                JointTrajectory,
                topic,
                # When it was sent: a judge who is late himself would find steps.
                lambda message, info, observer=observer: observer.take(
                    message, self._drivers(info["source_timestamp"] * 1e-9)
                ),
                COMMANDS,
            )
        node.create_subscription(JointState, "/joint_states", self._on_joints, SENSOR)
        for kind, topic, qos in (
            (msg.StageStatus, "status", STATUS),
            (msg.StopTask, "stop", RELIABLE),
        ):
            node.create_subscription(
                kind, topic, lambda message, topic=topic: self._hear(topic, message), qos
            )

    def set_clock(self, offset: float) -> None:
        """The drivers' clock jumps, to be ``offset`` s ahead of the system's."""
        self._former, self._since, self.offset = self.offset, time.time() + _UNTOLD, offset

    def _drivers(self, moment: float) -> float:
        """A moment of the system's clock by the drivers', s."""
        return moment + (self.offset if moment >= self._since else self._former)

    @property
    def seconds(self) -> float:
        """Now, by the drivers' clock."""
        return time.time() + self.offset

    def _on_joints(self, state: JointState) -> None:
        if len(state.name) == len(state.position) and np.isfinite(state.position).all():
            self._joints.update(zip(state.name, state.position))

    def places(self) -> dict[str, list[float]]:
        """Mock driver to where its joints were last."""
        return {
            mock: [self._joints[name] for name in observer.names]
            for mock, observer in (("mock_arm", self.arm), ("mock_hand", self.hand))
            if all(name in self._joints for name in observer.names)
        }

    def look(self) -> None:
        """Take the arm to be where it says: after a fault of its driver that is mended."""
        self.arm.course = Course.resting(np.array(self.places()["mock_arm"]))

    def _hear(self, topic: str, message: Any) -> None:
        with self._lock:
            self._heard.append((time.monotonic(), topic, message))

    def heard(self, since: float) -> list[tuple[float, str, Any]]:
        """Statuses and stops since a moment of ``time.monotonic()``: moment, topic, message."""
        with self._lock:
            return [entry for entry in self._heard if entry[0] >= since]

    def forget(self) -> None:
        """Whatever was heard until now."""
        with self._lock:
            self._heard.clear()

    @property
    def violations(self) -> list[Violation]:
        """Of both drivers."""
        return [
            Violation(moment, topic, reason)
            for topic, observer in (("arm", self.arm), ("hand", self.hand))
            for moment, reason in list(observer.violations)
        ]

    def is_moving(self) -> bool:
        """True while the arm has somewhere to go."""
        return self.arm.is_moving(self.seconds)
