"""Between the dataclasses of :mod:`unihm.types` and the messages of ``unihm_msgs``.

Large arrays go through ``array.array`` and ``np.frombuffer``: rclpy checks every element of
any other sequence, which takes a hundred times longer than the copy.

What messages hold is read by :mod:`unihm.learning.datasets.messages`, which needs no ROS.
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
from unihm.learning.datasets.messages import (
    CLOUD_FIELDS,
    cloud_from_msg,
    motion_from_msg,
    observation_from_images,
    observation_from_msg,
    plan_from_msg,
    points_from_msg,
    pose_from_msg,
    poses_from_msg,
    task_from_msg,
    time_to_seconds,
    tokens_from_msg,
    trajectory_from_msg,
)
from unihm.refinement import RefinementReport
from unihm.transforms import to_pose7
from unihm.types import (
    FloatArray,
    HandMotion,
    HandTokens,
    ObjectCloud,
    ObjectTrajectory,
    RgbdObservation,
    Task,
)

__all__ = [
    "bgra_to_msg",
    "camera_info_to_msg",
    "cloud_from_msg",
    "cloud_to_msg",
    "depth_to_msg",
    "measurements",
    "motion_from_msg",
    "motion_to_msg",
    "observation_from_images",
    "observation_from_msg",
    "observation_to_msg",
    "plan_from_msg",
    "plan_to_msg",
    "point_to_msg",
    "points_from_msg",
    "points_to_msg",
    "pose_from_msg",
    "pose_to_msg",
    "poses_from_msg",
    "poses_to_msg",
    "report_to_msg",
    "rgb_to_msg",
    "seconds_to_time",
    "task_from_msg",
    "task_to_msg",
    "time_to_seconds",
    "tokens_from_msg",
    "tokens_to_msg",
    "trajectory_from_msg",
    "trajectory_to_msg",
    "vector_to_msg",
]


# ---------------------------------------------------------------------------- time and poses


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


def cloud_to_msg(cloud: ObjectCloud, header: Header, task_id: str) -> msg.ObjectCloud:
    """An object cloud; ``header`` holds the image's stamp and the object frame."""
    observed = np.ones(len(cloud.points)) if cloud.observed is None else cloud.observed
    columns = np.column_stack([cloud.points, cloud.normals, observed])
    return msg.ObjectCloud(
        header=header,
        task_id=task_id,
        cloud=points_to_msg(columns, CLOUD_FIELDS, header),
        confidence=float(cloud.confidence),
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
