"""The whole graph against the simulated robot and camera.

ros2 launch unihm sim.launch.py hand:=inspire scene:=table
unihm say "pick up the red box"
"""

from launch import LaunchDescription
from unihm.ros.bringup import sim_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(sim_actions())
