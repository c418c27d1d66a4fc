"""What all nodes share: described parameters, QoS overrides, life cycle, diagnostics, faults."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rclpy
from crowd import Crowd
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros import conversions
from unihm.ros.base import UnihmNode
from unihm.ros.qos import STATUS
from unihm.ros.roster import FURTHER, NODES
from unihm.ros.run import node_class
from unihm.types import HandTokens, ObjectCloud, TaskKind
from unihm_msgs import msg
from waiting import eventually

pytestmark = pytest.mark.ros
OF_ROS = ("use_sim_time", "start_type_description_service", "qos_overrides.")


@pytest.fixture
def context(domain_id: int) -> Iterator[Context]:
    context = Context()
    rclpy.init(args=[], context=context, domain_id=domain_id)
    yield context
    context.try_shutdown()


def make(name: str, context: Context, **parameters: Any) -> Any:
    overrides = [Parameter(key, value=value) for key, value in parameters.items()]
    return node_class(name)(name, namespace="unihm", context=context, parameter_overrides=overrides)


@pytest.mark.parametrize("name", [*NODES, *FURTHER])
def test_parameters_are_described_and_numbers_are_bounded(name: str, context: Context) -> None:
    node = make(name, context)
    own = [p for p in node.list_parameters([], 10).names if not p.startswith(OF_ROS)]
    assert "preset" in own
    for parameter, descriptor in zip(own, node.describe_parameters(own)):
        assert len(descriptor.description.split()) >= 3, parameter
        value = node.get_parameter(parameter).value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            assert descriptor.floating_point_range or descriptor.integer_range, parameter
    node.destroy_node()


@pytest.mark.parametrize("name", [*NODES, *FURTHER])
def test_a_parameter_that_is_read_once_cannot_be_set_later(name: str, context: Context) -> None:
    node = make(name, context)
    own = [p for p in node.list_parameters([], 10).names if not p.startswith(OF_ROS)]
    answers = node.set_parameters([node.get_parameter(parameter) for parameter in own])
    assert not any(answer.successful for answer in answers)
    assert all("read-only" in answer.reason for answer in answers)
    node.destroy_node()


@pytest.mark.parametrize("value", [-1.0, "soon", 3])
def test_a_parameter_out_of_bounds_or_of_another_type_is_refused(
    context: Context, value: object
) -> None:
    with pytest.raises(UnihmError, match="Parameter timeout of capture: ") as caught:
        make("capture", context, timeout=value)
    assert caught.value.code is ErrorCode.INVALID_CONFIG


def test_a_compressed_image_is_taken_by_its_topics_name(context: Context) -> None:
    node = make("capture", context, rgb_topic="/eye/rgb/compressed", depth_topic="/eye/depth")
    kinds = {s.topic_name: s.msg_type.__name__ for s in node.subscriptions}
    assert kinds["/eye/rgb/compressed"] == "CompressedImage"
    assert kinds["/eye/depth"] == "Image"
    assert node.diagnose()["pairs"] == 0
    node.destroy_node()


def test_qos_can_be_overridden(context: Context) -> None:
    key = "qos_overrides./unihm/status.publisher.reliability"
    node = make("planner", context, **{key: "best_effort"})
    (publisher,) = [p for p in node.publishers if p.topic_name == "/unihm/status"]
    assert publisher.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert STATUS.reliability == ReliabilityPolicy.RELIABLE  # of every other node
    node.destroy_node()


def test_a_node_whose_weights_are_missing_says_so_to_whoever_asks(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNIHM_WEIGHTS_DIR", str(tmp_path))
    node = make("generator", context, preset="paper")  # comes without weights
    assert not node.start()
    listener = Node("coordinator", namespace="unihm", context=context)
    statuses: list[msg.StageStatus] = []
    diagnostics: list[DiagnosticArray] = []
    listener.create_subscription(msg.StageStatus, "status", statuses.append, 10)
    listener.create_subscription(DiagnosticArray, "/diagnostics", diagnostics.append, 10)
    tasks = listener.create_publisher(msg.Task, "task", 10)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    executor.add_node(listener)
    end = time.monotonic() + 30
    while not (statuses and diagnostics) and time.monotonic() < end:
        if tasks.get_subscription_count() and listener.count_publishers("status"):
            tasks.publish(msg.Task(task_id="t", instruction="pick up the red box", hand="xhand"))
        executor.spin_once(timeout_sec=0.1)
    assert statuses[0].task_id == "t"
    assert statuses[0].error_code == ErrorCode.WEIGHTS_MISSING
    assert "unihm train" in statuses[0].error_msg
    mine = [s for d in diagnostics for s in d.status if s.name == "/unihm/generator"]
    assert mine[0].level == DiagnosticStatus.ERROR
    assert mine[0].message == statuses[0].error_msg
    node.end()
    for each in (node, listener):
        each.destroy_node()


def test_an_unknown_preset_is_a_sentence(context: Context) -> None:
    node = make("refiner", context, preset="gigantic")
    assert not node.start()
    assert node.fault.code == ErrorCode.INVALID_CONFIG
    assert "tiny" in node.fault.message
    node.end()
    node.destroy_node()


def test_tokens_of_another_codebook_are_refused(context: Context) -> None:
    node = make("decoder", context)
    assert node.start()
    trajectory = make_trajectory(TaskKind.GRAB, np.eye(4), pick_point=np.zeros(3))
    levels, chunk = node.tokenizer.config.levels, node.tokenizer.config.chunk
    codes = np.zeros((len(trajectory) // chunk, levels), dtype=np.int64)
    inputs = {
        "task": msg.Task(task_id="t", instruction="pick up the red box", hand="xhand"),
        "object_trajectory": conversions.trajectory_to_msg(trajectory, Header(), "t"),
        "hand_tokens": conversions.tokens_to_msg(HandTokens(codes, chunk, "0" * 16), Header(), "t"),
    }
    with pytest.raises(UnihmError) as caught:
        node.process(inputs)
    assert caught.value.code == ErrorCode.CODEBOOK_MISMATCH
    inputs["hand_tokens"].codebook_id = node.tokenizer.codebook_id
    assert node.process(inputs).hand == "xhand"
    node.end()
    node.destroy_node()


def test_a_motion_begins_where_the_robot_was_in_the_image(context: Context) -> None:
    """Not where it is when its turn comes: played fast, a recording would be planned otherwise."""
    node = make("generator", context)
    node.arm = Arm("fr3")
    hand = load_hand("xhand")
    trajectory = make_trajectory(TaskKind.GRAB, np.eye(4), pick_point=np.zeros(3))
    asked: list[Any] = []

    class StandInChooser:
        def choose(
            self, task: Any, way: Any, cloud: Any, joints: Any, wrist: Any, *more: Any
        ) -> Any:
            asked.append((joints, more[0]))
            tokens = HandTokens(np.zeros((len(way) // 4, 2), np.int64), 4, "0" * 16)
            return SimpleNamespace(tokens=tokens, motion=None)

    node.chooser = StandInChooser()
    now = node.seconds
    for when, off in ((now - 0.4, 0.0), (now - 0.2, 0.1), (now, 0.2)):
        node.joint_states._receive(
            JointState(
                header=Header(stamp=conversions.seconds_to_time(when)),
                name=[*node.arm.joint_names, *hand.joint_names],
                position=[*(node.arm.home + off), *(hand.open_joints + off)],
            )
        )
    seen = Header(stamp=conversions.seconds_to_time(now - 0.1))
    cloud = ObjectCloud(np.zeros((9, 3)), np.tile([0.0, 0.0, 1.0], (9, 1)))
    node.process(
        {
            "task": msg.Task(task_id="t", instruction="pick up the red box", hand="xhand"),
            "object_trajectory": conversions.trajectory_to_msg(trajectory, seen, "t"),
            "object_cloud": conversions.cloud_to_msg(cloud, seen, "t"),
        }
    )
    ((joints, q_arm),) = asked
    np.testing.assert_allclose(joints, hand.open_joints + 0.1)
    np.testing.assert_allclose(q_arm, node.arm.home + 0.1)
    node.end()
    node.destroy_node()


def test_a_node_that_is_destroyed_is_gone_at_once(domain_id: int) -> None:
    """Not when Python's collector comes by: a client would count the dead among the servers."""
    left = Context()
    rclpy.init(args=[], context=left, domain_id=domain_id)
    watcher = Context()
    rclpy.init(args=[], context=watcher, domain_id=domain_id)
    look = Node("look", context=watcher, use_global_arguments=False)
    coordinator = make("coordinator", left)
    status = "/unihm/manipulate/_action/status"
    assert eventually(lambda: look.count_publishers(status) == 1)
    gc.disable()
    try:
        coordinator.destroy_node()
        left.try_shutdown()
        assert eventually(lambda: look.count_publishers(status) == 0, 3.0)
        assert "coordinator" not in look.get_node_names()
    finally:
        gc.enable()
        look.destroy_node()
        watcher.try_shutdown()


class Broken(UnihmNode):
    """A node with a defect."""

    def load(self) -> None:
        raise ValueError("the moon is full")


def test_a_defect_that_keeps_a_node_from_loading_is_told(crowd: Crowd) -> None:
    node = crowd.add(Broken, "broken")
    assert not node.start()
    assert node.fault is not None
    assert node.fault.code is ErrorCode.INTERNAL
    assert "the moon is full" in node.fault.message
