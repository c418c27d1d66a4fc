"""RViz, where it is installed, and the page at http://127.0.0.1:8080 for a running graph."""

from launch import LaunchDescription
from unihm.ros.bringup import view_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(view_actions())
