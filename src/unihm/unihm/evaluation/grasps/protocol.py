"""MaskDexGrasp's measures (section 5.2) in this project's simulator: success, Q1, penetration, H.

What the paper leaves to its references is fixed here. The object floats where it is; the hand, at
its pose in the air and open, closes and squeezes as the controller does. Then gravity acts for a
second from each of six sides in turn, and the grasp is stable from a side where the object moves by
less than 2 cm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from unihm.control.config import ControlConfig
from unihm.control.grasp_motion import Attempt
from unihm.control.grip import squeeze_offsets
from unihm.evaluation.grasps.objects import Standing
from unihm.learning.synthesis.grasps.force_closure import grasp_matrix
from unihm.robots import Hand, load_hand
from unihm.robots.surface import LinkSurface
from unihm.sim.free_hand import FreeHandWorld
from unihm.sim.scene import Scene
from unihm.transforms import apply, invert, make_transform, minimum_snap
from unihm.types import FloatArray, ObjectCloud

GRAVITY = 9.81  # m/s^2
SIDES = np.concatenate([np.eye(3), -np.eye(3)])
AIR = 0.8  # m above the table
SECONDS, CLOSE, SQUEEZE = 1.0, 0.4, 0.3  # s
MOVED = 0.02  # m
DEEPEST = 0.005  # m of penetration that a success may have
NEAR = 0.01  # m between a link and the surface that count as a contact of Q1
FRICTION = 0.8  # as simulated
BINS = 100  # of a joint's range
RATE, TICK = 240.0, 6  # Hz, steps between set-points


@dataclass(frozen=True)
class GravityVerdict:
    """One grasp, measured.

    Attributes:
        stable: (6,) from which side of gravity it holds.
        penetration: m, the deepest point of the object's surface inside the hand.
        q1: radius of the largest ball about the origin in the hull of the contacts' wrenches.
    """

    stable: tuple[bool, ...]
    penetration: float
    q1: float

    @property
    def success(self) -> bool:
        """Stable from one side at least, and not too deep in the object."""
        return any(self.stable) and self.penetration < DEEPEST


class SixGravities:
    """One object in the air under one hand."""

    def __init__(self, hand: str, item: Standing) -> None:
        self._hand, self._item = load_hand(hand), item
        self._world = FreeHandWorld(Scene(objects=(item.body,)), hand, rate=RATE)
        self._config = ControlConfig()

    def judge(self, attempt: Attempt) -> GravityVerdict:
        """Try a grasp."""
        depth, q1 = geometry(self._hand, attempt, self._item.cloud)
        return GravityVerdict(self._stable(attempt), depth, q1)

    def _stable(self, attempt: Attempt) -> tuple[bool, ...]:
        world, item = self._world, self._item
        T_world_object = make_transform(item.T_world_object[:3, :3], [0.5, 0.0, AIR])
        T_world_wrist = T_world_object @ attempt.T_object_wrist
        offsets = squeeze_offsets(
            self._hand,
            attempt.joints,
            self._config.squeeze_depth,
            attempt.T_object_wrist,
            item.cloud,
        )
        held = attempt.joints + offsets
        world.set_object_pose("object", T_world_object @ item.T_object_body)
        world.place_wrist(T_world_wrist, attempt.open_joints)
        world.set_wrist_target(T_world_wrist)
        weightless = np.array([0.0, 0.0, GRAVITY])
        self._close(attempt.open_joints, attempt.joints, CLOSE, weightless)
        self._close(attempt.joints, held, SQUEEZE, weightless)
        begin, stable = world.snapshot(), []
        before = world.object_poses()["object"][:3, 3]
        for side in SIDES:
            world.restore(begin)
            world.step(int(SECONDS * RATE), {"object": GRAVITY * side + weightless})
            moved = np.linalg.norm(world.object_poses()["object"][:3, 3] - before)
            stable.append(bool(moved < MOVED))
        return tuple(stable)

    def _close(self, a: FloatArray, b: FloatArray, seconds: float, pull: FloatArray) -> None:
        ticks = int(seconds * RATE / TICK)
        for share in minimum_snap(np.arange(1, ticks + 1) / ticks):
            self._world.set_hand_targets(a + share * (b - a))
            self._world.step(TICK, {"object": pull})


@lru_cache(maxsize=8)
def _surfaces(hand: Hand) -> dict[str, LinkSurface]:
    return {link: LinkSurface(hand, link, 1.5e-3) for link in {name for name, _ in hand.shapes}}


def geometry(hand: Hand, attempt: Attempt, cloud: ObjectCloud) -> tuple[float, float]:
    """Penetration in metres, and Q1.

    A contact is the point of the surface that is nearest to a link, where that is nearer than
    :data:`NEAR`. Q1 is 0 where the hand is deeper than :data:`DEEPEST` in the object.
    """
    in_wrist = apply(invert(attempt.T_object_wrist), cloud.points)
    poses, deepest, contacts = hand.link_poses(attempt.joints), 0.0, []
    for link, surface in _surfaces(hand).items():
        distance = surface.signed_distance(apply(invert(poses[link]), in_wrist))
        nearest = int(distance.argmin())
        deepest = max(deepest, -float(distance[nearest]))
        if distance[nearest] < NEAR:
            contacts.append(nearest)
    if deepest > DEEPEST:
        return deepest, 0.0
    centre = cloud.points.mean(axis=0)
    return deepest, ferrari_canny(cloud.points[contacts] - centre, cloud.normals[contacts])


def ferrari_canny(points: FloatArray, normals: FloatArray, friction: float = FRICTION) -> float:
    """Q1 (Ferrari and Canny 1992): the least wrench that contacts of 1 N in sum do not resist.

    Torques count at an arm of 3 cm. 0 where some wrench is not resisted at all.

    Args:
        points: (C, 3) metres, relative to the centre of mass.
        normals: (C, 3) outward.
        friction: Coulomb coefficient.
    """
    if len(points) < 2:
        return 0.0
    try:
        hull = ConvexHull(grasp_matrix(points, normals, friction).T, qhull_options="QJ")
    except QhullError:  # all in a plane
        return 0.0
    return max(0.0, -float(hull.equations[:, -1].max()))


def joint_entropies(joints: FloatArray, hand: Hand) -> FloatArray:
    """(J,) nats: of each joint over grasps (N, J), in :data:`BINS` bins of its range."""
    unit = (joints - hand.lower) / (hand.upper - hand.lower)
    bins = np.clip((unit * BINS).astype(int), 0, BINS - 1)
    found = []
    for column in bins.T:
        share = np.bincount(column) / len(column)
        share = share[share > 0]
        found.append(float(-(share * np.log(share)).sum()))
    return np.array(found)
