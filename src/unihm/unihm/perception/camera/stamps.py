"""Messages of several streams, paired by their stamps."""

from __future__ import annotations

from collections.abc import Iterable


class StampMatcher:
    """Pairs colour, depth and camera_info messages whose stamps are close (approximate time).

    Args:
        topics: names of the streams to pair.
        tolerance: largest difference of stamps in a set, seconds.
        capacity: messages kept per stream.
    """

    def __init__(self, topics: Iterable[str], tolerance: float = 0.02, capacity: int = 8) -> None:
        self.tolerance = tolerance
        self.capacity = capacity
        self._queues: dict[str, list[tuple[float, object]]] = {topic: [] for topic in topics}

    def add(self, topic: str, stamp: float, message: object) -> dict[str, object] | None:
        """Store a message; returns the set that it completes, by topic, or None."""
        queue = self._queues[topic]
        queue.append((stamp, message))
        del queue[: -self.capacity]
        matched: dict[str, tuple[float, object]] = {}
        for name, candidates in self._queues.items():
            if not candidates:
                return None
            matched[name] = min(candidates, key=lambda entry: abs(entry[0] - stamp))
        stamps = [entry[0] for entry in matched.values()]
        if max(stamps) - min(stamps) > self.tolerance:
            return None
        for name, candidates in self._queues.items():
            self._queues[name] = [entry for entry in candidates if entry[0] > matched[name][0]]
        return {name: entry[1] for name, entry in matched.items()}
