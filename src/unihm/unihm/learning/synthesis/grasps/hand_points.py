"""Pads and surface samples of a hand with their Jacobians, for the grasp solver.

A link's collision shapes are covered by balls; a ball stays outside an object where the signed
distance at its centre is at least its radius.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from unihm.robots import Hand, load_hand
from unihm.robots.urdf import Primitive
from unihm.transforms import apply
from unihm.types import FloatArray, IntArray

PALM = -1  # in HandPoints.digit


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
        self.hand = hand
        tips = hand.spec.fingertips
        joints = hand.urdf.joints
        self._moving = hand.urdf.moving_joints
        column = {joint.name: i for i, joint in enumerate(self._moving)}
        above: dict[str, list[int]] = {hand.urdf.root: []}
        for joint in joints:  # parents come first
            own = [column[joint.name]] if joint.name in column else []
            above[joint.child] = above[joint.parent] + own
        self.chains = [
            np.flatnonzero(np.abs(hand.expansion[above[tip.link]]).sum(axis=0)) for tip in tips
        ]
        links = [tip.link for tip in tips]
        local = [np.array(tip.xyz) for tip in tips]
        radii, digit, distal = [], [], []
        for link, shape in hand.shapes:
            centres, radius = cover(shape, spacing)
            owners = [
                i
                for i, tip in enumerate(tips)
                if above[link] and set(above[link]) & set(above[tip.link])
            ]
            # A link that several fingers hang from is palm.
            owner = owners[0] if len(owners) == 1 else PALM
            for centre in centres:
                links.append(link)
                local.append(centre)
                radii.append(radius)
                digit.append(owner)
                distal.append(owner != PALM and link == tips[owner].link)
        self.radii = np.array(radii)
        self.digit: IntArray = np.array(digit)
        self.distal = np.array(distal)
        self._links, self._local = links, np.array(local)
        self._pad_normals = np.array([tip.normal for tip in tips])
        self._names = sorted(set(links) | {joint.child for joint in self._moving})
        self._link_index = np.array([self._names.index(link) for link in links])
        self._joint_index = np.array([self._names.index(joint.child) for joint in self._moving])
        self._axes = np.array([joint.axis for joint in self._moving])
        self._slides = np.array([joint.kind == "prismatic" for joint in self._moving])
        self._moves = np.zeros((len(links), len(self._moving)))
        for i, link in enumerate(links):
            self._moves[i, above[link]] = 1.0

    @property
    def num_pads(self) -> int:
        """D."""
        return len(self._pad_normals)

    def state(self, T_object_wrist: FloatArray, q: FloatArray) -> PointState:
        """All points at a wrist pose (4, 4) and joints (J,)."""
        poses = self.hand.link_poses(q)
        T = np.array([poses[name] for name in self._names])
        T_points = T[self._link_index]
        points = np.einsum("pij,pj->pi", T_points[:, :3, :3], self._local) + T_points[:, :3, 3]
        T_joints = T[self._joint_index]
        axes = np.einsum("mij,mj->mi", T_joints[:, :3, :3], self._axes)  # (M, 3) wrist frame
        turn = np.cross(axes[None], points[:, None] - T_joints[None, :, :3, 3])  # (P, M, 3)
        motion = np.where(self._slides[None, :, None], axes[None], turn) * self._moves[..., None]
        by_joints = np.einsum("pmi,mj->pij", motion, self.hand.expansion)  # (P, 3, J)
        R, t = T_object_wrist[:3, :3], T_object_wrist[:3, 3]
        eye = np.broadcast_to(np.eye(3), (len(points), 3, 3))
        local = np.concatenate([eye, -_skew(points), by_joints], axis=2)

        pads = self.num_pads
        normals = np.einsum("pij,pj->pi", T_points[:pads, :3, :3], self._pad_normals)
        spin = np.cross(axes[None], normals[:, None]) * self._moves[:pads, :, None]
        spin[:, self._slides] = 0.0
        normal_local = np.concatenate(
            [
                np.zeros((pads, 3, 3)),
                -_skew(normals),
                np.einsum("pmi,mj->pij", spin, self.hand.expansion),
            ],
            axis=2,
        )
        return PointState(
            positions=points @ R.T + t,
            jacobian=R @ local,
            normals=normals @ R.T,
            normal_jacobian=R @ normal_local,
        )


@lru_cache(maxsize=16)
def hand_points(name: str) -> HandPoints:
    """Points of a hand by name."""
    return HandPoints(load_hand(name))


def _skew(vectors: FloatArray) -> FloatArray:
    """(N, 3) to (N, 3, 3) with skew(a) b = a x b."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)


def cover(shape: Primitive, spacing: float) -> tuple[FloatArray, float]:
    """Ball centres (B, 3) in the link frame and their radius for one collision shape.

    Capsules and spheres are covered exactly along their axis; a box or cylinder by balls as thick
    as its thinnest side, so that its edges stick out a little.
    """
    if shape.kind == "sphere":
        grid, radius = np.zeros((1, 3)), shape.size[0]
    elif shape.kind == "capsule":
        radius, length = shape.size
        grid = _line(length, spacing)[:, None] * np.array([[0.0, 0.0, 1.0]])
    elif shape.kind == "cylinder":
        radius, length = shape.size
        rest = max(length - 2 * radius, 0.0)
        grid = _line(rest, spacing)[:, None] * np.array([[0.0, 0.0, 1.0]])
    elif shape.kind == "box":
        radius = min(shape.size) / 2
        lines = [_line(side - 2 * radius, max(spacing, 1.2 * radius)) for side in shape.size]
        grid = np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)
    else:
        return np.zeros((0, 3)), 0.0  # meshes are not sampled; the simulator still collides them
    return apply(shape.T_link_shape, grid), radius


def _line(length: float, spacing: float) -> FloatArray:
    """Evenly spaced values centred on 0, both ends included."""
    if length <= 1e-9:
        return np.zeros(1)
    return np.linspace(-length / 2, length / 2, int(np.ceil(length / spacing)) + 1)
