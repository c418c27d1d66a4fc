"""A bag -> the topics that the graph listens to, with the recorded time on ``/clock``."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.bag import installed_types
from unihm.learning.datasets.bag_reader import BagMessage, BagReader
from unihm.learning.datasets.recorded_tasks import MADE_BY_THE_GRAPH
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.ros.base import UnihmNode
from unihm.ros.qos import RELIABLE
from unihm.ros.recorder import BEGINNINGS, has_beginnings

#: Made by sensors, drivers and people: what a graph is given, whoever recorded it.
SENSED = (
    "sensor_msgs/msg/CameraInfo",
    "sensor_msgs/msg/CompressedImage",
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/JointState",
    "tf2_msgs/msg/TFMessage",
)
CLOCK_STEP = 0.01  # s between two words of the clock
PATIENCE = 2.0  # s for listeners to be found
LEAP = 1.0  # s between stamps and recorded times that are two clocks


class PlayerNode(UnihmNode):
    """Plays a bag once, or for ever, in recorded time.

    Of a recording of the graph, what it began its tasks with is played beside the sensors' topics,
    so that the stages plan the same again, unless a coordinator is there, which gives tasks itself;
    of any other recording, the sensors' topics. Where nobody recorded joints, the robot is said to
    wait at home with its hand open.

    The clock follows the stamps: where a recorder used another clock than the camera, the
    difference is made up for. It begins when those that are waited for are active.

    Attributes:
        finished: set when the last message was played.
    """

    stage = "player"
    batch = 0.0

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.bag_path = self.declare(
            "bag", "", "Recording: a folder, or an .mcap, .db3, .bag file."
        )
        self.rate = self.declare("rate", 1.0, "Recorded per real seconds.", 0.01, 100.0)
        self.repeat = self.declare("loop", False, "Begin again at the end, with the time going on.")
        self.topics = self.declare(
            "topics", [""], "Play these topics only; empty: what the graph is given."
        )
        renamed = self.declare(
            "remap", [""], "Topics under other names: /camera/color/image_raw:=/zed/rgb each."
        )
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        awaited = self.declare(
            "wait_for", [""], "Nodes of this namespace that must be active before it begins."
        )
        self._names = read_remappings(renamed)
        own = self.get_namespace().rstrip("/")
        self._awaited = {f"{own}/{node}" for node in awaited if node}
        self.subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, RELIABLE)
        self.finished = threading.Event()
        self._ending = False
        self._shift = 0
        self._publishers_of: dict[str, Any] = {}
        self._stand_ins: dict[str, Node] = {}
        self._clock_topic = self.publisher(Clock, "/clock", RELIABLE)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def load(self) -> None:
        """Open the bag and announce its topics."""
        with BagReader(Path(self.bag_path), installed_types()) as bag:
            for note in bag.notes:
                self.get_logger().warning(note)
            self._chosen = self._choose(bag)
            self._joints = None if bag.of_kind("sensor_msgs/msg/JointState") else self._at_home()
            self._shift = self._clock_shift(bag)
        self._thread.start()

    def end(self) -> None:
        """Stop playing."""
        self._ending = True
        if self._thread.is_alive():
            self._thread.join()
        for node in self._stand_ins.values():
            node.destroy_node()

    def diagnose(self) -> dict[str, Any]:
        """What is played."""
        return {"bag": self.bag_path, "finished": self.finished.is_set()}

    # ------------------------------------------------------------ what is played

    def _choose(self, bag: BagReader) -> list[str]:
        given = [topic for topic in self.topics if topic]
        missing = sorted({*given, *self._names} - set(bag.topics))
        if missing:
            raise UnihmError(
                ErrorCode.INVALID_BAG,
                f"{bag.path} has no topic {', '.join(missing)}; it has "
                f"{', '.join(sorted(bag.topics)) or 'none'}.",
            )
        kinds: tuple[str, ...] = SENSED
        if has_beginnings(bag) and not given:
            if self._is_taken("task"):
                self.get_logger().warning(
                    "A coordinator is here: the recorded tasks are not played; say them again."
                )
            else:
                kinds = (*SENSED, *BEGINNINGS)
        chosen = given or [
            name
            for name in bag.of_kind(*kinds, "geometry_msgs/msg/PoseStamped")
            if not name.endswith(MADE_BY_THE_GRAPH)
            and (
                name.endswith(f"/{BEGINNINGS[bag.topics[name].kind][1]}")
                if bag.topics[name].kind in BEGINNINGS  # not what was seen after the motion
                else bag.topics[name].kind in SENSED or name.endswith("/camera_pose")
            )
        ]
        playable = [name for name in chosen if self._announce(bag, name)]
        if not playable:
            raise UnihmError(
                ErrorCode.INVALID_BAG,
                f"{bag.path} has nothing that the graph is given: no images, joint states or TF.",
            )
        return playable

    def _announce(self, bag: BagReader, name: str) -> bool:
        """Make the publisher of a topic; False where its type is not installed."""
        topic = bag.topics[name]
        package, _, kind = topic.kind.split("/")
        try:
            message = getattr(importlib.import_module(f"{package}.msg"), kind)
        except (ImportError, AttributeError):
            self.get_logger().warning(f"{name} is not played: {topic.kind} is not installed here.")
            return False
        played = _here(name, [*bag.of_kind("unihm_msgs/msg/Task"), "/unihm/task"])
        latched = topic.latched or name.endswith(("/tf_static", "/camera_pose"))
        qos = QoSProfile(
            depth=100,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )
        played = self._names.get(name, played)
        if topic.kind in BEGINNINGS:
            node = self._stand_in(BEGINNINGS[topic.kind][0])
            self._publishers_of[name] = node.create_publisher(message, played, qos)
        else:
            self._publishers_of[name] = self.publisher(message, played, qos)
        return True

    def _is_taken(self, topic: str) -> bool:
        """Whether somebody publishes the topic, after a moment in which they can be found."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.count_publishers(topic):
                return True
            time.sleep(0.05)
        return False

    def _stand_in(self, name: str) -> Node:
        """A node in the name of the one whose messages are played."""
        if name not in self._stand_ins:
            self._stand_ins[name] = Node(
                name,
                namespace=self.get_namespace(),
                context=self.context,
                use_global_arguments=False,
                start_parameter_services=False,
            )
        return self._stand_ins[name]

    def _at_home(self) -> JointState:
        arm, hand = load_arm(self.arm_name), load_hand(self.hand_name)
        self._home = self.publisher(JointState, "/joint_states", RELIABLE)
        self.get_logger().info("The bag has no joint states: the robot is said to wait at home.")
        return JointState(
            name=[*arm.joint_names, *hand.joint_names],
            position=[*arm.home.tolist(), *hand.open_joints.tolist()],
        )

    def _clock_shift(self, bag: BagReader) -> int:
        """Nanoseconds from recorded times to the stamps of what was recorded."""
        for message in bag.messages(bag.of_kind("sensor_msgs/msg/CameraInfo")):
            stamp = message.read().header.stamp
            shift = stamp.sec * 10**9 + stamp.nanosec - message.nanoseconds
            if abs(shift) > LEAP * 1e9 and (stamp.sec or stamp.nanosec):
                self.get_logger().warning(
                    f"The stamps are {shift * 1e-9:+.1f} s off the recorder's clock; the clock "
                    "follows the stamps."
                )
                return int(shift)
            break
        return 0

    # ------------------------------------------------------------ the playing thread

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.level == DiagnosticStatus.OK:
                self._awaited.discard(status.name)
            elif status.name in self._awaited:
                self.get_logger().info(
                    f"waiting for {status.name}: {status.message}", throttle_duration_sec=5.0
                )

    def _wait(self) -> None:
        """Until those that must be are active, and somebody listens to each task's beginning."""
        while self._awaited and not self._ending:
            time.sleep(0.05)
        begins = [p for name, p in self._publishers_of.items() if name.endswith("/task")]
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not self._ending:
            if begins and all(publisher.get_subscription_count() for publisher in begins):
                break
            time.sleep(0.05)

    def _run(self) -> None:
        try:
            self._wait()
            offset = 0
            while not self._ending:
                offset += self._play(offset)
                if not self.repeat:
                    break
        except UnihmError as error:
            self.get_logger().error(f"{error.message} [{error.code.name}]")
        self.finished.set()

    def _play(self, offset: int) -> int:
        """Play the bag once, its times later by ``offset``; returns how long it is, ns."""
        with BagReader(Path(self.bag_path), installed_types()) as bag:
            began, recorded = time.monotonic(), bag.start
            length = round(bag.duration * 1e9)
            clock = recorded
            for message in bag.messages(self._chosen):
                while not self._ending:
                    now = recorded + round((time.monotonic() - began) * self.rate * 1e9)
                    clock = min(now, message.nanoseconds)
                    self._tick(clock + offset + self._shift)
                    if now >= message.nanoseconds:
                        break
                    ahead = (message.nanoseconds - now) * 1e-9 / self.rate
                    time.sleep(min(CLOCK_STEP, ahead))
                if self._ending:
                    break
                self._publish(message)
            return length + round(CLOCK_STEP * 1e9)

    def _tick(self, nanoseconds: int) -> None:
        stamp = Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
        self._clock_topic.publish(Clock(clock=stamp))
        if self._joints is not None:
            self._joints.header.stamp = stamp
            self._home.publish(self._joints)

    def _publish(self, message: BagMessage) -> None:
        self._publishers_of[message.topic].publish(message.data)


def _here(name: str, tasks: Sequence[str]) -> str:
    """What a topic of a recorded graph and its robot is called in any graph.

    Args:
        name: as recorded.
        tasks: the topics that recorded graphs had their tasks on, each ``<robot>/<graph>/task``.
    """
    for task in tasks:
        graph = task.removesuffix("task")
        robot = graph.rstrip("/").rpartition("/")[0]
        if name.startswith(graph):
            return name.removeprefix(graph)
        if robot and name.startswith(f"{robot}/"):
            return name.removeprefix(robot)
    return name


def read_remappings(words: list[str] | tuple[str, ...]) -> Mapping[str, str]:
    """``old:=new`` each, empty ones aside.

    Raises:
        UnihmError: INVALID_CONFIG for one of another form.
    """
    names = {}
    for word in words:
        old, sign, new = word.partition(":=")
        if word and not (old and sign and new):
            raise UnihmError(ErrorCode.INVALID_CONFIG, f"'{word}' is not of the form old:=new.")
        if word:
            names[old] = new
    return names
