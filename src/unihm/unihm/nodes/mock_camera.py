"""A ZED that is not there, before a table with two boxes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Bool, Header
from std_srvs.srv import Trigger

from unihm.errors import UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros import conversions
from unihm.ros.joints import JointStates
from unihm.ros.mock import MockDriver
from unihm.ros.qos import LATCHED, RELIABLE
from unihm.sim.still import SIZE, T_WORLD_CAMERA, K, StillScene, see_boxes
from unihm.types import FloatArray

FRAME = "zed_left_camera_frame_optical"
NOISE = 0.03  # m, standard deviation of a noisy camera's depth


class MockCameraNode(MockDriver):
    """Publishes colour (bgra8), depth (32FC1) and camera_info by the names of zed-ros2-wrapper 5.

    The robot is invisible; a box goes with a hand that has closed about it, and ``mock/held`` says
    so to the drivers that would feel it. The service ``mock/reset`` puts everything back.
    """

    stage = "camera"
    priority = 0
    faults: ClassVar = ("black", "noisy", "no_depth", "other_size", "other_encoding", "empty_table")

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        camera = self.declare("camera", "/zed/zed_node", "Namespace of the camera's topics.")
        self.rate = self.declare("camera_rate", 15.0, "Images per second.", 0.1, 60.0)
        self.scale = self.declare("scale", 1, "Images of 320 x 240 times this.", 1, 8)
        self.joint_states = JointStates(self)
        self._colour = self.publisher(Image, f"{camera}/rgb/color/rect/image", RELIABLE)
        self._colour_info = self.publisher(
            CameraInfo, f"{camera}/rgb/color/rect/camera_info", RELIABLE
        )
        self._depth = self.publisher(Image, f"{camera}/depth/depth_registered", RELIABLE)
        self._depth_info = self.publisher(CameraInfo, f"{camera}/depth/camera_info", RELIABLE)
        self._pose = self.publisher(PoseStamped, "camera_pose", LATCHED)
        self._held = self.publisher(Bool, "mock/held", LATCHED)
        self.create_service(Trigger, "mock/reset", self._on_reset)

    def load(self) -> None:
        self.arm, self.hand = Arm(self.arm_name), load_hand(self.hand_name)
        self.scene = StillScene(self.hand, self.arm)
        self._view: tuple[np.ndarray, np.ndarray] | None = None  # until something moves
        self._random = np.random.default_rng(0)
        self._pose.publish(
            PoseStamped(header=self.header(), pose=conversions.pose_to_msg(T_WORLD_CAMERA))
        )
        self._held.publish(Bool(data=False))
        self.create_timer(0.05, self._follow)
        self.create_timer(1.0 / self.rate, self._publish)

    def on_fault(self) -> None:
        self._view = None

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.scene.reset()
        self._held.publish(Bool(data=False))
        self.on_fault()
        response.success = True
        return response

    def _follow(self) -> None:
        """Move what is in the hand."""
        try:
            arm = self.joint_states.read(self.arm.joint_names).positions
            hand = self.joint_states.read(self.hand.joint_names).positions
        except UnihmError:
            return  # the robot is not there yet, or does not say where it is
        held = self.scene.held
        if self.scene.move(arm, hand):
            self._view = None
        if self.scene.held != held:
            self._held.publish(Bool(data=self.scene.held is not None))

    def _publish(self) -> None:
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=FRAME)
        if self._view is None:
            self._view = see_boxes(() if self.broken == "empty_table" else self.scene.boxes)
        rgb, depth = self._view
        if self.broken == "black":
            rgb, depth = np.zeros_like(rgb), np.zeros_like(depth)
        elif self.broken == "no_depth":
            depth = np.full_like(depth, np.nan)
        elif self.broken == "noisy":
            depth = depth + self._random.normal(0.0, NOISE, depth.shape).astype(np.float32)
        elif self.broken == "other_size":  # than camera_info says
            rgb, depth = rgb[::2, ::2], depth[::2, ::2]
        rgb, depth = (image.repeat(self.scale, 0).repeat(self.scale, 1) for image in (rgb, depth))
        height, width = SIZE
        info = conversions.camera_info_to_msg(
            _scaled(K, self.scale), self.scale * height, self.scale * width, header
        )
        colour = conversions.bgra_to_msg(rgb, header)
        if self.broken == "other_encoding":
            colour.encoding = "yuv422"
        self.send(self._colour_info, info)
        self.send(self._depth_info, info)
        self.send(self._colour, colour)
        self.send(self._depth, conversions.depth_to_msg(np.ascontiguousarray(depth), header))


def _scaled(intrinsics: FloatArray, scale: int) -> FloatArray:
    """(3, 3) of images with ``scale`` x ``scale`` pixels for each; centres are whole numbers."""
    scaled = intrinsics * scale
    scaled[:2, 2] += 0.5 * (scale - 1)
    scaled[2, 2] = 1.0
    return scaled
