"""A recording, and the graph as far as the plan of a motion, in recorded time.

Of a recording of the graph the tasks are planned again. To any other recording of a camera, say
what to plan:

    ros2 launch unihm replay.launch.py bag:=out/bags/mugs camera:=realsense
    unihm say "pick up the red mug"
"""

from launch import LaunchDescription
from unihm.ros.bringup import replay_actions


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(replay_actions())
