r"""Write arm and hand for MoveIt 2: a URDF, an SRDF, and the parameters of a planning node.

    unihm hand moveit xhand --out out/moveit
    ros2 run moveit_ros_move_group move_group --ros-args --params-file out/moveit/moveit.yaml

The graph needs none of these files: with `path_planner:=moveit` the arm controller asks moveit_py,
which gets the same parameters.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("hand", metavar="HAND", help="the hand that is mounted")
    parser.add_argument("--arm", default="fr3", help="a file in config/robots (default: fr3)")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to (default: out/moveit/ARM_HAND)"
    )


def run(args: argparse.Namespace) -> None:
    """Write the files and say where they are."""
    from unihm.robots.moveit import write

    folder = args.out or Path("out/moveit") / f"{args.arm}_{args.hand}"
    files = write(args.arm, args.hand, folder)
    print(f"{files.urdf}\n{files.srdf}\n{files.parameters}")
