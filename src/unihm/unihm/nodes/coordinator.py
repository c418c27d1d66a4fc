"""The action /unihm/manipulate and the topic /unihm/instruction -> Task; one task at a time."""

from __future__ import annotations

import queue
import secrets
import time
from typing import Any

from unihm_msgs import msg
from unihm_msgs.action import Manipulate

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import (
    Action,
    Command,
    Dialogue,
    LanguageReader,
    Step,
    describe,
    describe_step,
    understand,
)
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import command_to_msg, measurements, task_to_msg
from unihm.ros.emergency import EmergencyListener
from unihm.ros.goals import Goals, Outcome, Request
from unihm.ros.partners import FIRST_WORD, Partners
from unihm.ros.progress import PROGRESS, STEPS, feedback_of, measured, nodes_until, of_step
from unihm.ros.qos import LATCHED, RELIABLE, STATUS
from unihm.ros.senders import FORGOTTEN, SENDERS, NotYet
from unihm.types import Task

_RETRIED = (ErrorCode.GRASP_FAILED, ErrorCode.OBJECT_LOST)
LONGEST_TIMEOUT = 3600.0  # s
_POLL = 0.02  # s between looks at cancel and time-outs
_LOOK = 0.1  # s between looks at who is silent


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
        self.partners = Partners(self, timeout=1.0, step=_LOOK)
        self._needed = nodes_until(self.last_stage)
        self.create_timer(_LOOK, self.partners.look, clock=self._steady)
        self._dialogue = Dialogue()
        self._reader = LanguageReader.load(self.preset)
        for topic, sender in SENDERS.items():
            self.watch(topic, sender)
        self._tasks = self.publisher(msg.Task, "task", RELIABLE)
        self._stops = self.publisher(msg.StopTask, "stop", RELIABLE)
        self._understood = self.publisher(msg.Command, "understood", LATCHED)
        self.subscription(msg.StageStatus, "status", self._on_status, STATUS)
        self.goals = Goals(self, self._carry_out, self._show)

    def end(self) -> None:
        self.goals.end(2 * self.stop_timeout)

    def on_clock_jump(self, error: UnihmError) -> None:
        if self.goals.current is not None:
            self.goals.current.jump = error

    def _on_status(self, status: msg.StageStatus) -> None:
        current = self.goals.current
        if current is not None and status.task_id == current.task_id:
            current.statuses.put(status)

    def _show(self, command: Command) -> None:
        self._understood.publish(command_to_msg(command, self.header()))

    def _carry_out(self, request: Request, outcome: Outcome) -> None:
        """All steps of a goal; fills in ``outcome``."""
        goal = request.goal
        started = self.seconds
        try:
            self._check(goal)
            command = self._read(goal.instruction)
            deadline = started + (goal.options.timeout or self.task_timeout)
            self._wait_until_well(request, deadline)
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
        self._show(command)
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
                outcome.values = before + of_step(values, request.step, request.steps)
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

    def _wait_until_well(self, request: Request, deadline: float) -> None:
        """Until everybody is there, and nobody else publishes where one node may.

        A node that died is soon started again, and forgotten.

        Raises:
            UnihmError: SAFETY_STOP where somebody goes on, STAGE_TIMEOUT where one does not come.
        """
        self._look_around()
        began = time.monotonic()
        while (trespass := self.trespass) is not None or self.partners.gone(self._needed):
            waited = time.monotonic() - began
            late = self.seconds > deadline
            if trespass is None:
                if late or waited > FIRST_WORD:
                    self._check_alive()
            elif late or waited > FORGOTTEN or not isinstance(trespass, NotYet):
                raise trespass
            self._check_wanted(request, "waiting")
            time.sleep(_POLL)

    def _check_alive(self) -> None:
        gone = self.partners.gone(self._needed)
        if gone:
            raise UnihmError(
                ErrorCode.STAGE_TIMEOUT,
                f"Nothing is heard of {' and '.join(gone)} any more; start it again.",
            )

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
        self._tell(request, msg.StageStatus(task_id=task.task_id, stage=STEPS[0]), attempt)
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
                self._tell(request, status, attempt)
            if status.state == msg.StageStatus.SUCCEEDED:
                values += measured(status)
                if status.stage == last:
                    if last != self.last_stage:
                        self._end_task(request, UnihmError(ErrorCode.NONE, "It is put down."))
                    return values

    def _check_wanted(self, request: Request, stage: str) -> None:
        self.emergency.check()
        self.goals.check_wanted(request, stage)

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
        self._check_alive()
        if now - heard > self.stage_timeout:
            raise UnihmError(
                ErrorCode.STAGE_TIMEOUT,
                f"No word from any stage for {self.stage_timeout:.0f} s; the last was {stage}.",
            )
        if now > deadline:
            raise UnihmError(
                ErrorCode.STAGE_TIMEOUT, f"The task's time was over in the stage {stage}."
            )

    def _tell(self, request: Request, status: msg.StageStatus, attempt: int) -> None:
        feedback = feedback_of(status, attempt, request.step, request.steps)
        feedback.header, feedback.understood = self.header(), request.understood
        request.feedback(feedback)

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
        while time.monotonic() < end and not self.partners.gone(["arm_controller"]):
            try:
                status = request.statuses.get(timeout=_POLL)
            except queue.Empty:
                continue
            if status.stage == "arm" and status.state == msg.StageStatus.STOPPED:
                return
        self.get_logger().warning("The arm controller did not say that the arm rests.")
