"""Leads the robot joint by joint from any Python program: a person's hand, a learned policy."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseArray
from numpy.typing import NDArray
from sensor_msgs.msg import Image, JointState
from unihm_msgs.msg import Heartbeat

from unihm.control.following import PERIOD, SILENCE
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.messages import colour_from_msg
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros.client import Client
from unihm.ros.qos import HEARTBEAT, IMAGES, RELIABLE, SENSOR
from unihm.types import FloatArray

OLD = 0.5  # s after which what was heard is not known any more


class Teleoperator(Client):
    """Reads the robot's joints and its camera, and says where arm and hand shall be.

    The node ``follower`` (``ros2 launch unihm teleop.launch.py``) keeps the limits, and rests where
    nothing is said for a quarter of a second::

        with Teleoperator(hand="xhand") as robot:
            robot.wait_until_ready()
            joints = robot.joints()
            joints["fr3_joint1"] += 0.05
            sent = robot.send(joints)

    Args:
        arm: the arm: a file in config/robots.
        hand: that is mounted.
        rgb_topic: of a camera, sensor_msgs/Image; empty: none.
        namespace: that the follower runs in.
        robot_namespace: of drivers and camera.
        domain_id: DDS domain; None: the environment's.

    Attributes:
        arm: the arm.
        hand: the hand.
        names: of all joints, the arm's first.
    """

    def __init__(
        self,
        arm: str = "fr3",
        hand: str = "xhand",
        rgb_topic: str = "",
        namespace: str = "unihm",
        robot_namespace: str = "",
        domain_id: int | None = None,
    ) -> None:
        above = f"/{robot_namespace.strip('/')}" if robot_namespace else ""
        whole = f"{above}/{namespace.strip('/')}"
        super().__init__(whole, "teleop", "teleop", domain_id)
        self.arm, self.hand = Arm(arm), load_hand(hand)
        self.names = (*self.arm.joint_names, *self.hand.joint_names)
        self._rgb_topic = f"{above}{rgb_topic}" if rgb_topic else ""
        self._changed = threading.Condition()
        self._measured: dict[str, tuple[float, float]] = {}  # rad or m, and when it came (s)
        self._sent: dict[str, float] = {}
        self._sent_at = self._seen_at = -np.inf
        self._image: Any = None
        self._fault = ""  # of the follower
        node = self.node
        self._setpoints = node.create_publisher(JointState, "teleop/setpoints", RELIABLE)
        node.create_subscription(JointState, "teleop/sent", self._on_sent, RELIABLE)
        node.create_subscription(Heartbeat, "heartbeat/follower", self._on_beat, HEARTBEAT)
        node.create_subscription(JointState, f"{above}/joint_states", self._on_joints, SENSOR)
        if self._rgb_topic:
            node.create_subscription(Image, self._rgb_topic, self._on_image, IMAGES)
        self.begin()

    def wait_until_ready(self, timeout: float = 30.0) -> None:
        """Wait until the follower listens, and robot and camera are heard.

        Args:
            timeout: seconds.

        Raises:
            UnihmError: MISSING_DEPENDENCY where nobody listens in that time; JOINT_STATE_TIMEOUT
                or CAMERA_TIMEOUT where something is not heard.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                if not self._setpoints.get_subscription_count():
                    raise UnihmError(
                        ErrorCode.MISSING_DEPENDENCY,
                        f"Nothing listens at {self._setpoints.topic_name}; start the follower, "
                        "e.g. with `ros2 launch unihm teleop.launch.py`.",
                    )
                self.joints()
                if self._rgb_topic:
                    self.image()
                return
            except UnihmError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.05)

    def joints(self) -> dict[str, float]:
        """Where every joint is, rad (m).

        Raises:
            UnihmError: JOINT_STATE_TIMEOUT where one was not heard of late.
        """
        now = time.monotonic()
        with self._changed:
            silent = [n for n in self.names if now - self._measured.get(n, (0.0, -np.inf))[1] > OLD]
            if silent:
                raise UnihmError(
                    ErrorCode.JOINT_STATE_TIMEOUT,
                    f"No joint state of {', '.join(silent)} has come of late; does the driver run?",
                )
            return {name: self._measured[name][0] for name in self.names}

    def image(self) -> NDArray[np.uint8]:
        """The camera's newest image (H, W, 3), RGB.

        Raises:
            UnihmError: CAMERA_TIMEOUT where none has come of late.
        """
        with self._changed:
            message, age = self._image, time.monotonic() - self._seen_at
        if message is None or age > OLD:
            raise UnihmError(
                ErrorCode.CAMERA_TIMEOUT,
                f"No image has come on {self._rgb_topic or 'any topic'} of late.",
            )
        return colour_from_msg(message)

    def send(self, joints: Mapping[str, float]) -> dict[str, float]:
        """Say where joints shall be, and return where all are really told to be now.

        Args:
            joints: rad (m) by name; those that are left out stay where they were told to be.

        Raises:
            UnihmError: SAFETY_STOP where the follower has stopped, with its reason, or does not
                answer.
        """
        self._setpoints.publish(
            JointState(
                header=self._header(),
                name=list(joints),
                position=[float(position) for position in joints.values()],
            )
        )
        said = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._sent_at > said, 3 * PERIOD)
            if self._fault or said - self._sent_at > OLD:
                raise UnihmError(
                    ErrorCode.SAFETY_STOP,
                    self._fault or "The follower does not follow; its log says why.",
                )
            return dict(self._sent)

    def _header(self) -> Any:
        header = JointState().header
        header.stamp = self.node.get_clock().now().to_msg()
        return header

    def _on_joints(self, message: JointState) -> None:
        now = time.monotonic()
        with self._changed:
            for name, position in zip(message.name, message.position):
                self._measured[name] = (position, now)

    def _on_sent(self, message: JointState) -> None:
        with self._changed:
            self._sent = dict(zip(message.name, message.position))
            self._sent_at = time.monotonic()
            self._changed.notify_all()

    def _on_beat(self, beat: Heartbeat) -> None:
        with self._changed:
            self._fault = beat.fault

    def _on_image(self, message: Image) -> None:
        with self._changed:
            self._image, self._seen_at = message, time.monotonic()


class Keypoints:
    """The newest keypoints of a person's hand on a topic.

    Args:
        robot: that is led; its node listens.
        topic: with geometry_msgs/PoseArray of 21 poses.
    """

    def __init__(self, robot: Teleoperator, topic: str) -> None:
        self._points: FloatArray | None = None
        self._heard = -np.inf
        robot.node.create_subscription(PoseArray, topic, self._receive, SENSOR)

    def newest(self) -> FloatArray | None:
        """(N, 3) metres in the topic's frame, as they came; None where none have come of late."""
        return self._points if time.monotonic() - self._heard < SILENCE else None

    def _receive(self, message: PoseArray) -> None:
        points = [(p.position.x, p.position.y, p.position.z) for p in message.poses]
        self._points, self._heard = np.reshape(points, (-1, 3)), time.monotonic()
