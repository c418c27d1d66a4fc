"""Pads and surface samples of a hand with their Jacobians, for the grasp solver.

A link's collision shapes are covered by balls; a ball stays outside an object where the signed
distance at its centre is at least its radius.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from unihm.robots import Hand, load_hand
from unihm.robots.cover import cover
from unihm.robots.fingers import PALM, finger_joints, link_fingers
from unihm.robots.numpy_kinematics import PointKinematics
from unihm.robots.spec import LinkPoint
from unihm.types import FloatArray, IntArray


@dataclass(frozen=True)
class PointState:
    """Where a hand's points are in the object frame, and how they move.

    The P points are the D pads, then the B balls. Columns of Jacobians are a twist of the wrist
    in its own frame (3 linear, 3 angular), then the J independent joints.
    """

    positions: FloatArray  # (P, 3)
    jacobian: FloatArray  # (P, 3, 6 + J)
    normals: FloatArray  # (D, 3), of the pads, outward of the hand
    normal_jacobian: FloatArray  # (D, 3, 6 + J)


class HandPoints:
    """Points fixed to the links of a hand.

    Attributes:
        hand: the hand itself.
        radii: (B,) metres, of the balls.
        digit: (B,) index into ``hand.finger_names`` of the finger that a ball belongs to, or PALM.
        distal: (B,) whether the ball is on the link that carries the pad.
        chains: per finger, the indices of the independent joints that move its pad.
    """

    def __init__(self, hand: Hand, spacing: float = 0.012) -> None:
        self.hand, tips, fingers = hand, hand.spec.fingertips, link_fingers(hand)
        self.chains = finger_joints(hand)
        balls: list[LinkPoint] = []
        radii, digit, distal = [], [], []
        for link, shape in hand.shapes:
            centres, radius = cover(shape, spacing)
            owner = fingers[link]
            balls += [LinkPoint(link, tuple(centre)) for centre in centres]
            radii += [radius] * len(centres)
            digit += [owner] * len(centres)
            distal += [owner != PALM and link == tips[owner].link] * len(centres)
        self.radii = np.array(radii)
        self.digit: IntArray = np.array(digit)
        self.distal = np.array(distal)
        pads = [LinkPoint(tip.link, tip.xyz) for tip in tips]
        # A pad's normal is the way from the pad to a point a metre in front of it.
        fronts = [LinkPoint(tip.link, tuple(np.add(tip.xyz, tip.normal))) for tip in tips]
        self._kinematics = PointKinematics(hand, [*pads, *balls, *fronts])

    @property
    def num_pads(self) -> int:
        """D."""
        return len(self.chains)

    def state(self, T_object_wrist: FloatArray, q: FloatArray) -> PointState:
        """All points at a wrist pose (4, 4) and joints (J,)."""
        x, by_joints = self._kinematics.positions_and_jacobian(q[None], T_object_wrist[None])
        x, R, pads = x[0], T_object_wrist[:3, :3], self.num_pads
        jacobian = np.empty((len(x), 3, 6 + len(q)))
        jacobian[:, :, :3] = R
        # Column k of the turn: the wrist's own axis k crossed with the arm from the wrist.
        jacobian[:, :, 3:6] = np.cross(R.T[None], (x - T_object_wrist[:3, 3])[:, None]).transpose(
            0, 2, 1
        )
        jacobian[:, :, 6:] = by_joints[0].transpose(1, 2, 0)
        count = len(x) - pads
        return PointState(
            positions=x[:count],
            jacobian=jacobian[:count],
            normals=x[count:] - x[:pads],
            normal_jacobian=jacobian[count:] - jacobian[:pads],
        )


@lru_cache(maxsize=16)
def hand_points(name: str) -> HandPoints:
    """Points of a hand by name."""
    return HandPoints(load_hand(name))
