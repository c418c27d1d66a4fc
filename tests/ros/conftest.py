"""Tests over ROS are left out where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from crowd import Crowd

pytest.importorskip("rclpy", reason="ROS 2 is not here; run `make setup` and source env.sh")
pytest.importorskip("unihm_msgs", reason="the workspace is not sourced; source env.sh")


@pytest.fixture
def crowd(domain_id: int) -> Iterator[Crowd]:
    """Nodes of the test's own; each ends with it."""
    from crowd import Crowd

    made = Crowd(domain_id)
    try:
        yield made
    finally:
        made.close()
