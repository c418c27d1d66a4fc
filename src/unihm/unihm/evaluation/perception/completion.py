"""Measures of completion: whole surfaces from single noisy views of shapes never trained on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from unihm.errors import UnihmError
from unihm.evaluation.perception.scenes import SENSOR
from unihm.geometry import chamfer
from unihm.learning.synthesis.tables.partial_views import (
    PartialView,
    WholeShape,
    random_partial_view,
    random_whole_shape,
)
from unihm.perception.scene.completion import Completion, complete, thin
from unihm.perception.segmentation import Segmenter
from unihm.types import FloatArray

# A method: seen points, camera, height of the table -> the whole surface.
CompletionMethod = Callable[[FloatArray, FloatArray, float], Completion]

_VIEWS = 2  # of every shape
_HELD_OUT = 90_000_019  # seeds from here on are far from those of any training


def mesh_views(meshes: list[Path], seed: int) -> Iterator[PartialView]:
    """Single views of mesh files (metres), each as it may lie or stand on a table."""
    for number, path in enumerate(meshes):
        mesh = trimesh.load_mesh(path)
        mesh.merge_vertices()
        yield from _views(WholeShape((mesh,)), np.random.default_rng([seed, number]))


def held_out_views(count: int, seed: int) -> Iterator[PartialView]:
    """Single views of procedural shapes that no training has drawn."""
    for number in range(count):
        rng = np.random.default_rng([_HELD_OUT + seed, number])
        yield from _views(random_whole_shape(rng), rng)


def _views(shape: WholeShape, rng: np.random.Generator) -> Iterator[PartialView]:
    for _ in range(_VIEWS):
        view = random_partial_view(shape, rng, SENSOR)
        if view is not None and not view.cut:
            yield view


def measure_completion(
    prefix: str, views: list[PartialView], segmenter: Segmenter
) -> dict[str, float]:
    """Figures of a stage's completion and of the geometric baseline.

    Every figure's name begins with ``prefix``, the baseline's with ``geometric_`` before it. The
    partial cloud is what was seen, thinned and cleaned as both methods do it.
    """
    figures: dict[str, float] = {}
    for start, method in (("", segmenter.complete), ("geometric_", complete)):
        rows = [row for view in views if (row := _score(view, method)) is not None]
        columns = np.array(rows).T
        trust = np.corrcoef(columns[3], columns[5])[0, 1] if len(rows) > 2 else np.nan
        figures |= {
            f"{start}{prefix}views": len(rows),
            f"{start}{prefix}partial_chamfer_mm": _rounded(columns[0].mean()),
            f"{start}{prefix}chamfer_mm": _rounded(columns[1].mean()),
            f"{start}{prefix}partial_over_completed": _rounded(np.median(columns[0] / columns[1])),
            f"{start}{prefix}normals_within_20_deg": _rounded(columns[2].mean()),
            f"{start}{prefix}confidence_against_error": _rounded(trust),
            f"{start}{prefix}ms": _rounded(np.median(columns[4])),
        }
    return figures


def _rounded(value: float) -> float:
    return round(float(value), 3)


def _score(view: PartialView, method: CompletionMethod) -> tuple[float, ...] | None:
    """Chamfer distances of partial and completed cloud in mm, good normals, confidence, ms.

    Last, the completed cloud's distance as a share of the object's size.
    """
    try:
        partial, _ = thin(view.seen, view.camera)
    except UnihmError:  # as good as nothing is seen
        return None
    started = time.perf_counter()
    result = method(view.seen, view.camera, 0.0)
    seconds = time.perf_counter() - started
    truth = view.normals[cKDTree(view.points).query(result.points)[1]]
    good = (result.normals * truth).sum(axis=1) > np.cos(np.deg2rad(20))
    return (
        1e3 * chamfer(partial, view.points),
        1e3 * chamfer(result.points, view.points),
        float(good.mean()),
        result.confidence,
        1e3 * seconds,
        chamfer(result.points, view.points) / float(np.ptp(view.points, axis=0).max()),
    )
