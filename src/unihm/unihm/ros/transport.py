"""What processes cost: until the graph is ready, in the age of images, in the pace of commands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from trajectory_msgs.msg import JointTrajectory
from unihm_msgs.msg import RgbdObservation, StageStatus

from unihm.errors import ErrorCode, UnihmError
from unihm.ros.commander import Commander
from unihm.ros.conversions import time_to_seconds
from unihm.ros.drill.observer import COMMANDS
from unihm.ros.drill.processes import EVERYTHING, parameters_of
from unihm.ros.graph import Graph
from unihm.ros.qos import RELIABLE, STATUS
from unihm.ros.roster import ENDING, parameter_file

SETTLE = 5.0  # s for the processes to have found each other
PERCEPTION = ("coordinator", "capture", "planner", "segmentation")
GOALS = 5  # whose images' ages are measured
PAUSE = 0.5  # s without a command: what follows belongs to another motion
_LIMIT = 120.0  # s for a node to start
_START = "import sys; from unihm.ros.processes import run_nodes; sys.exit(run_nodes())"


@dataclass(frozen=True)
class Rate:
    """How steadily something comes.

    Attributes:
        count: of the intervals.
        median, p99, largest: of these, ms.
    """

    count: int
    median: float
    p99: float
    largest: float


@dataclass(frozen=True)
class TransportFigures:
    """What was measured.

    Attributes:
        ready: node to s from the first process's start to its being active; empty in one process.
        camera: what capture says of its images, beside their ``pairs_per_second``.
        observation_age: ms from an image's stamp to the planner's beginning, median of the goals.
        commands: topic of a driver to how steadily commands come there in a motion.
        outcome: how the goal ended; empty where it was reached.
    """

    ready: dict[str, float]
    camera: dict[str, float]
    observation_age: float
    commands: dict[str, Rate] = field(default_factory=dict)
    outcome: str = ""


def measure_transport(
    folder: Path, hand: str, domain_id: int, scale: int, rate: float, seconds: float
) -> TransportFigures:
    """Start the graph with mocks, look at the camera for ``seconds``, and let it carry out a goal.

    Args:
        folder: for the nodes' logs, new.
        hand: that is mounted.
        domain_id: DDS domain, which nothing else should use.
        scale: images of 320 x 240 times this.
        rate: images per second.
        seconds: to look.
    """
    began = time.time()
    parameters = parameters_of(hand, _given(scale, rate))
    with _processes(folder, domain_id, EVERYTHING, parameters) as log:
        ready = {name: _ready_at(log, name) - began for name in EVERYTHING}
        with Commander(domain_id=domain_id) as commander:
            listener = _Listener(commander)
            images = listener.look(seconds)
            for _ in range(GOALS - 1):
                commander.manipulate("pick up the red box", until="planner").result()
            result = commander.manipulate("pick up the red box").result()
    return TransportFigures(
        ready,
        images,
        1e3 * listener.observation_age(),
        {topic: steadiness(times) for topic, times in listener.commands.items()},
        result.error_msg,
    )


def measure_one_process(
    folder: Path, domain_id: int, scale: int, rate: float, seconds: float
) -> TransportFigures:
    """From the camera's topics into planner and segmentation, these in one process, as above."""
    parameters = parameters_of("xhand", _given(scale, rate))
    own = {
        **{name: parameters[name] for name in PERCEPTION},
        "capture": {"wait_for_robot": False},
    }
    with (
        _processes(folder, domain_id, ("mock_camera",), parameters),
        Graph(nodes=PERCEPTION, parameters=own, use_sim_time=False, domain_id=domain_id) as g,
    ):
        listener = _Listener(g.commander)
        images = listener.look(seconds)
        for _ in range(GOALS):
            result = g.commander.manipulate("pick up the red box", until="segmentation").result()
    return TransportFigures({}, images, 1e3 * listener.observation_age(), {}, result.error_msg)


def _given(scale: int, rate: float) -> dict[str, dict[str, Any]]:
    shipped = {"preset": "tiny"}
    camera = {"camera_rate": rate, "scale": scale}
    return {"planner": shipped, "segmentation": shipped, "mock_camera": camera}


@contextmanager
def _processes(
    folder: Path,
    domain_id: int,
    names: Sequence[str],
    parameters: Mapping[str, Mapping[str, Any]],
) -> Iterator[Path]:
    """Nodes as processes, started as the launch files do; gives the file of what they say."""
    folder.mkdir(parents=True, exist_ok=True)
    given = folder / "parameters.yaml"
    given.write_text(parameter_file("/unihm", parameters))
    log = folder / "nodes.log"
    command = [sys.executable, "-c", _START, *names, "--ros-args", "--params-file", str(given)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env={
                **os.environ,
                "ROS_DOMAIN_ID": str(domain_id),
                "ROS_LOG_DIR": str(folder / "ros"),
                "XDG_STATE_HOME": str(folder / "state"),
            },
            start_new_session=True,
        )
    try:
        yield log
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready_at(log: Path, name: str) -> float:
    """Wait until a node says that it is ready; seconds since 1970 when it was.

    Raises:
        UnihmError: INTERNAL with the end of the log, where it never says so.
    """
    end = time.monotonic() + _LIMIT
    while time.monotonic() < end:
        said = log.read_text(errors="replace")
        if (when := ready_at(said, name)) is not None:
            return when
        time.sleep(0.05)
    raise UnihmError(ErrorCode.INTERNAL, f"{name} did not start: {said[-500:].strip()}")


def ready_at(said: str, name: str) -> float | None:
    """Seconds since 1970 when a node was ready, by what a log says; None where it was not."""
    found = re.search(rf"\[(\d+\.\d+)\] \[[^]]*\b{name}\]: ready after", said)
    return float(found[1]) if found else None


def steadiness(times: Sequence[float]) -> Rate:
    """Of the times (s) of a stream's messages; pauses between motions do not count."""
    intervals = np.diff(times)
    intervals = 1e3 * intervals[intervals < PAUSE]
    if not len(intervals):
        return Rate(0, np.nan, np.nan, np.nan)
    median, p99 = np.percentile(intervals, (50, 99))
    return Rate(len(intervals), float(median), float(p99), float(intervals.max()))


class _Listener:
    """Hears the graph, spun by a commander."""

    def __init__(self, commander: Commander) -> None:
        self.camera: dict[str, float] = {}
        self.commands: dict[str, list[float]] = {
            "/hand_controller/joint_trajectory": [],
            "/fr3_arm_controller/joint_trajectory": [],
        }
        self._seen: dict[str, float] = {}  # task to the stamp of its image
        self._begun: dict[str, float] = {}  # task to when the planner began
        self._word = threading.Event()
        listen = commander.node.create_subscription
        listen(DiagnosticArray, "/diagnostics", self._on_diagnostics, RELIABLE)
        listen(RgbdObservation, "observation", self._on_observation, RELIABLE)
        listen(StageStatus, "status", self._on_status, STATUS)
        for topic, times in self.commands.items():
            listen(
                JointTrajectory,
                topic,
                lambda _, times=times: times.append(time.monotonic()),
                COMMANDS,
            )

    def look(self, seconds: float) -> dict[str, float]:
        """What capture says of its images, and how many pairs come per second."""
        time.sleep(SETTLE)
        first = self.pairs()
        began = time.monotonic()
        time.sleep(seconds)
        last = self.pairs()
        return {
            **self.camera,
            "pairs_per_second": (last - first) / (time.monotonic() - began),
        }

    def pairs(self) -> float:
        """How many image pairs have come, by capture's next word."""
        self._word.clear()
        self._word.wait(10.0)
        return self.camera.get("pairs", 0.0)

    def observation_age(self) -> float:
        """Median of the tasks, s."""
        ages = [
            self._begun[task] - seen for task, seen in self._seen.items() if task in self._begun
        ]
        return float(np.median(ages)) if ages else float("nan")

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == "/unihm/capture":
                said = {pair.key: pair.value for pair in status.values}
                wanted = ("pairs", "partner", "age of")
                self.camera = {
                    key: float(value)
                    for key, value in said.items()
                    if any(word in key for word in wanted)
                }
                self._word.set()

    def _on_observation(self, message: RgbdObservation) -> None:
        self._seen[message.task_id] = time_to_seconds(message.header.stamp)

    def _on_status(self, status: StageStatus) -> None:
        if status.stage == "planner" and status.state == StageStatus.STARTED:
            self._begun.setdefault(status.task_id, time_to_seconds(status.header.stamp))
