"""Grasps with fewer fingers than the hand has."""

from __future__ import annotations

from dataclasses import replace

from unihm.robots import load_hand
from unihm.robots.fingers import own_joints
from unihm.types import HandMotion


def with_fingers(motion: HandMotion, count: int) -> HandMotion:
    """The same with the thumb and its neighbours alone; the other fingers stay open.

    A joint that moves several fingers moves as before.

    Args:
        motion: as generated.
        count: fingers that may touch, the thumb among them.
    """
    hand = load_hand(motion.hand)
    joints = motion.joints.copy()
    for own in own_joints(hand)[count:]:
        joints[:, own] = hand.open_joints[own]
    return replace(motion, joints=joints)
