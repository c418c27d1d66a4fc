"""A node that dies at once again and again is started ever more seldom."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress

from unihm.files import write_text
from unihm.paths import state_dir

SUPERVISOR = "UNIHM_SUPERVISOR"  # variable with a word for whoever starts it again
_MINUTE = 60.0  # s in which starts are counted
_FREE = 4  # starts in that time that nobody minds
_LONGEST = 30.0  # s between two starts


def pause_before(starts: list[float], now: float) -> float:
    """Seconds to wait before one more start: 0, then 2, 4, 8, ... 30.

    Args:
        starts: s, when it was started before.
        now: s.
    """
    often = sum(now - _MINUTE < start <= now for start in starts) - _FREE
    return 0.0 if often < 0 else min(2.0 ** (often + 1), _LONGEST)


def wait_for_turn(name: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait before a node starts, where it was started often of late by the same supervisor.

    Args:
        name: of the node.
        sleep: waits for so many seconds.
    """
    supervisor = os.environ.get(SUPERVISOR, "")
    if not supervisor:
        return
    record = state_dir() / "starts" / f"{supervisor}-{name}"
    starts: list[float] = []
    with suppress(OSError, ValueError):
        starts = [float(line) for line in record.read_text().split()]
    pause = pause_before(starts, time.time())
    if pause:
        print(f"{name} has ended again and again; it starts in {pause:.0f} s.", flush=True)
        sleep(pause)
    with suppress(OSError):
        record.parent.mkdir(parents=True, exist_ok=True)
        write_text(record, "".join(f"{start}\n" for start in [*starts[-20:], time.time()]))
