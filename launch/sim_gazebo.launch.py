"""The whole graph against Gazebo: a scene as its world, arm and hand driven by ros2_control.

ros2 launch unihm sim_gazebo.launch.py hand:=xhand scene:=table
unihm say "pick up the red box"

Needs ros_gz_sim, ros_gz_bridge, gz_ros2_control, robot_state_publisher, ros2_controllers.
"""

from launch import LaunchDescription
from unihm.ros.bringup import gazebo_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(gazebo_actions())
