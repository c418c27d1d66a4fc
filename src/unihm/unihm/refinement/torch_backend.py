"""The refinement in torch: float64 tensors on one device, the same formulas as ``compiled``."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unihm.least_squares import ACTIVE_SETS
from unihm.refinement.backend import Kinematics, Planes
from unihm.refinement.kernel import residual
from unihm.refinement.surface import BANDWIDTH, BEHIND, SAME_SIDE, Surface
from unihm.robots import Hand
from unihm.robots.torch_kinematics import TorchFloatingHand

_FILL = 1e3  # m; points out there fill up the shorter clouds of a batch


class TorchBackend:
    """See :class:`unihm.refinement.backend.Backend`."""

    xp: Any = torch

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)

    def array(self, values: Any) -> Tensor:
        """``values`` on the device."""
        return torch.as_tensor(values, device=self.device)

    def host(self, values: Any) -> Any:
        """``values`` as a numpy array."""
        return values.cpu().numpy()

    def dot(self, a: Any, b: Any) -> Tensor:
        """Inner product along the last axis."""
        return (a * b).sum(-1)

    def positive(self, a: Any) -> Tensor:
        """max(a, 0)."""
        return torch.relu(a)

    def zeros(self, *shape: int) -> Tensor:
        """Float64 zeros."""
        return torch.zeros(shape, dtype=torch.float64, device=self.device)

    def every(self, a: Any) -> bool:
        """Whether all of a (B,) are true."""
        return bool(a.all())

    def kinematics(self, hand: Hand) -> Kinematics:
        """The hand's tree."""
        return TorchFloatingHand(hand, self.device)

    def surface(self, surface: Surface) -> Planes:
        """``surface`` for tensors."""
        return TensorSurface(surface, self)

    def contact(
        self, d: Any, n: Any, outside: Any, inside: Any, alpha: float, k: float
    ) -> tuple[Any, Any]:
        """See :meth:`unihm.refinement.backend.Backend.contact`."""
        r, slope = residual(d, alpha, k, self)
        weight = torch.where(d < 0, inside, outside)
        return weight * r, (weight * slope)[..., None] * n

    def quadratic(self, y: Any, mean: Any, weight: Any) -> tuple[Any, Any, Any]:
        """See :meth:`unihm.refinement.backend.Backend.quadratic`."""
        gap = y - mean
        gradient = gap @ weight
        return 0.5 * self.dot(gap, gradient), gradient, weight.expand(len(y), -1, -1)

    def accumulate(
        self, energy: Any, gradient: Any, matrix: Any, r: Any, J: Any
    ) -> tuple[Any, Any, Any]:
        """See :meth:`unihm.refinement.backend.Backend.accumulate`; makes new tensors."""
        Jt = J.swapaxes(1, 2)
        return (
            energy + 0.5 * self.dot(r, r),
            gradient + (Jt @ r[..., None])[..., 0],
            matrix + Jt @ J,
        )

    def bounded_step(
        self, matrix: Any, lam: Any, scale: Any, gradient: Any, lower: Any, upper: Any
    ) -> Tensor:
        """See :func:`unihm.least_squares.bounded_step`, whose twin this is."""
        matrix = matrix + (lam[:, None] * scale).diag_embed()
        step = _solve(matrix, -gradient)
        out = (step < lower) | (step > upper)
        if out.any():
            some = out.any(1)
            step[some] = _active_set(
                matrix[some], gradient[some], step[some], lower[some], upper[some]
            )
        return torch.minimum(torch.maximum(step, lower), upper)


def _solve(matrix: Tensor, right: Tensor) -> Tensor:
    """Solutions (B, D) of symmetric positive definite systems (B, D, D) and (B, D)."""
    factor = torch.linalg.cholesky_ex(matrix).L
    return torch.cholesky_solve(right[..., None], factor)[..., 0]


def _active_set(
    matrix: Tensor, gradient: Tensor, step: Tensor, lower: Tensor, upper: Tensor
) -> Tensor:
    """The same within bounds by a primal-dual active set, from the free ``step`` on."""
    held = torch.minimum(torch.maximum(step, lower), upper)
    fixed = held != step
    for _ in range(ACTIVE_SETS):
        free = 1.0 * ~fixed
        coupling = (matrix @ (held * fixed)[..., None])[..., 0]
        reduced = matrix * free[:, :, None] * free[:, None, :] + (1.0 * fixed).diag_embed()
        step = _solve(reduced, held * fixed - (gradient + coupling) * free)
        held = torch.minimum(torch.maximum(step, lower), upper)
        push = (matrix @ step[..., None])[..., 0] + gradient  # > 0: the bound below holds it
        pressed = ((push > 0) & (step <= lower)) | ((push < 0) & (step >= upper))
        changed = torch.where(fixed, pressed, held != step)
        if not (changed != fixed).any():
            break
        fixed = changed
    return held


class TensorSurface:
    """A :class:`unihm.refinement.surface.Surface` for tensors; on a GPU without its k-d tree."""

    def __init__(self, surface: Surface, ops: TorchBackend) -> None:
        self._surface, self._ops = surface, ops
        self._points, self._normals = ops.array(surface.points), ops.array(surface.normals)
        self._spacing = ops.array(surface.spacing[:, None])
        self._doubt = ops.array(surface.doubt[:, None])

    def planes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Tangent planes, see :meth:`unihm.refinement.surface.Surface.planes`."""
        if x.device.type == "cpu":
            surface = self._surface
            found = surface.nearest(x.numpy().reshape(-1, 3), *surface.remembered(*x.shape[:2]))
            index = torch.as_tensor(found.reshape(*x.shape[:2], surface.neighbours))
        else:
            index = self.nearest_of_all(x)
        flat = index.reshape(-1)
        p = self._points.index_select(0, flat).reshape(*index.shape, 3)  # (B, P, K, 3)
        n = self._normals.index_select(0, flat).reshape(*index.shape, 3)
        if self._surface.neighbours == 1:
            return p[..., 0, :], n[..., 0, :]
        dot, spacing = self._ops.dot, self._spacing
        way = x[..., None, :] - p
        squared = dot(way, way)
        agree = dot(n, n[..., :1, :]) > SAME_SIDE
        # The bandwidth is about the cloud's own spacing: it averages noise and keeps edges.
        scale = (0.5 / (BANDWIDTH * spacing) ** 2)[..., None]
        weight = torch.exp((squared[..., :1] - squared) * scale) * agree
        weight = (weight / weight.sum(-1)[..., None])[..., None, :]
        p = (weight @ p)[..., 0, :]
        n = (weight @ n)[..., 0, :]
        n = n / torch.sqrt(dot(n, n))[..., None]
        way = x - p
        n = self._turned(x, n, dot(way, n))
        gap = torch.sqrt(dot(way, way)) + 1e-12
        cosine = dot(way, n) / gap
        # 1 within 45 deg of the normal, deep inside, or nearer than the points are to each other;
        # 0 beyond 70 deg. Less would see edges around every hole, more would miss true edges.
        on_face = (2.5 * cosine - 0.75).clamp(0.0, 1.0)
        on_face = torch.where((cosine < -0.5) | (gap < 2.0 * spacing), 1.0, on_face)[..., None]
        n = on_face * n + (1.0 - on_face) * way / gap[..., None]
        return p, n / torch.sqrt(dot(n, n))[..., None]

    def _turned(self, x: Tensor, n: Tensor, along: Tensor) -> Tensor:
        """Normals ``n`` turned round where ``x`` is behind a thin wall."""
        b, i = (along < -self._doubt).nonzero(as_tuple=True)
        if len(b):
            points = self._whole[0][0 * b if self._surface.shared else b]
            to_all = points - x[b, i][:, None]  # (R, N, 3)
            behind = -self._ops.dot(to_all, n[b, i][:, None])
            squared = self._ops.dot(to_all, to_all)
            cone = (behind > 0) & (behind**2 > BEHIND**2 * squared) & (squared < _FILL**2)
            thin = ~cone.any(1)
            n[b[thin], i[thin]] = -n[b[thin], i[thin]]
        return n

    def nearest_of_all(self, x: Tensor) -> Tensor:
        """Indices (B, P, K) of the nearest points, by comparison with every point of the cloud."""
        points, starts = self._whole
        # Differences, not the matrix product that cdist would use: that loses half the digits.
        gap = torch.cdist(
            x, points.expand(len(x), -1, -1), compute_mode="donot_use_mm_for_euclid_dist"
        )
        return torch.topk(gap, self._surface.neighbours, largest=False).indices + starts

    @cached_property
    def _whole(self) -> tuple[Tensor, Tensor]:
        """Points (C, N, 3) of all clouds, filled up with some far away, and where each starts."""
        surface = self._surface
        counts = np.diff(surface.starts)
        padded = np.full((len(counts), counts.max(), 3), _FILL)
        for cloud, start, count in zip(padded, surface.starts, counts):
            cloud[:count] = surface.points[start : start + count]
        return self._ops.array(padded), self._ops.array(surface.starts[:-1, None, None])
