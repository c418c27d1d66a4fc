"""What the rooms share about point clouds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError, cKDTree

from unihm.errors import ErrorCode, UnihmError
from unihm.transforms import FloatArray, IntArray, dot

_MIN_POINTS = 4  # that have a plane through them and a side
_VIEWPOINTS = 32  # from which the whole of an object is looked at
_FLIP = 30.0  # radius of the sphere of flipped points, in distances of the farthest point
_SPREADING = 30  # times that neighbours agree on which side is out


def estimate_normals(
    points: FloatArray, viewpoint: FloatArray | None = None, neighbours: int = 16
) -> FloatArray:
    """Unit normals (N, 3) of a cloud (N, 3) without any, oriented outward.

    Directions come from the plane through each point's neighbours. With a ``viewpoint`` (3,), the
    camera's position in the frame of the points, all face the camera: right for the seen side of
    any object. Without one, the whole surface is taken to be there: a normal faces those of many
    viewpoints all around that its point is visible from, and what is visible from none follows
    its neighbours.

    Raises:
        UnihmError: INVALID_CLOUD for too few points or values that are not finite.
    """
    points = np.asarray(points, float)
    if points.ndim != 2 or points.shape[1:] != (3,) or len(points) < _MIN_POINTS:
        _refuse(f"Normals need at least {_MIN_POINTS} points (N, 3), not {points.shape}")
    if not np.isfinite(points).all():
        _refuse("The cloud holds values that are not finite")
    _, index = cKDTree(points).query(points, min(neighbours, len(points)))
    local = points[index] - points[index].mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(np.swapaxes(local, 1, 2) @ local)
    normals = vectors[:, :, 0]
    if viewpoint is not None:
        towards = np.asarray(viewpoint, float) - points
        return normals * np.where(dot(normals, towards) < 0, -1.0, 1.0)[:, None]
    centre = points.mean(axis=0)
    size = float(np.linalg.norm(points - centre, axis=1).max()) + 1e-9
    vote = 1e-3 * dot(normals, points - centre) / size  # where nothing else decides
    for direction in _all_around(_VIEWPOINTS):
        camera = centre + 10.0 * size * direction
        seen = _visible(points, camera)
        towards = (camera - points[seen]) / (10.0 * size)
        vote[seen] += dot(normals[seen], towards)
    alike = dot(normals[:, None], normals[index])  # (N, neighbours)
    sign = vote
    for _ in range(_SPREADING):
        sign = np.tanh(vote + (alike * sign[index]).mean(axis=1))
    return normals * np.where(sign < 0, -1.0, 1.0)[:, None]


def chamfer(a: FloatArray, b: FloatArray) -> float:
    """Chamfer distance of clouds (N, 3) and (M, 3): mean distance to the nearest, of both ways."""
    return float((cKDTree(b).query(a)[0].mean() + cKDTree(a).query(b)[0].mean()) / 2)


def covers(points: FloatArray, places: FloatArray) -> NDArray[np.bool_]:
    """Which of ``places`` (M, 2) lie within the convex hull of ``points`` (N, 2), as (M,)."""
    try:
        sides = ConvexHull(points).equations  # (E, 3): outward normals and offsets
    except (QhullError, ValueError):  # on one line, or too few
        return np.zeros(len(places), bool)
    return (dot(places[:, None], sides[:, :2]) + sides[:, 2] <= 0.0).all(axis=1)


def _all_around(count: int) -> FloatArray:
    """Directions (count, 3) spread evenly over the sphere (Fibonacci's spiral)."""
    i = np.arange(count) + 0.5
    height, angle = 1.0 - 2.0 * i / count, np.pi * (1.0 + 5.0**0.5) * i
    ring = np.sqrt(1.0 - height**2)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)


def _visible(points: FloatArray, camera: FloatArray) -> IntArray:
    """Indices of the points that no others hide from the camera (Katz et al. 2007)."""
    way = points - camera
    distance = np.linalg.norm(way, axis=1, keepdims=True)
    flipped = way + 2.0 * (_FLIP * distance.max() - distance) * way / distance
    try:
        hull = ConvexHull(np.concatenate([flipped, np.zeros((1, 3))])).vertices
    except QhullError:  # all points in one plane: none hides another
        return np.arange(len(points))
    return hull[hull < len(points)]


def _refuse(sentence: str) -> None:
    raise UnihmError(ErrorCode.INVALID_CLOUD, sentence + ".")
