"""The drill's two hosts hear each other while the cable is in."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.ros

LISTEN = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("10.77.31.2", 5005))
    while True:
        data, sender = s.recvfrom(100)
        s.sendto(data, sender)
"""
SCRIPT = f"""
import socket, subprocess, sys, time
from unihm.errors import UnihmError
from unihm.ros.drill import TwoHosts

def answered():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        try:
            s.sendto(b"there?", ("10.77.31.2", 5005))
            return s.recv(100) == b"there?"
        except OSError:
            return False

try:
    hosts = TwoHosts().__enter__()
except UnihmError as error:
    print("cannot:", error.message)
    sys.exit()
try:
    there = ["ip", "netns", "exec", hosts.other.name]
    other = subprocess.Popen([*there, sys.executable, "-c", '''{LISTEN}'''])
    try:
        end = time.monotonic() + 30.0
        while not (before := answered()) and time.monotonic() < end:
            pass
        hosts.cut()
        cut = answered()
        hosts.join()
        while not (after := answered()) and time.monotonic() < end:
            pass
        print("answered:", before, cut, after)
        hosts.disturb(loss=0.5)
        share = sum(answered() for _ in range(40)) / 40
        hosts.disturb(delay=0.04)
        took = 0.0
        while took < 0.08 and time.monotonic() < end:
            began = time.monotonic()
            took = time.monotonic() - began if answered() else 0.0
        print("lossy:", 0.05 < share < 0.5, "late:", took >= 0.08)
    finally:
        other.kill()
        other.wait()
finally:
    hosts.__exit__()
"""


def test_a_cable_between_two_hosts() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False
    )
    if "cannot:" in done.stdout:
        pytest.skip(done.stdout.strip())
    assert "answered: True False True" in done.stdout, done.stdout + done.stderr
    assert "lossy: True late: True" in done.stdout, done.stdout + done.stderr
