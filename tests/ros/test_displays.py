"""RViz's configuration and Foxglove's layout, against what the nodes really publish."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
import yaml
from rclpy.context import Context
from rclpy.qos import DurabilityPolicy
from std_msgs.msg import Header
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.ros import conversions
from unihm.ros.base import UnihmNode
from unihm.ros.run import node_class
from unihm.transforms import from_xyz_rpy
from unihm.types import HandMotion, TaskKind
from visualization_msgs.msg import Marker, MarkerArray
from waiting import eventually

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]
SHOWING = "markers", "planner", "segmentation", "refiner", "robot_state", "emergency_stop"
# RViz's classes and the type of what each draws; those without a topic of their own are None.
CLASSES = {
    "Grid": None,
    "TF": None,
    "RobotModel": "std_msgs/msg/String",
    "PointCloud2": "sensor_msgs/msg/PointCloud2",
    "Image": "sensor_msgs/msg/Image",
    "Marker": "visualization_msgs/msg/Marker",
    "MarkerArray": "visualization_msgs/msg/MarkerArray",
}


@pytest.fixture
def nodes(domain_id: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    context = Context()
    rclpy.init(args=[], context=context, domain_id=domain_id)
    made = {
        name: node_class(name)(name, namespace="unihm", context=context, use_global_arguments=False)
        for name in (*SHOWING, "coordinator")
    }
    yield made
    for node in made.values():
        node.end()
        node.destroy_node()
    context.try_shutdown()


def kind_of(message: type) -> str:
    package, _, _ = message.__module__.partition(".")
    return f"{package}/msg/{message.__name__}"


def published(nodes: dict[str, UnihmNode]) -> dict[str, tuple[str, bool]]:
    """Topic to its type and whether it is latched."""
    return {
        p.topic_name: (
            kind_of(p.msg_type),
            p.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL,
        )
        for node in nodes.values()
        for p in node.publishers
    }


def heard(nodes: dict[str, UnihmNode]) -> set[tuple[str, str]]:
    return {(s.topic_name, kind_of(s.msg_type)) for n in nodes.values() for s in n.subscriptions}


def test_rviz_shows_what_there_is(nodes: Any) -> None:
    manager = yaml.safe_load((ROOT / "rviz" / "unihm.rviz").read_text())["Visualization Manager"]
    topics, shown = published(nodes), set()
    for display in manager["Displays"]:
        package, _, name = display["Class"].partition("/")
        assert package == "rviz_default_plugins"
        kind = CLASSES[name]
        if kind is None:
            continue
        topic = display["Description Topic" if name == "RobotModel" else "Topic"]
        assert topics[topic["Value"]] == (kind, topic["Durability Policy"] == "Transient Local")
        shown.add(topic["Value"])
    drawn = {t for t, (kind, _) in topics.items() if kind in CLASSES.values() if "/unihm/" in t}
    assert drawn <= shown  # nothing that can be drawn is left out
    assert manager["Global Options"]["Fixed Frame"] == nodes["markers"].world_frame
    (click,) = [t for t in manager["Tools"] if t["Class"].endswith("PublishPoint")]
    assert (click["Topic"]["Value"], "geometry_msgs/msg/PointStamped") in heard(nodes)


def test_foxglove_shows_the_same_and_its_buttons_are_heard(nodes: Any) -> None:
    layout = json.loads((ROOT / "config" / "foxglove" / "unihm.json").read_text())
    topics, listening = published(nodes), heard(nodes)
    panels = layout["configById"]
    scene = panels["3D!scene"]
    images = [p["imageMode"]["imageTopic"] for n, p in panels.items() if n.startswith("Image!")]
    shown = {*scene["topics"], *images}
    manager = yaml.safe_load((ROOT / "rviz" / "unihm.rviz").read_text())["Visualization Manager"]
    in_rviz = {
        (d.get("Topic") or d["Description Topic"])["Value"]
        for d in manager["Displays"]
        if "Topic" in d or "Description Topic" in d
    }
    assert shown == in_rviz
    assert shown <= set(topics)
    assert (scene["publish"]["pointTopic"], "geometry_msgs/msg/PointStamped") in listening
    for name, panel in panels.items():
        if name.startswith("Publish!"):
            assert (panel["topicName"], panel["datatype"]) in listening
            assert set(json.loads(panel["value"])) == {"data"}
    services = {n.resolve_service_name(s.srv_name) for n in nodes.values() for s in n.services}
    assert panels["CallService!reset"]["serviceName"] in services
    assert panels["RawMessages!status"]["topicPath"] in topics

    def leaves(part: Any) -> list[str]:
        return [part] if isinstance(part, str) else leaves(part["first"]) + leaves(part["second"])

    assert sorted(leaves(layout["layout"])) == sorted(panels)


def test_the_hand_is_drawn_at_its_key_frames_and_ways_are_coloured_by_time(nodes: Any) -> None:
    node = nodes["markers"]
    drawn: dict[str, MarkerArray] = {}
    header = Header(frame_id="world")
    T = from_xyz_rpy([0.5, 0.1, 0.05], [0, 0, 0.3])
    trajectory = make_trajectory(TaskKind.GRAB, T, T[:3, 3], "a box")
    hand = load_hand("xhand")
    motion = HandMotion(
        "xhand",
        np.tile(np.eye(4), (len(trajectory), 1, 1)),
        np.tile(hand.open_joints, (len(trajectory), 1)),
        trajectory,
    )
    message = conversions.motion_to_msg(motion, hand.joint_names, header, "t")
    message.trajectory.header = header
    executor = rclpy.executors.SingleThreadedExecutor(context=node.context)
    listener = rclpy.create_node("listener", namespace="unihm", context=node.context)
    speaker = {
        topic: listener.create_publisher(type(m), topic, 10)
        for topic, m in (
            ("object_trajectory", message.trajectory),
            ("refined_hand_motion", message),
        )
    }
    for topic in ("plan_markers", "hand_markers"):
        listener.create_subscription(
            MarkerArray, topic, lambda m, topic=topic: drawn.__setitem__(topic, m), 10
        )
    executor.add_node(node)
    executor.add_node(listener)

    def spun(condition: Callable[[], object]) -> bool:
        def spin() -> object:
            executor.spin_once(timeout_sec=0.05)
            return condition()

        return eventually(spin)

    assert spun(lambda: all(p.get_subscription_count() for p in speaker.values()))
    assert spun(lambda: listener.count_publishers("hand_markers"))
    speaker["object_trajectory"].publish(message.trajectory)
    speaker["refined_hand_motion"].publish(message)
    assert spun(lambda: len(drawn) == 2)
    executor.shutdown()
    listener.destroy_node()

    first, *markers = drawn["plan_markers"].markers
    assert first.action == Marker.DELETEALL
    way = next(m for m in markers if m.ns == "object's way")
    assert len(way.points) == len(way.colors) == len(trajectory)
    assert way.colors[0] != way.colors[-1]
    first, *markers = drawn["hand_markers"].markers
    ghosts = {m.ns for m in markers if m.type != Marker.LINE_STRIP}
    assert ghosts == {f"hand at the end of {p}" for p in ("approach", "grasp", "hold")}
    keys = [(m.ns, m.id) for m in markers]
    assert len(keys) == len(set(keys))  # of two with one name RViz draws the last alone
