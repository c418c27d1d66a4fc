"""The three witnesses of a lift, each by itself and together."""

import numpy as np
import pytest
from unihm.control.verification import (
    JointSample,
    left_behind,
    pressing_fingers,
    seen_at,
    verify_lift,
    vertical_load,
)
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.types import RgbdObservation

ARM, HAND = Arm("fr3"), load_hand("xhand")
CONTACT = HAND.pregrasp_joints
SQUEEZE = np.where(np.arange(12) % 2 == 0, 0.25, 0.0)
SQUEEZE[0], SQUEEZE[1] = 0.0, 0.25  # the thumb's first flexion instead of its bend


def sample(load=0.0, held=True):
    """At home, ``load`` N hanging 20 cm under the flange, fingers blocked or not."""
    force = np.array([0.0, 0.0, -load])
    wrench = np.concatenate([force, np.cross([0.05, 0.02, -0.2], force)])
    torque = -ARM.jacobian(ARM.home).T @ wrench
    command = CONTACT + SQUEEZE
    return JointSample(ARM.home, torque, CONTACT if held else command, command)


def scene(object_there, hand_in_front=False):
    """A camera 1 m above a table; an object 10 cm high covers the middle of the image."""
    depth = np.ones((60, 80), np.float32)
    if object_there:
        depth[20:40, 30:50] = 0.9
    if hand_in_front:
        depth[10:50, 20:60] = 0.6
    K = np.array([[100.0, 0, 40], [0, 100.0, 30], [0, 0, 1]])
    T = np.diag([1.0, -1.0, -1.0, 1.0])
    T[2, 3] = 1.0
    return RgbdObservation(np.zeros((60, 80, 3), np.uint8), depth, K, T)


def object_points():
    grid = np.stack(np.meshgrid(np.linspace(-0.08, 0.08, 30), np.linspace(-0.08, 0.08, 30)), -1)
    return np.hstack([grid.reshape(-1, 2), np.full((900, 1), 0.1)])


def test_load_is_measured_in_newtons_wherever_it_hangs():
    assert vertical_load(ARM, sample(load=2.5)) == pytest.approx(2.5, abs=1e-6)


def test_blocked_fingers_press_and_free_ones_do_not():
    assert set(pressing_fingers(HAND, sample(), SQUEEZE, 0.1)) >= {"thumb", "index", "middle"}
    assert pressing_fingers(HAND, sample(held=False), SQUEEZE, 0.1) == ()


def test_camera_sees_what_is_left_behind():
    before = scene(True)
    assert left_behind(before, scene(True), object_points(), 0.015) == 1.0
    assert left_behind(before, scene(False), object_points(), 0.015) == 0.0
    assert left_behind(before, scene(True, hand_in_front=True), object_points(), 0.015) is None


@pytest.mark.parametrize(
    ("load", "pressing", "gone", "held"),
    [
        (2.0, True, True, True),
        (0.0, False, False, False),
        (0.0, False, True, False),  # rolled away
        (2.0, True, False, True),  # an image that lags does not outvote arm and fingers
        (0.0, True, False, False),  # the thumb on the fingers
        (2.0, False, True, True),  # fingers without a clear sign
    ],
)
def test_two_witnesses_decide(load, pressing, gone, held):
    verdict = verify_lift(
        ARM,
        HAND,
        sample(held=False),
        sample(load, pressing),
        SQUEEZE,
        scene(True),
        scene(not gone),
        object_points(),
    )
    assert verdict.held is held
    assert set(verdict.votes) == {"fingers", "weight", "camera"}
    assert verdict.reason.startswith("Held" if held else "Not held")


@pytest.mark.parametrize(
    ("after", "held"),
    [
        (scene(True), True),
        (scene(True, hand_in_front=True), True),  # who knows what is behind the fingers
        (scene(False), False),
    ],
)
def test_where_the_camera_sees_through_the_hand_nothing_is_held(after, held):
    """The arm is where it grasped, so the object should be seen where it was."""
    verdict = verify_lift(
        ARM,
        HAND,
        sample(held=False),
        sample(2.0),
        SQUEEZE,
        scene(False),
        after,
        object_points(),
        ARM.home,
    )
    assert verdict.held is held
    assert verdict.evidence["in_hand"] == (1.0 if held else 0.0)


def test_a_place_outside_the_image_says_nothing():
    assert seen_at(scene(True), object_points() + np.array([5.0, 0, 0]), 0.015) is None


def test_without_a_camera_both_others_must_agree():
    verdict = verify_lift(ARM, HAND, sample(), sample(2.0, held=False), SQUEEZE)
    assert not verdict.held
    assert "camera" not in verdict.votes


def test_what_the_sensors_show_at_rest_is_taken_off():
    biased = sample(load=1.5, held=False)
    verdict = verify_lift(ARM, HAND, biased, biased, SQUEEZE)
    assert verdict.evidence["weight"] == pytest.approx(0.0, abs=1e-9)
