"""Which of a node's threads come first."""

from __future__ import annotations

import os
import threading

import pytest
from unihm.ros.priority import put_first, stand_back


def _in_a_thread(work: object) -> list:
    """What ``work`` returns in a thread that is not needed any more."""
    seen: list = []
    thread = threading.Thread(target=lambda: seen.append(work()))  # type: ignore[operator]
    thread.start()
    thread.join()
    return seen


def test_who_listens_comes_first_and_what_it_starts_does_not() -> None:
    def work() -> tuple[bool, int, list]:
        first = put_first(1)
        return first, os.sched_getscheduler(0), _in_a_thread(lambda: os.sched_getscheduler(0))

    first, own, started = _in_a_thread(work)[0]
    if not first:
        pytest.skip("this machine does not allow it")
    assert own == os.SCHED_RR | os.SCHED_RESET_ON_FORK
    assert started == [os.SCHED_OTHER]


def test_without_the_right_it_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert not put_first(1)


def test_nobody_stands_back_less_than_before() -> None:
    def work() -> tuple[int, ...]:
        before = os.nice(0)
        stand_back(before + 3)
        stand_back(before + 1)
        return os.nice(0) - before, os.nice(0)

    assert _in_a_thread(work)[0][0] == 3
