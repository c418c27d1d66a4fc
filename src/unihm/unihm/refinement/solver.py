"""Damped Gauss-Newton for one frame of B sequences at once (equations 17, 18, B25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unihm.refinement.backend import Planes
from unihm.refinement.chain import ChainArrays, LinkPointsAt
from unihm.refinement.terms import Prior, State, Term

_EASE, _TIGHTEN = 0.3, 5.0  # factors of the damping after a decrease and an increase


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

    def linearise(self, y: Any) -> tuple[Any, Any, Any]:
        """Energy (B,), gradient (B, D) and Gauss-Newton matrix (B, D, D) at ``y``."""
        ops, state = self.arrays.ops, self.state(y)
        energy, gradient, matrix = self.prior(y)
        for term in self.terms:
            r, J = term(state)
            energy, gradient, matrix = ops.accumulate(energy, gradient, matrix, r, J)
        return energy, gradient, matrix


@dataclass
class Solution:
    """Where the iterations ended.

    Attributes:
        y: (B, D).
        energy: (B,).
        iterations: (B,) steps that lowered the energy.
    """

    y: Any
    energy: Any
    iterations: Any


def solve(
    problem: FrameProblem, y: Any, iterations: int, damping: float, tolerance: float
) -> Solution:
    """Minimise the energy of a frame from ``y`` (B, D) on, within the hard bounds.

    Every iteration takes the correspondences and the linearisation at the current point, solves
    B25 with damping lambda diag(W) and keeps the step of a sequence only where the energy, with
    correspondences of its own, became less; lambda follows. The energy never rises.

    Args:
        problem: the frame.
        y: (B, D) start, within the bounds.
        iterations: at most this many.
        damping: the first lambda.
        tolerance: a sequence whose step has no larger component stays where it is; 0: never.
    """
    ops = problem.arrays.ops
    xp = ops.xp
    scale = xp.diag(problem.prior.matrix)
    energy, gradient, matrix = problem.linearise(y)
    lam = xp.full_like(energy, damping)
    taken = xp.zeros_like(energy)
    done = taken > 0
    for _ in range(iterations):
        step = ops.bounded_step(matrix, lam, scale, gradient, problem.lower - y, problem.upper - y)
        trial = y + step
        new_energy, new_gradient, new_matrix = problem.linearise(trial)
        better = new_energy < energy
        if tolerance > 0:
            better = better & ~done
            done = done | (xp.amax(abs(step), 1) < tolerance)
        if ops.every(better):
            y, energy, gradient, matrix = trial, new_energy, new_gradient, new_matrix
            lam = _EASE * lam
        else:
            row, cell = better[:, None], better[:, None, None]
            y = xp.where(row, trial, y)
            energy = xp.where(better, new_energy, energy)
            gradient = xp.where(row, new_gradient, gradient)
            matrix = xp.where(cell, new_matrix, matrix)
            lam = lam * xp.where(better, _EASE, _TIGHTEN)
        taken = taken + better
        if tolerance > 0 and ops.every(done):
            break
    return Solution(y, energy, taken)
