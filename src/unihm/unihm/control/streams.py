"""Streams of images that fall silent, each at a rate of its own."""

from __future__ import annotations

from unihm.control.heartbeats import Heartbeats

_PERIODS = 2.2  # of its own that a stream may say nothing
_LEARNING = 0.1  # share of a new interval in what is taken for the period
# The longest gap of late, which half as much again is no silence, is forgotten by this share an
# image; but nothing is waited for longer than this many times ``silence``.
_WORSE, _FORGETTING, _MOST = 1.5, 0.01, 3.0
_LONGEST = 1.0  # s between two images of a camera that is thought of at all


class Streams:
    """Which of several streams are silent, by the time that the watcher was awake.

    A stream counts as silent after ``silence``, or after 2.2 of its usual periods where that is
    longer: a slow camera is not a dead one. One that comes by fits and starts, as on a busy
    machine, has half as long again as its longest gap of late, up to three times ``silence``.

    Args:
        silence: s.
        step: s between two looks.
    """

    def __init__(self, silence: float, step: float) -> None:
        self._silence, self._step = silence, step
        self._watched: dict[str, Heartbeats] = {}
        self._arrived: dict[str, float] = {}
        self._period: dict[str, float] = {}
        self._gap: dict[str, float] = {}

    def heard(self, name: str, now: float) -> None:
        """An image has come at ``now``, s by a clock that never jumps."""
        watched = self._watched.setdefault(name, Heartbeats(_PERIODS * _LONGEST, self._step))
        if name in self._arrived:
            interval = min(now - self._arrived[name], _LONGEST)
            usual = self._period.setdefault(name, interval)
            self._period[name] = usual + _LEARNING * (interval - usual)
            gap = max(interval, (1 - _FORGETTING) * self._gap.get(name, 0.0))
            self._gap[name] = gap
            watched.timeout = max(
                self._silence,
                _PERIODS * self._period[name],
                min(_WORSE * gap, _MOST * self._silence),
            )
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
