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

import children
import pytest
import rclpy
from fakes import CAMERA_POSE, FakeCamera, FakeRobot, ScriptedStages
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from unihm.ros.commander import Commander
from waiting import eventually

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.xdist_group("graphs")]
PARAMETERS = {
    "capture": {"camera_pose": str(CAMERA_POSE), "silence": "10.0"},
    "hand_controller": {
        "protocol": "joint_trajectory",
        "joint_state_timeout": "3.0",
        "window": "3.0",
    },
    "coordinator": {"stage_timeout": "20.0", "heartbeat_timeout": "5.0"},
    "planner": {},
    "segmentation": {},
    "arm_controller": {"heartbeat_timeout": "3.0", "joint_state_timeout": "3.0", "window": "3.0"},
    "emergency_stop": {},
    "verifier": {"joint_state_timeout": "3.0"},
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
        self.commander = Commander(domain_id=domain_id)
        robot = FakeRobot(**made)
        camera = FakeCamera(robot, **made)
        self.nodes = [camera, robot, ScriptedStages(**made)]
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
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = children.start(
                [sys.executable, executable(name), *arguments], stdout=log, stderr=log
            )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def clear_log(self, name: str) -> None:
        (self.folder / f"{name}.log").write_text("")

    def wait_until_ready(self, name: str, seconds: float = 120.0) -> None:
        end = time.monotonic() + seconds
        while "ready after" not in self.log(name):
            assert time.monotonic() < end, self.log(name)
            time.sleep(0.1)

    def close(self) -> None:
        children.end(*self.running.values())
        self.commander.close()
        self.executor.shutdown()
        self.thread.join()
        for node in self.nodes:
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture(scope="module")
def processes(
    module_domain_id: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    made = Processes(module_domain_id, tmp_path_factory.mktemp("logs"))
    try:
        for name in PARAMETERS:
            made.start(name)
        for name in PARAMETERS:
            made.wait_until_ready(name)
        made.commander.wait_until_ready()
        time.sleep(2.0)  # for every process to have found every other
        yield made
    finally:
        made.close()


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_say_cancels(processes: Processes, number: signal.Signals) -> None:
    with children.child(
        ["unihm", "say", "pick up the red box"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"arm" in line:
                break
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"[CANCELLED]" in errors


def test_a_stage_that_dies_ends_the_task_and_can_come_back(processes: Processes) -> None:
    processes.running["planner"].kill()
    processes.running["planner"].wait()
    result = processes.commander.manipulate("pick up the elephant").result(120)
    assert result.error_code == result.STAGE_TIMEOUT
    assert "Nothing is heard of planner" in result.error_msg
    processes.clear_log("planner")
    processes.start("planner")
    processes.wait_until_ready("planner")
    for _ in range(4):  # it is ready, but the others find it in their own time
        result = processes.commander.manipulate("pick up the elephant").result(120)
        if result.error_code != result.STAGE_TIMEOUT:
            break
    assert result.error_code == result.OBJECT_NOT_FOUND


def test_a_stage_that_hangs_at_its_work_ends_the_task_by_its_name(processes: Processes) -> None:
    hangs = processes.running["planner"]

    def hang(feedback: Any) -> None:
        if feedback.stage == "capture":
            hangs.send_signal(signal.SIGSTOP)

    try:
        going = processes.commander.manipulate("pick up the elephant", on_feedback=hang)
        result = going.result(120)
    finally:
        hangs.kill()
        hangs.wait()
    assert result.error_code == result.STAGE_TIMEOUT
    assert "Nothing is heard of planner" in result.error_msg
    processes.clear_log("planner")
    processes.start("planner")
    processes.wait_until_ready("planner")


@pytest.mark.parametrize(
    ("name", "number"), [("capture", signal.SIGINT), ("planner", signal.SIGTERM)]
)
def test_processes_end_cleanly_however_often_they_are_told_to(
    processes: Processes, name: str, number: signal.Signals
) -> None:
    """Ctrl-C reaches them twice under launch without a terminal: from the shell, and from it."""
    process = processes.running[name]

    def is_over() -> bool:
        process.send_signal(number)
        return process.poll() is not None

    assert eventually(is_over)
    assert process.returncode == 0
    assert "Traceback" not in processes.log(name)


def test_a_process_ends_cleanly_while_it_is_being_imported(tmp_path: Path) -> None:
    package = tmp_path / "unihm" / "ros"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "run.py").write_text("raise KeyboardInterrupt")
    told = subprocess.run(
        [sys.executable, executable("decoder")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, "")


def test_a_process_ends_whatever_it_inherited(processes: Processes) -> None:
    """As in the background of a script, where SIGINT is ignored."""
    test_processes_end_cleanly_however_often_they_are_told_to(processes, "verifier", signal.SIGTERM)
    processes.clear_log("verifier")
    mine = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        processes.start("verifier")
    finally:
        signal.signal(signal.SIGINT, mine)
    processes.wait_until_ready("verifier")
    test_processes_end_cleanly_however_often_they_are_told_to(processes, "verifier", signal.SIGINT)
