"""A person's hand leads the arm by how it moves, and the fingers by how they bend."""

from __future__ import annotations

import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.retargeting.leading import HandLeader
from unihm.robots import load_hand
from unihm.robots.arm import load_arm

ARM, HAND, HUMAN = load_arm(), load_hand("inspire"), load_hand("human")
OPEN = HUMAN.keypoints(HUMAN.open_joints)
FIST = HUMAN.keypoints(HUMAN.closed_joints)
ELSEWHERE = np.array([2.0, -1.0, 1.2])  # where the person stands


def wrist(q_arm):
    return ARM.forward(q_arm) @ HAND.T_flange_wrist


def lead(leader, frames):
    q_arm = ARM.home
    for frame in frames:
        q_arm, q_hand = leader.step(frame, q_arm)
    return q_arm, q_hand


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_wrist_goes_as_far_as_the_persons(scale):
    way = np.array([0.05, 0.1, 0.04])
    frames = [OPEN + ELSEWHERE + share * way for share in np.linspace(0.0, 1.0, 40)]
    q_arm, _ = lead(HandLeader(ARM, HAND, scale=scale), frames)
    moved = wrist(q_arm)[:3, 3] - wrist(ARM.home)[:3, 3]
    assert moved == pytest.approx(scale * way, abs=4e-3)
    assert np.abs(wrist(q_arm)[:3, :3] - wrist(ARM.home)[:3, :3]).max() < 0.1


def test_the_wrist_turns_as_the_persons():
    angles = np.linspace(0.0, 0.5, 40)
    frames = []
    for angle in angles:
        c, s = np.cos(angle), np.sin(angle)
        about_z = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        frames.append(OPEN @ about_z.T + ELSEWHERE)
    q_arm, _ = lead(HandLeader(ARM, HAND), frames)
    turned = wrist(q_arm)[:3, :3] @ wrist(ARM.home)[:3, :3].T
    assert np.arctan2(turned[1, 0], turned[0, 0]) == pytest.approx(0.5, abs=0.05)


def test_the_fingers_close_and_the_arm_stays():
    q_arm, q_hand = lead(HandLeader(ARM, HAND), [OPEN + ELSEWHERE, *[FIST + ELSEWHERE] * 20])
    assert np.abs(q_arm - ARM.home).max() < 0.15
    assert (q_hand - HAND.open_joints)[2:].min() > 0.3


def test_out_of_reach_it_says_so_and_goes_on_from_where_it_was():
    leader = HandLeader(ARM, HAND)
    way = [OPEN + ELSEWHERE + x * np.array([1.0, 0.0, 0.0]) for x in np.linspace(0.0, 1.5, 150)]
    q_arm, refused = ARM.home, []
    for frame in [*way, *way[::-1]]:
        try:
            q_arm, _ = leader.step(frame, q_arm)
        except UnihmError as error:
            refused.append(error.code)
    assert len(refused) > 20
    assert set(refused) == {ErrorCode.UNREACHABLE}
    assert wrist(q_arm)[:3, 3] == pytest.approx(wrist(ARM.home)[:3, 3], abs=0.02)


def test_it_never_sends_the_arm_far_ahead():
    leader = HandLeader(ARM, HAND)
    leader.step(OPEN + ELSEWHERE, ARM.home)
    for x in np.linspace(0.0, 0.3, 40):
        q_arm, _ = leader.step(OPEN + ELSEWHERE + [0.0, x, 0.0], ARM.home)  # it does not follow
        assert np.abs(q_arm - ARM.home).max() <= 0.3 + 1e-9


def test_a_scale_is_positive():
    with pytest.raises(UnihmError, match="scale"):
        HandLeader(ARM, HAND, scale=0.0)
