"""Clusters that are pieces of one thing, put together again.

A bowl's near wall hides where it meets the floor inside, and stereo loses the depth along a rim:
what is seen of one vessel are two surfaces with air between them.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from unihm.errors import UnihmError
from unihm.perception.scene.clusters import Cluster, color_features
from unihm.perception.scene.completion import fit
from unihm.types import FloatArray

# Pieces of one thing are no farther apart than this in metres and in pixels, differ by no more than
# this in chromaticity (of `color_features`), and one surface of revolution explains them to so many
# metres, handle and all. Two boxes in a row are a box too, and two.
_GAP, _PIXELS, _CHROMA, _MISFIT = 0.06, 6.0, 0.09, 0.0047


def join_pieces(
    clusters: list[Cluster], camera: FloatArray, table_height: float, width: int, voxel: float
) -> list[Cluster]:
    """The clusters, the largest first, those put together that are one thing.

    Args:
        clusters: the largest first.
        camera: (3,) metres, world.
        table_height: metres, world.
        width: of the image in pixels.
        voxel: metres to which points are thinned before a primitive is fitted.
    """
    joined: list[Cluster] = []
    for piece in clusters:
        for k, larger in enumerate(joined):
            if _may_be_one(larger, piece, width):
                both = _together(larger, piece)
                if _is_explained(both, camera, table_height, voxel):
                    joined[k] = both
                    break
        else:
            joined.append(piece)
    return sorted(joined, key=lambda c: -len(c.pixels))


def _may_be_one(larger: Cluster, piece: Cluster, width: int) -> bool:
    """True where the two are of one colour and beside each other in the image and in space."""
    one, other = (np.median(color_features(c.rgb), axis=0)[:2] for c in (larger, piece))
    if np.linalg.norm(one - other) > _CHROMA:
        return False
    seen = cKDTree(np.stack(np.divmod(larger.pixels, width), axis=1))
    if seen.query(np.stack(np.divmod(piece.pixels, width), axis=1))[0].min() > _PIXELS:
        return False
    return bool(cKDTree(larger.points).query(piece.points)[0].min() <= _GAP)


def _together(one: Cluster, other: Cluster) -> Cluster:
    return Cluster(
        np.concatenate([one.pixels, other.pixels]),
        np.concatenate([one.points, other.points]),
        np.concatenate([one.rgb, other.rgb]),
    )


def _is_explained(both: Cluster, camera: FloatArray, table_height: float, voxel: float) -> bool:
    try:
        found = fit(both.points, camera, table_height, voxel=voxel)
    except UnihmError:  # specks
        return False
    return found.round_misfit <= _MISFIT
