"""A can on its side: the cylinder that lies on the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unihm.perception.scene.frames import robust_range
from unihm.types import FloatArray

_FACING = 0.75  # part of a normal along the axis from which on it belongs to an end
_CAPPED = 0.01  # metres beyond which a point's distance says nothing


@dataclass(frozen=True)
class LyingCylinder:
    """Cylinder on the table with a level axis, in the frame of the other primitives.

    Attributes:
        center: (2,) below its middle.
        axis: (2,) unit.
        radius: metres; the axis is so far above the table.
        half_length: metres.
    """

    center: FloatArray
    axis: FloatArray
    radius: float
    half_length: float

    @property
    def height(self) -> float:
        """Of the top, metres."""
        return 2 * self.radius

    def distance(self, points: FloatArray) -> FloatArray:
        """(N,) distance of points (N, 3) from the surface."""
        along, across = _local(points[:, :2] - self.center, self.axis).T
        outside = np.stack(
            [
                np.hypot(across, points[:, 2] - self.radius) - self.radius,
                np.abs(along) - self.half_length,
            ],
            axis=1,
        )
        inside = np.minimum(outside.max(axis=1), 0.0)
        return np.abs(np.linalg.norm(np.maximum(outside, 0.0), axis=1) + inside)

    def sample(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Points (count, 3) spread evenly over the surface and their normals (count, 3)."""
        # The round side and one end have areas as 2 * length and radius.
        ends = 2 * self.radius / (2 * self.radius + 4 * self.half_length)
        on_end = rng.random(count) < ends
        angle = rng.uniform(-np.pi, np.pi, count)
        radius = np.where(on_end, np.sqrt(rng.random(count)), 1.0) * self.radius
        along = rng.uniform(-1.0, 1.0, count)
        along = np.where(on_end, np.sign(along), along)
        cosine, sine = np.cos(angle), np.sin(angle)
        side = np.array([-self.axis[1], self.axis[0]])
        points = np.zeros((count, 3))
        points[:, :2] = self.center + np.outer(along * self.half_length, self.axis)
        points[:, :2] += np.outer(radius * cosine, side)
        points[:, 2] = self.radius + radius * sine
        normals = np.zeros((count, 3))
        normals[:, :2] = np.where(
            on_end[:, None], np.outer(along, self.axis), np.outer(cosine, side)
        )
        normals[:, 2] = np.where(on_end, 0.0, sine)
        return points, normals


def fit_lying_cylinder(points: FloatArray, normals: FloatArray) -> LyingCylinder:
    """Cylinder that lies on the table and passes through the seen points.

    Its radius is half of its height. For every direction of the axis each point of the round side
    says where the axis is: as far behind it as a circle of that radius is at its height.

    Args:
        points: (N, 3); thinned, so that density means nothing.
        normals: (N, 3) towards the camera.
    """
    radius = max(float(robust_range(points[:, 2])[1]) / 2, 1e-3)
    depth = np.sqrt(np.maximum(radius**2 - (points[:, 2] - radius) ** 2, 0.0))
    best, cost = _through(points, normals, 0.0, radius, depth), np.inf
    coarse = np.deg2rad(np.arange(0.0, 180.0, 6.0))
    for yaws in (coarse, np.deg2rad(np.arange(-4.0, 4.1, 2.0))):
        start = 0.0 if yaws is coarse else np.arctan2(best.axis[1], best.axis[0])
        for yaw in yaws + start:
            found = _through(points, normals, float(yaw), radius, depth)
            misfit = float(np.minimum(found.distance(points), _CAPPED).mean())
            # Where the points leave it undecided the shorter one is taken.
            misfit += 0.02 * found.half_length
            if misfit < cost:
                best, cost = found, misfit
    return best


def _through(
    points: FloatArray, normals: FloatArray, yaw: float, radius: float, depth: FloatArray
) -> LyingCylinder:
    """The cylinder with its axis at ``yaw``, which lies ``depth`` (N,) metres behind the points."""
    axis = np.array([np.cos(yaw), np.sin(yaw)])
    along, across = _local(points[:, :2], axis).T
    facing, aside = _local(normals[:, :2], axis).T
    is_side = np.abs(facing) < _FACING
    behind = across - np.sign(aside) * depth
    middle = float(np.median(behind[is_side] if is_side.any() else behind))
    ends = np.array(robust_range(along))
    for k, sign in enumerate((-1.0, 1.0)):
        on_end = (facing * sign > _FACING) & (np.abs(along - ends[k]) < 0.012)
        if on_end.sum() > max(15, 0.05 * len(points)):
            ends[k] = np.median(along[on_end])
    center = axis * ends.mean() + np.array([-axis[1], axis[0]]) * middle
    return LyingCylinder(center, axis, radius, max(float(ends[1] - ends[0]) / 2, 1e-3))


def _local(vectors: FloatArray, axis: FloatArray) -> FloatArray:
    """(N, 2) parts of level vectors (N, 2) along an axis (2,) and to the left of it."""
    return vectors @ np.array([[axis[0], -axis[1]], [axis[1], axis[0]]])
