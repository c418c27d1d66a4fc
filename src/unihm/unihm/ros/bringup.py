"""What the launch files share: arguments, the graph's nodes as processes, the vendors' drivers.

Imported by launch files alone, since ``launch`` comes with a ROS 2 installation only. What takes
long to import is imported where it is needed: the nodes wait for this module.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir
from unihm.ros.roster import ENDING, MOCKS, NODES, RESPAWN, parameter_file

Values = Mapping[str, str]

#: Argument to what it means.
ARGUMENTS = {
    "namespace": "Namespace of the graph's nodes.",
    "robot_namespace": "Namespace of drivers, camera and clock, and before that of the nodes; for "
    "one of several robots.",
    "use_mock_hardware": "Start mocks of arm, hand and camera, to try this without them.",
    "use_sim_time": "Take the time from /clock.",
    "params_file": "Parameters of all nodes.",
    "log_level": "debug, info, warn, error or fatal.",
    "hand": "The hand that is mounted: a file in config/hands.",
    "preset": "Configuration and weights: a file in config/presets.",
    "scene": "Of the simulation: a name in config/scenes, or a scene file's path; empty, where "
    "there are drivers as well: no simulation.",
    "simulator": "Whose physics: sapien, or mujoco where it is installed.",
    "real_time_factor": "Simulated per real seconds; 0: as fast as it can.",
    "camera": "Whose topics are listened to: a file in config/cameras, or its path.",
    "start_drivers": "Start the vendors' drivers too: those of arm and camera, and hand_driver.",
    "robot_ip": "Address of the arm, for its driver.",
    "camera_model": "For the camera's driver: zedm, zed2i ...; a RealSense finds out itself.",
    "hand_driver": "The hand's driver, as package/file.launch.py; empty: it is started elsewhere.",
    "bag": "Recording: a folder, or an .mcap, .db3 or .bag file.",
    "rate": "Recorded per real seconds.",
    "loop": "Begin again at the end.",
    "remap": "The recording's topics under other names: old:=new, several with commas between.",
    "rviz": "Start RViz where it is installed.",
    "browser": "Serve the page at http://127.0.0.1:8080.",
}
# The graph and what shows it, but for what stands for the robot.
WHOLE = frozenset({*NODES, "robot_state", "markers"}) - {"simulation"}
USUAL = ("namespace", "robot_namespace", "use_sim_time", "params_file", "log_level", "hand")


@dataclass(frozen=True)
class VendorDriver:
    """A vendor's launch file.

    Attributes:
        package, file: where it is, below ``launch``.
        arguments: what it is given; ``{name}`` stands for an argument of ours.
    """

    package: str
    file: str
    arguments: Mapping[str, str] = field(default_factory=dict)

    def include(
        self, values: Values, needed_by: str = "start_drivers:=true"
    ) -> IncludeLaunchDescription:
        """Its action.

        Args:
            values: of our arguments, by name.
            needed_by: what the sentence begins with where it is missing.

        Raises:
            UnihmError: MISSING_DEPENDENCY where it is not installed.
        """
        try:
            path = Path(get_package_share_directory(self.package)) / "launch" / self.file
        except PackageNotFoundError:
            path = Path()
        if not path.is_file():
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                f"{needed_by} needs {self.file} of the package {self.package}, which is not "
                "installed here; install and source it, or start it elsewhere.",
            )
        given = [(name, text.format(**values)) for name, text in self.arguments.items()]
        return IncludeLaunchDescription(
            AnyLaunchDescriptionSource(str(path)), launch_arguments=given
        )


ARM_DRIVER = VendorDriver(
    "franka_fr3_moveit_config", "moveit.launch.py", {"robot_ip": "{robot_ip}"}
)
GAZEBO = VendorDriver("ros_gz_sim", "gz_sim.launch.py", {"gz_args": "-r {world}"})
# Gazebo's topics that ROS hears, with the types there and here.
BRIDGED = (
    "/clock@rosgraph_msgs/msg/Clock[gz.msgs.Clock",
    "/camera/image@sensor_msgs/msg/Image[gz.msgs.Image",
    "/camera/depth_image@sensor_msgs/msg/Image[gz.msgs.Image",
    "/camera/camera_info@sensor_msgs/msg/CameraInfo[gz.msgs.CameraInfo",
)
CAMERA_DRIVERS = {
    "zed": VendorDriver("zed_wrapper", "zed_camera.launch.py", {"camera_model": "{camera_model}"}),
    "realsense": VendorDriver("realsense2_camera", "rs_launch.py", {"align_depth.enable": "true"}),
    "orbbec": VendorDriver(
        "orbbec_camera", "gemini_330_series.launch.py", {"depth_registration": "true"}
    ),
}


def sim_actions() -> list[Any]:
    """The graph against the simulation."""

    def start(values: Values) -> list[Any]:
        simulated: dict[str, Any] = {
            "scene": values["scene"],
            "simulator": values["simulator"],
            "real_time_factor": float(values["real_time_factor"]),
        }
        # The simulation speaks no vendor's protocol.
        spoken = {"protocol": "joint_trajectory"}
        own = {"simulation": simulated, "hand_controller": spoken}
        return [_nodes(values, WHOLE | {"simulation"}, own)]

    return _with_arguments(
        start,
        *USUAL,
        "preset",
        "scene",
        "simulator",
        "real_time_factor",
        params_file="sim",
        use_sim_time="true",
    )


def gazebo_actions() -> list[Any]:
    """The graph against Gazebo: a scene as its world, arm and hand driven by ros2_control."""

    def start(values: Values) -> list[Any]:
        from unihm.robots import ros2_control
        from unihm.sim.export import FORMATS
        from unihm.sim.scene import load_scene
        from unihm.transforms import to_pose7

        if values["robot_namespace"]:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                "Gazebo's world has one robot, without a namespace: leave robot_namespace empty.",
            )
        folder = _folder()
        scene = load_scene(values["scene"])
        world = FORMATS["sdf"](scene, folder)
        gazebo = GAZEBO.include({"world": str(world)}, "sim_gazebo.launch.py")
        robot = ros2_control.write("fr3", values["hand"], folder, "gazebo").urdf.read_text()
        others = {
            "robot_state_publisher": ("robot_state_publisher", []),
            "create": ("ros_gz_sim", ["-topic", "/robot_description", "-name", "robot"]),
            "parameter_bridge": ("ros_gz_bridge", list(BRIDGED)),
            "spawner": ("controller_manager", list(ros2_control.CONTROLLERS)),
        }
        given = {"robot_state_publisher": {"robot_description": robot}}
        own = {
            "hand_controller": {"protocol": "joint_trajectory"},
            "capture": {"camera_pose": to_pose7(scene.camera.T_world_camera).tolist()},
        }
        return [
            gazebo,
            *(
                Node(
                    package=package,
                    executable=name,
                    name=name,
                    arguments=arguments,
                    parameters=[{"use_sim_time": True, **given.get(name, {})}],
                    output="screen",
                )
                for name, (package, arguments) in others.items()
            ),
            # The description with what ros2_control reads is robot_state_publisher's.
            _nodes(values, WHOLE - {"robot_state"}, own, _camera_file("gazebo")),
        ]

    return _with_arguments(start, *USUAL, "preset", "scene", params_file="sim", use_sim_time="true")


def real_actions(hand: str) -> list[Any]:
    """The graph on a Franka arm, or on mocks of the drivers.

    Args:
        hand: that is mounted, unless the argument says another.
    """

    def start(values: Values) -> list[Any]:
        if not _flag(values, "use_mock_hardware"):
            camera = _camera_file(values["camera"])
            return [*_drivers(values), _nodes(values, WHOLE, file=camera)]
        spoken = {"protocol": "joint_trajectory"}
        own = {"mock_hand": spoken, "hand_controller": spoken}
        return [_nodes(values, WHOLE.union(MOCKS), own, _camera_file("zed"))]

    return _with_arguments(
        start,
        *USUAL,
        "preset",
        "use_mock_hardware",
        "camera",
        "start_drivers",
        "robot_ip",
        "camera_model",
        "hand_driver",
        hand=hand,
    )


def perception_actions() -> list[Any]:
    """Camera, words, plan of the object and its cloud: no robot."""

    def start(values: Values) -> list[Any]:
        names = {"capture", "coordinator", "planner", "segmentation", "markers"}
        own: dict[str, dict[str, Any]] = {
            "capture": {"wait_for_robot": False},
            "coordinator": {"last_stage": "segmentation"},
        }
        return [_nodes(values, names, own, _camera_file(values["camera"]))]

    return _with_arguments(start, *USUAL, "preset", "camera")


def replay_actions() -> list[Any]:
    """A bag, and the graph as far as a plan, in recorded time."""

    def start(values: Values) -> list[Any]:
        from unihm.learning.datasets.bag_reader import BagReader
        from unihm.ros.recorder import has_beginnings
        from unihm.types import STAGES

        path = Path(values["bag"]).expanduser().absolute()
        with BagReader(path) as bag:
            planned_before = has_beginnings(bag)
        # The tasks of the bag, or those that are said to it.
        awaited = [*STAGES] if planned_before else [*STAGES, "capture", "coordinator"]
        own: dict[str, dict[str, Any]] = {
            "player": {
                "bag": str(path),
                "rate": float(values["rate"]),
                "loop": _flag(values, "loop"),
                "remap": values["remap"].split(","),
                "wait_for": awaited,
            },
            "capture": {"wait_for_robot": False},
            "coordinator": {"last_stage": STAGES[-1]},
        }
        names = {*awaited, "robot_state", "markers", "player"}
        return [_nodes(values, names, own, _camera_file(values["camera"]))]

    return _with_arguments(
        start,
        *USUAL,
        "preset",
        "camera",
        "bag",
        "rate",
        "loop",
        "remap",
        bag=None,
        use_sim_time="true",
    )


def teleop_actions() -> list[Any]:
    """The robot without the task graph: it follows set-points, of a person or of a policy."""

    def start(values: Values) -> list[Any]:
        names = {"follower", "emergency_stop", "robot_state"}
        spoken = {"protocol": "joint_trajectory"}
        if values["scene"]:
            own: dict[str, dict[str, Any]] = {
                "simulation": {"scene": values["scene"], "simulator": values["simulator"]},
                "follower": spoken,
            }
            return [_nodes(values, names | {"simulation"}, own)]
        if _flag(values, "use_mock_hardware"):
            own = {"mock_hand": spoken, "follower": spoken}
            return [_nodes(values, names.union(MOCKS), own)]
        return [*_drivers(values), _nodes(values, names)]

    return _with_arguments(
        start,
        *USUAL,
        "preset",
        "use_mock_hardware",
        "scene",
        "simulator",
        "camera",
        "start_drivers",
        "robot_ip",
        "camera_model",
        "hand_driver",
        scene="",
    )


def view_actions() -> list[Any]:
    """What shows a running graph."""

    def start(values: Values) -> list[Any]:
        actions = [_nodes(values, {"viewer"})] if _flag(values, "browser") else []
        config = Path(config_dir()).parent / "rviz" / "unihm.rviz"
        if _flag(values, "rviz") and _is_installed("rviz2") and config.is_file():
            actions.append(
                Node(
                    package="rviz2",
                    executable="rviz2",
                    name="rviz2",
                    namespace=_namespace(values),
                    arguments=["-d", str(config)],
                    parameters=[{"use_sim_time": _flag(values, "use_sim_time")}],
                )
            )
        if not actions:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                "Nothing to show it with: rviz2 is not installed here, and browser:=false.",
            )
        return actions

    return _with_arguments(start, *USUAL, "rviz", "browser")


# ---------------------------------------------------------------- how


_DEFAULTS = {
    "namespace": "unihm",
    "robot_namespace": "",
    "use_mock_hardware": "false",
    "use_sim_time": "false",
    "params_file": "real_franka",
    "log_level": "info",
    "hand": "xhand",
    "preset": "tiny",
    "scene": "table",
    "simulator": "sapien",
    "real_time_factor": "1.0",
    "camera": "zed",
    "start_drivers": "false",
    "robot_ip": "172.16.0.2",
    "camera_model": "zedm",
    "hand_driver": "",
    "rate": "1.0",
    "loop": "false",
    "remap": "",
    "rviz": "true",
    "browser": "true",
}


def _with_arguments(
    start: Callable[[Values], list[Any]], *names: str, **defaults: str | None
) -> list[Any]:
    """The arguments ``names``, and the actions that ``start`` makes of their values."""
    values = {**_DEFAULTS, **defaults}
    return [
        *(
            DeclareLaunchArgument(name, default_value=values[name], description=ARGUMENTS[name])
            for name in names
        ),
        OpaqueFunction(
            function=lambda context: start(
                {name: LaunchConfiguration(name).perform(context) for name in names}
            )
        ),
    ]


@cache
def _folder() -> Path:
    """Of what is written for a launch: nodes that are started again read it again."""
    folder = tempfile.mkdtemp(prefix="unihm-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _nodes(
    values: Values,
    names: Set[str],
    own: Mapping[str, Mapping[str, Any]] | None = None,
    file: Path | None = None,
) -> Node:
    """What starts nodes of the graph, each as a process; they configure and activate themselves.

    Args:
        values: of our arguments, by name.
        names: of the nodes.
        own: node to parameters of it alone, which win over everything.
        file: with parameters that win over the parameter file's.
    """
    common = {
        "use_sim_time": _flag(values, "use_sim_time"),
        "robot_namespace": values["robot_namespace"],
        "hand": values["hand"],
        **({"preset": values["preset"]} if "preset" in values else {}),
    }
    given = values["params_file"]
    usual = Path(config_dir()) / "params" / f"{given}.yaml"
    parameters = {name: {**common, **(own or {}).get(name, {})} for name in names}
    with tempfile.NamedTemporaryFile("w", dir=_folder(), suffix=".yaml", delete=False) as made:
        made.write(parameter_file(_namespace(values), parameters))
    return Node(
        package="unihm",
        executable="nodes",
        namespace=_namespace(values),
        output="screen",
        arguments=[
            *("--enclaves", _namespace(values)),
            *sorted(names),
        ],
        parameters=[
            str(usual if usual.is_file() else given),
            *([] if file is None else [str(file)]),
            made.name,
        ],
        # The one name that is not a parameter's to say.
        remappings=[("/clock", f"{_above(values)}/clock")],
        ros_arguments=["--log-level", values["log_level"]],
        respawn=not names.isdisjoint(NODES),  # what has played to its end has ended
        respawn_delay=RESPAWN,
        sigterm_timeout=str(ENDING),
    )


def _above(values: Values) -> str:
    name = values["robot_namespace"].strip("/")
    return f"/{name}" if name else ""


def _namespace(values: Values) -> str:
    return f"{_above(values)}/{values['namespace'].strip('/')}"


def _flag(values: Values, name: str) -> bool:
    """A truth value, as launch writes them.

    Raises:
        UnihmError: INVALID_CONFIG for another word.
    """
    word = values[name].lower()
    if word not in ("true", "false", "1", "0"):
        raise UnihmError(
            ErrorCode.INVALID_CONFIG, f"{name} is true or false, not '{values[name]}'."
        )
    return word in ("true", "1")


def _camera_file(camera: str) -> Path:
    """Raises INVALID_CONFIG for a camera that there is not."""
    folder = Path(config_dir()) / "cameras"
    for path in (folder / f"{camera}.yaml", Path(camera).expanduser()):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
    raise UnihmError(ErrorCode.INVALID_CONFIG, f"No camera '{camera}'. There are: {known}.")


def _drivers(values: Values) -> list[IncludeLaunchDescription]:
    if not _flag(values, "start_drivers"):
        return []
    drivers = [ARM_DRIVER]
    if values["camera"] in CAMERA_DRIVERS:
        drivers.append(CAMERA_DRIVERS[values["camera"]])
    package, _, file = values["hand_driver"].partition("/")
    if package:
        drivers.append(VendorDriver(package, file))
    return [driver.include(values) for driver in drivers]


def _is_installed(package: str) -> bool:
    try:
        get_package_share_directory(package)
    except PackageNotFoundError:
        return False
    return True
