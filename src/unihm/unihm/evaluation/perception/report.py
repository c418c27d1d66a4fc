"""All figures of perception in one table: the preset's backends beside the geometric ones."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unihm.errors import UnihmError
from unihm.evaluation.perception.clicks import ClickScore, load_frames, mean_iou, score_clicks
from unihm.evaluation.perception.completion import (
    held_out_views,
    measure_completion,
    mesh_views,
)
from unihm.evaluation.perception.grounding import measure_grounding, summary
from unihm.evaluation.perception.planning import measure_planning
from unihm.evaluation.perception.reliability import calibration_error, judged, plot
from unihm.evaluation.perception.scenes import measure_scenes
from unihm.evaluation.perception.speed import measure_click, peak_memory_mb
from unihm.perception.planner import Planner
from unihm.perception.segmentation import Click, Segmenter
from unihm.perception.segmentation.clicks import clicked_cluster, cluster_masks
from unihm.perception.segmentation.pointsam import PointSamPredictor
from unihm.types import RgbdObservation

MESH_FILES = (".stl", ".obj", ".ply", ".glb", ".off")


def measure(
    frames: Path | None,
    scenes: int,
    meshes: Path | None,
    preset: str,
    seed: int,
    instructions: Path | None = None,
    reliability: Path | None = None,
) -> dict[str, Any]:
    """Every figure by its name; those of the baseline begin with ``geometric_``.

    Args:
        frames: folder of labelled frames, or None.
        scenes: how many scenes to render.
        meshes: folder of mesh files for the scenes, or None for procedural shapes.
        preset: whose backends are measured.
        seed: of the scenes.
        instructions: for the frames, see :mod:`unihm.evaluation.perception.grounding`.
        reliability: picture to write of how often the choices are right, by their confidence.
    """
    figures: dict[str, Any] = {"preset": preset, "seed": seed}
    if frames is not None:
        labelled = load_frames(frames)
        predictor = PointSamPredictor.load(preset)
        figures["frames"] = len(labelled)
        for prefix, method in (("", _learned(predictor)), ("geometric_", _geometric)):
            figures |= _click_figures(prefix, score_clicks(labelled, method))
            figures[f"{prefix}click_ms"] = measure_click(method, seed)
        if instructions is not None:
            answers = measure_grounding(Planner.load(preset), frames, instructions)
            figures |= summary(answers)
            figures["real_calibration_error"] = round(calibration_error(*judged(answers)), 4)
            figures["real_answers"] = [asdict(answer) for answer in answers]
            if reliability is not None:
                plot(reliability, answers)
            by_rule = measure_grounding(Planner(), frames, instructions)
            figures |= {f"geometric_{k}": v for k, v in summary(by_rule).items()}
    if scenes:
        planner, segmenter = Planner.load(preset), Segmenter.load(preset)
        shapes = list(held_out_views(scenes, seed))
        figures |= measure_completion("completion_held_out_", shapes, segmenter)
        files = [p for p in sorted(meshes.iterdir()) if p.suffix in MESH_FILES] if meshes else None
        if files:
            views = list(mesh_views(files, seed))
            figures |= measure_completion("completion_mesh_", views, segmenter)
        figures["planner_backend"] = planner.config.backend
        figures["segmentation_backend"] = segmenter.config.backend
        learned = measure_scenes(planner, segmenter, scenes, seed, files)
        baseline = measure_scenes(Planner(), Segmenter(), scenes, seed, files)
        figures |= measure_planning(planner, scenes, seed, files).summary()
        planned = measure_planning(Planner(), scenes, seed, files).summary()
        figures |= {f"geometric_{k}": v for k, v in planned.items()}
        figures |= learned.summary()
        figures |= {f"geometric_{k}": v for k, v in baseline.summary().items()}
    figures["peak_memory_mb"] = peak_memory_mb()
    return figures


def _geometric(observation: RgbdObservation):  # type: ignore[no-untyped-def]
    numbers, points = cluster_masks(observation)
    return lambda clicks: clicked_cluster(numbers, points, clicks)


def _learned(predictor: PointSamPredictor):  # type: ignore[no-untyped-def]
    def prepare(observation: RgbdObservation):  # type: ignore[no-untyped-def]
        session = predictor.embed(observation)

        def answer(clicks: list[Click]) -> NDArray[np.bool_]:
            try:
                return session.predict(clicks).mask
            except UnihmError:  # an honest refusal counts as an empty mask
                return np.zeros(observation.depth.shape, bool)

        return answer

    return prepare


def _click_figures(prefix: str, scores: list[ClickScore]) -> dict[str, Any]:
    return {
        f"{prefix}iou_1_click": round(mean_iou(scores, 1), 4),
        f"{prefix}iou_3_clicks": round(mean_iou(scores, 3), 4),
        f"{prefix}iou_1_click_touching": round(mean_iou(scores, 1, touching=True), 4),
        f"{prefix}iou_1_click_apart": round(mean_iou(scores, 1, touching=False), 4),
        f"{prefix}objects": len(scores),
    }


def print_table(figures: dict[str, Any]) -> None:
    """One line per figure: the preset's value, and the baseline's."""
    print(f"{'':44s} {figures['preset']:>12s} {'geometric':>12s}")
    for name, value in figures.items():
        if name.startswith("geometric_") or name in ("preset", "seed", "real_answers"):
            continue
        baseline = figures.get(f"geometric_{name}", "")
        print(f"{name:44s} {value!s:>12s} {baseline!s:>12s}")
