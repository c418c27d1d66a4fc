"""Clusters that are pieces of one thing, put together again.

A bowl's near wall hides where it meets the floor inside, and stereo loses the depth along a rim:
what is seen of one vessel are two surfaces with air between them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from unihm.errors import UnihmError
from unihm.perception.scene.clusters import Cluster, color_features
from unihm.perception.scene.completion import Fit, fit
from unihm.perception.scene.occlusion import is_parted
from unihm.types import FloatArray

# Pieces of one thing are no farther apart than this in metres and in pixels, differ by no more than
# this in chromaticity (of `color_features`), and one surface of revolution explains them to so many
# metres, handle and all. Two boxes in a row are a box too, and two.
_GAP, _PIXELS, _CHROMA, _MISFIT = 0.06, 6.0, 0.09, 0.0047
# Where something in front hides what is between them, they may be so far apart and so different in
# chromaticity, as print is, and a box or a cylinder on its side explains them to so many metres;
# a wide bowl would explain whatever lies within it.
_HIDDEN, _HIDDEN_CHROMA, _HIDDEN_MISFIT = 0.15, 0.2, 0.0034


def join_pieces(
    clusters: list[Cluster],
    camera: FloatArray,
    table_height: float,
    ranges: FloatArray,
    voxel: float,
) -> list[Cluster]:
    """The clusters, the largest first, those put together that are one thing.

    Args:
        clusters: the largest first.
        camera: (3,) metres, world.
        table_height: metres, world.
        ranges: (H, W) metres of the image's pixels from the camera.
        voxel: metres to which points are thinned before a primitive is fitted.
    """
    joined: list[Cluster] = []
    for piece in clusters:
        for k, larger in enumerate(joined):
            allowed = _allowed(larger, piece, ranges)
            if allowed is None:
                continue
            both = _together(larger, piece)
            try:
                found = fit(both.points, camera, table_height, voxel=voxel)
            except UnihmError:  # specks
                continue
            if allowed(found):
                joined[k] = both
                break
        else:
            joined.append(piece)
    return sorted(joined, key=lambda c: -len(c.pixels))


def _allowed(larger: Cluster, piece: Cluster, ranges: FloatArray) -> Callable[[Fit], bool] | None:
    """What the primitives that fit both have to be for the two to be one; None: they are not."""
    difference = _difference(larger, piece)
    if difference <= _CHROMA and _is_beside(larger, piece, ranges.shape[1]):
        return lambda found: found.round_misfit <= _MISFIT
    if difference > _HIDDEN_CHROMA or _distance(larger, piece) > _HIDDEN:
        return None
    if not is_parted(larger.pixels, piece.pixels, ranges):
        return None
    return lambda found: min(found.box_error, found.lying_error) <= _HIDDEN_MISFIT


def _difference(larger: Cluster, piece: Cluster) -> float:
    """Of their colours, see :func:`color_features`, whatever light and shade they are in."""
    one, other = (np.median(color_features(c.rgb), axis=0)[:2] for c in (larger, piece))
    return float(np.linalg.norm(one - other))


def _is_beside(larger: Cluster, piece: Cluster, width: int) -> bool:
    """True where the two are beside each other in the image and in space."""
    seen = cKDTree(np.stack(np.divmod(larger.pixels, width), axis=1))
    if seen.query(np.stack(np.divmod(piece.pixels, width), axis=1))[0].min() > _PIXELS:
        return False
    return _distance(larger, piece) <= _GAP


def _distance(larger: Cluster, piece: Cluster) -> float:
    return float(cKDTree(larger.points).query(piece.points)[0].min())


def _together(one: Cluster, other: Cluster) -> Cluster:
    return Cluster(
        np.concatenate([one.pixels, other.pixels]),
        np.concatenate([one.points, other.points]),
        np.concatenate([one.rgb, other.rgb]),
    )
