"""The robot's description and frames as the graph publishes them, and two robots on one network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header, String
from tf2_msgs.msg import TFMessage
from unihm.nodes.capture import CaptureNode
from unihm.nodes.robot_state import RobotStateNode
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.frames import FrameTree, Transform
from unihm.ros.frames import MOVING, STATIC, transforms_from_msg, transforms_to_msg
from unihm.ros.qos import LATCHED
from unihm.transforms import from_pose7, from_xyz_rpy
from waiting import eventually

pytestmark = pytest.mark.ros
HOME = dict(zip(load_arm().joint_names, load_arm().home))


class Network:
    """Nodes of one context, spun in a thread, and a node that speaks and listens beside them."""

    def __init__(self, domain_id: int) -> None:
        self.context = Context()
        rclpy.init(args=[], context=self.context, domain_id=domain_id)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.thread = threading.Thread(target=self.executor.spin, daemon=True)
        self.other = Node("other", context=self.context, use_global_arguments=False)
        self.nodes: list[Any] = []
        self.executor.add_node(self.other)
        self.thread.start()

    def start(self, kind: Any = RobotStateNode, **parameters: Any) -> Any:
        node = kind(
            f"{kind.stage}_{len(self.nodes)}",
            context=self.context,
            use_global_arguments=False,
            parameter_overrides=[Parameter(key, value=v) for key, v in parameters.items()],
        )
        self.nodes.append(node)
        assert node.start(), node.fault
        self.executor.add_node(node)
        return node

    def close(self) -> None:
        self.executor.shutdown()
        self.thread.join()
        for node in (self.other, *self.nodes):
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def network(domain_id: int) -> Iterator[Network]:
    made = Network(domain_id)
    yield made
    made.close()


class Listener:
    """What TF says in one namespace, all messages of it put together."""

    def __init__(self, node: Node, namespace: str = "") -> None:
        self.tree, self.descriptions = FrameTree(), []
        self.stamps: list[Time] = []
        node.create_subscription(TFMessage, f"{namespace}/tf", self._on_tf, MOVING)
        node.create_subscription(TFMessage, f"{namespace}/tf_static", self._on_tf, STATIC)
        node.create_subscription(
            String, f"{namespace}/robot_description", self.descriptions.append, LATCHED
        )

    def _on_tf(self, message: TFMessage) -> None:
        self.stamps += [stamped.header.stamp for stamped in message.transforms]
        for transform in transforms_from_msg(message):
            self.tree.add(transform)


def joints(positions: dict[str, float]) -> JointState:
    return JointState(
        header=Header(stamp=Time(sec=77)),
        name=list(positions),
        position=[float(value) for value in positions.values()],
    )


def test_frames_follow_the_joints(network: Network) -> None:
    listener = Listener(network.other)
    publisher = network.other.create_publisher(JointState, "/joint_states", 10)
    network.start(hand="inspire")
    hand = load_hand("inspire")
    told = {**HOME, **dict(zip(hand.joint_names, hand.closed_joints))}
    timer = network.other.create_timer(0.05, lambda: publisher.publish(joints(told)))
    tip = hand.spec.fingertips[0].link
    assert eventually(lambda: listener.tree.lookup("world", tip) is not None)
    timer.cancel()
    expected = (
        load_arm().forward(load_arm().home)
        @ hand.T_flange_wrist
        @ hand.link_poses(hand.closed_joints)[tip]
    )
    np.testing.assert_allclose(listener.tree.lookup("world", tip), expected, atol=1e-6)
    assert any(stamp == Time(sec=77) for stamp in listener.stamps)
    assert eventually(lambda: listener.descriptions)
    assert tip in listener.descriptions[0].data


def test_frames_of_the_arms_driver_are_left_to_it(network: Network) -> None:
    T_base_link0 = from_xyz_rpy((0.0, 0.0, 0.1), (0.0, 0.0, 0.3))
    latched = network.other.create_publisher(TFMessage, "/tf_static", STATIC)
    latched.publish(transforms_to_msg([Transform("base", "fr3_link0", T_base_link0)], Time()))
    listener = Listener(network.other)
    network.start()
    assert eventually(lambda: listener.tree.parent_of("base") == "world")
    assert listener.tree.parent_of("fr3_link0") == "base"
    np.testing.assert_allclose(listener.tree.lookup("world", "fr3_link0"), np.eye(4), atol=1e-9)


def test_the_camera_is_in_tf_by_its_own_frames(network: Network) -> None:
    """What the driver says of its frames stays; the world is put above their root."""
    optical, pose = "zed_left_camera_frame_optical", [0.5, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    T_link_optical = from_xyz_rpy((0.0, 0.06, 0.02), (-np.pi / 2, 0.0, -np.pi / 2))
    latched = network.other.create_publisher(TFMessage, "/tf_static", STATIC)
    latched.publish(
        transforms_to_msg([Transform("zed_camera_link", optical, T_link_optical)], Time())
    )
    listener = Listener(network.other)
    capture = network.start(CaptureNode, camera_pose=pose)
    images = network.other.create_publisher(Image, capture._topics["rgb"], 10)
    network.other.create_timer(0.1, lambda: images.publish(Image(header=Header(frame_id=optical))))
    assert eventually(lambda: listener.tree.parent_of("zed_camera_link") == "world")
    assert listener.tree.parent_of(optical) == "zed_camera_link"
    np.testing.assert_allclose(listener.tree.lookup("world", optical), from_pose7(pose), atol=1e-9)


def test_a_camera_that_is_published_elsewhere_follows_in_tf(network: Network) -> None:
    listener = Listener(network.other)
    capture = network.start(CaptureNode, robot_namespace="left")
    left = Listener(network.other, "/left")
    images = network.other.create_publisher(Image, f"/left{capture._topics['rgb']}", 10)
    poses = network.other.create_publisher(PoseStamped, "camera_pose", LATCHED)
    network.other.create_timer(0.1, lambda: images.publish(Image(header=Header(frame_id="eye"))))
    for x in (0.5, 0.7):
        place = PoseStamped()
        place.pose.position.x = x
        poses.publish(place)
        assert eventually(
            lambda x=x: (T := left.tree.lookup("world", "eye")) is not None and T[0, 3] == x
        )
    assert listener.tree.parent_of("eye") is None


def test_two_robots_do_not_disturb_each_other(network: Network) -> None:
    listeners = {side: Listener(network.other, f"/{side}") for side in ("left", "right")}
    for side in listeners:
        network.start(robot_namespace=side)
    turned = {"left": 0.5, "right": -0.5}
    publishers = {
        side: network.other.create_publisher(JointState, f"/{side}/joint_states", 10)
        for side in turned
    }

    def publish() -> None:
        for side, publisher in publishers.items():
            publisher.publish(joints({**HOME, "fr3_joint1": turned[side]}))

    network.other.create_timer(0.05, publish)
    for side, listener in listeners.items():
        assert eventually(lambda tree=listener.tree: tree.lookup("world", "fr3_link8") is not None)
        q = load_arm().home.copy()
        q[0] = turned[side]
        np.testing.assert_allclose(
            listener.tree.lookup("world", "fr3_link8"), load_arm().forward(q), atol=1e-6
        )
    assert network.other.count_publishers("/joint_states") == 0
    assert network.other.count_publishers("/tf") == 0
