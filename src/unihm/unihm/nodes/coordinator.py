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
from unihm.perception.language import (
    Action,
    Command,
    Dialogue,
    LanguageReader,
    SentenceKind,
    Step,
    describe,
    describe_step,
    understand,
)
from unihm.ros.base import LATCHED, RELIABLE, REQUESTS, STATUS, UnihmNode
from unihm.ros.conversions import command_to_msg, measurements, task_to_msg
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
# Said while a task runs, these are answered and do not end it.
_ANSWERED = (SentenceKind.QUESTION, SentenceKind.STATEMENT)
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
        self.understood = ""  # the words, as they were understood
        self.stops = False  # it says "stop"
        self.step = self.steps = 1  # which of how many is at work
        self.jump: UnihmError | None = None  # of the clock that the goal is timed by
        self.statuses: queue.SimpleQueue[msg.StageStatus] = queue.SimpleQueue()


class CoordinatorNode(UnihmNode):
    """Gives out tasks and follows their stages: feedback, cancel, preemption, time-outs, retries.

    Goals are carried out one after the other in a thread of their own; one that waits ends the one
    before it, but a question or a statement, which is only answered. A sentence of several steps is
    several tasks, one after the other until one fails. What the words were understood as is on the
    topic ``understood`` and in the feedback before anything moves.
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
        self._dialogue = Dialogue()
        self._reader = LanguageReader.load(self.preset)
        self._halted = threading.Event()  # somebody said "stop"
        self._requests: queue.SimpleQueue[tuple[Request, Callable[[Outcome], None]] | None]
        self._requests = queue.SimpleQueue()
        for topic, sender in SENDERS.items():
            self.watch(topic, sender)
        self._tasks = self.publisher(msg.Task, "task", RELIABLE)
        self._stops = self.publisher(msg.StopTask, "stop", RELIABLE)
        self._understood = self.publisher(msg.Command, "understood", LATCHED)
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
        self._take(request, done.set_result)
        outcome: Outcome = await done
        code = outcome.error.code if outcome.error else ErrorCode.NONE
        if code == ErrorCode.NONE:
            handle.succeed()
        elif code == ErrorCode.CANCELLED and handle.is_cancel_requested:
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
        self._take(Request(goal, lambda feedback: None, lambda: False), done)

    def _take(self, request: Request, done: Callable[[Outcome], None]) -> None:
        """Queue a goal; answer at once what shall not end the one that runs."""
        command = understand(request.goal.instruction)
        if command.kind is SentenceKind.STOP:
            request.stops = True
            self._halted.set()
        elif (
            self._current is not None and command.kind in _ANSWERED and command.refusal is not None
        ):
            self._understood.publish(command_to_msg(command, self.header()))
            error = UnihmError(command.refusal.code, command.refusal.message)
            done(Outcome(error))
            return
        self._requests.put((request, done))

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
            if request.stops:
                self._halted.clear()
            done(outcome)

    def _carry_out(self, request: Request, outcome: Outcome) -> None:
        """All steps of a goal; fills in ``outcome``."""
        goal = request.goal
        started = self.seconds
        try:
            self._check(goal)
            command = self._read(goal.instruction)
            deadline = started + (goal.options.timeout or self.task_timeout)
            self._wait_until_alone(request, deadline)
        except UnihmError as error:
            outcome.error = error
            return
        request.understood, request.steps = describe(command), len(command.steps)
        for request.step, step in enumerate(command.steps, 1):
            self._carry_out_step(request, command, step, outcome, deadline)
            if outcome.error is not None:
                break
            self._dialogue.remember(step)
        outcome.values += measurements({"duration": (self.seconds - started, "s")})

    def _read(self, sentence: str) -> Command:
        """What a sentence asks for, after what was said before.

        Raises:
            UnihmError: why nothing is done.
        """
        command = self._reader.understand(sentence, self._dialogue)
        self._understood.publish(command_to_msg(command, self.header()))
        first = command.accepted()[0]
        if first.action is Action.RELEASE and self._dialogue.held is None:
            raise UnihmError(ErrorCode.INVALID_INSTRUCTION, "I hold nothing that I could put down.")
        return command

    def _carry_out_step(
        self, request: Request, command: Command, step: Step, outcome: Outcome, deadline: float
    ) -> None:
        """All attempts of one step; adds to ``outcome``."""
        goal, before = request.goal, outcome.values
        alone = command.signature == understand(command.sentence).signature
        words = command.sentence if alone and len(command.steps) == 1 else describe_step(step)
        self._dialogue.held = None  # a task begins by putting back what is held
        attempts = goal.options.attempts or self.attempts
        for attempt in range(1, attempts + 1):
            request.task_id = outcome.task_id = secrets.token_hex(16)  # nobody can guess it
            outcome.attempts, outcome.error = attempt, None
            try:
                values = self._attempt(request, words, step, attempt, deadline)
                outcome.values = before + _of_step(values, request)
            except UnihmError as error:
                outcome.error = error
                self._stop(request, error)
            if outcome.error is None or outcome.error.code not in _RETRIED:
                break
            self.get_logger().info(f"attempt {attempt} failed: {outcome.error.message}")

    def _check(self, goal: Manipulate.Goal) -> None:
        if self.fault is not None:
            raise self.fault
        self.emergency.check()
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

    def _attempt(
        self, request: Request, words: str, step: Step, attempt: int, deadline: float
    ) -> list[msg.Measurement]:
        """Publish the task and follow its stages to the end; returns what they measured.

        To put down what is held is over when the robot is ready for what comes next.

        Raises:
            UnihmError: of the stage that failed; CANCELLED, PREEMPTED or STAGE_TIMEOUT.
        """
        task = Task(request.task_id, words, self.hand_name)
        last = STEPS[0] if step.action is Action.RELEASE else self.last_stage
        began = self.seconds
        request.feedback(self._feedback(msg.StageStatus(stage=STEPS[0]), request, attempt))
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
                request.feedback(self._feedback(status, request, attempt))
            if status.state == msg.StageStatus.SUCCEEDED:
                values += _measured(status)
                if status.stage == last:
                    if last != self.last_stage:
                        self._end_task(request, UnihmError(ErrorCode.NONE, "It is put down."))
                    return values

    def _check_wanted(self, request: Request, stage: str) -> None:
        self.emergency.check()
        if request.is_cancelled():
            raise UnihmError(ErrorCode.CANCELLED, f"Cancelled in the stage {stage}.")
        if self._halted.is_set():
            raise UnihmError(ErrorCode.CANCELLED, f"Stopped by a word in the stage {stage}.")
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

    def _feedback(
        self, status: msg.StageStatus, request: Request, attempt: int
    ) -> Manipulate.Feedback:
        index = STEPS.index(status.stage)
        before = PROGRESS[STEPS[index - 1]] if index else 0.0
        share = 1.0 if status.state == msg.StageStatus.SUCCEEDED else status.progress
        return Manipulate.Feedback(
            header=self.header(),
            task_id=request.task_id,
            stage=status.stage,
            progress=(request.step - 1 + before + share * (PROGRESS[status.stage] - before))
            / request.steps,
            attempt=attempt,
            understood=request.understood,
            step=request.step,
            steps=request.steps,
        )

    def _end_task(self, request: Request, reason: UnihmError) -> None:
        """Tell every stage that the task is over."""
        self._stops.publish(
            msg.StopTask(
                header=self.header(),
                task_id=request.task_id,
                error_code=int(reason.code),
                reason=reason.message,
            )
        )

    def _stop(self, request: Request, error: UnihmError) -> None:
        """Tell every stage that the task is over and wait until the arm rests."""
        self._end_task(request, error)
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


def _of_step(values: list[msg.Measurement], request: Request) -> list[msg.Measurement]:
    """Measurements under the step's name, where there are several."""
    if request.steps == 1:
        return values
    prefix = f"step{request.step}/"
    return [msg.Measurement(name=prefix + m.name, value=m.value, unit=m.unit) for m in values]


def _measured(status: msg.StageStatus) -> list[msg.Measurement]:
    """A stage's duration and measurements under its name."""
    own = [
        msg.Measurement(name=f"{status.stage}/{m.name}", value=m.value, unit=m.unit)
        for m in status.measurements
    ]
    return measurements({f"{status.stage}/duration": (status.duration, "s")}) + own
