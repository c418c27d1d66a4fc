"""Camera topics + Task -> RgbdObservation."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from unihm_msgs.msg import RgbdObservation, StageStatus, Task

from unihm import types
from unihm.config import load_section
from unihm.control.streams import Streams
from unihm.control.watching import StillWatch
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.camera import CaptureConfig, StampMatcher, clean_depth, fill_from
from unihm.perception.planner import PlannerConfig
from unihm.perception.scene.camera_correction import CameraCorrection
from unihm.robots.frames import Transform
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import observation_from_images, observation_to_msg, pose_from_msg
from unihm.ros.conversions import time_to_seconds as seconds_of
from unihm.ros.frames import SETTLE, Frames
from unihm.ros.further_cameras import AHEAD, further_cameras
from unihm.ros.lookout import Lookout
from unihm.ros.qos import IMAGES, LATCHED, RELIABLE
from unihm.ros.robot_in_view import RobotInView
from unihm.transforms import from_pose7, is_rigid
from unihm.types import FloatArray

FURTHER_WAIT = 0.5  # s that a task waits for the further cameras; then it goes without
_LOOK = 0.05  # s between looks at who is silent
_AGES = 100  # images whose age is remembered
AT_REST = 0.4  # s at rest before the image that a lift is judged by
_SAMPLED = 4  # every so many pixels tell whether there is depth at all
_TOLD = 0.5  # degrees from which a camera that is off is told of


def _image_kind(topic: str) -> type:
    """The type of a topic with images, by the names that image_transport gives."""
    return CompressedImage if topic.endswith(("/compressed", "/compressedDepth")) else Image


class CaptureNode(UnihmNode):
    """Takes two fresh, checked image pairs per task: before, and after the motion.

    The first is taken once the arm controller has reported ``ready``: the robot is out of the way.
    On the way to the target it looks whether that is still there; the second is taken when nothing
    moves any more.
    """

    stage = "capture"

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        camera = "/zed/zed_node/"
        topics = {
            "rgb": self.declare(
                "rgb_topic",
                f"{camera}rgb/color/rect/image",
                "sensor_msgs/Image in colour; CompressedImage where the name ends in /compressed.",
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
        self._rectified = "rect" in topics["rgb"]
        self.camera_pose = self.declare(
            "camera_pose",
            [0.0],
            "Optical camera frame in the world: x y z (m) qx qy qz qw. Fewer numbers: it is taken "
            "from the topic camera_pose (PoseStamped), or looked up in TF.",
        )
        prefixes = self.declare(
            "further_cameras",
            [""],
            "Further cameras, by the prefix of their topics, such as /side/; their depth completes "
            "the first one's. Empty: none.",
        )
        poses = self.declare(
            "further_camera_poses",
            [0.0],
            "Their optical frames in the world: x y z qx qy qz qw, one after another.",
        )
        self.timeout = self.declare(
            "timeout", 2.0, "Seconds without a complete image pair that end a task.", 0.1, 60.0
        )
        silence = self.declare(
            "silence",
            0.2,
            "Seconds without an image after which the camera counts as dead, in a motion too; a "
            "slow one has 2.2 of its own periods, and an unsteady one up to three times as long.",
            0.05,
            60.0,
        )
        self.wait_for_robot = self.declare(
            "wait_for_robot",
            True,
            "Take the image only when the arm controller says that the robot is out of the way.",
        )
        tolerance = self.declare(
            "stamp_tolerance", 0.02, "Largest difference of stamps in a pair, s.", 0.0, 1.0
        )
        self._further = further_cameras(prefixes, poses, tolerance)
        self._lookout = Lookout(self)
        self._topics = topics
        self._matcher = StampMatcher(topics, tolerance)
        self._last_seen: dict[str, float] = dict.fromkeys(topics, -np.inf)
        self._images = dict.fromkeys(topics, 0)
        self._streams = Streams(silence, _LOOK)
        self._told_silent = False
        self._pairs = 0
        self._ages: deque[float] = deque(maxlen=_AGES)
        self._waiting: str | None = None  # task that gets the next pair
        self._purpose = self.stage
        self._since = 0.0
        self._refused: UnihmError | None = None  # why the newest images do not do for the task
        self._still = StillWatch()
        self._pose = from_pose7(self.camera_pose) if len(self.camera_pose) == 7 else None
        self._frame = ""  # of the images
        self._frames = Frames(self)
        self._robot = RobotInView(self, self._frames)
        self._placing = self.create_timer(
            SETTLE, self._place_camera, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        self._placing.cancel()
        self._outputs = {
            "capture": self.publisher(RgbdObservation, "observation", RELIABLE),
            "verification": self.publisher(RgbdObservation, "verification", RELIABLE),
        }
        self.subscription(StageStatus, "status", self._on_status, RELIABLE)
        self.subscription(PoseStamped, "camera_pose", self._on_pose, LATCHED)
        for key in topics:
            kind = CameraInfo if key == "info" else _image_kind(topics[key])
            self.subscription(
                kind, topics[key], lambda message, key=key: self._on_image(key, message), IMAGES
            )
        for further in self._further:
            for key, kind, topic in (
                ("rgb", Image, "rgb/color/rect/image"),
                ("depth", Image, "depth/depth_registered"),
                ("info", CameraInfo, "rgb/color/rect/camera_info"),
            ):
                self.subscription(
                    kind,
                    further.prefix + topic,
                    lambda message, key=key, camera=further: camera.add(key, message),
                    IMAGES,
                )
        self.create_timer(_LOOK, self._check_time, clock=self._steady)

    def load(self) -> None:
        self.config = load_section(self.preset, "capture", CaptureConfig)
        workspace = load_section(self.preset, "planner", PlannerConfig).workspace
        self._correction = CameraCorrection(workspace)
        self._correction.warm_up()
        self._robot.load()

    def on_stop_task(self, task_id: str, code: ErrorCode) -> None:
        if self._lookout.task_id == task_id:
            self._lookout.end()
        if self._waiting == task_id:
            self._waiting = None
            self.report(task_id, StageStatus.STOPPED)

    def on_clock_jump(self, error: UnihmError) -> None:
        """What was seen before is neither old nor new any more."""
        self._matcher = StampMatcher(self._topics, self._matcher.tolerance)
        self._last_seen = dict.fromkeys(self._topics, -np.inf)

    def on_task(self, task: Task) -> None:
        if self.fault is not None:
            self.fail(task.task_id, self.fault)
        elif task.plan_only or not self.wait_for_robot:
            self._begin(task.task_id, "capture")

    def _on_status(self, status: StageStatus) -> None:
        if status.state != StageStatus.SUCCEEDED or self.fault is not None:
            return
        if status.stage in ("ready", "arm"):
            self.check_live(status.task_id)
        if status.stage == "ready" and self.wait_for_robot:
            self._begin(status.task_id, "capture")
        elif status.stage == "arm":
            self._begin(status.task_id, "verification", AT_REST)

    def _on_pose(self, message: PoseStamped) -> None:
        pose = pose_from_msg(message.pose)
        if not is_rigid(pose):
            raise UnihmError(ErrorCode.INVALID_TRANSFORM, "The camera's pose is not finite.")
        if len(self.camera_pose) != 7:
            self._pose = pose
            self._placing.reset()

    def _begin(self, task_id: str, purpose: str, delay: float = 0.0) -> None:
        if not self.is_stopped(task_id):
            self._waiting, self._purpose, self._since = task_id, purpose, self.seconds + delay
            self._refused, self._still = None, StillWatch()
            self.report(task_id, StageStatus.STARTED, stage=purpose)

    def _on_image(self, key: str, message: Any) -> None:
        self._last_seen[key] = self.seconds
        self._streams.heard(key, time.monotonic())
        self._images[key] += 1
        if key == "rgb":
            self._ages.append(self.seconds - seconds_of(message.header.stamp))
            if message.header.frame_id != self._frame:
                self._frame = message.header.frame_id
                self._placing.reset()
        matched = self._matcher.add(key, seconds_of(message.header.stamp), message)
        self._pairs += matched is not None
        if matched is None:
            return
        if self._lookout.is_due(self.seconds):
            self._look_at_target(matched)
        if self._waiting is not None and self._is_wanted(matched["rgb"]):
            self._take(self._waiting, matched)

    def _is_wanted(self, rgb: Any) -> bool:
        """Whether a pair with this colour image does for the task; if not, why (``_refused``)."""
        stamp = seconds_of(rgb.header.stamp)
        if stamp > self.seconds + AHEAD:  # who knows what it has seen, and when
            self._refused = UnihmError(
                ErrorCode.CAMERA_TIMEOUT,
                f"The camera's images are stamped {stamp - self.seconds:.1f} s in the future; its "
                "clock and mine have to be set by the same one.",
            )
            return False
        if stamp < self._since:  # taken before the robot was out of the way
            self._refused = UnihmError(
                ErrorCode.CAMERA_TIMEOUT,
                f"The newest image was taken {self._since - stamp:.1f} s before it was asked for; "
                "the camera stands still, or its clock is behind.",
            )
            return False
        if self._purpose == "verification" and not self._still.is_due(stamp):
            return False
        late = [c for c in self._further if not c.is_fresh(self._since, self.seconds)]
        if late and self.seconds - self._since < FURTHER_WAIT:
            return False
        try:
            self._camera_pose(rgb)
        except UnihmError as error:
            self._refused = error  # a node that has just started is told in a moment
            return False
        self._refused = None
        return True

    def _take(self, task_id: str, matched: dict[str, Any]) -> None:
        """Publish what a pair shows; of several after a motion, the first in which all is still."""
        try:
            observation = self._observe(matched)
            if self._purpose == "verification" and not self._still.look(observation):
                self._since = observation.stamp
                return
            self._waiting = None
            observation = self._corrected(observation)
            others = [c.observe(self._since, self.seconds) for c in self._further]
            if any(others):
                observation = fill_from(observation, [o for o in others if o], self.config)
        except UnihmError as error:
            self._waiting = None
            self.fail(task_id, error, self.seconds - self._since)
            return
        if self._purpose == self.stage:
            self._lookout.remember(task_id, observation)
        self._outputs[self._purpose].publish(
            observation_to_msg(observation, matched["rgb"].header, task_id, self.world_frame)
        )
        self.report(
            task_id,
            StageStatus.SUCCEEDED,
            stage=self._purpose,
            progress=1.0,
            duration=self.seconds - self._since,
        )

    def _observe(self, matched: dict[str, Any]) -> types.RgbdObservation:
        """What an image pair shows.

        Raises:
            UnihmError: where the images are none, or nobody knows where the camera is.
        """
        observation = observation_from_images(
            matched["rgb"],
            matched["depth"],
            matched["info"],
            self._camera_pose(matched["rgb"]),
            self._rectified,
        )
        clean_depth(observation.depth, self.config, _SAMPLED)
        return observation

    def _corrected(self, observation: types.RgbdObservation) -> types.RgbdObservation:
        """The observation with its camera where it is; says so where that was said otherwise."""
        if self._purpose != self.stage:
            return self._correction.apply(observation)
        corrected = self._correction.measure(observation, self._robot.where())
        degrees = self._correction.degrees
        if degrees > _TOLD:
            self.get_logger().warning(
                f"By the table and the robot the camera is turned by {degrees:.1f} degrees from "
                "where it is said to be; corrected, but calibrate it anew.",
                throttle_duration_sec=60.0,
            )
        return corrected

    def _look_at_target(self, matched: dict[str, Any]) -> None:
        """End the task whose target was moved before the hand is there."""
        task_id = self._lookout.task_id
        try:
            self._lookout.look(self._observe(matched), self.seconds)
        except UnihmError as error:
            if error.code is ErrorCode.OBJECT_MOVED:  # a bad image alone stops nobody
                self.fail(task_id, error)

    def pulse(self) -> dict[str, Any]:
        """A camera that was heard of and is silent now is a fault."""
        silent = self._streams.silent()
        if not silent or self.fault is not None:
            return {}
        key, seconds = next(iter(silent.items()))
        return {"fault": f"Nothing on {self._topics[key]} for {seconds:.2f} s."}

    def diagnose(self) -> dict[str, Any]:
        """Images that came and that found no partner, and how old they are when they come."""
        alone = {f"{key} without a partner": n - self._pairs for key, n in self._images.items()}
        ages = 1e3 * np.array(self._ages) if self._ages else np.full(1, np.nan)
        return {
            "pairs": self._pairs,
            **alone,
            "median age of colour, ms": f"{np.median(ages):.1f}",
            "largest age of colour, ms": f"{ages.max():.1f}",
        }

    def _place_camera(self) -> None:
        """Say in TF where the camera is, where nobody else does."""
        self._placing.cancel()
        if self._pose is not None and self._frame:
            camera = Transform(self.world_frame, self._frame, self._pose)
            self._frames.send_static(self._frames.attach(camera))

    def _camera_pose(self, rgb: Image) -> FloatArray:
        """T_world_camera (4, 4) from the parameter, the topic, or TF."""
        if self._pose is not None:
            return self._pose
        looked_up = self._frames.tree.lookup(self.world_frame, rgb.header.frame_id)
        if looked_up is not None:
            return looked_up
        raise UnihmError(
            ErrorCode.INVALID_TRANSFORM,
            f"Where the camera ({rgb.header.frame_id}) is in {self.world_frame} is not known: set "
            "the parameter camera_pose, publish it, or put it into TF.",
        )

    def _check_time(self) -> None:
        self._streams.look(time.monotonic())
        if bool(self.pulse()) != self._told_silent:
            self._told_silent = not self._told_silent
            self.beat()  # a motion stops by it
        if self._waiting is None or self.seconds - self._since < self.timeout:
            return
        silent = [
            topic for key, topic in self._topics.items() if self._last_seen[key] < self._since
        ]
        if silent:
            error = UnihmError(
                ErrorCode.CAMERA_TIMEOUT,
                f"Nothing on {', '.join(silent)} for {self.timeout:.1f} s; is the camera running?",
            )
        else:
            error = self._refused or UnihmError(
                ErrorCode.CAMERA_TIMEOUT,
                "Colour, depth and camera_info arrive, but their stamps never match.",
            )
        task_id, self._waiting = self._waiting, None
        self.fail(task_id, error, self.timeout)
