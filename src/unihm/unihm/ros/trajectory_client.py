"""Sends joint trajectories to a driver: the FollowJointTrajectory action, or the topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration, Time
from rclpy.action import ActionClient
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from unihm.control.horizon import Horizon, TooLate
from unihm.errors import ErrorCode, UnihmError
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import seconds_to_time
from unihm.ros.qos import RELIABLE
from unihm.types import FloatArray

try:
    from control_msgs.action import FollowJointTrajectory
except ImportError:  # not among the ROS 2 wheels
    FollowJointTrajectory = None

ON_ITS_WAY = 0.01  # s that a message takes to the driver


def make_trajectory(
    names: Sequence[str], positions: FloatArray, rate: float, start: Time
) -> JointTrajectory:
    """Joint positions (N, n) at a fixed rate as a message, with velocities; rest at the end.

    Args:
        names: the n joints.
        positions: radians, metres where sliding.
        rate: samples per second.
        start: time of the first sample. Where it is past, the controller skips what is over and
            goes on in the middle.
    """
    if len(positions) > 1:
        velocities = np.gradient(positions, 1.0 / rate, axis=0)
        velocities[-1] = 0.0
    else:
        velocities = np.zeros_like(positions)
    points = []
    for i, (position, velocity) in enumerate(zip(positions.tolist(), velocities.tolist())):
        seconds, nanoseconds = divmod(round(i * 1e9 / rate), 10**9)
        points.append(
            JointTrajectoryPoint(
                positions=position,
                velocities=velocity,
                time_from_start=Duration(sec=seconds, nanosec=nanoseconds),
            )
        )
    return JointTrajectory(header=Header(stamp=start), joint_names=list(names), points=points)


class TrajectoryClient:
    """One controller of ros2_control, or whatever listens like one.

    Args:
        node: that sends; it gets the parameters ``controller`` and ``use_action``.
        default: name of the controller, with its namespace.
        on_refused: called with the reason where the driver refuses or aborts a trajectory.
    """

    def __init__(
        self, node: UnihmNode, default: str, on_refused: Callable[[UnihmError], None]
    ) -> None:
        self._node, self._refused = node, on_refused
        self.controller = node.declare(
            "controller", default, "Joint trajectory controller of the driver, with its namespace."
        )
        use_action = node.declare(
            "use_action",
            False,
            "Send FollowJointTrajectory goals (needs control_msgs), each in place of the one "
            "before, not JointTrajectory messages.",
        )
        if use_action and FollowJointTrajectory is None:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                "use_action needs the package control_msgs; install it or set use_action to false.",
            )
        self._client: Any = None
        if use_action:
            self._client = ActionClient(
                node,
                FollowJointTrajectory,
                node.outside(f"{self.controller}/follow_joint_trajectory"),
            )
        self._topic = node.publisher(
            JointTrajectory, f"{self.controller}/joint_trajectory", RELIABLE, alone=True
        )

    def send(self, names: Sequence[str], horizon: Horizon) -> None:
        """Let the joints ``names`` follow a horizon in place of the one before.

        Raises:
            TooLate: where that is not valid any more.
            UnihmError: MISSING_DEPENDENCY where nothing listens.
        """
        start = seconds_to_time(horizon.start)
        trajectory = make_trajectory(names, horizon.positions, horizon.rate, start)
        now = self._node.seconds
        if now + ON_ITS_WAY > horizon.valid_until:
            raise TooLate(now)
        if self._client is not None and self._client.server_is_ready():
            goal = FollowJointTrajectory.Goal(trajectory=trajectory)
            self._client.send_goal_async(goal).add_done_callback(self._on_answer)
        elif self._topic.get_subscription_count() > 0:
            self._topic.publish(trajectory)
        else:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                f"Nothing listens at {self.controller}; start the robot's driver.",
            )

    def _on_answer(self, future: Any) -> None:
        handle = future.result()
        if handle.accepted:
            handle.get_result_async().add_done_callback(self._on_result)
        else:
            self._refused(
                UnihmError(ErrorCode.SAFETY_STOP, f"{self.controller} refused the trajectory.")
            )

    def _on_result(self, future: Any) -> None:
        result = future.result().result
        # A goal that was replaced by the next one also ends without success, and without an error.
        if result.error_code != FollowJointTrajectory.Result.SUCCESSFUL:
            self._refused(
                UnihmError(
                    ErrorCode.SAFETY_STOP,
                    f"{self.controller} ended the trajectory: {result.error_string} "
                    f"({result.error_code}).",
                )
            )
