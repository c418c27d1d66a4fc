"""real_franka.launch.py with an XHand."""

from launch import LaunchDescription
from unihm.ros.bringup import real_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(real_actions(hand="xhand"))
