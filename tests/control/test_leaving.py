"""The way home from before a drawer does not push it shut again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from unihm.control.leaving import way_home
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.collision import CollisionModel, cover_hand
from unihm.transforms import FloatArray, apply
from unihm.types import HandMotion, ObjectCloud, ObjectTrajectory, Phase, TaskKind

ARM, HAND = load_arm(), load_hand("xhand")
# Low before the base, the fingers forward, as after a drawer was pulled out.
LOW = np.array([-1.16, 0.34, 0.70, -2.71, -2.78, 2.95, -1.41])


def front(distance: float) -> FloatArray:
    """(N, 3) metres, world: an upright wall so far before the fingertips."""
    centres, radii = cover_hand(HAND, HAND.pregrasp_joints)
    balls = apply(ARM.forward(LOW) @ HAND.T_flange_wrist, centres)
    x = float((balls[:, 0] + radii).max()) + distance
    y, z = np.meshgrid(np.linspace(-0.35, 0.1, 60), np.linspace(0.0, 0.14, 20))
    return np.stack([np.full(y.size, x), y.ravel(), z.ravel()], axis=1)


def nearest(way: list[FloatArray], things: FloatArray) -> float:
    """Metres between hand and things on the way."""
    centres, radii = cover_hand(HAND, HAND.pregrasp_joints)
    tree, least, here = cKDTree(things), np.inf, LOW
    for there in way:
        for share in np.linspace(0.0, 1.0, 40):
            T = ARM.forward(here + share * (there - here)) @ HAND.T_flange_wrist
            least = min(least, float((tree.query(apply(T, centres))[0] - radii).min()))
        here = there
    return least


def moved_nothing(around: FloatArray) -> tuple[HandMotion, ObjectCloud]:
    """A motion that ends where it began, with what stands around."""
    here = around[:1] * [1, 1, 0] + [0, 0, 0.08]
    T = np.tile(np.eye(4), (4, 1, 1))
    phase = np.array([Phase.APPROACH, Phase.GRASP, Phase.HOLD, Phase.RETREAT])
    trajectory = ObjectTrajectory(T, phase, 0.1, TaskKind.OPEN_CLOSE, here[0])
    joints = np.tile(HAND.pregrasp_joints, (4, 1))
    return (
        HandMotion("xhand", T, joints, trajectory),
        ObjectCloud(here, np.array([[-1.0, 0.0, 0.0]]), around=around),
    )


def test_the_hand_keeps_clear_of_what_is_around() -> None:
    things = front(0.05)
    way = way_home(ARM, HAND, LOW, HAND.pregrasp_joints, *moved_nothing(things))
    assert way[-1] == pytest.approx(ARM.home)
    assert nearest([ARM.home], things) < 0.0  # at once it would push
    assert nearest(way, things) > 0.01
    postures = np.stack(way)
    fingers = np.tile(HAND.pregrasp_joints, (len(way), 1))
    assert CollisionModel(ARM, HAND).clearance(postures, fingers).itself.min() > 0.0


def test_where_nothing_is_known_it_goes_home_at_once() -> None:
    motion, _ = moved_nothing(front(0.05))
    (posture,) = way_home(ARM, HAND, LOW, HAND.pregrasp_joints, motion, None)
    assert posture == pytest.approx(ARM.home)
