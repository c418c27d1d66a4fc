"""Processes that a test starts: however the test goes, none of them stays."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

ASKED, TOLD = 20.0, 10.0  # s that all have to end after SIGINT, and after SIGTERM


def start(command: list[Any], **options: Any) -> subprocess.Popen[Any]:
    """Start a process that leads a group of its own; the options are those of Popen."""
    return subprocess.Popen(command, start_new_session=True, **options)


def end(*children: subprocess.Popen[Any]) -> None:
    """End the groups of processes: SIGINT, SIGTERM, SIGKILL, with a wait for all after each."""
    for number, seconds in ((signal.SIGINT, ASKED), (signal.SIGTERM, TOLD), (signal.SIGKILL, 10.0)):
        for child in children:
            if child.poll() is None:
                os.killpg(child.pid, number)
        until = time.monotonic() + seconds
        for child in children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, until - time.monotonic()))
    for child in children:
        with suppress(ProcessLookupError):  # the leader has ended; what it started may be there
            os.killpg(child.pid, signal.SIGKILL)


@contextmanager
def child(command: list[Any], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process for as long as the block takes."""
    process = start(command, **options)
    try:
        yield process
    finally:
        end(process)
