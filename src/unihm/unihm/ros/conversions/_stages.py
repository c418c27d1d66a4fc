"""What goes from stage to stage."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.learning.datasets.messages import CLOUD_FIELDS
from unihm.perception.language import (
    Command,
    Step,
    describe,
    describe_phrase,
    describe_relation,
)
from unihm.ros.conversions._geometry import (
    doubles,
    point_to_msg,
    pose_to_msg,
    poses_to_msg,
    raw_bytes,
)
from unihm.types import HandMotion, HandTokens, ObjectCloud, ObjectTrajectory, Task

if TYPE_CHECKING:
    from unihm.control.execution import ExecutionPlan
    from unihm.refinement import RefinementReport


def task_to_msg(task: Task, header: Header, attempt: int = 1, plan_only: bool = False) -> msg.Task:
    """A task; ``header`` holds when it was given, and the world frame."""
    return msg.Task(
        header=header,
        task_id=task.task_id,
        instruction=task.instruction,
        hand=task.hand,
        attempt=attempt,
        plan_only=plan_only,
    )


def command_to_msg(command: Command, header: Header, task_id: str = "") -> msg.Command:
    """What a sentence was understood as; ``header`` holds when."""
    refusal = command.refusal
    return msg.Command(
        header=header,
        task_id=task_id,
        sentence=command.sentence,
        kind=command.kind.value,
        understood=describe(command),
        steps=[_step_to_msg(step) for step in command.steps],
        unknown=list(command.unknown),
        error_code=0 if refusal is None else int(refusal.code),
        error_msg="" if refusal is None else refusal.message,
    )


def _step_to_msg(step: Step) -> msg.CommandStep:
    goes, way = step.destination, step.direction
    return msg.CommandStep(
        action=step.action.value,
        target=describe_phrase(step.target),
        source=describe_phrase(step.source) if step.source is not None else "",
        destination=describe_relation(goes) if goes is not None else "",
        direction=way.name if way is not None else "",
        distance=(way.distance or 0.0) if way is not None else 0.0,
        manner=list(step.manner),
    )


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
        phase=raw_bytes(trajectory.phase.astype(np.uint8)),
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
        data=raw_bytes(data),
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
        around=points_to_msg(cloud.around, CLOUD_FIELDS[:3], header),
        confidence=float(cloud.confidence),
    )


def tokens_to_msg(tokens: HandTokens, header: Header, task_id: str) -> msg.HandTokens:
    """Tokens of a motion."""
    return msg.HandTokens(
        header=header,
        task_id=task_id,
        codebook_id=tokens.codebook_id,
        chunk=tokens.chunk,
        levels=tokens.codes.shape[1],
        frame=pose_to_msg(tokens.T_object_frame),
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
        joint_positions=doubles(motion.joints),
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
        arm_positions=doubles(plan.arm),
        hand_joint_names=list(hand_joint_names),
        hand_positions=doubles(plan.hand),
        squeeze=doubles(plan.squeeze),
        phase=raw_bytes(plan.phase.astype(np.uint8)),
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
