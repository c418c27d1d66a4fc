"""The reflexes of a Franka, told by franka_ros2, and its recovery from them."""

from __future__ import annotations

import time
from typing import Any

from rclpy.action import ActionClient

from unihm.control.machine import ArmMachine
from unihm.control.recovery import Recovery
from unihm.errors import UnihmError
from unihm.ros.base import UnihmNode
from unihm.ros.qos import SENSOR

try:
    from franka_msgs.action import ErrorRecovery
    from franka_msgs.msg import FrankaRobotState
except ImportError:  # comes with franka_ros2 alone
    ErrorRecovery = FrankaRobotState = None

STATE = "/franka_robot_state_broadcaster/robot_state"
RECOVERY = "/action_server/error_recovery"
_LONGEST = 20.0  # s that a motion waits for the arm to be recovered


class Reflexes:
    """Ends a motion when the robot says that it has stopped, and recovers it at rest.

    Without franka_msgs nothing is heard and nothing is done: the arm then stands still though it is
    told to move, which :class:`ArmMachine` notices.

    Args:
        node: that moves the arm; it gets the parameter ``recovery_tries``.

    Attributes:
        recovery: what is known, and how often it was tried.
    """

    def __init__(self, node: UnihmNode) -> None:
        self._node = node
        self.recovery = Recovery(
            node.declare(
                "recovery_tries",
                3,
                "Times in a row that a Franka is recovered from a reflex without a motion carried "
                "out in between; then somebody has to. 0: always.",
                0,
                100,
            )
        )
        self._client: Any = None
        if ErrorRecovery is not None:
            self._client = ActionClient(node, ErrorRecovery, node.outside(RECOVERY))
            node.subscription(FrankaRobotState, STATE, self._receive, SENSOR)

    def wait(self) -> None:
        """Until the arm takes commands; from a thread that may wait.

        Raises:
            UnihmError: SAFETY_STOP where it does not by itself.
        """
        end = time.monotonic() + _LONGEST
        while self.recovery.is_underway and time.monotonic() < end:
            time.sleep(0.02)
        self.recovery.check()

    def look(self, machine: ArmMachine, now: float) -> None:
        """End a motion that the robot has ended, and recover it at rest; called often."""
        try:
            self.recovery.check()
        except UnihmError as error:
            machine.abort(error, now)
            if machine.run is None:
                machine.moved()  # it stands where it stopped, not where it was sent
        if self.recovery.due(machine.run is None, now):
            self._recover()

    def _recover(self) -> None:
        if not self._client.server_is_ready():
            self._node.get_logger().error(f"Nobody offers {RECOVERY}; is franka_ros2 running?")
            self.recovery.answered(self._node.seconds)
            return
        self._node.get_logger().warning(
            f"Recovering the arm, try {self.recovery.tried} of {self.recovery.tries}."
        )
        self._client.send_goal_async(ErrorRecovery.Goal()).add_done_callback(self._on_goal)

    def _on_goal(self, future: Any) -> None:
        handle = future.result()
        if handle.accepted:
            handle.get_result_async().add_done_callback(self._on_end)
        else:
            self._on_end(future)

    def _on_end(self, _: Any) -> None:
        self.recovery.answered(self._node.seconds)

    def _receive(self, state: Any) -> None:
        errors = state.current_errors
        named = [name for name in errors.get_fields_and_field_types() if getattr(errors, name)]
        self.recovery.heard(state.robot_mode, tuple(named))
