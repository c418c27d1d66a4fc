"""Points of a hand and their Jacobians for many poses at once (numpy; the solver's kinematics)."""

from __future__ import annotations

import numpy as np

from unihm.robots.kinematics import Hand
from unihm.robots.spec import LinkPoint
from unihm.robots.tree import KinematicTree
from unihm.transforms import FloatArray


class PointKinematics:
    """Positions and Jacobians of N fixed points of a hand, for poses (B, J).

    Arrays inside are joint-major, so that each step is one matrix product over the batch, and
    only the pairs (point, joint that moves it) are worked out, about four per point.

    Args:
        hand: the hand.
        points: fixed to its links.
    """

    def __init__(self, hand: Hand, points: list[LinkPoint]) -> None:
        self.tree = tree = KinematicTree.of(hand)
        self.num_joints = hand.num_joints
        self.body, self.place = tree.attach(points)
        # Coefficients of (1, sin q, cos q, q) for the 16 entries of every joint's transform.
        coefficients = np.zeros((len(tree.parent), 4, 4, 4))
        coefficients[:, 0, 3, 3] = 1.0
        for k, R in enumerate((tree.A0, tree.A1, tree.A2)):
            coefficients[:, k, :3, :3] = R
        coefficients[:, 0, :3, 3], coefficients[:, 3, :3, 3] = tree.b0, tree.b1
        self._coefficients = coefficients.reshape(-1, 4, 16)
        self._levels = [(level, tree.parent[level], level + 1) for level in tree.levels]
        self._place = np.append(self.place, np.ones((len(points), 1)), axis=1)[:, None, :, None]
        self._axis = np.append(tree.axis, np.zeros((len(tree.axis), 1)), axis=1)[:, None, :, None]
        # Pairs sorted by (degree of freedom, point); coupled joints are runs to be added up.
        point, joint = np.nonzero(tree.ancestors[self.body])
        dof = np.abs(tree.expansion[joint]).argmax(axis=1)
        order = np.lexsort((joint, point, dof))
        self._point, self._joint = point[order], joint[order]
        cell = dof[order] * len(points) + point[order]
        cells, self._run_starts = np.unique(cell, return_index=True)
        self._cells = np.divmod(cells, len(points))
        self._coupled = len(cells) < len(cell)
        self._gain = tree.expansion[self._joint, dof[order]][:, None, None]
        sliding = ~tree.revolute[self._joint]
        self._sliding = np.flatnonzero(sliding)

    def positions(self, q: FloatArray, base: FloatArray | None = None) -> FloatArray:
        """(B, N, 3) metres; in the wrist frame, or mapped by ``base`` (B, 4, 4) where given."""
        return self._points(self._bodies(q, base)).swapaxes(0, 1)

    def positions_and_jacobian(
        self, q: FloatArray, base: FloatArray | None = None, out: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Positions (B, N, 3) and d(position)/dq (B, J, N, 3); note the order of the axes.

        ``out`` (B, J or more, N, 3), all zero, receives the Jacobian in its first J rows.
        """
        bodies = self._bodies(q, base)
        points = self._points(bodies)  # (N, B, 3)
        axis = (bodies[1:] @ self._axis)[..., :3, 0]  # (M, B, 3)
        moment = _cross(bodies[1:, :, :3, 3], axis)
        columns = axis[self._joint]  # (pairs, B, 3)
        turning = _cross(columns, points[self._point]) + moment[self._joint]
        if len(self._sliding):
            turning[self._sliding] = columns[self._sliding]
        turning *= self._gain
        if self._coupled:
            turning = np.add.reduceat(turning, self._run_starts, axis=0)
        if out is None:
            out = np.zeros((len(q), self.num_joints, len(self.body), 3))
        dof, point = self._cells
        out[:, dof, point] = turning.swapaxes(0, 1)
        return points.swapaxes(0, 1), out

    def _bodies(self, q: FloatArray, base: FloatArray | None) -> FloatArray:
        """Transforms (M + 1, B, 4, 4) of all bodies."""
        tree = self.tree
        q_all = (q @ tree.expansion.T + tree.offset).T  # (M, B)
        features = np.empty((*q_all.shape, 4))
        features[..., 0], features[..., 3] = 1.0, q_all
        np.sin(q_all, out=features[..., 1])
        np.cos(q_all, out=features[..., 2])
        local = (features @ self._coefficients).reshape(*q_all.shape, 4, 4)
        bodies = np.empty((len(q_all) + 1, len(q), 4, 4))
        bodies[0] = np.eye(4) if base is None else base
        for level, above, carried in self._levels:
            bodies[carried] = bodies[above] @ local[level]
        return bodies

    def _points(self, bodies: FloatArray) -> FloatArray:
        return (bodies[self.body] @ self._place)[..., :3, 0]


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """np.cross for (..., 3), without its overhead."""
    out = np.empty_like(a)
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    out[..., 0] = ay * bz - az * by
    out[..., 1] = az * bx - ax * bz
    out[..., 2] = ax * by - ay * bx
    return out
