"""Every test here runs in a DDS domain of its own, on this machine only."""

from __future__ import annotations

import itertools
import os

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not here; run `make setup` and source env.sh")
pytest.importorskip("unihm_msgs", reason="the workspace is not sourced; source env.sh")

_COUNTER = itertools.count()


@pytest.fixture
def domain_id(monkeypatch: pytest.MonkeyPatch) -> int:
    """A ROS_DOMAIN_ID that no other test uses at the same time; set in the environment too."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    domain = 1 + (os.getpid() + 31 * worker + next(_COUNTER)) % 100
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return domain
