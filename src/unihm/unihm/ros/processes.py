"""Runs several nodes, each as a process of its own; the launch files end here.

What the nodes import is most of the time that a graph takes to start, and mostly the same for all:
one process imports it, and forks each node as soon as that node's modules are there. It never talks
to ROS itself, which could not be forked.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from multiprocessing.process import BaseProcess

from rclpy.logging import get_logger

from unihm.ros.roster import ALL, ENDING, NODES, RESPAWN
from unihm.ros.run import node_class, run_node

_MINUTE = 60.0  # s in which starts are counted
_FREE = 4  # starts in that time that nobody minds
_LONGEST = 30.0  # s that a node waits in addition
_WAIT = 0.1  # s between two looks at whether they shall end
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Of prctl(2).
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
# Of mallopt(3): how many heaps its threads share. By default each thread has one, and what a thread
# has freed stays in its own: a node that works for days would grow with every new thread.
_M_ARENA_MAX = -8
_ARENAS = 2
_FORK = multiprocessing.get_context("fork")
_LOGGER = get_logger("nodes")


def pause_before(starts: Sequence[float], now: float) -> float:
    """Seconds to wait beyond ``RESPAWN`` before one more start: 0, then 2, 4, 8, ... 30.

    Args:
        starts: s, when it was started before.
        now: s.
    """
    often = sum(now - _MINUTE < start <= now for start in starts) - _FREE
    return 0.0 if often < 0 else min(2.0 ** (often + 1), _LONGEST)


class NodeProcesses:
    """Starts nodes, starts those of the graph again that end, and ends them all.

    Args:
        arguments: of every node, from ``--ros-args`` on.
        enclaves: below which each node's is; empty: none.
        run: what a node's process does, given its name and arguments; returns its exit status.
    """

    def __init__(
        self,
        arguments: Sequence[str] = (),
        enclaves: str = "",
        run: Callable[[str, list[str]], int] = run_node,
    ) -> None:
        self._arguments = list(arguments)
        self._enclaves = enclaves
        self._run = run
        self._running: dict[str, ForkProcess] = {}
        self._due: dict[str, float] = {}  # s, when those that ended are started again
        self._starts: dict[str, list[float]] = defaultdict(list)

    @property
    def names(self) -> set[str]:
        """Of the nodes that run or will again."""
        return {*self._running, *self._due}

    def start(self, name: str) -> None:
        """Start a node; what it needs is imported first, unless it has been."""
        with suppress(Exception):  # its own process says what is missing
            node_class(name).prepare()
        # The first line that a process logs takes 0.1 ms for each module: it looks for its caller.
        _LOGGER.info(f"starts {name}")
        gc.freeze()  # what is shared stays so: nobody's collector writes to it
        arguments = list(self._arguments)
        if self._enclaves:
            arguments += ["--ros-args", "--enclave", f"{self._enclaves}/{name}"]
        process = _FORK.Process(
            target=be_node, args=(name, arguments, self._run, os.getpid()), name=name
        )
        # Heard by the node when it can: in the midst of forking, an interrupt would be a traceback.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            process.start()
            self._running[name] = process
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self._starts[name] = [*self._starts[name][-20:], time.monotonic()]

    def look(self, seconds: float) -> None:
        """Wait for ``seconds``, or until a node ends; start those again whose turn it is."""
        if self._running:
            wait([process.sentinel for process in self._running.values()], seconds)
        else:
            time.sleep(seconds)
        now = time.monotonic()
        for name, process in list(self._running.items()):
            code = process.exitcode
            if code is None:
                continue
            del self._running[name]
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with {code}"
            if name not in NODES:  # what has played to its end has ended
                _LOGGER.info(f"{name} ended {how}")
                continue
            pause = RESPAWN + pause_before(self._starts[name], now)
            self._due[name] = now + pause
            _LOGGER.warning(f"{name} ended {how}; it starts again in {pause:.0f} s")
        for name in [name for name, due in self._due.items() if due <= now]:
            del self._due[name]
            self.start(name)

    def close(self, seconds: float = ENDING) -> None:
        """End them all: SIGINT, and SIGKILL for those that have not ended ``seconds`` later."""
        self._due.clear()
        end_all(self._running.values(), seconds)
        self._running.clear()


def run_nodes(
    argv: list[str] | None = None, run: Callable[[str, list[str]], int] = run_node
) -> int:
    """Run the nodes that ``argv`` names until SIGINT or SIGTERM tells them to end, which is 0.

    Args:
        argv: the command line; None: the process's own.
        run: what a node's process does (``NodeProcesses``).
    """
    words = sys.argv[1:] if argv is None else argv
    here = words.index("--ros-args") if "--ros-args" in words else len(words)
    parser = argparse.ArgumentParser(prog="nodes", description=__doc__)
    parser.add_argument("--enclaves", default="", help="below which each node's enclave is")
    parser.add_argument("names", nargs="+", choices=list(ALL), metavar="NODE")
    args = parser.parse_args(words[:here])
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
    gc.disable()  # nothing of what is imported is ever thrown away
    nodes = NodeProcesses(words[here:], args.enclaves, run)
    try:
        for name in sorted(args.names, key=list(ALL).index):
            nodes.start(name)
        while nodes.names:
            nodes.look(_WAIT)
    except KeyboardInterrupt:
        pass
    finally:
        # One more must not end the ending.
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        nodes.close(ENDING - 1.0)  # before launch loses its patience
    return 0


def be_node(
    name: str, arguments: list[str], run: Callable[[str, list[str]], int], parent: int
) -> None:
    """Be a node from now on, in a process that ``parent`` has forked and that ends with it."""
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_ARENA_MAX, _ARENAS)
    libc.prctl(_PR_SET_NAME, name.encode())
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
    code = 0
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        if os.getppid() == parent:
            code = run(name, arguments)
    except KeyboardInterrupt:  # before it could hear it itself
        pass
    sys.exit(code)


def send(process: BaseProcess, number: signal.Signals) -> bool:
    """Send a signal to a process that has not ended; returns whether there was one."""
    if not process.is_alive() or process.pid is None:
        return False
    os.kill(process.pid, number)
    return True


def end_all(processes: Collection[BaseProcess], seconds: float) -> None:
    """End processes: SIGINT, and SIGKILL for those that have not ended ``seconds`` later."""
    for process in processes:
        send(process, signal.SIGCONT)
        send(process, signal.SIGINT)
    end = time.monotonic() + seconds
    for process in processes:
        process.join(max(0.0, end - time.monotonic()))
    for process in processes:
        send(process, signal.SIGKILL)
        process.join()
