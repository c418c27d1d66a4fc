"""What the launch files share: the usual arguments, and the nodes of the graph as processes.

Imported by launch files alone, since ``launch`` comes with a ROS 2 installation only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue

from unihm.paths import config_dir
from unihm.ros.run import NODES

GRAPH = tuple(name for name in NODES if name != "simulation")


def arguments(
    params: str, hand: str, use_sim_time: SomeSubstitutionsType
) -> list[DeclareLaunchArgument]:
    """The arguments that every launch file takes.

    Args:
        params: default parameter file, a name in ``config/params``.
        hand: default hand.
        use_sim_time: default.
    """
    described: Iterable[tuple[str, SomeSubstitutionsType, str]] = (
        ("namespace", "unihm", "Namespace of all nodes."),
        ("use_sim_time", use_sim_time, "Take the time from /clock."),
        ("params_file", str(Path(config_dir()) / "params" / params), "Parameters of all nodes."),
        ("hand", hand, "The hand that is mounted: a file in config/hands."),
        ("preset", "tiny", "Configuration and weights: a file in config/presets."),
        ("log_level", "info", "debug, info, warn, error or fatal."),
    )
    return [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, default, text in described
    ]


def node(name: str, condition: Any = None, **parameters: Any) -> LifecycleNode:
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


def stages(overrides: Mapping[str, Mapping[str, Any]] | None = None) -> list[LifecycleNode]:
    """All nodes but the simulation, and the markers; ``overrides`` are parameters by node."""
    return [node(name, **(overrides or {}).get(name, {})) for name in (*GRAPH, "markers")]


def when(argument: str) -> IfCondition:
    """True where a launch argument is true."""
    return IfCondition(LaunchConfiguration(argument))
