"""Who has fallen silent, by the watcher's own time."""

from __future__ import annotations

from collections.abc import Iterable


class Heartbeats:
    """When each of several nodes was last heard.

    Silence is counted in the time that the watcher itself was awake: one that was held up, together
    with everything else on a busy machine, hears of the others before it accuses them.

    Args:
        timeout: s of silence after which a node counts as dead.
        step: s between two looks that count as silence of others at the most.
    """

    def __init__(self, timeout: float, step: float = 0.05) -> None:
        self.timeout, self._longest = timeout, step
        self._silence: dict[str, float] = {}
        self._looked: float | None = None

    def heard(self, name: str) -> None:
        """``name`` is alive."""
        self._silence[name] = 0.0

    def look(self, now: float) -> None:
        """Count the time since the last look; ``now`` in s by a clock that never jumps."""
        step = 0.0 if self._looked is None else min(max(0.0, now - self._looked), self._longest)
        self._looked = now
        for name in list(self._silence):  # another thread may hear of a new one
            self._silence[name] += step

    @property
    def known(self) -> set[str]:
        """Who was ever heard of."""
        return set(self._silence)

    def alive(self) -> set[str]:
        """Who was heard of late."""
        return {name for name, silence in list(self._silence.items()) if silence <= self.timeout}

    def silent(self, names: Iterable[str]) -> list[str]:
        """Those of ``names`` that are not alive, sorted."""
        return sorted(set(names) - self.alive())
