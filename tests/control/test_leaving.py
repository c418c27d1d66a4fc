"""The way to and from before a drawer does not push it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial import cKDTree
from unihm.control.execution import plan_execution
from unihm.control.leaving import things_about, way_home
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.collision import CollisionModel, cover_hand
from unihm.transforms import FloatArray, apply
from unihm.types import HandMotion, ObjectCloud, ObjectTrajectory, Phase, TaskKind

ARM, HAND = load_arm(), load_hand("xhand")
# Low before the base, the fingers forward, as after a drawer was pulled out.
LOW = np.array([-1.16, 0.34, 0.70, -2.71, -2.75, 2.95, -1.41])


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


def around(wall: FloatArray) -> tuple[ObjectTrajectory, ObjectCloud]:
    """A part before a wall that moves 10 cm up from the world's origin."""
    T = np.tile(np.eye(4), (4, 1, 1))
    T[2:, 2, 3] = 0.1
    phase = np.array([Phase.APPROACH, Phase.GRASP, Phase.HOLD, Phase.RETREAT])
    handle = wall[:1] * [1, 1, 0] + [0, 0, 0.08]
    trajectory = ObjectTrajectory(T, phase, 0.1, TaskKind.OPEN_CLOSE, handle[0])
    return trajectory, ObjectCloud(handle, np.array([[-1.0, 0.0, 0.0]]), around=wall)


def test_the_hand_keeps_clear_of_what_is_around() -> None:
    things = front(0.05)
    way = way_home(ARM, HAND, LOW, HAND.pregrasp_joints, things)
    assert way[-1] == pytest.approx(ARM.home)
    assert nearest([ARM.home], things) < 0.0  # at once it would push
    assert nearest(way, things) > 0.01
    postures = np.stack(way)
    fingers = np.tile(HAND.pregrasp_joints, (len(way), 1))
    assert CollisionModel(ARM, HAND).clearance(postures, fingers).itself.min() > 0.0


def test_where_nothing_is_known_it_goes_home_at_once() -> None:
    (posture,) = way_home(ARM, HAND, LOW, HAND.pregrasp_joints, np.zeros((0, 3)))
    assert posture == pytest.approx(ARM.home)


def test_what_moves_is_where_it_is_and_its_body_where_it_was_too() -> None:
    trajectory, cloud = around(front(0.05))
    assert len(things_about(trajectory, None, np.array([0]))) == 0
    here = things_about(trajectory, cloud, np.array([0]))
    np.testing.assert_allclose(here, np.vstack([cloud.points, cloud.around]))
    later = things_about(trajectory, cloud, np.array([0, -1]))
    up = np.array([0.0, 0.0, 0.1])
    np.testing.assert_allclose(
        later, np.vstack([cloud.points + up, cloud.around, cloud.around + up])
    )


def test_who_comes_keeps_clear_too() -> None:
    things = front(0.05)
    trajectory, cloud = around(things)
    T_world_wrist = ARM.forward(LOW) @ HAND.T_flange_wrist
    motion = HandMotion(
        "xhand",
        np.tile(T_world_wrist, (4, 1, 1)),
        np.tile(HAND.pregrasp_joints, (4, 1)),
        dataclasses.replace(trajectory, T_world_object=np.tile(np.eye(4), (4, 1, 1))),
    )
    made = plan_execution(motion, HAND, ARM, ARM.home, HAND.open_joints, cloud=cloud)
    coming = made.phase == Phase.APPROACH
    there = np.flatnonzero(coming & (np.abs(made.hand - HAND.pregrasp_joints).max(axis=1) < 1e-6))
    way = made.arm[there[::20]]
    assert np.abs(made.arm[there[0]] - ARM.home).max() < 1e-6
    centres, radii = cover_hand(HAND, HAND.pregrasp_joints)
    tree = cKDTree(things)
    for q in way:
        balls = apply(ARM.forward(q) @ HAND.T_flange_wrist, centres)
        assert (tree.query(balls)[0] - radii).min() > 0.01
