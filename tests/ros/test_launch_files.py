"""What the launch files start and with which parameters, on a stand-in for ``launch``.

The real one comes with a ROS 2 installation only.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import rclpy
import yaml
from rclpy.context import Context
from unihm.paths import config_dir
from unihm.robots import load_hand
from unihm.ros.run import NODES, node_class

pytestmark = pytest.mark.ros

FOLDER = Path(__file__).parents[2] / "launch"
FILES = sorted(path.name for path in FOLDER.glob("*.launch.py"))
USUAL = {"namespace", "use_sim_time", "params_file", "log_level", "use_mock_hardware"}


class LaunchConfiguration:
    def __init__(self, name: str) -> None:
        self.name = name


class Condition:
    def __init__(self, value: LaunchConfiguration) -> None:
        self.value = value


class IfCondition(Condition):
    wanted = "true"


class UnlessCondition(Condition):
    wanted = "false"


class LifecycleNode(SimpleNamespace):
    pass


class DeclareLaunchArgument:
    def __init__(self, name: str, *, default_value: Any, description: str) -> None:
        self.name, self.default, self.description = name, default_value, description


MODULES = {
    "launch": {"LaunchDescription": list},
    "launch.actions": {"DeclareLaunchArgument": DeclareLaunchArgument},
    "launch.conditions": {"IfCondition": IfCondition, "UnlessCondition": UnlessCondition},
    "launch.some_substitutions_type": {"SomeSubstitutionsType": Any},
    "launch.substitutions": {"LaunchConfiguration": LaunchConfiguration},
    "launch_ros": {},
    "launch_ros.actions": {"LifecycleNode": LifecycleNode},
    "launch_ros.parameter_descriptions": {
        "ParameterValue": lambda value, value_type: (value, value_type)
    },
}


@pytest.fixture(autouse=True)
def launch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in MODULES.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "unihm.ros.bringup", raising=False)


def describe(file: str) -> list[Any]:
    return runpy.run_path(str(FOLDER / file))["generate_launch_description"]()


def start(file: str, **given: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Node to parameter file and parameters, as ``ros2 launch unihm <file> <given>`` would."""
    values: dict[str, str] = {}

    def resolve(value: Any) -> Any:
        if isinstance(value, tuple):
            text, kind = resolve(value[0]), value[1]
            return {"true": True, "false": False}[text] if kind is bool else kind(text)
        return values[value.name] if isinstance(value, LaunchConfiguration) else value

    started: dict[str, tuple[str, dict[str, Any]]] = {}
    for action in describe(file):
        if isinstance(action, DeclareLaunchArgument):
            values[action.name] = given.pop(action.name, None) or resolve(action.default)
        elif action.condition is None or (
            resolve(action.condition.value) == action.condition.wanted
        ):
            assert action.package == "unihm"
            assert action.executable == action.name
            assert action.name not in started
            path, parameters = action.parameters
            named = {name: resolve(value) for name, value in parameters.items()}
            assert resolve(action.namespace) == values["namespace"]
            assert [resolve(word) for word in action.ros_arguments][1] == values["log_level"]
            started[action.name] = resolve(path), named
    assert not given, "arguments that the file does not take"
    return started


@pytest.mark.parametrize("file", FILES)
def test_every_file_takes_the_usual_arguments_and_describes_them(file: str) -> None:
    declared = [action for action in describe(file) if isinstance(action, DeclareLaunchArgument)]
    assert {action.name for action in declared} >= {*USUAL, "hand", "preset"}
    assert all(action.description.endswith(".") for action in declared)


@pytest.mark.parametrize("mock", ["true", "false"])
@pytest.mark.parametrize("file", FILES)
def test_every_file_starts_the_graph(file: str, mock: str) -> None:
    started = start(file, use_mock_hardware=mock, namespace="ns", log_level="debug")
    simulation = {"simulation"} if mock == "true" else set()
    assert set(started) == set(NODES) - {"simulation"} | {"markers", "robot_state"} | simulation
    for path, parameters in started.values():
        assert Path(path).is_file()
        assert parameters["use_sim_time"] is (mock == "true")
    protocol = started["hand_controller"][1].get("protocol")
    assert protocol == ("joint_trajectory" if mock == "true" else None)


@pytest.mark.parametrize(
    ("file", "hand", "simulated"),
    [
        ("sim", "xhand", True),
        ("real_franka", "xhand", False),
        ("real_franka_xhand", "xhand", False),
        ("real_franka_inspire", "inspire", False),
        ("real_franka_gripper", "panda_gripper", False),
    ],
)
def test_what_is_mounted(file: str, hand: str, simulated: bool) -> None:
    started = start(f"{file}.launch.py")
    assert {parameters["hand"] for _, parameters in started.values()} == {load_hand(hand).name}
    assert ("simulation" in started) is simulated


def test_arguments_win_over_defaults() -> None:
    started = start(
        "real_franka.launch.py",
        hand="panda_gripper",
        use_mock_hardware="true",
        use_sim_time="false",
        params_file="mine.yaml",
        real_time_factor="2",
    )
    path, parameters = started["simulation"]
    assert path == "mine.yaml"
    assert parameters == {
        "use_sim_time": False,
        "hand": "panda_gripper",
        "preset": "tiny",
        "scene": "table",
        "real_time_factor": 2.0,
    }


def test_parameter_files_name_parameters_that_there_are(domain_id: int) -> None:
    context = Context()
    rclpy.init(args=[], context=context, domain_id=domain_id)
    nodes = {name: node_class(name)(name, context=context) for name in NODES}
    try:
        for path in sorted((Path(config_dir()) / "params").glob("*.yaml")):
            for pattern, section in yaml.safe_load(path.read_text()).items():
                name = pattern.removeprefix("/**").removeprefix("/")
                meant = [nodes[name]] if name else list(nodes.values())
                for parameter in section["ros__parameters"]:
                    assert any(node.has_parameter(parameter) for node in meant), (path, parameter)
    finally:
        for node in nodes.values():
            node.end()
            node.destroy_node()
        context.try_shutdown()
