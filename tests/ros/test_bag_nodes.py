"""What is recorded of a graph, and that a bag played to one makes it plan the same again."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import children
import numpy as np
import pytest
import rclpy
from fakes import SIZE, T_WORLD_CAMERA, K, see_boxes
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Header, String
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.bag_reader import BagReader
from unihm.nodes.planner import PlannerNode
from unihm.nodes.player import PlayerNode
from unihm.perception import Planner
from unihm.ros import conversions
from unihm.ros.qos import LATCHED
from unihm.ros.recorder import RecorderNode, open_bag
from unihm.types import RgbdObservation, Task
from unihm_msgs import msg
from waiting import eventually

pytestmark = pytest.mark.ros
SENTENCE = "pick up the red box"


class Spun:
    """A context whose nodes are spun in a thread, and a node of the test's own in it."""

    def __init__(self, domain_id: int) -> None:
        self.context = Context()
        rclpy.init(args=[], context=self.context, domain_id=domain_id)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.nodes: list[Any] = []
        self.own = Node("own", context=self.context, use_global_arguments=False)
        self.add(self.own)
        self.thread = threading.Thread(target=self.executor.spin, daemon=True)
        self.thread.start()

    def add(self, node: Any) -> Any:
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def make(self, kind: Any, *args: Any, **parameters: Any) -> Any:
        return self.add(
            kind(
                kind.stage,
                *args,
                namespace="unihm",
                context=self.context,
                use_global_arguments=False,
                parameter_overrides=[Parameter(k, value=v) for k, v in parameters.items()],
            )
        )

    def close(self) -> None:
        for node in self.nodes:
            if hasattr(node, "end"):
                node.end()
        self.executor.shutdown()
        self.thread.join()
        for node in self.nodes:
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def spun(domain_id: int) -> Iterator[Spun]:
    made = Spun(domain_id)
    yield made
    made.close()


def observation() -> RgbdObservation:
    rgb, depth = see_boxes()
    return RgbdObservation(rgb, depth, K, T_WORLD_CAMERA, 5.0)


def header(seconds: float = 5.0) -> Header:
    return Header(stamp=conversions.seconds_to_time(seconds), frame_id="camera")


def bag_of_a_task(path: Path, robot: str = "") -> Path:
    """As a recorded graph leaves it, as far as the planner is concerned, and with the joints.

    Args:
        robot: its namespace, with a slash before it.
    """
    task = conversions.task_to_msg(Task("t", SENTENCE, "xhand"), header())
    seen = conversions.observation_to_msg(observation(), header(), "t")
    plan = msg.ObjectTrajectory(task_id="old")
    joints = serialize_message(JointState(name=["recorded"]))
    with open_bag(path) as bag:
        bag.write(f"{robot}/joint_states", "sensor_msgs/msg/JointState", 5 * 10**9, joints, [])
        for at, topic, message in (
            (5.0, "task", task),
            (5.1, "observation", seen),
            (5.2, "object_trajectory", plan),
        ):
            kind = f"unihm_msgs/msg/{type(message).__name__}"
            bag.write(
                f"{robot}/unihm/{topic}", kind, round(at * 1e9), serialize_message(message), []
            )
    return path


def test_a_recording_has_what_was_published_in_one_time_base(spun: Spun, tmp_path: Path) -> None:
    clock = spun.own.create_publisher(Clock, "/clock", 10)
    words = spun.own.create_publisher(String, "/words", LATCHED)
    words.publish(String(data="before the clock"))
    joints = spun.own.create_publisher(JointState, "/joint_states", 10)
    with open_bag(tmp_path / "bag") as bag:
        recorder = spun.make(RecorderNode, bag, use_sim_time=True)
        assert eventually(lambda: {"/words", "/joint_states"} <= set(recorder.recorded))
        # A heartbeat of the recorder's own may come before it.
        assert eventually(lambda: "/words" in [topic for topic, *_ in recorder._early])
        for i in range(200):
            clock.publish(Clock(clock=conversions.seconds_to_time(70.0 + 0.01 * i)))
            joints.publish(JointState(name=["a"]))
        assert eventually(lambda: bag.messages >= 20)  # more than heartbeats
        recorder.end()
        spun.executor.remove_node(recorder)
    with BagReader(tmp_path / "bag") as read:
        messages = list(read.messages())
    early = next(m for m in messages if m.topic == "/words")
    assert early.read().data == "before the clock"
    assert min(m.nanoseconds for m in messages) >= 70 * 10**9
    assert {m.topic for m in messages} >= {"/words", "/joint_states"}


def test_of_a_camera_only_its_topics_are_recorded(spun: Spun, tmp_path: Path) -> None:
    for kind, topic in (
        (Image, "/zed/rgb"),
        (CameraInfo, "/zed/camera_info"),
        (JointState, "/joint_states"),
        (Image, "/unihm/affordance"),
    ):
        spun.own.create_publisher(kind, topic, 10)
    with open_bag(tmp_path / "bag") as bag:
        recorder = spun.make(RecorderNode, bag, what="camera")
        assert eventually(lambda: len(recorder.recorded) >= 2)
        assert set(recorder.recorded) == {"/zed/rgb", "/zed/camera_info"}


def test_whoever_publishes_later_and_less_reliably_is_recorded_too(
    spun: Spun, tmp_path: Path
) -> None:
    """The arm's driver and the hand's controller share /joint_states."""
    spun.own.create_publisher(JointState, "/joint_states", 10)
    with open_bag(tmp_path / "bag") as bag:
        recorder = spun.make(RecorderNode, bag)
        assert eventually(lambda: "/joint_states" in recorder.recorded)
        second = spun.own.create_publisher(JointState, "/joint_states", qos_profile_sensor_data)
        spun.own.create_timer(0.05, lambda: second.publish(JointState(name=["hand"])))
        with pytest.MonkeyPatch.context() as patch:
            written: list[str] = []
            patch.setattr(bag, "write", lambda topic, *_: written.append(topic))
            assert eventually(lambda: "/joint_states" in written)
        spun.executor.remove_node(recorder)


def messages_in(path: Path) -> int:
    """That are on the disk while somebody writes."""
    if not path.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            sql = "SELECT count(*) FROM messages JOIN topics ON topic_id = topics.id WHERE name = ?"
            return int(database.execute(sql, ("/words",)).fetchone()[0])
    except sqlite3.OperationalError:  # it is being written
        return 0


def test_the_command_records_until_it_is_told_to_end(spun: Spun, tmp_path: Path) -> None:
    words = spun.own.create_publisher(String, "/words", 10)
    spun.own.create_timer(0.02, lambda: words.publish(String(data="again")))
    command = ["unihm", "record", "-o", str(tmp_path / "bag"), "--storage", "sqlite3"]
    with children.child(command, stdout=subprocess.PIPE) as process:
        assert eventually(lambda: messages_in(tmp_path / "bag" / "bag.db3") > 0)
        process.terminate()
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    with BagReader(tmp_path / "bag") as read:
        assert not read.notes
        assert "/words" in read.topics


def test_a_played_bag_is_planned_as_it_was(spun: Spun, tmp_path: Path) -> None:
    plans: list[msg.ObjectTrajectory] = []
    clock: list[float] = []
    spun.own.create_subscription(msg.ObjectTrajectory, "/unihm/object_trajectory", plans.append, 10)
    spun.own.create_subscription(
        Clock, "/clock", lambda m: clock.append(conversions.time_to_seconds(m.clock)), 10
    )
    planner = spun.make(PlannerNode)
    player = spun.make(PlayerNode, bag=str(bag_of_a_task(tmp_path / "bag")), wait_for=["planner"])
    assert player.start(), player.fault
    assert planner.start(), planner.fault
    assert eventually(lambda: plans)
    assert [plan.task_id for plan in plans] == ["t"]  # what the stages made then is not played
    expected = Planner.load("tiny").plan(observation(), SENTENCE).trajectory
    found = conversions.trajectory_from_msg(plans[0])
    np.testing.assert_allclose(found.T_world_object, expected.T_world_object, atol=1e-9)
    assert eventually(player.finished.is_set)
    assert clock == sorted(clock)
    assert 5.0 <= clock[0] <= clock[-1] <= 5.11


@pytest.mark.parametrize(("recorded", "here"), [("/left", ""), ("", "/right"), ("/left", "/left")])
def test_a_robots_recording_is_played_to_any_robot(
    spun: Spun, tmp_path: Path, recorded: str, here: str
) -> None:
    joints: list[JointState] = []
    tasks: list[msg.Task] = []
    spun.own.create_subscription(JointState, f"{here}/joint_states", joints.append, 10)
    spun.own.create_subscription(msg.Task, "/unihm/task", tasks.append, 10)
    bag = bag_of_a_task(tmp_path / "bag", recorded)
    player = spun.make(PlayerNode, bag=str(bag), robot_namespace=here)
    assert player.start(), player.fault
    assert eventually(lambda: joints and tasks)
    assert joints[0].name == ["recorded"]


def test_a_foreign_recording_of_a_camera(spun: Spun, tmp_path: Path) -> None:
    """Recorded by another clock, under other names, without a robot."""
    with open_bag(tmp_path / "bag") as bag:
        for i in range(3):
            info = conversions.camera_info_to_msg(K, SIZE[0], SIZE[1], header(1000.0 + i))
            data = serialize_message(info)
            bag.write("/eye/info", "sensor_msgs/msg/CameraInfo", (5 + i) * 10**8, data, [])
    infos: list[CameraInfo] = []
    joints: list[JointState] = []
    clock: list[float] = []
    spun.own.create_subscription(CameraInfo, "/zed/info", infos.append, 10)
    spun.own.create_subscription(JointState, "/joint_states", joints.append, 100)
    spun.own.create_subscription(
        Clock, "/clock", lambda m: clock.append(conversions.time_to_seconds(m.clock)), 10
    )
    player = spun.make(
        PlayerNode, bag=str(tmp_path / "bag"), remap=["/eye/info:=/zed/info"], hand="inspire"
    )
    assert player.start(), player.fault
    assert eventually(player.finished.is_set)
    assert eventually(lambda: len(infos) == 3)
    assert eventually(lambda: clock and abs(clock[-1] - 1000.2) < 0.11)
    assert "fr3_joint1" in joints[0].name


@pytest.mark.parametrize(
    ("parameters", "code", "words"),
    [
        ({"bag": "/nowhere"}, ErrorCode.INVALID_BAG, "no recording"),
        ({"topics": ["/none"]}, ErrorCode.INVALID_BAG, "no topic /none"),
        ({"remap": ["a=b"]}, ErrorCode.INVALID_CONFIG, "old:=new"),
    ],
)
def test_what_cannot_be_played_is_a_sentence(
    spun: Spun, tmp_path: Path, parameters: dict[str, Any], code: ErrorCode, words: str
) -> None:
    bag = bag_of_a_task(tmp_path / "bag")
    try:
        player = spun.make(PlayerNode, **{"bag": str(bag), **parameters})
        assert not player.start()
        error = player.fault
    except UnihmError as raised:
        error = raised
    assert error.code == code
    assert words in error.message
