"""The camera's images, and observations."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.ros.conversions._geometry import pose_to_msg, raw_bytes
from unihm.types import FloatArray, RgbdObservation


def rgb_to_msg(rgb: np.ndarray, header: Header) -> Image:
    """(H, W, 3) uint8 red green blue to an ``rgb8`` image."""
    return _image(rgb, "rgb8", header)


def bgra_to_msg(rgb: np.ndarray, header: Header) -> Image:
    """(H, W, 3) uint8 red green blue to a ``bgra8`` image, as a ZED sends it."""
    bgra = np.full((*rgb.shape[:2], 4), 255, np.uint8)
    bgra[..., :3] = rgb[..., ::-1]
    return _image(bgra, "bgra8", header)


def depth_to_msg(depth: np.ndarray, header: Header) -> Image:
    """(H, W) float32 metres to a ``32FC1`` image."""
    return _image(depth.astype("<f4"), "32FC1", header)


def _image(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    height, width = pixels.shape[:2]
    return Image(
        header=header,
        height=height,
        width=width,
        encoding=encoding,
        step=pixels.nbytes // max(height, 1),
        data=raw_bytes(pixels),
    )


def camera_info_to_msg(K: FloatArray, height: int, width: int, header: Header) -> CameraInfo:
    """Pinhole intrinsics (3, 3) without distortion."""
    projection = np.hstack([K, np.zeros((3, 1))])
    return CameraInfo(
        header=header,
        height=height,
        width=width,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=K.ravel(),
        r=np.eye(3).ravel(),
        p=projection.ravel(),
    )


def observation_to_msg(
    observation: RgbdObservation, header: Header, task_id: str, world_frame: str = "world"
) -> msg.RgbdObservation:
    """An observation; ``header`` holds the images' stamp and the camera's optical frame."""
    height, width = observation.depth.shape
    return msg.RgbdObservation(
        header=header,
        task_id=task_id,
        rgb=rgb_to_msg(observation.rgb, header),
        depth=depth_to_msg(observation.depth, header),
        camera_info=camera_info_to_msg(observation.K, height, width, header),
        world_frame=world_frame,
        camera_pose=pose_to_msg(observation.T_world_camera),
    )
