"""The newest joint states by name, whichever topics they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import JointState

from unihm.errors import ErrorCode, UnihmError
from unihm.ros.base import SENSOR, UnihmNode
from unihm.types import FloatArray


@dataclass(frozen=True)
class JointReading:
    """Some joints at one moment.

    Attributes:
        positions: (n,) radians, metres where sliding.
        efforts: (n,) N m or N; NaN where the driver does not report them.
        age: seconds since the oldest of them arrived.
    """

    positions: FloatArray
    efforts: FloatArray
    age: float


class JointStates:
    """Subscribes to the joint states for a node.

    Args:
        node: that listens; it gets the parameters ``joint_state_topics`` and
            ``joint_state_timeout``.
    """

    def __init__(self, node: UnihmNode) -> None:
        self._node = node
        self._joints: dict[str, tuple[float, float, float]] = {}  # position, effort, arrival
        topics = node.declare(
            "joint_state_topics",
            ["/joint_states"],
            "Topics with sensor_msgs/JointState of arm and hand.",
        )
        self.timeout = node.declare(
            "joint_state_timeout", 0.5, "Seconds after which a joint state is too old.", 0.02, 10.0
        )
        node.clock_watch.listen(self._redate)
        for topic in topics:
            node.subscription(JointState, topic, self._receive, SENSOR)

    def _receive(self, message: JointState) -> None:
        now = self._node.seconds
        efforts = message.effort if len(message.effort) else [np.nan] * len(message.name)
        for name, position, effort in zip(message.name, message.position, efforts):
            self._joints[name] = (position, effort, now)

    def _redate(self, error: UnihmError) -> None:
        """The clock has jumped: count from now how old they are."""
        now = self._node.seconds
        self._joints = {name: (q, effort, now) for name, (q, effort, _) in self._joints.items()}

    def read(self, names: Sequence[str]) -> JointReading:
        """The joints ``names`` as they were last reported.

        Raises:
            UnihmError: JOINT_STATE_TIMEOUT where one was never reported, or too long ago.
        """
        missing = [name for name in names if name not in self._joints]
        if missing:
            raise UnihmError(
                ErrorCode.JOINT_STATE_TIMEOUT,
                f"No joint state of {', '.join(missing)} has arrived; is the driver running?",
            )
        rows = np.array([self._joints[name] for name in names])
        age = self._node.seconds - rows[:, 2].min()
        if age > self.timeout:
            raise UnihmError(
                ErrorCode.JOINT_STATE_TIMEOUT,
                f"The last joint state is {age:.1f} s old; has the driver stopped?",
            )
        return JointReading(rows[:, 0], rows[:, 1], age)
