"""A node that ends again and again starts more seldom; one that stood still ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from unihm.ros.restarts import SUPERVISOR, pause_before, wait_for_turn
from unihm.ros.standstill import StandstillWatch


def test_the_first_starts_are_free_and_the_next_ones_ever_more_seldom():
    starts, now, pauses = [], 1000.0, []
    for _ in range(12):
        pauses.append(pause_before(starts, now))
        now += pauses[-1]
        starts.append(now)
        now += 2.0
    assert pauses[:4] == [0.0] * 4
    assert pauses[4:7] == [2.0, 4.0, 8.0]
    assert 0.0 < max(pauses) <= 30.0
    assert pause_before(starts, now + 60.0) == 0.0
    assert pause_before([now + 5.0] * 9, now) == 0.0  # of a clock that was set back


def test_starts_of_one_supervisor_are_counted_for_each_node(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv(SUPERVISOR, "1-unihm")
    slept: list[float] = []
    for _ in range(6):
        wait_for_turn("planner", slept.append)
    wait_for_turn("refiner", slept.append)
    monkeypatch.setenv(SUPERVISOR, "2-unihm")
    wait_for_turn("planner", slept.append)
    assert slept == [2.0, 4.0]
    (tmp_path / "unihm" / "starts" / "2-unihm-planner").write_text("rubbish")
    wait_for_turn("planner", slept.append)
    monkeypatch.delenv(SUPERVISOR)
    for _ in range(9):
        wait_for_turn("planner", slept.append)
    assert slept == [2.0, 4.0]


@pytest.mark.parametrize(
    ("gap", "worked", "stood"), [(6.0, 0.0, 6.0), (6.0, 5.0, 0.0), (1.0, 0.0, 0.0)]
)
def test_who_stood_still_is_told_from_who_worked(gap, worked, stood):
    walls, works = iter([0.0, gap]), iter([0.0, worked])
    watch = StandstillWatch(lambda: next(walls), lambda: next(works))
    assert watch.look() == stood


def test_a_stopped_process_ends_when_it_goes_on():
    code = (
        "import time; from unihm.ros.standstill import end_after_standstill;"
        "end_after_standstill('planner'); print('on', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stdout.readline() == "on\n"
            time.sleep(0.5)
            process.send_signal(signal.SIGSTOP)
            time.sleep(4.5)
            process.send_signal(signal.SIGCONT)
            assert process.wait(20) == 1
            assert "planner: this process stood still" in process.stderr.read()
        finally:
            process.kill()
