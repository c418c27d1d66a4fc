"""`unihm view` as a process: it serves a page and says where."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request

import pytest


def start(*arguments):
    """The command, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "unihm.cli.main", "view", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_scene_is_served_until_ctrl_c():
    process = start("--still", "--scene", "kitchen", "--port", "18437")
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            found = re.search(r"Open (http://\S+) in a browser", line)
            if found:
                break
        else:
            pytest.fail("".join(lines))
        with urllib.request.urlopen(found[1]) as page:
            assert "<html" in page.read().decode()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_an_unknown_scene_is_one_sentence():
    process = start("--still", "--scene", "moon", "--port", "18438")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "There is no scene 'moon'" in output
    assert "Traceback" not in output
