"""Record what is published into a bag, until Ctrl-C.

One bag a run, with one time base: the simulated clock where somebody publishes one. An MCAP file
is compressed and carries its messages' definitions. Ctrl-C and SIGTERM close the bag; of a process
that is killed all but the last second can be read.

Example: unihm record --what camera -o out/bags/mugs
"""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from pathlib import Path

from unihm.cli._options import ros_missing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``unihm record``."""
    parser.add_argument(
        "--what",
        choices=("camera", "all"),
        default="all",
        help="the camera's topics and TF, or everything (the default)",
    )
    parser.add_argument(
        "-o", "--out", type=Path, help="folder of the bag (default: out/bags/<date and time>)"
    )
    parser.add_argument(
        "--storage", choices=("mcap", "sqlite3"), default="mcap", help="format (default: mcap)"
    )
    parser.add_argument(
        "--thin", action="store_true", help="of images keep one a second of each topic"
    )
    parser.add_argument("--seconds", type=float, default=0.0, help="stop after so long; 0: never")
    parser.add_argument("--namespace", default="unihm", help="that the graph runs in")
    parser.add_argument(
        "--robot-namespace", default="", help="record only what is below it (default: everything)"
    )


def run(args: argparse.Namespace) -> int:
    """Record; 0 where the bag was closed in order."""
    from unihm.errors import ErrorCode, UnihmError

    try:
        import rclpy
        from rclpy.parameter import Parameter

        from unihm.ros.recorder import RecorderNode, open_bag
        from unihm.ros.run import init, spin
    except ImportError as error:
        raise ros_missing(error) from error
    path = args.out or Path("out/bags") / time.strftime("%Y-%m-%d_%H-%M-%S")
    failures: list[UnihmError] = []

    def stop(error: UnihmError) -> None:
        failures.append(error)
        raise KeyboardInterrupt

    clock = f"/{args.robot_namespace}/clock" if args.robot_namespace else "/clock"
    with open_bag(path, args.storage) as bag:
        init(["--ros-args", "-r", f"/clock:={clock}"])
        simulated = _is_published(clock)
        values = {
            "what": args.what,
            "whole_images": not args.thin,
            "robot_namespace": args.robot_namespace,
            "use_sim_time": simulated,
        }
        node = RecorderNode(
            "recorder",
            bag,
            stop,
            namespace="/".join(part for part in (args.robot_namespace, args.namespace) if part),
            parameter_overrides=[Parameter(key, value=value) for key, value in values.items()],
        )
        print(f"Recording {args.what} into {path}; Ctrl-C ends it.", flush=True)
        if args.seconds > 0:
            steady = rclpy.clock.Clock(clock_type=rclpy.clock.ClockType.STEADY_TIME)
            node.create_timer(args.seconds, _interrupt, clock=steady)
        with suppress(KeyboardInterrupt):
            spin(node)
    print(f"{bag.messages} messages of {len(node.recorded)} topics in {path}")
    if failures:
        raise failures[0]
    if bag.messages == 0:
        raise UnihmError(
            ErrorCode.INVALID_BAG,
            "Nothing was published that could be recorded; is the graph or the camera running, and "
            "in the same ROS_DOMAIN_ID?",
        )
    return 0


def _interrupt() -> None:
    raise KeyboardInterrupt


def _is_published(topic: str) -> bool:
    """Whether somebody publishes ``topic``, after a moment in which they can be discovered."""
    import rclpy

    node = rclpy.create_node("recorder_looks")
    try:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            if node.count_publishers(topic):
                return True
            time.sleep(0.05)
        return False
    finally:
        node.destroy_node()
