"""The parts that the grasp solver stands on: distance, closure, points of a hand."""

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from unihm.learning.synthesis.grasps.distance_field import DistanceField
from unihm.learning.synthesis.grasps.force_closure import worst_wrench
from unihm.learning.synthesis.grasps.hand_points import PALM, hand_points
from unihm.transforms import make_transform


@pytest.fixture(scope="module")
def capsule():
    mesh = trimesh.creation.capsule(height=0.06, radius=0.03)
    mesh.apply_translation(-mesh.bounds.mean(axis=0))
    return DistanceField(mesh.vertices, mesh.faces, spacing=0.003)


def capsule_distance(points):
    nearest = np.clip(points[:, 2], -0.03, 0.03)
    return np.linalg.norm(points - np.stack([0 * nearest, 0 * nearest, nearest], -1), axis=1) - 0.03


def test_distance_near_the_surface_and_its_sign(capsule):
    rng = np.random.default_rng(0)
    points = rng.uniform([-0.045, -0.045, -0.075], [0.045, 0.045, 0.075], (500, 3))
    distance, _ = capsule(points)
    true = capsule_distance(points)
    near = (np.abs(true) < 0.015) & (np.linalg.norm(points[:, :2], axis=1) > 0.005)
    assert np.abs(distance - true)[near].max() < 6e-4
    assert (np.sign(distance) == np.sign(true))[np.abs(true) > 1e-3].all()


def test_gradient_is_the_derivative_inside_and_outside_the_grid(capsule):
    points = np.random.default_rng(1).uniform(-0.12, 0.12, (200, 3))
    distance, gradient = capsule(points)
    step = 1e-7
    numeric = np.stack([(capsule(points + step * e)[0] - distance) / step for e in np.eye(3)], -1)
    assert np.abs(numeric - gradient).max() < 1e-3


def test_far_away_the_distance_keeps_growing(capsule):
    near, far = capsule(np.array([[0.3, 0.0, 0.0], [0.5, 0.0, 0.0]]))[0]
    assert far - near == pytest.approx(0.2)


FRONT, BACK = [0.0, -0.03, 0.0], [0.0, 0.03, 0.0]


def test_closure_of_opposed_contacts_is_good_and_of_one_side_infinite():
    points = [[0.02, -0.03, 0], FRONT, [-0.02, -0.03, 0], BACK]
    normals = [[0, -1, 0]] * 3 + [[0, 1, 0]]
    assert worst_wrench(points, normals) < 8.0
    assert worst_wrench(points[:3], normals[:3]) == np.inf


def test_closure_gets_worse_with_less_friction_and_farther_from_the_centre():
    points = [[0.02, -0.03, 0], [-0.02, -0.03, 0], [0.01, 0.03, 0.0], [-0.01, 0.03, 0.0]]
    normals = [[0, -1, 0]] * 2 + [[0, 1, 0]] * 2
    usual = worst_wrench(points, normals)
    assert worst_wrench(points, normals, friction=0.3) > 1.2 * usual
    assert worst_wrench(points, normals, centre=(0.05, 0, 0)) > 1.2 * usual


@pytest.mark.parametrize("name", ["human", "xhand", "inspire", "allegro", "svh", "panda_gripper"])
def test_jacobians_of_hand_points(name):
    points = hand_points(name)
    hand, rng = points.hand, np.random.default_rng(2)
    q = hand.lower + rng.random(hand.num_joints) * (hand.upper - hand.lower)
    T = make_transform(Rotation.random(random_state=3).as_matrix(), [0.1, -0.2, 0.3])
    state, step = points.state(T, q), 1e-6
    for k in range(6 + hand.num_joints):
        moved, bent = T, q.copy()
        axis = step * np.eye(3)[k % 3]
        if k < 3:
            moved = T @ make_transform(np.eye(3), axis)
        elif k < 6:
            moved = T @ make_transform(Rotation.from_rotvec(axis).as_matrix(), np.zeros(3))
        else:
            bent[k - 6] += step
        after = points.state(moved, bent)
        numeric = (after.positions - state.positions) / step
        assert np.abs(numeric - state.jacobian[:, :, k]).max() < 1e-4
        numeric = (after.normals - state.normals) / step
        assert np.abs(numeric - state.normal_jacobian[:, :, k]).max() < 1e-4


def test_pads_are_those_of_the_hand_and_every_digit_has_balls():
    points = hand_points("xhand")
    pads, normals = points.hand.fingertips(points.hand.pregrasp_joints)
    state = points.state(np.eye(4), points.hand.pregrasp_joints)
    np.testing.assert_allclose(state.positions[: points.num_pads], pads, atol=1e-9)
    np.testing.assert_allclose(state.normals, normals, atol=1e-9)
    assert set(points.digit) == {PALM, 0, 1, 2, 3, 4}
    assert [len(chain) for chain in points.chains] == [3, 3, 2, 2, 2]
