"""Signed distance to a closed mesh, tabulated once for a solver that asks thousands of times."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unihm.types import FloatArray


class DistanceField:
    """Signed distance (negative inside) on a regular grid, interpolated trilinearly.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3); the surface must be closed for the sign to mean anything.
        spacing: metres between grid points.
        margin: metres of grid around the mesh. Farther out, the distance to the grid is added.
    """

    def __init__(
        self,
        vertices: ArrayLike,
        faces: ArrayLike,
        spacing: float = 0.0045,
        margin: float = 0.02,
    ) -> None:
        import open3d as o3d

        vertices = np.asarray(vertices, np.float32)
        scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        scene.add_triangles(
            o3d.core.Tensor.from_numpy(vertices),
            o3d.core.Tensor.from_numpy(np.asarray(faces, np.uint32)),
        )
        low, high = vertices.min(0) - margin, vertices.max(0) + margin
        counts = np.ceil((high - low) / spacing).astype(int) + 1
        axes = [low[i] + spacing * np.arange(counts[i], dtype=np.float32) for i in range(3)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).astype(np.float32)
        distances = scene.compute_signed_distance(o3d.core.Tensor.from_numpy(grid), nthreads=1)
        self._low = low.astype(float)
        self._spacing = spacing
        self._counts = counts
        self._values = distances.numpy().astype(float)

    def __call__(self, points: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Signed distance (N,) and its gradient (N, 3) at ``points`` (N, 3).

        The gradient is the exact derivative of the interpolant, not normalised.
        """
        points = np.asarray(points, float)
        scaled = (points - self._low) / self._spacing
        inside = np.clip(scaled, 0.0, self._counts - 1.001)
        cell = inside.astype(int)
        u = inside - cell  # (N, 3) in [0, 1)
        i, j, k = cell.T
        v = self._values
        c000, c100 = v[i, j, k], v[i + 1, j, k]
        c010, c110 = v[i, j + 1, k], v[i + 1, j + 1, k]
        c001, c101 = v[i, j, k + 1], v[i + 1, j, k + 1]
        c011, c111 = v[i, j + 1, k + 1], v[i + 1, j + 1, k + 1]
        ux, uy, uz = u.T
        c00, c10 = c000 + ux * (c100 - c000), c010 + ux * (c110 - c010)
        c01, c11 = c001 + ux * (c101 - c001), c011 + ux * (c111 - c011)
        c0, c1 = c00 + uy * (c10 - c00), c01 + uy * (c11 - c01)
        dx0 = (c100 - c000) + uy * ((c110 - c010) - (c100 - c000))
        dx1 = (c101 - c001) + uy * ((c111 - c011) - (c101 - c001))
        gradient = np.stack(
            [
                dx0 + uz * (dx1 - dx0),
                (c10 - c00) + uz * ((c11 - c01) - (c10 - c00)),
                c1 - c0,
            ],
            -1,
        )
        gradient /= self._spacing
        outside = points - (self._low + inside * self._spacing)
        beyond = np.linalg.norm(outside, axis=-1)
        distance = c0 + uz * (c1 - c0) + beyond
        far = beyond > 1e-9
        if far.any():
            # Along the clamped axes the grid's derivative does not apply; outward it grows by 1.
            gradient[far] = np.where(np.abs(outside[far]) > 1e-9, 0.0, gradient[far])
            gradient[far] += outside[far] / beyond[far, None]
        return distance, gradient

    def normals(self, points: ArrayLike) -> FloatArray:
        """Unit outward normals (N, 3) near the surface."""
        gradient = self(points)[1]
        return gradient / np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-9)
