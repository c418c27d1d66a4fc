"""Masks from clicks without weights: the cluster that was clicked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.capture import clean_depth, deproject
from unihm.perception.clusters import ClusterConfig, find_clusters
from unihm.perception.table import Plane, fit_plane
from unihm.types import FloatArray, RgbdObservation

# Towards the sky for a camera that looks down at a table with its own top up.
UP_IN_CAMERA = np.array([0.0, -0.8, -0.6])


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


def camera_table(points: FloatArray) -> Plane:
    """The table in the camera frame, from the image's points (H, W, 3) alone."""
    seen = points[np.isfinite(points[..., 0])]
    return fit_plane(seen, UP_IN_CAMERA, max_tilt=np.deg2rad(60.0))


def cluster_masks(
    observation: RgbdObservation, config: ClusterConfig | None = None
) -> NDArray[np.int32]:
    """(H, W) number of the cluster at each pixel; 0 is table, background or no depth."""
    points = deproject(clean_depth(observation.depth), observation.K)
    clusters = find_clusters(
        points, observation.rgb, camera_table(points), config=config or ClusterConfig(hover=1.0)
    )
    numbers = np.zeros(observation.depth.size, np.int32)
    for number, cluster in enumerate(clusters, start=1):
        numbers[cluster.pixels] = number
    return numbers.reshape(observation.depth.shape)


def clicked_cluster(numbers: NDArray[np.int32], clicks: list[Click]) -> NDArray[np.bool_]:
    """(H, W) mask: the clusters with positive clicks, less those with negative ones."""
    mask = np.zeros(numbers.shape, bool)
    for positive in (True, False):
        for click in clicks:
            if click.positive == positive:
                number = _number_near(numbers, click)
                if number:
                    mask[numbers == number] = positive
    return mask


def _number_near(numbers: NDArray[np.int32], click: Click, reach: int = 6) -> int:
    """Cluster at the click, or the nearest within ``reach`` pixels; 0 for none."""
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    order = np.argsort((rows**2 + columns**2).ravel(), kind="stable")
    v = np.clip(click.v + rows.ravel()[order], 0, numbers.shape[0] - 1)
    u = np.clip(click.u + columns.ravel()[order], 0, numbers.shape[1] - 1)
    found = numbers[v, u]
    return int(found[np.argmax(found > 0)])
