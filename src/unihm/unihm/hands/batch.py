"""Points of a hand and their Jacobians for many poses at once (numpy; the solver's kinematics)."""

from __future__ import annotations

import numpy as np

from unihm.hands.kinematics import Hand
from unihm.hands.spec import LinkPoint
from unihm.hands.tree import KinematicTree
from unihm.transforms import Array


class PointKinematics:
    """Positions and Jacobians of fixed points of a hand, for poses (B, J).

    Only the pairs (point, joint that moves it) are worked out, about four per point.
    """

    def __init__(self, hand: Hand, points: list[LinkPoint]) -> None:
        self.tree = tree = KinematicTree.of(hand)
        self.num_joints = hand.num_joints
        self.body, self.place = tree.attach(points)
        point, joint = np.nonzero(tree.ancestors[self.body])
        dof = np.abs(tree.expansion[joint]).argmax(axis=1)
        # Coupled joints that move the same point sum into one column: sort, then add runs.
        order = np.lexsort((joint, dof, point))
        self._point, self._joint = point[order], joint[order]
        column = point[order] * hand.num_joints + dof[order]
        self._columns, self._run_starts = np.unique(column, return_index=True)
        self._coupled = len(self._columns) < len(column)
        self._gain = tree.expansion[self._joint, dof[order]]
        self._revolute = tree.revolute[self._joint]

    def positions(self, q: Array) -> Array:
        """(B, N, 3) metres in the wrist frame."""
        rotation, origin = self._bodies(q)
        return self._points(rotation, origin)

    def positions_and_jacobian(self, q: Array) -> tuple[Array, Array]:
        """Positions (B, N, 3) and d(position)/dq (B, N, J, 3); note the order of the axes."""
        rotation, origin = self._bodies(q)
        points = self._points(rotation, origin)
        axis = (rotation[:, 1:] @ self.tree.axis[:, :, None])[..., 0]  # (B, M, 3)
        moment = _cross(origin[:, 1:], axis)  # (B, M, 3)
        columns = axis[:, self._joint]  # (B, pairs, 3)
        turning = _cross(columns, points[:, self._point]) + moment[:, self._joint]
        columns = np.where(self._revolute[:, None], turning, columns) * self._gain[:, None]
        if self._coupled:
            columns = np.add.reduceat(columns, self._run_starts, axis=1)
        jacobian = np.zeros((len(q), len(self.body) * self.num_joints, 3))
        jacobian[:, self._columns] = columns
        return points, jacobian.reshape(len(q), len(self.body), self.num_joints, 3)

    def _bodies(self, q: Array) -> tuple[Array, Array]:
        """Rotations (B, M + 1, 3, 3) and origins (B, M + 1, 3) of all bodies."""
        tree = self.tree
        q_all = q @ tree.expansion.T + tree.offset
        sine, cosine = np.sin(q_all)[..., None, None], np.cos(q_all)[..., None, None]
        local = tree.A0 + sine * tree.A1 + cosine * tree.A2  # (B, M, 3, 3)
        shift = tree.b0 + q_all[..., None] * tree.b1  # (B, M, 3)
        rotation = np.empty((len(q), len(tree.parent) + 1, 3, 3))
        origin = np.empty((len(q), len(tree.parent) + 1, 3))
        rotation[:, 0], origin[:, 0] = np.eye(3), 0.0
        for level in tree.levels:
            above = tree.parent[level]
            R = rotation[:, above]
            rotation[:, level + 1] = R @ local[:, level]
            origin[:, level + 1] = (R @ shift[:, level, :, None])[..., 0] + origin[:, above]
        return rotation, origin

    def _points(self, rotation: Array, origin: Array) -> Array:
        return (rotation[:, self.body] @ self.place[:, :, None])[..., 0] + origin[:, self.body]


def _cross(a: Array, b: Array) -> Array:
    """np.cross for (..., 3), without its overhead."""
    out = np.empty_like(a)
    out[..., 0] = a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1]
    out[..., 1] = a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]
    out[..., 2] = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return out
