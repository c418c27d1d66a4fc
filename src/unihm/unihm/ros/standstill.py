"""A process that stood still for so long that the others have forgotten it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

LEASE = 5.0  # s after which a silent DDS participant is forgotten, by default
_LONGEST = 0.8 * LEASE
_LOOK = 0.25  # s
_BUSY = 0.05  # share of the time that a process which works, and only does not listen, is busy
# By the machine's own sleep, too; other systems than Linux do not have it.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class StandstillWatch:
    """Notices that the whole process was stopped: SIGSTOP, a debugger, a machine that slept.

    Its own time is compared with the time that it was busy: one that compiles for seconds does not
    listen either, but its middleware goes on.

    Args:
        wall: s by a clock that never stops.
        busy: s that the process has worked.
    """

    def __init__(
        self,
        wall: Callable[[], float] = lambda: time.clock_gettime(_CLOCK),
        busy: Callable[[], float] = time.process_time,
    ) -> None:
        self._wall, self._busy = wall, busy
        self._last = wall(), busy()

    def look(self) -> float:
        """Seconds that the process stood still since the last look; 0 where it did not."""
        now = self._wall(), self._busy()
        gap, worked = (new - old for new, old in zip(now, self._last))
        self._last = now
        return gap if gap > _LONGEST and worked < _BUSY * gap else 0.0


def end_after_standstill(name: str) -> None:
    """From now on end this process, for its supervisor to start it again, where that happens.

    The others have forgotten it then, and what it says is dropped for not being anybody's.
    """

    def work() -> None:
        watch = StandstillWatch()
        while not (stood := watch.look()):
            time.sleep(_LOOK)
        print(
            f"{name}: this process stood still for {stood:.1f} s; the other nodes have forgotten "
            "it. It ends, to be started again.",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)

    threading.Thread(target=work, name="standstill", daemon=True).start()
