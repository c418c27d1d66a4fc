"""What the launch files share: arguments, the graph's nodes as processes, the vendors' drivers.

Imported by launch files alone, since ``launch`` comes with a ROS 2 installation only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.bag_reader import BagReader
from unihm.paths import config_dir
from unihm.robots import ros2_control
from unihm.ros.recorder import has_beginnings
from unihm.ros.restarts import SUPERVISOR
from unihm.ros.run import NODES
from unihm.transforms import to_pose7
from unihm.types import STAGES

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
    "scene": "Of the simulation: a name in config/scenes, or a scene file's path.",
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
# s after which a node of the graph that died is started again; it waits itself where that happens
# often.
RESPAWN = 2.0
ENDING = "15"  # s that a node has to end in; the arm may have to come to rest
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
            "real_time_factor": float(values["real_time_factor"]),
        }
        return [
            _node(values, "simulation", **simulated),
            # The simulation speaks no vendor's protocol.
            _node(values, "hand_controller", protocol="joint_trajectory"),
            *_nodes(values, _without("simulation", "hand_controller")),
        ]

    return _with_arguments(
        start,
        *USUAL,
        "preset",
        "scene",
        "real_time_factor",
        params_file="sim",
        use_sim_time="true",
    )


def gazebo_actions() -> list[Any]:
    """The graph against Gazebo: a scene as its world, arm and hand driven by ros2_control."""

    def start(values: Values) -> list[Any]:
        # Meshes and what reads them, which no other launch file waits for.
        from unihm.sim.export import FORMATS
        from unihm.sim.scene import load_scene

        if values["robot_namespace"]:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                "Gazebo's world has one robot, without a namespace: leave robot_namespace empty.",
            )
        folder = Path(tempfile.mkdtemp(prefix="unihm-gazebo-"))
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
            _node(values, "hand_controller", protocol="joint_trajectory"),
            _node(
                values,
                "capture",
                file=_camera_file("gazebo"),
                camera_pose=to_pose7(scene.camera.T_world_camera).tolist(),
            ),
            # The description with what ros2_control reads is robot_state_publisher's.
            *_nodes(values, _without("simulation", "hand_controller", "capture", "robot_state")),
        ]

    return _with_arguments(start, *USUAL, "preset", "scene", params_file="sim", use_sim_time="true")


def real_actions(hand: str) -> list[Any]:
    """The graph on a Franka arm, or on mocks of the drivers.

    Args:
        hand: that is mounted, unless the argument says another.
    """

    def start(values: Values) -> list[Any]:
        mock = _flag(values, "use_mock_hardware")
        camera = "zed" if mock else values["camera"]
        spoken: dict[str, Any] = {"protocol": "joint_trajectory"} if mock else {}
        mocks = [
            _node(values, "mock_arm"),
            _node(values, "mock_hand", **spoken),
            _node(values, "mock_camera"),
        ]
        return [
            *(mocks if mock else _drivers(values)),
            _node(values, "hand_controller", **spoken),
            _node(values, "capture", file=_camera_file(camera)),
            *_nodes(values, _without("simulation", "hand_controller", "capture")),
        ]

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
        return [
            _node(values, "capture", file=_camera_file(values["camera"]), wait_for_robot=False),
            _node(values, "coordinator", last_stage="segmentation"),
            *_nodes(values, ("planner", "segmentation", "markers")),
        ]

    return _with_arguments(start, *USUAL, "preset", "camera")


def replay_actions() -> list[Any]:
    """A bag, and the graph as far as a plan, in recorded time."""

    def start(values: Values) -> list[Any]:
        path = Path(values["bag"]).expanduser().absolute()
        with BagReader(path) as bag:
            planned_before = has_beginnings(bag)
        # The tasks of the bag, or those that are said to it.
        given = [] if planned_before else [
            _node(values, "capture", file=_camera_file(values["camera"]), wait_for_robot=False),
            _node(values, "coordinator", last_stage=STAGES[-1]),
        ]  # fmt: skip
        awaited = [*STAGES] if planned_before else [*STAGES, "capture", "coordinator"]
        player = _node(
            values,
            "player",
            bag=str(path),
            rate=float(values["rate"]),
            loop=_flag(values, "loop"),
            remap=values["remap"].split(","),
            wait_for=awaited,
        )
        return [*given, *_nodes(values, (*STAGES, "robot_state", "markers")), player]

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


def view_actions() -> list[Any]:
    """What shows a running graph."""

    def start(values: Values) -> list[Any]:
        actions = [_node(values, "viewer")] if _flag(values, "browser") else []
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


def _without(*left_out: str) -> tuple[str, ...]:
    """The whole graph and what shows it, but for some nodes."""
    names = (*NODES, "robot_state", "markers")
    return tuple(name for name in names if name not in left_out)


def _nodes(values: Values, names: Iterable[str]) -> list[LifecycleNode]:
    return [_node(values, name) for name in names]


def _node(values: Values, name: str, file: Path | None = None, **parameters: Any) -> LifecycleNode:
    """One node of the graph; ``parameters`` win over ``file`` and that over the parameter file.

    It configures and activates itself (parameter ``autostart``).
    """
    ours = {
        "use_sim_time": _flag(values, "use_sim_time"),
        "robot_namespace": values["robot_namespace"],
        "hand": values["hand"],
        **({"preset": values["preset"]} if "preset" in values else {}),
        **parameters,
    }
    given = values["params_file"]
    own = Path(config_dir()) / "params" / f"{given}.yaml"
    return LifecycleNode(
        package="unihm",
        executable=name,
        name=name,
        namespace=_namespace(values),
        output="screen",
        emulate_tty=True,
        parameters=[
            str(own if own.is_file() else given),
            *([] if file is None else [str(file)]),
            ours,
        ],
        # The one name that is not a parameter's to say.
        remappings=[("/clock", f"{_above(values)}/clock")],
        ros_arguments=[
            *("--log-level", values["log_level"]),
            *("--enclave", f"{_namespace(values)}/{name}"),
        ],
        respawn=name in NODES,  # what has played to its end has ended
        respawn_delay=RESPAWN,
        additional_env={SUPERVISOR: f"{os.getpid()}{_namespace(values).replace('/', '-')}"},
        sigterm_timeout=ENDING,
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
