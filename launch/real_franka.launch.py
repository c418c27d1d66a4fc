"""The whole graph on a Franka FR3 with a ZED camera and any hand of config/hands.

The drivers are started by their own launch files (franka_ros2, the hand's, zed_wrapper); where
their topics differ, config/params/real_franka.yaml and the driver section of the hand's file say
so. With use_mock_hardware the simulation stands behind the same topics, to try this without a
robot:

    ros2 launch unihm real_franka.launch.py hand:=inspire use_mock_hardware:=true
"""

from launch import LaunchDescription
from unihm.ros.bringup import graph_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(graph_actions(params="real_franka.yaml", hand="xhand"))
