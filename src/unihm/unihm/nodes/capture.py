"""Camera topics + Task -> RgbdObservation."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from unihm_msgs.msg import RgbdObservation, StageStatus, Task

from unihm.config import load_section
from unihm.errors import ErrorCode, UnihmError
from unihm.nodes.base import IMAGES, RELIABLE, UnihmNode
from unihm.nodes.conversions import observation_from_images, observation_to_msg, pose_from_msg
from unihm.nodes.conversions import time_to_seconds as seconds_of
from unihm.perception.capture import CaptureConfig, StampMatcher, clean_depth
from unihm.transforms import from_pose7
from unihm.types import FloatArray

try:
    import tf2_ros
except ImportError:  # not among the ROS 2 wheels
    tf2_ros = None

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
SETTLE = 0.4  # s at rest before the image that a lift is judged by


class CaptureNode(UnihmNode):
    """Takes two fresh, checked image pairs per task: before, and after the motion.

    The first is taken once the arm controller has reported ``ready``: the robot is out of the way.
    """

    stage = "capture"

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        camera = "/zed/zed_node/"
        topics = {
            "rgb": self.declare(
                "rgb_topic", f"{camera}rgb/color/rect/image", "sensor_msgs/Image in colour."
            ),
            "depth": self.declare(
                "depth_topic",
                f"{camera}depth/depth_registered",
                "sensor_msgs/Image of depth, registered to the colour image.",
            ),
            "info": self.declare(
                "camera_info_topic",
                f"{camera}rgb/color/rect/camera_info",
                "sensor_msgs/CameraInfo of the colour image.",
            ),
        }
        self.camera_pose = self.declare(
            "camera_pose",
            [0.0],
            "Optical camera frame in the world: x y z (m) qx qy qz qw. Fewer numbers: it is looked "
            "up in TF, or, without tf2, taken from the topic camera_pose (PoseStamped).",
        )
        self.timeout = self.declare(
            "timeout", 2.0, "Seconds without a complete image pair that end a task.", 0.1, 60.0
        )
        self.wait_for_robot = self.declare(
            "wait_for_robot",
            True,
            "Take the image only when the arm controller says that the robot is out of the way.",
        )
        tolerance = self.declare(
            "stamp_tolerance", 0.02, "Largest difference of stamps in a pair, s.", 0.0, 1.0
        )
        self._topics = topics
        self._matcher = StampMatcher(topics, tolerance)
        self._last_seen: dict[str, float] = dict.fromkeys(topics, -np.inf)
        self._waiting: str | None = None  # task that gets the next pair
        self._purpose = self.stage
        self._since = 0.0
        self._published_pose: FloatArray | None = None
        self._tf = tf2_ros.Buffer(node=self) if tf2_ros else None
        if tf2_ros:
            self._tf_listener = tf2_ros.TransformListener(self._tf, self)
        self._outputs = {
            "capture": self.publisher(RgbdObservation, "observation", RELIABLE),
            "verification": self.publisher(RgbdObservation, "verification", RELIABLE),
        }
        self.subscription(Task, "task", self._on_task, RELIABLE)
        self.subscription(StageStatus, "status", self._on_status, RELIABLE)
        self.subscription(PoseStamped, "camera_pose", self._on_pose, LATCHED)
        for key, kind in (("rgb", Image), ("depth", Image), ("info", CameraInfo)):
            self.subscription(
                kind, topics[key], lambda message, key=key: self._on_image(key, message), IMAGES
            )
        self.create_timer(0.1, self._check_time)

    def load(self) -> None:
        self.config = load_section(self.preset, "capture", CaptureConfig)

    def on_stop_task(self, task_id: str, code: ErrorCode) -> None:
        if self._waiting == task_id:
            self._waiting = None
            self.report(task_id, StageStatus.STOPPED)

    def _on_task(self, task: Task) -> None:
        if self.fault is not None:
            self.fail(task.task_id, self.fault)
        elif not self.wait_for_robot:
            self._begin(task.task_id, "capture")

    def _on_status(self, status: StageStatus) -> None:
        if status.state != StageStatus.SUCCEEDED or self.fault is not None:
            return
        if status.stage == "ready" and self.wait_for_robot:
            self._begin(status.task_id, "capture")
        elif status.stage == "arm":
            self._begin(status.task_id, "verification", SETTLE)

    def _on_pose(self, message: PoseStamped) -> None:
        self._published_pose = pose_from_msg(message.pose)

    def _begin(self, task_id: str, purpose: str, delay: float = 0.0) -> None:
        if not self.is_stopped(task_id):
            self._waiting, self._purpose, self._since = task_id, purpose, self.seconds + delay
            self.report(task_id, StageStatus.STARTED, stage=purpose)

    def _on_image(self, key: str, message: Any) -> None:
        self._last_seen[key] = self.seconds
        matched = self._matcher.add(key, seconds_of(message.header.stamp), message)
        if matched is None or self._waiting is None:
            return
        rgb: Any = matched["rgb"]
        if seconds_of(rgb.header.stamp) < self._since:
            return  # taken before the robot was out of the way
        task_id, self._waiting = self._waiting, None
        try:
            T_world_camera = self._camera_pose(rgb)
            observation = observation_from_images(
                rgb, matched["depth"], matched["info"], T_world_camera
            )
            clean_depth(observation.depth, self.config)
        except UnihmError as error:
            self.fail(task_id, error, self.seconds - self._since)
            return
        self._outputs[self._purpose].publish(
            observation_to_msg(observation, rgb.header, task_id, self.world_frame)
        )
        self.report(
            task_id,
            StageStatus.SUCCEEDED,
            stage=self._purpose,
            progress=1.0,
            duration=self.seconds - self._since,
        )

    def _camera_pose(self, rgb: Image) -> FloatArray:
        """T_world_camera (4, 4) from the parameter, TF, or the topic."""
        if len(self.camera_pose) == 7:
            return from_pose7(self.camera_pose)
        if self._tf is not None:
            try:
                transform = self._tf.lookup_transform(
                    self.world_frame, rgb.header.frame_id, rgb.header.stamp
                ).transform
                t, q = transform.translation, transform.rotation
                return from_pose7([t.x, t.y, t.z, q.x, q.y, q.z, q.w])
            except tf2_ros.TransformException as error:
                reason = f" TF says: {error}."
        else:
            reason = ""
        if self._published_pose is not None:
            return self._published_pose
        raise UnihmError(
            ErrorCode.INVALID_TRANSFORM,
            f"Where the camera ({rgb.header.frame_id}) is in {self.world_frame} is not known: set "
            f"the parameter camera_pose, or publish it.{reason}",
        )

    def _check_time(self) -> None:
        if self._waiting is None or self.seconds - self._since < self.timeout:
            return
        silent = [
            topic for key, topic in self._topics.items() if self._last_seen[key] < self._since
        ]
        sentence = (
            f"Nothing on {', '.join(silent)} for {self.timeout:.1f} s; is the camera running?"
            if silent
            else "Colour, depth and camera_info arrive, but their stamps never match."
        )
        task_id, self._waiting = self._waiting, None
        self.fail(task_id, UnihmError(ErrorCode.CAMERA_TIMEOUT, sentence), self.timeout)
