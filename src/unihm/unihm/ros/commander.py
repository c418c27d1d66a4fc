"""Sends instructions over the action, for Python users: goToPose and friends, for hands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import rclpy
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.node import Node
from unihm_msgs.action import Manipulate
from unihm_msgs.msg import ManipulateOptions

from unihm.errors import ErrorCode, UnihmError

OnFeedback = Callable[[Manipulate.Feedback], None]


class Commander(Node):
    """A client of ``/unihm/manipulate``; somebody else spins its executor.

    Example::

        result = commander.say("pick up the red box")
        if result.error_code: print(result.error_msg)
    """

    def __init__(self, name: str = "commander", **kwargs: Any) -> None:
        super().__init__(name, namespace="unihm", start_parameter_services=False, **kwargs)
        self._client: Any = ActionClient(self, Manipulate, "manipulate")
        self._handle: ClientGoalHandle | None = None

    def wait_until_ready(self, timeout: float = 30.0) -> None:
        """Wait for the coordinator; raises MISSING_DEPENDENCY where there is none."""
        if not self._client.wait_for_server(timeout_sec=timeout):
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                "Nothing answers at /unihm/manipulate; start the graph first, e.g. with "
                "`ros2 launch unihm sim.launch.py` or `unihm demo`.",
            )

    def start(
        self,
        instruction: str,
        hand: str = "",
        timeout: float = 0.0,
        attempts: int = 0,
        on_feedback: OnFeedback | None = None,
    ) -> Any:
        """Send a goal; the future's result is a ``Manipulate.Result``.

        Args:
            instruction: the sentence.
            hand: the hand that should be mounted; empty: whichever is.
            timeout: seconds for the whole task; 0: the coordinator's default.
            attempts: tries in all where a grasp fails; 0: the coordinator's default.
            on_feedback: called with every feedback message, in the executor's thread.
        """
        goal = Manipulate.Goal(
            instruction=instruction,
            hand=hand,
            options=ManipulateOptions(timeout=timeout, attempts=attempts),
        )
        goal.header.stamp = self.get_clock().now().to_msg()
        done: rclpy.Future = rclpy.Future(executor=self.executor)

        def on_message(message: Any) -> None:
            if on_feedback is not None:
                on_feedback(message.feedback)

        def on_accepted(future: Any) -> None:
            self._handle = handle = future.result()
            handle.get_result_async().add_done_callback(on_result)

        def on_result(future: Any) -> None:
            response = future.result()
            if response.status == GoalStatus.STATUS_UNKNOWN:
                response.result.error_code = int(ErrorCode.INTERNAL)
                response.result.error_msg = "The coordinator does not know the goal any more."
            done.set_result(response.result)

        self._client.send_goal_async(goal, feedback_callback=on_message).add_done_callback(
            on_accepted
        )
        return done

    def say(self, instruction: str, wait: float = 300.0, **options: Any) -> Manipulate.Result:
        """Send a goal and wait for its result; the arguments are those of :meth:`start`.

        Raises:
            UnihmError: STAGE_TIMEOUT where no result comes within ``wait`` seconds.
        """
        done = threading.Event()
        future = self.start(instruction, **options)
        future.add_done_callback(lambda _: done.set())
        if not done.wait(wait):
            raise UnihmError(ErrorCode.STAGE_TIMEOUT, f"No result came within {wait:.0f} s.")
        return future.result()

    def cancel(self) -> None:
        """Cancel the goal that was sent last; its result then says so."""
        if self._handle is not None:
            self._handle.cancel_goal_async()
