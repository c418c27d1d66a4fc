"""The table: a plane near a known height, or the largest one in view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.types import FloatArray

_ENOUGH = 6_000  # points of a table
# Towards the sky for a camera that looks down at a table with its own top up.
UP_IN_CAMERA = np.array([0.0, -0.8, -0.6])


@dataclass(frozen=True)
class Plane:
    """All points p with ``normal @ p == offset``; the normal points out of the table."""

    normal: FloatArray  # (3,) unit
    offset: float  # metres

    def height(self, points: FloatArray) -> FloatArray:
        """Signed distance (...,) of points (..., 3) above the plane, metres."""
        return points @ self.normal - self.offset

    def seen_from(self, T_world_camera: FloatArray) -> Plane:
        """The same plane, of the world's frame, in the camera's."""
        R_world_camera, position = T_world_camera[:3, :3], T_world_camera[:3, 3]
        return Plane(R_world_camera.T @ self.normal, float(self.offset - self.normal @ position))


def fit_plane(
    points: FloatArray,
    up: FloatArray,
    max_tilt: float = np.deg2rad(30.0),
    tolerance: float = 0.006,
    tries: int = 200,
    seed: int = 0,
) -> Plane:
    """Largest plane among ``points`` whose normal is within ``max_tilt`` of ``up`` (RANSAC).

    Args:
        points: (N, 3) metres.
        up: (3,) expected normal; for a camera with no known pose, the direction to the camera.
        max_tilt: radians.
        tolerance: metres within which a point belongs to the plane.

    Raises:
        UnihmError: INVALID_CLOUD where no such plane holds a tenth of the points.
    """
    rng = np.random.default_rng(seed)
    sample = points[rng.integers(0, len(points), 4000)] if len(points) > 4000 else points
    if len(sample) < 30:
        raise UnihmError(ErrorCode.INVALID_CLOUD, "Too few points are seen to find a table.")
    corners = sample[rng.integers(0, len(sample), (tries, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1)
    normals = normals / np.maximum(length, 1e-12)[:, None]
    normals *= np.where(normals @ up < 0, -1.0, 1.0)[:, None]
    possible = (length > 1e-6) & (normals @ up > np.cos(max_tilt))
    offsets = np.einsum("ij,ij->i", normals, corners[:, 0])
    inside = np.abs(sample @ normals.T - offsets) < tolerance
    count = np.where(possible, inside.sum(axis=0), 0)
    best = int(count.argmax())
    if count[best] < 0.1 * len(sample):
        raise UnihmError(ErrorCode.INVALID_CLOUD, "No table is seen.")
    return refit(Plane(normals[best], float(offsets[best])), sample, up, tolerance)


def refit(plane: Plane, points: FloatArray, up: FloatArray, tolerance: float = 0.006) -> Plane:
    """The plane through those of the points (N, 3) that are within ``tolerance`` metres of it."""
    for _ in range(3):
        plane = _refit(points[np.abs(plane.height(points)) < tolerance], up)
    return plane


def camera_table(points: FloatArray) -> Plane:
    """The table in the camera frame, from the image's points (H, W, 3) alone.

    Raises:
        UnihmError: INVALID_CLOUD where no table is seen.
    """
    seen = points[np.isfinite(points[..., 0])]
    return fit_plane(seen, UP_IN_CAMERA, max_tilt=np.deg2rad(60.0))


def level_table(points: FloatArray, height: float, band: float = 0.02) -> Plane:
    """The table at about z = ``height`` in the world, corrected for a small camera error.

    The plane is refitted to what is seen within ``band`` of it, and kept as told where the
    camera sees too little of it.

    Args:
        points: (N, 3) metres, world.
    """
    plane = Plane(np.array([0.0, 0.0, 1.0]), height)
    points = points[:: max(1, len(points) // _ENOUGH)]
    for width in (band, band / 2, band / 3):
        near = points[np.abs(plane.height(points)) < width]
        if len(near) < 200:
            return plane
        plane = _refit(near, np.array([0.0, 0.0, 1.0]))
    return plane


def _refit(points: FloatArray, up: FloatArray) -> Plane:
    """Least-squares plane of (N, 3)."""
    centre = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((points - centre).T))
    normal = vectors[:, 0] * (1.0 if vectors[:, 0] @ up >= 0 else -1.0)
    return Plane(normal, float(normal @ centre))
