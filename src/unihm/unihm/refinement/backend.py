"""The few array operations whose names, or whose speed, differ between numpy and torch.

Everything else in the solver is written once, with operators and functions that ``xp`` (the
module) has in both. On arrays of a few dozen numbers the call itself is what costs, so numpy's
slower conveniences (``np.cross``, fancy indexing, ``np.linalg.solve`` for one system) are avoided.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from scipy.linalg.lapack import dposv

from unihm.types import FloatArray

_ZERO = np.zeros(())
_TINY = 1e-14  # rad^2, added to a squared angle so that it can be divided by
_EYE = np.eye(3)
# phi @ this, as (3, 3), is the matrix of the cross product with phi.
_SKEW = np.array(
    [[0, 0, 0, 0, 0, -1, 0, 1, 0], [0, 0, 1, 0, 0, 0, -1, 0, 0], [0, -1, 0, 1, 0, 0, 0, 0, 0]],
    float,
)
_NEXT, _AFTER = np.array([1, 2, 0]), np.array([2, 0, 1])


class _Rotations:
    """Rotation vectors to matrices, for any backend."""

    xp: Any = np
    skew: Any = _SKEW
    eye: Any = _EYE

    def dot(self, a: Any, b: Any) -> Any:
        """Inner product along the last axis."""
        raise NotImplementedError

    def exponential(self, phi: Any) -> tuple[Any, Any]:
        """exp(phi) and the left Jacobian J_l(phi) of SO(3), (B, 3, 3) each."""
        xp = self.xp
        squared = (self.dot(phi, phi) + _TINY)[:, None, None]
        angle = xp.sqrt(squared)
        K = (phi @ self.skew).reshape(-1, 3, 3)
        KK = K @ K
        sine, half = xp.sin(angle), xp.sin(0.5 * angle)
        versine = 2.0 * half * half / squared
        rotation = self.eye + (sine / angle) * K + versine * KK
        return rotation, self.eye + versine * K + (angle - sine) / (squared * angle) * KK


class NumpyBackend(_Rotations):
    """Arrays are numpy's."""

    def array(self, values: Any) -> Any:
        """``values`` where the solver computes."""
        return np.asarray(values)

    def host(self, values: Any) -> Any:
        """``values`` as a numpy array."""
        return values

    def take(self, a: Any, index: Any, axis: int) -> Any:
        """Entries ``index`` (I,) of an axis."""
        return a.take(index, axis)

    def cross(self, a: Any, b: Any) -> Any:
        """Cross product along the last axis."""
        return a.take(_NEXT, -1) * b.take(_AFTER, -1) - a.take(_AFTER, -1) * b.take(_NEXT, -1)

    def dot(self, a: Any, b: Any) -> Any:
        """Inner product along the last axis."""
        return np.vecdot(a, b)

    def positive(self, a: Any) -> Any:
        """max(a, 0)."""
        return np.maximum(a, _ZERO)

    def zeros(self, *shape: int) -> Any:
        """Float64 zeros."""
        return np.zeros(shape)

    def every(self, a: Any) -> bool:
        """Whether all of a (B,) are true."""
        return bool(a[0]) if len(a) == 1 else bool(a.all())

    def exponential(self, phi: Any) -> tuple[Any, Any]:
        """exp(phi) and the left Jacobian J_l(phi) of SO(3), (B, 3, 3) each."""
        if len(phi) > 1:
            return super().exponential(phi)
        x, y, z = phi[0].tolist()
        squared = x * x + y * y + z * z + _TINY
        angle = math.sqrt(squared)
        sine, half = math.sin(angle), math.sin(0.5 * angle)
        a, b = sine / angle, 2.0 * half * half / squared
        c = (angle - sine) / (squared * angle)
        return _about(x, y, z, squared, a, b), _about(x, y, z, squared, b, c)

    def arange(self, count: int) -> Any:
        """0, 1, ... count - 1."""
        return np.arange(count)

    def solve(self, matrix: Any, right: Any) -> Any:
        """Solutions (B, D) of symmetric positive definite systems (B, D, D) and (B, D)."""
        if len(matrix) == 1:
            _, x, info = dposv(matrix[0], right[0])
            if info == 0:
                return x[None]
        return np.linalg.solve(matrix, right[..., None])[..., 0]


class TorchBackend(_Rotations):
    """Arrays are torch tensors of float64 on one device."""

    def __init__(self, device: str) -> None:
        import torch

        self.xp = torch
        self.device = torch.device(device)
        self.skew, self.eye = self.array(_SKEW), self.array(_EYE)

    def array(self, values: Any) -> Any:
        """``values`` where the solver computes."""
        return self.xp.as_tensor(values, device=self.device)

    def host(self, values: Any) -> Any:
        """``values`` as a numpy array."""
        return values.cpu().numpy()

    def take(self, a: Any, index: Any, axis: int) -> Any:
        """Entries ``index`` (I,) of an axis."""
        return a.index_select(axis, index)

    def cross(self, a: Any, b: Any) -> Any:
        """Cross product along the last axis."""
        return self.xp.linalg.cross(*self.xp.broadcast_tensors(a, b))

    def dot(self, a: Any, b: Any) -> Any:
        """Inner product along the last axis."""
        return (a * b).sum(-1)

    def positive(self, a: Any) -> Any:
        """max(a, 0)."""
        return self.xp.relu(a)

    def every(self, a: Any) -> bool:
        """Whether all of a (B,) are true."""
        return bool(a.all())

    def zeros(self, *shape: int) -> Any:
        """Float64 zeros."""
        return self.xp.zeros(shape, dtype=self.xp.float64, device=self.device)

    def arange(self, count: int) -> Any:
        """0, 1, ... count - 1."""
        return self.xp.arange(count, device=self.device)

    def solve(self, matrix: Any, right: Any) -> Any:
        """Solutions (B, D) of symmetric positive definite systems (B, D, D) and (B, D)."""
        factor = self.xp.linalg.cholesky_ex(matrix).L
        return self.xp.cholesky_solve(right[..., None], factor)[..., 0]


Backend = NumpyBackend | TorchBackend


def _about(x: float, y: float, z: float, squared: float, a: float, b: float) -> FloatArray:
    """I + a K + b K K (1, 3, 3) for K = skew(x, y, z): one matrix is made fastest from numbers."""
    bxy, bxz, byz = b * x * y, b * x * z, b * y * z
    rest = 1.0 - b * squared
    return np.array(
        [
            [
                [rest + b * x * x, bxy - a * z, bxz + a * y],
                [bxy + a * z, rest + b * y * y, byz - a * x],
                [bxz - a * y, byz + a * x, rest + b * z * z],
            ]
        ]
    )


@cache
def backend_for(device: str | None) -> Backend:
    """numpy for None, else torch on a device such as ``cpu`` or ``cuda``."""
    return NumpyBackend() if device is None else TorchBackend(device)
