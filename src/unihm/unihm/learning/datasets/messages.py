"""What messages hold, as the dataclasses of :mod:`unihm.types`.

A message is whatever has its fields as attributes: one that ROS delivered, or one that was read
from a bag without ROS.

The functions raise the ``UnihmError`` of the dataclass that they construct; a message that does not
even have the right lengths is INVALID_MOTION, INVALID_CLOUD or INVALID_IMAGE.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.camera import (
    Window,
    decode_colour,
    decode_depth,
    decompress_colour,
    decompress_depth,
    intrinsics,
)
from unihm.transforms import from_pose7
from unihm.types import (
    FloatArray,
    HandMotion,
    HandTokens,
    ObjectCloud,
    ObjectTrajectory,
    RgbdObservation,
    Task,
    TaskKind,
)

if TYPE_CHECKING:
    from unihm.control.execution import ExecutionPlan

CLOUD_FIELDS = ("x", "y", "z", "normal_x", "normal_y", "normal_z", "observed")
_FLOAT32 = 7  # of sensor_msgs/PointField


def time_to_seconds(stamp: Any) -> float:
    """A stamp to seconds."""
    return stamp.sec + stamp.nanosec * 1e-9


def pose_from_msg(pose: Any) -> FloatArray:
    """A pose to (4, 4)."""
    return poses_from_msg([pose])[0]


def poses_from_msg(poses: Sequence[Any]) -> FloatArray:
    """Poses to (N, 4, 4).

    Raises:
        UnihmError: INVALID_TRANSFORM for a quaternion that is no rotation.
    """
    rows = np.array(
        [
            (p.x, p.y, p.z, q.x, q.y, q.z, q.w)
            for p, q in ((pose.position, pose.orientation) for pose in poses)
        ]
    ).reshape(-1, 7)
    length = np.linalg.norm(rows[:, 3:], axis=1)
    if not np.isfinite(rows).all() or (np.abs(length - 1.0) > 1e-3).any():
        raise UnihmError(
            ErrorCode.INVALID_TRANSFORM, "A pose is not finite or its quaternion is not unit."
        )
    return from_pose7(rows)


def rows_from_msg(values: Any, columns: int, what: str) -> FloatArray:
    """Flat numbers of a message as (N, columns)."""
    flat = np.frombuffer(values, np.float64)
    if columns == 0 or flat.size % columns:
        raise UnihmError(
            ErrorCode.INVALID_MOTION, f"{what}: {flat.size} numbers for rows of {columns} joints."
        )
    return flat.reshape(-1, columns).copy()


def task_from_msg(message: Any) -> Task:
    """The task of a message."""
    return Task(message.task_id, message.instruction, message.hand)


def colour_from_msg(image: Any) -> NDArray[np.uint8]:
    """An Image or CompressedImage to (H, W, 3) uint8 red, green, blue."""
    if hasattr(image, "format"):
        return decompress_colour(image.data)
    return decode_colour(image.data, image.encoding, image.height, image.width, image.step)


def depth_from_msg(image: Any) -> NDArray[np.float32]:
    """An Image or CompressedImage of depth to (H, W) float32 metres, 0 where it is missing."""
    if hasattr(image, "format"):
        return decompress_depth(image.data, image.format)
    big = bool(image.is_bigendian)
    return decode_depth(image.data, image.encoding, image.height, image.width, image.step, big)


def observation_from_images(
    rgb: Any, depth: Any, info: Any, T_world_camera: FloatArray, rectified: bool = False
) -> RgbdObservation:
    """Images of a driver, in any encoding the project knows, to a checked observation.

    ``rectified``: the images come from a topic of rectified ones.

    Raises:
        UnihmError: INVALID_IMAGE, INVALID_DEPTH, CAMERA_INFO_MISMATCH or INVALID_TRANSFORM.
    """
    colour = colour_from_msg(rgb)
    metres = depth_from_msg(depth)
    roi = info.roi
    K = intrinsics(
        info.k,
        (info.height, info.width),
        colour.shape[:2],
        projection=info.p,
        distortion=info.d,
        window=Window(
            (info.binning_x, info.binning_y), (roi.x_offset, roi.y_offset), (roi.width, roi.height)
        ),
        rectified=rectified,
    )
    return RgbdObservation(colour, metres, K, T_world_camera, time_to_seconds(rgb.header.stamp))


def observation_from_msg(message: Any) -> RgbdObservation:
    """The observation of a message."""
    return observation_from_images(
        message.rgb, message.depth, message.camera_info, pose_from_msg(message.camera_pose)
    )


def _kind(number: int) -> TaskKind:
    try:
        return TaskKind(number)
    except ValueError:
        raise UnihmError(
            ErrorCode.INVALID_MOTION, f"A trajectory's kind is 0 to {max(TaskKind)}, not {number}."
        ) from None


def trajectory_from_msg(message: Any) -> ObjectTrajectory:
    """The object trajectory of a message."""
    pick = message.pick_point
    return ObjectTrajectory(
        T_world_object=poses_from_msg(message.poses),
        phase=np.frombuffer(message.phase, np.uint8).astype(np.int64),
        dt=message.dt,
        kind=_kind(message.kind),
        pick_point=np.array([pick.x, pick.y, pick.z]),
        description=message.description,
    )


def points_from_msg(cloud: Any, names: Sequence[str]) -> FloatArray:
    """The float32 fields ``names`` of a cloud as (N, C) float64.

    Raises:
        UnihmError: INVALID_CLOUD where a field is missing or the data is too short.
    """
    offsets = {f.name: f.offset for f in cloud.fields if f.datatype == _FLOAT32}
    missing = [name for name in names if name not in offsets]
    count = cloud.width * cloud.height
    if missing or len(cloud.data) < count * cloud.point_step:
        raise UnihmError(
            ErrorCode.INVALID_CLOUD,
            f"A cloud of {count} points lacks "
            + (f"the float32 fields {', '.join(missing)}." if missing else "bytes."),
        )
    dtype = np.dtype(
        {
            "names": list(names),
            "formats": [">f4" if cloud.is_bigendian else "<f4"] * len(names),
            "offsets": [offsets[name] for name in names],
            "itemsize": cloud.point_step,
        }
    )
    records = np.frombuffer(cloud.data, dtype, count)
    return np.stack([records[name] for name in names], axis=-1).astype(np.float64)


def cloud_from_msg(message: Any) -> ObjectCloud:
    """The object cloud of a message."""
    columns = points_from_msg(message.cloud, CLOUD_FIELDS)
    around = np.zeros((0, 3))
    if hasattr(message, "around") and message.around.width:  # older recordings have no such field
        around = points_from_msg(message.around, CLOUD_FIELDS[:3])
    return ObjectCloud(
        columns[:, :3], columns[:, 3:6], float(message.confidence), columns[:, 6] > 0.5, around
    )


def tokens_from_msg(message: Any) -> HandTokens:
    """The tokens of a message."""
    codes = np.frombuffer(message.codes, np.int32)
    if message.levels == 0 or codes.size % message.levels:
        raise UnihmError(
            ErrorCode.INVALID_MOTION,
            f"{codes.size} codes cannot be chunks of {message.levels} levels.",
        )
    rows = codes.reshape(-1, message.levels).astype(np.int64)
    if not hasattr(message, "frame"):  # recorded when there was the object's own alone
        return HandTokens(rows, message.chunk, message.codebook_id)
    return HandTokens(rows, message.chunk, message.codebook_id, pose_from_msg(message.frame))


def motion_from_msg(message: Any) -> HandMotion:
    """The hand motion of a message."""
    return HandMotion(
        hand=message.hand,
        T_object_wrist=poses_from_msg(message.wrist_poses),
        joints=rows_from_msg(message.joint_positions, len(message.joint_names), "HandMotion"),
        trajectory=trajectory_from_msg(message.trajectory),
    )


def plan_from_msg(message: Any) -> ExecutionPlan:
    """The timed set-points of a message."""
    from unihm.control.execution import ExecutionPlan

    arm = rows_from_msg(message.arm_positions, len(message.arm_joint_names), "ExecutionPlan")
    hand = rows_from_msg(message.hand_positions, len(message.hand_joint_names), "ExecutionPlan")
    phase = np.frombuffer(message.phase, np.uint8).astype(np.int64)
    if not len(arm) == len(hand) == len(phase) > 0 or not message.rate > 0:
        raise UnihmError(
            ErrorCode.INVALID_MOTION,
            f"A plan with {len(arm)} samples of the arm, {len(hand)} of the hand and "
            f"{len(phase)} phases at {message.rate} per second cannot be followed.",
        )
    times = np.arange(len(arm)) / message.rate
    return ExecutionPlan(times, arm, hand, phase, np.array(message.squeeze))
