"""Run the measures over objects and hands, and sum them up."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from unihm.errors import UnihmError
from unihm.evaluation.grasps.attempts import attempt_of
from unihm.evaluation.grasps.manner import Asked
from unihm.evaluation.grasps.objects import Standing
from unihm.evaluation.grasps.protocol import SixGravities, joint_entropies
from unihm.evaluation.statistics import mean, median, wilson_interval
from unihm.grasps import GraspChooser
from unihm.perception.trajectory import make_trajectory
from unihm.pipeline import wrist_at_home
from unihm.robots import load_hand
from unihm.types import Task, TaskKind

SENTENCE = "pick up the object"
TIMED = 20  # candidates whose making is timed


def grasp_object(
    chooser: GraspChooser, item: Standing, hand_name: str, count: int
) -> dict[str, Any]:
    """Candidates of one object, the first ``count`` of them tried under six gravities.

    Returns:
        rows for JSON: ``seconds`` for all candidates, ``refused``, and a list of ``grasps``.
    """
    hand = load_hand(hand_name)
    trajectory = make_trajectory(TaskKind.GRAB, item.T_world_object, item.top)
    task = Task("", SENTENCE, hand_name)
    row: dict[str, Any] = {"object": item.name, "refused": "", "seconds": 0.0, "grasps": []}
    started = time.perf_counter()
    try:
        found = chooser.candidates(
            task, trajectory, item.cloud, hand.open_joints, wrist_at_home(hand), TIMED
        )
    except UnihmError as error:
        row["refused"] = error.message
        return row
    row["seconds"] = time.perf_counter() - started
    trial = SixGravities(hand_name, item)
    for candidate in found[:count]:
        attempt = attempt_of(candidate.motion)
        verdict = trial.judge(attempt)
        row["grasps"].append(
            {
                "success": verdict.success,
                "stable": list(verdict.stable),
                "penetration_mm": 1e3 * verdict.penetration,
                "q1": verdict.q1,
                "cost": candidate.measures.cost,
                "view": candidate.view.words,
                "joints": attempt.joints.tolist(),
            }
        )
    return row


def summarise_hand(hand_name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures of one hand; an object without any candidate is a failure."""
    first = [row["grasps"][0] if row["grasps"] else None for row in rows]
    every = [grasp for row in rows for grasp in row["grasps"]]
    good = [g is not None and g["success"] for g in first]
    figures: dict[str, Any] = {
        "objects": len(rows),
        "refused": sum(not row["grasps"] for row in rows),
        "success": mean(good),
        "success_95": wilson_interval(sum(good), len(good)),
        "stable_all_sides": mean([g is not None and all(g["stable"]) for g in first]),
        "q1": mean([g["q1"] for g in first if g]),
        "penetration_mm": mean([g["penetration_mm"] for g in first if g]),
        "candidates": len(every),
        "candidates_success": mean([g["success"] for g in every]),
        "candidates_q1": mean([g["q1"] for g in every]),
        "candidates_penetration_mm": mean([g["penetration_mm"] for g in every]),
        "ms_20_candidates": median([1e3 * row["seconds"] for row in rows if row["grasps"]]),
    }
    if every:
        entropies = joint_entropies(np.array([g["joints"] for g in every]), load_hand(hand_name))
        figures["entropy_mean"] = float(entropies.mean())
        figures["entropy_std"] = float(entropies.std())
    return figures


def summarise_manner(asked: Iterable[Asked]) -> dict[str, Any]:
    """How often the words were obeyed, of the grasps that lift."""
    asked = list(asked)
    lifted = [row for row in asked if row.lifted]
    obeyed = sum(row.obeyed for row in lifted)
    figures: dict[str, Any] = {
        "manner_asked": len(asked),
        "manner_refused": sum(bool(row.refused) for row in asked),
        "manner_lifted": len(lifted),
        "manner_obeyed": mean([row.obeyed for row in lifted]),
        "manner_obeyed_95": wilson_interval(obeyed, len(lifted)),
        "manner_shuffled": mean([row.others for row in lifted]),
        "by_words": {},
    }
    for words in dict.fromkeys(row.words for row in asked):
        own = [row for row in asked if row.words == words]
        figures["by_words"][words] = {
            "asked": len(own),
            "refused": sum(bool(row.refused) for row in own),
            "lifted": sum(row.lifted for row in own),
            "obeyed": sum(row.obeyed for row in own),
        }
    return figures
