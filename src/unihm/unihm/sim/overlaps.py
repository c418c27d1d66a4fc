"""Whether things stand inside each other, which a physics engine answers by an explosion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product

import trimesh

from unihm.errors import ErrorCode, UnihmError
from unihm.meshes import sample_surface
from unihm.transforms import dot

_SPACING = 0.004  # m between the points of a surface that are looked at
_ALLOWED = 0.005  # m: things that touch, and convex pieces that bridge a hollow


def refuse_overlaps(solids: Mapping[str, Sequence[trimesh.Trimesh]]) -> None:
    """Look at every two things.

    Args:
        solids: by name, the convex pieces of each in one frame.

    Raises:
        UnihmError: INVALID_SCENE with the names of two that are inside each other by over 5 mm.
    """
    for one, other in combinations(solids, 2):
        pairs = [(a, b) for a, b in product(solids[one], solids[other]) if _meet(a, b)]
        depth = max((max(_deepest(a, b), _deepest(b, a)) for a, b in pairs), default=0.0)
        if depth > _ALLOWED:
            raise UnihmError(
                ErrorCode.INVALID_SCENE,
                f"'{one}' and '{other}' stand inside each other, by {100 * depth:.1f} cm; "
                "move one of them.",
            )


def _meet(one: trimesh.Trimesh, other: trimesh.Trimesh) -> bool:
    """Whether their boxes do, along the axes."""
    (low, high), (other_low, other_high) = one.bounds, other.bounds
    return bool((low < other_high).all() and (other_low < high).all())


def _deepest(one: trimesh.Trimesh, other: trimesh.Trimesh) -> float:
    """Metres that a point of the surface of ``one`` is inside ``other``."""
    points, _ = sample_surface(one, _SPACING)
    normals = other.face_normals
    outside = (points @ normals.T - dot(normals, other.triangles_center)).max(axis=1)
    return max(0.0, -float(outside.min()))
