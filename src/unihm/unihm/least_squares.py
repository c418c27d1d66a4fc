"""Damped least squares within bounds (Levenberg-Marquardt), many small problems at once.

The energy of a problem is 1/2 r.r (or twice that: only its order matters). Near x it is taken for
the quadratic form with gradient g = J^T r and Gauss-Newton matrix J^T J, and the step s minimises

    1/2 s.(J^T J + lambda diag(scale)) s + g.s    where    lower <= s <= upper,

by a few rounds of a primal-dual active set (Hintermueller et al. 2002). Refinement,
retargeting and the synthesis of grasps call :func:`minimise`; the arm's inverse kinematics, which
wants a root and no minimum, takes :func:`damped_step` by itself.

B problems, D coordinates each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numba
import numpy as np

from unihm.transforms import FloatArray

ACTIVE_SETS = 4  # tried for one step
_EASE, _TIGHTEN = 0.3, 5.0  # factors of lambda after a decrease and an increase

njit: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy")


class Problem(Protocol):
    """What :func:`minimise` asks of B problems."""

    def linearise(self, x: Any, wanted: Any) -> tuple[Any, Any, Any]:
        """Energy (B,), gradient (B, D) and Gauss-Newton matrix (B, D, D) at ``x``.

        Of problems that are not ``wanted`` (B,) bool the energy is enough; None: all are.
        """
        ...

    def scale(self, matrix: Any) -> Any:
        """Diagonals (B, D) that the damping multiplies."""
        ...

    def room(self, x: Any) -> tuple[Any, Any]:
        """Bounds (B, D) of a step from ``x``, not above and not below 0."""
        ...

    def moved(self, x: Any, step: Any) -> Any:
        """``x`` after ``step`` (B, D): its sum, where x is a vector."""
        ...


class Arrays(Protocol):
    """Where the arrays live: numpy's, or those of torch on a device."""

    xp: Any

    def every(self, a: Any) -> bool:
        """Whether all of a (B,) are true."""
        ...

    def bounded_step(
        self, matrix: Any, lam: Any, scale: Any, gradient: Any, lower: Any, upper: Any
    ) -> Any:
        """See :func:`bounded_step`."""
        ...


@dataclass
class Solution:
    """Where the iterations ended.

    Attributes:
        x: like the start.
        energy: (B,).
        iterations: (B,) steps that lowered the energy.
    """

    x: Any
    energy: Any
    iterations: Any


class NumpyArrays:
    """See :class:`Arrays`."""

    xp: Any = np

    def every(self, a: Any) -> bool:
        """Whether all of a (B,) are true."""
        return bool(a[0]) if len(a) == 1 else bool(a.all())

    def bounded_step(
        self, matrix: Any, lam: Any, scale: Any, gradient: Any, lower: Any, upper: Any
    ) -> Any:
        """See :func:`bounded_step`."""
        return bounded_step(matrix, lam, scale, gradient, lower, upper)


def minimise(
    problem: Problem,
    x: Any,
    iterations: int,
    damping: float,
    tolerance: float = 0.0,
    arrays: Arrays | None = None,
) -> Solution:
    """Lower the energies of B problems from ``x`` on, within their bounds.

    Every iteration linearises at the current point and keeps the step of a problem only where its
    energy became less; lambda follows. No energy ever rises.

    Args:
        problem: all B of them.
        x: (B, X) start, within the bounds.
        iterations: at most this many.
        damping: the first lambda.
        tolerance: a problem that made a step without a larger component is done; 0: never.
        arrays: where ``x`` lives; numpy's unless said.
    """
    arrays = arrays or NumpyArrays()
    xp = arrays.xp
    energy, gradient, matrix = problem.linearise(x, None)
    lam = xp.full_like(energy, damping)
    taken = xp.zeros_like(energy)
    going = None if tolerance == 0 else taken == 0
    for left in range(iterations - 1, -1, -1):
        step = arrays.bounded_step(matrix, lam, problem.scale(matrix), gradient, *problem.room(x))
        trial = problem.moved(x, step)
        before = going
        if going is not None:
            going = going & (xp.amax(abs(step), 1) >= tolerance) & (left > 0)
        new_energy, new_gradient, new_matrix = problem.linearise(trial, going)
        better = new_energy < energy
        if before is not None:
            better = better & before
        if arrays.every(better):
            x, energy, gradient, matrix = trial, new_energy, new_gradient, new_matrix
            lam = _EASE * lam
        else:
            row, cell = better[:, None], better[:, None, None]
            x = xp.where(row, trial, x)
            energy = xp.where(better, new_energy, energy)
            gradient = xp.where(row, new_gradient, gradient)
            matrix = xp.where(cell, new_matrix, matrix)
            lam = lam * xp.where(better, _EASE, _TIGHTEN)
        taken = taken + better
        if going is not None and not going.any():
            break
    return Solution(x, energy, taken)


def bounded_step(
    matrix: FloatArray,
    lam: FloatArray,
    scale: FloatArray,
    gradient: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
) -> FloatArray:
    """The step (B, D) that minimises the damped quadratic form within bounds.

    Args:
        matrix: (B, D, D) J^T J, positive semi-definite.
        lam: (B,) damping, in units of ``scale``.
        scale: (B, D) diagonals, positive.
        gradient: (B, D) J^T r.
        lower: (B, D) not above 0.
        upper: (B, D) not below 0.
    """
    return _bounded_step(matrix, lam, scale, gradient, lower, upper, ACTIVE_SETS)


def damped_step(
    J: FloatArray, r: FloatArray, damping: float, lower: FloatArray, upper: FloatArray
) -> FloatArray:
    """The step s (D,) that minimises |r + J s|^2 + damping |s|^2 within bounds.

    Args:
        J: (R, D).
        r: (R,).
        damping: lambda, positive.
        lower: (D,) not above 0.
        upper: (D,) not below 0.
    """
    return bounded_step(
        (J.T @ J)[None],
        np.array([damping]),
        np.ones((1, J.shape[1])),
        (J.T @ r)[None],
        lower[None],
        upper[None],
    )[0]


def warm_up() -> None:
    """Load what is compiled; numba looks for its own parts first, which takes it a second."""
    damped_step(np.eye(1), np.zeros(1), 1.0, np.full(1, -1.0), np.ones(1))


@njit
def _bounded_step(matrix, lam, scale, gradient, lower, upper, tries):
    """Steps (B, D) of (matrix + lam diag(scale)) s = -gradient within bounds.

    Coordinates that leave their bounds are held on them, those that are pushed back inside are
    released, and the others are solved for again, until nothing changes or ``tries`` times.
    """
    count, size = gradient.shape
    steps = np.empty((count, size))
    H, A = np.empty((size, size)), np.empty((size, size))
    step, held, fixed = np.empty(size), np.empty(size), np.zeros(size)
    for b in range(count):
        for i in range(size):
            for j in range(size):
                H[i, j] = A[i, j] = matrix[b, i, j]
            H[i, i] += lam[b] * scale[b, i]
            A[i, i] = H[i, i]
            step[i] = -gradient[b, i]
        _solve(A, step)
        outside = False
        for i in range(size):
            held[i] = min(max(step[i], lower[b, i]), upper[b, i])
            fixed[i] = held[i] != step[i]
            outside |= held[i] != step[i]
        for _ in range(tries if outside else 0):
            # Held coordinates leave the system: their rows become those of the identity.
            for i in range(size):
                step[i] = held[i] if fixed[i] else -gradient[b, i]
                for j in range(size):
                    A[i, j] = H[i, j]
                    if fixed[j] and not fixed[i]:
                        step[i] -= H[i, j] * held[j]
                    if fixed[i] or fixed[j]:
                        A[i, j] = 1.0 if i == j else 0.0
            _solve(A, step)
            changed = False
            for i in range(size):
                held[i] = min(max(step[i], lower[b, i]), upper[b, i])
                if fixed[i]:
                    push = gradient[b, i]  # > 0: the bound below holds it
                    for j in range(size):
                        push += H[i, j] * step[j]
                    now = (push > 0 and step[i] <= lower[b, i]) or (
                        push < 0 and step[i] >= upper[b, i]
                    )
                else:
                    now = held[i] != step[i]
                changed |= now != fixed[i]
                fixed[i] = now
            if not changed:
                break
        for i in range(size):
            steps[b, i] = held[i]
    return steps


@njit
def _solve(A, x):
    """Turn the right side ``x`` (D,) of a positive definite system (D, D) into its solution.

    The lower triangle of A becomes a factor with A = L^T L, row by row from the last, so that the
    inner loops run along memory. Joints come last and are eliminated first: those of different
    fingers meet in the wrist only, which comes first, so nothing is filled in between them.
    """
    size = len(x)
    for j in range(size - 1, -1, -1):
        root = np.sqrt(A[j, j])
        for m in range(j + 1):
            A[j, m] /= root
        x[j] /= root
        for i in range(j):
            factor = A[j, i]
            if factor != 0.0:
                x[i] -= factor * x[j]
                for m in range(i + 1):
                    A[i, m] -= factor * A[j, m]
    for i in range(size):
        total = x[i]
        for m in range(i):
            total -= A[i, m] * x[m]
        x[i] = total / A[i, i]
