"""Recordings planned again without ROS: what every stage makes now, beside what it made then.

Deterministic: two runs give the same numbers and pictures, to the bit, on one machine.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.geometry import chamfer
from unihm.learning.datasets.recorded_tasks import RecordedTask, StageResult
from unihm.pipeline import Pipeline
from unihm.refinement import RefinementReport
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.transforms import dot, invert
from unihm.types import (
    STAGES,
    FloatArray,
    HandMotion,
    HandTokens,
    ObjectCloud,
    ObjectTrajectory,
)
from unihm.visualization.pictures import draw_cloud, draw_plan, write_picture

RECORDED = "recorded"
DIGITS = 6


@dataclass
class Planned:
    """What one preset makes of a recorded task.

    Attributes:
        preset: its name.
        results: stage to what it made, as far as it came.
        report: of the refinement.
        error: why it came no further.
    """

    preset: str
    results: dict[str, StageResult]
    report: RefinementReport | None = None
    error: UnihmError | None = None


@lru_cache(maxsize=4)
def _pipeline(preset: str) -> Pipeline:
    import torch

    # The sums of several threads differ in their last bits from run to run.
    torch.set_num_threads(1)
    return Pipeline.from_pretrained(preset)


def plan_again(task: RecordedTask, preset: str) -> Planned:
    """Run the stages of a preset on the image of a recorded task."""
    planned = Planned(preset, {})

    def after(stage: str, value: Any) -> Any:
        if stage == "planner":
            planned.results[stage] = value.trajectory
        elif stage == "segmentation":
            planned.results[stage] = value.cloud
        elif stage == "refiner":
            planned.results[stage], planned.report = value
        else:
            planned.results[stage] = value
        return value

    try:
        hand = load_hand(task.task.hand)
        T_world_wrist, joints = _posture(task)
        _pipeline(preset).plan(
            task.observation, task.task.instruction, hand.name, T_world_wrist, joints, after
        )
    except UnihmError as error:
        planned.error = error
    return planned


def _posture(task: RecordedTask) -> tuple[FloatArray | None, FloatArray | None]:
    """T_world_wrist (4, 4) and the hand's joints, where they were recorded."""
    arm, hand = load_arm(), load_hand(task.task.hand)
    T_world_wrist = joints = None
    if all(name in task.joints for name in arm.joint_names):
        q = np.array([task.joints[name] for name in arm.joint_names])
        T_world_wrist = arm.forward(q) @ hand.T_flange_wrist
    if all(name in task.joints for name in hand.joint_names):
        joints = np.array([task.joints[name] for name in hand.joint_names])
    return T_world_wrist, joints


# ---------------------------------------------------------------- measures


def measure(result: StageResult, report: RefinementReport | None = None) -> dict[str, Any]:
    """What one result is, in numbers."""
    if isinstance(result, ObjectTrajectory):
        travel = np.linalg.norm(result.T_world_object[-1, :3, 3] - result.T_world_object[0, :3, 3])
        return {
            "description": result.description,
            "kind": result.kind.name,
            "frames": len(result),
            "travel_mm": _rounded(1e3 * travel),
        }
    if isinstance(result, ObjectCloud):
        low, high = result.points.min(axis=0), result.points.max(axis=0)
        return {
            "confidence": _rounded(result.confidence),
            "size_mm": [_rounded(1e3 * length) for length in high - low],
        }
    if isinstance(result, HandTokens):
        return {"codes": int(result.codes.size), "codebook": result.codebook_id}
    values: dict[str, Any] = {"hand": result.hand, "frames": len(result.joints)}
    if report is not None:
        values["penetration_mm"] = _rounded(1e3 * report.after.penetration_max)
        values["contact_mm"] = {
            finger: _rounded(1e3 * distance)
            for finger, distance in report.after.contact_distance.items()
        }
    return values


def compare(a: StageResult, b: StageResult) -> dict[str, Any]:
    """How far two results of one stage are apart; of other lengths, the frames both have."""
    if isinstance(a, ObjectTrajectory) and isinstance(b, ObjectTrajectory):
        n = min(len(a), len(b))
        shift, turn = _apart(a.T_world_object[:n], b.T_world_object[:n])
        return {
            "same_kind": a.kind == b.kind,
            "frames": len(a) - len(b),
            "position_mm": shift,
            "rotation_deg": turn,
            "pick_mm": _rounded(1e3 * float(np.linalg.norm(a.pick_point - b.pick_point))),
        }
    if isinstance(a, ObjectCloud) and isinstance(b, ObjectCloud):
        return {
            "chamfer_mm": _rounded(1e3 * chamfer(a.points, b.points)),
            "confidence": _rounded(a.confidence - b.confidence),
        }
    if isinstance(a, HandTokens) and isinstance(b, HandTokens):
        if a.codebook_id != b.codebook_id or a.codes.shape != b.codes.shape:
            return {"same_codebook": a.codebook_id == b.codebook_id, "equal_codes": None}
        return {"same_codebook": True, "equal_codes": _rounded(np.mean(a.codes == b.codes))}
    assert isinstance(a, HandMotion)
    assert isinstance(b, HandMotion)
    if a.hand != b.hand:
        return {"same_hand": False}
    n = min(len(a.joints), len(b.joints))
    shift, turn = _apart(a.T_world_wrist[:n], b.T_world_wrist[:n])
    return {
        "same_hand": True,
        "frames": len(a.joints) - len(b.joints),
        "wrist_mm": shift,
        "wrist_deg": turn,
        "joints_deg": _rounded(np.rad2deg(np.abs(a.joints[:n] - b.joints[:n]).max())),
    }


def _apart(T_a: FloatArray, T_b: FloatArray) -> tuple[float, float]:
    """Largest distance in millimetres and angle in degrees of poses (n, 4, 4)."""
    relative = invert(T_a) @ T_b
    cosine = (np.trace(relative[:, :3, :3], axis1=1, axis2=2) - 1.0) / 2.0
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    shift = relative[:, :3, 3]
    return _rounded(1e3 * np.sqrt(dot(shift, shift)).max()), _rounded(np.rad2deg(angle.max()))


def _rounded(value: Any) -> float:
    return round(float(value), DIGITS)


# ---------------------------------------------------------------- the report


def evaluate(
    tasks: Sequence[RecordedTask],
    presets: Sequence[str],
    pictures: Path | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Plan recorded tasks again with every preset, and compare.

    Args:
        tasks: of any number of recordings.
        presets: names of files in ``config/presets``.
        pictures: folder for two PNG files of every plan; None: none.
        workers: processes; by default as many as there are processors.

    Returns:
        ``tasks``: how each ended, then and now; ``stages``: what each result is; ``differences``:
        of every stage to the recorded one, and of every further preset to the first.
    """
    jobs = [
        (number, task, preset, pictures) for number, task in enumerate(tasks) for preset in presets
    ]
    workers = min(workers or multiprocessing.cpu_count(), len(jobs))
    if workers > 1:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            planned = pool.map(_work, jobs, chunksize=1)
    else:
        planned = [_work(job) for job in jobs]
    report: dict[str, Any] = {"tasks": [], "stages": [], "differences": []}
    for number, task in enumerate(tasks):
        own = planned[number * len(presets) : (number + 1) * len(presets)]
        _add(report, _name(number, task), task, own)
    return report


def _name(number: int, task: RecordedTask) -> str:
    return f"{number + 1:02d} {task.bag} {task.task.task_id}".rstrip()


def _add(report: dict[str, Any], name: str, task: RecordedTask, planned: list[Planned]) -> None:
    report["tasks"].append(
        {
            "task": name,
            "bag": task.bag,
            "instruction": task.task.instruction,
            "hand": task.task.hand,
            RECORDED: _ending(task.error) if task.results or task.error else None,
            "planned": {each.preset: _ending(each.error) for each in planned},
        }
    )
    then = Planned(RECORDED, task.results)
    for each in (then, *planned):
        for stage in STAGES:
            if stage in each.results:
                own = each.report if stage == STAGES[-1] else None
                values = measure(each.results[stage], own)
                report["stages"].append({"task": name, "by": each.preset, "stage": stage, **values})
    pairs = [(each, then) for each in planned] + [(each, planned[0]) for each in planned[1:]]
    for one, other in pairs:
        for stage in STAGES:
            if stage in one.results and stage in other.results:
                report["differences"].append(
                    {
                        "task": name,
                        "stage": stage,
                        "of": one.preset,
                        "to": other.preset,
                        **compare(one.results[stage], other.results[stage]),
                    }
                )


def _ending(error: UnihmError | None) -> dict[str, Any]:
    code = error.code if error else ErrorCode.NONE
    return {"code": code.name, "message": error.message if error else ""}


def _work(job: tuple[int, RecordedTask, str, Path | None]) -> Planned:
    number, task, preset, folder = job
    planned = plan_again(task, preset)
    if folder is not None:
        _draw(folder, f"{number + 1:02d}", preset, task, planned.results)
        if task.results:
            _draw(folder, f"{number + 1:02d}", RECORDED, task, task.results)
    return planned


def _draw(
    folder: Path, number: str, by: str, task: RecordedTask, results: dict[str, StageResult]
) -> None:
    trajectory, cloud = results.get("planner"), results.get("segmentation")
    if isinstance(trajectory, ObjectTrajectory) and isinstance(cloud, ObjectCloud):
        picture = draw_cloud(task.observation, trajectory, cloud)
        write_picture(folder / f"{number}_{by}_cloud.png", picture)
    motion = results.get("refiner") or results.get("decoder")
    if isinstance(motion, HandMotion):
        write_picture(folder / f"{number}_{by}_plan.png", draw_plan(task.observation, motion))
