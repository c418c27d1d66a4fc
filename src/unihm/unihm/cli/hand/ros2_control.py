r"""Write arm and hand for ros2_control: a URDF with its joints, and the controllers' parameters.

With the mock system the graph can be tried against the real controllers, where they are installed:

    unihm hand ros2_control xhand --out out/robot
    ros2 run robot_state_publisher robot_state_publisher out/robot/robot.urdf
    ros2 run controller_manager ros2_control_node --ros-args \
        --params-file out/robot/controllers.yaml
    ros2 run controller_manager spawner joint_state_broadcaster fr3_arm_controller hand_controller
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("hand", metavar="HAND", help="the hand that is mounted")
    parser.add_argument("--arm", default="fr3", help="a file in config/robots (default: fr3)")
    parser.add_argument(
        "--system",
        default="mock",
        metavar="NAME",
        help="mock, gazebo, or the name of a hardware plugin (default: mock)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to (default: out/robots/ARM_HAND)"
    )


def run(args: argparse.Namespace) -> None:
    """Write both files and say where they are."""
    from unihm.robots.ros2_control import write

    folder = args.out or Path("out/robots") / f"{args.arm}_{args.hand}"
    files = write(args.arm, args.hand, folder, args.system)
    print(f"{files.urdf}\n{files.controllers}")
