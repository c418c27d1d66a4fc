"""Goals from the action and the topic, one after the other; a newer one ends the one before."""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from std_msgs.msg import String
from unihm_msgs import msg
from unihm_msgs.action import Manipulate

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import Command, SentenceKind, understand
from unihm.ros.base import UnihmNode
from unihm.ros.qos import RELIABLE, REQUESTS

# Said while a task runs, these are answered and do not end it.
_ANSWERED = (SentenceKind.QUESTION, SentenceKind.STATEMENT)


@dataclass
class Outcome:
    """How a goal ended."""

    error: UnihmError | None = None
    attempts: int = 0
    task_id: str = ""
    values: list[msg.Measurement] = field(default_factory=list)


class Request:
    """One goal, until it has ended.

    Args:
        goal: what is asked for.
        feedback: tells the client how far it is.
        is_cancelled: whether the client has cancelled it.
    """

    def __init__(
        self,
        goal: Manipulate.Goal,
        feedback: Callable[[Manipulate.Feedback], None],
        is_cancelled: Callable[[], bool],
    ) -> None:
        self.goal = goal
        self.feedback = feedback
        self.is_cancelled = is_cancelled
        self.task_id = ""
        self.understood = ""  # the words, as they were understood
        self.stops = False  # it says "stop"
        self.step = self.steps = 1  # which of how many is at work
        self.jump: UnihmError | None = None  # of the clock that the goal is timed by
        self.statuses: queue.SimpleQueue[msg.StageStatus] = queue.SimpleQueue()

    @property
    def until(self) -> str:
        """The step that it ends with, before anything moves; empty: it is carried out."""
        return self.goal.options.until


class Goals:
    """Takes goals and has them carried out in a thread of its own.

    Args:
        node: that serves the action ``manipulate`` and hears the topic ``instruction``.
        carry_out: called with each goal that is not ended by a newer one before it begins; fills
            in its outcome.
        answered: called with a command that only asks or tells something, while a goal runs.

    Attributes:
        current: the goal that is being carried out.
    """

    def __init__(
        self,
        node: UnihmNode,
        carry_out: Callable[[Request, Outcome], None],
        answered: Callable[[Command], None],
    ) -> None:
        self._node, self._carry_out, self._answered = node, carry_out, answered
        self.current: Request | None = None
        self._outcomes: dict[bytes, Outcome] = {}  # of goals that are about to be answered
        self._open: set[Request] = set()  # taken and not ended yet
        self._halted = threading.Event()  # somebody said "stop"
        self._waiting: queue.SimpleQueue[tuple[Request, Callable[[Outcome], None]] | None]
        self._waiting = queue.SimpleQueue()
        node.subscription(String, "instruction", self._on_instruction, RELIABLE)
        self._server = ActionServer(
            node,
            Manipulate,
            "manipulate",
            execute_callback=self._answer,
            handle_accepted_callback=self._accept,
            goal_callback=lambda goal: GoalResponse.ACCEPT,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
            goal_service_qos_profile=REQUESTS,
            result_service_qos_profile=REQUESTS,
            cancel_service_qos_profile=REQUESTS,
        )
        self._thread = threading.Thread(target=self._work, name=node.get_name(), daemon=True)
        self._thread.start()

    def end(self, seconds: float) -> None:
        """Take no more, and wait so long for the one that is being carried out."""
        self._waiting.put(None)
        self._thread.join(timeout=seconds)

    def check_wanted(self, request: Request, stage: str) -> None:
        """Whether a goal shall go on.

        Raises:
            UnihmError: CANCELLED by its client or by a word, PREEMPTED by a newer one.
        """
        if request.is_cancelled():
            raise UnihmError(ErrorCode.CANCELLED, f"Cancelled in the stage {stage}.")
        if self._halted.is_set():
            raise UnihmError(ErrorCode.CANCELLED, f"Stopped by a word in the stage {stage}.")
        if not self._waiting.empty():
            raise UnihmError(ErrorCode.PREEMPTED, f"A newer goal came in the stage {stage}.")

    def _accept(self, handle: ServerGoalHandle) -> None:
        """Take a goal of the action, and let it be answered when it has ended.

        A coroutine that waits for the end would be looked at again and again by the executor until
        then, which takes half a core.
        """
        request = Request(
            handle.request, handle.publish_feedback, lambda: bool(handle.is_cancel_requested)
        )

        def done(outcome: Outcome) -> None:
            self._outcomes[bytes(handle.goal_id.uuid)] = outcome
            handle.execute()

        self._take(request, done)

    def _answer(self, handle: ServerGoalHandle) -> Manipulate.Result:
        """The result of a goal that has ended."""
        outcome = self._outcomes.pop(bytes(handle.goal_id.uuid))
        code = outcome.error.code if outcome.error else ErrorCode.NONE
        if code == ErrorCode.NONE:
            handle.succeed()
        elif code == ErrorCode.CANCELLED and handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return Manipulate.Result(
            header=self._node.header(),
            task_id=outcome.task_id,
            error_code=int(code),
            error_msg=outcome.error.message if outcome.error else "",
            attempts=outcome.attempts,
            measurements=outcome.values,
        )

    def _on_instruction(self, message: String) -> None:
        def done(outcome: Outcome) -> None:
            text = outcome.error.message if outcome.error else "done"
            self._node.get_logger().info(f"{message.data!r}: {text}")

        goal = Manipulate.Goal(header=self._node.header(), instruction=message.data)
        self._take(Request(goal, lambda feedback: None, lambda: False), done)

    def _take(self, request: Request, done: Callable[[Outcome], None]) -> None:
        """Queue a goal; answer at once what shall not end the one that runs."""
        command = understand(request.goal.instruction)
        if command.kind is SentenceKind.STOP:
            request.stops = True
            self._halted.set()
        elif self.current is not None and command.kind in _ANSWERED and command.refusal is not None:
            self._answered(command)
            done(Outcome(UnihmError(command.refusal.code, command.refusal.message)))
            return
        elif request.until and self._open:
            done(Outcome(UnihmError(ErrorCode.PREEMPTED, "Nothing is planned beside a task.")))
            return
        self._open.add(request)
        self._waiting.put((request, done))

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            request, done = item
            outcome = Outcome()
            if not self._waiting.empty():
                outcome.error = UnihmError(
                    ErrorCode.PREEMPTED, "A newer goal came before this one began."
                )
            else:
                self.current = request
                try:
                    self._carry_out(request, outcome)
                except Exception as error:  # a defect of ours; the next goal must work
                    self._node.get_logger().error(traceback.format_exc())
                    outcome.error = UnihmError(ErrorCode.INTERNAL, f"{self._node.stage}: {error!r}")
                self.current = None
            if request.stops:
                self._halted.clear()
            self._open.discard(request)
            done(outcome)
