"""What the arm is doing, as a machine of states: what may follow what, and what is held meanwhile.

No ROS and no clock of its own: whoever runs it tells it the time, takes the horizons that it sends,
and plans (``execution.py``). Every call either is legal in the present state or is refused with a
sentence, and changes nothing then.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from unihm.control.config import ControlConfig
from unihm.control.emergency import refusal
from unihm.control.execution import ExecutionPlan
from unihm.control.horizon import (
    LEAD,
    LONGEST_LEAD,
    REFRESH,
    WINDOW,
    Follower,
    Horizon,
    TooLate,
)
from unihm.control.planning import CLOSE, Posture
from unihm.control.reverse import put_back
from unihm.control.safety import SafetyGate
from unihm.control.timing import move
from unihm.errors import ErrorCode, UnihmError
from unihm.robots.limits import JointLimits
from unihm.types import FloatArray, Phase

NOTHING_HELD = (ErrorCode.GRASP_FAILED, ErrorCode.OBJECT_LOST)
_FIRST_STEP = 2e-3  # rad between where the arm rests and where a motion of it begins
_ARRIVED = 1e-6  # rad
# s from a decision to the stop, one try after the other to send it in time.
_STOPS = (LEAD, LEAD, LEAD, 2 * LEAD, 4 * LEAD)
# An arm that has not moved for so long (s) while it was told to move so far (rad) does not listen.
_STANDSTILL, _TOLD, _MOVED = 0.5, 0.05, 2e-3


class ControllerState(IntEnum):
    """The numbers are those of ``unihm_msgs/Heartbeat``."""

    READY = 0  # at rest with an empty hand
    WORKING = 1  # of the other nodes: at work on a task
    MOVING = 2
    HOLDING = 3  # at rest with something in the hand
    PUTTING_BACK = 4
    STOPPING = 5  # braking, in place of the rest of a motion
    STOPPED = 6  # at rest; the emergency stop has to be reset first


TRANSITIONS: dict[ControllerState, tuple[ControllerState, ...]] = {
    ControllerState.READY: (ControllerState.MOVING, ControllerState.STOPPED),
    ControllerState.MOVING: (
        ControllerState.READY,
        ControllerState.HOLDING,
        ControllerState.STOPPING,
    ),
    ControllerState.HOLDING: (
        ControllerState.PUTTING_BACK,
        ControllerState.READY,
        ControllerState.STOPPED,
    ),
    ControllerState.PUTTING_BACK: (ControllerState.READY, ControllerState.STOPPING),
    ControllerState.STOPPING: (
        ControllerState.READY,
        ControllerState.HOLDING,
        ControllerState.STOPPED,
    ),
    ControllerState.STOPPED: (ControllerState.READY, ControllerState.HOLDING),
}


@dataclass
class Run:
    """A plan that is being followed.

    Attributes:
        task_id: that it is for.
        stage: "ready", "arm" or "retreat": what it is for.
        plan: of arm and hand.
        start: s, when its first sample is due.
        then: called once it has come to its end, or, where it was stopped, to rest.
        undoes: it puts back what is held.
    """

    task_id: str
    stage: str
    plan: ExecutionPlan
    start: float
    then: Callable[[], None]
    undoes: bool
    follower: Follower = field(repr=False)
    first: int = 0  # sample of the plan that the follower's path comes to ...
    join: int = 0  # ... after so many samples of its own

    def index(self, now: float) -> int:
        """The sample of the plan that is due."""
        return self.first + max(0, self.follower.index(now) - self.join)


class ArmMachine:
    """Follows plans, one at a time, and comes to rest whenever it is told to.

    Args:
        limits: of the arm.
        config: rate, speed and bounds.
        send: gives a horizon to the driver.
        failed: called with the task and the error where a motion was stopped by the machine.
        window: s of the path that the driver is given at a time.

    Attributes:
        state: what it is doing.
        run: the plan that is being followed; None at rest.
        way_back: how what is held is put back; None: nothing is held.
        setpoint: of arm and hand, what they were told last; None before the first motion.
        is_sure: what the hand holds is known; not so at the start.
        in_doubt: the last motion ended with a stop, which the arm's driver need not have heard.
    """

    def __init__(
        self,
        limits: JointLimits,
        config: ControlConfig,
        send: Callable[[Horizon], None],
        failed: Callable[[str, UnihmError], None],
        window: float = WINDOW,
    ) -> None:
        self.limits, self.config = limits, config
        self._send, self._failed, self._window = send, failed, window
        self.state = ControllerState.READY
        self.run: Run | None = None
        self.way_back: ExecutionPlan | None = None
        self.setpoint: Posture | None = None
        self.is_sure = self.in_doubt = False
        self._asked = False  # a person has been asked to look
        self._engaged = ""
        self._sent_at = -np.inf
        self._lead = LEAD  # s that this machine needs to get an arm going that rests
        self._ticked_at = 0.0
        self._measured: FloatArray | None = None
        self._jumped = False  # where the driver's trajectory leads is not known, by whose clock
        # When, where the arm was told to be and where it was, of late.
        self._course: deque[tuple[float, FloatArray, FloatArray]] = deque()

    # ------------------------------------------------------------ what it is asked

    def begin(
        self,
        task_id: str,
        stage: str,
        plan: ExecutionPlan,
        start: float,
        then: Callable[[], None],
        undoes: bool = False,
    ) -> None:
        """Follow a plan from ``start`` on; the arm rests at its first sample.

        Raises:
            UnihmError: SAFETY_STOP where it is moving, stopped, or holds something that the plan
                does not put back, or where the plan begins somewhere else.
        """
        if self._engaged:
            raise refusal(self._engaged)
        if self.run is not None:
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"The arm is {self.state.name.lower().replace('_', ' ')} for the task "
                f"{self.run.task_id}; a second motion is not begun.",
            )
        if self.way_back is not None and not undoes:
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                "The hand holds something, which has to be put back before anything else.",
            )
        if self.setpoint is not None:
            away = np.abs(plan.arm[0] - self.setpoint[0]).max()
            if not away <= _FIRST_STEP:
                raise UnihmError(
                    ErrorCode.SAFETY_STOP,
                    f"The motion begins {away:.3f} rad from where the arm rests.",
                )
        gate = SafetyGate(self.limits, self.config.rate, plan.arm[0], self.config.safety)
        follower = Follower(plan.arm, gate, start, self._window)
        self._go(ControllerState.PUTTING_BACK if undoes else ControllerState.MOVING)
        self.run = Run(task_id, stage, plan, start, then, undoes, follower)
        self._sent_at = -np.inf
        self._course.clear()
        self._jumped = False

    def halt(self, now: float, then: Callable[[], None]) -> None:
        """Brake; ``then`` is called at rest, at once where it is at rest already."""
        if self.run is None:
            then()
            return
        self.run.then = then
        if self.state != ControllerState.STOPPING:
            self._brake(self.run, now)

    def abort(self, error: UnihmError, now: float) -> None:
        """Brake because something is wrong, and say so."""
        run = self.run
        if run is not None and self.state != ControllerState.STOPPING:
            self.halt(now, _nothing)
            self._failed(run.task_id, error)

    def engage(self, reason: str, now: float) -> None:
        """The emergency stop: brake, and refuse everything until :meth:`reset`."""
        self._engaged = reason or "no reason was given"
        if self.run is None and self.state != ControllerState.STOPPED:
            self._go(ControllerState.STOPPED)
        self.abort(refusal(self._engaged), now)

    def clock_jumped(self, error: UnihmError, now: float) -> None:
        """The clock was set since the last tick: come to rest, by the new one.

        By which clock the driver follows what it holds, and where that leads it now, is not known.
        It is told nothing until that is over, and then to stay where it is.
        """
        run = self.run
        if run is not None:
            run.follower.shift(now - self._ticked_at)
            self._jumped = True
            if self.state != ControllerState.STOPPING:
                run.then = _nothing
                self._give_up(run, now)
                self._failed(run.task_id, error)
        self._ticked_at = now

    def reset(self) -> None:
        """The emergency stop is over; nothing moves by that. Who was asked to look has looked."""
        self._engaged = ""
        self.is_sure |= self._asked
        if self.state == ControllerState.STOPPED:
            self._go(self._resting())

    def look_at_hand(self, is_open: bool) -> None:
        """Before the first motion after a start: may the hand hold something?

        Raises:
            UnihmError: SAFETY_STOP where nobody knows; a person has to look, and to reset the
                emergency stop.
        """
        self.is_sure |= is_open
        if not self.is_sure:
            self._asked = True
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                "The hand is not open, and whether it holds something is not known since the arm "
                "controller was started; take it out by hand, then reset the emergency stop.",
            )

    def forget_held(self) -> None:
        """Nothing is in the hand any more: it was lost, or never there."""
        self.way_back = None
        if self.state == ControllerState.HOLDING:
            self._go(ControllerState.READY)

    def moved(self) -> None:
        """Somebody else has moved the arm since; where it was sent last counts no more."""
        if self.run is None:
            self.setpoint = None

    def rests_at(self, measured: FloatArray) -> bool:
        """Whether an arm at rest that is measured at (n,) rad is where it was told to be.

        It may be a little away, as its weight makes it; where that is in doubt, no further than a
        motion may begin away.
        """
        if self.setpoint is None:
            return False
        away = np.abs(self.setpoint[0] - measured).max()
        return bool(away < (_FIRST_STEP if self.in_doubt else CLOSE))

    def found_at(self, measured: FloatArray) -> None:
        """It was not where it was told to be, but near: the hand has what it had."""
        if self.run is None and self.setpoint is not None:
            self.setpoint = measured, self.setpoint[1]

    # ------------------------------------------------------------ as time goes on

    def tick(self, now: float, hand_at: float = np.inf) -> None:
        """Send what is due, and notice what has ended.

        Args:
            now: s.
            hand_at: the sample of the plan that the hand has come to. Where a phase or the plan
                ends, the arm waits for it.
        """
        self._ticked_at = now
        run = self.run
        if run is None:
            return
        follower = run.follower
        self.setpoint = follower.at(now), run.plan.hand[run.index(now)]
        if self.state == ControllerState.STOPPING:
            if now >= follower.end:
                self._rest(run)
            return
        follower.allowed = self._allowed(run, now, hand_at)
        follower.advance(now)
        if follower.braked:
            if now >= follower.end:
                self._resume(run, now)
            return
        if follower.is_done(now) and hand_at >= len(run.plan) - 1:
            self._finish(run, now)
        elif now - self._sent_at >= REFRESH * self._window - 1e-6:
            following = copy.copy(follower)
            try:
                self._send(following.horizon(now, self._lead if follower.will_rest else LEAD))
            except TooLate:
                # The driver goes on with what it has, and brakes behind it. Where it rests, the
                # next one begins later.
                self._lead = min(2 * self._lead, LONGEST_LEAD)
            except UnihmError as error:
                self.abort(error, now)
            else:
                run.follower, self._sent_at, self._lead = following, now, LEAD

    def watch(self, measured: FloatArray, taken: float, doubt: float = 0.0) -> None:
        """Compare where the joints (n,) were with where they were sent.

        Args:
            measured: (n,).
            taken: s, when that was.
            doubt: s that it may have been earlier: a clock's offset and time on the way look the
                same.

        Raises:
            UnihmError: SAFETY_STOP where the arm does not follow, or the values are none. It is for
                the caller to :meth:`abort` then.
        """
        self._measured = measured
        if self.run is not None and self.state != ControllerState.STOPPING:
            times = np.linspace(taken - doubt, taken, 1 + int(np.ceil(doubt * self.config.rate)))
            told = np.array([self.run.follower.at(time) for time in times])
            nearest = np.clip(measured, told.min(axis=0), told.max(axis=0))
            gate = SafetyGate(self.limits, self.config.rate, nearest, self.config.safety)
            gate.check(measured, 0.0)
            self._check_listens(told[0], measured, taken)

    # ------------------------------------------------------------ inside

    def _check_listens(self, told: FloatArray, measured: FloatArray, taken: float) -> None:
        """Raises SAFETY_STOP for an arm that stands while it is told to move."""
        self._course.append((taken, told, measured))
        while taken - self._course[1 % len(self._course)][0] >= _STANDSTILL:
            self._course.popleft()
        # Over all of that time: one that has turned back is where it was as well.
        goes = np.ptp([told for _, told, _ in self._course], axis=0) > _TOLD
        stands = np.ptp([measured for *_, measured in self._course], axis=0) < _MOVED
        if taken - self._course[0][0] >= _STANDSTILL and (goes & stands).any():
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"Joint {int((goes & stands).argmax())} stands still though it was told to move; "
                "a reflex of the robot, or its driver, has to be acknowledged there.",
            )

    def _go(self, state: ControllerState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise UnihmError(
                ErrorCode.INTERNAL, f"The arm cannot go from {self.state.name} to {state.name}."
            )
        self.state = state

    def _resting(self) -> ControllerState:
        return ControllerState.READY if self.way_back is None else ControllerState.HOLDING

    def _allowed(self, run: Run, now: float, hand_at: float) -> int:
        """The last index of the follower's path that the hand's progress allows."""
        phase = run.plan.phase
        here = run.index(now)
        ends = here + np.flatnonzero(phase[here:-1] != phase[here + 1 :])
        ahead = ends[ends > hand_at]
        last = int(ahead[0]) if len(ahead) else len(run.plan) - 1
        return last - run.first + run.join

    def _give_up(self, run: Run, now: float) -> None:
        """What is left of a motion is not carried out; what the hand holds is known."""
        index = run.index(now)
        if run.undoes:
            self.way_back = run.plan.rest(index)
        elif run.stage == "arm":
            holds = run.plan.phase[index] == Phase.HOLD and run.plan.squeeze.any()
            self.way_back = put_back(run.plan, index) if holds else None
        self._go(ControllerState.STOPPING)

    def _brake(self, run: Run, now: float) -> None:
        self._give_up(run, now)
        for lead in _STOPS:
            follower = copy.copy(run.follower)
            try:
                self._send(follower.halt(now, lead))
            except TooLate as late:  # on a busy machine; the way to rest is another one by now
                now = late.now
                continue
            except UnihmError:  # nothing listens any more
                pass
            run.follower = follower
            return
        # What the driver holds ends at rest all the same.

    def _rest(self, run: Run) -> None:
        """The end of a stop."""
        end = run.follower.end
        self.setpoint = run.follower.at(end), run.plan.hand[run.index(end)]
        self.in_doubt = True
        if self._jumped:
            self.setpoint = None
            if self._measured is not None:
                with suppress(UnihmError):  # nothing listens any more
                    self._send(Horizon(0.0, self.config.rate, self._measured[None]))
        self.run = None
        self._go(ControllerState.STOPPED if self._engaged else self._resting())
        run.then()

    def _finish(self, run: Run, now: float) -> None:
        """The end of a plan."""
        self.setpoint, self.in_doubt = (run.follower.at(now), run.plan.hand[-1]), False
        if run.undoes:
            self.way_back = None
        elif run.stage == "arm" and run.plan.phase[-1] == Phase.HOLD and run.plan.squeeze.any():
            self.way_back = put_back(run.plan, len(run.plan) - 1)
        self.run = None
        self._go(self._resting())
        run.then()

    def _resume(self, run: Run, now: float) -> None:
        """The driver has braked for want of a horizon: go back to the path, and on with it."""
        index, here = run.index(now), run.follower.at(now)
        path = run.plan.arm[index:]
        join = 0
        if np.abs(path[0] - here).max() > _ARRIVED:
            limits = self.limits.scaled(self.config.speed)
            way = move(here, path[0], limits, self.config.rate).positions
            path, join = np.concatenate([way, path[1:]]), len(way) - 1
        gate = SafetyGate(self.limits, self.config.rate, here, self.config.safety)
        run.follower = Follower(path, gate, now + LEAD, self._window)
        run.first, run.join = index, join
        self._sent_at = -np.inf


def _nothing() -> None:
    """What comes after a motion that is stopped for a fault."""
