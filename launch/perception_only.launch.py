"""From the camera to the plan of an object and its cloud, without a robot.

ros2 launch unihm perception_only.launch.py camera:=realsense
unihm say "pick up the red box"
"""

from launch import LaunchDescription
from unihm.ros.bringup import perception_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(perception_actions())
