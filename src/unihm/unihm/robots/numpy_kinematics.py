"""A hand's kinematic tree for numpy arrays: many poses at once, compiled inner loops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unihm.robots import _compiled as compiled
from unihm.robots.kinematics import Hand
from unihm.robots.spec import LinkPoint
from unihm.robots.tree import WRIST
from unihm.transforms import FloatArray, IntArray


class FloatingHand:
    """A hand with a free wrist, for coordinates y (B, D); see :mod:`unihm.robots.tree`.

    :class:`unihm.robots.torch_kinematics.TorchFloatingHand` is the same for tensors.
    """

    def __init__(self, hand: Hand) -> None:
        tree = hand.tree
        self._tree = (
            np.ascontiguousarray(tree.coefficients[:, :, :3]),
            tree.axis,
            tree.revolute,
            tree.parent,
            tree.expansion,
            tree.offset,
        )
        reduction = tree.reduction
        screw, column = np.nonzero(reduction)
        starts = np.searchsorted(screw, np.arange(len(reduction) + 1))
        self._reduction = starts, column, reduction[screw, column], reduction.shape[1]

    def forward(self, y: FloatArray, R_reference: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Poses of the bodies and the screws of all moving coordinates.

        Args:
            y: (B, D).
            R_reference: (B, 3, 3).

        Returns:
            ``bodies`` (B, 1 + M, 4, 4), the wrist first, and ``screws`` (a, v) (B, 6 + M, 6), both
            in the frame that the wrist's pose is given in.
        """
        return compiled.forward(y, R_reference, *self._tree)

    def points(self, bodies: FloatArray, row: IntArray, place: FloatArray) -> FloatArray:
        """Positions (B, P, 3) of points at ``place`` (B, P, 3) on bodies.

        ``row`` (B P,) counts the bodies of the whole batch: body b of pose i is i (1 + M) + b.
        """
        return compiled.points(bodies, row, place)

    def rows(
        self, screws: FloatArray, x: FloatArray, direction: FloatArray, moved_by: FloatArray
    ) -> FloatArray:
        """Derivatives (B, P, D) of x along ``direction``, both (B, P, 3).

        ``moved_by`` (B, P, 6 + M) tells which screws move which point.
        """
        return compiled.rows(screws, x, direction, moved_by, *self._reduction)


class PointKinematics:
    """Positions and Jacobians of N fixed points of a hand, for poses (B, J).

    Args:
        hand: the hand.
        points: fixed to its links.
    """

    def __init__(self, hand: Hand, points: Sequence[LinkPoint]) -> None:
        self.hand = hand
        self._floating = FloatingHand(hand)
        self.body, self.place = hand.tree.attach(points)
        # Pairs (point, joint that moves it), about four a point, and the joint's coordinate.
        self._point, self._joint = np.nonzero(hand.tree.moves[self.body])
        self._column = np.abs(hand.tree.expansion[self._joint]).argmax(axis=1)
        self._gain = hand.tree.expansion[self._joint, self._column]

    def positions(self, q: FloatArray, base: FloatArray | None = None) -> FloatArray:
        """(B, N, 3) metres; in the wrist frame, or mapped by ``base`` (B, 4, 4) where given."""
        return compiled.fixed_points(self._forward(q, base)[0], self.body, self.place)

    def positions_and_jacobian(
        self, q: FloatArray, base: FloatArray | None = None, out: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Positions (B, N, 3) and d(position)/dq (B, J, N, 3); note the order of the axes.

        ``out`` (B, J or more, N, 3), all zero, receives the Jacobian in its first J rows.
        """
        bodies, screws = self._forward(q, base)
        x = compiled.fixed_points(bodies, self.body, self.place)
        if out is None:
            out = np.zeros((len(q), self.hand.num_joints, len(self.body), 3))
        compiled.add_jacobian(out, screws, x, self._point, self._joint, self._column, self._gain)
        return x, out

    def _forward(self, q: FloatArray, base: FloatArray | None) -> tuple[FloatArray, FloatArray]:
        y = np.zeros((len(q), WRIST + q.shape[1]))
        y[:, WRIST:] = q
        if base is None:
            return self._floating.forward(y, np.tile(np.eye(3), (len(q), 1, 1)))
        y[:, :3] = base[:, :3, 3]
        return self._floating.forward(y, np.ascontiguousarray(base[:, :3, :3]))
