"""The live retargeter over real topics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import Point, Pose, PoseArray, PoseStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from unihm.control.execution import hand_limits
from unihm.nodes.retargeter import RetargeterNode
from unihm.robots import load_hand

pytestmark = pytest.mark.ros


@pytest.fixture
def context(domain_id: int) -> Iterator[Context]:
    context = Context()
    rclpy.init(args=[], context=context, domain_id=domain_id)
    yield context
    context.try_shutdown()


def message(points: np.ndarray) -> PoseArray:
    array = PoseArray(poses=[Pose(position=Point(x=x, y=y, z=z)) for x, y, z in points.tolist()])
    array.header.frame_id = "tracker"
    return array


def taken(node: RetargeterNode) -> int:
    """Frames that came in."""
    counts = node.diagnose()
    return counts["frames"] + counts["skipped"]


def test_every_usable_frame_is_answered_and_others_are_skipped(context: Context) -> None:
    node = RetargeterNode(
        namespace="live", context=context, parameter_overrides=[Parameter("hand", value="inspire")]
    )
    peer = Node("peer", context=context)
    received: dict[str, list[Any]] = {"joints": [], "wrist": []}
    peer.create_subscription(JointState, "/live/joints", received["joints"].append, 50)
    peer.create_subscription(PoseStamped, "/live/wrist", received["wrist"].append, 50)
    publisher = peer.create_publisher(PoseArray, "/live/keypoints", 50)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    executor.add_node(peer)
    assert node.start()

    def spin_until(done: Any) -> None:
        end = time.monotonic() + 20
        while not done() and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.05)
        assert done()

    spin_until(
        lambda: (
            publisher.get_subscription_count()
            and all(node.count_subscribers(f"/live/{topic}") for topic in received)
        )
    )
    human = load_hand("human")
    fist = human.keypoints(human.closed_joints)
    for points in (human.keypoints(human.open_joints), np.full((21, 3), np.nan), fist[:5], fist):
        before = taken(node)
        publisher.publish(message(points))
        spin_until(lambda before=before: taken(node) == before + 1)
    spin_until(lambda: len(received["joints"]) == 2 and len(received["wrist"]) == 2)
    assert node.diagnose()["skipped"] == 2
    hand = load_hand("inspire")
    assert received["joints"][0].name == list(hand.joint_names)
    assert received["wrist"][0].header.frame_id == "tracker"
    opened = np.array(received["joints"][0].position)

    def is_closed() -> bool:
        publisher.publish(message(fist))
        executor.spin_once(timeout_sec=0.01)
        closed = np.array(received["joints"][-1].position)
        return bool((closed[2:] - opened[2:] > 0.3).all())

    began = time.monotonic()
    spin_until(is_closed)
    path = np.array([answer.position for answer in received["joints"]])
    farthest = hand_limits(hand).velocity * (time.monotonic() - began + 1.0)
    assert (np.abs(path[-1] - opened) <= farthest).all()
    assert (path >= hand.lower).all()
    assert (path <= hand.upper).all()
    first = np.abs(path[1] - path[0]).max()  # at once, so it cannot be there yet
    assert first < np.abs(path[-1] - path[0]).max()
    node.destroy_node()
    peer.destroy_node()
