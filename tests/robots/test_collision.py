"""Balls that stand for arm and hand: how near they come to the table and to each other."""

import numpy as np
import pytest
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.collision import CollisionModel, lowest_of_hand
from unihm.robots.surface import surface_points
from unihm.transforms import apply

HANDS = ("xhand", "inspire", "allegro", "shadow", "panda_gripper")


@pytest.fixture(scope="module")
def arm():
    return load_arm("fr3")


@pytest.mark.parametrize("name", HANDS)
def test_at_home_nothing_touches(arm, name):
    hand = load_hand(name)
    clear = CollisionModel(arm, hand).clearance(arm.home[None], hand.open_joints[None])
    assert clear.table_arm[0] > 0.1
    assert clear.table_hand[0] > 0.05
    assert clear.itself[0] > 0.01
    assert set(clear.links) != {""}


@pytest.mark.parametrize("name", HANDS)
def test_the_lowest_ball_is_inside_the_hand_and_near_its_surface(arm, name):
    hand = load_hand(name)
    T_world_wrist = arm.forward(arm.home) @ hand.T_flange_wrist
    points = apply(T_world_wrist, surface_points(hand, hand.open_joints, 2e-3)[0])
    lowest = lowest_of_hand(hand, T_world_wrist[None], hand.open_joints[None])[0]
    assert -1e-3 < lowest - points[:, 2].min() < 0.015


def test_a_table_that_is_raised_is_entered_by_as_much(arm):
    hand = load_hand("xhand")
    posture = arm.home[None], hand.open_joints[None]
    free = CollisionModel(arm, hand).clearance(*posture)
    raised = CollisionModel(arm, hand, table_height=0.5).clearance(*posture)
    assert raised.table_hand[0] == pytest.approx(free.table_hand[0] - 0.5)
    assert raised.table_arm[0] == pytest.approx(free.table_arm[0] - 0.5)
    assert raised.itself[0] == free.itself[0]


def test_an_arm_that_is_folded_on_itself_is_seen(arm):
    hand = load_hand("xhand")
    folded = np.array([0.24, -1.27, -2.75, -2.89, 1.9, 2.34, -0.27])
    clear = CollisionModel(arm, hand).clearance(
        np.stack([arm.home, folded]), np.tile(hand.open_joints, (2, 1))
    )
    assert clear.itself[0] > 0.0 > clear.itself[1]
    assert any(link.startswith("fr3_") for link in clear.links)
