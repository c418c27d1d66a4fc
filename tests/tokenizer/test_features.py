"""Motions as feature rows, for every hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import list_hands, load_hand
from unihm.robots.torch_kinematics import TorchHand
from unihm.tokenizer.features import from_features, row_fingertips, to_features
from unihm.transforms import apply, make_transform


def random_poses(seed: int, frames: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    rotation = Rotation.random(frames, rng=random).as_matrix()
    return make_transform(rotation, random.uniform(-0.5, 0.5, (frames, 3)))


@pytest.mark.parametrize("name", list_hands())
@given(seed=st.integers(0, 10_000))
@settings(max_examples=5, deadline=None)
def test_rows_and_back(name, seed):
    hand = load_hand(name)
    T = random_poses(seed, 7)
    joints = np.random.default_rng(seed).uniform(hand.lower, hand.upper, (7, len(hand.lower)))
    rows = to_features(T, joints, hand)
    assert rows.shape == (7, 9 + hand.num_joints)
    assert np.abs(rows[:, 9:]).max() <= 1.0 + 1e-6
    T_back, joints_back = from_features(rows, hand)
    np.testing.assert_allclose(T_back, T, atol=2e-6)
    np.testing.assert_allclose(joints_back, joints, atol=2e-6)


def test_any_row_gives_a_rotation_and_joints_within_limits():
    hand = load_hand("xhand")
    rows = np.random.default_rng(0).normal(0.0, 3.0, (50, 9 + hand.num_joints))
    T, joints = from_features(rows.astype(np.float32), hand)
    rotation = T[:, :3, :3]
    np.testing.assert_allclose(
        rotation @ rotation.swapaxes(1, 2), np.eye(3)[None].repeat(50, 0), atol=1e-6
    )
    assert (np.linalg.det(rotation) > 0).all()
    assert (joints >= hand.lower).all()
    assert (joints <= hand.upper).all()


def test_the_pose_part_is_the_palm_and_so_the_same_for_all_hands():
    T_object_palm = random_poses(3, 4)
    rows = []
    for name in ("xhand", "inspire", "human"):
        hand = load_hand(name)
        T_object_wrist = T_object_palm @ np.linalg.inv(hand.T_wrist_palm)
        rows.append(to_features(T_object_wrist, hand.open_joints[None].repeat(4, 0), hand)[:, :9])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)
    np.testing.assert_allclose(rows[0], rows[2], atol=1e-5)


def test_wrong_number_of_joints_is_an_invalid_motion():
    with pytest.raises(UnihmError) as caught:
        to_features(np.eye(4)[None], np.zeros((1, 5)), load_hand("xhand"))
    assert caught.value.code == ErrorCode.INVALID_MOTION


@pytest.mark.parametrize("name", ["xhand", "human", "panda_gripper", "shadow_left"])
def test_fingertips_of_rows_are_those_of_the_hand(name):
    hand, T = load_hand(name), random_poses(5, 6)
    joints = np.random.default_rng(5).uniform(hand.lower, hand.upper, (6, hand.num_joints))
    rows = torch.from_numpy(to_features(T, joints, hand))
    expected = [apply(pose, hand.fingertips(q)[0]) for pose, q in zip(T, joints)]
    found = row_fingertips(rows, TorchHand(hand)).numpy()
    np.testing.assert_allclose(found, np.array(expected), atol=2e-6)
