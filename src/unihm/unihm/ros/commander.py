"""Sends instructions over the action from any Python program, which need not know ROS."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.timer import Timer
from unihm_msgs.action import Manipulate
from unihm_msgs.msg import ManipulateOptions
from unique_identifier_msgs.msg import UUID

from unihm.errors import ErrorCode, UnihmError
from unihm.ros.client import Client
from unihm.ros.qos import REQUESTS
from unihm.types import STAGES

PLANNED = STAGES[-1]  # the step with which a motion is planned, before anything moves
_RESEND = 1.0  # s without an answer after which a goal is sent again
_LOOK = 0.5  # s between looks at whether the coordinator is there
_GONE = 3.0  # s without any coordinator after which a goal that was not accepted is lost
_CANCEL = 5.0  # s in which a coordinator that lives answers a cancel

_STEADY = Clock(clock_type=ClockType.STEADY_TIME)

OnFeedback = Callable[[Manipulate.Feedback], None]


class Commander(Client):
    """Says what is to be done and hears what became of it, like nav2's simple commander.

    For example::

        with Commander() as robot:
            robot.manipulate("pick up the red box")
            while not robot.is_task_complete():
                print(robot.get_feedback())
            print(robot.get_result().error_msg or "done")

    Args:
        namespace: that the graph runs in.
        name: of the client's node.
        domain_id: DDS domain; None: the environment's.
    """

    def __init__(
        self, namespace: str = "unihm", name: str = "commander", domain_id: int | None = None
    ) -> None:
        super().__init__(namespace, name, "commander", domain_id)
        self._client: Any = ActionClient(
            self.node,
            Manipulate,
            "manipulate",
            goal_service_qos_profile=REQUESTS,
            result_service_qos_profile=REQUESTS,
            cancel_service_qos_profile=REQUESTS,
        )
        self._goal: _Goal | None = None
        self.begin()

    # ------------------------------------------------------------ one task

    def wait_until_ready(self, timeout: float = 30.0) -> None:
        """Wait until the graph takes goals.

        Args:
            timeout: seconds.

        Raises:
            UnihmError: MISSING_DEPENDENCY where nothing answers in that time.
        """
        if not self._client.wait_for_server(timeout_sec=timeout):
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                f"Nothing answers at {self._address}; start the graph first, e.g. with "
                "`ros2 launch unihm sim.launch.py` or `unihm demo`.",
            )

    def manipulate(
        self,
        instruction: str,
        hand: str = "",
        *,
        timeout: float = 0.0,
        attempts: int = 0,
        until: str = "",
        wait: float = 30.0,
        on_feedback: OnFeedback | None = None,
    ) -> Future[Manipulate.Result]:
        """Send a goal, and return while it is carried out; it takes the place of the one before.

        Args:
            instruction: the sentence.
            hand: the hand that should be mounted; empty: whichever is.
            timeout: seconds for the whole task; 0: the coordinator's default.
            attempts: tries in all where a grasp fails; 0: the coordinator's default.
            until: a step such as ``refiner``, with which it ends: it is planned, nothing moves.
            wait: seconds for the graph to be there.
            on_feedback: called with every feedback message, in the commander's thread.

        Returns:
            What :meth:`get_result` waits for, of this goal: for programs that send several.

        Raises:
            UnihmError: MISSING_DEPENDENCY where nothing answers within ``wait`` seconds.
        """
        self.wait_until_ready(wait)
        goal = Manipulate.Goal(
            instruction=instruction,
            hand=hand,
            options=ManipulateOptions(timeout=timeout, attempts=attempts, until=until),
        )
        goal.header.stamp = self.node.get_clock().now().to_msg()
        self._goal = sent = _Goal(self.node, self._client, self._address, on_feedback)
        self._executor.create_task(sent.send, goal)
        return sent.result

    def is_task_complete(self) -> bool:
        """True when the last goal has ended in whatever way, and where none was sent."""
        return self._goal is None or self._goal.result.done()

    def get_feedback(self) -> Manipulate.Feedback | None:
        """The newest word of the last goal: stage, progress (0 to 1), attempt; None before it."""
        return self._goal.feedback if self._goal is not None else None

    def get_result(self, timeout: float | None = None) -> Manipulate.Result:
        """How the last goal ended: ``error_code`` 0, or a number of ErrorCode and a sentence.

        Args:
            timeout: seconds to wait for the end; None: as long as it takes.

        Raises:
            UnihmError: INVALID_INSTRUCTION where no goal was sent; STAGE_TIMEOUT where it has not
                ended in that time.
        """
        if self._goal is None:
            raise UnihmError(ErrorCode.INVALID_INSTRUCTION, "No instruction was sent yet.")
        try:
            return self._goal.result.result(timeout)
        except NotYet:
            raise UnihmError(
                ErrorCode.STAGE_TIMEOUT, f"No result came within {timeout:.1f} s."
            ) from None

    def cancel_task(self) -> None:
        """Cancel the last goal: the robot brakes; its result says CANCELLED when it stands."""
        if self._goal is not None:
            self._executor.create_task(self._goal.cancel)

    # ------------------------------------------------------------ its own life

    @property
    def _address(self) -> str:
        return f"{self.node.get_namespace().rstrip('/')}/manipulate"

    def end(self) -> None:
        """A goal that is being carried out goes on."""
        self._client.destroy()


class _Goal:
    """One goal; its methods run in the commander's thread alone.

    An answer that came while another thread is still about to note its request would be lost.
    """

    def __init__(
        self, node: Node, client: Any, action: str, on_feedback: OnFeedback | None
    ) -> None:
        self.feedback: Manipulate.Feedback | None = None
        self.result: Future[Manipulate.Result] = Future()
        self._node, self._client = node, client
        self._status_topic = f"{action}/_action/status"
        self._on_feedback = on_feedback
        self._handle: ClientGoalHandle | None = None
        self._cancelled = False
        self._sent = 0  # times
        self._again: Timer | None = None
        self._look: Timer | None = None
        self._unanswered: Timer | None = None
        self._servers: set[bytes] = set()  # of whom one has accepted it
        self._seen = time.monotonic()

    def send(self, goal: Manipulate.Goal) -> None:
        """Send it, and again until there is an answer.

        A server that has only just been found may not have found its client yet: what it is sent
        then is lost, and what it answers.
        """
        number = UUID(uuid=list(uuid.uuid4().bytes))

        def send() -> None:
            self._sent += 1
            future = self._client.send_goal_async(
                goal, feedback_callback=self._hear, goal_uuid=number
            )
            future.add_done_callback(self._accept)

        self._again = self._node.create_timer(_RESEND, send, clock=_STEADY)
        self._look = self._node.create_timer(_LOOK, self._look_for_server, clock=_STEADY)
        send()

    def cancel(self) -> None:
        """Now, or as soon as the goal has been accepted."""
        if not self._cancelled:
            self._cancelled = True
            self._unanswered = self._node.create_timer(_CANCEL, self._lose_touch, clock=_STEADY)
            self._ask_to_cancel()

    def _ask_to_cancel(self) -> None:
        if self._handle is not None:
            answer = self._handle.cancel_goal_async()
            answer.add_done_callback(lambda _: self._end_timer("_unanswered"))

    def _lose_touch(self) -> None:
        self._lose("The coordinator does not answer; use the emergency stop if the robot moves.")

    def _hear(self, message: Any) -> None:
        self.feedback = message.feedback
        if self._on_feedback is not None:
            self._on_feedback(message.feedback)

    def _accept(self, future: Any) -> None:
        if self._again is None:
            return  # the answer to a repetition, which is refused as one
        self._end_timer("_again")
        handle = future.result()
        # A repetition is refused where the goal is known already: then the answer to it was lost.
        if not handle.accepted and self._sent == 1:
            self._lose("The coordinator refused the goal.")
            return
        self._handle = handle
        self._servers = self._publishers()
        handle.get_result_async().add_done_callback(self._end)
        if self._cancelled:
            self._ask_to_cancel()

    def _end(self, future: Any) -> None:
        response = future.result()
        if response.status == GoalStatus.STATUS_UNKNOWN:
            self._lose("The coordinator does not know the goal any more.")
        else:
            self._answer(response.result)

    def _publishers(self) -> set[bytes]:
        """GIDs of the coordinators that are there: more than one while one is being replaced."""
        endpoints = self._node.get_publishers_info_by_topic(self._status_topic)
        return {bytes(endpoint.endpoint_gid) for endpoint in endpoints}

    def _look_for_server(self) -> None:
        """End the goal where the coordinator that has it is not there any more."""
        there, now = self._publishers(), time.monotonic()
        if there:
            self._seen = now
        if self._servers and not self._servers & there:
            self._lose("The coordinator has ended, and with it the goal.")
        elif not there and now - self._seen > _GONE:
            self._lose("The coordinator has ended before it took the goal.")

    def _lose(self, reason: str) -> None:
        self._answer(Manipulate.Result(error_code=int(ErrorCode.INTERNAL), error_msg=reason))

    def _answer(self, result: Manipulate.Result) -> None:
        """The first answer counts."""
        for name in ("_again", "_look", "_unanswered"):
            self._end_timer(name)
        if not self.result.done():
            self.result.set_result(result)

    def _end_timer(self, name: str) -> None:
        timer = getattr(self, name)
        if timer is not None:
            self._node.destroy_timer(timer)
            setattr(self, name, None)
