"""Send an instruction to the running graph and follow it.

The graph is started by ``unihm demo``, or by ``ros2 launch unihm sim.launch.py`` and its like.
Ctrl-C cancels: the robot stops, and goes home if it holds nothing. The exit status is 0 where the
task was done.

Example: unihm say "pick up the red box"
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``unihm say``."""
    parser.add_argument("instruction", help="the sentence, in your own words")
    parser.add_argument("--hand", default="", help="refuse unless this hand is mounted")
    parser.add_argument("--timeout", type=float, default=0.0, help="seconds for the whole task")
    parser.add_argument("--attempts", type=int, default=0, help="tries in all if a grasp fails")
    parser.add_argument("--wait", type=float, default=10.0, help="seconds to wait for the graph")


def run(args: argparse.Namespace) -> int:
    """Say it."""
    import threading

    import rclpy
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

    from unihm.ros.commander import Commander

    # Ctrl-C must reach us and not ROS: the goal is to be cancelled before the context ends.
    rclpy.init(args=[], signal_handler_options=rclpy.SignalHandlerOptions.NO)
    commander = Commander("say")
    executor = SingleThreadedExecutor()
    executor.add_node(commander)

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        commander.wait_until_ready(args.wait)
        return _follow(commander, args)
    finally:
        executor.shutdown()
        thread.join()
        commander.destroy_node()
        rclpy.try_shutdown()


def _follow(commander: Any, args: argparse.Namespace) -> int:
    """Send the goal, show its progress, and return the exit status."""
    line = ProgressLine()
    future = commander.start(
        args.instruction, args.hand, args.timeout, args.attempts, on_feedback=line.feedback
    )
    while not future.done():
        try:
            line.draw()
            time.sleep(0.1)
        except KeyboardInterrupt:
            line.note = "stopping"
            commander.cancel()
    result = future.result()
    line.end()
    for measured in result.measurements:
        print(f"  {measured.name:<24} {measured.value:9.3f} {measured.unit}")
    if result.error_code:
        print(f"{result.error_msg} [{_name(result.error_code)}]", file=sys.stderr)
        return 1
    print("done")
    return 0


def _name(code: int) -> str:
    from unihm.errors import ErrorCode

    return ErrorCode(code).name


class ProgressLine:
    """One line that tells where the task is; redrawn on a terminal, once per stage elsewhere."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.stage, self.progress, self.attempt, self.note = "waiting", 0.0, 1, ""
        self._drawn = ""

    def feedback(self, feedback: Any) -> None:
        """Take a feedback message of the action."""
        self.stage, self.progress = feedback.stage, feedback.progress
        self.attempt = feedback.attempt

    def draw(self) -> None:
        """Show the present state."""
        tried = f", attempt {self.attempt}" if self.attempt > 1 else ""
        state = f"{self.note or self.stage}{tried}"
        if sys.stdout.isatty():
            filled = round(24 * self.progress)
            seconds = time.monotonic() - self.started
            bar = "#" * filled + "." * (24 - filled)
            print(
                f"\r\033[K[{bar}] {100 * self.progress:3.0f} %  {seconds:5.1f} s  {state}", end=""
            )
            sys.stdout.flush()
        elif state != self._drawn:
            print(f"{100 * self.progress:3.0f} %  {state}", flush=True)
        self._drawn = state

    def end(self) -> None:
        """Leave the line."""
        self.draw()
        if sys.stdout.isatty():
            print()
