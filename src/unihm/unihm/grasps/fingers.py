"""Grasps with fewer fingers than the hand has."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from unihm.robots import load_hand
from unihm.robots.fingers import finger_joints
from unihm.types import HandMotion


def with_fingers(motion: HandMotion, count: int) -> HandMotion:
    """The same with the thumb and its neighbours alone; the other fingers stay open.

    A joint that moves several fingers moves as before.

    Args:
        motion: as generated.
        count: fingers that may touch, the thumb among them.
    """
    hand = load_hand(motion.hand)
    chains = finger_joints(hand)
    moved = Counter(int(joint) for chain in chains for joint in chain)
    joints = motion.joints.copy()
    for chain in chains[count:]:
        own = [joint for joint in chain if moved[int(joint)] == 1]
        joints[:, own] = hand.open_joints[own]
    return replace(motion, joints=joints)
