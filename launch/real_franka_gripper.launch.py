"""real_franka.launch.py with the gripper that Franka sells with the arm."""

from launch import LaunchDescription
from unihm.ros.bringup import graph_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(graph_actions(params="real_franka.yaml", hand="panda_gripper"))
