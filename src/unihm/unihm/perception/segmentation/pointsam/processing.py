"""From an image and clicks to the points that Point-SAM reads, and from its masks to pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from unihm.errors import ErrorCode, UnihmError
from unihm.geometry import estimate_normals
from unihm.perception.camera import clean_depth, deproject
from unihm.perception.scene.completion import NEIGHBOURS
from unihm.perception.scene.table import Plane, camera_table
from unihm.perception.segmentation.clicks import Click, check_click
from unihm.types import FloatArray, IntArray, RgbdObservation

RADIUS = 0.30  # m around the first click; also the unit of the network's lengths
MAX_POINTS = 2048
GRID_WIDTH = 320  # pixels: images are thinned to about this width
MIN_HEIGHT = 0.004  # m above the table
_PAINT = 0.03  # m from the network's points within which a pixel is painted
_CLOSED = 2  # pixels of a gap without depth, from either side
_NEIGHBOURS = 10


@dataclass(frozen=True)
class TableView:
    """What stands on the table in one image, in a frame whose z axis is the table's normal.

    Attributes:
        points: (M, 3) metres; z is the height above the table; x points away from the camera.
        rgb: (M, 3) 0 to 1.
        pixels: (M,) flat indices into the image.
        camera: (3,) its position in the same frame.
        T: (3, 3), (3,): rotation and shift from the camera's frame to this one.
        image: (H, W, 3) points of every pixel in the camera's frame; NaN where depth is missing.
        focal: pixels.
    """

    points: FloatArray
    rgb: FloatArray
    pixels: IntArray
    camera: FloatArray
    T: tuple[FloatArray, FloatArray]
    image: FloatArray
    focal: float


@dataclass(frozen=True)
class Crop:
    """The points around a click, as the network reads them.

    Attributes:
        index: (N,) into the view's points.
        points: (N, 3) in units of :data:`RADIUS` from the click (height from the table).
        features: (N, 6) colour and normal.
        neighbours: (N, k) indices.
    """

    index: IntArray
    points: NDArray[np.float32]
    features: NDArray[np.float32]
    neighbours: IntArray


def make_view(observation: RgbdObservation, table: Plane | None = None) -> TableView:
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
    return TableView(
        points=xyz[keep] @ rotation.T + shift,
        rgb=observation.rgb.reshape(-1, 3)[pixels[keep]] / 255.0,
        pixels=pixels[keep],
        camera=shift,
        T=(rotation, shift),
        image=points,
        focal=float(observation.K[0, 0]),
    )


def locate(
    view: TableView, click: Click, observation: RgbdObservation, reach: float = 0.025
) -> int:
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


def make_crop(view: TableView, center: int, max_points: int = MAX_POINTS, seed: int = 0) -> Crop:
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
    normals = estimate_normals(xyz, view.camera, NEIGHBOURS)
    origin = np.array([*view.points[center, :2], 0.0])
    return Crop(
        index=near,
        points=((xyz - origin) / RADIUS).astype(np.float32),
        features=np.concatenate([2 * rgb - 1, normals], axis=1).astype(np.float32),
        neighbours=link(xyz),
    )


def link(points: FloatArray | NDArray[np.float32]) -> IntArray:
    """(N, k) indices of the nearest other points of each of (N, 3)."""
    k = min(_NEIGHBOURS + 1, len(points))
    return cKDTree(points).query(points, k)[1][:, 1:].astype(np.int64)


def surface_graph(crop: Crop, bonds: FloatArray) -> csr_matrix:
    """(N, N) cost of every step: how improbable it is that it stays on one object.

    Args:
        bonds: (N, k) probability that a point and its neighbour belong together.
    """
    count, k = crop.neighbours.shape
    costs = -np.log(np.clip(bonds.ravel(), 1e-3, 1 - 1e-3))
    starts = np.repeat(np.arange(count), k)
    return csr_matrix((costs, (starts, crop.neighbours.ravel())), shape=(count, count))


def click_distances(crop: Crop, graph: csr_matrix, clicks: list[int]) -> NDArray[np.float32]:
    """(N, 3): nearness from 0 to 1 of each point to the nearest of ``clicks`` (crop indices).

    Along the surface, where it counts how probably the path stays on one object; the same,
    stretched; and straight.
    """
    if not clicks:
        return np.zeros((len(crop.points), 3), np.float32)
    path = dijkstra(graph, directed=False, indices=clicks, min_only=True, limit=20.0)
    straight = np.linalg.norm(crop.points[:, None] - crop.points[None, clicks], axis=2)
    columns = [np.exp(-path), np.exp(-path / 4), np.exp(-4 * straight.min(axis=1))]
    return np.stack(columns, axis=1).astype(np.float32)


def dense_prompts(
    crop: Crop,
    graph: csr_matrix,
    clicks: list[int],
    positive: list[bool],
    prompts: list[NDArray[np.float32] | None],
) -> NDArray[np.float32]:
    """(P, N, 7): nearness to the positive clicks, to the negative ones, and each mask prompt.

    Args:
        prompts: logits (N,) of the last mask, or None where there is none.
    """
    yes = click_distances(crop, graph, [c for c, p in zip(clicks, positive) if p])
    no = click_distances(crop, graph, [c for c, p in zip(clicks, positive) if not p])
    last = [np.zeros(len(yes)) if p is None else np.clip(p / 5.0, -1, 1) for p in prompts]
    rows = [np.concatenate([yes, no, mask[:, None]], axis=1) for mask in last]
    return np.stack(rows).astype(np.float32)


# Mean bond of a point and its neighbours below which it lies at the border of an object.
_FIRM = (0.0, 0.7, 0.8, 0.88, 0.94)
_HELD = 0.5  # bonds above it hold two firm points together
_LOOSE = 0.05  # the same where every point counts as firm


def watershed(crop: Crop, bonds: FloatArray, least: float, smallest: int = 1) -> IntArray | None:
    """(N,) number of the piece of the surface that each point belongs to.

    A single wrong bond would join two objects, so pieces are grown as in a watershed: points with
    weak bonds all around are left out, the others are held together by their bonds, and what was
    left out joins the piece of its nearest firm point.

    Args:
        bonds: (N, k) probability that a point and its neighbour belong together.
        least: mean bond from which a point is firm.
        smallest: firm points that a piece has at least.

    Returns:
        None where hardly anything is firm.
    """
    count, k = crop.neighbours.shape
    ends = crop.neighbours.ravel()
    strength = bonds.sum(axis=1) + np.bincount(ends, bonds.ravel(), count)
    strength /= k + np.bincount(ends, minlength=count)
    firm = strength >= least
    held = (bonds.ravel() > (_HELD if least else _LOOSE)) & np.repeat(firm, k) & firm[ends]
    starts = np.repeat(np.arange(count), k)[held]
    ones = np.ones(len(starts), bool)
    graph = csr_matrix((ones, (starts, ends[held])), shape=(count, count))
    pieces = connected_components(graph, directed=False)[1]
    known = np.flatnonzero(firm)
    known = known[np.bincount(pieces[known], minlength=1)[pieces[known]] >= smallest]
    if len(known) < 10:
        return None
    return pieces[known[cKDTree(crop.points[known]).query(crop.points)[1]]]


def proposals(crop: Crop, bonds: FloatArray, click: int) -> list[NDArray[np.float32]]:
    """Different pieces of the surface around a click, as logits (N,): mask prompts.

    The network corrects them and says what each is worth.

    Args:
        bonds: (N, k) probability that a point and its neighbour belong together.
        click: index of the clicked point.
    """
    found: list[NDArray[np.float32]] = []
    for least in _FIRM:
        owner = watershed(crop, bonds, least)
        if owner is None:
            break
        piece = np.where(owner == owner[click], 4.0, -4.0).astype(np.float32)
        if all((piece != other).any() for other in found):
            found.append(piece)
    return found


def paint(view: TableView, crop: Crop, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(H, W) mask from the logits of a crop's points.

    Every pixel with depth reads its three nearest points; small gaps inside the object without
    depth are closed.
    """
    height, width = view.image.shape[:2]
    mask = np.zeros((height, width), bool)
    chosen = view.pixels[crop.index[logits > 0]]
    if not len(chosen):
        return mask
    # Nothing is painted that is farther from all chosen points than _PAINT.
    nearest = float(view.image.reshape(-1, 3)[chosen, 2].min())
    margin = int(np.ceil(_PAINT * view.focal / max(nearest - _PAINT, 0.05))) + 2 * _CLOSED + 1
    rows, columns = np.divmod(chosen, width)
    window = (
        slice(max(rows.min() - margin, 0), rows.max() + margin + 1),
        slice(max(columns.min() - margin, 0), columns.max() + margin + 1),
    )
    points = view.image[window]
    rotation, shift = view.T
    xyz = points.reshape(-1, 3) @ rotation.T + shift
    with np.errstate(invalid="ignore"):
        candidates = np.flatnonzero(xyz[:, 2] > MIN_HEIGHT * 0.6)
    distance, near = cKDTree(view.points[crop.index]).query(
        xyz[candidates], 3, distance_upper_bound=_PAINT
    )
    weight = np.where(np.isfinite(distance), 1 / (distance**2 + 1e-6), 0.0)
    padded = np.append(logits, 0.0)
    value = (weight * padded[np.minimum(near, len(logits))]).sum(axis=1)
    painted = np.zeros(points.shape[:2], bool)
    painted.ravel()[candidates[value > 0]] = True
    holes = binary_closing(painted, iterations=_CLOSED) & ~np.isfinite(points[..., 0])
    mask[window] = painted | holes
    return mask
