"""The graph as separate processes over DDS, started as ``ros2 run`` would, and `unihm say`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from fakes import CAMERA_POSE, FakeCamera, FakeRobot, ScriptedStages
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from unihm.ros.commander import Commander

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.xdist_group("processes")]
PARAMETERS = {
    "capture": {"camera_pose": str(CAMERA_POSE)},
    "hand_controller": {"protocol": "joint_trajectory"},
    "coordinator": {"stage_timeout": "8.0"},
    "planner": {},
    "segmentation": {},
    "arm_controller": {},
    "verifier": {},
}


def executable(name: str) -> Path:
    """What ``ros2 run unihm <name>`` starts."""
    for prefix in os.environ["AMENT_PREFIX_PATH"].split(os.pathsep):
        path = Path(prefix) / "lib" / "unihm" / name
        if path.is_file():
            return path
    pytest.fail(f"no executable {name} in the workspace; run `make setup`")


class Processes:
    """Nodes as processes, and what stands in for robot, camera and learned stages in this one."""

    def __init__(self, domain_id: int, folder: Path) -> None:
        self.folder = folder
        self.context = Context()
        rclpy.init(args=[], context=self.context, domain_id=domain_id)
        made: dict[str, Any] = {"context": self.context, "use_global_arguments": False}
        self.commander = Commander(**made)
        robot = FakeRobot(**made)
        camera = FakeCamera(robot, **made)
        self.nodes = [camera, robot, ScriptedStages(**made), self.commander]
        self.executor = SingleThreadedExecutor(context=self.context)
        for node in self.nodes:
            self.executor.add_node(node)
        self.thread = threading.Thread(target=self.executor.spin, daemon=True)
        self.thread.start()
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        arguments = ["--ros-args"]
        for key, value in PARAMETERS[name].items():
            arguments += ["-p", f"{key}:={value}"]
        log = (self.folder / f"{name}.log").open("ab")
        self.running[name] = subprocess.Popen(
            [sys.executable, executable(name), *arguments], stdout=log, stderr=log
        )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def wait_until_ready(self, name: str, seconds: float = 120.0) -> None:
        end = time.monotonic() + seconds
        while self.log(name).count("ready after") == 0:
            assert time.monotonic() < end, self.log(name)
            time.sleep(0.1)

    def close(self) -> None:
        for process in self.running.values():
            process.send_signal(signal.SIGINT)
        for process in self.running.values():
            process.wait(30)
        self.executor.shutdown()
        self.thread.join()
        for node in self.nodes:
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    domain = 1 + (os.getpid() + 50) % 100
    saved = dict(os.environ)
    os.environ |= {"ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    made = Processes(domain, tmp_path_factory.mktemp("logs"))
    for name in PARAMETERS:
        made.start(name)
    for name in PARAMETERS:
        made.wait_until_ready(name)
    made.commander.wait_until_ready()
    time.sleep(2.0)  # for every process to have found every other
    yield made
    made.close()
    os.environ.clear()
    os.environ.update(saved)


def say(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unihm", "say", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_say_shows_the_stages_and_what_they_measured(processes: Processes) -> None:
    said = say("pick up the red box")
    assert said.returncode == 0, said.stderr + said.stdout
    for stage in ("planner", "segmentation", "arm", "verifier/duration", "done"):
        assert stage in said.stdout


def test_say_tells_why_not(processes: Processes) -> None:
    said = say("pick up the elephant")
    assert said.returncode == 1
    assert "[OBJECT_NOT_FOUND]" in said.stderr
    assert "Traceback" not in said.stderr


def test_interrupted_say_cancels(processes: Processes) -> None:
    process = subprocess.Popen(
        ["unihm", "say", "pick up the red box"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    for line in process.stdout:
        if b"arm" in line:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"[CANCELLED]" in errors


def test_a_stage_that_dies_ends_the_task_and_can_come_back(processes: Processes) -> None:
    processes.running["planner"].kill()
    processes.running["planner"].wait()
    result = processes.commander.say("pick up the elephant")
    assert result.error_code == result.STAGE_TIMEOUT
    assert "capture" in result.error_msg
    (processes.folder / "planner.log").write_text("")
    processes.start("planner")
    processes.wait_until_ready("planner")
    for _ in range(4):  # it is ready, but the others find it in their own time
        result = processes.commander.say("pick up the elephant")
        if result.error_code != result.STAGE_TIMEOUT:
            break
    assert result.error_code == result.OBJECT_NOT_FOUND


def test_processes_end_cleanly_when_told_to(processes: Processes) -> None:
    processes.running["capture"].send_signal(signal.SIGINT)
    assert processes.running["capture"].wait(30) == 0
    assert "Traceback" not in processes.log("capture")
