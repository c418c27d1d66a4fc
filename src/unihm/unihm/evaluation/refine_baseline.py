"""The refinement as research code does it, to be measured against: nothing else uses it.

Equations 11 to 18 frame by frame with the energies of :meth:`RefinementConfig.paper`, the same
number of iterations, damping rule and bounds, but a Jacobian by forward differences through
pinocchio's kinematics and the nearest point by comparing with every point of the cloud.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.refinement import RefinementConfig
from unihm.robots import Hand
from unihm.transforms import make_transform
from unihm.types import FloatArray, HandMotion, ObjectCloud

_STEP = 1e-6


def refine_as_research_code(
    motion: HandMotion, cloud: ObjectCloud, hand: Hand, config: RefinementConfig
) -> HandMotion:
    """Algorithm 1 on q = (wrist position, rotation vector, joints); returns the refined motion."""
    R_reference = motion.T_object_wrist[len(motion) // 2, :3, :3]
    rotation = Rotation.from_matrix(R_reference.T @ motion.T_object_wrist[:, :3, :3])
    q_generated = np.concatenate(
        [motion.T_object_wrist[:, :3, 3], rotation.as_rotvec(), motion.joints], axis=1
    )
    radii = np.array([tip.pad_radius for tip in hand.spec.fingertips])

    def fingertips(q: FloatArray) -> FloatArray:
        points, normals = hand.fingertips(q[6:])
        centres = points - radii[:, None] * normals
        return centres @ (R_reference @ Rotation.from_rotvec(q[3:6]).as_matrix()).T + q[:3]

    def nearest(points: FloatArray) -> tuple[FloatArray, FloatArray]:
        squared = ((points[:, None] - cloud.points[None]) ** 2).sum(-1)
        index = squared.argmin(axis=1)
        return cloud.points[index], cloud.normals[index]

    def residual(q: FloatArray, p: FloatArray, n: FloatArray) -> FloatArray:
        d = ((fingertips(q) - p) * n).sum(-1) - radii
        inside = (np.exp(-config.k * d) + config.k * d - 1.0) / config.k**2
        f = config.alpha * np.where(d >= 0, 0.5 * d**2, inside)
        return np.sqrt(2.0 * config.contact_weight * np.maximum(f, 0.0))

    def jacobian(q: FloatArray, r: FloatArray, p: FloatArray, n: FloatArray) -> FloatArray:
        columns = []
        for i in range(len(q)):
            moved = q.copy()
            moved[i] += _STEP
            columns.append((residual(moved, p, n) - r) / _STEP)
        return np.stack(columns, axis=1)

    weight = np.diag(
        [config.wrist_position_prior] * 3
        + [config.wrist_rotation_prior] * 3
        + [config.joint_prior] * hand.num_joints
    )
    W_vel, W_acc = config.velocity_prior * weight, config.acceleration_prior * weight
    free = np.full(6, np.inf)
    lowest, highest = np.concatenate([-free, hand.lower]), np.concatenate([free, hand.upper])
    reach = np.concatenate([free, hand.velocity_limit * motion.trajectory.dt])
    q_before = q_before2 = q_generated[0]
    refined = []
    for q_gen in q_generated:
        lower, upper = np.maximum(lowest, q_before - reach), np.minimum(highest, q_before + reach)
        q, damping = np.clip(q_gen, lower, upper), config.damping

        def energy(
            q: FloatArray,
            q_gen: FloatArray = q_gen,
            before: FloatArray = q_before,
            before2: FloatArray = q_before2,
        ) -> float:
            p, n = nearest(fingertips(q))
            r = residual(q, p, n)
            total = 0.5 * r @ r + 0.5 * (q - q_gen) @ weight @ (q - q_gen)
            total += 0.5 * (q - before) @ W_vel @ (q - before)
            swing = q - 2.0 * before + before2
            return float(total + 0.5 * swing @ W_acc @ swing)

        value = energy(q)
        for _ in range(config.iterations):
            p, n = nearest(fingertips(q))
            r = residual(q, p, n)
            J = jacobian(q, r, p, n)
            gradient = J.T @ r + weight @ (q - q_gen) + W_vel @ (q - q_before)
            gradient += W_acc @ (q - 2.0 * q_before + q_before2)
            matrix = J.T @ J + weight + W_vel + W_acc
            matrix += damping * np.diag(np.diag(weight + W_vel + W_acc))
            trial = np.clip(q - np.linalg.solve(matrix, gradient), lower, upper)
            trial_value = energy(trial)
            if trial_value < value:
                q, value = trial, trial_value
                damping *= 0.3
            else:
                damping *= 5.0
        q_before2, q_before = q_before, q
        refined.append(q)
    q_refined = np.array(refined)
    turned = R_reference @ Rotation.from_rotvec(q_refined[:, 3:6]).as_matrix()
    return HandMotion(
        motion.hand, make_transform(turned, q_refined[:, :3]), q_refined[:, 6:], motion.trajectory
    )
