"""The whole graph on a Franka FR3 with an XHand and a ZED camera.

The drivers are started by their own launch files (franka_ros2, the hand's, zed_wrapper); where
their topics differ, config/params/real_franka_xhand.yaml says so. With use_mock_hardware the
simulation stands behind the same topics, to try this launch file without a robot:

    ros2 launch unihm real_franka_xhand.launch.py use_mock_hardware:=true
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PythonExpression
from launch_ros.parameter_descriptions import ParameterValue
from unihm.ros.bringup import arguments, node, stages, when


def generate_launch_description() -> LaunchDescription:
    mock = LaunchConfiguration("use_mock_hardware")
    protocol = PythonExpression(["'joint_trajectory' if '", mock, "' == 'true' else ''"])
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "use_mock_hardware",
                default_value="false",
                description="Let the simulation stand for arm, hand and camera, and for the clock.",
            ),
            *arguments(params="real_franka_xhand.yaml", hand="xhand", use_sim_time=mock),
            node("simulation", condition=when("use_mock_hardware")),
            *stages({"hand_controller": {"protocol": ParameterValue(protocol, value_type=str)}}),
        ]
    )
