"""Whether arm and hand come too near to the table, the mount, or the arm itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pinocchio as pin
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from unihm.robots.arm import Arm
from unihm.robots.cover import cover
from unihm.robots.kinematics import Hand, joint_of, link_frame
from unihm.robots.urdf import Primitive
from unihm.transforms import FloatArray, apply

_SPACING = 0.02  # m between the balls that stand for a link
#: Links so many joints apart in the arm's chain are looked at; nearer ones cannot be kept apart.
APART = 3
_FIXED = 3  # the arm's first links stand on the table and turn above it
_FAR = 0.5  # m from which on it does not matter how far away something is


def lowest_of_hand(hand: Hand, T_world_wrist: FloatArray, joints: FloatArray) -> FloatArray:
    """World z (T,) in metres of the hand's lowest point along a path.

    Args:
        hand: whose links are taken as balls.
        T_world_wrist: (T, 4, 4).
        joints: (T, J) rad.
    """
    links = _covered(hand.shapes)
    lowest = np.full(len(joints), np.inf)
    for k, (wrist, q) in enumerate(zip(T_world_wrist, joints)):
        poses = hand.link_poses(q)
        for link, centres, radius in links:
            z = apply(wrist @ poses[link], centres)[:, 2].min() - radius
            lowest[k] = min(lowest[k], z)
    return lowest


def cover_hand(hand: Hand, joints: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centres (B, 3), wrist frame, and radii (B,) of balls that cover a hand with ``joints``."""
    poses = hand.link_poses(joints)
    links = _covered(hand.shapes)
    centres = [apply(poses[link], own) for link, own, _ in links]
    radii = [np.full(len(own), radius) for _, own, radius in links]
    return np.concatenate(centres), np.concatenate(radii)


@dataclass(frozen=True)
class Clearance:
    """How near each of N samples comes to what must not be touched, (N,) metres; negative: inside.

    Attributes:
        table_arm: of the arm's links above the table.
        table_hand: of the hand's.
        itself: between links that have nothing to do with each other.
        links: of ``itself``, their names.
    """

    table_arm: FloatArray
    table_hand: FloatArray
    itself: FloatArray
    links: tuple[str, str]


class CollisionModel:
    """Arm and hand as balls (:func:`~unihm.robots.cover.cover`), posed by their own kinematics.

    What a vendor describes by a mesh alone is not seen. Links that touch each other at home, with
    an open hand, are let alone, as are the fingers among themselves.

    Args:
        arm: whose base stands on the table.
        hand: at its flange.
        table_height: m, world.

    Attributes:
        touching: pairs of links that are let alone, since they touch each other at home.
    """

    def __init__(self, arm: Arm, hand: Hand, table_height: float = 0.0) -> None:
        self._arm, self._hand, self._table = arm, hand, table_height
        on_arm = _covered(arm.shapes)
        on_hand = _covered(hand.shapes)
        self._frames = [link_frame(arm.model, link) for link, *_ in on_arm]
        self._hand_links = [link for link, *_ in on_hand]
        self._names = [link for link, *_ in on_arm + on_hand]
        self._balls = [centres for _, centres, _ in on_arm + on_hand]
        self._radii = np.array([radius for *_, radius in on_arm + on_hand])
        middles = [centres.mean(axis=0) for centres in self._balls]
        self._middles = np.reshape(middles, (-1, 3))
        self._reach = self._radii + [
            np.linalg.norm(centres - middle, axis=1).max()
            for centres, middle in zip(self._balls, self._middles)
        ]
        joints = [joint_of(arm.model.frames[frame]) for frame in self._frames]
        # The hand's links count as one joint behind the arm's last.
        joint = np.array(joints + [len(arm) + 1] * len(on_hand))
        self._of_hand = np.arange(len(joint)) >= len(on_arm)
        self._over_table = (joint > _FIXED) & ~self._of_hand
        one, other = np.triu_indices(len(joint), 1)
        apart = np.abs(joint[one] - joint[other]) >= APART
        self._pairs = np.stack([one[apart], other[apart]])
        touch = self._distances(self._poses(arm.home, hand.open_joints)) <= 0.0
        self.touching = {
            frozenset((self._names[a], self._names[b])) for a, b in self._pairs[:, touch].T
        }
        self._pairs = self._pairs[:, ~touch]

    def clearance(self, q_arm: ArrayLike, q_hand: ArrayLike) -> Clearance:
        """How near every sample of a motion comes.

        Args:
            q_arm: (N, n) rad.
            q_hand: (N, J) rad.
        """
        samples = list(zip(np.asarray(q_arm, float), np.asarray(q_hand, float)))
        heights = np.empty((len(samples), len(self._names)))
        itself = np.empty(len(samples))
        links = ("", "")
        for k, (arm, hand) in enumerate(samples):
            poses = self._poses(arm, hand)
            heights[k] = [
                (centres @ pose[2, :3]).min() + pose[2, 3]
                for pose, centres in zip(poses, self._balls)
            ]
            distances = self._distances(poses)
            itself[k] = distances.min(initial=np.inf)
            if itself[k] == itself[: k + 1].min() and len(distances):
                a, b = self._pairs[:, distances.argmin()]
                links = self._names[a], self._names[b]
        heights -= self._radii + self._table
        return Clearance(
            heights[:, self._over_table].min(axis=1, initial=np.inf),
            heights[:, self._of_hand].min(axis=1, initial=np.inf),
            itself,
            links,
        )

    def room(self, q_arm: FloatArray, q_hand: FloatArray, things: cKDTree) -> FloatArray:
        """How near arm and hand come to things, (N,) metres, at most :data:`_FAR`.

        The arm's first links are left out: nothing can stand where they turn.

        Args:
            q_arm: (N, n) rad.
            q_hand: (J,) rad, all along.
            things: points (M, 3) metres, world.
        """
        centres, radii = self._posed(q_arm, q_hand)
        distance, _ = things.query(centres, distance_upper_bound=_FAR)
        return (distance - radii).min(axis=1, initial=_FAR)

    def distances(self, q_arm: FloatArray, q_hand: FloatArray, points: FloatArray) -> FloatArray:
        """(M,) metres from arm and hand, in one posture (n,), (J,), to points (M, 3)."""
        centres, radii = self._posed(q_arm[None], q_hand)
        gaps = np.linalg.norm(points[:, None] - centres[0], axis=-1) - radii
        return gaps.min(axis=1, initial=np.inf)

    def _posed(self, q_arm: FloatArray, q_hand: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Balls of the links that move above the table: centres (N, B, 3), world; radii (B,)."""
        on_arm = np.flatnonzero(self._over_table)
        in_wrist = self._hand.link_poses(q_hand)
        of_hand = [
            apply(in_wrist[link], balls)
            for link, balls in zip(self._hand_links, self._balls[len(self._frames) :])
        ]
        fingers = np.concatenate([np.zeros((0, 3)), *of_hand])
        centres = []
        for q in q_arm:
            T_world_wrist = self._arm.forward(q) @ self._hand.T_flange_wrist
            pin.updateFramePlacements(self._arm.model, self._arm.data)
            of_arm = [
                apply(self._arm.data.oMf[self._frames[k]].homogeneous, self._balls[k])
                for k in on_arm
            ]
            centres.append(np.concatenate([*of_arm, apply(T_world_wrist, fingers)]))
        moving = [*on_arm, *range(len(self._frames), len(self._balls))]
        radii = np.repeat(self._radii[moving], [len(self._balls[k]) for k in moving])
        return np.array(centres), radii

    def _poses(self, q_arm: FloatArray, q_hand: FloatArray) -> FloatArray:
        """T_world_link (L, 4, 4) of all links."""
        T_world_wrist = self._arm.forward(q_arm) @ self._hand.T_flange_wrist
        pin.updateFramePlacements(self._arm.model, self._arm.data)
        of_arm = [self._arm.data.oMf[frame].homogeneous for frame in self._frames]
        in_wrist = self._hand.link_poses(q_hand)
        of_hand = [T_world_wrist @ in_wrist[link] for link in self._hand_links]
        return np.reshape(of_arm + of_hand, (-1, 4, 4))

    def _distances(self, poses: FloatArray) -> FloatArray:
        """(P,) between the surfaces of the links of every pair; of those far apart at least it."""
        middles = np.einsum("lij,lj->li", poses[:, :3, :3], self._middles) + poses[:, :3, 3]
        one, other = self._pairs
        distances = np.linalg.norm(middles[one] - middles[other], axis=1)
        distances -= self._reach[one] + self._reach[other]
        for k in np.flatnonzero(distances < _SPACING):
            a, b = one[k], other[k]
            first, second = apply(poses[a], self._balls[a]), apply(poses[b], self._balls[b])
            apart = np.linalg.norm(first[:, None] - second[None], axis=-1).min()
            distances[k] = apart - self._radii[a] - self._radii[b]
        return distances


def _covered(
    shapes: Iterable[tuple[str, Primitive]],
) -> list[tuple[str, FloatArray, float]]:
    """(link, centres (S, 3) in its frame, radius) of every shape that balls can fill."""
    covered = [(link, *cover(shape, _SPACING)) for link, shape in shapes]
    return [entry for entry in covered if len(entry[1])]
