"""Where the joints of a robot were a moment ago."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

LENGTH = 60.0  # s that are remembered
STEP = 0.02  # s between two words that are
NEAR = 1.0  # s before a moment in which a word tells of it


class JointHistory:
    """Remembers what each driver said of late, thinned, by the time of its measurement.

    What is planned from an image begins where the robot was in it, however long the planning takes:
    so it is planned alike from a recording, at any pace.
    """

    def __init__(self) -> None:
        self._past: dict[frozenset[str], deque[tuple[float, dict[str, float]]]] = {}

    def add(self, seconds: float, joints: Mapping[str, float]) -> None:
        """Remember a driver's word, later than its words before.

        Args:
            seconds: when it was measured.
            joints: joint to rad or m.
        """
        past = self._past.setdefault(frozenset(joints), deque(maxlen=round(LENGTH / STEP)))
        if not past or seconds // STEP > past[-1][0] // STEP:
            past.append((seconds, dict(joints)))

    def at(self, seconds: float) -> dict[str, float]:
        """Joint to rad or m as measured until then; without those of which nothing is known.

        It may be called while another thread adds something.
        """
        words = []
        for past in list(self._past.values()):
            before = [word for word in list(past) if seconds - NEAR <= word[0] <= seconds]
            words += before[-1:]
        found: dict[str, float] = {}
        for _, joints in sorted(words, key=lambda word: word[0]):
            found.update(joints)
        return found

    def clear(self) -> None:
        """The clock has jumped: the times say nothing any more."""
        self._past.clear()
