"""How each hand's own driver is spoken to: what it listens to, and what it says.

The hand file (``driver:``) names the protocol, the topics, and the order and units of the
channels. The vendors' messages are imported when a hand with that protocol is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from unihm.errors import ErrorCode, UnihmError
from unihm.hands import Hand
from unihm.nodes.base import RELIABLE, SENSOR, UnihmNode
from unihm.types import FloatArray

XHAND_POSITION_MODE = 3  # 0 passive, 3 position, 5 force
PACKAGES = {
    "xhand": ("xhand_control_msgs", "xhand_control_interfaces"),
    "inspire": ("inspire_interfaces", "service_interfaces"),
}

OnState = Callable[[dict[str, float], dict[str, float]], None]  # positions, efforts by joint


class HandDriver:
    """Base: channels of the hand file, between joint values and the driver's numbers."""

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        self.node, self.hand, self.on_state = node, hand, on_state
        self.channels = hand.spec.driver.channels
        self._index = [hand.joint_names.index(channel.joint) for channel in self.channels]

    def send(self, joints: FloatArray) -> None:
        """Send position targets (J,) of the independent joints."""
        raise NotImplementedError

    def to_channels(self, joints: FloatArray) -> FloatArray:
        """Joint values (J,) to the driver's numbers, one per channel."""
        values = joints[self._index].astype(float)
        for i, (channel, j) in enumerate(zip(self.channels, self._index)):
            if channel.at_lower is not None and channel.at_upper is not None:
                ends = (channel.at_lower, channel.at_upper)
                values[i] = np.interp(joints[j], (self.hand.lower[j], self.hand.upper[j]), ends)
        return values

    def from_channel(self, i: int, value: float) -> float:
        """The driver's number of channel ``i`` to the joint's value."""
        channel, j = self.channels[i], self._index[i]
        if channel.at_lower is None or channel.at_upper is None:
            return value
        share = (value - channel.at_lower) / (channel.at_upper - channel.at_lower)
        return float(self.hand.lower[j] + share * (self.hand.upper[j] - self.hand.lower[j]))

    def subscribers(self) -> int:
        """How many listen to the commands."""
        return int(self.publisher.get_subscription_count())

    publisher: Any


class JointTrajectoryDriver(HandDriver):
    """trajectory_msgs/JointTrajectory with one point: ros2_control, and the simulation."""

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        super().__init__(node, hand, command_topic, on_state)
        self.publisher = node.publisher(JointTrajectory, command_topic, RELIABLE)

    def send(self, joints: FloatArray) -> None:
        period = round(1e9 / self.hand.spec.driver.rate_hz)
        point = JointTrajectoryPoint(
            positions=joints.tolist(), time_from_start=Duration(nanosec=period)
        )
        self.publisher.publish(
            JointTrajectory(joint_names=list(self.hand.joint_names), points=[point])
        )


class JointStateDriver(HandDriver):
    """sensor_msgs/JointState with positions as the command."""

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        super().__init__(node, hand, command_topic, on_state)
        self.publisher = node.publisher(JointState, command_topic, RELIABLE)

    def send(self, joints: FloatArray) -> None:
        self.publisher.publish(
            JointState(
                header=self.node.header(),
                name=[channel.name for channel in self.channels],
                position=self.to_channels(joints).tolist(),
            )
        )


class XHandDriver(HandDriver):
    """The vendor's xhand_control node; a joint that a command omits goes passive."""

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        super().__init__(node, hand, command_topic, on_state)
        messages = vendor_messages(node, "xhand")
        self._command = messages.XHandCommand
        declare = node.declare
        self._hand_id = declare("xhand.hand_id", 0, "Id of the hand on the bus.", 0, 255)
        self._gains = {
            "kp": declare("xhand.kp", 100.0, "Position gain, the vendor's units.", 0.0, 1000.0),
            "ki": declare("xhand.ki", 0.0, "Integral gain, the vendor's units.", 0.0, 1000.0),
            "kd": declare("xhand.kd", 0.0, "Derivative gain, the vendor's units.", 0.0, 1000.0),
            "effort_limit": declare(
                "xhand.effort_limit", 350.0, "Torque limit, the vendor's units.", 0.0, 1000.0
            ),
        }
        self.publisher = node.publisher(self._command, command_topic, RELIABLE)
        node.subscription(
            messages.XHandStateArray, hand.spec.driver.state_topic, self._receive, SENSOR
        )

    def send(self, joints: FloatArray) -> None:
        command = self._command()
        command.hand_id = self._hand_id
        command.name = [channel.name for channel in self.channels]
        command.position = self.to_channels(joints).tolist()
        # Per joint or for all joints, and whole numbers or not: the copies of the package differ.
        for field, value in {**self._gains, "mode": XHAND_POSITION_MODE}.items():
            kind = command.get_fields_and_field_types()[field]
            number = value if "float" in kind or "double" in kind else round(value)
            setattr(command, field, [number] * len(joints) if "sequence" in kind else number)
        self.publisher.publish(command)

    def _receive(self, message: Any) -> None:
        names = {channel.name: i for i, channel in enumerate(self.channels)}
        for hand_id, state in zip(message.hand_id, message.hand_states):
            if hand_id != self._hand_id:
                continue
            positions, efforts = {}, {}
            for name, position, effort in zip(state.name, state.position, state.effort):
                if name in names:
                    joint = self.channels[names[name]].joint
                    positions[joint] = self.from_channel(names[name], position)
                    efforts[joint] = float(effort)
            self.on_state(positions, efforts)


class InspireDriver(HandDriver):
    """The vendor's RH56 node: 0 is closed, 1000 open; fingers are numbered from 1."""

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        super().__init__(node, hand, command_topic, on_state)
        messages = vendor_messages(node, "inspire")
        self._command = messages.SetAngle1
        self.publisher = node.publisher(self._command, command_topic, RELIABLE)
        node.subscription(
            messages.GetAngleAct1, hand.spec.driver.state_topic, self._receive, SENSOR
        )

    def send(self, joints: FloatArray) -> None:
        command = self._command()
        command.finger_ids = list(range(1, len(self.channels) + 1))
        command.angles = [round(value) for value in self.to_channels(joints).tolist()]
        self.publisher.publish(command)

    def _receive(self, message: Any) -> None:
        positions = {
            self.channels[finger - 1].joint: self.from_channel(finger - 1, float(angle))
            for finger, angle in zip(message.finger_ids, message.angles)
        }
        self.on_state(positions, {})


DRIVERS: dict[str, type[HandDriver]] = {
    "joint_trajectory": JointTrajectoryDriver,
    "joint_state": JointStateDriver,
    "xhand": XHandDriver,
    "inspire": InspireDriver,
}


def vendor_messages(node: UnihmNode, protocol: str) -> Any:
    """The vendor's ``msg`` module; sources disagree on the package's name.

    Raises:
        UnihmError: MISSING_DEPENDENCY where it is not installed.
    """
    named = node.declare(
        f"{protocol}.message_package",
        "",
        "Package with the vendor's messages; empty: the first that is installed of "
        f"{', '.join(PACKAGES[protocol])}.",
    )
    packages = (named,) if named else PACKAGES[protocol]
    for package in packages:
        try:
            return importlib.import_module(f"{package}.msg")
        except ImportError:
            continue
    raise UnihmError(
        ErrorCode.MISSING_DEPENDENCY,
        f"The {protocol} protocol needs the vendor's message package ({' or '.join(packages)}); "
        "install it, or set the parameter protocol to joint_trajectory.",
    )


def make_driver(
    node: UnihmNode, hand: Hand, protocol: str, command_topic: str, on_state: OnState
) -> HandDriver:
    """The driver for ``protocol``.

    Raises:
        UnihmError: INVALID_CONFIG for an unknown protocol; MISSING_DEPENDENCY.
    """
    if protocol not in DRIVERS:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"No hand driver speaks '{protocol}'. There are: {', '.join(DRIVERS)}.",
        )
    return DRIVERS[protocol](node, hand, command_topic, on_state)
