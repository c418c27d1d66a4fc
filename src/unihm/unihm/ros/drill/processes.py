"""The nodes of the graph and of the mock robot, each a process that can be killed or hung."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from unihm.errors import ErrorCode, UnihmError
from unihm.ros.drill.cable import enter
from unihm.ros.processes import be_node, end_all, send
from unihm.ros.roster import MOCKS, NODES
from unihm.ros.run import run_node

# What runs in a drill.
GRAPH = tuple(name for name in NODES if name != "simulation")
EVERYTHING = (*GRAPH, *MOCKS)

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([f"unihm.nodes.{name}" for name in EVERYTHING])
_READY = "ready after"  # what a node's log says when it is active
_SECOND_THOUGHT = 1.0  # s in which a node that was woken ends, where it was forgotten
_LIMIT = 120.0  # s for a node to start
_ENDING = 10.0  # s for all to end


def parameters_of(
    hand: str, parameters: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, dict[str, Any]]:
    """Node to parameters in a drill.

    Args:
        hand: that is mounted.
        parameters: node to further ones.
    """
    light = {"preset": "geometric"}
    by_topic = {"protocol": "joint_trajectory"}
    own: dict[str, dict[str, Any]] = {
        "planner": light,
        "segmentation": light,
        "hand_controller": by_topic,
        "mock_hand": by_topic,
        # Of the two ways to the arm, the one that can be listened to.
        "arm_controller": {"use_action": False},
        "coordinator": {"stage_timeout": 8.0, "attempts": 1},
    }
    return {
        name: {"hand": hand, **own.get(name, {}), **(parameters or {}).get(name, {})}
        for name in EVERYTHING
    }


class RobotProcesses:
    """Starts the nodes and ends them; use it as a context manager.

    As launch files do it, they are forked by a process that has imported what they need.

    Args:
        folder: for their logs.
        hand: that is mounted.
        domain_id: DDS domain, which nothing else should use.
        parameters: node to parameters, beside those of a drill.
        network: node to the network namespace that it is in, where that is another than this one's.
    """

    def __init__(
        self,
        folder: Path,
        hand: str,
        domain_id: int,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        network: Mapping[str, Path] | None = None,
    ) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._environment = {
            "ROS_DOMAIN_ID": str(domain_id),
            "ROS_LOG_DIR": str(folder / "ros"),
            "XDG_STATE_HOME": str(folder / "state"),  # an engaged emergency stop is not the user's
        }
        self._parameters = parameters_of(hand, parameters)
        self._network = network or {}
        self._running: dict[str, ForkServerProcess] = {}
        self._hung: set[str] = set()
        self._marks: dict[str, int] = {}  # where the log of a node's present process begins

    def __enter__(self) -> RobotProcesses:
        try:
            for name in EVERYTHING:
                self.start(name)
            for name in EVERYTHING:
                self.wait_until_ready(name)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, name: str, **parameters: Any) -> None:
        """Start a node that is not running, with further ``parameters``."""
        words = ["--ros-args"]
        for key, value in {**self._parameters[name], **parameters}.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            words += ["-p", f"{key}:={text}"]
        path = self.folder / f"{name}.log"
        path.touch()
        self._marks[name] = path.stat().st_size
        self._running[name] = _FORKS.Process(
            target=_be, args=(name, words, path, self._environment, self._network.get(name))
        )
        self._running[name].start()

    def is_running(self, name: str) -> bool:
        """True where the process of a node has not ended."""
        return self._running[name].is_alive()

    def wait_until_ready(self, name: str) -> None:
        """Wait until a node says that it is.

        Raises:
            UnihmError: INTERNAL with the end of its log, where it has ended or does not.
        """
        end = time.monotonic() + _LIMIT
        while _READY not in self.log(name):
            if not self.is_running(name) or time.monotonic() > end:
                raise UnihmError(
                    ErrorCode.INTERNAL, f"{name} did not start: {self.log(name)[-500:].strip()}"
                )
            time.sleep(0.05)

    def log(self, name: str) -> str:
        """What the present process of a node has said."""
        with (self.folder / f"{name}.log").open("rb") as log:
            log.seek(self._marks[name])
            return log.read().decode(errors="replace")

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a node that is running; SIGKILL is waited for."""
        process = self._running[name]
        if send(process, number):
            if number == signal.SIGSTOP:
                self._hung.add(name)
            if number == signal.SIGKILL:
                process.join()

    def limit_files(self, full: bool) -> None:
        """Let every write to a file fail, as on a full disk, or no more."""
        for process in self._running.values():
            if process.is_alive() and process.pid is not None:
                _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0 if full else hard, hard))

    def mend(self, places: Mapping[str, Sequence[float]]) -> list[str]:
        """Wake what hangs and start what has ended; returns the names of those that had.

        Args:
            places: mock to the joints that it stands at.
        """
        for name in self._hung:
            self.signal(name, signal.SIGCONT)
        if self._hung:
            time.sleep(_SECOND_THOUGHT)
            self._hung.clear()
        dead = [name for name in EVERYTHING if not self.is_running(name)]
        for name in dead:
            self.start(name, **({"positions": list(places[name])} if name in places else {}))
        for name in dead:
            try:
                self.wait_until_ready(name)
            except UnihmError:
                if self.is_running(name):
                    raise
                self.start(name)  # once more, as a launch file would
                self.wait_until_ready(name)
        return dead

    def memory(self) -> dict[str, float]:
        """Node to MB that it occupies."""
        sizes = {}
        for name, process in self._running.items():
            with suppress(OSError):
                pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
                sizes[name] = pages * resource.getpagesize() / 2**20
        return sizes

    def close(self) -> None:
        """End them all."""
        end_all(self._running.values(), _ENDING)


def _be(
    name: str,
    arguments: list[str],
    log: Path,
    environment: Mapping[str, str],
    network: Path | None,
) -> None:
    """Be a node, in a process of its own."""
    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(file, number)
    os.environ.update(environment)
    if network is not None:
        enter(network)
    be_node(name, arguments, run_node, os.getppid())
