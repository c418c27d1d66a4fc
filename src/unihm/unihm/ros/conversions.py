"""Between the dataclasses of :mod:`unihm.types` and the messages of ``unihm_msgs``.

Large arrays go through ``array.array`` and ``np.frombuffer``: rclpy checks every element of
any other sequence, which takes a hundred times longer than the copy.

``from_msg`` functions raise the ``UnihmError`` of the dataclass that they construct; a message
that does not even have the right lengths is INVALID_MOTION, INVALID_CLOUD or INVALID_IMAGE.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Vector3
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.control.execution import ExecutionPlan
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.camera import decode_colour, decode_depth, intrinsics
from unihm.refinement import RefinementReport
from unihm.transforms import from_pose7, to_pose7
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

_CLOUD_FIELDS = ("x", "y", "z", "normal_x", "normal_y", "normal_z", "observed")


# ---------------------------------------------------------------------------- time and poses


def seconds_to_time(seconds: float) -> Time:
    """Seconds to a stamp."""
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def time_to_seconds(stamp: Time) -> float:
    """A stamp to seconds."""
    return stamp.sec + stamp.nanosec * 1e-9


def pose_to_msg(transform: FloatArray) -> Pose:
    """(4, 4) to a pose."""
    return poses_to_msg(transform[None])[0]


def pose_from_msg(pose: Pose) -> FloatArray:
    """A pose to (4, 4)."""
    return poses_from_msg([pose])[0]


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


def poses_from_msg(poses: Sequence[Pose]) -> FloatArray:
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


def point_to_msg(xyz: FloatArray) -> Point:
    """(3,) to a point."""
    return Point(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def vector_to_msg(xyz: FloatArray) -> Vector3:
    """(3,) to a vector."""
    return Vector3(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def _doubles(values: FloatArray) -> array[float]:
    return array("d", np.ascontiguousarray(values, np.float64).tobytes())


def _bytes(values: Any) -> array[int]:
    buffer = array("B")
    buffer.frombytes(np.ascontiguousarray(values).tobytes())
    return buffer


def _rows(values: Any, columns: int, what: str) -> FloatArray:
    """Flat numbers of a message as (N, columns)."""
    flat = np.frombuffer(values, np.float64)
    if columns == 0 or flat.size % columns:
        raise UnihmError(
            ErrorCode.INVALID_MOTION, f"{what}: {flat.size} numbers for rows of {columns} joints."
        )
    return flat.reshape(-1, columns).copy()


# ---------------------------------------------------------------------------- task


def task_to_msg(task: Task, header: Header, attempt: int = 1) -> msg.Task:
    """A task; ``header`` holds when it was given, and the world frame."""
    return msg.Task(
        header=header,
        task_id=task.task_id,
        instruction=task.instruction,
        hand=task.hand,
        attempt=attempt,
    )


def task_from_msg(message: msg.Task) -> Task:
    """The task of a message."""
    return Task(message.task_id, message.instruction, message.hand)


# ---------------------------------------------------------------------------- images


def rgb_to_msg(rgb: np.ndarray, header: Header) -> Image:
    """(H, W, 3) uint8 red green blue to an ``rgb8`` image."""
    height, width = rgb.shape[:2]
    return Image(
        header=header,
        height=height,
        width=width,
        encoding="rgb8",
        step=3 * width,
        data=_bytes(rgb),
    )


def bgra_to_msg(rgb: np.ndarray, header: Header) -> Image:
    """(H, W, 3) uint8 red green blue to a ``bgra8`` image, as a ZED sends it."""
    height, width = rgb.shape[:2]
    bgra = np.full((height, width, 4), 255, np.uint8)
    bgra[..., :3] = rgb[..., ::-1]
    return Image(
        header=header,
        height=height,
        width=width,
        encoding="bgra8",
        step=4 * width,
        data=_bytes(bgra),
    )


def depth_to_msg(depth: np.ndarray, header: Header) -> Image:
    """(H, W) float32 metres to a ``32FC1`` image."""
    height, width = depth.shape
    return Image(
        header=header,
        height=height,
        width=width,
        encoding="32FC1",
        step=4 * width,
        data=_bytes(depth.astype("<f4")),
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


def observation_from_images(
    rgb: Image, depth: Image, info: CameraInfo, T_world_camera: FloatArray
) -> RgbdObservation:
    """Images of a driver, in any encoding the project knows, to a checked observation.

    Raises:
        UnihmError: INVALID_IMAGE, INVALID_DEPTH, CAMERA_INFO_MISMATCH or INVALID_TRANSFORM.
    """
    colour = decode_colour(rgb.data, rgb.encoding, rgb.height, rgb.width, rgb.step)
    metres = decode_depth(
        depth.data, depth.encoding, depth.height, depth.width, depth.step, bool(depth.is_bigendian)
    )
    K = intrinsics(info.k, (info.height, info.width), (rgb.height, rgb.width))
    return RgbdObservation(colour, metres, K, T_world_camera, time_to_seconds(rgb.header.stamp))


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


def observation_from_msg(message: msg.RgbdObservation) -> RgbdObservation:
    """The observation of a message."""
    return observation_from_images(
        message.rgb, message.depth, message.camera_info, pose_from_msg(message.camera_pose)
    )


# ---------------------------------------------------------------------------- plan and cloud


def trajectory_to_msg(
    trajectory: ObjectTrajectory, header: Header, task_id: str
) -> msg.ObjectTrajectory:
    """An object trajectory; ``header`` holds the image's stamp and the world frame."""
    return msg.ObjectTrajectory(
        header=header,
        task_id=task_id,
        kind=int(trajectory.kind),
        dt=float(trajectory.dt),
        poses=poses_to_msg(trajectory.T_world_object),
        phase=_bytes(trajectory.phase.astype(np.uint8)),
        pick_point=point_to_msg(trajectory.pick_point),
        description=trajectory.description,
    )


def trajectory_from_msg(message: msg.ObjectTrajectory) -> ObjectTrajectory:
    """The object trajectory of a message."""
    pick = message.pick_point
    return ObjectTrajectory(
        T_world_object=poses_from_msg(message.poses),
        phase=np.frombuffer(message.phase, np.uint8).astype(np.int64),
        dt=message.dt,
        kind=TaskKind(message.kind),
        pick_point=np.array([pick.x, pick.y, pick.z]),
        description=message.description,
    )


def points_to_msg(columns: np.ndarray, names: Sequence[str], header: Header) -> PointCloud2:
    """(N, C) numbers to an unordered cloud of float32 fields ``names``."""
    data = np.ascontiguousarray(columns, "<f4")
    return PointCloud2(
        header=header,
        height=1,
        width=len(data),
        fields=[
            PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
            for i, name in enumerate(names)
        ],
        point_step=4 * len(names),
        row_step=4 * len(names) * len(data),
        data=_bytes(data),
        is_dense=True,
    )


def points_from_msg(cloud: PointCloud2, names: Sequence[str]) -> FloatArray:
    """The float32 fields ``names`` of a cloud as (N, C) float64.

    Raises:
        UnihmError: INVALID_CLOUD where a field is missing or the data is too short.
    """
    offsets = {f.name: f.offset for f in cloud.fields if f.datatype == PointField.FLOAT32}
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


def cloud_to_msg(cloud: ObjectCloud, header: Header, task_id: str) -> msg.ObjectCloud:
    """An object cloud; ``header`` holds the image's stamp and the object frame."""
    observed = np.ones(len(cloud.points)) if cloud.observed is None else cloud.observed
    columns = np.column_stack([cloud.points, cloud.normals, observed])
    return msg.ObjectCloud(
        header=header,
        task_id=task_id,
        cloud=points_to_msg(columns, _CLOUD_FIELDS, header),
        confidence=float(cloud.confidence),
    )


def cloud_from_msg(message: msg.ObjectCloud) -> ObjectCloud:
    """The object cloud of a message."""
    columns = points_from_msg(message.cloud, _CLOUD_FIELDS)
    return ObjectCloud(
        columns[:, :3], columns[:, 3:6], float(message.confidence), columns[:, 6] > 0.5
    )


# ---------------------------------------------------------------------------- hand


def tokens_to_msg(tokens: HandTokens, header: Header, task_id: str) -> msg.HandTokens:
    """Tokens of a motion."""
    return msg.HandTokens(
        header=header,
        task_id=task_id,
        codebook_id=tokens.codebook_id,
        chunk=tokens.chunk,
        levels=tokens.codes.shape[1],
        codes=array("i", tokens.codes.astype(np.int32).tobytes()),
    )


def tokens_from_msg(message: msg.HandTokens) -> HandTokens:
    """The tokens of a message."""
    codes = np.frombuffer(message.codes, np.int32)
    if message.levels == 0 or codes.size % message.levels:
        raise UnihmError(
            ErrorCode.INVALID_MOTION,
            f"{codes.size} codes cannot be chunks of {message.levels} levels.",
        )
    return HandTokens(
        codes.reshape(-1, message.levels).astype(np.int64), message.chunk, message.codebook_id
    )


def motion_to_msg(
    motion: HandMotion,
    joint_names: Sequence[str],
    header: Header,
    task_id: str,
    report: msg.RefinementReport | None = None,
) -> msg.HandMotion:
    """A hand motion; ``header`` holds the image's stamp and the object frame."""
    return msg.HandMotion(
        header=header,
        task_id=task_id,
        hand=motion.hand,
        wrist_poses=poses_to_msg(motion.T_object_wrist),
        joint_names=list(joint_names),
        joint_positions=_doubles(motion.joints),
        trajectory=trajectory_to_msg(motion.trajectory, header, task_id),
        report=[] if report is None else [report],
    )


def motion_from_msg(message: msg.HandMotion) -> HandMotion:
    """The hand motion of a message."""
    return HandMotion(
        hand=message.hand,
        T_object_wrist=poses_from_msg(message.wrist_poses),
        joints=_rows(message.joint_positions, len(message.joint_names), "HandMotion"),
        trajectory=trajectory_from_msg(message.trajectory),
    )


def plan_to_msg(
    plan: ExecutionPlan,
    stage: str,
    rate: float,
    hand: str,
    arm_joint_names: Sequence[str],
    hand_joint_names: Sequence[str],
    header: Header,
    task_id: str,
) -> msg.ExecutionPlan:
    """Timed set-points; ``header`` holds the time of the first one and the world frame."""
    return msg.ExecutionPlan(
        header=header,
        task_id=task_id,
        stage=stage,
        hand=hand,
        rate=rate,
        arm_joint_names=list(arm_joint_names),
        arm_positions=_doubles(plan.arm),
        hand_joint_names=list(hand_joint_names),
        hand_positions=_doubles(plan.hand),
        squeeze=_doubles(plan.squeeze),
        phase=_bytes(plan.phase.astype(np.uint8)),
    )


def plan_from_msg(message: msg.ExecutionPlan) -> ExecutionPlan:
    """The timed set-points of a message."""
    arm = _rows(message.arm_positions, len(message.arm_joint_names), "ExecutionPlan")
    hand = _rows(message.hand_positions, len(message.hand_joint_names), "ExecutionPlan")
    phase = np.frombuffer(message.phase, np.uint8).astype(np.int64)
    if not len(arm) == len(hand) == len(phase) > 0 or not message.rate > 0:
        raise UnihmError(
            ErrorCode.INVALID_MOTION,
            f"A plan with {len(arm)} samples of the arm, {len(hand)} of the hand and "
            f"{len(phase)} phases at {message.rate} per second cannot be followed.",
        )
    times = np.arange(len(arm)) / message.rate
    return ExecutionPlan(times, arm, hand, phase, np.array(message.squeeze))


def report_to_msg(report: RefinementReport, header: Header, task_id: str) -> msg.RefinementReport:
    """What the refiner did; ``header`` holds the image's stamp and the object frame."""
    values: dict[str, tuple[float, str]] = {
        "joint_change": (report.joint_change, "rad"),
        "wrist_shift": (report.wrist_shift, "m"),
    }
    for moment, measures in (("before", report.before), ("after", report.after)):
        for term, energy in measures.energy.items():
            values[f"{moment}/energy/{term}"] = (energy, "")
        for finger, distance in measures.contact_distance.items():
            values[f"{moment}/contact_distance/{finger}"] = (distance, "m")
        values[f"{moment}/penetration_max"] = (measures.penetration_max, "m")
        values[f"{moment}/limit_margin"] = (measures.limit_margin, "rad")
    if report.grasp is not None:
        values["normal_force"] = (report.grasp.normal_force, "N")
    return msg.RefinementReport(
        header=header,
        task_id=task_id,
        iterations=report.iterations,
        energy_before=report.before.total_energy,
        energy_after=report.after.total_energy,
        duration=report.seconds,
        measurements=measurements(values),
    )


def measurements(values: dict[str, tuple[float, str]]) -> list[msg.Measurement]:
    """Name to (value, unit) as messages."""
    return [
        msg.Measurement(name=name, value=float(value), unit=unit)
        for name, (value, unit) in values.items()
    ]
