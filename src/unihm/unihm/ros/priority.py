"""Which of a node's threads come first: those that listen and speak, before any that compute."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_THREADS = Path("/proc/self/task")
_DDS = "dds."  # how Fast DDS calls its threads
# Of mlockall(2): what is in memory now or comes into it stays, of what is mapped now.
_MCL_CURRENT, _MCL_ONFAULT = 1, 4


def put_first(priority: int) -> bool:
    """Let this thread and those of DDS run as soon as they have something to do (SCHED_RR).

    A command that waits for its turn behind a compiler is as late as one that was lost. What this
    thread starts from now on is ordinary again, so that nothing that computes keeps others waiting.

    Args:
        priority: 1 to 99, before all lower ones and all ordinary threads; 0: as they are.

    Returns:
        whether they do; not without the right to (CAP_SYS_NICE, or ``rtprio`` in limits.conf), nor
        on a single core, of which nothing would be left for what computes.
    """
    if not priority or not hasattr(os, "sched_setscheduler") or len(os.sched_getaffinity(0)) < 2:
        return False
    policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    try:
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError:
        return False
    for thread in _THREADS.iterdir():
        try:
            if (thread / "comm").read_text().startswith(_DDS):
                os.sched_setscheduler(int(thread.name), policy, os.sched_param(priority))
        except OSError:  # it has ended meanwhile
            continue
    # Nor does it wait for its own code to be read from the disk again. (Without the right to, or
    # beyond what it may lock, nothing happens.)
    ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_ONFAULT)
    return True


def stand_back(nice: int) -> None:
    """Let other threads of the machine go before this one, as nice(1) counts; never less."""
    os.nice(max(0, nice - os.nice(0)))
