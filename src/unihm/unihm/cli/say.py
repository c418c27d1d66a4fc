"""Send an instruction to the running graph and follow it.

The graph is started by ``unihm demo``, or by ``ros2 launch unihm sim.launch.py`` and its like.
Ctrl-C or a SIGTERM cancels: the robot stops, and goes home if it holds nothing; a second one does
not wait for that. The exit status is 0 where the task was done.

Example: unihm say "pick up the red box"
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unihm.ros.commander import Commander


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``unihm say``."""
    parser.add_argument("instruction", help="the sentence, in your own words")
    parser.add_argument("--hand", default="", help="refuse unless this hand is mounted")
    parser.add_argument("--timeout", type=float, default=0.0, help="seconds for the whole task")
    parser.add_argument("--attempts", type=int, default=0, help="tries in all if a grasp fails")
    parser.add_argument("--plan-only", action="store_true", help="plan it; nothing moves")
    parser.add_argument("--namespace", default="unihm", help="that the graph runs in")
    parser.add_argument("--wait", type=float, default=10.0, help="seconds to wait for the graph")


def run(args: argparse.Namespace) -> int:
    """Say it."""
    from unihm.ros.commander import PLANNED, Commander

    with Commander(args.namespace, "say") as robot:
        robot.wait_until_ready(args.wait)
        robot.manipulate(
            args.instruction,
            args.hand,
            timeout=args.timeout,
            attempts=args.attempts,
            until=PLANNED if args.plan_only else "",
        )
        line = ProgressLine()
        try:
            result = line.follow(robot)
        except KeyboardInterrupt:  # once: the robot comes to rest; twice: it is left to itself
            line.note = "stopping"
            robot.cancel_task()
            result = line.follow(robot)
    for measured in result.measurements:
        print(f"  {measured.name:<24} {measured.value:9.3f} {measured.unit}")
    if result.error_code:
        print(f"{result.error_msg} [{_name(result.error_code)}]", file=sys.stderr)
        return 1
    print("planned; nothing has moved" if args.plan_only else "done")
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

    def follow(self, robot: Commander) -> Any:
        """Show how the goal goes that was sent last until it ends, and return its result."""
        while not robot.is_task_complete():
            self.draw(robot.get_feedback())
            time.sleep(0.1)
        self.draw(robot.get_feedback())
        if sys.stdout.isatty():
            print()
        return robot.get_result()

    def draw(self, feedback: Any) -> None:
        """Show the state that a feedback message of the action tells; None: the one before."""
        if feedback is not None:
            self.stage, self.progress = feedback.stage, feedback.progress
            self.attempt = feedback.attempt
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
