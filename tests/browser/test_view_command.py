"""`unihm view` as a process: it serves a page and says where."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import AbstractContextManager

import children
import pytest


def view(*arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """The command, in a process of its own."""
    return children.child(
        [sys.executable, "-u", "-m", "unihm.cli.main", "view", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def page_of(process: subprocess.Popen[str]) -> str:
    """The address that the command says."""
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if found := re.search(r"Open (http://\S+) in a browser", line):
            return found[1]
    pytest.fail("".join(lines))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_scene_is_served_until_it_is_told_to_end(number: signal.Signals, status: int) -> None:
    with view("--still", "--scene", "kitchen", "--port", "18437") as process:
        with urllib.request.urlopen(page_of(process)) as page:
            assert "<html" in page.read().decode()
        process.send_signal(number)
        assert process.wait(30) == status


@pytest.mark.ros
def test_a_graph_is_shown_until_ctrl_c(domain_id: int) -> None:
    pytest.importorskip("unihm_msgs", reason="the workspace is not sourced; source env.sh")
    with view("--port", "18439") as process:
        page_of(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_an_unknown_scene_is_one_sentence() -> None:
    with view("--still", "--scene", "moon", "--port", "18438") as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "There is no scene 'moon'" in output
    assert "Traceback" not in output
