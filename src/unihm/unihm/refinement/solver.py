"""Damped Gauss-Newton for one frame of B sequences at once (equations 17, 18, B25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unihm.refinement.chain import ChainArrays
from unihm.refinement.surface import Surface
from unihm.refinement.terms import Prior, Probes, State, Term

_EASE, _TIGHTEN = 0.3, 5.0  # factors of the damping after a decrease and an increase
_DAMPING_RANGE = (1e-9, 1e9)


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
    surface: Surface
    R_reference: Any
    probes: Probes
    terms: Sequence[Term]
    prior: Prior
    lower: Any
    upper: Any

    def state(self, y: Any) -> State:
        """Kinematics and correspondences at ``y`` (B, D)."""
        arrays, probes = self.arrays, self.probes
        links, screws = arrays.forward(y, self.R_reference)
        x = arrays.points(links, probes.link, probes.xyz)
        p, n = self.surface.planes(x, arrays.xp)
        d = ((x - p) * n).sum(-1) - probes.radius
        return State(arrays, links, screws, probes, x, n, d)

    def linearise(self, y: Any) -> tuple[Any, Any, Any]:
        """Energy (B,), gradient (B, D) and Gauss-Newton matrix (B, D, D) at ``y``."""
        xp = self.arrays.xp
        state = self.state(y)
        stacked = [term(state) for term in self.terms]
        if len(stacked) == 1:
            r, J = stacked[0]
        else:
            r = xp.concatenate([r for r, _ in stacked], 1)
            J = xp.concatenate([J for _, J in stacked], 1)
        Jt = xp.swapaxes(J, 1, 2)
        energy = 0.5 * (r * r).sum(-1) + sum(self.prior.energies(y))
        gradient = (Jt @ r[..., None])[..., 0] + self.prior.gradient(y)
        return energy, gradient, Jt @ J + self.prior.matrix()


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
        tolerance: the largest component of all steps below which the iterations end; 0 never.
    """
    xp = problem.arrays.xp
    scale = xp.diagonal(problem.prior.matrix())
    eye = xp.diagflat(scale) if xp.__name__ == "torch" else xp.diag(scale)
    energy, gradient, matrix = problem.linearise(y)
    lam = xp.full_like(energy, damping)
    taken = xp.zeros_like(energy)
    for _ in range(iterations):
        step = _bounded_step(
            matrix + lam[:, None, None] * eye, gradient, problem.lower - y, problem.upper - y, xp
        )
        trial = y + step
        new_energy, new_gradient, new_matrix = problem.linearise(trial)
        better = new_energy < energy
        lam = xp.clip(lam * xp.where(better, _EASE, _TIGHTEN), *_DAMPING_RANGE)
        if better.all():
            y, energy, gradient, matrix = trial, new_energy, new_gradient, new_matrix
        else:
            row, cell = better[:, None], better[:, None, None]
            y = xp.where(row, trial, y)
            energy = xp.where(better, new_energy, energy)
            gradient = xp.where(row, new_gradient, gradient)
            matrix = xp.where(cell, new_matrix, matrix)
        taken = taken + better
        if tolerance > 0 and float(xp.abs(step).max()) < tolerance:
            break
    return Solution(y, energy, taken)


def _bounded_step(matrix: Any, gradient: Any, lower: Any, upper: Any, xp: Any) -> Any:
    """Minimise 1/2 s.H s + g.s within bounds, to the first change of the active set.

    Coordinates whose free step leaves the bounds are put on them, and the others are solved for
    again with those fixed.
    """
    step = xp.linalg.solve(matrix, -gradient[..., None])[..., 0]
    out = (step < lower) | (step > upper)
    if not out.any():
        return step
    fixed = xp.where(out, xp.minimum(xp.maximum(step, lower), upper), 0.0)
    free = (~out) * xp.ones_like(step)
    coupling = (matrix @ fixed[..., None])[..., 0]
    reduced = matrix * free[:, :, None] * free[:, None, :]
    diagonal = xp.arange(step.shape[1], device=step.device) if xp.__name__ == "torch" else range(
        step.shape[1]
    )
    reduced[:, diagonal, diagonal] = reduced[:, diagonal, diagonal] + (1.0 - free)
    target = -(gradient + coupling) * free + fixed
    step = xp.linalg.solve(reduced, target[..., None])[..., 0]
    return xp.minimum(xp.maximum(step, lower), upper)
