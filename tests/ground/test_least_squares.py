"""Damped least squares within bounds, against scipy, torch's twin, and itself."""

import numpy as np
import pytest
from scipy.optimize import least_squares, lsq_linear
from unihm.least_squares import bounded_step, damped_step, minimise
from unihm.refinement.torch_backend import TorchBackend


def random_steps(seed: int, count: int = 200, size: int = 9, tight: float = 0.8):
    """Arguments of bounded_step whose free steps leave a few of their bounds."""
    rng = np.random.default_rng(seed)
    J = rng.normal(size=(count, size + 3, size))
    return (
        J.swapaxes(1, 2) @ J,
        rng.uniform(1e-3, 1.0, count),
        rng.uniform(0.1, 2.0, (count, size)),
        rng.normal(size=(count, size)) * 2.0,
        -rng.uniform(0.0, tight, (count, size)),
        rng.uniform(0.0, tight, (count, size)),
    )


def quadratic(s, matrix, lam, scale, gradient):
    H = matrix + np.einsum("b,bd,de->bde", lam, scale, np.eye(len(s[0])))
    return np.einsum("bd,bde,be->b", s, H, s) / 2 + (gradient * s).sum(axis=1)


def test_the_step_is_the_least_within_its_bounds():
    matrix, lam, scale, gradient, lower, upper = random_steps(0)
    step = bounded_step(matrix, lam, scale, gradient, lower, upper)
    assert (step >= lower).all()
    assert (step <= upper).all()
    best = []
    for b in range(len(step)):
        root = np.linalg.cholesky(matrix[b] + lam[b] * np.diag(scale[b])).T
        right = -np.linalg.solve(root.T, gradient[b])
        room = (lower[b], np.maximum(upper[b], lower[b] + 1e-12))
        best.append(lsq_linear(root, right, room, tol=1e-14).x)
    bounded = ((step == lower) | (step == upper)).sum(axis=1)
    assert (bounded > 0).mean() > 0.5
    found = quadratic(step, matrix, lam, scale, gradient)
    wanted = quadratic(np.array(best), matrix, lam, scale, gradient)
    # So few active sets are tried that a rare step is only nearly the best.
    assert (found - wanted < 1e-8).mean() > 0.97
    assert found == pytest.approx(wanted, rel=0.1)


def test_torchs_twin_makes_the_same_steps():
    arguments = random_steps(3)
    ops = TorchBackend("cpu")
    twin = ops.host(ops.bounded_step(*map(ops.array, arguments)))
    assert twin == pytest.approx(bounded_step(*arguments), abs=1e-9)


def test_one_problem_without_bounds_is_ridge_regression():
    rng = np.random.default_rng(0)
    J, r, anywhere = rng.normal(size=(6, 7)), rng.normal(size=6), np.full(7, np.inf)
    step = damped_step(J, r, 1e-3, -anywhere, anywhere)
    assert step == pytest.approx(-np.linalg.solve(J.T @ J + 1e-3 * np.eye(7), J.T @ r))


class Valleys:
    """Rosenbrock's valley with its floor at (a, a^2), for every a of ``ends`` (B,)."""

    def __init__(self, ends, lower, upper):
        self.ends, self.lower, self.upper = np.asarray(ends, float), lower, upper
        self.energies = []

    def residuals(self, x):
        return np.stack([10.0 * (x[:, 1] - x[:, 0] ** 2), self.ends - x[:, 0]], axis=1)

    def linearise(self, x, wanted):
        r, J = self.residuals(x), np.zeros((len(x), 2, 2))
        J[:, 0, 0], J[:, 0, 1], J[:, 1, 0] = -20.0 * x[:, 0], 10.0, -1.0
        Jt = J.swapaxes(1, 2)
        gradient, matrix = (Jt @ r[..., None])[..., 0], Jt @ J
        if wanted is not None:  # nobody may look at these
            gradient[~wanted], matrix[~wanted] = np.nan, np.nan
        return 0.5 * (r**2).sum(axis=1), gradient, matrix

    def scale(self, matrix):
        return np.ones(matrix.shape[:2])

    def room(self, x):
        return self.lower - x, self.upper - x

    def moved(self, x, step):
        return x + step


@pytest.mark.parametrize("tolerance", [0.0, 1e-6])
@pytest.mark.parametrize("upper", [9.0, 0.5])
def test_the_minimum_within_bounds_is_scipys(tolerance, upper):
    ends = [1.0, 1.5, -0.5]
    problem = Valleys(ends, np.full((3, 2), -2.0), np.full((3, 2), upper))
    start = np.tile([-1.2, 0.4], (3, 1))
    found = minimise(problem, start, 200, 1e-2, tolerance)
    for b, end in enumerate(ends):
        one = Valleys([end], None, None)
        wanted = least_squares(
            lambda x, one=one: one.residuals(x[None])[0], start[b], bounds=(-2.0, upper)
        )
        assert found.x[b] == pytest.approx(wanted.x, abs=1e-3)


def test_no_energy_rises_and_what_is_done_stays():
    problem = Valleys(np.linspace(-1.0, 2.0, 20), np.full((20, 2), -2.0), np.full((20, 2), 9.0))
    x = np.tile([-1.2, 0.4], (20, 1))
    energy = problem.linearise(x, None)[0]
    for iterations in range(1, 30):
        solution = minimise(problem, x, iterations, 1e-2, 0.05)
        assert (solution.energy <= energy).all()
        assert problem.linearise(solution.x, None)[0] == pytest.approx(solution.energy)
        energy = solution.energy
