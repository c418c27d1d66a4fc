"""The kinematic tree of a hand as constants: written once, evaluated by numpy, compiled and torch.

Joints are merged with the fixed ones above them. "Body" 0 is the wrist link; body m + 1 is what
moving joint m carries. The pose of body m + 1 relative to the body that joint m stands on is

    T(q) = C0 + sin(q) C1 + cos(q) C2 + q C3

which covers revolute joints (Rodrigues; C3 = 0) and prismatic ones (C1 = C2 = 0) alike.

:mod:`unihm.robots.numpy_kinematics` and :mod:`unihm.robots.torch_kinematics` evaluate it. With a
free wrist a hand's coordinates are y = (wrist position 3, rotation vector 3, independent joints J),
D = 6 + J numbers; the wrist's orientation is ``R_reference exp(rotation vector)``. A point x that
moves with the hand has, for every moving coordinate (the wrist's six, then M joints), the velocity
a x x + v of a *screw* (a, v); ``reduction`` leads from those 6 + M to the D coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unihm.robots.spec import LinkPoint
from unihm.robots.urdf import Joint, Urdf
from unihm.transforms import FloatArray, IntArray

WRIST = 6  # coordinates of a free wrist


@dataclass(frozen=True, eq=False)
class KinematicTree:
    """Constants of the M moving joints, parents first, in the order of ``hand.all_joint_names``.

    Attributes:
        coefficients: (M, 4, 4, 4): C0 to C3 of every joint, radians and metres.
        axis: (M, 3) unit, turning or sliding axis in the frame of the body that is carried.
        revolute: (M,) bool; the others slide.
        parent: (M,) body that each joint stands on.
        levels: index arrays of the joints by depth, to be worked through in turn.
        moves: (1 + M, M) bool: does joint m move body b?
        expansion, offset: q_all = expansion q + offset, (M, J) and (M,): mimic joints.
        link_body: body that each link is part of.
        T_body_link: (4, 4) of each link on it.
    """

    coefficients: FloatArray
    axis: FloatArray
    revolute: NDArray[np.bool_]
    parent: IntArray
    levels: tuple[IntArray, ...]
    moves: NDArray[np.bool_]
    expansion: FloatArray
    offset: FloatArray
    link_body: dict[str, int]
    T_body_link: dict[str, FloatArray]

    @classmethod
    def of(cls, urdf: Urdf, joint_names: Sequence[str]) -> KinematicTree:
        """Lay out ``urdf``, whose independent joints are ``joint_names``."""
        body, T_body_link = {urdf.root: 0}, {urdf.root: np.eye(4)}
        coefficients: list[FloatArray] = []
        parents: list[int] = []
        depth = [0]
        moves = [np.zeros(len(urdf.moving_joints), bool)]
        for joint in urdf.joints:
            standing = body[joint.parent]
            origin = T_body_link[joint.parent] @ joint.T_parent_joint
            if joint.kind == "fixed":
                body[joint.child], T_body_link[joint.child] = standing, origin
                continue
            index = len(parents)
            body[joint.child], T_body_link[joint.child] = index + 1, np.eye(4)
            coefficients.append(motion_coefficients(origin, joint))
            parents.append(standing)
            depth.append(depth[standing] + 1)
            moves.append(moves[standing].copy())
            moves[-1][index] = True
        depths = np.array(depth[1:])
        return cls(
            np.array(coefficients),
            np.array([joint.axis for joint in urdf.moving_joints]),
            np.array([joint.kind != "prismatic" for joint in urdf.moving_joints]),
            np.array(parents),
            tuple(np.flatnonzero(depths == d) for d in range(1, depths.max() + 1)),
            np.array(moves),
            *_expansion(urdf, joint_names),
            body,
            T_body_link,
        )

    def attach(self, points: Sequence[LinkPoint]) -> tuple[IntArray, FloatArray]:
        """Body (N,) and place on it (N, 3) of points given on links."""
        bodies = np.array([self.link_body[point.link] for point in points], int)
        places = [
            self.T_body_link[p.link][:3, :3] @ p.xyz + self.T_body_link[p.link][:3, 3]
            for p in points
        ]
        return bodies, np.array(places).reshape(-1, 3)

    @property
    def moved_by(self) -> FloatArray:
        """(1 + M, 6 + M) 1 where a screw moves a body: the wrist's six move all."""
        return np.hstack([np.ones((len(self.moves), WRIST)), self.moves])

    @property
    def reduction(self) -> FloatArray:
        """(6 + M, D): velocities along the screws per velocity of the coordinates."""
        joints, independent = self.expansion.shape
        matrix = np.zeros((WRIST + joints, WRIST + independent))
        matrix[:WRIST, :WRIST] = np.eye(WRIST)
        matrix[WRIST:, WRIST:] = self.expansion
        return matrix


def motion_coefficients(origin: FloatArray, joint: Joint) -> FloatArray:
    """C0 to C3 (4, 4, 4) of a joint at ``origin`` (4, 4) on the body that it stands on."""
    x, y, z = joint.axis
    K = np.zeros((4, 4))
    K[:3, :3] = [[0, -z, y], [z, 0, -x], [-y, x, 0]]
    zero = np.zeros((4, 4))
    if joint.kind != "prismatic":
        return np.stack([origin + origin @ K @ K, origin @ K, -origin @ K @ K, zero])
    slide = np.zeros((4, 4))
    slide[:3, 3] = origin[:3, :3] @ joint.axis
    return np.stack([origin, zero, zero, slide])


def _expansion(urdf: Urdf, joint_names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """E (M, J) and e (M,) with q_all = E q + e."""
    column = {name: j for j, name in enumerate(joint_names)}
    matrix = np.zeros((len(urdf.moving_joints), len(joint_names)))
    offset = np.zeros(len(urdf.moving_joints))
    for i, joint in enumerate(urdf.moving_joints):
        if joint.mimic is None:
            matrix[i, column[joint.name]] = 1.0
        else:
            matrix[i, column[joint.mimic.joint]] = joint.mimic.multiplier
            offset[i] = joint.mimic.offset
    return matrix, offset
