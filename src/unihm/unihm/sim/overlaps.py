"""Whether things stand inside each other, which a physics engine answers by an explosion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import trimesh

from unihm.errors import ErrorCode, UnihmError
from unihm.meshes import sample_surface
from unihm.transforms import FloatArray, dot

_SPACING = 0.004  # m between the points of a surface that are looked at
_MOST = 500  # of these points
_DEEP = 0.005  # m: things that touch, and convex pieces that bridge a hollow, go less deep
_MUCH = 0.2  # of what a thing fills: thin walls never go deep


@dataclass(frozen=True)
class _Solid:
    """A convex piece: its planes, and points on its surface and halfway into it, (P, 3) each."""

    bounds: FloatArray  # (2, 3)
    normals: FloatArray  # (F, 3), outward
    offsets: FloatArray  # (F,)
    surface: FloatArray
    inner: FloatArray

    @classmethod
    def of(cls, mesh: trimesh.Trimesh) -> _Solid:
        """From a closed convex mesh."""
        spacing = max(_SPACING, float(np.sqrt(mesh.area / _MOST)))
        surface, _ = sample_surface(mesh, spacing)
        middle = mesh.vertices.mean(axis=0)
        normals = mesh.face_normals
        return cls(
            np.array(mesh.bounds),
            normals,
            dot(normals, mesh.triangles_center),
            surface,
            middle + 0.5 * (surface[:: len(surface) // 16] - middle),
        )

    def depth(self, points: FloatArray) -> FloatArray:
        """(N,) metres that points (N, 3) are inside; negative outside."""
        return -(points @ self.normals.T - self.offsets).max(axis=1)


def refuse_overlaps(things: Mapping[str, Sequence[trimesh.Trimesh]]) -> None:
    """Look at every two things.

    Args:
        things: by name, the convex pieces of each in one frame.

    Raises:
        UnihmError: INVALID_SCENE with the names of two that are inside each other.
    """
    solids = {name: [_Solid.of(mesh) for mesh in meshes] for name, meshes in things.items()}
    boxes = {name: _around(pieces) for name, pieces in solids.items()}
    for one, other in combinations(solids, 2):
        if _meet(boxes[one], boxes[other]) and (
            _is_in(solids[one], solids[other]) or _is_in(solids[other], solids[one])
        ):
            raise UnihmError(
                ErrorCode.INVALID_SCENE,
                f"'{one}' and '{other}' stand inside each other; move one of them.",
            )


def _around(pieces: Sequence[_Solid]) -> FloatArray:
    """(2, 3) the box along the axes that all are in."""
    bounds = np.stack([piece.bounds for piece in pieces])
    return np.stack([bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)])


def _meet(one: FloatArray, other: FloatArray) -> bool:
    """Whether two boxes (2, 3) do."""
    (low, high), (other_low, other_high) = one, other
    return bool((low < other_high).all() and (other_low < high).all())


def _is_in(one: Sequence[_Solid], other: Sequence[_Solid]) -> bool:
    """Whether a point of ``one`` is deep in ``other``, or much of it is in there."""
    shared, inner = 0, 0
    for piece in one:
        near = [wall for wall in other if _meet(piece.bounds, wall.bounds)]
        if any(wall.depth(piece.surface).max() > _DEEP for wall in near):
            return True
        inside = [wall.depth(piece.inner) > 0.0 for wall in near]
        shared += int(np.any(inside, axis=0).sum()) if inside else 0
        inner += len(piece.inner)
    return shared > _MUCH * inner
