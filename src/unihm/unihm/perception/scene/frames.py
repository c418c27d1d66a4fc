"""The object frame that every stage shares; it depends on the points seen, not on any mesh file."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unihm.errors import ErrorCode, UnihmError
from unihm.transforms import FloatArray, make_transform

# Sides closer than this ratio are interchangeable: sensor noise would swap them.
SQUARE_RATIO = 1.15
# A circle's width is the same in every direction, a square's varies by 1.41, a hexagon's by 1.15.
ROUND_RATIO = 1.10
# Share of the points beyond which an extreme is taken for an outlier.
_TRIM = 1.0
_MAX_POINTS = 2048


def robust_range(values: FloatArray, trim: float = _TRIM) -> tuple[FloatArray, FloatArray]:
    """Lower and upper end of (N, ...) along axis 0, ignoring ``trim`` percent on either side."""
    # As np.percentile has it, without its overhead: a fit calls this a hundred times.
    last = len(values) - 1
    place = trim / 100.0 * last
    below = int(place)
    above = min(below + 1, last)
    ordered = np.partition(values, sorted({below, above, last - above, last - below}), axis=0)
    share = place - below
    low = ordered[below] + share * (ordered[above] - ordered[below])
    high = ordered[last - below] - share * (ordered[last - below] - ordered[last - above])
    return low, high


def _axes(angles: ArrayLike) -> FloatArray:
    """Unit vectors (2, A) in the x-y plane at ``angles`` (A,) radians."""
    angles = np.asarray(angles, float)
    return np.stack([np.cos(angles), np.sin(angles)])


def _widths(xy: FloatArray, angles: FloatArray) -> FloatArray:
    """Robust width (A,) of the points (N, 2) along each direction."""
    low, high = robust_range(xy @ _axes(angles))
    return high - low


def horizontal_rectangle(points: ArrayLike) -> tuple[float, FloatArray, FloatArray]:
    """Minimum-area rectangle around the outline of ``points`` seen from above.

    Args:
        points: (N, 2 or 3) metres; only x and y are used.

    Returns:
        yaw of the long side in radians, in [0, pi); centre (2,); sides (2,), long then short.
    """
    xy = np.asarray(points, float)[:, :2]
    coarse = np.deg2rad(np.arange(0.0, 180.0, 3.0))
    widths = _widths(xy, coarse)
    quarter = len(coarse) // 2
    start = coarse[np.argmin(widths[:quarter] * widths[quarter:])]
    fine = start + np.deg2rad(np.arange(-3.0, 3.01, 0.5))
    widths = _widths(xy, np.concatenate([fine, fine + np.pi / 2])).reshape(2, -1)
    best = int(np.argmin(widths[0] * widths[1]))
    yaw, sides = fine[best], widths[:, best]
    low, high = robust_range(xy @ _axes([yaw, yaw + np.pi / 2]))
    centre = _axes([yaw, yaw + np.pi / 2]) @ ((low + high) / 2)
    if sides[1] > sides[0]:
        yaw, sides = yaw + np.pi / 2, sides[::-1]
    return float(yaw % np.pi), centre, sides


def is_round(points: ArrayLike) -> bool:
    """True where the outline of (N, 2 or 3) from above has nearly the same width everywhere."""
    widths = _widths(np.asarray(points, float)[:, :2], np.deg2rad(np.arange(0.0, 180.0, 15.0)))
    return bool(widths.max() < ROUND_RATIO * widths.min())


def azimuth(position: ArrayLike, base: ArrayLike = (0.0, 0.0)) -> float:
    """Direction in radians in which ``position`` is seen from the arm's base, in the x-y plane."""
    x, y = np.asarray(position, float)[:2] - np.asarray(base, float)[:2]
    return float(np.arctan2(y, x))


def canonical_object_frame(points: ArrayLike, reference_yaw: float) -> FloatArray:
    """Gravity-aligned frame in the middle of an object's bounding box.

    z is up; x follows the long horizontal side and y the short one. A yaw that the shape leaves
    open is the candidate nearest to ``reference_yaw``: two candidates for a rectangle, four where
    the sides are within 15 %, and ``reference_yaw`` itself for a round outline.

    Args:
        points: (N, 3) metres, world; the whole surface, or the completed one.
        reference_yaw: radians; the azimuth of the object seen from the arm's base.

    Returns:
        (4, 4) T_world_object.

    Raises:
        UnihmError: INVALID_CLOUD for fewer than four points, or any that is not finite.
    """
    points = np.asarray(points, float)
    if points.ndim != 2 or points.shape[1:] != (3,) or len(points) < 4:
        raise UnihmError(
            ErrorCode.INVALID_CLOUD, f"An object frame needs (N, 3) points, not {points.shape}."
        )
    if not np.isfinite(points).all():
        raise UnihmError(ErrorCode.INVALID_CLOUD, "The cloud holds values that are not finite.")
    points = points[:: -(-len(points) // _MAX_POINTS)]
    yaw, centre, sides = horizontal_rectangle(points)
    if is_round(points):
        yaw = reference_yaw
    else:
        turns = 4 if sides[0] < SQUARE_RATIO * sides[1] else 2
        candidates = yaw + 2 * np.pi / turns * np.arange(turns)
        offset = (candidates - reference_yaw + np.pi) % (2 * np.pi) - np.pi
        yaw = candidates[np.argmin(np.abs(offset))]
    cos, sin = np.cos(yaw), np.sin(yaw)
    rotation = [[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]
    low, high = robust_range(points[:, 2])
    return make_transform(rotation, [*centre, (low + high) / 2])
