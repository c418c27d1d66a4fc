"""The table as the floor of the world: of a picture without a frame, and of one that is off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.errors import UnihmError
from unihm.perception.camera import world_points
from unihm.perception.scene.clusters import ClusterConfig, find_clusters
from unihm.perception.scene.reader import WorkspaceConfig, in_workspace
from unihm.perception.scene.table import Plane, camera_table, fit_plane, refit
from unihm.transforms import FloatArray, apply, make_transform
from unihm.types import RgbdObservation

_STEP = 4  # every so many pixels show where the table and the things on it are
_FAR = 1.8  # m from the camera, along the table, beyond which things belong to the room
_WIDEST = 0.6  # m; what is wider is furniture
_NEAR_TABLE = 0.06  # m from its height within which the table is looked for
_NUDGED = np.deg2rad(4.0)  # by which a calibration may be off
_RAISED = 0.015  # m likewise, upwards; more may be a board on the table
_SAMPLED = 400  # points that find it; with more NumPy shares the work, and waits for busy cores
_RIGHT = (np.deg2rad(0.3), 0.003)  # radians and m by which it may be off and count as right


def level(
    observation: RgbdObservation, workspace: WorkspaceConfig | None = None
) -> RgbdObservation:
    """The picture in a world frame of its own, as if a robot stood before its table.

    z is the table's normal and 0 on it, x points away from the camera, and the origin lies so
    that what stands on the table is about the middle of the workspace.

    Args:
        observation: its ``T_world_camera`` is not looked at.
        workspace: where objects should come to lie.

    Raises:
        UnihmError: INVALID_DEPTH; INVALID_CLOUD where no table is seen.
    """
    workspace = workspace or WorkspaceConfig()
    unposed = replace(observation, T_world_camera=np.eye(4))
    points = world_points(unposed, workspace.capture, _STEP)
    R_world_camera, height = _axes_of(camera_table(points))
    T_world_camera = make_transform(R_world_camera, [0.0, 0.0, height])
    middle = _middle(apply(T_world_camera, points), observation.rgb[::_STEP, ::_STEP])
    wanted = np.array([np.mean(workspace.x), np.mean(workspace.y)])
    T_world_camera[:2, 3] += wanted - middle
    T_world_camera[2, 3] += workspace.table_height
    return replace(observation, T_world_camera=T_world_camera)


def upright(
    observation: RgbdObservation, workspace: WorkspaceConfig | None = None
) -> RgbdObservation:
    """The picture with its table level, at its height: what a calibration was off by.

    A camera that was nudged, or calibrated to 2 degrees, sees things a few centimetres beside where
    they are. It is turned in its place until the table is level, then raised or lowered; of a turn
    about the vertical, and of a step aside, the table tells nothing. What is off by more than a
    nudge is left as it is, as is what is right.

    Args:
        observation: of a camera whose pose is known.
        workspace: where the table is, and how high.
    """
    workspace = workspace or WorkspaceConfig()
    up = np.array([0.0, 0.0, 1.0])
    try:
        points = world_points(observation, workspace.capture, _STEP)
        near = points[in_workspace(points, replace(workspace, max_height=_NEAR_TABLE))]
        table = fit_plane(near[:: max(1, len(near) // _SAMPLED)], up, _NUDGED)
    except UnihmError:  # too little is seen to tell
        return observation
    table = refit(table, near, up)
    axis = np.cross(table.normal, up)
    tilt = float(np.arcsin(np.linalg.norm(axis)))
    camera = observation.T_world_camera
    # Once the camera is turned in its place, the table lies this much too low.
    rise = workspace.table_height - (camera[2, 3] - table.height(camera[:3, 3]))
    if tilt < _RIGHT[0] and abs(rise) < _RIGHT[1]:
        return observation
    T_world_camera = camera.copy()
    if tilt > 0:
        axis *= tilt / np.linalg.norm(axis)
    T_world_camera[:3, :3] = Rotation.from_rotvec(axis).as_matrix() @ camera[:3, :3]
    if abs(rise) < _RAISED:
        T_world_camera[2, 3] += rise
    return replace(observation, T_world_camera=T_world_camera)


def _axes_of(table: Plane) -> tuple[FloatArray, float]:
    """Rotation (3, 3) of the camera in the world, and its height above the table in metres."""
    forward = np.array([0.0, 0.0, 1.0])
    forward = forward - (forward @ table.normal) * table.normal
    if np.linalg.norm(forward) < 0.05:  # it looks straight down: away is the image's top
        forward = np.array([0.0, -1.0, 0.0])
        forward = forward - (forward @ table.normal) * table.normal
    x = forward / np.linalg.norm(forward)
    rotation = np.stack([x, np.cross(table.normal, x), table.normal])
    return rotation, -table.offset


def _middle(points: FloatArray, rgb: np.ndarray) -> FloatArray:
    """(2,) metres: the middle of what stands on the table; of the table where nothing does.

    Args:
        points: (H, W, 3) metres, in a frame whose z = 0 is the table and whose origin is below
            the camera.
        rgb: (H, W, 3) uint8.
    """
    with np.errstate(invalid="ignore"):
        near = np.hypot(points[..., 0], points[..., 1]) < _FAR
        low = np.abs(points[..., 2]) < 0.4
    fewest = max(ClusterConfig.min_points // _STEP**2, 6)
    things = find_clusters(
        points,
        rgb,
        Plane(np.array([0.0, 0.0, 1.0]), 0.0),
        near & low,
        ClusterConfig(voxel=0.008, gap=0.02, min_height=0.012, min_points=fewest),
    )
    centers = [
        (len(t.points), (t.points[:, :2].min(axis=0) + t.points[:, :2].max(axis=0)) / 2)
        for t in things
        if np.ptp(t.points[:, :2], axis=0).max() < _WIDEST
    ]
    if not centers:
        flat = points[near & low & (np.abs(points[..., 2]) < 0.01)]
        return np.median(flat[:, :2], axis=0)
    weights = np.sqrt([n for n, _ in centers])
    return np.average([c for _, c in centers], axis=0, weights=weights)
