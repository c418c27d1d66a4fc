"""What the launch files share: the usual arguments, and the nodes of the graph as processes.

Imported by launch files alone, since ``launch`` comes with a ROS 2 installation only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition, UnlessCondition
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue

from unihm.paths import config_dir
from unihm.ros.run import NODES


def graph_actions(params: str, hand: str, use_mock_hardware: bool = False) -> list[Any]:
    """The arguments, every node of the graph, and the markers.

    What is given here is the default of a launch argument.

    Args:
        params: parameter file, a name in ``config/params``.
        hand: that is mounted.
        use_mock_hardware: start the simulation too, and speak to it.
    """
    mock = LaunchConfiguration("use_mock_hardware")
    others = [name for name in NODES if name not in ("simulation", "hand_controller")]
    return [
        *_arguments(params, hand, use_mock_hardware),
        _node(
            "simulation",
            IfCondition(mock),
            scene=LaunchConfiguration("scene"),
            real_time_factor=ParameterValue(
                LaunchConfiguration("real_time_factor"), value_type=float
            ),
        ),
        # The simulation speaks no vendor's protocol.
        _node("hand_controller", IfCondition(mock), protocol="joint_trajectory"),
        _node("hand_controller", UnlessCondition(mock)),
        *(_node(name) for name in (*others, "robot_state", "markers")),
    ]


def _arguments(params: str, hand: str, use_mock_hardware: bool) -> list[DeclareLaunchArgument]:
    params_file = str(Path(config_dir()) / "params" / params)
    described: list[tuple[str, SomeSubstitutionsType, str]] = [
        ("namespace", "unihm", "Namespace of all nodes."),
        (
            "use_mock_hardware",
            str(use_mock_hardware).lower(),
            "Let the simulation stand for arm, hand and camera, and for the clock.",
        ),
        (
            "use_sim_time",
            LaunchConfiguration("use_mock_hardware"),
            "Take the time from /clock; by default with the mock hardware, whose clock it is.",
        ),
        ("params_file", params_file, "Parameters of all nodes."),
        ("log_level", "info", "debug, info, warn, error or fatal."),
        ("hand", hand, "The hand that is mounted: a file in config/hands."),
        ("preset", "tiny", "Configuration and weights: a file in config/presets."),
        ("scene", "table", "Of the simulation: a name in config/scenes, or a scene file's path."),
        ("real_time_factor", "1.0", "Simulated per real seconds; 0: as fast as it can."),
    ]
    return [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, default, text in described
    ]


def _node(name: str, condition: Any = None, **parameters: Any) -> LifecycleNode:
    """One node of the graph; ``parameters`` win over the parameter file.

    It configures and activates itself (parameter ``autostart``).
    """
    return LifecycleNode(
        package="unihm",
        executable=name,
        name=name,
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        emulate_tty=True,
        parameters=[
            LaunchConfiguration("params_file"),
            {
                "use_sim_time": ParameterValue(
                    LaunchConfiguration("use_sim_time"), value_type=bool
                ),
                "hand": LaunchConfiguration("hand"),
                "preset": LaunchConfiguration("preset"),
                **parameters,
            },
        ],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
        condition=condition,
    )
