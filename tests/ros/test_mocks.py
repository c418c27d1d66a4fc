"""The mock drivers speak, refuse and fail as the real ones do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory
from unihm.nodes.mock_arm import WEIGHT, MockArmNode
from unihm.nodes.mock_camera import MockCameraNode
from unihm.nodes.mock_hand import BLOCKED, MockHandNode
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros.context import new_context
from unihm.ros.conversions import seconds_to_time, time_to_seconds
from unihm.ros.joints import ExternalTorques
from unihm.ros.mock import OLD
from unihm.ros.qos import LATCHED, RELIABLE, SENSOR
from unihm.ros.trajectory_client import make_trajectory
from unihm.sim.still import RED_BOX, StillScene
from waiting import eventually

pytestmark = pytest.mark.ros
NOW = seconds_to_time(0.0)  # what a stamp of zero means


class Robot:
    """The three mocks on one executor, and a node that listens and speaks."""

    def __init__(self, domain_id: int, hand: str) -> None:
        self.context = new_context(domain_id)
        made: dict[str, Any] = {
            "namespace": "unihm",
            "context": self.context,
            "use_global_arguments": False,
            "parameter_overrides": [Parameter("hand", value=hand)],
        }
        self.arm = MockArmNode("mock_arm", **made)
        self.hand = MockHandNode("mock_hand", **made)
        self.camera = MockCameraNode("mock_camera", **made)
        self.mocks = (self.arm, self.hand, self.camera)
        self.probe = Node("probe", context=self.context, use_global_arguments=False)
        self.heard: dict[str, Any] = {}
        self.executor = SingleThreadedExecutor(context=self.context)
        for node in self.mocks:
            assert node.start()
        for each in (*self.mocks, self.probe):
            self.executor.add_node(each)
        self.spinning = True
        self.thread = threading.Thread(target=self._spin, daemon=True)
        self.thread.start()

    def _spin(self) -> None:
        while self.spinning:
            self.executor.spin_once(timeout_sec=0.1)

    def listen(self, kind: type, topic: str, qos: Any = SENSOR) -> None:
        self.probe.create_subscription(
            kind, topic, lambda message: self.heard.__setitem__(topic, message), qos
        )
        assert eventually(lambda: topic in self.heard)

    def publisher(self, kind: type, topic: str) -> Any:
        made = self.probe.create_publisher(kind, topic, RELIABLE)
        assert eventually(lambda: made.get_subscription_count() > 0)
        return made

    def spoil(self, node: Any, fault: str) -> bool:
        (answer,) = node.set_parameters([Parameter("fault", value=fault)])
        return bool(answer.successful)

    def now(self) -> float:
        return self.probe.get_clock().now().nanoseconds * 1e-9

    def close(self) -> None:
        self.spinning = False
        self.thread.join()
        self.executor.shutdown()
        for node in (*self.mocks, self.probe):
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def robot(domain_id: int) -> Iterator[Robot]:
    """With an Allegro hand, whose own protocol needs no vendor's package."""
    made = Robot(domain_id, "allegro")
    try:
        yield made
    finally:
        made.close()


def line(arm: Arm, seconds: float = 1.0) -> np.ndarray:
    share = np.linspace(0.0, 1.0, round(100 * seconds) + 1)[:, None]
    return arm.home + 0.2 * share**2 * (3 - 2 * share)


def test_the_arm_goes_where_it_is_sent_and_refuses_what_its_controller_refuses(
    robot: Robot,
) -> None:
    arm = robot.arm.arm
    robot.listen(JointState, "/joint_states")
    assert robot.heard["/joint_states"].name == [f"fr3_joint{i}" for i in range(1, 8)]
    path = line(arm)
    trajectory = make_trajectory(arm.joint_names, path, 100.0, NOW)
    assert robot.arm.refusal(trajectory) == ""
    assert "past" in robot.arm.refusal(
        make_trajectory(arm.joint_names, path, 100.0, seconds_to_time(robot.now() - 60))
    )
    assert "joints" in robot.arm.refusal(
        make_trajectory(arm.joint_names[:6], path[:, :6], 100.0, NOW)
    )
    assert "empty" in robot.arm.refusal(JointTrajectory(joint_names=list(arm.joint_names)))
    trajectory.points[-1].velocities = [0.1] * 7
    assert "rest" in robot.arm.refusal(trajectory)
    trajectory.points[-1].velocities = [0.0] * 7
    robot.publisher(JointTrajectory, "/fr3_arm_controller/joint_trajectory").publish(trajectory)
    assert eventually(lambda: np.allclose(robot.heard["/joint_states"].position, path[-1]))


def test_a_reflex_stops_the_arm_until_it_is_recovered(robot: Robot) -> None:
    arm = robot.arm.arm
    robot.listen(JointState, "/joint_states")
    far = make_trajectory(
        arm.joint_names, line(arm) + 0.5, 100.0, seconds_to_time(robot.now() - 0.5)
    )
    send = robot.publisher(JointTrajectory, "/fr3_arm_controller/joint_trajectory")
    send.publish(far)
    assert eventually(lambda: "discontinuity" in robot.arm.reflex)
    trajectory = make_trajectory(arm.joint_names, line(arm), 100.0, NOW)
    assert "discontinuity" in robot.arm.refusal(trajectory)
    client = robot.probe.create_client(Trigger, "/unihm/error_recovery")
    assert client.wait_for_service(20.0)
    client.call_async(Trigger.Request())
    assert eventually(lambda: robot.arm.refusal(trajectory) == "")
    np.testing.assert_allclose(robot.heard["/joint_states"].position, arm.home)


def test_external_torques_come_as_a_franka_gives_them(robot: Robot) -> None:
    topic = "/franka_robot_state_broadcaster/external_joint_torques"
    node: Any = robot.camera  # any node of the project's
    torques = ExternalTorques(node, topic, 0.5)
    arm = robot.arm.arm
    robot.probe.create_publisher(Bool, "/unihm/mock/held", LATCHED).publish(Bool(data=True))
    borne = arm.jacobian(arm.home).T @ [0.0, 0.0, WEIGHT, 0.0, 0.0, 0.0]
    assert eventually(lambda: np.allclose(torques.read(arm.joint_names), borne))
    assert robot.spoil(robot.arm, "silent")
    assert eventually(lambda: np.isnan(torques.read(arm.joint_names)).all())


def test_the_hand_follows_its_protocol_and_presses_on_what_it_holds(robot: Robot) -> None:
    hand = load_hand("allegro")
    robot.listen(JointState, "/allegroHand_0/joint_states")
    command = robot.publisher(JointState, "/allegroHand_0/joint_cmd")
    half = hand.open_joints + 0.5 * (hand.closed_joints - hand.open_joints)
    command.publish(JointState(name=list(hand.joint_names), position=half.tolist()))

    def share() -> float:
        state = robot.heard["/allegroHand_0/joint_states"]
        return hand.closed_share(np.array(state.position))

    assert eventually(lambda: abs(share() - 0.5) < 0.01)
    held = robot.probe.create_publisher(Bool, "/unihm/mock/held", LATCHED)
    held.publish(Bool(data=True))
    assert eventually(lambda: abs(share() - BLOCKED) < 0.01)


@pytest.mark.parametrize("hand", ["xhand", "panda_gripper"])
def test_a_hand_is_open_at_the_start(hand: str, domain_id: int) -> None:
    """Of how many joints it may be; one that is not has to be looked at by a person."""
    context = new_context(domain_id)
    node = MockHandNode(
        "mock_hand",
        context=context,
        use_global_arguments=False,
        parameter_overrides=[
            Parameter("hand", value=hand),
            Parameter("protocol", value="joint_trajectory"),
        ],
    )
    assert node.start()
    np.testing.assert_allclose(node._shown, load_hand(hand).open_joints)
    node.destroy_node()
    context.try_shutdown()


def test_the_camera_speaks_as_a_zed(robot: Robot) -> None:
    zed = "/zed/zed_node"
    robot.listen(Image, f"{zed}/rgb/color/rect/image")
    robot.listen(Image, f"{zed}/depth/depth_registered")
    robot.listen(CameraInfo, f"{zed}/rgb/color/rect/camera_info")
    robot.listen(PoseStamped, "/unihm/camera_pose", LATCHED)
    colour, depth = (
        robot.heard[f"{zed}/{name}"] for name in ("rgb/color/rect/image", "depth/depth_registered")
    )
    assert (colour.encoding, depth.encoding) == ("bgra8", "32FC1")
    assert colour.header.frame_id == "zed_left_camera_frame_optical"
    assert robot.heard[f"{zed}/rgb/color/rect/camera_info"].width == colour.width


def test_faults_are_switched_on_and_off(robot: Robot) -> None:
    robot.listen(JointState, "/joint_states")
    assert not robot.spoil(robot.arm, "haunted")

    def newest() -> JointState:
        return robot.heard["/joint_states"]

    assert robot.spoil(robot.arm, "old_stamps")
    assert eventually(lambda: robot.now() - time_to_seconds(newest().header.stamp) > OLD - 1)
    assert robot.spoil(robot.arm, "nan")
    assert eventually(lambda: bool(np.isnan(newest().position).all()))
    assert robot.spoil(robot.arm, "wrong_names")
    assert eventually(lambda: "panda_joint1" in newest().name)
    assert robot.spoil(robot.arm, "")
    assert eventually(
        lambda: bool(np.isfinite(newest().position).all()) and newest().name[0][:3] == "fr3"
    )


def test_a_box_goes_with_the_hand_that_closes_about_it_and_falls_when_it_opens() -> None:
    hand, arm = load_hand("xhand"), Arm("fr3")
    scene = StillScene(hand, arm, [RED_BOX])
    T = arm.forward(arm.home) @ hand.T_flange_wrist @ hand.T_wrist_palm
    scene.boxes[0] = RED_BOX.moved(T[:3, 3] + [0.0, 0.0, -0.05] - np.array(RED_BOX.centre))
    begins = np.array(scene.boxes[0].centre)
    fist = hand.open_joints + 0.5 * (hand.closed_joints - hand.open_joints)
    assert not scene.move(arm.home, hand.open_joints)
    assert scene.held is None
    scene.move(arm.home, fist)
    assert scene.held == 0
    turned = arm.home.copy()
    turned[0] += 0.3
    assert scene.move(turned, fist)
    radius = np.linalg.norm(begins[:2])
    assert np.linalg.norm(scene.boxes[0].centre - begins) > 0.25 * radius
    assert scene.move(turned, hand.open_joints)
    assert scene.held is None
    assert scene.boxes[0].centre[2] == pytest.approx(RED_BOX.half[2])
