"""What the launch files start and with which parameters.

Once on a stand-in for ``launch``, which comes with a ROS 2 installation only, and once on the real
one where it is installed.
"""

from __future__ import annotations

import importlib
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import rclpy
import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from rclpy.context import Context
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.bag import BagWriter, MessageTypes, installed_types
from unihm.paths import config_dir
from unihm.robots import load_hand
from unihm.ros.roster import FURTHER, NODES
from unihm.ros.run import node_class
from unihm.types import STAGES

pytestmark = pytest.mark.ros

FOLDER = Path(__file__).parents[2] / "launch"
FILES = sorted(path.name for path in FOLDER.glob("*.launch.py"))
ROBOTS = ["sim", "real_franka", "real_franka_xhand", "real_franka_inspire", "real_franka_gripper"]
USUAL = {"namespace", "robot_namespace", "use_sim_time", "params_file", "log_level", "hand"}
MOCKS = {"mock_arm", "mock_hand", "mock_camera"}


class LaunchConfiguration:
    def __init__(self, name: str) -> None:
        self.name = name

    def perform(self, context: dict[str, str]) -> str:
        return context[self.name]


class Action(SimpleNamespace):
    pass


class DeclareLaunchArgument:
    def __init__(self, name: str, *, default_value: str | None, description: str) -> None:
        self.name, self.default, self.description = name, default_value, description


class OpaqueFunction(SimpleNamespace):
    function: Any


MODULES: dict[str, dict[str, Any]] = {
    "launch": {"LaunchDescription": list},
    "launch.actions": {
        "DeclareLaunchArgument": DeclareLaunchArgument,
        "IncludeLaunchDescription": lambda source, launch_arguments: Action(
            name=source, arguments=dict(launch_arguments)
        ),
        "OpaqueFunction": OpaqueFunction,
    },
    "launch.launch_description_sources": {"AnyLaunchDescriptionSource": str},
    "launch.substitutions": {"LaunchConfiguration": LaunchConfiguration},
    "launch_ros": {},
    "launch_ros.actions": {"Node": Action},
}


@pytest.fixture
def launch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, content in MODULES.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules.pop("unihm.ros.bringup", None)
    yield
    sys.modules.pop("unihm.ros.bringup", None)  # which knows the stand-in


def describe(file: str) -> Any:
    return runpy.run_path(str(FOLDER / file))["generate_launch_description"]()


def start(file: str, **given: str) -> dict[str, Any]:
    """Name to action, as ``ros2 launch unihm <file> <given>`` would start them."""
    values: dict[str, str] = {}
    started: dict[str, Any] = {}
    for action in describe(file):
        if isinstance(action, DeclareLaunchArgument):
            value = given.pop(action.name, action.default)
            assert value is not None, f"{action.name} is required"
            values[action.name] = value
            continue
        for made in action.function(values):
            if getattr(made, "executable", "") != "nodes":
                assert made.name not in started
                started[made.name] = made
                continue
            _, _, *names = made.arguments
            for name in names:
                assert name not in started
                started[name] = SimpleNamespace(**vars(made), name=name)
    assert not given, "arguments that the file does not take"
    return started


def parameters(node: Any) -> dict[str, Any]:
    """Those that no file of ours or of the user gives."""
    if node.package != "unihm":
        return dict(node.parameters[0])
    assert all(Path(file).is_file() for file in node.parameters)
    sections = yaml.safe_load(Path(node.parameters[-1]).read_text())
    return dict(sections[f"{node.namespace}/{node.name}"]["ros__parameters"])


@pytest.fixture
def camera_bag(tmp_path: Path) -> Path:
    """A recording of a camera that others made."""
    kind = "sensor_msgs/msg/CameraInfo"
    with BagWriter(tmp_path / "foreign", MessageTypes()) as bag:
        bag.write("/eye/info", kind, 1, b"", [])
    return tmp_path / "foreign"


@pytest.fixture
def graph_bag(tmp_path: Path) -> Path:
    """A recording of a graph."""
    with BagWriter(tmp_path / "own", installed_types()) as bag:
        for topic, kind in (("task", "Task"), ("observation", "RgbdObservation")):
            bag.write(f"/unihm/{topic}", f"unihm_msgs/msg/{kind}", 1, b"", [])
    return tmp_path / "own"


@pytest.mark.usefixtures("launch")
class TestFiles:
    @pytest.mark.parametrize("file", FILES)
    def test_every_file_takes_the_usual_arguments_and_describes_them(self, file: str) -> None:
        declared = [a for a in describe(file) if isinstance(a, DeclareLaunchArgument)]
        assert {action.name for action in declared} >= USUAL
        assert all(action.description.endswith(".") for action in declared)

    @pytest.mark.parametrize("name", ROBOTS)
    def test_the_whole_graph_is_started(self, name: str) -> None:
        started = start(f"{name}.launch.py", namespace="ns", log_level="debug")
        further = {"simulation"} if name == "sim" else set()
        assert set(started) == set(NODES) - {"simulation"} | {"markers", "robot_state"} | further
        for node in started.values():
            assert (node.package, node.executable, node.namespace) == ("unihm", "nodes", "/ns")
            assert node.arguments[:2] == ["--enclaves", "/ns"]  # whose keys, where there are any
            assert node.ros_arguments == ["--log-level", "debug"]
            assert node.respawn is True
            assert parameters(node)["use_sim_time"] is (name == "sim")
        protocol = parameters(started["hand_controller"]).get("protocol")
        assert protocol == ("joint_trajectory" if name == "sim" else None)

    @pytest.mark.parametrize(
        ("file", "hand"),
        [
            ("sim", "xhand"),
            ("real_franka", "xhand"),
            ("real_franka_xhand", "xhand"),
            ("real_franka_inspire", "inspire"),
            ("real_franka_gripper", "panda_gripper"),
        ],
    )
    def test_what_is_mounted(self, file: str, hand: str) -> None:
        started = start(f"{file}.launch.py")
        assert {parameters(n)["hand"] for n in started.values()} == {load_hand(hand).name}

    @pytest.mark.parametrize("name", ROBOTS[1:])
    def test_mocks_stand_for_the_hardware(self, name: str) -> None:
        started = start(f"{name}.launch.py", use_mock_hardware="true", camera="realsense")
        assert set(started) >= MOCKS
        assert parameters(started["mock_hand"])["protocol"] == "joint_trajectory"
        assert parameters(started["hand_controller"])["protocol"] == "joint_trajectory"
        assert Path(started["capture"].parameters[1]).stem == "zed"  # which the mock speaks

    def test_arguments_win_over_defaults(self, tmp_path: Path) -> None:
        mine = tmp_path / "mine.yaml"
        mine.write_text("")
        started = start(
            "sim.launch.py",
            hand="panda_gripper",
            use_sim_time="false",
            params_file=str(mine),
            real_time_factor="2",
        )
        assert started["simulation"].parameters[0] == str(mine)
        assert parameters(started["simulation"]) == {
            "use_sim_time": False,
            "robot_namespace": "",
            "hand": "panda_gripper",
            "preset": "tiny",
            "scene": "table",
            "simulator": "sapien",
            "real_time_factor": 2.0,
        }

    @pytest.mark.parametrize(
        "file", [f for f in FILES if not f.startswith(("replay", "view", "sim_gazebo"))]
    )
    def test_one_argument_puts_a_robot_aside(self, file: str) -> None:
        for node in start(file, robot_namespace="left").values():
            assert node.namespace == "/left/unihm"
            assert parameters(node)["robot_namespace"] == "left"
            assert node.remappings == [("/clock", "/left/clock")]

    @pytest.mark.parametrize("camera", ["zed", "realsense", "orbbec"])
    def test_a_camera_is_one_word(self, camera: str) -> None:
        for file in ("real_franka.launch.py", "perception_only.launch.py"):
            used = Path(start(file, camera=camera)["capture"].parameters[1])
            (section,) = yaml.safe_load(used.read_text()).values()
            assert set(section["ros__parameters"]) == {
                "rgb_topic",
                "depth_topic",
                "camera_info_topic",
            }

    def test_who_is_led_has_no_controllers(self) -> None:
        alone = {"follower", "emergency_stop", "robot_state"}
        assert set(start("teleop.launch.py")) == alone
        mocked = start("teleop.launch.py", use_mock_hardware="true")
        assert set(mocked) == alone | MOCKS
        assert parameters(mocked["mock_hand"])["protocol"] == "joint_trajectory"
        simulated = start("teleop.launch.py", scene="table")
        assert set(simulated) == alone | {"simulation"}
        for started in (mocked, simulated):
            assert parameters(started["follower"])["protocol"] == "joint_trajectory"

    def test_perception_alone_moves_nothing(self) -> None:
        started = start("perception_only.launch.py")
        assert set(started) == {"capture", "coordinator", "planner", "segmentation", "markers"}
        assert parameters(started["coordinator"])["last_stage"] == "segmentation"
        assert parameters(started["capture"])["wait_for_robot"] is False

    def test_a_bag_of_the_graph_is_planned_again(self, graph_bag: Path) -> None:
        started = start("replay.launch.py", bag=str(graph_bag))
        assert set(started) == {*STAGES, "player", "robot_state", "markers"}
        assert parameters(started["player"])["wait_for"] == list(STAGES)

    def test_a_bag_of_a_camera_waits_for_words(self, camera_bag: Path) -> None:
        started = start("replay.launch.py", bag=str(camera_bag), remap="/eye/info:=/info,/a:=/b")
        assert set(started) == {
            *STAGES,
            "player",
            "robot_state",
            "markers",
            "capture",
            "coordinator",
        }
        assert parameters(started["coordinator"])["last_stage"] == "refiner"
        assert parameters(started["player"])["remap"] == ["/eye/info:=/info", "/a:=/b"]

    @pytest.mark.parametrize(
        ("file", "given", "code", "words"),
        [
            ("real_franka", {"camera": "kinect"}, ErrorCode.INVALID_CONFIG, "orbbec"),
            ("real_franka", {"start_drivers": "yes"}, ErrorCode.INVALID_CONFIG, "true or false"),
            (
                "real_franka",
                {"start_drivers": "true"},
                ErrorCode.MISSING_DEPENDENCY,
                "franka_fr3_moveit_config",
            ),
            ("replay", {"bag": "/nowhere"}, ErrorCode.INVALID_BAG, "no recording"),
            ("sim_gazebo", {}, ErrorCode.MISSING_DEPENDENCY, "sim_gazebo.launch.py needs gz_sim"),
            ("sim_gazebo", {"robot_namespace": "left"}, ErrorCode.INVALID_CONFIG, "one robot"),
            (
                "view",
                {"rviz": "false", "browser": "false"},
                ErrorCode.MISSING_DEPENDENCY,
                "browser",
            ),
        ],
    )
    def test_what_is_missing_is_a_sentence(
        self, file: str, given: dict[str, str], code: ErrorCode, words: str
    ) -> None:
        if is_installed("franka_fr3_moveit_config") or is_installed("ros_gz_sim"):
            pytest.skip("what should be missing is installed here")
        with pytest.raises(UnihmError, match=words) as caught:
            start(f"{file}.launch.py", **given)
        assert caught.value.code is code

    def test_drivers_that_are_installed_are_included(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bringup = importlib.import_module("unihm.ros.bringup")
        for package, file in (
            ("franka_fr3_moveit_config", "moveit.launch.py"),
            ("realsense2_camera", "rs_launch.py"),
            ("my_hand", "hand.launch.py"),
        ):
            (tmp_path / package / "launch").mkdir(parents=True)
            (tmp_path / package / "launch" / file).touch()
        monkeypatch.setattr(bringup, "get_package_share_directory", lambda name: tmp_path / name)
        started = start(
            "real_franka.launch.py",
            start_drivers="true",
            camera="realsense",
            robot_ip="10.0.0.2",
            hand_driver="my_hand/hand.launch.py",
        )
        arm = started[str(tmp_path / "franka_fr3_moveit_config/launch/moveit.launch.py")]
        assert arm.arguments == {"robot_ip": "10.0.0.2"}
        assert str(tmp_path / "realsense2_camera/launch/rs_launch.py") in started
        assert str(tmp_path / "my_hand/launch/hand.launch.py") in started

    def test_gazebo_has_the_scene_the_robot_and_the_graph(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bringup = importlib.import_module("unihm.ros.bringup")
        (tmp_path / "ros_gz_sim" / "launch").mkdir(parents=True)
        (tmp_path / "ros_gz_sim" / "launch" / "gz_sim.launch.py").touch()
        monkeypatch.setattr(bringup, "get_package_share_directory", lambda name: tmp_path / name)
        monkeypatch.setattr(bringup.tempfile, "mkdtemp", lambda prefix: str(tmp_path / "files"))
        started = start("sim_gazebo.launch.py", hand="inspire")
        gazebo = started.pop(str(tmp_path / "ros_gz_sim/launch/gz_sim.launch.py"))
        world = Path(gazebo.arguments["gz_args"].removeprefix("-r "))
        assert "red_box" in world.read_text()
        robot = parameters(started["robot_state_publisher"])["robot_description"]
        assert str(tmp_path / "files" / "controllers.yaml") in robot
        assert set(started["spawner"].arguments) >= {"fr3_arm_controller", "hand_controller"}
        own = {name for name, node in started.items() if node.package == "unihm"}
        assert own == set(NODES) - {"simulation"} | {"markers"}
        bridged = {text.split("@")[0] for text in started["parameter_bridge"].arguments}
        capture = started["capture"]
        (heard,) = yaml.safe_load(Path(capture.parameters[1]).read_text()).values()
        topics = {v for k, v in heard["ros__parameters"].items() if k.endswith("_topic")}
        assert topics | {"/clock"} == bridged
        assert len(parameters(capture)["camera_pose"]) == 7
        assert all(parameters(node)["use_sim_time"] is True for node in started.values())


def test_launch_waits_for_nothing_that_takes_long(launch: None) -> None:
    """What the nodes import would be imported twice, one after the other."""
    code = (
        "import sys; from unihm.ros import roster, bringup;"
        "print({'numpy', 'rclpy', 'torch'}.intersection(sys.modules))"
    )
    stand_in = "import sys; from types import ModuleType, SimpleNamespace\n" + "\n".join(
        f"m = sys.modules[{name!r}] = ModuleType({name!r}); m.__getattr__ = lambda _: object"
        for name in MODULES
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{stand_in}\n{code}"], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "set()", done.stderr


def is_installed(package: str) -> bool:
    try:
        get_package_prefix(package)
    except PackageNotFoundError:
        return False
    return True


@pytest.mark.parametrize("file", FILES)
def test_the_real_launch_expands_every_file(file: str, graph_bag: Path) -> None:
    pytest.importorskip("launch.actions", reason="launch comes with a ROS 2 installation only")
    actions = pytest.importorskip("launch_ros.actions", reason="launch_ros is not here")
    from launch.substitutions import LocalSubstitution
    from launch.utilities import perform_substitutions

    context = sys.modules["launch"].LaunchContext()
    if file == "sim_gazebo.launch.py" and not is_installed("ros_gz_sim"):
        pytest.skip("Gazebo is not installed here")
    if file == "replay.launch.py":
        context.launch_configurations["bag"] = str(graph_bag)
    commands = []
    waiting = list(describe(file).entities)
    while waiting:
        entity = waiting.pop(0)
        if isinstance(entity, actions.Node):
            entity._perform_substitutions(context)
            words = [word for word in entity.cmd if not isinstance(word[0], LocalSubstitution)]
            commands.append([perform_substitutions(context, word) for word in words])
            assert entity.expanded_node_namespace == "/unihm"
        else:
            waiting += entity.visit(context) or []
    assert all(Path(executable).is_file() for executable, *_ in commands)
    (ours,) = (words for words in commands if Path(words[0]).name == "nodes")
    expected = {"view.launch.py": "viewer", "replay.launch.py": "player"}.get(file, "planner")
    assert expected in ours


def test_parameter_files_name_parameters_that_there_are(domain_id: int) -> None:
    context = Context()
    rclpy.init(args=[], context=context, domain_id=domain_id)
    nodes = {name: node_class(name)(name, context=context) for name in (*NODES, *FURTHER)}
    try:
        for path in sorted(Path(config_dir()).glob("[pc]a[rm]*/*.yaml")):
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
