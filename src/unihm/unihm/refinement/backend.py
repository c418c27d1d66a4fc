"""What the refinement asks of numpy or torch: one interface, two implementations.

Formulas of whole terms are written once, with operators and functions that ``xp`` (the module) has
in both. The methods here are what differs: for numpy the innermost steps are compiled, since on
arrays of a few dozen numbers the call of an array function is what costs.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import numpy as np

from unihm.least_squares import Arrays, NumpyArrays
from unihm.refinement import compiled
from unihm.refinement.kernel import AT_ZERO, DEEP
from unihm.refinement.surface import Surface
from unihm.robots import Hand
from unihm.robots.numpy_kinematics import FloatingHand
from unihm.transforms import dot

_ZERO = np.zeros(())


class Kinematics(Protocol):
    """A hand with a free wrist: :class:`unihm.robots.numpy_kinematics.FloatingHand`."""

    def forward(self, y: Any, R_reference: Any) -> tuple[Any, Any]:
        """Bodies and screws."""
        ...

    def points(self, bodies: Any, row: Any, place: Any) -> Any:
        """Positions of points on bodies."""
        ...

    def rows(self, screws: Any, x: Any, direction: Any, moved_by: Any) -> Any:
        """Derivatives of points along directions."""
        ...


class Planes(Protocol):
    """The object: :class:`unihm.refinement.surface.Surface`."""

    def planes(self, x: Any) -> tuple[Any, Any]:
        """Tangent planes next to ``x``."""
        ...


class Backend(Arrays, Protocol):
    """Where the solver computes: arrays of float64, B sequences at once."""

    def array(self, values: Any) -> Any:
        """``values`` where the solver computes."""
        ...

    def host(self, values: Any) -> Any:
        """``values`` as a numpy array."""
        ...

    def dot(self, a: Any, b: Any) -> Any:
        """Inner product along the last axis."""
        ...

    def positive(self, a: Any) -> Any:
        """max(a, 0)."""
        ...

    def zeros(self, *shape: int) -> Any:
        """Float64 zeros."""
        ...

    def kinematics(self, hand: Hand) -> Kinematics:
        """The hand's tree."""
        ...

    def surface(self, surface: Surface) -> Planes:
        """The object's surface."""
        ...

    def contact(
        self, d: Any, n: Any, outside: Any, inside: Any, alpha: float, k: float
    ) -> tuple[Any, Any]:
        """Residuals (B, P) of equation 13 and their derivatives (B, P, 3) by position.

        ``d``, ``outside`` and ``inside`` are (B, P): signed distance, and what a residual is
        multiplied by on either side; ``n`` is (B, P, 3).
        """
        ...

    def quadratic(self, y: Any, mean: Any, weight: Any) -> tuple[Any, Any, Any]:
        """1/2 (y - mean)^T W (y - mean) for ``y``, ``mean`` (B, D) and ``weight`` (D, D).

        Energy (B,), gradient (B, D) and matrix (B, D, D), for :meth:`accumulate` to add to.
        """
        ...

    def accumulate(
        self, energy: Any, gradient: Any, matrix: Any, r: Any, J: Any
    ) -> tuple[Any, Any, Any]:
        """Energy, gradient and matrix with a term's 1/2 r.r, J^T r and J^T J; may be in place."""
        ...


class NumpyBackend(NumpyArrays):
    """Arrays are numpy's; what costs most is compiled (:mod:`unihm.refinement.compiled`)."""

    def array(self, values: Any) -> Any:
        """``values`` as they are."""
        return np.asarray(values)

    def host(self, values: Any) -> Any:
        """``values`` as they are."""
        return values

    def dot(self, a: Any, b: Any) -> Any:
        """Inner product along the last axis."""
        return dot(a, b)

    def positive(self, a: Any) -> Any:
        """max(a, 0)."""
        return np.maximum(a, _ZERO)

    def zeros(self, *shape: int) -> Any:
        """Float64 zeros."""
        return np.zeros(shape)

    def kinematics(self, hand: Hand) -> Kinematics:
        """The hand's tree."""
        return FloatingHand(hand)

    def surface(self, surface: Surface) -> Planes:
        """The surface itself."""
        return surface

    def contact(
        self, d: Any, n: Any, outside: Any, inside: Any, alpha: float, k: float
    ) -> tuple[Any, Any]:
        """See :meth:`Backend.contact`."""
        return compiled.contact(d, n, outside, inside, alpha, k, DEEP, AT_ZERO)

    def quadratic(self, y: Any, mean: Any, weight: Any) -> tuple[Any, Any, Any]:
        """See :meth:`Backend.quadratic`."""
        return compiled.quadratic(y, mean, weight)

    def accumulate(
        self, energy: Any, gradient: Any, matrix: Any, r: Any, J: Any
    ) -> tuple[Any, Any, Any]:
        """See :meth:`Backend.accumulate`; in place."""
        compiled.accumulate(energy, gradient, matrix, r, J)
        return energy, gradient, matrix


@cache
def backend_for(device: str | None) -> Backend:
    """numpy for None, else torch on a device such as ``cpu`` or ``cuda``."""
    if device is None:
        return NumpyBackend()
    from unihm.refinement.torch_backend import TorchBackend

    return TorchBackend(device)
