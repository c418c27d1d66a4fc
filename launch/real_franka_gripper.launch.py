"""real_franka.launch.py with the gripper that Franka sells with the arm."""

from launch import LaunchDescription
from unihm.ros.bringup import real_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(real_actions(hand="panda_gripper"))
