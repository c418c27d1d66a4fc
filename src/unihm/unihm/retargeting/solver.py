"""Joints and wrist that reach targets: projected Levenberg-Marquardt, many frames at once.

Every frame minimises, over x = (joints, shift of the wrist, turn of the wrist),

    sum_n w_n |f_n(x) - target_n|^2  +  |x - rest|^2_R  +  |x - prior|^2_S

within box limits, with its own damping. f_n are points of the hand in the frame that the wrist
has before its correction.
"""

from __future__ import annotations

import numpy as np

from unihm.robots.numpy_kinematics import PointKinematics
from unihm.transforms import FloatArray

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
        out, reached = np.clip(x, self.lower, self.upper), np.empty_like(targets)
        for i in range(0, len(x), BLOCK):
            part = slice(i, i + BLOCK)
            part_prior = None if prior is None else prior[part]
            self._solve_block(out[part], reached[part], targets[part], part_prior, iterations)
        return out, reached

    def cost(self, x: FloatArray, reached: FloatArray, targets: FloatArray) -> FloatArray:
        """Value (B,) of the objective without its prior."""
        return self._cost(x, reached - targets, None)

    def _solve_block(
        self,
        out: FloatArray,
        reached: FloatArray,
        targets: FloatArray,
        prior: FloatArray | None,
        iterations: int,
    ) -> None:
        """Improve ``out`` in place; frames that are done drop out of the work."""
        x, frames = out, np.arange(len(out))
        damping = np.full(len(x), COLD_DAMPING if prior is None else WARM_DAMPING)
        residual, jacobian = self._linearise(x, targets)
        cost = self._cost(x, residual, prior)
        for left in range(iterations - 1, -1, -1):
            step = self._step(x, residual, jacobian, prior, damping)
            trial = np.clip(x - step, self.lower, self.upper)
            going = np.abs(step).max(axis=1) > STEP if left else np.zeros(len(x), bool)
            if not going.all():  # these need no Jacobian any more
                done = ~going
                position = self.kinematics.positions(
                    trial[done, :-WRIST], self.correction(trial[done])
                )
                trial_residual = position - targets[done]
                part_prior = None if prior is None else prior[done]
                better = self._cost(trial[done], trial_residual, part_prior) < cost[done]
                out[frames[done]] = np.where(better[:, None], trial[done], x[done])
                chosen = np.where(better[:, None, None], trial_residual, residual[done])
                reached[frames[done]] = chosen + targets[done]
                if done.all():
                    return
                x, trial, targets, frames = x[going], trial[going], targets[going], frames[going]
                residual, jacobian = residual[going], jacobian[going]
                cost, damping = cost[going], damping[going]
                prior = None if prior is None else prior[going]
            trial_residual, trial_jacobian = self._linearise(trial, targets)
            trial_cost = self._cost(trial, trial_residual, prior)
            better = trial_cost < cost
            if better.all():
                x, residual, jacobian, cost = trial, trial_residual, trial_jacobian, trial_cost
            else:
                x = np.where(better[:, None], trial, x)
                residual = np.where(better[:, None, None], trial_residual, residual)
                jacobian = np.where(better[:, None, None], trial_jacobian, jacobian)
                cost = np.where(better, trial_cost, cost)
            damping *= np.where(better, 0.3, 5.0)

    def _step(
        self,
        x: FloatArray,
        residual: FloatArray,
        jacobian: FloatArray,
        prior: FloatArray | None,
        damping: FloatArray,
    ) -> FloatArray:
        """Damped Gauss-Newton step (B, D) that leaves held variables where they are."""
        weighted = (self._root_weight * residual).reshape(len(x), -1, 1)
        gradient = (jacobian @ weighted)[..., 0] + self._rest_weight * (x - self._rest)
        pull = self._rest_weight
        if prior is not None:
            gradient += self._smoothness * (x - prior)
            pull = pull + self._smoothness
        hessian = jacobian @ jacobian.swapaxes(1, 2)
        hessian[:, self._diagonal, self._diagonal] += pull + damping[:, None]
        # Held: at a limit that the gradient pushes against.
        held = ((x <= self.lower) & (gradient > 0)) | ((x >= self.upper) & (gradient < 0))
        if held.any():
            free = ~held
            hessian *= free[:, :, None] & free[:, None, :]
            hessian[:, self._diagonal, self._diagonal] += held
            gradient *= free
        return np.asarray(np.linalg.solve(hessian, gradient[..., None])[..., 0], np.float64)

    def _cost(self, x: FloatArray, residual: FloatArray, prior: FloatArray | None) -> FloatArray:
        weighted = (self._root_weight * residual).reshape(len(x), -1)
        cost = (weighted * weighted).sum(axis=1) + ((x - self._rest) ** 2) @ self._rest_weight
        if prior is not None:
            cost += ((x - prior) ** 2) @ self._smoothness
        return cost

    def _linearise(self, x: FloatArray, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
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
