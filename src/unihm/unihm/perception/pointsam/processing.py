"""From an image and clicks to the points that Point-SAM reads, and from its masks to pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.capture import clean_depth, deproject
from unihm.perception.clicks import Click, camera_table, check_click
from unihm.perception.completion import estimate_normals
from unihm.perception.table import Plane
from unihm.types import FloatArray, IntArray, RgbdObservation

RADIUS = 0.30  # m around the first click; also the unit of the network's lengths
MAX_POINTS = 2048
GRID_WIDTH = 320  # pixels: images are thinned to about this width
MIN_HEIGHT = 0.004  # m above the table
_NEIGHBOURS = 10


@dataclass(frozen=True)
class View:
    """What stands on the table in one image, in a frame whose z axis is the table's normal.

    Attributes:
        points: (M, 3) metres; z is the height above the table; x points away from the camera.
        rgb: (M, 3) 0 to 1.
        pixels: (M,) flat indices into the image.
        camera: (3,) its position in the same frame.
        T: (3, 3), (3,): rotation and shift from the camera's frame to this one.
    """

    points: FloatArray
    rgb: FloatArray
    pixels: IntArray
    camera: FloatArray
    T: tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Crop:
    """The points around a click, as the network reads them.

    Attributes:
        index: (N,) into the view's points.
        points: (N, 3) in units of :data:`RADIUS` from the click (height from the table).
        features: (N, 6) colour and normal.
        costs: (2, N, k) of a step to each neighbour: by shape, and by colour.
        neighbours: (N, k) indices.
    """

    index: IntArray
    points: NDArray[np.float32]
    features: NDArray[np.float32]
    costs: NDArray[np.float32]
    neighbours: IntArray


def make_view(observation: RgbdObservation, table: Plane | None = None) -> View:
    """Points above the table.

    Args:
        table: in the camera frame; None finds it in the image.

    Raises:
        UnihmError: INVALID_DEPTH, INVALID_CLOUD.
    """
    points = deproject(clean_depth(observation.depth), observation.K)
    table = table or camera_table(points)
    stride = max(1, round(points.shape[1] / GRID_WIDTH))
    height, width = points.shape[:2]
    pixels = np.arange(height * width).reshape(height, width)[::stride, ::stride].ravel()
    xyz = points.reshape(-1, 3)[pixels]
    with np.errstate(invalid="ignore"):
        level = table.height(xyz)
        keep = (level > MIN_HEIGHT) & (level < 0.6)
    up = table.normal
    forward = np.array([0.0, 0.0, 1.0]) - up * up[2]
    forward /= max(float(np.linalg.norm(forward)), 1e-9)
    rotation = np.stack([forward, np.cross(up, forward), up])  # (3, 3) camera to view
    shift = np.array([0.0, 0.0, -table.offset])
    return View(
        points=xyz[keep] @ rotation.T + shift,
        rgb=observation.rgb.reshape(-1, 3)[pixels[keep]] / 255.0,
        pixels=pixels[keep],
        camera=shift,
        T=(rotation, shift),
    )


def locate(view: View, click: Click, observation: RgbdObservation, reach: float = 0.025) -> int:
    """Index of the view's point that a click means.

    Raises:
        UnihmError: LOW_CONFIDENCE for a click outside the image, where there is no depth, or on
            the bare table.
    """
    check_click(click, observation.depth)
    if len(view.pixels):
        v, u = np.divmod(view.pixels, observation.depth.shape[1])
        square = (u - click.u) ** 2 + (v - click.v) ** 2
        best = int(square.argmin())
        # The pixels between the click and the nearest thing, at that thing's distance.
        depth = float(np.linalg.norm(view.points[best] - view.camera))
        if np.sqrt(square[best]) * depth / observation.K[0, 0] < reach:
            return best
    raise UnihmError(ErrorCode.LOW_CONFIDENCE, f"The click ({click.u}, {click.v}) is on no object.")


def make_crop(view: View, center: int, max_points: int = MAX_POINTS, seed: int = 0) -> Crop:
    """Sample the points within :data:`RADIUS` of ``view.points[center]`` and link them."""
    near = np.flatnonzero(np.linalg.norm(view.points - view.points[center], axis=1) < RADIUS)
    if len(near) > max_points:
        rng = np.random.default_rng(seed)
        near = np.sort(rng.choice(near, max_points, replace=False))
        if center not in near:
            near[0] = center
    if len(near) < 32:
        raise UnihmError(ErrorCode.LOW_CONFIDENCE, "Too little is seen around the click.")
    xyz, rgb = view.points[near], view.rgb[near]
    normals = estimate_normals(xyz, view.camera)
    k = min(_NEIGHBOURS + 1, len(near))
    distance, neighbours = cKDTree(xyz).query(xyz, k)
    distance, neighbours = distance[:, 1:], neighbours[:, 1:]
    origin = np.array([*view.points[center, :2], 0.0])
    return Crop(
        index=near,
        points=((xyz - origin) / RADIUS).astype(np.float32),
        features=np.concatenate([2 * rgb - 1, normals], axis=1).astype(np.float32),
        costs=_costs(xyz, rgb, normals, distance, neighbours),
        neighbours=neighbours.astype(np.int64),
    )


def _costs(
    xyz: FloatArray,
    rgb: FloatArray,
    normals: FloatArray,
    distance: FloatArray,
    neighbours: IntArray,
) -> NDArray[np.float32]:
    """(2, N, k) cost of a step to each neighbour.

    By shape: gaps and concave edges cost, for objects meet there. By colour: contrast costs.
    """
    step = (xyz[neighbours] - xyz[:, None]) / np.maximum(distance, 1e-6)[..., None]
    turn = normals[neighbours] - normals[:, None]
    concave = np.maximum(-(turn * step).sum(axis=-1) - 0.15, 0.0)
    gap = np.maximum(distance / np.median(distance) - 2.0, 0.0)
    contrast = np.abs(rgb[neighbours] - rgb[:, None]).sum(axis=-1)
    shape = 0.01 + concave + 0.1 * gap**2
    color = 0.01 + np.maximum(contrast - 0.06, 0.0) + 0.1 * gap**2
    return np.stack([shape, color]).astype(np.float32)


def click_distances(crop: Crop, clicks: list[int]) -> NDArray[np.float32]:
    """(N, 3): nearness from 0 to 1 of each point to the nearest of ``clicks`` (crop indices).

    Along the surface by shape, along the surface by colour, and straight.
    """
    count, k = crop.neighbours.shape
    if not clicks:
        return np.zeros((count, 3), np.float32)
    starts = np.repeat(np.arange(count), k)
    columns = []
    for costs in crop.costs:
        graph = csr_matrix((costs.ravel(), (starts, crop.neighbours.ravel())), shape=(count, count))
        path = dijkstra(graph, directed=False, indices=clicks, min_only=True, limit=8.0)
        columns.append(np.exp(-path))
    straight = np.linalg.norm(crop.points[:, None] - crop.points[None, clicks], axis=2)
    columns.append(np.exp(-4 * straight.min(axis=1)))
    return np.stack(columns, axis=1).astype(np.float32)


def dense_prompt(
    crop: Crop, clicks: list[int], positive: list[bool], logits: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """(N, 7): nearness to the positive clicks, to the negative ones, and the last mask."""
    yes = click_distances(crop, [c for c, p in zip(clicks, positive) if p])
    no = click_distances(crop, [c for c, p in zip(clicks, positive) if not p])
    last = np.zeros(len(yes)) if logits is None else np.clip(logits / 5.0, -1, 1)
    return np.concatenate([yes, no, last[:, None]], axis=1).astype(np.float32)


def paint(
    view: View,
    crop: Crop,
    logits: NDArray[np.float32],
    observation: RgbdObservation,
) -> NDArray[np.bool_]:
    """(H, W) mask from the logits of a crop's points.

    Every pixel with depth reads its three nearest points; small gaps inside the object without
    depth are closed.
    """
    points = deproject(clean_depth(observation.depth), observation.K)
    rotation, shift = view.T
    xyz = points.reshape(-1, 3) @ rotation.T + shift
    center = view.points[crop.index].mean(axis=0)
    with np.errstate(invalid="ignore"):
        candidates = np.flatnonzero(
            (xyz[:, 2] > MIN_HEIGHT * 0.6) & (np.abs(xyz - center).max(axis=1) < 2 * RADIUS)
        )
    distance, near = cKDTree(view.points[crop.index]).query(
        xyz[candidates], 3, distance_upper_bound=0.03
    )
    weight = np.where(np.isfinite(distance), 1 / (distance**2 + 1e-6), 0.0)
    padded = np.append(logits, 0.0)
    value = (weight * padded[np.minimum(near, len(logits))]).sum(axis=1)
    mask = np.zeros(points.shape[:2], bool)
    mask.ravel()[candidates[value > 0]] = True
    holes = binary_closing(mask, iterations=2) & ~np.isfinite(points[..., 0])
    return mask | holes
