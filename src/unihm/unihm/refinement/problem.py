"""One frame of B sequences as a problem of damped least squares (equations 17, 18, B25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unihm.refinement.backend import Planes
from unihm.refinement.chain import ChainArrays, LinkPointsAt
from unihm.refinement.terms import Prior, State, Term


@dataclass
class FrameProblem:
    """Everything that is constant while one frame is solved.

    Attributes:
        arrays: the hand's constants.
        surface: nearest points.
        R_reference: (B, 3, 3), see :mod:`unihm.refinement.chain`.
        probes: spheres compared with the surface.
        terms: the residual terms.
        prior: the quadratic priors.
        lower: (B, D) hard bounds.
        upper: (B, D).
    """

    arrays: ChainArrays
    surface: Planes
    R_reference: Any
    probes: LinkPointsAt
    terms: Sequence[Term]
    prior: Prior
    lower: Any
    upper: Any

    def state(self, y: Any) -> State:
        """Kinematics and correspondences at ``y`` (B, D)."""
        arrays, ops = self.arrays, self.arrays.ops
        links, screws = arrays.forward(y, self.R_reference)
        x = arrays.points(links, self.probes)
        p, n = self.surface.planes(x)
        d = ops.dot(x - p, n) - self.probes.radius
        return State(arrays, y, links, screws, self.probes, x, n, d)

    def linearise(self, y: Any, wanted: Any = None) -> tuple[Any, Any, Any]:
        """Energy (B,), gradient (B, D) and Gauss-Newton matrix (B, D, D) at ``y``, of all."""
        ops, state = self.arrays.ops, self.state(y)
        energy, gradient, matrix = self.prior(y)
        for term in self.terms:
            r, J = term(state)
            energy, gradient, matrix = ops.accumulate(energy, gradient, matrix, r, J)
        return energy, gradient, matrix

    def scale(self, matrix: Any) -> Any:
        """The damping is lambda diag(W)."""
        return self.prior.scale

    def room(self, y: Any) -> tuple[Any, Any]:
        """Up to the hard bounds."""
        return self.lower - y, self.upper - y

    def moved(self, y: Any, step: Any) -> Any:
        """Their sum."""
        return y + step
