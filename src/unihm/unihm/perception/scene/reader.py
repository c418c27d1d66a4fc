"""Everything that stands on the table before the robot, found without weights."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from unihm.config import Count, Interval, NotNegative, Positive, settings
from unihm.errors import UnihmError
from unihm.perception.camera import CaptureConfig, world_points
from unihm.perception.colors import Light, white_balance
from unihm.perception.scene.clusters import Cluster, ClusterConfig, find_clusters
from unihm.perception.scene.completion import thin
from unihm.perception.scene.describe import DetectedObject
from unihm.perception.scene.joining import join_pieces
from unihm.perception.scene.occlusion import hidden_share, ranges_from
from unihm.perception.scene.table import Plane, level_table
from unihm.types import FloatArray, IntArray, RgbdObservation

_FINE = 480  # pixels across, from which an image may be thinned
_THIN = 4  # every so many points of a full image show the table
_SPECK = 300  # points below which a cluster may be a speck


@settings()
class WorkspaceConfig:
    """Where objects may be, in the world frame (the arm's base is the origin).

    Attributes:
        x, y: metres, the part of the table that is looked at.
        max_height: metres above the table; what is higher is not on it.
        base_radius: metres round the arm's base that belong to the arm.
        table_height: metres, world.
        stride: only every so many pixels are looked at, across and down, where there are many.
        capture: how depth is cleaned.
        clusters: how points become objects.
    """

    x: Interval = (0.15, 1.00)
    y: Interval = (-0.70, 0.70)
    max_height: Positive = 0.40
    base_radius: NotNegative = 0.22
    table_height: float = 0.0
    stride: Count = 1
    capture: CaptureConfig = field(default_factory=CaptureConfig)
    clusters: ClusterConfig = field(default_factory=ClusterConfig)


@dataclass(frozen=True)
class TableScene:
    """What one observation shows.

    Attributes:
        points: (H, W, 3) world; NaN where depth is missing. Thinned by the stride.
        table: the plane of the table.
        objects: what stands on it, the largest first.
        workspace: where was looked, and how.
        stride: only every so many pixels of the image, across and down, became points.
        unparted: those of the objects that seem to be several things that touch.
        light: that the objects are seen in, where one of them tells it.
    """

    points: FloatArray
    table: Plane
    objects: list[DetectedObject]
    workspace: WorkspaceConfig
    stride: int = 1
    unparted: tuple[DetectedObject, ...] = ()
    light: Light | None = None

    def first_pixels(self, cluster: Cluster) -> IntArray:
        """(N,) flat indices into the image of the pixels that became a cluster's points."""
        rows, columns = np.divmod(cluster.pixels, self.points.shape[1])
        return (rows * self.points.shape[1] * self.stride + columns) * self.stride

    def image_pixels(self, cluster: Cluster) -> IntArray:
        """(N * stride**2,) flat indices into the image of the pixels that a cluster stands for."""
        rows, columns = np.divmod(cluster.pixels, self.points.shape[1])
        steps = np.arange(self.stride)
        v = (rows[:, None] * self.stride + steps)[:, :, None]
        u = (columns[:, None] * self.stride + steps)[:, None, :]
        return (v * self.points.shape[1] * self.stride + u).reshape(-1)

    def height_below(self, center: FloatArray, radius: float) -> float:
        """Median height of what is seen within ``radius`` of (x, y); the table where nothing is."""
        near = np.linalg.norm(self.points[..., :2] - center[:2], axis=-1) < radius
        heights = self.points[..., 2][near]
        return float(np.median(heights)) if heights.size >= 10 else self.table.offset


def read_scene(observation: RgbdObservation, config: WorkspaceConfig | None = None) -> TableScene:
    """Find and describe what stands on the table.

    Raises:
        UnihmError: INVALID_DEPTH where the depth image holds nothing.
    """
    config = config or WorkspaceConfig()
    step = config.stride if observation.depth.shape[1] >= _FINE else 1
    points = world_points(observation, config.capture, step)
    inside = in_workspace(points, config)
    some = np.flatnonzero(inside)[:: max(1, _THIN // step**2)]  # the table needs few
    table = level_table(points.reshape(-1, 3)[some], config.table_height)
    fewest = max(config.clusters.min_points // step**2, 15)
    clusters = find_clusters(
        points,
        observation.rgb[::step, ::step],
        table,
        inside,
        replace(config.clusters, min_points=fewest),
    )
    camera = observation.T_world_camera[:3, 3]
    ranges = ranges_from(points, camera)
    clusters = join_pieces(clusters, camera, table.offset, ranges, DetectedObject.voxel)
    light = white_balance(np.concatenate([c.rgb for c in clusters])) if clusters else None
    scene = TableScene(points, table, [], config, step, light=light)
    return replace(scene, objects=describe(clusters, scene, camera))


def describe(
    clusters: list[Cluster], scene: TableScene, camera: FloatArray
) -> list[DetectedObject]:
    """The clusters of a scene as objects, without specks.

    Args:
        camera: (3,) metres, world.
    """
    margin = 1 + 2 // scene.stride
    ranges = ranges_from(scene.points, camera)
    return [
        DetectedObject(
            c,
            camera,
            scene.table.offset,
            cut=at_border(c.pixels, scene.points.shape, margin),
            light=scene.light,
            hidden=hidden_share(c.pixels, ranges),
        )
        for c in clusters
        if _is_surface(c, camera)
    ]


def in_workspace(points: FloatArray, config: WorkspaceConfig) -> NDArray[np.bool_]:
    """(H, W) True where a point may belong to an object or to the table."""
    x, y, z = (np.ascontiguousarray(points[..., k]) for k in range(3))
    with np.errstate(invalid="ignore"):
        return (
            (x > config.x[0])
            & (x < config.x[1])
            & (y > config.y[0])
            & (y < config.y[1])
            & (np.abs(z - config.table_height) < config.max_height)
            & (x * x + y * y > config.base_radius**2)
        )


def _is_surface(cluster: Cluster, camera: FloatArray) -> bool:
    """False for specks, of which nothing is left when they are cleaned."""
    if len(cluster.points) >= _SPECK:
        return True
    try:
        thin(cluster.points, camera, DetectedObject.voxel)
    except UnihmError:
        return False
    return True


def at_border(pixels: IntArray, shape: tuple[int, ...], margin: int = 3) -> bool:
    """True where flat pixel indices come within ``margin`` of the border of an image (H, W)."""
    rows, columns = np.divmod(pixels, shape[1])
    return bool(
        min(rows.min(), columns.min()) < margin
        or rows.max() >= shape[0] - margin
        or columns.max() >= shape[1] - margin
    )


def cluster_at(
    objects: list[DetectedObject], point: FloatArray, reach: float = 0.03
) -> DetectedObject | None:
    """The object whose seen points come nearest to ``point`` (3,); None beyond ``reach`` metres."""
    best, distance = None, reach
    for thing in objects:
        d = float(np.linalg.norm(thing.cluster.points - point, axis=1).min())
        if d < distance:
            best, distance = thing, d
    return best
