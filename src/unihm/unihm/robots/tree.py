"""The constants of a hand's kinematics, laid out for batches; shared by numpy and torch.

Joints are merged with the fixed ones above them. "Body" 0 is the wrist link; body m + 1 is
what moving joint m carries. The pose of joint m relative to the body it stands on is

    R(q) = A0 + sin(q) A1 + cos(q) A2,   p(q) = b0 + q b1

which covers revolute joints (Rodrigues; b1 = 0) and prismatic ones (A1 = A2 = 0) alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unihm.robots.kinematics import Hand
from unihm.robots.spec import LinkPoint
from unihm.transforms import FloatArray, IntArray


@dataclass(frozen=True)
class KinematicTree:
    """Constants of the moving joints (M of them, in the order of ``hand.all_joint_names``).

    Attributes:
        A0, A1, A2: (M, 3, 3) rotation coefficients.
        b0, b1: (M, 3) translation coefficients, metres.
        axis: (M, 3) in the joint's own frame; the turning or sliding axis.
        revolute: (M,) bool.
        parent: (M,) body that each joint stands on.
        levels: index arrays of the joints by depth, to be worked through in turn.
        ancestors: (M + 1, M) bool: does joint m move body b?
        expansion, offset: q_all = expansion q + offset, (M, J) and (M,).
    """

    A0: FloatArray
    A1: FloatArray
    A2: FloatArray
    b0: FloatArray
    b1: FloatArray
    axis: FloatArray
    revolute: NDArray[np.bool_]
    parent: IntArray
    levels: tuple[IntArray, ...]
    ancestors: NDArray[np.bool_]
    expansion: FloatArray
    offset: FloatArray
    link_body: dict[str, int]
    T_body_link: dict[str, FloatArray]

    @classmethod
    def of(cls, hand: Hand) -> KinematicTree:
        """Lay out the tree of ``hand``."""
        body, T_body_link = {hand.urdf.root: 0}, {hand.urdf.root: np.eye(4)}
        rows: list[tuple[FloatArray, ...]] = []
        parents: list[int] = []
        depth = [0]
        ancestors = [np.zeros(len(hand.all_joint_names), bool)]
        for joint in hand.urdf.joints:
            standing = body[joint.parent]
            origin = T_body_link[joint.parent] @ joint.T_parent_joint
            if joint.kind == "fixed":
                body[joint.child], T_body_link[joint.child] = standing, origin
                continue
            index = len(rows)
            body[joint.child], T_body_link[joint.child] = index + 1, np.eye(4)
            rows.append(_coefficients(origin, joint.axis, joint.kind != "prismatic"))
            parents.append(standing)
            depth.append(depth[standing] + 1)
            ancestors.append(ancestors[standing].copy())
            ancestors[-1][index] = True
        A0, A1, A2, b0, b1, axis = (np.array(column) for column in zip(*rows))
        depths = np.array(depth[1:])
        return cls(
            A0,
            A1,
            A2,
            b0,
            b1,
            axis,
            np.array([j.kind != "prismatic" for j in hand.urdf.moving_joints]),
            np.array(parents),
            tuple(np.flatnonzero(depths == d) for d in range(1, depths.max() + 1)),
            np.array(ancestors),
            hand.expansion,
            hand.expansion_offset,
            body,
            T_body_link,
        )

    def attach(self, points: list[LinkPoint]) -> tuple[IntArray, FloatArray]:
        """Body (N,) and place on it (N, 3) of points given on links."""
        bodies = np.array([self.link_body[point.link] for point in points], int)
        places = [
            self.T_body_link[p.link][:3, :3] @ p.xyz + self.T_body_link[p.link][:3, 3]
            for p in points
        ]
        return bodies, np.array(places).reshape(-1, 3)


def _coefficients(origin: FloatArray, axis: FloatArray, revolute: bool) -> tuple[FloatArray, ...]:
    rotation, translation = origin[:3, :3], origin[:3, 3]
    x, y, z = axis
    K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    if revolute:
        A0, A1, A2 = rotation @ (np.eye(3) + K @ K), rotation @ K, -rotation @ K @ K
        return A0, A1, A2, translation, np.zeros(3), axis
    zero = np.zeros((3, 3))
    return rotation, zero, zero, translation, rotation @ axis, axis
