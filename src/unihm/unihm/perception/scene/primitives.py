"""Shapes fitted to what one camera sees of an object that stands on a table.

A fit says where the whole surface is: :meth:`sample` draws points of it with outward normals,
:meth:`distance` tells how far seen points are from it. All lengths are metres, the z axis is up
and the table is at z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unihm.perception.scene.frames import robust_range
from unihm.types import FloatArray, IntArray

_FLAT = 0.75  # |n_z| above which a seen point is on a top face


@dataclass(frozen=True)
class Box:
    """Upright cuboid: ``center`` (2,), half sides (2,) along ``yaw`` and across, ``height``."""

    center: FloatArray
    half: FloatArray
    yaw: float
    height: float

    def distance(self, points: FloatArray) -> FloatArray:
        """(N,) distance of points (N, 3) from the surface."""
        local = (points[:, :2] - self.center) @ _rotation(self.yaw)
        outside = np.stack(
            [
                np.abs(local[:, 0]) - self.half[0],
                np.abs(local[:, 1]) - self.half[1],
                np.abs(points[:, 2] - self.height / 2) - self.height / 2,
            ],
            axis=1,
        )
        inside = np.minimum(outside.max(axis=1), 0.0)
        return np.abs(np.linalg.norm(np.maximum(outside, 0.0), axis=1) + inside)

    def sample(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Points (count, 3) spread evenly over the surface and their normals (count, 3)."""
        size = np.array([2 * self.half[0], 2 * self.half[1], self.height])
        areas = np.repeat([size[1] * size[2], size[0] * size[2], size[0] * size[1]], 2)
        face = rng.choice(6, count, p=areas / areas.sum())
        axis, side = face // 2, np.where(face % 2, 0.5, -0.5)
        local = rng.uniform(-0.5, 0.5, (count, 3))
        local[np.arange(count), axis] = side
        normals = np.zeros((count, 3))
        normals[np.arange(count), axis] = 2 * side
        points = local * size + [0, 0, self.height / 2]
        turn = _rotation(self.yaw)
        points[:, :2] = points[:, :2] @ turn.T + self.center
        normals[:, :2] = normals[:, :2] @ turn.T
        return points, normals


@dataclass(frozen=True)
class SurfaceOfRevolution:
    """Surface of revolution about a vertical axis: a radius per height, open or closed on top.

    Attributes:
        center: (2,) the axis.
        heights: (B,) rising, from the table to the top.
        radii: (B,) outer radius at each height.
        hollow: an open vessel: no top face, and an inner wall.
        wall: thickness of a vessel's wall.
    """

    center: FloatArray
    heights: FloatArray
    radii: FloatArray
    hollow: bool
    wall: float = 0.004

    @property
    def height(self) -> float:
        """Of the highest point, metres."""
        return float(self.heights[-1])

    def distance(self, points: FloatArray) -> FloatArray:
        """(N,) distance of points (N, 3) from the surface."""
        radius = np.linalg.norm(points[:, :2] - self.center, axis=1)
        expected = np.interp(points[:, 2], self.heights, self.radii)
        slope = np.interp(points[:, 2], self.heights, np.gradient(self.radii, self.heights))
        side = np.abs(radius - expected) / np.sqrt(1 + slope**2)
        if self.hollow:  # anything inside belongs to the inner wall, of which little is known
            return np.where(radius < expected - self.wall, 0.3 * self.wall, side)
        above = np.hypot(
            np.maximum(radius - self.radii[-1], 0.0), np.abs(points[:, 2] - self.height)
        )
        return np.minimum(side, above)

    def sample(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Points (count, 3) spread evenly over the surface and their normals (count, 3)."""
        profile = [np.stack([np.r_[0.0, self.radii], np.r_[0.0, self.heights]], axis=1)]
        if self.hollow:
            inner = np.maximum(self.radii - self.wall, 0.0)
            floor = np.minimum(2 * self.wall, 0.5 * self.height)
            level = np.maximum(self.heights, floor)
            profile.append(np.stack([np.r_[inner[::-1], 0.0], np.r_[level[::-1], floor]], axis=1))
        else:
            profile.append(np.array([[0.0, self.height]]))
        corners = np.concatenate(profile)  # (C, 2) radius and height, counter-clockwise
        start, step = corners[:-1], np.diff(corners, axis=0)
        length = np.linalg.norm(step, axis=1)
        area = length * (start[:, 0] + step[:, 0] / 2)
        piece = rng.choice(len(area), count, p=area / area.sum())
        # Along a frustum the density grows with the radius.
        a, b = start[piece, 0], start[piece, 0] + step[piece, 0]
        u = rng.random(count)
        t = np.where(
            np.abs(b - a) > 1e-9,
            (np.sqrt(a**2 + u * (b**2 - a**2)) - a) / np.where(np.abs(b - a) > 1e-9, b - a, 1.0),
            u,
        )
        meridian = start[piece] + t[:, None] * step[piece]
        outward = np.stack([step[piece, 1], -step[piece, 0]], axis=1)
        outward /= np.maximum(length[piece], 1e-12)[:, None]
        angle = rng.uniform(-np.pi, np.pi, count)
        around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        points = np.concatenate([self.center + meridian[:, :1] * around, meridian[:, 1:]], axis=1)
        normals = np.concatenate([outward[:, :1] * around, outward[:, 1:]], axis=1)
        return points, normals


@dataclass(frozen=True)
class HeightField:
    """Whatever was seen, let down to the table: for shapes that no other primitive explains.

    Attributes:
        columns: (C, 2) centres of the occupied squares of a grid over the table.
        tops: (C,) height of each column.
        cell: side of a square.
    """

    columns: FloatArray
    tops: FloatArray
    cell: float

    @property
    def height(self) -> float:
        """Of the top, metres, without specks."""
        return float(np.percentile(self.tops, 98))

    def distance(self, points: FloatArray) -> FloatArray:
        """(N,): nothing is known of the error but the size of the grid's squares."""
        return np.full(len(points), self.cell / 2)

    def sample(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Points (count, 3) of the underside and of the walls, and their normals (count, 3)."""
        index = np.rint((self.columns - self.columns.min(axis=0)) / self.cell).astype(int)
        grid = np.zeros(index.max(axis=0) + 3)
        grid[tuple((index + 1).T)] = self.tops
        directions = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
        # Each column has four walls, down to the neighbour's top, and an underside.
        drops = np.stack(
            [self.tops - grid[tuple((index + 1 + d).T)] for d in directions], axis=1
        ).clip(min=0.0)
        areas = np.concatenate([drops * self.cell, np.full((len(index), 1), self.cell**2)], axis=1)
        chosen = rng.choice(areas.size, count, p=(areas / areas.sum()).ravel())
        column, face = chosen // 5, chosen % 5
        offset = rng.uniform(-0.5, 0.5, (count, 2)) * self.cell
        wall = face < 4
        toward = np.where(wall[:, None], directions[np.minimum(face, 3)], 0)
        offset = np.where(toward != 0, toward * self.cell / 2, offset)
        drop = drops[column, np.minimum(face, 3)]
        z = np.where(wall, self.tops[column] - rng.random(count) * drop, 0.0)
        points = np.concatenate([self.columns[column] + offset, z[:, None]], axis=1)
        normals = np.concatenate([toward, np.where(wall, 0.0, -1.0)[:, None]], axis=1)
        return points, normals.astype(float)


def fit_box(points: FloatArray, normals: FloatArray) -> Box:
    """Cuboid on the table whose faces pass through the seen points.

    Of all yaws the one is taken that leaves the points closest to the nearest face: the smallest
    rectangle alone is undecided where only two faces are seen.

    Args:
        points: (N, 3); thinned, so that density means nothing.
        normals: (N, 3) towards the camera.
    """
    height = _top(points, normals)
    best = (np.inf, 0.0)
    coarse = np.deg2rad(np.arange(0.0, 90.0, 4.0))
    for yaws in (coarse, np.deg2rad(np.arange(-3.0, 3.1, 1.0))):
        start = best[1]
        for yaw in yaws + start:
            local = points[:, :2] @ _rotation(yaw)
            low, high = robust_range(local)
            to_side = np.minimum(np.abs(local - low), np.abs(local - high)).min(axis=1)
            nearest = np.minimum(to_side, np.abs(points[:, 2] - height))
            cost = np.minimum(nearest, 0.01).mean() + 0.02 * np.sqrt(np.prod(high - low))
            if cost < best[0]:
                best = (cost, yaw)
    yaw = best[1]
    turn = _rotation(yaw)
    local, facing = points[:, :2] @ turn, normals[:, :2] @ turn
    low, high = robust_range(local)
    ends = np.stack([low, high])  # (2, 2): side, axis
    for axis in range(2):
        for side, sign in enumerate((-1.0, 1.0)):
            # A face that is seen gives its place better than the outermost points do.
            on_face = (facing[:, axis] * sign > 0.85) & (
                np.abs(local[:, axis] - ends[side, axis]) < 0.012
            )
            if on_face.sum() > max(15, 0.05 * len(points)):
                ends[side, axis] = np.median(local[on_face, axis])
    return Box(turn @ ends.mean(axis=0), np.diff(ends, axis=0)[0] / 2, float(yaw), height)


def fit_surface_of_revolution(
    points: FloatArray, normals: FloatArray, bin_height: float = 0.006
) -> SurfaceOfRevolution:
    """Surface of revolution through the seen points.

    All slices share one axis c: |p - c|^2 = r_slice^2 is linear in c after the mean of each slice
    is taken away; robust weights are found in a few rounds. Inner walls are slices of their own.

    Args:
        points: (N, 3); thinned.
        normals: (N, 3) towards the camera.
    """
    height = _top(points, normals)
    low, high = robust_range(points[:, :2])
    center = (low + high) / 2
    side = np.abs(normals[:, 2]) < _FLAT
    if side.sum() < 30:  # seen from above: the outline of the top is all there is
        reach = (high - low).mean() / 2
        side = np.linalg.norm(points[:, :2] - center, axis=1) > 0.8 * reach
    xy, z, n = points[side, :2], points[side, 2], normals[side, :2]
    slices = np.clip((z / bin_height).astype(int), 0, 400)
    weights = np.ones(len(xy))
    for _ in range(6):
        inner = ((xy - center) * n).sum(axis=1) < 0
        _, group = np.unique(2 * slices + inner, return_inverse=True)
        a = 2 * (xy - _group_means(xy, group, weights))
        square = (xy**2).sum(axis=1, keepdims=True)
        b = (square - _group_means(square, group, weights))[:, 0]
        # A weak pull to the outline's middle decides where the points themselves do not.
        gram = (a * weights[:, None]).T @ a + 1e-5 * len(xy) * np.eye(2)
        center = np.linalg.solve(
            gram, (a * weights[:, None]).T @ b + 1e-5 * len(xy) * (low + high) / 2
        )
        radius = np.linalg.norm(xy - center, axis=1)[:, None]
        error = (radius - _group_means(radius, group, weights))[:, 0]
        weights = 1.0 / (1.0 + (error / 0.002) ** 2)
    heights, radii = _profile(xy, z, n, center, height, bin_height)
    hollow = _is_hollow(points, normals, center, height, float(np.median(radii)))
    return SurfaceOfRevolution(center, heights, radii, hollow)


def _group_means(values: FloatArray, group: IntArray, weights: FloatArray) -> FloatArray:
    """(N, D) weighted mean of ``values`` (N, D) over the group of each row."""
    total = np.bincount(group, weights) + 1e-9
    sums = [np.bincount(group, weights * column) / total for column in values.T]
    return np.stack(sums, axis=1)[group]


def _is_hollow(
    points: FloatArray, normals: FloatArray, center: FloatArray, height: float, radius: float
) -> bool:
    """True where a wall that faces the axis is seen, or a floor below the rim."""
    offset = points[:, :2] - center
    distance = np.linalg.norm(offset, axis=1)
    facing = (offset * normals[:, :2]).sum(axis=1) / np.maximum(distance, 1e-6)
    below = points[:, 2] < height - 0.006
    inner_wall = (facing < -0.35) & (distance > 0.4 * radius) & (distance < 1.1 * radius) & below
    floor = (points[:, 2] < height - max(0.25 * height, 0.015)) & (distance < 0.6 * radius)
    return bool((inner_wall | floor).sum() > max(0.06 * len(points), 15))


def _profile(
    xy: FloatArray,
    z: FloatArray,
    normals: FloatArray,
    center: FloatArray,
    height: float,
    bin_height: float,
) -> tuple[FloatArray, FloatArray]:
    """Heights (B,) and outer radii (B,) of the profile, carried on to the table and to the top."""
    outer = ((xy - center) * normals).sum(axis=1) > 0
    if outer.sum() < 10:
        outer[:] = True
    radius = np.linalg.norm(xy - center, axis=1)
    count = max(int(np.ceil(height / bin_height)), 2)
    edges = np.linspace(0.0, height, count + 1)
    slot = np.clip(np.digitize(z, edges) - 1, 0, count - 1)
    middle, value = [], []
    for k in range(count):
        mine = radius[(slot == k) & outer]
        if len(mine) >= 4:
            middle.append((edges[k] + edges[k + 1]) / 2)
            value.append(np.median(mine))
    if len(middle) < 2:
        return np.array([0.0, height]), np.full(2, np.median(radius))
    heights, radii = np.array(middle), np.array(value)
    smooth = _quadric(heights, radii, height)
    if smooth is not None:
        return smooth
    if len(radii) > 2:
        radii[1:-1] = np.convolve(radii, [0.25, 0.5, 0.25], mode="valid")
    # Towards the table go on as the lowest slices do (a ball narrows), within reason.
    k = min(4, len(radii))
    slope = np.polyfit(heights[:k], radii[:k], 1)[0] if k >= 3 else 0.0
    foot = float(np.clip(radii[0] - slope * heights[0], 0.3 * radii[0], 1.15 * radii[0]))
    slope_top = np.polyfit(heights[-k:], radii[-k:], 1)[0] if k >= 3 else 0.0
    tip = float(np.clip(radii[-1] + slope_top * (height - heights[-1]), 0.0, 1.1 * radii[-1]))
    return np.r_[0.0, heights, height], np.r_[foot, radii, tip]


def _quadric(
    heights: FloatArray, radii: FloatArray, height: float
) -> tuple[FloatArray, FloatArray] | None:
    """Profile of a ball, an egg, a can or a cone where r^2 is a quadratic of the height.

    It tells how the surface goes on where it is not seen. None where it does not fit.
    """
    if len(radii) < 5 or heights[-1] - heights[0] < 0.4 * height:
        return None
    coefficients = np.polyfit(heights, radii**2, 2)
    fitted = np.sqrt(np.maximum(np.polyval(coefficients, heights), 0.0))
    if np.abs(fitted - radii).mean() > 0.0008:
        return None
    z = np.linspace(0.0, height, 33)
    square = np.clip(np.polyval(coefficients, z), 0.0, (1.1 * radii.max()) ** 2)
    return z, np.sqrt(square)


def fit_height_field(points: FloatArray, cell: float = 0.005) -> HeightField:
    """Columns under the seen points (N, 3)."""
    index = np.floor(points[:, :2] / cell).astype(int)
    cells, owner = np.unique(index, axis=0, return_inverse=True)
    tops = np.zeros(len(cells))
    np.maximum.at(tops, owner, points[:, 2])
    return HeightField((cells + 0.5) * cell, np.maximum(tops, 1e-3), cell)


def _top(points: FloatArray, normals: FloatArray) -> float:
    """Height of the top: the level of a flat top face where one is seen, else the highest part."""
    highest = float(np.percentile(points[:, 2], 99))
    flat = (normals[:, 2] > 0.9) & (points[:, 2] > highest - 0.010)
    if flat.sum() > 0.05 * len(points):
        return max(float(np.median(points[flat, 2])), 1e-3)
    return max(highest, 1e-3)


def _rotation(yaw: float) -> FloatArray:
    """(2, 2): columns are the axes at ``yaw``; ``points @ R`` gives coordinates along them."""
    return np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
