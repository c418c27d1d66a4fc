"""Show a running graph in the browser: robot, camera, cloud, plan, contacts, live.

It listens to the graph that `unihm demo`, a launch file or your robot has started, and has a box
to send instructions from. With --still it shows a scene and a robot without any graph, e.g. to
look at a scene file of your own.

On this machine the page is for whoever sits at it, but for no other page of their browser. From
other machines (--host) it opens with the token in the address that is printed, and only so.

Example: unihm view --scene table
"""

from __future__ import annotations

import argparse

from unihm.cli._options import port


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``unihm view``."""
    parser.add_argument("--port", type=port, default=8080, help="of the web page (default 8080)")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: for other machines too")
    parser.add_argument("--hand", default="xhand", help="the hand that is mounted")
    parser.add_argument("--arm", default="fr3", help="the arm")
    parser.add_argument("--scene", default="", help="draw the simulation's objects of this scene")
    parser.add_argument("--still", action="store_true", help="without a graph")


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    if args.still:
        return _still(args)
    return _live(args)


def _still(args: argparse.Namespace) -> int:
    import time

    from unihm.sim.scene import load_scene
    from unihm.visualization.viewer import Viewer

    viewer = Viewer(args.port, args.arm, args.hand, args.host)
    viewer.show_scene(load_scene(args.scene or "table"))
    print(f"Open {viewer.url} in a browser; Ctrl-C ends.")
    while True:
        time.sleep(1.0)


def _live(args: argparse.Namespace) -> int:
    from unihm.errors import ErrorCode, UnihmError

    try:
        from rclpy.parameter import Parameter

        from unihm.nodes.viewer import ViewerNode
        from unihm.ros.run import init, spin
    except ImportError as error:
        raise UnihmError(
            ErrorCode.MISSING_DEPENDENCY,
            f"ROS 2 or the project's messages are missing ({error.name}): 'source env.sh' first, "
            "or use --still.",
        ) from error

    init([])
    values = {"port": args.port, "host": args.host, "hand": args.hand, "arm": args.arm}
    values["scene"] = args.scene
    node = ViewerNode(
        "viewer",
        namespace="unihm",
        parameter_overrides=[Parameter(key, value=value) for key, value in values.items()],
    )
    if not node.start() and node.fault is not None:
        raise node.fault
    print(f"Open {node.viewer.url} in a browser; Ctrl-C ends.", flush=True)
    spin(node, start=False)
    return 0
