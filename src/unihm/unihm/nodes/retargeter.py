"""Live human keypoints -> joints of a hand and pose of its wrist; no part of the task graph."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseArray, PoseStamped
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from sensor_msgs.msg import JointState

from unihm.config import load_section
from unihm.control.execution import hand_limits
from unihm.control.safety import SafetyGate, warm_up
from unihm.errors import UnihmError
from unihm.retargeting.retargeter import Retargeter, RetargetingConfig
from unihm.robots import load_hand
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import pose_to_msg
from unihm.ros.qos import RELIABLE, SENSOR
from unihm.types import FloatArray


class RetargeterNode(UnihmNode):
    """Answers every ``keypoints`` message at once, frame by frame.

    A message is a geometry_msgs/PoseArray of 21 poses, of which the positions count: wrist, then
    thumb, index, middle, ring, little, four each, tip last. ``joints`` and ``wrist`` carry its
    header. A frame that cannot be used is skipped and told of in ``/diagnostics``.

    ``joints`` are set-points: they begin with the open hand and pass the gate, so that they keep
    the hand's limits from one to the next, whatever the tracker makes of its person.
    """

    stage = "retargeter"
    priority = 2
    batch = 0.0

    def __init__(self, name: str = "retargeter", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.hand_name = self.declare("hand", "xhand", "Hand to retarget to: a name or a file.")
        topic = self.declare("keypoints_topic", "keypoints", "geometry_msgs/PoseArray of 21 poses.")
        self._joints = self.publisher(JointState, "joints", RELIABLE)
        self._wrist = self.publisher(PoseStamped, "wrist", RELIABLE)
        self._frames, self._skipped, self._why = 0, 0, ""
        self._followed = time.monotonic()  # s, when the set-points were gone on with
        self.subscription(PoseArray, topic, self._receive, SENSOR)

    def load(self) -> None:
        config = load_section(self.preset, "retargeting", RetargetingConfig)
        hand = load_hand(self.hand_name)
        self._retargeter = Retargeter(hand, config)
        self._gate = SafetyGate(hand_limits(hand), hand.spec.driver.rate_hz, hand.open_joints)
        warm_up(self._gate.limits)

    def diagnose(self) -> dict[str, Any]:
        return {"frames": self._frames, "skipped": self._skipped, "last skipped": self._why}

    def _receive(self, message: PoseArray) -> None:
        if self.fault is not None:
            return
        points = [(p.position.x, p.position.y, p.position.z) for p in message.poses]
        try:
            result = self._retargeter.step(np.array(points))
        except UnihmError as error:
            self._skipped, self._why = self._skipped + 1, error.message
            self.get_logger().warning(error.message, throttle_duration_sec=1.0)
            return
        self._frames += 1
        self._joints.publish(
            JointState(
                header=message.header,
                name=list(self._retargeter.hand.joint_names),
                position=self._follow(result.joints[0]).tolist(),
            )
        )
        pose = pose_to_msg(result.T_world_wrist[0])
        self._wrist.publish(PoseStamped(header=message.header, pose=pose))

    def _follow(self, joints: FloatArray) -> FloatArray:
        """How far towards ``joints`` (J,) the hand may have come since the last frame, rad."""
        now = time.monotonic()
        steps = int(np.clip((now - self._followed) * self._gate.rate, 1, self._gate.rate))
        self._followed = now
        for _ in range(steps):
            position = self._gate.command(joints)
        return position


def run_live(hand: str, topic: str, preset: str) -> None:
    """Run the node until it is interrupted.

    Raises:
        UnihmError: where the hand or the preset is not what it should be.
    """
    rclpy.init()
    node = RetargeterNode(
        namespace="unihm/retarget",
        parameter_overrides=[
            rclpy.Parameter("hand", value=hand),
            rclpy.Parameter("keypoints_topic", value=topic),
            rclpy.Parameter("preset", value=preset),
        ],
    )
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        if not node.start() and node.fault is not None:
            raise node.fault
        node.get_logger().info(
            f"following {node.resolve_topic_name(topic)}, "
            "answering on /unihm/retarget/joints and /unihm/retarget/wrist"
        )
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
