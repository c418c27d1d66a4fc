"""Streams of images that fall silent, each at a rate of its own."""

from __future__ import annotations

from unihm.control.heartbeats import Heartbeats

_PERIODS = 2.2  # of its own that a stream may say nothing
_LEARNING = 0.1  # share of a new interval in what is taken for the period
_LONGEST = 1.0  # s between two images of a camera that is thought of at all


class Streams:
    """Which of several streams are silent, by the time that the watcher was awake.

    A stream counts as silent after ``silence``, or after 2.2 of its usual periods where that is
    longer: a slow camera is not a dead one.

    Args:
        silence: s.
        step: s between two looks.
    """

    def __init__(self, silence: float, step: float) -> None:
        self._silence, self._step = silence, step
        self._watched: dict[str, Heartbeats] = {}
        self._arrived: dict[str, float] = {}
        self._period: dict[str, float] = {}

    def heard(self, name: str, now: float) -> None:
        """An image has come at ``now``, s by a clock that never jumps."""
        watched = self._watched.setdefault(name, Heartbeats(_PERIODS * _LONGEST, self._step))
        if name in self._arrived:
            interval = min(now - self._arrived[name], _LONGEST)
            usual = self._period.setdefault(name, interval)
            self._period[name] = usual + _LEARNING * (interval - usual)
            watched.timeout = max(self._silence, _PERIODS * self._period[name])
        self._arrived[name] = now
        watched.heard(name)

    def look(self, now: float) -> None:
        """Count the time since the last look; ``now`` as above."""
        for watched in list(self._watched.values()):
            watched.look(now)

    def silent(self) -> dict[str, float]:
        """Those that were heard once and are silent, and s after which that was so."""
        return {
            name: watched.timeout
            for name, watched in sorted(self._watched.items())
            if watched.silent([name])
        }
