"""Tests over ROS are left out where it is not."""

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not here; run `make setup` and source env.sh")
pytest.importorskip("unihm_msgs", reason="the workspace is not sourced; source env.sh")
