"""What every hand's driver is sent, for every hand that there is."""

import dataclasses

import numpy as np
import pytest
from unihm.control.drivers import from_driver, gripper_width, to_driver
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import Hand, list_hands, load_hand


@pytest.mark.parametrize("name", list_hands())
def test_there_and_back(name):
    hand = load_hand(name)
    joints = hand.lower + 0.3 * (hand.upper - hand.lower)
    command = to_driver(hand, joints)
    unit = 1e-3 * (hand.upper - hand.lower).max() if name.startswith("inspire") else 1e-9
    back = from_driver(hand, dict(zip(command.names, command.values)))
    assert back == pytest.approx(joints, abs=unit)


def test_xhand_is_sent_every_joint_in_radians():
    hand = load_hand("xhand")
    command = to_driver(hand, hand.pregrasp_joints)
    assert len(command.names) == 12
    assert command.names[0] == "thumb_bend_joint"
    assert command.values == pytest.approx(hand.pregrasp_joints)


def test_inspire_order_and_sense():
    hand = load_hand("inspire")
    joints = hand.lower.copy()
    joints[hand.joint_names.index("pinky_proximal_joint")] = hand.upper[5]
    command = to_driver(hand, joints)
    assert command.names == ("little", "ring", "middle", "index", "thumb_bend", "thumb_rotate")
    assert command.values.tolist() == [0, 1000, 1000, 1000, 1000, 1000]


def test_commands_are_clipped_to_the_joint_limits():
    hand = load_hand("inspire")
    assert to_driver(hand, hand.upper + 1.0).values.tolist() == [0] * 6


def test_gripper_width_is_the_whole_opening():
    hand = load_hand("panda_gripper")
    assert gripper_width(hand, np.array([0.03])) == pytest.approx(0.06, abs=1e-3)


@pytest.mark.parametrize("bad", [np.full(12, np.nan), np.zeros(11)])
def test_bad_joints_are_refused(bad):
    with pytest.raises(UnihmError) as caught:
        to_driver(load_hand("xhand"), bad)
    assert caught.value.code == ErrorCode.INVALID_MOTION


def test_a_joint_that_the_driver_section_leaves_out_is_an_error():
    spec = load_hand("xhand").spec
    driver = dataclasses.replace(spec.driver, channels=spec.driver.channels[1:])
    hand = Hand(dataclasses.replace(spec, driver=driver))
    with pytest.raises(UnihmError, match="right_hand_thumb_bend_joint") as caught:
        to_driver(hand, hand.open_joints)
    assert caught.value.code == ErrorCode.INVALID_HAND_FILE


def test_a_state_without_a_channel_is_an_error():
    with pytest.raises(UnihmError, match="little") as caught:
        from_driver(load_hand("inspire"), {"ring": 500.0})
    assert caught.value.code == ErrorCode.JOINT_STATE_TIMEOUT
