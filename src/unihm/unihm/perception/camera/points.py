"""From depth images to clean points, of one camera or of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from scipy.spatial import cKDTree

from unihm.config import NotNegative, Positive, Share, settings
from unihm.errors import ErrorCode, UnihmError
from unihm.transforms import apply, invert
from unihm.types import FloatArray, RgbdObservation


@settings()
class CaptureConfig:
    """How depth is cleaned.

    Attributes:
        min_range, max_range: metres along the optical axis; outside them depth is dropped.
        flying_tolerance: neighbours whose depth differs by less than this share of it agree.
        flying_support: a pixel with fewer agreeing neighbours of its eight is a flying pixel.
        min_valid: share of the image's pixels with depth, below which the image is refused.
    """

    min_range: NotNegative = 0.15
    max_range: Positive = 3.0
    flying_tolerance: NotNegative = 0.012
    flying_support: Annotated[int, Field(ge=0, le=8)] = 3
    min_valid: Share = 0.02

    def __post_init__(self) -> None:
        if not self.min_range < self.max_range:
            raise ValueError("min_range must be less than max_range")


def clean_depth(
    depth: NDArray[np.float32], config: CaptureConfig | None = None, stride: int = 1
) -> NDArray[np.float32]:
    """Drop depth out of range and flying pixels (0 marks a dropped pixel).

    Flying pixels hang between an edge's foreground and background: they agree with few of their
    eight neighbours.

    Args:
        depth: (H, W) metres along the optical axis; 0 or NaN where missing.
        stride: only every so many pixels across and down are looked at, beside their neighbours.

    Returns:
        (H / stride, W / stride) float32.

    Raises:
        UnihmError: INVALID_DEPTH where too little is left to see anything.
    """
    config = config or CaptureConfig()
    with np.errstate(invalid="ignore"):
        valid = (depth > config.min_range) & (depth < config.max_range)
    depth = np.where(valid, depth, np.float32(0.0))
    height, width = depth.shape
    padded, depth = np.pad(depth, 1), depth[::stride, ::stride]
    support = np.zeros(depth.shape, np.uint8)
    tolerance = depth * np.float32(config.flying_tolerance)
    for dy in range(3):
        for dx in range(3):
            if (dy, dx) != (1, 1):
                neighbour = padded[dy : dy + height : stride, dx : dx + width : stride]
                support += np.abs(neighbour - depth) < tolerance
    depth = np.where(support >= config.flying_support, depth, np.float32(0.0))
    seen = np.count_nonzero(depth) / max(depth.size, 1)
    if seen < config.min_valid:
        raise UnihmError(
            ErrorCode.INVALID_DEPTH,
            f"Only {seen:.1%} of the depth image is usable; check the camera and its range.",
        )
    return depth


def deproject(depth: NDArray[np.float32], K: FloatArray) -> FloatArray:
    """(H, W) depth to (H, W, 3) points in the optical frame, metres; NaN where depth is missing."""
    height, width = depth.shape
    z = np.where(depth > 0, depth, np.nan).astype(float)
    x = (np.arange(width) - K[0, 2]) / K[0, 0]
    y = (np.arange(height) - K[1, 2]) / K[1, 1]
    return np.stack([x[None, :] * z, y[:, None] * z, z], axis=-1)


def project(points: ArrayLike, K: FloatArray) -> FloatArray:
    """Points (..., 3) in the optical frame to pixels (..., 2), u right and v down."""
    points = np.asarray(points, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = K[0, 0] * points[..., 0] / points[..., 2] + K[0, 2]
        v = K[1, 1] * points[..., 1] / points[..., 2] + K[1, 2]
    return np.stack([u, v], axis=-1)


def world_points(
    observation: RgbdObservation, config: CaptureConfig | None = None, stride: int = 1
) -> FloatArray:
    """(H, W, 3) clean points of an observation in the world frame; NaN where depth is missing.

    Args:
        stride: only every so many pixels across and down: (H / stride, W / stride, 3).
    """
    depth = clean_depth(observation.depth, config, stride)
    K, T = observation.K / [[stride], [stride], [1]], observation.T_world_camera
    height, width = depth.shape
    z = np.where(depth > 0, depth, np.nan).astype(float)
    u = (np.arange(width) - K[0, 2]) / K[0, 0]
    v = (np.arange(height) - K[1, 2]) / K[1, 1]
    points = np.empty((height, width, 3))
    for k in range(3):  # T @ (u z, v z, z): a ray's direction is a sum of its row and column
        ray = (T[k, 1] * v + T[k, 2])[:, None] + T[k, 0] * u
        points[..., k] = ray * z + T[k, 3]
    return points


def statistical_inliers(
    points: FloatArray, neighbours: int = 16, ratio: float = 2.0
) -> NDArray[np.bool_]:
    """(N,) True where the mean distance to the nearest neighbours is not unusually long.

    A point is dropped where that distance is more than ``ratio`` standard deviations above the
    cloud's mean (RealDex, appendix A.1).
    """
    if len(points) <= neighbours:
        return np.ones(len(points), bool)
    distance = cKDTree(points).query(points, neighbours + 1)[0][:, 1:].mean(axis=1)
    return distance <= distance.mean() + ratio * distance.std()


def radius_inliers(points: FloatArray, radius: float, neighbours: int) -> NDArray[np.bool_]:
    """(N,) True where at least ``neighbours`` other points lie within ``radius`` metres."""
    if len(points) == 0:
        return np.ones(0, bool)
    tree = cKDTree(points)
    return tree.query_ball_point(points, radius, return_length=True) > neighbours


def fuse(
    observations: Sequence[RgbdObservation], voxel: float = 0.002
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """One world cloud from several cameras, one point per ``voxel`` metres.

    Returns:
        points (N, 3) metres, world; colours (N, 3) uint8.
    """
    points, colours = [], []
    for observation in observations:
        xyz = world_points(observation)
        seen = np.isfinite(xyz[..., 0])
        points.append(xyz[seen])
        colours.append(observation.rgb[seen])
    all_points, all_colours = np.concatenate(points), np.concatenate(colours)
    _, keep = np.unique(np.floor(all_points / voxel).astype(np.int64), axis=0, return_index=True)
    return all_points[keep], all_colours[keep]


def fill_from(
    main: RgbdObservation,
    others: Sequence[RgbdObservation],
    config: CaptureConfig | None = None,
) -> RgbdObservation:
    """One camera's observation, its depth completed by what the others see of the same surfaces.

    Where the main camera has no depth (glass and shine, the shadow of a stereo pair, pixels that
    were cleaned away), the nearest point that another camera sees along that ray takes the place.

    Args:
        main: whose image and pose are kept.
        others: taken at the same time, all with poses in the same world.
    """
    depth = clean_depth(main.depth, config)
    height, width = depth.shape
    buffer = np.full(height * width, np.inf)
    T_camera_world = invert(main.T_world_camera)
    for other in others:
        points = world_points(other, config)
        xyz = apply(T_camera_world, points[np.isfinite(points[..., 0])])
        xyz = xyz[xyz[:, 2] > 0.05]
        u, v = np.rint(project(xyz, main.K)).T
        inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
        pixel = (v[inside] * width + u[inside]).astype(np.int64)
        np.minimum.at(buffer, pixel, xyz[inside, 2])
    seen = buffer.reshape(height, width)
    filled = np.where((depth == 0) & np.isfinite(seen), seen, depth).astype(np.float32)
    return replace(main, depth=filled)
