"""The few array operations whose names, or whose speed, differ between numpy and torch.

Everything else in the solver is written once, with operators and functions that ``xp`` (the
module) has in both. On arrays of a few dozen numbers the call itself is what costs, so numpy's
slower conveniences (``np.cross``, fancy indexing, ``np.linalg.solve`` for one system) are avoided.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.linalg.lapack import dposv

_ZERO = np.zeros(())
_NEXT, _AFTER = np.array([1, 2, 0]), np.array([2, 0, 1])


class NumpyBackend:
    """Arrays are numpy's."""

    xp: Any = np

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


class TorchBackend:
    """Arrays are torch tensors of float64 on one device."""

    def __init__(self, device: str) -> None:
        import torch

        self.xp: Any = torch
        self.device = torch.device(device)

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


@cache
def backend_for(device: str | None) -> Backend:
    """numpy for None, else torch on a device such as ``cpu`` or ``cuda``."""
    return NumpyBackend() if device is None else TorchBackend(device)
