"""Times, poses and plain arrays."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, PointStamped, Pose, Vector3

from unihm.errors import ErrorCode, UnihmError
from unihm.transforms import to_pose7
from unihm.types import FloatArray


def seconds_to_time(seconds: float) -> Time:
    """Seconds to a stamp."""
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def pose_to_msg(transform: FloatArray) -> Pose:
    """(4, 4) to a pose."""
    return poses_to_msg(transform[None])[0]


def poses_to_msg(transforms: FloatArray) -> list[Pose]:
    """(N, 4, 4) to poses."""
    poses = []
    for x, y, z, qx, qy, qz, qw in to_pose7(transforms).tolist():
        pose = Pose()
        pose.position.x, pose.position.y, pose.position.z = x, y, z
        pose.orientation.x, pose.orientation.y = qx, qy
        pose.orientation.z, pose.orientation.w = qz, qw
        poses.append(pose)
    return poses


def click_from_msg(message: PointStamped, world_frame: str) -> FloatArray:
    """(3,) metres, world, of a click in RViz or its like.

    Raises:
        UnihmError: INVALID_TRANSFORM where it is in another frame, or not finite.
    """
    point = np.array([message.point.x, message.point.y, message.point.z])
    if message.header.frame_id != world_frame or not np.isfinite(point).all():
        raise UnihmError(
            ErrorCode.INVALID_TRANSFORM,
            f"A clicked point must be finite and in the frame {world_frame}, not "
            f"{message.header.frame_id or 'without one'}.",
        )
    return point


def point_to_msg(xyz: FloatArray) -> Point:
    """(3,) to a point."""
    return Point(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def vector_to_msg(xyz: FloatArray) -> Vector3:
    """(3,) to a vector."""
    return Vector3(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def doubles(values: FloatArray) -> array[float]:
    """For a ``float64[]``."""
    return array("d", np.ascontiguousarray(values, np.float64).tobytes())


def raw_bytes(values: Any) -> array[int]:
    """For a ``uint8[]``."""
    buffer = array("B")
    buffer.frombytes(np.ascontiguousarray(values).tobytes())
    return buffer
