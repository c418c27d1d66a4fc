"""real_franka.launch.py with an Inspire hand."""

from launch import LaunchDescription
from unihm.ros.bringup import graph_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(graph_actions(params="real_franka.yaml", hand="inspire"))
