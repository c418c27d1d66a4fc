"""The whole graph on a Franka FR3 with a camera of config/cameras and any hand of config/hands.

The drivers are started by their own launch files, or here by start_drivers:=true. Without hardware:

    ros2 launch unihm real_franka.launch.py hand:=inspire use_mock_hardware:=true
"""

from launch import LaunchDescription
from unihm.ros.bringup import real_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(real_actions(hand="xhand"))
