"""Which points of a cloud a word such as "handle" or "rim" means, by the shape alone."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from unihm.perception.scene.frames import robust_range
from unihm.perception.scene.primitives import fit_surface_of_revolution
from unihm.transforms import BoolArray
from unihm.types import FloatArray, ObjectCloud

_SLICES = 14  # along an object, of which the narrow ones are its handle or neck
_NARROW = 0.62  # of the widest slice
_STICKS_OUT = 0.010  # m out of a round body
_ROUND = 0.005  # m that most of its wall is within
_FEWEST = 0.03  # share of the points that a part has
_APART = 0.012  # m between two things that stick out
_LOW = 0.03  # m; what is flatter is taken by its rim or by its base alike


def find_part(cloud: ObjectCloud, part: str) -> BoolArray | None:
    """Which points (N,) belong to a part; None where the object has none that can be told.

    Args:
        cloud: in the object frame, z up.
        part: a value of :data:`unihm.perception.language.manner.PARTS`: "top", "bottom", "middle"
            and "end" are places; "thin" is what sticks out of a round body, or the narrow stretch
            of something long or tall: a handle, a neck, a stem. Where an ear and a "spout" stick
            out, "thin" is the ear.
    """
    points = cloud.points
    low, high = robust_range(points)
    size = high - low
    if part in ("top", "bottom"):
        if size[2] < _LOW:
            return np.ones(len(points), bool)
        share = (points[:, 2] - low[2]) / size[2]
        found = share > 0.65 if part == "top" else share < 0.4
    elif part in ("middle", "end"):
        axis = int(np.argmax(size))
        off = np.abs(points[:, axis] - (low + high)[axis] / 2) / size[axis]
        found = off < 0.22 if part == "middle" else off > 0.28
    else:
        found = _sticking_out(cloud, part == "spout")
        if found.mean() < _FEWEST:
            found = _narrow(points, int(np.argmax(size)))
    return found if _FEWEST < found.mean() < 0.9 else None


def _sticking_out(cloud: ObjectCloud, spout: bool) -> BoolArray:
    """(N,) points outside a round body, as the handle of a mug; none of what is not round.

    Of several things the one that is fastened most like an ear, or with ``spout`` least so.
    """
    base = cloud.points[:, 2].min()
    standing = cloud.points - [0.0, 0.0, base]
    body = fit_surface_of_revolution(standing, cloud.normals)
    radius = np.linalg.norm(standing[:, :2] - body.center, axis=1)
    beyond = radius - np.interp(standing[:, 2], body.heights, body.radii)
    out = beyond > _STICKS_OUT
    wall = ~out & (np.abs(cloud.normals[:, 2]) < 0.7)
    is_body = wall.any() and (np.abs(beyond[wall]) < _ROUND).mean() > 0.7
    chosen = np.zeros(len(out), bool)
    if not is_body or not out.any() or out.mean() >= 0.3:
        return chosen
    index = np.flatnonzero(out)
    pairs = cKDTree(standing[index]).query_pairs(_APART, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(index), len(index)))
    _, thing = connected_components(graph, directed=False)
    things = [index[thing == k] for k in np.unique(thing)]
    things = [own for own in things if len(own) > 0.3 * max(map(len, things))]
    ears = [_ear(standing[own, 2], beyond[own]) for own in things]
    chosen[things[int(np.argmin(ears) if spout else np.argmax(ears))]] = True
    return chosen


def _ear(height: FloatArray, beyond: FloatArray) -> float:
    """How much of its height (N,) a thing is fastened over, to a body that is ``beyond`` (N,) away.

    An ear goes out and comes back: 1; a spout or a stick leaves at one place.
    """
    near = beyond < 0.4 * beyond.max()
    return float(np.ptp(height[near]) / max(np.ptp(height), 1e-6)) if near.any() else 0.0


def _narrow(points: FloatArray, axis: int) -> BoolArray:
    """(N,) points of the longest stretch along an axis that is narrower than the rest."""
    along = points[:, axis]
    low, high = robust_range(along)
    place = np.clip((along - low) / (high - low) * _SLICES, 0, _SLICES - 1).astype(int)
    others = [i for i in range(3) if i != axis]
    width = np.array(
        [
            np.ptp(points[place == s][:, others], axis=0).max() if (place == s).sum() > 3 else 0.0
            for s in range(_SLICES)
        ]
    )
    narrow = width < _NARROW * width.max()
    runs = np.split(np.arange(_SLICES), np.flatnonzero(np.diff(narrow)) + 1)
    longest = max((run for run in runs if narrow[run[0]]), key=len, default=np.zeros(0, int))
    return np.isin(place, longest) if len(longest) >= 3 else np.zeros(len(points), bool)
