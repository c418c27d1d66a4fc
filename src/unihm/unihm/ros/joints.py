"""The newest joint states by name, whichever topics they come from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import JointState

from unihm.control.heartbeats import Heartbeats
from unihm.errors import ErrorCode, UnihmError
from unihm.robots.joint_history import JointHistory
from unihm.ros.base import UnihmNode
from unihm.ros.clock_watch import StreamClock
from unihm.ros.conversions import time_to_seconds
from unihm.ros.qos import SENSOR
from unihm.types import FloatArray

FIRST_WORD = 5.0  # s that a driver which is being started, or started again, may take


@dataclass(frozen=True)
class JointReading:
    """Some joints at one moment.

    Attributes:
        positions: (n,) radians, metres where sliding.
        efforts: (n,) N m or N; NaN where the driver does not report them.
        age: seconds since the oldest of them was measured.
        doubt: seconds that they may be older: what the stamps lie behind at the least may be the
            offset of a clock, or time on the way.
    """

    positions: FloatArray
    efforts: FloatArray
    age: float
    doubt: float = 0.0


class JointStates:
    """Subscribes to the joint states for a node.

    A message whose stamp is too late against the others' of its topic, or does not move on, is
    dropped; one without a stamp counts from its arrival.

    Args:
        node: that listens; it gets the parameters ``joint_state_topics`` and
            ``joint_state_timeout``.
        timeout: default of the latter, s.
    """

    def __init__(self, node: UnihmNode, timeout: float = 0.5) -> None:
        self._node = node
        # Position, effort, arrival (s), how long it was on its way (s), and the doubt about that.
        self._joints: dict[str, tuple[float, float, float, float, float]] = {}
        topics = node.declare(
            "joint_state_topics",
            ["/joint_states"],
            "Topics with sensor_msgs/JointState of arm and hand.",
        )
        self.timeout = node.declare(
            "joint_state_timeout",
            timeout,
            "Seconds after which a joint state is too old.",
            0.02,
            10.0,
        )
        self._heard = Heartbeats(self.timeout)
        self._clocks: dict[frozenset[str], StreamClock] = {}
        self._stamps: dict[frozenset[str], float] = {}  # of the newest
        self._history = JointHistory()
        node.clock_watch.listen(self._redate)
        for topic in topics:
            node.subscription(JointState, topic, self._receive, SENSOR)

    def _receive(self, message: JointState) -> None:
        now = self._node.seconds
        stamp = time_to_seconds(message.header.stamp)
        # One topic may carry the states of several drivers, each with a clock of its own.
        who = frozenset(message.name)
        clock = self._clocks.setdefault(who, StreamClock("the joint states"))
        try:
            delay = clock.delay(stamp, now)
        except UnihmError:
            clock.reset()  # what comes after may be by another clock again
            raise
        before, self._stamps[who] = self._stamps.get(who, -np.inf), stamp
        if stamp > 0.0 and (delay > self.timeout or stamp <= before):
            raise UnihmError(
                ErrorCode.JOINT_STATE_TIMEOUT,
                f"A joint state with the stamp {stamp:.2f} s has come at {now:.2f} s.",
            )
        efforts = message.effort if len(message.effort) else [np.nan] * len(message.name)
        for name, position, effort in zip(message.name, message.position, efforts):
            if np.isfinite(position):
                self._joints[name] = (position, effort, now, delay, max(0.0, -clock.offset))
                self._heard.heard(name)
        told = {n: q for n, q in zip(message.name, message.position) if np.isfinite(q)}
        self._history.add(stamp or now, told)

    def _redate(self, error: UnihmError) -> None:
        """The clock has jumped: measure it anew, and count from now how old the joints are."""
        now = self._node.seconds
        self._clocks.clear()
        self._stamps.clear()
        self._history.clear()
        self._joints = {
            name: (q, effort, now, 0.0, 0.0) for name, (q, effort, *_) in self._joints.items()
        }

    def read(self, names: Sequence[str]) -> JointReading:
        """The joints ``names`` as they were last reported.

        Raises:
            UnihmError: JOINT_STATE_TIMEOUT where one was never reported, or too long ago.
        """
        reading = self._newest(names)
        if self._missing(names):
            raise _silent(reading.age)
        return reading

    def read_at(self, names: Sequence[str], seconds: float) -> FloatArray:
        """(n,) rad or m where joints were; where they are, if nothing is known of then.

        Args:
            names: of the joints.
            seconds: a moment of late, as the drivers stamp.

        Raises:
            UnihmError: as :meth:`read`: they have to be heard still.
        """
        now, then = self.read(names).positions, self._history.at(seconds)
        return np.array([then.get(name, position) for name, position in zip(names, now)])

    def wait_for(self, names: Sequence[str]) -> None:
        """Until all of ``names`` are heard, but not for ever; from a thread that may wait."""
        end = time.monotonic() + FIRST_WORD
        while self._missing(names) and time.monotonic() < end:
            time.sleep(0.02)

    def _missing(self, names: Sequence[str]) -> list[str]:
        """Those that were never heard of, or too long ago."""
        oldest = self._node.seconds - self.timeout
        return [n for n in names if n not in self._joints or self._joints[n][2] < oldest]

    def watch(self, names: Sequence[str]) -> JointReading:
        """Like :meth:`read`, by one who calls it all the time.

        How long the joints were silent is counted in his own time: where he was held up, it is he
        who is late, and what has arrived meanwhile is still to be taken.
        """
        self._heard.look(time.monotonic())
        reading = self._newest(names)
        if self._heard.silent(names):
            raise _silent(reading.age)
        return reading

    def _newest(self, names: Sequence[str]) -> JointReading:
        missing = [name for name in names if name not in self._joints]
        if missing:
            raise UnihmError(
                ErrorCode.JOINT_STATE_TIMEOUT,
                f"No joint state of {', '.join(missing)} has arrived; is the driver running?",
            )
        rows = np.array([self._joints[name] for name in names])
        age = self._node.seconds - (rows[:, 2] - rows[:, 3]).min()
        return JointReading(rows[:, 0], rows[:, 1], age, rows[:, 4].max())


class ExternalTorques:
    """What pulls at the arm beside its own weight, on a topic of its own.

    The efforts of a Franka's joint states are all that its motors do, its weight included; what its
    state broadcaster gives as external is ``tau_ext_hat_filtered``. The positions of those messages
    are zeros.

    Args:
        node: that listens.
        topic: with sensor_msgs/JointState.
        timeout: s after which a value is too old.
    """

    def __init__(self, node: UnihmNode, topic: str, timeout: float) -> None:
        self._node, self._topic, self._timeout = node, topic, timeout
        self._efforts: dict[str, tuple[float, float]] = {}  # N m, and when it came (s)
        node.subscription(JointState, topic, self._receive, SENSOR)

    def _receive(self, message: JointState) -> None:
        now = self._node.seconds
        self._efforts.update(
            {name: (effort, now) for name, effort in zip(message.name, message.effort)}
        )

    def read(self, names: Sequence[str]) -> FloatArray:
        """(n,) N m; all NaN, and a warning, where one is not known or too old."""
        now = self._node.seconds
        newest = [self._efforts.get(name, (np.nan, -np.inf)) for name in names]
        if any(now - arrived > self._timeout for _, arrived in newest):
            self._node.get_logger().warning(
                f"No external torques of the arm have come on {self._topic} of late; what it bears "
                "is not known.",
                throttle_duration_sec=5.0,
            )
            return np.full(len(names), np.nan)
        return np.array([effort for effort, _ in newest])


def _silent(age: float) -> UnihmError:
    return UnihmError(
        ErrorCode.JOINT_STATE_TIMEOUT,
        f"The last joint state is {age:.1f} s old; has the driver stopped?",
    )
