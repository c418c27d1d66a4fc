"""The whole graph against the simulated robot and camera.

ros2 launch unihm sim.launch.py hand:=inspire scene:=table
unihm say "pick up the red box"
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.parameter_descriptions import ParameterValue
from unihm.ros.bringup import arguments, node, stages


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            *arguments(params="sim.yaml", hand="xhand", use_sim_time="true"),
            DeclareLaunchArgument(
                "scene",
                default_value="table",
                description="A name in config/scenes, or the path of a scene file.",
            ),
            DeclareLaunchArgument(
                "real_time_factor",
                default_value="1.0",
                description="Simulated per real seconds; 0: as fast as it can.",
            ),
            node(
                "simulation",
                scene=LaunchConfiguration("scene"),
                real_time_factor=ParameterValue(
                    LaunchConfiguration("real_time_factor"), value_type=float
                ),
            ),
            *stages(),
        ]
    )
