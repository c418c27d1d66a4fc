"""Play a recording to the running graph, with the recorded time on /clock.

Any recording of a camera will do: rosbag2 (MCAP or SQLite) or ROS 1. Of a recording of the graph
itself the tasks and their observations are played too, and every stage plans the same again. The
graph is started by `ros2 launch unihm replay.launch.py bag:=...`, which plays the bag as well; this
command plays it to a graph that runs with use_sim_time.

Example: unihm replay out/bags/mugs --remap /rgb:=/zed/zed_node/rgb/color/rect/image
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from unihm.cli._options import ros_missing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``unihm replay``."""
    parser.add_argument("bag", type=Path, help="folder of a recording, or one file of it")
    parser.add_argument("--rate", type=float, default=1.0, help="recorded per real seconds")
    parser.add_argument("--loop", action="store_true", help="begin again at the end")
    parser.add_argument("--topics", nargs="+", default=[], help="play these only")
    parser.add_argument("--remap", nargs="+", default=[], metavar="OLD:=NEW", help="other names")
    parser.add_argument("--hand", default="xhand", help="that waits at home if none was recorded")
    parser.add_argument("--robot-namespace", default="", help="of the graph that it is played to")


def run(args: argparse.Namespace) -> int:
    """Play it once, or until Ctrl-C."""
    try:
        from rclpy.parameter import Parameter

        from unihm.nodes.player import PlayerNode
        from unihm.ros.run import init, spin
    except ImportError as error:
        raise ros_missing(error, " Without ROS, `unihm eval bag` reads recordings.") from error
    values = {
        "bag": str(args.bag),
        "rate": args.rate,
        "loop": args.loop,
        "topics": args.topics or [""],
        "remap": args.remap or [""],
        "hand": args.hand,
        "robot_namespace": args.robot_namespace,
    }
    init(["--ros-args"])
    node = PlayerNode(
        "player",
        namespace="unihm",
        parameter_overrides=[Parameter(key, value=value) for key, value in values.items()],
    )

    def end_when_finished() -> None:
        if node.finished.is_set():
            raise KeyboardInterrupt
        if node.fault is not None:
            raise node.fault

    node.create_timer(0.1, end_when_finished)
    try:
        spin(node)
    except KeyboardInterrupt:
        if not node.finished.is_set():
            print("interrupted", file=sys.stderr)
            raise
    return 0
