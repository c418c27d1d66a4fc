"""A hand as the refinement sees it: spheres on its links, and the coordinates of a frame.

The coordinates of a frame are ``y`` = (wrist position 3, wrist rotation vector 3, joints J),
D = 6 + J numbers; the wrist's orientation is ``R_reference exp(rotation vector)`` in the object
frame, so that the priors of equations 14 and 15 are plain quadratic forms in ``y``. The tree itself
and its screws are those of :mod:`unihm.robots.tree`: the derivative of a point x along a direction
n is the product of the screw with the wrench (x * n, n), so that all Jacobian rows of a frame are
one small matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from unihm.refinement.backend import Backend, backend_for
from unihm.robots import Hand
from unihm.robots.cover import cover
from unihm.robots.spec import LinkPoint
from unihm.robots.tree import WRIST
from unihm.types import FloatArray, IntArray

_UNWRAP = 2.5  # rad; smaller rotation vectors have no nearer equal


@dataclass(frozen=True)
class LinkPoints:
    """Spheres fixed to links of a hand.

    Attributes:
        link: (P,) moving joint that carries the point, counted from 1; 0 is the wrist.
        xyz: (P, 3) metres in the frame of that joint.
        radius: (P,) metres.
    """

    link: IntArray
    xyz: FloatArray
    radius: FloatArray

    def __len__(self) -> int:
        return len(self.link)


@dataclass
class LinkPointsAt:
    """Points fixed to links, chosen for each sequence of a batch.

    Attributes:
        link: (B P,) row of the carrying link among the B (1 + M) of the batch.
        xyz: (B, P, 3) metres in the frame of that joint.
        radius: (B, P) metres.
        moved_by: (B, P, 6 + M) 1 where a screw moves the point.
    """

    link: Any
    xyz: Any
    radius: Any
    moved_by: Any


class HandChain:
    """The spheres of a hand, and which of its coordinates move them.

    Attributes:
        hand: whose tree it is.
        size: D, 6 + number of independent joints.
        pads: spheres of the fingertips, in the order of ``hand.finger_names``.
        body: spheres that fill the collision shapes of all links.
        branch: (1 + M,) number of the finger that a link belongs to, from 1; 0 is the palm.
        moved_by: (1 + M, 6 + M) 1 where a screw moves a link.
    """

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self.size = WRIST + hand.num_joints
        self.moved_by = hand.tree.moved_by
        tips = hand.spec.fingertips
        centres = [np.array(t.xyz) - t.pad_radius * np.array(t.normal) for t in tips]
        self.pads = LinkPoints(
            *hand.tree.attach([LinkPoint(t.link, tuple(c)) for t, c in zip(tips, centres)]),
            radius=np.array([t.pad_radius for t in tips]),
        )
        self.body = self._body()
        # A joint that moves one pad belongs to that finger, one that moves several to the palm.
        moves = self.moved_by[self.pads.link, WRIST:].T > 0  # (M, F)
        self.branch = np.append(0, np.where(moves.sum(1) == 1, 1 + moves.argmax(1), 0))

    def _body(self) -> LinkPoints:
        """Fill capsules, cylinders and boxes with spheres of their own thickness."""
        links: list[LinkPoint] = []
        radii: list[float] = []
        for link, shape in self.hand.shapes:
            centres, radius = cover(shape)
            links += [LinkPoint(link, tuple(centre)) for centre in centres]
            radii += [radius] * len(centres)
        return LinkPoints(*self.hand.tree.attach(links), np.array(radii))

    def placed(self, T: FloatArray, joints: FloatArray) -> FloatArray:
        """Centres (N, S, 3) of the body's spheres at wrist poses (N, 4, 4) and joints (N, J)."""
        arrays = self.arrays()
        y = np.concatenate([T[:, :3, 3], np.zeros((len(T), 3)), joints], axis=1)
        links, _ = arrays.forward(y, T[:, :3, :3])
        everything = np.tile(np.arange(len(self.body)), (len(T), 1))
        return np.asarray(arrays.points(links, self.at(self.body, everything, arrays.ops)))

    @cache  # noqa: B019 - chains live as long as their hands, which are cached themselves
    def arrays(self, device: str | None = None) -> ChainArrays:
        """The constants of the tree on a torch device, or in numpy for None."""
        return ChainArrays(self.hand, backend_for(device))

    def at(self, points: LinkPoints, index: IntArray, ops: Backend) -> LinkPointsAt:
        """Points ``index`` (B, P) of ``points``, a choice for each of B sequences."""
        link = points.link[index]
        row = link + len(self.moved_by) * np.arange(len(index))[:, None]
        return LinkPointsAt(
            link=ops.array(row.ravel()),
            xyz=ops.array(points.xyz[index]),
            radius=ops.array(points.radius[index]),
            moved_by=ops.array(self.moved_by[link]),
        )

    def wrist_and_joints(self, y: FloatArray, R_reference: FloatArray) -> tuple[Any, Any]:
        """Coordinates (..., D) to wrist poses (..., 4, 4) and joints (..., J)."""
        from scipy.spatial.transform import Rotation

        rotation = Rotation.from_rotvec(y[..., 3:6].reshape(-1, 3)).as_matrix()
        T = np.zeros((*y.shape[:-1], 4, 4))
        T[..., :3, :3] = R_reference @ rotation.reshape(*y.shape[:-1], 3, 3)
        T[..., :3, 3] = y[..., :3]
        T[..., 3, 3] = 1.0
        return T, y[..., WRIST:]

    def coordinates(self, T: FloatArray, joints: FloatArray, R_reference: FloatArray) -> FloatArray:
        """Wrist poses (T, 4, 4) and joints (T, J) to coordinates (T, D), continuous in time."""
        from scipy.spatial.transform import Rotation

        rotation = Rotation.from_matrix(R_reference.T @ T[:, :3, :3]).as_rotvec()
        if np.linalg.norm(rotation, axis=1).max() > _UNWRAP:
            for t in range(1, len(rotation)):
                # A rotation vector may also go on beyond half a turn; take the one that is nearer.
                angle = max(float(np.linalg.norm(rotation[t])), 1e-9)
                other = rotation[t] * (1.0 - 2.0 * np.pi / angle)
                before = rotation[t - 1]
                if np.linalg.norm(other - before) < np.linalg.norm(rotation[t] - before):
                    rotation[t] = other
        return np.concatenate([T[:, :3, 3], rotation, joints], axis=1)


@cache
def chain_of(hand: Hand) -> HandChain:
    """The chain of a hand, made once."""
    return HandChain(hand)


class ChainArrays:
    """A hand's kinematics where one backend computes; see :mod:`unihm.robots.tree`."""

    def __init__(self, hand: Hand, ops: Backend) -> None:
        self.ops, self._kinematics = ops, ops.kinematics(hand)
        self.forward = self._kinematics.forward
        self.rows = self._kinematics.rows

    def points(self, links: Any, at: LinkPointsAt) -> Any:
        """Positions (B, P, 3) of points fixed to links."""
        return self._kinematics.points(links, at.link, at.xyz)
