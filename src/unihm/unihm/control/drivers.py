"""Joint values to what a hand's own driver is sent, and back: names, order and units.

Everything is in the ``driver`` section of the hand file; a new hand of a known protocol needs no
code. Messages are built from the result by the hand controller node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.robots import Hand
from unihm.robots.spec import Channel
from unihm.types import FloatArray

XHAND_POSITION_MODE = 3  # XHandCommand.mode: 0 passive, 3 position, 5 force


@dataclass(frozen=True)
class DriverCommand:
    """One command: channel ``names`` in the driver's order, ``values`` (C,) in its units."""

    names: tuple[str, ...]
    values: FloatArray


def to_driver(hand: Hand, joints: FloatArray) -> DriverCommand:
    """Command that takes the hand to ``joints`` (J,), clipped to the joint limits.

    Every channel is always there: an XHand lets a joint go passive that a command leaves out.
    An Inspire takes whole numbers from 0 (closed) to 1000 (open).

    Raises:
        UnihmError: INVALID_MOTION for a wrong number of joints or a value that is not finite;
            INVALID_HAND_FILE where the driver section leaves a joint out.
    """
    joints = np.asarray(joints, float)
    if joints.shape != (hand.num_joints,) or not np.isfinite(joints).all():
        raise UnihmError(
            ErrorCode.INVALID_MOTION,
            f"{hand.name} takes {hand.num_joints} finite joint values, not {joints.tolist()}.",
        )
    by_joint = dict(zip(hand.joint_names, hand.clip(joints)))
    channels = _channels(hand)
    values = [_value(hand, channel, by_joint[channel.joint]) for channel in channels]
    if hand.spec.driver.protocol == "inspire":
        values = [float(round(value)) for value in values]
    return DriverCommand(tuple(channel.name for channel in channels), np.array(values))


def from_driver(hand: Hand, state: Mapping[str, float]) -> FloatArray:
    """Joints (J,) from the driver's state, by channel name.

    Raises:
        UnihmError: JOINT_STATE_TIMEOUT where a channel is missing from ``state``.
    """
    joints = np.zeros(hand.num_joints)
    for channel in _channels(hand):
        if channel.name not in state:
            raise UnihmError(
                ErrorCode.JOINT_STATE_TIMEOUT,
                f"The {hand.name} driver's state has no '{channel.name}'.",
            )
        index = hand.joint_names.index(channel.joint)
        value = float(state[channel.name])
        if channel.at_lower is not None and channel.at_upper is not None:
            lower, upper = hand.lower[index], hand.upper[index]
            share = (value - channel.at_lower) / (channel.at_upper - channel.at_lower)
            value = lower + share * (upper - lower)
        joints[index] = value
    return joints


def gripper_width(hand: Hand, joints: FloatArray) -> float:
    """Distance between the two pads in metres: what ``franka_gripper``'s move and grasp take.

    Its ``gripper_action`` takes the travel of one finger instead, as :func:`to_driver` gives it.
    """
    pads = hand.fingertips(joints)[0]
    return float(np.linalg.norm(pads[0] - pads[1]))


def _channels(hand: Hand) -> tuple[Channel, ...]:
    channels = hand.spec.driver.channels
    left_out = sorted(set(hand.joint_names) - {channel.joint for channel in channels})
    if left_out:
        raise UnihmError(
            ErrorCode.INVALID_HAND_FILE,
            f"The driver section of {hand.name} leaves out {', '.join(left_out)}.",
        )
    return channels


def _value(hand: Hand, channel: Channel, joint_value: float) -> float:
    """The joint's value in the channel's unit: straight between the joint's two limits."""
    if channel.at_lower is None or channel.at_upper is None:
        return float(joint_value)
    index = hand.joint_names.index(channel.joint)
    limits = [hand.lower[index], hand.upper[index]]
    return float(np.interp(joint_value, limits, [channel.at_lower, channel.at_upper]))
