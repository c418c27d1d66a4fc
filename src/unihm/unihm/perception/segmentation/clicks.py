"""Masks from clicks without weights: the cluster that was clicked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.camera import clean_depth, deproject
from unihm.perception.scene.clusters import ClusterConfig, find_clusters
from unihm.perception.scene.table import camera_table
from unihm.types import FloatArray, RgbdObservation


@dataclass(frozen=True)
class Click:
    """A pixel that a person or the planner points at.

    Attributes:
        u, v: pixels to the right and down.
        positive: on the object; False takes what is there away from the mask.
    """

    u: int
    v: int
    positive: bool = True


def check_click(click: Click, depth: NDArray[np.float32]) -> None:
    """Raise LOW_CONFIDENCE for a click outside the image or far from any measured depth."""
    height, width = depth.shape
    if not (0 <= click.u < width and 0 <= click.v < height):
        raise UnihmError(
            ErrorCode.LOW_CONFIDENCE,
            f"The click ({click.u}, {click.v}) is outside the {width}x{height} image.",
        )
    near = depth[max(click.v - 8, 0) : click.v + 9, max(click.u - 8, 0) : click.u + 9]
    if not (near > 0).any():
        raise UnihmError(
            ErrorCode.LOW_CONFIDENCE,
            f"There is no depth around the click ({click.u}, {click.v}); the surface may be "
            "transparent, shiny or too near.",
        )


def cluster_masks(
    observation: RgbdObservation, config: ClusterConfig | None = None
) -> tuple[NDArray[np.int32], FloatArray]:
    """Number of the cluster at each pixel (H, W), 0 for none, and the points (H, W, 3)."""
    points = deproject(clean_depth(observation.depth), observation.K)
    clusters = find_clusters(
        points, observation.rgb, camera_table(points), config=config or ClusterConfig(hover=1.0)
    )
    numbers = np.zeros(observation.depth.size, np.int32)
    for number, cluster in enumerate(clusters, start=1):
        numbers[cluster.pixels] = number
    return numbers.reshape(observation.depth.shape), points


def clicked_cluster(
    numbers: NDArray[np.int32], points: FloatArray, clicks: list[Click]
) -> NDArray[np.bool_]:
    """(H, W) mask: the clusters with positive clicks.

    A cluster with clicks of both signs is shared out: each pixel goes to its nearest click.

    Args:
        numbers: from :func:`cluster_masks`.
        points: (H, W, 3) metres.
        clicks: any number, the first positive.
    """
    mask = np.zeros(numbers.shape, bool)
    owners = [_number_near(numbers, click) for click in clicks]
    for number in {n for n, c in zip(owners, clicks) if c.positive and n}:
        mine = numbers == number
        inside = [c for n, c in zip(owners, clicks) if n == number]
        if all(c.positive for c in inside):
            mask |= mine
            continue
        seeds = np.stack([_point_near(points, c) for c in inside])
        distance = np.linalg.norm(points[mine][:, None] - seeds[None], axis=2)
        mask[mine] = np.array([c.positive for c in inside])[distance.argmin(axis=1)]
    return mask


def _point_near(points: FloatArray, click: Click) -> FloatArray:
    """(3,) of the pixel with depth that is nearest to the click."""
    rows, columns = np.nonzero(np.isfinite(points[..., 0]))
    best = ((rows - click.v) ** 2 + (columns - click.u) ** 2).argmin()
    return points[rows[best], columns[best]]


def _number_near(numbers: NDArray[np.int32], click: Click, reach: int = 6) -> int:
    """Cluster at the click, or the nearest within ``reach`` pixels; 0 for none."""
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    order = np.argsort((rows**2 + columns**2).ravel(), kind="stable")
    v = np.clip(click.v + rows.ravel()[order], 0, numbers.shape[0] - 1)
    u = np.clip(click.u + columns.ravel()[order], 0, numbers.shape[1] - 1)
    found = numbers[v, u]
    return int(found[np.argmax(found > 0)])
