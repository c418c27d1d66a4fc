"""The squeeze presses every pad inwards, mostly with the strong joints."""

import numpy as np
import pytest
from unihm.control.grip import squeeze_offsets
from unihm.robots import load_hand
from unihm.types import ObjectCloud

DEPTH = 0.01


@pytest.mark.parametrize("name", ["xhand", "inspire", "allegro", "shadow", "xhand_left"])
def test_every_pad_moves_inwards_by_the_depth(name):
    hand = load_hand(name)
    q = hand.pregrasp_joints
    _, normals = hand.fingertips(q)
    offsets = squeeze_offsets(hand, q, DEPTH)
    moved = hand.fingertip_jacobian(q) @ offsets  # (F, 3), linear
    along = (moved * normals).sum(axis=1)
    assert along == pytest.approx(DEPTH, rel=0.05)


def test_joint_limits_hold():
    hand = load_hand("xhand")
    q = hand.upper - 0.01
    offsets = squeeze_offsets(hand, q, 0.03)
    assert (q + offsets <= hand.upper + 1e-12).all()


def test_strong_joints_press_more():
    hand = load_hand("xhand")
    offsets = squeeze_offsets(hand, hand.pregrasp_joints, DEPTH)
    index = hand.joint_names.index
    assert offsets[index("right_hand_index_joint1")] > 5 * abs(
        offsets[index("right_hand_index_joint2")]
    )


def test_the_surface_bends_the_direction_of_pressing():
    hand = load_hand("xhand")
    q = hand.pregrasp_joints
    pads, normals = hand.fingertips(q)
    tilted = -(normals + 0.7 * np.cross(normals, [1.0, 0.0, 0.0]))
    tilted /= np.linalg.norm(tilted, axis=1, keepdims=True)
    near = squeeze_offsets(hand, q, DEPTH, np.eye(4), ObjectCloud(pads, tilted))
    far = squeeze_offsets(hand, q, DEPTH, np.eye(4), ObjectCloud(pads + 0.2, tilted))
    plain = squeeze_offsets(hand, q, DEPTH)
    assert far == pytest.approx(plain, abs=1e-4)
    assert np.abs(near - plain).max() > 0.01


def test_a_surface_behind_the_pad_is_not_pressed_on():
    hand = load_hand("xhand")
    q = hand.pregrasp_joints
    pads, normals = hand.fingertips(q)
    behind = squeeze_offsets(hand, q, DEPTH, np.eye(4), ObjectCloud(pads, normals))
    assert behind == pytest.approx(squeeze_offsets(hand, q, DEPTH), abs=1e-4)


def test_the_gripper_closes():
    hand = load_hand("panda_gripper")
    assert squeeze_offsets(hand, np.array([0.02]), DEPTH)[0] < -0.009
