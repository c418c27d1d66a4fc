"""A process that was stopped for longer than its DDS lease is known by its name again."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from rclpy.node import Node
from unihm.ros.context import new_context
from waiting import eventually

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.xdist_group("processes")]
TOPIC = "/unihm/emergency_stop/state"
START = "import sys; from unihm.ros.run import run_node; sys.exit(run_node('emergency_stop'))"


def test_a_node_that_was_forgotten_introduces_itself(domain_id, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain_id))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    context = new_context(domain_id)
    watcher = Node("watcher", context=context, use_global_arguments=False)

    def names() -> list[str]:
        return [info.node_name for info in watcher.get_publishers_info_by_topic(TOPIC)]

    process = subprocess.Popen([sys.executable, "-c", START])
    try:
        assert eventually(lambda: names() == ["emergency_stop"], 30.0)
        process.send_signal(signal.SIGSTOP)
        assert eventually(lambda: names() == [], 20.0)
        process.send_signal(signal.SIGCONT)
        assert eventually(lambda: names() == ["emergency_stop"], 20.0)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        process.wait(10.0)
        watcher.destroy_node()
        context.try_shutdown()
