"""What stands on the table, as clusters of points: the baseline without any weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from unihm.config import Natural, NotNegative, Positive, settings
from unihm.perception.scene.table import Plane
from unihm.types import FloatArray, IntArray

# Standard deviations of the table's points above which a point is probably no table.
_ABOVE_NOISE = 3.5


@settings()
class ClusterConfig:
    """How points become objects.

    Attributes:
        voxel: metres; points are thinned to one per voxel before they are grouped.
        gap: metres; voxels closer than this belong together.
        min_height: metres above the table below which a point is table.
        min_points: pixels below which a cluster is noise.
        hover: metres from the table, and from whatever stands on it, beyond which a cluster is
            robot and not object.
        split_contrast: distance of two chromaticities (see :func:`color_features`) that separates
            objects.
    """

    voxel: Positive = 0.004
    gap: Positive = 0.009
    min_height: NotNegative = 0.006
    min_points: Natural = 60
    hover: NotNegative = 0.06
    split_contrast: NotNegative = 0.25


@dataclass(frozen=True)
class Cluster:
    """Pixels that seem to be one object.

    Attributes:
        pixels: (N,) flat indices into the image.
        points: (N, 3) metres, in the frame the image's points were given in.
        rgb: (N, 3) uint8.
    """

    pixels: IntArray
    points: FloatArray
    rgb: NDArray[np.uint8]


def find_clusters(
    points: FloatArray,
    rgb: NDArray[np.uint8],
    table: Plane,
    inside: NDArray[np.bool_] | None = None,
    config: ClusterConfig | None = None,
) -> list[Cluster]:
    """Groups of neighbouring points above the table, touching objects split by colour.

    Args:
        points: (H, W, 3) metres; NaN where depth is missing.
        rgb: (H, W, 3) uint8.
        table: the plane in the frame of ``points``.
        inside: (H, W) True where an object may be; None means everywhere.

    Returns:
        Clusters, the largest first.
    """
    config = config or ClusterConfig()
    flat = points.reshape(-1, 3)
    pixels = np.flatnonzero(np.isfinite(flat[:, 2]) if inside is None else inside)
    inside_xyz = flat[pixels]
    inside_height = table.height(inside_xyz)
    with np.errstate(invalid="ignore"):
        above = inside_height > config.min_height
    pixels, xyz = pixels[above], inside_xyz[above]
    colors = rgb.reshape(-1, 3)[pixels]
    if len(pixels) < config.min_points:
        return []
    groups = group_points(xyz, config)
    groups = _rejoin(groups, xyz, colors, inside_xyz, inside_height, config)
    large = np.flatnonzero(np.bincount(groups) >= config.min_points)
    things = [np.flatnonzero(groups == group) for group in large]
    clusters = []
    for members in _carried(things, xyz, table, config):
        for part in _split(xyz[members], colors[members], config):
            chosen = members[part]
            clusters.append(Cluster(pixels[chosen], xyz[chosen], colors[chosen]))
    return sorted(clusters, key=lambda c: -len(c.pixels))


def _carried(
    groups: list[IntArray], points: FloatArray, table: Plane, config: ClusterConfig
) -> list[IntArray]:
    """The groups that stand on the table or on one another, not what hovers in the air.

    Depth is missing along the edge where one thing lies on another, and what is in front hides it.

    Args:
        groups: of indices into ``points`` (N, 3).
    """
    low = [bool(table.height(points[g]).min() <= config.hover) for g in groups]
    carried = [g for g, stands in zip(groups, low) if stands]
    hovering = [g for g, stands in zip(groups, low) if not stands]
    frontier = carried
    while frontier and hovering:
        below = cKDTree(np.concatenate([points[g] for g in frontier]))
        near = [bool((below.query(points[g])[0] <= config.hover).any()) for g in hovering]
        frontier = [g for g, is_near in zip(hovering, near) if is_near]
        hovering = [g for g, is_near in zip(hovering, near) if not is_near]
        carried = carried + frontier
    return carried


def group_points(points: FloatArray, config: ClusterConfig) -> IntArray:
    """(N,) label of the group of neighbouring points that each belongs to."""
    voxel_of, centres = voxelise(points, config.voxel)
    return link(centres, config.gap)[voxel_of]


def _rejoin(
    groups: IntArray,
    points: FloatArray,
    rgb: NDArray[np.uint8],
    everything: FloatArray,
    height: FloatArray,
    config: ClusterConfig,
) -> IntArray:
    """(N,) labels in which the pieces of one flat thing are one group.

    The floor of a tray is about as high as :attr:`ClusterConfig.min_height`, so noise decides which
    of its points are above. Pieces of one colour belong together where points join them that are
    lower, but higher than the table's noise (hysteresis, as edges are traced).

    Args:
        groups: (N,) labels of ``points``.
        points, rgb: (N, 3) what is above ``min_height``.
        everything, height: (M, 3) and (M,) all points and their height above the table, metres.
    """
    with np.errstate(invalid="ignore"):
        level = height[np.abs(height) < config.min_height]
    if groups.max() == 0 or not len(level):
        return groups
    noise = 1.4826 * float(np.median(np.abs(level - np.median(level))))
    with np.errstate(invalid="ignore"):
        between = (height > _ABOVE_NOISE * noise) & (height <= config.min_height)
    if not between.any():
        return groups
    joined = group_points(np.concatenate([points, everything[between]]), config)[: len(points)]
    features = color_features(rgb)
    owner = np.arange(groups.max() + 1)
    sizes, first = np.bincount(groups), np.unique(groups, return_index=True)[1]
    mains: dict[int, list[tuple[int, FloatArray]]] = {}
    for piece in np.argsort(-sizes):
        color = np.median(features[groups == piece], axis=0)
        for main, theirs in mains.setdefault(joined[first[piece]], []):
            if _is_one_color(color, theirs, config):
                owner[piece] = main
                break
        else:
            mains[joined[first[piece]]].append((piece, color))
    return owner[groups]


def voxelise(points: FloatArray, size: float) -> tuple[IntArray, FloatArray]:
    """Voxel index (N,) of each point and the mean point (V, 3) of each occupied voxel."""
    cells = np.floor((points - points.min(axis=0)) / size).astype(np.int64)
    spans = cells.max(axis=0) + 1
    keys = (cells[:, 0] * spans[1] + cells[:, 1]) * spans[2] + cells[:, 2]
    _, index, counts = np.unique(keys, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(index, weights=points[:, k]) for k in range(3)], axis=1)
    return index, sums / counts[:, None]


def link(points: FloatArray, radius: float) -> IntArray:
    """(N,) label of the group of points linked by steps shorter than ``radius``."""
    pairs = cKDTree(points).query_pairs(radius, output_type="ndarray")
    ones = np.ones(len(pairs), bool)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    return connected_components(graph, directed=False)[1].astype(np.int64)


# Light and shade differ less than this on one object; black and white ones differ more.
_SHADING = 4.0


def color_features(rgb: NDArray[np.uint8]) -> FloatArray:
    """(N, 3) chromaticity, which shading leaves alone, and a little brightness.

    Dark pixels have an unreliable chromaticity, so it fades towards grey there.
    """
    scaled = rgb.astype(float) / 255.0
    total = scaled.sum(axis=1)
    trust = np.minimum(total / 0.2, 1.0)[:, None]
    chroma = (scaled[:, :2] / np.maximum(total, 1e-3)[:, None] - 1 / 3) * trust
    return np.concatenate([2.0 * chroma, 0.18 * total[:, None]], axis=1)


def _is_one_color(one: FloatArray, other: FloatArray, config: ClusterConfig) -> bool:
    """True where two colours (3,) of :func:`color_features` may be one in light and in shade."""
    dark, light = sorted((one[2], other[2]))
    chroma = float(np.linalg.norm(one[:2] - other[:2]))
    return chroma < config.split_contrast / 2 and light < _SHADING * dark


def _split(
    points: FloatArray, rgb: NDArray[np.uint8], config: ClusterConfig, depth: int = 0
) -> list[IntArray]:
    """Index arrays of the parts of one cluster that two plain colours divide in space.

    Print on a package also has two colours, but neither of its classes is one piece in space;
    such a cluster stays whole.
    """
    whole = np.arange(len(points))
    if depth == 3 or len(points) < 2 * config.min_points:
        return [whole]
    features = color_features(rgb)
    labels = _two_means(features)
    sizes = np.bincount(labels, minlength=2)
    if sizes.min() < max(config.min_points, 0.08 * len(points)):
        return [whole]
    means = np.stack([features[labels == k].mean(axis=0) for k in (0, 1)])
    spread = max(np.median(np.abs(features[labels == k] - means[k]).sum(axis=1)) for k in (0, 1))
    chroma = float(np.linalg.norm(means[0, :2] - means[1, :2]))
    grey = float(np.linalg.norm(means[:, :2], axis=1).max()) < 0.1
    brightness = np.array([rgb[labels == k].mean() + 5.0 for k in (0, 1)])
    black_and_white = grey and brightness.max() > _SHADING * brightness.min() and spread < 0.05
    if chroma < max(config.split_contrast, 4.0 * spread) and not black_and_white:
        return [whole]
    parts = []
    for k in (0, 1):
        members = np.flatnonzero(labels == k)
        voxel_of, centres = voxelise(points[members], config.voxel)
        groups = link(centres, config.gap)[voxel_of]
        main = np.bincount(groups).argmax()
        if (groups == main).mean() < 0.85:
            return [whole]
        parts.append(members[groups == main])
    # Specks of either class at the border go to the nearer part.
    owner = np.full(len(points), -1)
    owner[parts[0]], owner[parts[1]] = 0, 1
    loose = np.flatnonzero(owner < 0)
    if len(loose):
        known = np.flatnonzero(owner >= 0)
        owner[loose] = owner[known[cKDTree(points[known]).query(points[loose])[1]]]
    result = []
    for k in (0, 1):
        members = np.flatnonzero(owner == k)
        result += [
            members[part] for part in _split(points[members], rgb[members], config, depth + 1)
        ]
    return result


def _two_means(features: FloatArray, rounds: int = 8) -> IntArray:
    """(N,) 0 or 1: two-means clustering started along the direction of largest variance."""
    centred = features - features.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    labels = (centred @ vectors[:, -1] > 0).astype(np.int64)
    for _ in range(rounds):
        if labels.all() or not labels.any():
            break
        low, high = (features[labels == k].mean(axis=0) for k in (0, 1))
        # Nearer to the second mean: beyond the plane half-way between the two.
        updated = (features @ (high - low) > (high @ high - low @ low) / 2).astype(np.int64)
        if (updated == labels).all():
            break
        labels = updated
    return labels
