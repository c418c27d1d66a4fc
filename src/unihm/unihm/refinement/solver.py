"""Damped Gauss-Newton for one frame of B sequences at once (equations 17, 18, B25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unihm.refinement import compiled
from unihm.refinement.backend import Backend, NumpyBackend, TorchBackend
from unihm.refinement.chain import ChainArrays, LinkPointsAt
from unihm.refinement.surface import Surface
from unihm.refinement.terms import Prior, State, Term

_ACTIVE_SETS = 4  # tried for one step
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
    surface: Surface
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
        p, n = self.surface.planes(x, ops)
        d = ops.dot(x - p, n) - self.probes.radius
        return State(arrays, y, links, screws, self.probes, x, n, d)

    def linearise(self, y: Any) -> tuple[Any, Any, Any]:
        """Energy (B,), gradient (B, D) and Gauss-Newton matrix (B, D, D) at ``y``."""
        ops = self.arrays.ops
        state = self.state(y)
        energy, gradient, matrix = self.prior(y)
        for term in self.terms:
            r, J = term(state)
            if isinstance(ops, NumpyBackend):
                compiled.accumulate(energy, gradient, matrix, r, J)
                continue
            Jt = J.swapaxes(1, 2)
            energy = energy + 0.5 * ops.dot(r, r)
            gradient = gradient + (Jt @ r[..., None])[..., 0]
            matrix = matrix + Jt @ J
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
        step = bounded_step(matrix, lam, scale, gradient, problem.lower - y, problem.upper - y, ops)
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


def bounded_step(
    matrix: Any, lam: Any, scale: Any, gradient: Any, lower: Any, upper: Any, ops: Backend
) -> Any:
    """Minimise 1/2 s.H s + g.s within bounds, sequence by sequence.

    Args:
        matrix: (B, D, D) Gauss-Newton matrix; H is it and the damping.
        lam: (B,) damping, in units of ``scale``.
        scale: (D,) diagonal.
        gradient: (B, D) g.
        lower: (B, D) not above 0.
        upper: (B, D) not below 0.
        ops: where they live.
    """
    if isinstance(ops, NumpyBackend):
        return compiled.bounded_step(matrix, lam, scale, gradient, lower, upper, _ACTIVE_SETS)
    xp = ops.xp
    matrix = matrix + (lam[:, None] * scale).diag_embed()
    step = ops.solve(matrix, -gradient)
    out = (step < lower) | (step > upper)
    if out.any():
        some = out.any(1)
        step[some] = _active_set(
            matrix[some], gradient[some], step[some], lower[some], upper[some], ops
        )
    return xp.minimum(xp.maximum(step, lower), upper)


def _active_set(
    matrix: Any, gradient: Any, step: Any, lower: Any, upper: Any, ops: TorchBackend
) -> Any:
    """The same by a primal-dual active set (Hintermueller et al. 2002), from the free ``step`` on.

    Coordinates that leave their bounds are held on them, those that are pushed back inside are
    released, and the others are solved for again, until nothing changes or a few times.
    """
    xp, index = ops.xp, ops.arange(step.shape[1])
    held = xp.minimum(xp.maximum(step, lower), upper)
    fixed = held != step
    for _ in range(_ACTIVE_SETS):
        free = 1.0 * ~fixed
        coupling = (matrix @ (held * fixed)[..., None])[..., 0]
        reduced = matrix * free[:, :, None] * free[:, None, :]
        reduced[:, index, index] += 1.0 * fixed
        step = ops.solve(reduced, held * fixed - (gradient + coupling) * free)
        held = xp.minimum(xp.maximum(step, lower), upper)
        push = (matrix @ step[..., None])[..., 0] + gradient  # > 0: the bound below holds it
        pressed = ((push > 0) & (step <= lower)) | ((push < 0) & (step >= upper))
        changed = xp.where(fixed, pressed, held != step)
        if not (changed != fixed).any():
            break
        fixed = changed
    return held
