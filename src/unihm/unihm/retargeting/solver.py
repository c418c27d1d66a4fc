"""Joints and wrist that reach targets: damped least squares within limits, many frames at once.

Every frame minimises, over x = (joints, shift of the wrist, turn of the wrist),

    sum_n w_n |f_n(x) - target_n|^2  +  |x - rest|^2_R  +  |x - prior|^2_S

within box limits (:mod:`unihm.least_squares`). f_n are points of the hand in the frame that the
wrist has before its correction.
"""

from __future__ import annotations

import numpy as np

from unihm.least_squares import minimise
from unihm.robots.numpy_kinematics import PointKinematics
from unihm.transforms import BoolArray, FloatArray

WRIST = 6  # shift (3,) in metres, then turn (3,) as a rotation vector
WRIST_LIMIT = np.array([0.06] * 3 + [0.6] * 3)
BLOCK = 256  # frames at a time, so that the Jacobians stay in the cache
STEP = 0.1  # a frame whose step is smaller is done: the next one would be its square
COLD_DAMPING, WARM_DAMPING = 1e-3, 1e-6  # at the start, without and with a prior
#: v @ SKEW is the matrix of the cross product with v, flattened.
SKEW = np.array([np.cross(np.eye(3), axis) for axis in np.eye(3)]).reshape(3, 9)
DIAGONAL = np.arange(4)


class TargetSolver:
    """The problem of one hand; D = J + 6 variables.

    Args:
        kinematics: of the N points.
        weights: (N,) of the points.
        lower, upper: (J,) limits.
        rest, rest_weight: (D,).
        smoothness: (D,) S, where a prior is given.
        wrist_limit: (6,) bounds of shift and turn, either way.
    """

    def __init__(
        self,
        kinematics: PointKinematics,
        weights: FloatArray,
        lower: FloatArray,
        upper: FloatArray,
        rest: FloatArray,
        rest_weight: FloatArray,
        smoothness: FloatArray,
        wrist_limit: FloatArray = WRIST_LIMIT,
    ) -> None:
        self.kinematics = kinematics
        self._root_weight = np.sqrt(weights)[:, None]
        self.lower = np.concatenate([lower, -wrist_limit])
        self.upper = np.concatenate([upper, wrist_limit])
        self._rest, self._rest_weight, self._smoothness = rest, rest_weight, smoothness
        self._diagonal = np.arange(len(rest))

    def correction(self, x: FloatArray) -> FloatArray:
        """T_before_after (B, 4, 4) of the wrist: its shift, and Rodrigues' formula."""
        turn = x[:, -3:]
        # The small number only keeps the quotients sin(a) / a and (1 - cos(a)) / a^2 defined.
        angle = np.sqrt((turn * turn).sum(axis=1) + 1e-24)[:, None, None]
        K = (turn @ SKEW).reshape(-1, 3, 3)
        transform = np.zeros((len(x), 4, 4))
        transform[:, :3, :3] = (np.sin(angle) / angle) * K
        transform[:, :3, :3] += (2 * (np.sin(angle / 2) / angle) ** 2) * (K @ K)
        transform[:, DIAGONAL, DIAGONAL] += 1.0
        transform[:, :3, 3] = x[:, -6:-3]
        return transform

    def solve(
        self, x: FloatArray, targets: FloatArray, prior: FloatArray | None, iterations: int
    ) -> tuple[FloatArray, FloatArray]:
        """Better variables (B, D) from ``x``, and where the points (B, N, 3) are with them.

        ``targets`` is (B, N, 3), ``prior`` (B, D). A frame is done when its step is small.
        """
        x = np.clip(x, self.lower, self.upper)
        damping = COLD_DAMPING if prior is None else WARM_DAMPING
        for i in range(0, len(x), BLOCK):
            part = slice(i, i + BLOCK)
            frames = _Frames(self, targets[part], None if prior is None else prior[part])
            x[part] = minimise(frames, x[part], iterations, damping, STEP).x
        return x, self.kinematics.positions(x[:, :-WRIST], self.correction(x))

    def cost(
        self,
        x: FloatArray,
        reached: FloatArray,
        targets: FloatArray,
        prior: FloatArray | None = None,
    ) -> FloatArray:
        """Value (B,) of the objective with points at ``reached`` (B, N, 3)."""
        weighted = (self._root_weight * (reached - targets)).reshape(len(x), -1)
        cost = (weighted * weighted).sum(axis=1) + ((x - self._rest) ** 2) @ self._rest_weight
        if prior is not None:
            cost += ((x - prior) ** 2) @ self._smoothness
        return cost

    def normal_equations(
        self,
        x: FloatArray,
        residual: FloatArray,
        jacobian: FloatArray,
        prior: FloatArray | None,
    ) -> tuple[FloatArray, FloatArray]:
        """Gradient (B, D) and Gauss-Newton matrix (B, D, D) of half the objective."""
        weighted = (self._root_weight * residual).reshape(len(x), -1, 1)
        gradient = (jacobian @ weighted)[..., 0] + self._rest_weight * (x - self._rest)
        pull = self._rest_weight
        if prior is not None:
            gradient += self._smoothness * (x - prior)
            pull = pull + self._smoothness
        matrix = jacobian @ jacobian.swapaxes(1, 2)
        matrix[:, self._diagonal, self._diagonal] += pull
        return gradient, matrix

    def linearise(self, x: FloatArray, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residuals (B, N, 3); weighted Jacobian, transposed: (B, D, 3 N)."""
        jacobian = np.zeros((*x.shape, *targets.shape[1:]))  # (B, D, N, 3)
        position, _ = self.kinematics.positions_and_jacobian(
            x[:, :-WRIST], self.correction(x), out=jacobian
        )
        jacobian[:, -6:-3] = np.eye(3)[:, None]
        # e_k x arm, for the arm from the wrist; exact without a turn, and turns are small.
        arm = position - x[:, None, -6:-3]
        turned = (arm @ -SKEW).reshape(*arm.shape, 3)  # (B, N, 3, k)
        jacobian[:, -3:] = turned.transpose(0, 3, 1, 2)
        jacobian *= self._root_weight
        return position - targets, jacobian.reshape(*x.shape, -1)


class _Frames:
    """B frames as a problem for :func:`unihm.least_squares.minimise`."""

    def __init__(self, solver: TargetSolver, targets: FloatArray, prior: FloatArray | None) -> None:
        self._solver, self._targets, self._prior = solver, targets, prior
        self._scale = np.ones((len(targets), len(solver.lower)))

    def linearise(
        self, x: FloatArray, wanted: BoolArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        solver, targets, prior = self._solver, self._targets, self._prior
        if wanted is None or wanted.all():
            residual, jacobian = solver.linearise(x, targets)
            cost = solver.cost(x, residual + targets, targets, prior)
            return cost, *solver.normal_equations(x, residual, jacobian, prior)
        reached = solver.kinematics.positions(x[:, :-WRIST], solver.correction(x))
        cost = solver.cost(x, reached, targets, prior)
        gradient, matrix = np.zeros(x.shape), np.zeros((*x.shape, x.shape[1]))
        if wanted.any():
            own = None if prior is None else prior[wanted]
            residual, jacobian = solver.linearise(x[wanted], targets[wanted])
            gradient[wanted], matrix[wanted] = solver.normal_equations(
                x[wanted], residual, jacobian, own
            )
        return cost, gradient, matrix

    def scale(self, matrix: FloatArray) -> FloatArray:
        return self._scale

    def room(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._solver.lower - x, self._solver.upper - x

    def moved(self, x: FloatArray, step: FloatArray) -> FloatArray:
        return x + step
