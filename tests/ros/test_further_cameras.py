"""Several cameras at the capture node: the others complete the first one's depth."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import Any

import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.time import Time
from std_msgs.msg import Header
from unihm.errors import ErrorCode, UnihmError
from unihm.nodes.capture import CaptureNode
from unihm.ros.conversions import (
    camera_info_to_msg,
    depth_to_msg,
    observation_from_msg,
    rgb_to_msg,
)
from unihm_msgs.msg import RgbdObservation, Task

pytestmark = pytest.mark.ros

K = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])
OUTPUT = "/unihm/observation"
POSE = [0.5, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]  # looking straight down


@pytest.fixture
def context(domain_id: int) -> Iterator[Context]:
    context = Context()
    rclpy.init(args=[], context=context, domain_id=domain_id)
    yield context
    context.try_shutdown()


def make(context: Context, **parameters: Any) -> CaptureNode:
    overrides = [Parameter(key, value=value) for key, value in parameters.items()]
    return CaptureNode("capture", namespace="unihm", context=context, parameter_overrides=overrides)


def pair(depth: np.ndarray, stamp: float) -> dict[str, Any]:
    header = Header(stamp=Time(nanoseconds=round(1e9 * stamp)).to_msg(), frame_id="camera")
    height, width = depth.shape
    return {
        "info": camera_info_to_msg(K, height, width, header),
        "depth": depth_to_msg(depth, header),
        "rgb": rgb_to_msg(np.full((*depth.shape, 3), 90, np.uint8), header),
    }


def test_depth_of_the_side_camera_fills_the_hole(context: Context) -> None:
    node = make(
        context,
        camera_pose=POSE,
        further_cameras=["/side/"],
        further_camera_poses=POSE,
        wait_for_robot=False,
    )
    peer = Node("peer", context=context)
    sent: list[Any] = []
    peer.create_subscription(RgbdObservation, OUTPUT, sent.append, 5)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    executor.add_node(peer)
    assert node.start()

    def show(prefix: str, messages: dict[str, Any]) -> None:
        """As if images had come, without the wait for the wire."""
        ends = {"rgb": "rect/image", "depth": "depth_registered", "info": "camera_info"}
        for key, message in messages.items():
            (heard,) = (
                s
                for s in node.subscriptions
                if s.topic_name.startswith(prefix) and s.topic_name.endswith(ends[key])
            )
            about = [{}] if len(signature(heard.callback).parameters) == 2 else []
            heard.callback(message, *about)  # an older rclpy tells nothing about a message

    while not (node.count_subscribers(OUTPUT) and peer.count_publishers(OUTPUT)):
        executor.spin_once(timeout_sec=0.05)
    whole = np.full((48, 64), 1.0, np.float32)
    holed = whole.copy()
    holed[20:28, 28:36] = 0.0
    node.on_task(Task(task_id="task"))
    now = node.seconds
    show("/zed/", pair(holed, now + 0.01))  # the side camera has shown nothing yet
    show("/side/", pair(whole, now + 0.02))
    show("/zed/", pair(holed, now + 0.04))
    while not sent:
        executor.spin_once(timeout_sec=0.05)
    depth = observation_from_msg(sent[0]).depth
    np.testing.assert_allclose(depth[20:28, 28:36], 1.0, atol=1e-3)
    node.destroy_node()
    peer.destroy_node()


def test_poses_must_be_seven_numbers_each(context: Context) -> None:
    with pytest.raises(UnihmError) as error:
        make(context, further_cameras=["/left/", "/right/"], further_camera_poses=POSE)
    assert error.value.code == ErrorCode.INVALID_TRANSFORM
