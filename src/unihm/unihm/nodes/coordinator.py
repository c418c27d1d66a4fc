"""The action /unihm/manipulate and the topic /unihm/instruction -> Task; one task at a time."""

from __future__ import annotations

import queue
import secrets
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from std_msgs.msg import String
from unihm_msgs import msg
from unihm_msgs.action import Manipulate

from unihm.errors import ErrorCode, UnihmError
from unihm.ros.base import RELIABLE, REQUESTS, STATUS, UnihmNode
from unihm.ros.conversions import measurements, task_to_msg
from unihm.ros.emergency import EmergencyListener
from unihm.ros.senders import FORGOTTEN, SENDERS, NotYet
from unihm.types import STAGES, Task

# Step to the share of the whole that is done when it has ended: what feedback shows.
PROGRESS = {
    "ready": 0.05,
    "capture": 0.08,
    **dict(zip(STAGES, (0.12, 0.16, 0.22, 0.24, 0.30), strict=True)),
    "arm": 0.95,
    "verifier": 1.0,
}
STEPS = tuple(PROGRESS)
_RETRIED = (ErrorCode.GRASP_FAILED, ErrorCode.OBJECT_LOST)
LONGEST_TIMEOUT = 3600.0  # s
_POLL = 0.02  # s between looks at cancel and time-outs


@dataclass
class Outcome:
    """How a goal ended."""

    error: UnihmError | None = None
    attempts: int = 0
    task_id: str = ""
    values: list[msg.Measurement] = field(default_factory=list)


class Request:
    """One goal, from the action or the topic, until it has ended."""

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
        self.jump: UnihmError | None = None  # of the clock that the goal is timed by
        self.statuses: queue.SimpleQueue[msg.StageStatus] = queue.SimpleQueue()


class CoordinatorNode(UnihmNode):
    """Gives out tasks and follows their stages: feedback, cancel, preemption, time-outs, retries.

    Goals are carried out one after the other in a thread of their own; one that waits ends the one
    before it.
    """

    stage = "coordinator"

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        self.task_timeout = self.declare(
            "task_timeout",
            120.0,
            "Seconds for a goal, unless it says so itself.",
            1.0,
            LONGEST_TIMEOUT,
        )
        self.stage_timeout = self.declare(
            "stage_timeout", 20.0, "Seconds without word from any stage.", 0.5, 600.0
        )
        self.stop_timeout = self.declare(
            "stop_timeout", 5.0, "Seconds for the arm to come to rest.", 0.1, 60.0
        )
        self.attempts = self.declare(
            "attempts", 2, "Tries in all where a grasp fails, unless the goal says so.", 1, 5
        )
        self.last_stage = self.declare(
            "last_stage",
            STEPS[-1],
            f"The step that a task ends with: {', '.join(STEPS)}. Before arm, nothing moves.",
        )
        if self.last_stage not in STEPS:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG, f"last_stage is none of the steps: {self.last_stage}."
            )
        self.emergency = EmergencyListener(self)
        self._current: Request | None = None
        self._requests: queue.SimpleQueue[tuple[Request, Callable[[Outcome], None]] | None]
        self._requests = queue.SimpleQueue()
        for topic, sender in SENDERS.items():
            self.watch(topic, sender)
        self._tasks = self.publisher(msg.Task, "task", RELIABLE)
        self._stops = self.publisher(msg.StopTask, "stop", RELIABLE)
        self.subscription(msg.StageStatus, "status", self._on_status, STATUS)
        self.subscription(String, "instruction", self._on_instruction, RELIABLE)
        group = ReentrantCallbackGroup()
        self._server = ActionServer(
            self,
            Manipulate,
            "manipulate",
            execute_callback=self._execute,
            goal_callback=lambda goal: GoalResponse.ACCEPT,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
            callback_group=group,
            goal_service_qos_profile=REQUESTS,
            result_service_qos_profile=REQUESTS,
            cancel_service_qos_profile=REQUESTS,
        )
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._requests.put(None)
        self._thread.join(timeout=2 * self.stop_timeout)

    # ------------------------------------------------------------ goals in

    async def _execute(self, handle: ServerGoalHandle) -> Manipulate.Result:
        done: Any = Future(executor=self.executor)
        request = Request(
            handle.request, handle.publish_feedback, lambda: bool(handle.is_cancel_requested)
        )
        self._requests.put((request, done.set_result))
        outcome: Outcome = await done
        code = outcome.error.code if outcome.error else ErrorCode.NONE
        if code == ErrorCode.NONE:
            handle.succeed()
        elif code == ErrorCode.CANCELLED:
            handle.canceled()
        else:
            handle.abort()
        return Manipulate.Result(
            header=self.header(),
            task_id=outcome.task_id,
            error_code=int(code),
            error_msg=outcome.error.message if outcome.error else "",
            attempts=outcome.attempts,
            measurements=outcome.values,
        )

    def _on_instruction(self, message: String) -> None:
        def done(outcome: Outcome) -> None:
            text = outcome.error.message if outcome.error else "done"
            self.get_logger().info(f"{message.data!r}: {text}")

        goal = Manipulate.Goal(header=self.header(), instruction=message.data)
        self._requests.put((Request(goal, lambda feedback: None, lambda: False), done))

    def _on_status(self, status: msg.StageStatus) -> None:
        current = self._current
        if current is not None and status.task_id == current.task_id:
            current.statuses.put(status)

    # ------------------------------------------------------------ the working thread

    def _work(self) -> None:
        while (item := self._requests.get()) is not None:
            request, done = item
            outcome = Outcome()
            if not self._requests.empty():
                outcome.error = UnihmError(
                    ErrorCode.PREEMPTED, "A newer goal came before this one began."
                )
            else:
                self._current = request
                try:
                    self._carry_out(request, outcome)
                except Exception as error:  # a defect of ours; the next goal must work
                    self.get_logger().error(traceback.format_exc())
                    outcome.error = UnihmError(ErrorCode.INTERNAL, f"{self.stage}: {error!r}")
                self._current = None
            done(outcome)

    def _carry_out(self, request: Request, outcome: Outcome) -> None:
        """All attempts of a goal; fills in ``outcome``."""
        goal = request.goal
        started = self.seconds
        try:
            self._check(goal)
            deadline = started + (goal.options.timeout or self.task_timeout)
            self._wait_until_alone(request, deadline)
        except UnihmError as error:
            outcome.error = error
            return
        attempts = goal.options.attempts or self.attempts
        for attempt in range(1, attempts + 1):
            request.task_id = outcome.task_id = secrets.token_hex(16)  # nobody can guess it
            outcome.attempts, outcome.error = attempt, None
            try:
                outcome.values = self._attempt(request, attempt, deadline)
            except UnihmError as error:
                outcome.error = error
                self._stop(request, error)
            if outcome.error is None or outcome.error.code not in _RETRIED:
                break
            self.get_logger().info(f"attempt {attempt} failed: {outcome.error.message}")
        outcome.values += measurements({"duration": (self.seconds - started, "s")})

    def _check(self, goal: Manipulate.Goal) -> None:
        if self.fault is not None:
            raise self.fault
        self.emergency.check()
        if not goal.instruction.strip():
            raise UnihmError(ErrorCode.INVALID_INSTRUCTION, "The instruction is empty.")
        if goal.hand not in ("", self.hand_name):
            raise UnihmError(
                ErrorCode.UNKNOWN_HAND,
                f"The hand '{goal.hand}' is not mounted; '{self.hand_name}' is.",
            )
        if not 0.0 <= goal.options.timeout <= LONGEST_TIMEOUT:
            raise UnihmError(
                ErrorCode.INVALID_INSTRUCTION,
                f"A time-out must be 0 (the node's own) to {LONGEST_TIMEOUT:.0f} s, not "
                f"{goal.options.timeout}.",
            )

    def _wait_until_alone(self, request: Request, deadline: float) -> None:
        """Until nobody else publishes where one node may; a node that died is soon forgotten.

        Raises:
            UnihmError: SAFETY_STOP where somebody goes on.
        """
        self._look_around()
        end = time.monotonic() + FORGOTTEN
        while (trespass := self.trespass) is not None:
            late = time.monotonic() > end or self.seconds > deadline
            if late or not isinstance(trespass, NotYet):
                raise trespass
            self._check_wanted(request, "waiting")
            time.sleep(_POLL)

    def _attempt(self, request: Request, attempt: int, deadline: float) -> list[msg.Measurement]:
        """Publish the task and follow its stages to the end; returns what they measured.

        Raises:
            UnihmError: of the stage that failed; CANCELLED, PREEMPTED or STAGE_TIMEOUT.
        """
        task = Task(request.task_id, request.goal.instruction, self.hand_name)
        began = self.seconds
        self._tasks.publish(task_to_msg(task, self.header(), attempt))
        values: list[msg.Measurement] = []
        stage, heard = STEPS[0], began
        while True:
            self._check_end(request, stage, heard, deadline)
            try:
                status = request.statuses.get(timeout=_POLL)
            except queue.Empty:
                continue
            if status.task_id != request.task_id:
                continue
            heard = self.seconds
            if status.state == msg.StageStatus.FAILED:
                raise UnihmError(ErrorCode(status.error_code), status.error_msg)
            if status.stage in PROGRESS:
                if status.stage == "arm" and stage != "arm":
                    values += measurements({"first_command": (heard - began, "s")})
                stage = status.stage
                request.feedback(self._feedback(status, attempt))
            if status.state == msg.StageStatus.SUCCEEDED:
                values += _measured(status)
                if status.stage == self.last_stage:
                    return values

    def _check_wanted(self, request: Request, stage: str) -> None:
        self.emergency.check()
        if request.is_cancelled():
            raise UnihmError(ErrorCode.CANCELLED, f"Cancelled in the stage {stage}.")
        if not self._requests.empty():
            raise UnihmError(ErrorCode.PREEMPTED, f"A newer goal came in the stage {stage}.")

    def on_clock_jump(self, error: UnihmError) -> None:
        current = self._current
        if current is not None:
            current.jump = error

    def _check_end(self, request: Request, stage: str, heard: float, deadline: float) -> None:
        now = self.seconds  # what follows says whether that can be believed
        self.clock_watch.look()
        if request.jump is not None:
            raise request.jump
        if self.clock_watch.jumping:
            return
        self._check_wanted(request, stage)
        if self.trespass is not None:
            raise self.trespass
        if now - heard > self.stage_timeout:
            raise UnihmError(
                ErrorCode.STAGE_TIMEOUT,
                f"No word from any stage for {self.stage_timeout:.0f} s; the last was {stage}.",
            )
        if now > deadline:
            raise UnihmError(
                ErrorCode.STAGE_TIMEOUT, f"The task's time was over in the stage {stage}."
            )

    def _feedback(self, status: msg.StageStatus, attempt: int) -> Manipulate.Feedback:
        index = STEPS.index(status.stage)
        before = PROGRESS[STEPS[index - 1]] if index else 0.0
        share = 1.0 if status.state == msg.StageStatus.SUCCEEDED else status.progress
        return Manipulate.Feedback(
            header=self.header(),
            task_id=status.task_id,
            stage=status.stage,
            progress=before + share * (PROGRESS[status.stage] - before),
            attempt=attempt,
        )

    def _stop(self, request: Request, error: UnihmError) -> None:
        """Tell every stage that the task is over and wait until the arm rests."""
        self._stops.publish(
            msg.StopTask(
                header=self.header(),
                task_id=request.task_id,
                error_code=int(error.code),
                reason=error.message,
            )
        )
        if STEPS.index(self.last_stage) < STEPS.index("arm"):
            return  # there is no arm that could move
        end = time.monotonic() + self.stop_timeout
        while time.monotonic() < end:
            try:
                status = request.statuses.get(timeout=_POLL)
            except queue.Empty:
                continue
            if status.stage == "arm" and status.state == msg.StageStatus.STOPPED:
                return
        self.get_logger().warning("The arm controller did not say that the arm rests.")


def _measured(status: msg.StageStatus) -> list[msg.Measurement]:
    """A stage's duration and measurements under its name."""
    own = [
        msg.Measurement(name=f"{status.stage}/{m.name}", value=m.value, unit=m.unit)
        for m in status.measurements
    ]
    return measurements({f"{status.stage}/duration": (status.duration, "s")}) + own
