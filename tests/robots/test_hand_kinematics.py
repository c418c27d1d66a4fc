"""Jacobians against finite differences; batched numpy and torch against pinocchio."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from unihm.robots import Hand, list_hands, load_hand
from unihm.robots.numpy_kinematics import FloatingHand, PointKinematics
from unihm.robots.spec import LinkPoint
from unihm.robots.torch_kinematics import TorchFloatingHand, TorchHand
from unihm.transforms import FloatArray, make_transform


@pytest.fixture(params=list_hands())
def hand(request: pytest.FixtureRequest) -> Hand:
    return load_hand(request.param)


def random_joints(hand: Hand, count: int) -> FloatArray:
    return np.random.default_rng(1).uniform(hand.lower, hand.upper, (count, hand.num_joints))


def test_the_jacobian_is_the_derivative(hand: Hand) -> None:
    h = 1e-6
    for q in random_joints(hand, 3):
        differences = [
            (hand.fingertips(q + h * e)[0] - hand.fingertips(q - h * e)[0]) / (2 * h)
            for e in np.eye(hand.num_joints)
        ]
        np.testing.assert_allclose(
            hand.fingertip_jacobian(q), np.stack(differences, axis=-1), atol=1e-8
        )


def test_torch_agrees_with_pinocchio(hand: Hand) -> None:
    joints = random_joints(hand, 20)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        batched = TorchHand(hand, dtype)
        q = torch.as_tensor(joints, dtype=dtype)
        tips, normals = batched.fingertips(q)
        keypoints, jacobian = batched.keypoints(q), batched.fingertip_jacobian(q)
        poses = batched.link_poses(q)
        for i, row in enumerate(joints):
            true_tips, true_normals = hand.fingertips(row)
            np.testing.assert_allclose(tips[i], true_tips, atol=tolerance)
            np.testing.assert_allclose(normals[i], true_normals, atol=10 * tolerance)
            np.testing.assert_allclose(keypoints[i], hand.keypoints(row), atol=tolerance)
            np.testing.assert_allclose(
                jacobian[i], hand.fingertip_jacobian(row), atol=10 * tolerance
            )
            for link, pose in hand.link_poses(row).items():
                np.testing.assert_allclose(poses[link][i], pose, atol=10 * tolerance)


def test_torch_gradients_are_the_jacobian(hand: Hand) -> None:
    batched = TorchHand(hand, torch.float64)
    q = torch.as_tensor(random_joints(hand, 1)[0])
    by_autograd = torch.autograd.functional.jacobian(lambda x: batched.fingertips(x)[0], q)
    np.testing.assert_allclose(by_autograd, batched.fingertip_jacobian(q), atol=1e-12)


def test_torch_takes_any_batch_shape() -> None:
    hand = load_hand("inspire")
    batched = TorchHand(hand)
    q = torch.zeros(2, 3, hand.num_joints)
    assert batched.keypoints(q).shape == (2, 3, 21, 3)
    assert batched.fingertip_jacobian(q).shape == (2, 3, 5, 3, hand.num_joints)
    assert not torch.isnan(batched.keypoints(q)[..., batched.keypoint_indices, :]).any()


def test_batched_points_agree_with_pinocchio_also_on_a_moved_base(hand: Hand) -> None:
    points = [LinkPoint(tip.link, tip.xyz) for tip in hand.spec.fingertips]
    kinematics, joints = PointKinematics(hand, points), random_joints(hand, 7)
    positions, jacobian = kinematics.positions_and_jacobian(joints)
    for i, q in enumerate(joints):
        np.testing.assert_allclose(positions[i], hand.fingertips(q)[0], atol=1e-12)
        np.testing.assert_allclose(
            jacobian[i].transpose(1, 2, 0), hand.fingertip_jacobian(q), atol=1e-12
        )
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    base = np.tile(make_transform(turn, [0.1, 0.2, 0.3]), (7, 1, 1))
    moved = kinematics.positions(joints, base)
    np.testing.assert_allclose(moved, positions @ turn.T + [0.1, 0.2, 0.3], atol=1e-12)


def test_all_evaluations_of_a_floating_hand_agree(hand: Hand) -> None:
    random, count = np.random.default_rng(2), 4
    wrist = np.hstack([random.normal(0, 0.1, (count, 3)), random.normal(0, 0.7, (count, 3))])
    y = np.hstack([wrist, random_joints(hand, count)])
    R = Rotation.random(count, random_state=0).as_matrix()
    floating = FloatingHand(hand)
    bodies, screws = floating.forward(y, R)
    base = make_transform(R @ Rotation.from_rotvec(y[:, 3:6]).as_matrix(), y[:, :3])
    links = hand.urdf.links
    for i, q in enumerate(y[:, 6:]):
        for link, pose in hand.link_poses(q).items():
            body = bodies[i, hand.tree.link_body[link]]
            np.testing.assert_allclose(
                body @ hand.tree.T_body_link[link], base[i] @ pose, atol=1e-9
            )
    # Points on every link, their places and derivatives along one direction each.
    xyz = random.normal(0, 0.05, (len(links), 3))
    points = [LinkPoint(link, tuple(at)) for link, at in zip(links, xyz)]
    body, place = hand.tree.attach(points)
    rows = (body + len(hand.tree.moves) * np.arange(count)[:, None]).ravel()
    place = np.tile(place, (count, 1, 1))
    direction = random.normal(size=place.shape)
    moved_by = np.tile(hand.tree.moved_by[body], (count, 1, 1))
    x = floating.points(bodies, rows, place)
    slopes = floating.rows(screws, x, direction, moved_by)
    theirs = TorchFloatingHand(hand, torch.device("cpu"))
    their_bodies, their_screws = theirs.forward(torch.as_tensor(y), torch.as_tensor(R))
    np.testing.assert_allclose(their_bodies, bodies, atol=1e-9)
    np.testing.assert_allclose(their_screws, screws, atol=1e-9)
    their_x = theirs.points(their_bodies, torch.as_tensor(rows), torch.as_tensor(place))
    np.testing.assert_allclose(their_x, x, atol=1e-9)
    their_slopes = theirs.rows(
        their_screws, their_x, torch.as_tensor(direction), torch.as_tensor(moved_by)
    )
    np.testing.assert_allclose(their_slopes, slopes, atol=1e-9)
    # And against pinocchio's Jacobian, and the batched one of fixed points.
    kinematics = PointKinematics(hand, points)
    positions, jacobian = kinematics.positions_and_jacobian(y[:, 6:], base)
    np.testing.assert_allclose(positions, x, atol=1e-9)
    np.testing.assert_allclose(
        np.einsum("bjni,bni->bnj", jacobian, direction), slopes[..., 6:], atol=1e-9
    )
    for i, q in enumerate(y[:, 6:]):
        along = direction[i] @ base[i, :3, :3]
        true = np.einsum("nij,ni->nj", hand.point_jacobian(q, points), along)
        np.testing.assert_allclose(slopes[i, :, 6:], true, atol=1e-9)


def test_many_threads_may_share_a_hand() -> None:
    from concurrent.futures import ThreadPoolExecutor

    hand = load_hand("shadow")
    joints = random_joints(hand, 64)
    alone = [hand.fingertips(q)[0] for q in joints]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda q: hand.fingertips(q)[0], joints))
    np.testing.assert_array_equal(together, alone)
