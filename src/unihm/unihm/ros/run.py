"""Runs one node as a process; ``ros2 run unihm <node>`` ends here."""

from __future__ import annotations

import gc
import importlib
import signal
import sys
import threading

import rclpy

from unihm.errors import UnihmError
from unihm.ros.base import UnihmNode
from unihm.ros.context import set_profile
from unihm.ros.executor import new_executor
from unihm.ros.priority import put_first, stand_back
from unihm.ros.roster import ALL
from unihm.ros.standstill import end_after_standstill

_WAIT = 0.1  # s between two looks at whether it shall end


def node_class(name: str) -> type[UnihmNode]:
    """The class of the node called ``name``; importing it brings only what that node needs."""
    return getattr(importlib.import_module(f"unihm.nodes.{name}"), ALL[name])


def run_node(name: str, argv: list[str] | None = None) -> int:
    """Run a node until SIGINT or SIGTERM tells it to end, which is success: 0.

    A node that cannot be made, e.g. of wrong parameters, is a sentence and 1.
    """
    # Set whatever was inherited: what a shell starts in its background ignores SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    gc.disable()  # until it spins: nothing of what is imported is ever thrown away
    try:
        kind = node_class(name)
        stand_back(kind.nice)
        init(argv)
        end_after_standstill(name)
        node = kind(name, namespace="unihm")
        autostart = node.declare(
            "autostart", True, "Configure and activate at once, without a life-cycle manager."
        )
        spin(node, autostart)
    except KeyboardInterrupt:
        pass
    except UnihmError as error:
        print(f"{name}: {error.message} [{error.code.name}]", file=sys.stderr)
        return 1
    return 0


def init(argv: list[str] | None = None) -> None:
    """Begin with ROS, but for its signal handlers: those end everything before a last word."""
    set_profile()
    rclpy.init(args=argv, signal_handler_options=rclpy.SignalHandlerOptions.NO)


def spin(node: UnihmNode, start: bool = True) -> None:
    """Spin a node until a KeyboardInterrupt, which comes through; it ends while still spun.

    Args:
        node: of the default context, which ends with it.
        start: configure and activate it first; a failure is logged, and told to whoever sends a
            task.
    """
    executor = new_executor(node.batch)
    executor.add_node(node)
    told: list[int] = []
    try:
        if start:
            node.start()
        # Heard between two looks: raised while a message is being converted, a KeyboardInterrupt
        # would come out as some other error.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: told.append(number))
        # Python looks through all objects now and then: in a node with a network that takes 0.2 s,
        # several times that on a busy machine, which is longer than it may be silent. What was made
        # until now stays, and is not looked through again.
        gc.collect()
        gc.freeze()
        gc.enable()
        put_first(node.priority)
        while not told:
            executor.spin_once(timeout_sec=_WAIT)
        raise KeyboardInterrupt(told[0])
    finally:
        # One more must not end the ending: Ctrl-C reaches launch and its processes, and launch
        # tells each of them again where it has no terminal.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        ending = threading.Thread(target=node.end, daemon=True)
        ending.start()
        while ending.is_alive():
            executor.spin_once(timeout_sec=_WAIT)
        node.destroy_node()
        rclpy.try_shutdown()
