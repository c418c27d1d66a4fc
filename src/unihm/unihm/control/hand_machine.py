"""What the hand is doing: it goes along with the arm, and stops by itself where the arm is silent.

The hand has no clock of its own for a plan: the arm says which sample it is at, and the hand goes
on from there for ``window`` seconds and no further, and not past the end of a phase that the arm
has not passed. The arm in turn does not pass the end of a phase before the hand has come to it. So
neither goes on for long without the other, and neither lifts, closes or opens alone.
"""

from __future__ import annotations

import numpy as np

from unihm.control.config import SafetyConfig
from unihm.control.emergency import refusal
from unihm.control.horizon import WINDOW
from unihm.control.machine import ControllerState
from unihm.control.safety import SafetyGate
from unihm.errors import ErrorCode, UnihmError
from unihm.robots.limits import JointLimits
from unihm.types import FloatArray, IntArray

_THERE = 2e-3  # rad or m between set-point and plan at which the hand has come to a sample


class HandMachine:
    """Set-points of the hand, one a period.

    Args:
        limits: of the joints.
        rate: set-points per second.
        start: (J,) where the hand rests.
        window: s that the hand goes on without a word of the arm's.

    Attributes:
        state: READY, MOVING, STOPPING or STOPPED. A hand that holds something is READY: that it
            does so is the plan's to know, which the arm has.
    """

    def __init__(
        self, limits: JointLimits, rate: float, start: FloatArray, window: float = WINDOW
    ) -> None:
        # A finger that holds something is far from its set-point: that is how it presses.
        self._gate = SafetyGate(limits, rate, start, SafetyConfig(tracking_error=np.inf))
        self._window = window
        self.state = ControllerState.READY
        self._plan: FloatArray = np.zeros((0, len(start)))
        self._ends: IntArray = np.zeros(0, np.int64)
        self._rate = rate
        self._told = (0.0, 0.0)  # sample of the arm, s when it was there
        self._sample = 0
        self._way: list[FloatArray] = []  # the rest of a stop, sent before anything else
        self._wanted = self.position
        self._engaged = ""

    @property
    def position(self) -> FloatArray:
        """(J,) the last set-point."""
        return self._gate.position

    @property
    def sample(self) -> float:
        """The sample of the plan that the hand has come to; -1 before the first."""
        return float(self._sample)

    @property
    def is_between_phases(self) -> bool:
        """Whether it has come to the end of a phase, which the arm waits for."""
        return bool((self._ends == self._sample).any())

    def follow(self, plan: FloatArray, phase: IntArray, rate: float, start: float) -> None:
        """Follow a plan from now on, in place of another.

        Args:
            plan: (N, J) at ``rate``.
            phase: (N,).
            rate: samples per second.
            start: s, when the first one is due.

        Raises:
            UnihmError: SAFETY_STOP while the emergency stop is engaged, or for another number of
                joints.
        """
        if self._engaged:
            raise refusal(self._engaged)
        if plan.ndim != 2 or plan.shape[1] != len(self.position) or not np.isfinite(plan).all():
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"A plan must be finite numbers for {len(self.position)} joints; its shape is "
                f"{plan.shape}.",
            )
        self._plan, self._rate = plan, rate
        self._ends = np.flatnonzero(phase[:-1] != phase[1:])
        self._told, self._sample = (0.0, start), -1
        self.state = ControllerState.MOVING

    def hear(self, sample: float, time: float) -> None:
        """The arm was at a sample of the plan at a time, s."""
        if np.isfinite([sample, time]).all() and sample >= self._told[0]:
            self._told = sample, time

    def stop(self) -> None:
        """Come to rest, and stay: what is held stays held."""
        if self.state == ControllerState.MOVING:
            self._way.extend(self._gate.stop().positions[1:])
            self._wanted = self.position
            self.state = ControllerState.STOPPING

    def engage(self, reason: str) -> None:
        """The emergency stop."""
        self._engaged = reason or "no reason was given"
        self.stop()
        if self.state == ControllerState.READY:
            self.state = ControllerState.STOPPED

    def reset(self) -> None:
        """The emergency stop is over; nothing moves by that."""
        self._engaged = ""
        if self.state == ControllerState.STOPPED:
            self.state = ControllerState.READY

    def step(self, now: float) -> FloatArray:
        """The next set-point (J,), one period after the last.

        Raises:
            UnihmError: SAFETY_STOP of the gate.
        """
        if self._way:
            return self._way.pop(0)
        if self.state == ControllerState.STOPPING:
            self.state = ControllerState.STOPPED if self._engaged else ControllerState.READY
        if self.state != ControllerState.MOVING:
            return self._gate.command(self._wanted)
        at, when = self._told
        ahead = min(max(0.0, now - when), self._window) * self._rate
        ends = self._ends[self._ends >= at]
        last = int(ends[0]) if len(ends) else len(self._plan) - 1
        sample = min(int(at + ahead + 1e-6), max(last, int(at)), len(self._plan) - 1)
        self._wanted = self._plan[max(sample, self._sample, 0)]
        position = self._gate.command(self._wanted)
        if np.abs(position - self._wanted).max() < _THERE:
            self._sample = max(sample, self._sample, 0)
            if self._sample == len(self._plan) - 1:
                self.state = ControllerState.READY
        return position
