"""Joints and wrist that reach targets: projected Levenberg-Marquardt, many frames at once.

Every frame minimises, over x = (joints, shift of the wrist, turn of the wrist),

    sum_n w_n |f_n(x) - target_n|^2  +  |x - rest|^2_R  +  |x - prior|^2_S

within box limits, with its own damping. f_n are points of the hand in the frame that the wrist
has before its correction.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.hands.batch import PointKinematics
from unihm.transforms import Array, make_transform

WRIST = 6  # shift (3,) in metres, then turn (3,) as a rotation vector
WRIST_LIMIT = np.array([0.06] * 3 + [0.6] * 3)
BLOCK = 256  # frames at a time, so that the Jacobians stay in the cache


class TargetSolver:
    """The problem of one hand; D = J + 6 variables.

    Args:
        kinematics: of the N points.
        weights: (N,) of the points.
        lower, upper: (J,) limits.
        rest, rest_weight: (D,).
        smoothness: (D,) S, where a prior is given.
    """

    def __init__(
        self,
        kinematics: PointKinematics,
        weights: Array,
        lower: Array,
        upper: Array,
        rest: Array,
        rest_weight: Array,
        smoothness: Array,
    ) -> None:
        self.kinematics = kinematics
        self._root_weight = np.sqrt(weights)[:, None]
        self.lower = np.concatenate([lower, -WRIST_LIMIT])
        self.upper = np.concatenate([upper, WRIST_LIMIT])
        self._rest, self._rest_weight, self._smoothness = rest, rest_weight, smoothness

    def correction(self, x: Array) -> Array:
        """T_before_after (B, 4, 4) of the wrist."""
        return make_transform(Rotation.from_rotvec(x[:, -3:]).as_matrix(), x[:, -6:-3])

    def solve(self, x: Array, targets: Array, prior: Array | None, iterations: int) -> Array:
        """Better variables (B, D) from ``x``; ``targets`` (B, N, 3), ``prior`` (B, D)."""
        out = np.empty_like(x)
        for i in range(0, len(x), BLOCK):
            part = slice(i, i + BLOCK)
            part_prior = None if prior is None else prior[part]
            out[part] = self._solve_block(x[part], targets[part], part_prior, iterations)
        return out

    def cost(self, x: Array, targets: Array) -> Array:
        """Value (B,) of the objective without its prior."""
        position, _ = self._points(x, with_jacobian=False)
        return self._cost(x, position, targets, None)

    def _solve_block(self, x: Array, targets: Array, prior: Array | None, iterations: int) -> Array:
        x = np.clip(x, self.lower, self.upper)
        pull = self._rest_weight if prior is None else self._rest_weight + self._smoothness
        damping = np.full(len(x), 1e-3 if prior is None else 1e-6)
        position, jacobian = self._points(x)
        cost = self._cost(x, position, targets, prior)
        diagonal = np.arange(x.shape[1])
        for i in range(iterations):
            residual = (self._root_weight * (position - targets)).reshape(len(x), -1, 1)
            gradient = (jacobian @ residual)[..., 0] + self._rest_weight * (x - self._rest)
            if prior is not None:
                gradient += self._smoothness * (x - prior)
            hessian = jacobian @ jacobian.swapaxes(1, 2)
            hessian[:, diagonal, diagonal] += pull + damping[:, None]
            # Variables at a limit that the gradient pushes against stay there.
            held = ((x <= self.lower) & (gradient > 0)) | ((x >= self.upper) & (gradient < 0))
            if held.any():
                free = ~held
                hessian *= free[:, :, None] & free[:, None, :]
                hessian[:, diagonal, diagonal] += held
                gradient *= free
            step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
            trial = np.clip(x - step, self.lower, self.upper)
            last = i == iterations - 1 or np.abs(step).max() < 1e-4
            trial_position, trial_jacobian = self._points(trial, with_jacobian=not last)
            trial_cost = self._cost(trial, trial_position, targets, prior)
            better = trial_cost < cost
            if better.all():
                x, position, jacobian, cost = trial, trial_position, trial_jacobian, trial_cost
            else:
                x = np.where(better[:, None], trial, x)
                if last:
                    break
                position = np.where(better[:, None, None], trial_position, position)
                jacobian = np.where(better[:, None, None], trial_jacobian, jacobian)
                cost = np.where(better, trial_cost, cost)
            if last:
                break
            damping *= np.where(better, 0.3, 5.0)
        return x

    def _cost(self, x: Array, position: Array, targets: Array, prior: Array | None) -> Array:
        residual = (self._root_weight * (position - targets)).reshape(len(x), -1)
        cost = (residual * residual).sum(axis=1) + ((x - self._rest) ** 2) @ self._rest_weight
        if prior is not None:
            cost += ((x - prior) ** 2) @ self._smoothness
        return cost

    def _points(self, x: Array, with_jacobian: bool = True) -> tuple[Array, Array]:
        """Positions (B, N, 3); weighted Jacobian, transposed: (B, D, 3 N)."""
        R = Rotation.from_rotvec(x[:, -3:]).as_matrix()[:, None]  # (B, 1, 3, 3)
        shift = x[:, None, -6:-3]
        if not with_jacobian:
            local = self.kinematics.positions(x[:, :-WRIST])
            return (R @ local[..., None])[..., 0] + shift, np.empty(0)
        local, local_jacobian = self.kinematics.positions_and_jacobian(x[:, :-WRIST])
        turned = (R @ local[..., None])[..., 0]
        jacobian = np.zeros((len(x), x.shape[1], *local.shape[1:]))  # (B, D, N, 3)
        jacobian[:, :-WRIST] = (local_jacobian @ R.swapaxes(2, 3)).swapaxes(1, 2)
        for k in range(3):
            jacobian[:, k - 6, :, k] = 1.0
            # e_k x p; exact at no turn, and turns are small.
            jacobian[:, k - 3, :, k - 2] = -turned[..., k - 1]
            jacobian[:, k - 3, :, k - 1] = turned[..., k - 2]
        jacobian *= self._root_weight
        return turned + shift, jacobian.reshape(len(x), x.shape[1], -1)
