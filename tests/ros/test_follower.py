"""A program leads the robot over ROS, on mocks of the drivers; and who may not."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import children
import numpy as np
import pytest
from crowd import Crowd
from geometry_msgs.msg import Pose, PoseArray
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from unihm.errors import ErrorCode, UnihmError
from unihm.nodes.emergency_stop import EmergencyStopNode
from unihm.nodes.follower import FollowerNode
from unihm.nodes.mock_arm import MockArmNode
from unihm.nodes.mock_camera import MockCameraNode
from unihm.nodes.mock_hand import MockHandNode
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import point_to_msg
from unihm.ros.qos import RELIABLE, SENSOR
from unihm.ros.teleop import Teleoperator
from unihm.types import FloatArray
from waiting import eventually

pytestmark = pytest.mark.ros
ARM, HAND = Arm("fr3"), load_hand("inspire")
CAMERA = "/zed/zed_node/rgb/color/rect/image"


class Led:
    """The robot on mocks, spun by a thread, and who leads it, unless somebody else does."""

    def __init__(self, crowd: Crowd, folder: Path, domain_id: int, leads: bool = True) -> None:
        self.crowd = crowd
        spoken: dict[str, Any] = {"hand": "inspire", "protocol": "joint_trajectory"}
        self.arm = crowd.add(MockArmNode, "mock_arm")
        self.hand = crowd.add(MockHandNode, "mock_hand", **spoken)
        camera = crowd.add(MockCameraNode, "mock_camera")
        state = str(folder / "emergency_stop.json")
        stop = crowd.add(EmergencyStopNode, "emergency_stop", state_file=state)
        self.follower = crowd.add(FollowerNode, "follower", **spoken)
        for node in (self.arm, self.hand, camera, stop, self.follower):
            assert node.start()
        self._spinning = True
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.robot: Teleoperator | None = None
        if leads:
            self.robot = Teleoperator(hand="inspire", rgb_topic=CAMERA, domain_id=domain_id)
            self.robot.wait_until_ready()

    def _spin(self) -> None:
        while self._spinning:
            self.crowd.executor.spin_once(timeout_sec=0.1)

    def call(self, service: str) -> bool:
        client = self.robot.node.create_client(Trigger, service)
        assert eventually(client.service_is_ready)
        answer = client.call_async(Trigger.Request())
        assert eventually(answer.done)
        return answer.result().success

    def comes_to(self, goal: dict[str, float]) -> bool:
        def is_there() -> bool:
            self.robot.send(goal)
            here = self.robot.joints()
            return max(abs(here[name] - goal[name]) for name in goal) < 5e-3

        return eventually(is_there)

    def close(self) -> None:
        if self.robot is not None:
            self.robot.close()
        self._spinning = False
        self._thread.join()


def wrist_at(led: Led) -> FloatArray:
    """(3,) m, where the wrist is told to be."""
    follower = led.follower._follower
    q_arm = ARM.home if follower is None else follower.setpoint(led.follower.seconds)[0]
    return (ARM.forward(q_arm) @ HAND.T_flange_wrist)[:3, 3]


@pytest.fixture
def led(crowd: Crowd, tmp_path: Path, domain_id: int) -> Iterator[Led]:
    made = Led(crowd, tmp_path, domain_id)
    try:
        yield made
    finally:
        made.close()


def test_arm_and_hand_go_where_they_are_sent(led: Led) -> None:
    robot = led.robot
    start = robot.joints()
    assert robot.names == (*ARM.joint_names, *HAND.joint_names)
    closed = dict(zip(HAND.joint_names, HAND.closed_joints))
    goal = {"fr3_joint1": start["fr3_joint1"] + 0.2, **closed}
    assert led.comes_to(goal)
    assert abs(robot.joints()["fr3_joint2"] - start["fr3_joint2"]) < 1e-6
    assert robot.image().shape == (240, 320, 3)


def test_what_cannot_be_followed_is_answered_with_what_was_sent(led: Led) -> None:
    start = led.robot.joints()
    assert led.comes_to({"fr3_joint1": start["fr3_joint1"] + 0.05})
    for wrong in ({"fr3_joint1": 3.0}, {"fr3_joint1": float("nan")}, {"elbow": 0.0}):
        sent = led.robot.send(wrong)
        assert abs(sent["fr3_joint1"] - start["fr3_joint1"] - 0.05) < 5e-3
    one_short = JointState(header=led.follower.header(), name=["fr3_joint1"], position=[])
    led.robot._setpoints.publish(one_short)
    assert eventually(lambda: led.follower.dropped["teleop/setpoints from /unihm/teleop"] == 4)
    assert abs(led.robot.joints()["fr3_joint1"] - start["fr3_joint1"] - 0.05) < 5e-3


def test_the_emergency_stop_ends_it_and_resetting_moves_nothing(led: Led) -> None:
    start = led.robot.joints()
    goal = {"fr3_joint1": start["fr3_joint1"] + 0.3}
    assert led.comes_to({"fr3_joint1": start["fr3_joint1"] + 0.02})
    led.robot.send(goal)
    assert led.call("emergency_stop/engage")
    positions = []

    def rests() -> bool:
        positions.append(led.robot.send(goal)["fr3_joint1"])
        return len(positions) > 20 and np.ptp(positions[-20:]) == 0.0

    assert eventually(rests)
    assert led.call("emergency_stop/reset")
    assert led.comes_to(goal)


def test_a_fault_of_the_driver_ends_it_until_somebody_has_looked(led: Led) -> None:
    goal = {"fr3_joint1": led.robot.joints()["fr3_joint1"] + 0.1}
    assert led.comes_to(goal)
    led.arm.set_parameters([Parameter("fault", value="silent")])
    assert eventually(lambda: led.follower.pulse().get("fault"))
    assert eventually(lambda: "joint state" in led.robot._fault)
    with pytest.raises(UnihmError, match="joint state") as stopped:
        led.robot.send(goal)
    assert stopped.value.code == ErrorCode.SAFETY_STOP
    led.arm.set_parameters([Parameter("fault", value="")])
    assert led.call("teleop/reset")
    assert eventually(lambda: not led.robot._fault)
    led.robot.wait_until_ready()
    assert led.comes_to({"fr3_joint1": goal["fr3_joint1"] - 0.1})


def test_a_stranger_does_not_lead(led: Led) -> None:
    start = led.robot.joints()
    stranger = led.crowd.add(UnihmNode, "stranger")
    setpoints = stranger.create_publisher(JointState, "teleop/setpoints", RELIABLE)
    assert eventually(lambda: setpoints.get_subscription_count() > 0)
    wanted = JointState(
        header=stranger.header(), name=["fr3_joint1"], position=[start["fr3_joint1"] + 0.2]
    )

    def is_refused() -> bool:
        wanted.header = stranger.header()
        setpoints.publish(wanted)
        return any("stranger" in who for who in led.follower.dropped)

    assert eventually(is_refused)
    assert abs(led.robot.joints()["fr3_joint1"] - start["fr3_joint1"]) < 1e-6


def test_a_persons_hand_leads_by_the_command(crowd: Crowd, tmp_path: Path, domain_id: int) -> None:
    led = Led(crowd, tmp_path, domain_id, leads=False)
    try:
        tracker = led.crowd.add(UnihmNode, "tracker")
        publisher = tracker.create_publisher(PoseArray, "/keypoints", SENSOR)
        human = load_hand("human")
        frames = [
            human.keypoints(human.open_joints) + np.array([0.0, 0.01 * k, 0.0]) for k in range(16)
        ]
        began: list[float] = []

        def say() -> None:
            """The hand waits until somebody follows, and then goes 15 cm to the left."""
            began.extend([time.monotonic()] if led.follower._follower and not began else [])
            frame = frames[min(int(10 * (time.monotonic() - began[0])), 15) if began else 0]
            poses = [Pose(position=point_to_msg(point)) for point in frame]
            publisher.publish(PoseArray(poses=poses))

        tracker.create_timer(1 / 30, say)
        command = ["unihm", "teleop", "--topic", "/keypoints", "--hand", "inspire"]
        start = wrist_at(led)
        with children.child(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            assert eventually(lambda: wrist_at(led)[1] - start[1] > 0.13)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=30)
        assert process.returncode == 0, output
        assert b"follows" in output
        assert wrist_at(led) - start == pytest.approx([0.0, 0.15, 0.0], abs=0.02)
    finally:
        led.close()


def test_without_a_follower_it_says_what_to_start(domain_id: int) -> None:
    with (
        Teleoperator(domain_id=domain_id) as robot,
        pytest.raises(UnihmError, match=r"teleop\.launch\.py") as missing,
    ):
        robot.wait_until_ready(0.2)
    assert missing.value.code == ErrorCode.MISSING_DEPENDENCY
