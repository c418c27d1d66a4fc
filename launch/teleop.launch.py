"""The robot follows set-points: of `unihm teleop`, a LeRobot policy, or a program of your own.

On mocks of the drivers, or in the simulation (without use_sim_time: a person's time is real):

    ros2 launch unihm teleop.launch.py use_mock_hardware:=true
    ros2 launch unihm teleop.launch.py scene:=table
"""

from launch import LaunchDescription
from unihm.ros.bringup import teleop_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(teleop_actions())
