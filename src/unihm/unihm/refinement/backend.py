"""The few array operations whose names, or whose speed, differ between numpy and torch.

Everything else is written once, with operators and functions that ``xp`` (the module) has in both,
but for the innermost steps, which are compiled for numpy: on arrays of a few dozen numbers the
call of an array function is what costs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unihm.transforms import dot

_ZERO = np.zeros(())
_TINY = 1e-14  # rad^2, added to a squared angle so that it can be divided by
# phi @ this, as (3, 3), is the matrix of the cross product with phi.
_SKEW = np.array(
    [[0, 0, 0, 0, 0, -1, 0, 1, 0], [0, 0, 1, 0, 0, 0, -1, 0, 0], [0, -1, 0, 1, 0, 0, 0, 0, 0]],
    float,
)


class NumpyBackend:
    """Arrays are numpy's; what costs most is compiled (:mod:`unihm.refinement.compiled`)."""

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

    def dot(self, a: Any, b: Any) -> Any:
        """Inner product along the last axis."""
        return dot(a, b)

    def positive(self, a: Any) -> Any:
        """max(a, 0)."""
        return np.maximum(a, _ZERO)

    def zeros(self, *shape: int) -> Any:
        """Float64 zeros."""
        return np.zeros(shape)

    def every(self, a: Any) -> bool:
        """Whether all of a (B,) are true."""
        return bool(a[0]) if len(a) == 1 else bool(a.all())


class TorchBackend:
    """Arrays are torch tensors of float64 on one device."""

    def __init__(self, device: str) -> None:
        import torch

        self.xp = torch
        self.device = torch.device(device)
        self._skew, self._eye = self.array(_SKEW), self.array(np.eye(3))

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

    def exponential(self, phi: Any) -> tuple[Any, Any]:
        """exp(phi) and the left Jacobian J_l(phi) of SO(3), (B, 3, 3) each."""
        xp = self.xp
        squared = (self.dot(phi, phi) + _TINY)[:, None, None]
        angle = xp.sqrt(squared)
        K = (phi @ self._skew).reshape(-1, 3, 3)
        KK = K @ K
        sine, half = xp.sin(angle), xp.sin(0.5 * angle)
        versine = 2.0 * half * half / squared
        rotation = self._eye + (sine / angle) * K + versine * KK
        return rotation, self._eye + versine * K + (angle - sine) / (squared * angle) * KK


Backend = NumpyBackend | TorchBackend


@cache
def backend_for(device: str | None) -> Backend:
    """numpy for None, else torch on a device such as ``cpu`` or ``cuda``."""
    return NumpyBackend() if device is None else TorchBackend(device)
