"""What the arm's driver is sent: the next moments of a path, and a stop behind them.

A driver that is given a whole trajectory follows it to its end, whatever has become of the
controller. So it never is: several times a second it is sent the next ``window`` seconds of the
path and the shortest legal stop from there. Whatever it holds at any instant ends at rest within
the limits, and when the controller dies, the arm brakes ``window`` later at the latest, without
anybody's help.

What the driver holds is also the truth about the set-points that are due before the next horizon
arrives: the follower goes on from there and from nowhere else. It is ``LEAD`` ahead of the clock,
the time that a message may take, so that a new horizon begins with what is being followed already.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.types import FloatArray

if TYPE_CHECKING:
    from unihm.control.safety import SafetyGate

LEAD = 0.03  # s from a decision to the first set-point that it changes
LONGEST_LEAD = 1.0  # s, of a machine that is so slow that it needs them
WINDOW = 0.25  # s of the path in a horizon, before its stop
REFRESH = 0.4  # share of the window after which the next horizon is sent
_KEPT = 30  # samples that are over, with which what is measured is compared
_SAME = 1e-5  # rad between two set-points that count as one


@dataclass(frozen=True)
class Horizon:
    """Set-points at a fixed rate; the last one is at rest.

    Attributes:
        start: s by the controller's clock, when the first one is due; it may be past. 0: when it
            arrives.
        rate: per second.
        positions: (N, n) rad or m.
        valid_until: s by which the driver must have it; after that what it holds leads elsewhere.
    """

    start: float
    rate: float
    positions: FloatArray
    valid_until: float = np.inf

    @property
    def end(self) -> float:
        """When the last set-point is due, s."""
        return self.start + (len(self.positions) - 1) / self.rate

    def at(self, now: float) -> FloatArray:
        """The set-point (n,) of ``now``, held at both ends."""
        sample = int(np.clip((now - self.start) * self.rate + 1e-6, 0, len(self.positions) - 1))
        return self.positions[sample]


class TooLate(UnihmError):
    """A horizon was not sent: it was not valid any more at ``now``, s."""

    def __init__(self, now: float) -> None:
        super().__init__(ErrorCode.SAFETY_STOP, "A horizon was ready too late to be sent.")
        self.now = now


class Follower:
    """Follows one path in horizons; its time is in samples from ``start`` on.

    Args:
        path: (N, n) at the gate's rate, from where the gate rests.
        gate: every set-point passes; the follower's own from now on.
        start: s, when ``path[0]`` is due.
        window: s of the path in a horizon.

    Attributes:
        allowed: the last index of the path that may be gone to now; the path rests there.
        braked: the driver was left without a new horizon for too long and has braked; what is left
            of the path begins elsewhere.
    """

    def __init__(
        self, path: FloatArray, gate: SafetyGate, start: float, window: float = WINDOW
    ) -> None:
        self.path = path
        self.rate = gate.rate
        self.start = start
        self.allowed = len(path) - 1
        self.braked = False
        self._window = max(1, round(window * self.rate))
        self._gate = gate  # at the sample that was decided last
        # The samples that are decided: set-point and index of the path of each, from sample 0 on.
        self._sent = [gate.position]
        self._index = [0]
        # What the driver holds beyond: the gates of the window, their indices, the stop.
        self._ahead: list[SafetyGate] = []
        self._ahead_index: list[int] = []
        self._stop = np.zeros((0, len(gate.position)))
        self._at_rest = gate

    def __copy__(self) -> Follower:
        """Another of the same state, to try out what may not be sent in the end."""
        other = object.__new__(Follower)
        other.__dict__.update(self.__dict__)
        other._sent, other._index = [*self._sent], [*self._index]
        other._ahead, other._ahead_index = [*self._ahead], [*self._ahead_index]
        return other

    def sample(self, now: float) -> int:
        """The sample that is due at ``now``."""
        return max(0, int((now - self.start) * self.rate + 1e-6))

    def at(self, now: float) -> FloatArray:
        """The set-point (n,) that the driver was told for ``now``."""
        sample = self.sample(now)
        if sample < len(self._sent):
            return self._sent[sample]
        held = [*(gate.position for gate in self._ahead), *self._stop]
        beyond = min(sample - len(self._sent), len(held) - 1)
        return held[beyond] if held else self._sent[-1]

    def index(self, now: float) -> int:
        """Which sample of the path is due at ``now``."""
        return self._index[min(self.sample(now), len(self._index) - 1)]

    @property
    def end(self) -> float:
        """When what the driver holds comes to rest, s."""
        return self.start + (len(self._sent) - 1 + len(self._ahead) + len(self._stop)) / self.rate

    def is_done(self, now: float) -> bool:
        """True where the path's end is reached."""
        return (
            self.index(now) == len(self.path) - 1
            and np.abs(self.at(now) - self.path[-1]).max() < 1e-6
        )

    @property
    def will_rest(self) -> bool:
        """True where the driver comes to rest on the path, without a stop behind it."""
        return not self.braked and not len(self._stop)

    def shift(self, seconds: float) -> None:
        """The clock has jumped by so much, and nothing else has."""
        self.start += seconds

    def forget(self, now: float) -> None:
        """Drop the samples that are over, for a path that has no end; samples count anew."""
        over = min(self.sample(now) - _KEPT, len(self._sent) - 1)
        if over > 0:
            del self._sent[:over], self._index[:over]
            self.start += over / self.rate

    def advance(self, now: float) -> None:
        """Take for decided what the driver will have done before anything new can reach it."""
        if self.braked:
            return  # it does nothing any more
        due = self.sample(now + LEAD)
        while len(self._sent) <= due and self._ahead:
            self._gate = self._ahead.pop(0)
            self._decide(self._gate.position, self._ahead_index.pop(0))
        if len(self._sent) > due or self._ahead:
            return
        if len(self._stop):  # it has begun to brake, and does so to the end
            self.braked = True
            for position in self._stop:
                self._decide(position, self._index[-1])
            self._stop = self._stop[:0]
        self._gate = self._at_rest
        while len(self._sent) <= due:
            self._decide(self._gate.position, self._index[-1])

    def horizon(self, now: float, lead: float = LEAD) -> Horizon:
        """The next one to send.

        Args:
            now: s.
            lead: s from now to the first set-point that it may change.

        Raises:
            UnihmError: SAFETY_STOP of the gate; what the driver holds is as it was.
        """
        self.advance(now + lead - LEAD)
        leaves = np.inf
        if not self.braked:
            gate, index = self._gate, self._index[-1]
            ahead, indices = [], []
            # Before the start the window is shorter: it counts from now.
            until = int((now + lead - self.start) * self.rate + 1e-6) + self._window
            for _ in range(max(1, until + 1 - len(self._sent))):
                gate = copy.copy(gate)
                index = min(index + 1, self.allowed)
                gate.command(self.path[index])
                ahead.append(gate)
                indices.append(index)
            leaves = self._leaves(ahead)
            self._at_rest = copy.copy(gate)
            self._ahead, self._ahead_index = ahead, indices
            self._stop = self._at_rest.stop().positions[1:]
        return self._held(now, leaves)

    def _leaves(self, ahead: list[SafetyGate]) -> float:
        """When what the driver holds first differs from what it is to do, s."""
        held = [*(gate.position for gate in self._ahead), *self._stop] or [self._gate.position]
        same = 0
        for same, gate in enumerate(ahead):
            if np.abs(gate.position - held[min(same, len(held) - 1)]).max() > _SAME:
                break
        return self.start + (len(self._sent) - 1 + same) / self.rate

    def halt(self, now: float, lead: float = LEAD) -> Horizon:
        """The way to rest from ``lead`` s on, in place of all that the driver holds."""
        self.advance(now + lead - LEAD)
        if not self.braked:
            self._at_rest = copy.copy(self._gate)
            self._ahead, self._ahead_index = [], []
            self._stop = self._at_rest.stop().positions[1:]
        return self._held(now, now + lead)

    def _held(self, now: float, valid_until: float) -> Horizon:
        first = min(max(0, self.sample(now) - 1), len(self._sent) - 1)
        positions = [*self._sent[first:], *(gate.position for gate in self._ahead), *self._stop]
        start = self.start + first / self.rate
        return Horizon(start, self.rate, np.array(positions), valid_until)

    def _decide(self, position: FloatArray, index: int) -> None:
        self._sent.append(position)
        self._index.append(index)
