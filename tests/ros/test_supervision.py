"""A node that ends again and again starts more seldom; one that stood still ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from unihm.ros.processes import pause_before
from unihm.ros.standstill import StandstillWatch
from waiting import eventually


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


# Nodes that write their number and arguments and wait, but for one that has soon played.
STAND_INS = """
import os, sys, time
from pathlib import Path
from unihm.ros.processes import run_nodes

def run(name, arguments):
    path = Path(sys.argv[1], name)
    path.with_suffix(".new").write_text(f"{os.getpid()} {' '.join(arguments)}")
    path.with_suffix(".new").rename(path)
    if name == "player":
        return 3
    time.sleep(60.0)
    return 0

sys.exit(run_nodes(sys.argv[2:], run))
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    words = ["--enclaves", "/ns", "planner", "player", "--ros-args", "-r", "a:=b"]
    command = [sys.executable, "-c", STAND_INS, str(tmp_path), *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def number_of(path: Path, other_than: int = 0) -> int:
    """The number of a stand-in's process, once there is another one."""

    def read() -> int:
        return int(path.read_text().split()[0]) if path.is_file() else other_than

    assert eventually(lambda: read() != other_than)
    return read()


def said(supervisor: subprocess.Popen[str], words: str) -> None:
    """Read until something is said."""
    assert supervisor.stderr is not None
    assert any(words in line for line in supervisor.stderr)


def test_a_node_that_dies_is_started_again_and_what_has_played_is_not(supervisor, tmp_path):
    number = number_of(tmp_path / "planner")
    arguments = (tmp_path / "planner").read_text().split(" ", 1)[1]
    assert arguments == "--ros-args -r a:=b --ros-args --enclave /ns/planner"
    assert Path(f"/proc/{number}/comm").read_text() == "planner\n"
    player = number_of(tmp_path / "player")
    said(supervisor, "player ended with 3")
    os.kill(number, signal.SIGKILL)
    said(supervisor, "planner ended by SIGKILL; it starts again in 2 s")
    again = number_of(tmp_path / "planner", other_than=number)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(20.0) == 0
    assert not Path(f"/proc/{again}").exists()
    assert number_of(tmp_path / "player") == player


def test_nodes_end_when_who_started_them_is_killed(supervisor, tmp_path):
    number = number_of(tmp_path / "planner")
    supervisor.kill()
    assert eventually(lambda: not Path(f"/proc/{number}").exists())


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
