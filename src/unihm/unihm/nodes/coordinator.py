"""The action /unihm/manipulate and the topic /unihm/instruction -> Task; one task at a time."""

from __future__ import annotations

import secrets
from itertools import count
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
from unihm.ros.attempts import Attempts, Lost
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import command_to_msg, measurements
from unihm.ros.emergency import EmergencyListener
from unihm.ros.goals import Goals, Outcome, Request
from unihm.ros.partners import Partners
from unihm.ros.progress import BEFORE_MOVING, STEPS, of_step
from unihm.ros.qos import LATCHED
from unihm.ros.senders import SENDERS

_RETRIED = (ErrorCode.GRASP_FAILED, ErrorCode.OBJECT_LOST)
_BEGUN_ANEW = 2  # attempts more where one ended before anything was touched
LONGEST_TIMEOUT = 3600.0  # s
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
        self.create_timer(_LOOK, self.partners.look, clock=self._steady)
        self._dialogue = Dialogue()
        self._reader = LanguageReader.load(self.preset)
        for topic, sender in SENDERS.items():
            self.watch(topic, sender)
        self._understood = self.publisher(msg.Command, "understood", LATCHED)
        self.goals = Goals(self, self._carry_out, self._show)
        self._tasks = Attempts(
            self,
            self.goals,
            self.emergency,
            self.partners,
            hand_name=self.hand_name,
            last_stage=self.last_stage,
            stage_timeout=self.stage_timeout,
            stop_timeout=self.stop_timeout,
        )

    def end(self) -> None:
        self.goals.end(2 * self.stop_timeout)

    def on_clock_jump(self, error: UnihmError) -> None:
        current = self.goals.current
        if current is not None and current.jump is None:
            current.jump = error

    def _show(self, command: Command) -> None:
        self._understood.publish(command_to_msg(command, self.header()))

    def _carry_out(self, request: Request, outcome: Outcome) -> None:
        """All steps of a goal; fills in ``outcome``."""
        goal = request.goal
        started = self.seconds
        try:
            self._check(goal)
            command = self._read(request)
            deadline = started + (goal.options.timeout or self.task_timeout)
            self._tasks.wait_until_well(request, deadline)
        except UnihmError as error:
            outcome.error = error
            return
        request.understood, request.steps = describe(command), len(command.steps)
        for request.step, step in enumerate(command.steps, 1):
            self._carry_out_step(request, command, step, outcome, deadline)
            if outcome.error is not None:
                break
            if not request.until:
                self._dialogue.remember(step)
        outcome.values += measurements({"duration": (self.seconds - started, "s")})

    def _read(self, request: Request) -> Command:
        """What a sentence asks for, after what was said before.

        Raises:
            UnihmError: why nothing is done.
        """
        command = self._reader.understand(request.goal.instruction, self._dialogue)
        self._show(command)
        first = command.accepted()[0]
        if first.action is Action.RELEASE and self._dialogue.held is None:
            raise UnihmError(ErrorCode.INVALID_INSTRUCTION, "I hold nothing that I could put down.")
        if request.until and (first.action is Action.RELEASE or len(command.steps) > 1):
            raise UnihmError(
                ErrorCode.INVALID_INSTRUCTION,
                "Only one thing can be planned at a time, from what is seen now: what comes after "
                "it, and putting down what is held, cannot.",
            )
        return command

    def _carry_out_step(
        self, request: Request, command: Command, step: Step, outcome: Outcome, deadline: float
    ) -> None:
        """All attempts of one step; adds to ``outcome``."""
        goal, before = request.goal, outcome.values
        alone = command.signature == understand(command.sentence).signature
        words = command.sentence if alone and len(command.steps) == 1 else describe_step(step)
        if not request.until:
            self._dialogue.held = None  # a task begins by putting back what is held
        tries = 1 if request.until else goal.options.attempts or self.attempts
        anew = _BEGUN_ANEW
        for attempt in count(1):
            request.task_id = outcome.task_id = secrets.token_hex(16)  # nobody can guess it
            outcome.attempts, outcome.error = attempt, None
            try:
                values = self._tasks.make(request, words, step, attempt, deadline, again=anew > 0)
                outcome.values = before + of_step(values, request.step, request.steps)
                return
            except UnihmError as error:
                outcome.error = error
                self._tasks.stop(request, error)
            untouched = isinstance(outcome.error, Lost)
            untouched |= outcome.error.code is ErrorCode.OBJECT_MOVED
            if untouched and anew:
                anew -= 1
            elif outcome.error.code in _RETRIED and tries > 1:
                tries -= 1
            else:
                return
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
        steps = [s for s in STEPS[: STEPS.index(self.last_stage) + 1] if s in BEFORE_MOVING]
        if goal.options.until not in ("", *steps):
            raise UnihmError(
                ErrorCode.INVALID_INSTRUCTION,
                f"What is only planned ends with one of {', '.join(steps)}, not with "
                f"{goal.options.until[:40]!r}.",
            )
