"""Where a camera is by the robot that it sees: what the table does not tell of a calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from unihm.perception.camera import project, world_points
from unihm.perception.scene.reader import WorkspaceConfig
from unihm.robots.robot_surface import Surface
from unihm.transforms import BoolArray, apply, invert, make_transform
from unihm.types import FloatArray, RgbdObservation

_STEP = 4  # every so many pixels are looked at
_LOW = 0.02  # m above the table below which nothing is taken for the robot
_CELL = 8  # pixels across of the cells in which the nearest of the robot hides what is behind it
_HIDDEN = 0.03  # m behind it
_FACING = 0.2  # cosine to the line of sight from which on a surface is seen well
_WIDTHS = np.geomspace(0.08, 0.01, 20)  # m, per step: what is farther off is not the robot
#: Standard deviations of a calibration: radians about the vertical, then m of the camera's place.
#: They decide where little of the robot is seen: of its base alone a turn looks like a step aside.
_USUAL = np.array([np.deg2rad(1.2), 0.006, 0.006])
_NOISE = 0.01  # m, likewise of a point, which is not alone: its neighbours are off with it
_FEWEST = 100  # points of the robot that have to fit
_SHARE = 0.6  # of what should be seen of it, likewise
_FITS = 0.004  # m that these may be off in the middle
_BETTER = 0.8  # of what they were off before
_MOST = (np.deg2rad(4.0), 0.03)  # radians and m that a calibration may be off
_RIGHT = (np.deg2rad(0.2), 0.003)  # likewise, and count as right


def aligned(
    observation: RgbdObservation, robot: Surface, workspace: WorkspaceConfig | None = None
) -> RgbdObservation:
    """The picture of a camera turned about the vertical and moved until the robot is where it is.

    Point-to-plane ICP (Chen and Medioni 1992) in the three freedoms that are left where the table
    is level. It stays as it is where too little of the robot is seen, where the robot does not look
    as it is said to, and where it was right.

    Args:
        observation: of a level camera, see :func:`~unihm.perception.scene.leveling.upright`.
        robot: where its surface is.
        workspace: where the table is.
    """
    workspace = workspace or WorkspaceConfig()
    points, normals = robot
    seen = _visible(observation, points, normals)
    if seen.sum() < _FEWEST:
        return observation
    surface, normals = points[seen], normals[seen]
    tree, camera = cKDTree(surface), observation.T_world_camera[:3, 3]
    shown = world_points(observation, workspace.capture, _STEP).reshape(-1, 3)
    shown = shown[np.isfinite(shown[:, 0])]
    shown = shown[shown[:, 2] > workspace.table_height + _LOW]
    shown = shown[tree.query(shown, distance_upper_bound=_WIDTHS[0])[0] < np.inf]
    if len(shown) < _FEWEST:
        return observation
    off = np.zeros(3)  # radians about the vertical, m along x and y
    for width in _WIDTHS:
        off = off + _step(apply(_moved(off, camera), shown), off, tree, normals, camera, width)
    turn, shift = abs(off[0]), np.linalg.norm(off[1:])
    if turn > _MOST[0] or shift > _MOST[1] or (turn < _RIGHT[0] and shift < _RIGHT[1]):
        return observation
    T = _moved(off, camera)
    if not _fits(shown, apply(T, shown), tree, normals):
        return observation
    return replace(observation, T_world_camera=T @ observation.T_world_camera)


def _moved(off: FloatArray, camera: FloatArray) -> FloatArray:
    """(4, 4) a turn about the vertical through the camera, then a step aside."""
    R = Rotation.from_rotvec([0.0, 0.0, off[0]]).as_matrix()
    return make_transform(R, camera - R @ camera + [off[1], off[2], 0.0])


def _visible(observation: RgbdObservation, points: FloatArray, normals: FloatArray) -> BoolArray:
    """(P,) which points of the robot this camera should see, if nothing else is in the way."""
    T_camera_world = invert(observation.T_world_camera)
    xyz = apply(T_camera_world, points)
    sight = -xyz / np.linalg.norm(xyz, axis=1, keepdims=True)
    facing = ((normals @ T_camera_world[:3, :3].T) * sight).sum(axis=1) > _FACING
    height, width = observation.depth.shape
    u, v = project(xyz, observation.K).T
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    seen = inside & facing & (xyz[:, 2] > 0.1)
    columns = width // _CELL + 1
    cell = (v[seen] // _CELL).astype(int) * columns + (u[seen] // _CELL).astype(int)
    nearest = np.full((height // _CELL + 1) * columns, np.inf)
    np.minimum.at(nearest, cell, xyz[seen, 2])
    seen[seen] = xyz[seen, 2] < nearest[cell] + _HIDDEN
    return seen


def _step(
    shown: FloatArray,
    off: FloatArray,
    tree: cKDTree,
    normals: FloatArray,
    camera: FloatArray,
    width: float,
) -> FloatArray:
    """(3,) what to add to ``off`` so that points (N, 3), moved by it, come nearer to the surface.

    Points count by Tukey's weights of a ``width`` in metres.
    """
    distance, nearest = tree.query(shown, distance_upper_bound=width)
    found = np.isfinite(distance)
    n, at = normals[nearest[found]], shown[found]
    away = (n * (at - tree.data[nearest[found]])).sum(axis=1)
    weight = np.square(1.0 - np.square(distance[found] / width)) / _NOISE**2
    arm = at - camera
    rows = np.stack([n[:, 1] * arm[:, 0] - n[:, 0] * arm[:, 1], n[:, 0], n[:, 1]], axis=1)
    matrix = (weight[:, None] * rows).T @ rows + np.diag(_USUAL**-2)
    return np.linalg.solve(matrix, -(weight * away) @ rows - off / _USUAL**2)


def _fits(before: FloatArray, after: FloatArray, tree: cKDTree, normals: FloatArray) -> bool:
    """Whether the points lie on the surface now, most of it is seen, and better than before."""

    def away(points: FloatArray) -> FloatArray:
        distance, nearest = tree.query(points, distance_upper_bound=_WIDTHS[0])
        kept = np.isfinite(distance)
        off = points[kept] - tree.data[nearest[kept]]
        return np.abs((normals[nearest[kept]] * off).sum(axis=1))

    now = away(after)
    fits = now < _WIDTHS[-1]
    covered = cKDTree(after).query(tree.data)[0] < 2 * _WIDTHS[-1]
    mean = np.minimum(now, _WIDTHS[-1]).mean()
    return bool(
        fits.sum() >= _FEWEST
        and covered.mean() >= _SHARE
        and np.median(now[fits]) < _FITS
        and mean < _BETTER * np.minimum(away(before), _WIDTHS[-1]).mean()
    )
