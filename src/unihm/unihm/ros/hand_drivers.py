"""How each hand's own driver is spoken to: what it listens to, and what it says.

Order and units of the channels are :mod:`unihm.control.drivers`; here are the messages. Those of
the vendors are imported when a hand with their protocol is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import Any

from builtin_interfaces.msg import Duration
from rclpy.action import ActionClient
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from unihm.control.drivers import XHAND_POSITION_MODE, from_driver, to_driver
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import Hand
from unihm.ros.base import UnihmNode
from unihm.ros.qos import RELIABLE, SENSOR
from unihm.types import FloatArray

PACKAGES = {
    "xhand": ("xhand_control_msgs", "xhand_control_interfaces"),
    "inspire": ("inspire_interfaces", "service_interfaces"),
}

# Of a gripper's goals, by the travel of one finger (m) and in seconds.
GOAL_STEP = 0.0005  # less is no new goal: a millimetre of opening
# franka_gripper aborts what is wider than it measured at homing, which is not quite the URDF's.
GOAL_MARGIN = 0.0003
GOAL_TIMEOUT = 5.0  # a goal whose end is not heard of in this time is over
HOMING_TIMEOUT = 30.0

OnState = Callable[[FloatArray, list[float]], None]  # positions (J,), efforts (J,) or none


class HandDriver:
    """Base: one publisher of commands.

    Args:
        node: that speaks.
        hand: that is spoken to.
        command_topic: of the driver.
        on_state: called with what the driver reports in messages of its own.
    """

    publisher: Any

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        self.node, self.hand, self.on_state = node, hand, on_state

    def send(self, joints: FloatArray) -> None:
        """Send position targets (J,) of the independent joints."""
        raise NotImplementedError

    def by_joint(self, by_channel: Mapping[str, float]) -> list[float]:
        """(J,) what the driver says of its channels, in the order of the joints."""
        names = {channel.joint: channel.name for channel in self.hand.spec.driver.channels}
        return [float(by_channel[names[joint]]) for joint in self.hand.joint_names]

    def subscribers(self) -> int:
        """How many listen to the commands."""
        return int(self.publisher.get_subscription_count())


class JointTrajectoryDriver(HandDriver):
    """trajectory_msgs/JointTrajectory with one point: ros2_control, and the simulation."""

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        super().__init__(node, hand, command_topic, on_state)
        self.publisher = node.publisher(JointTrajectory, command_topic, RELIABLE, alone=True)

    def send(self, joints: FloatArray) -> None:
        period = round(1e9 / self.hand.spec.driver.rate_hz)
        point = JointTrajectoryPoint(
            positions=joints.tolist(), time_from_start=Duration(nanosec=period)
        )
        self.publisher.publish(
            JointTrajectory(joint_names=list(self.hand.joint_names), points=[point])
        )


class JointStateDriver(HandDriver):
    """sensor_msgs/JointState with positions as the command; states on a topic of the driver's."""

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        super().__init__(node, hand, command_topic, on_state)
        self.publisher = node.publisher(JointState, command_topic, RELIABLE, alone=True)
        if hand.spec.driver.state_topic != "/joint_states":  # there everybody hears them already
            node.subscription(JointState, hand.spec.driver.state_topic, self._receive, SENSOR)

    def send(self, joints: FloatArray) -> None:
        command = to_driver(self.hand, joints)
        self.publisher.publish(
            JointState(
                header=self.node.header(),
                name=list(command.names),
                position=command.values.tolist(),
            )
        )

    def _receive(self, message: JointState) -> None:
        positions = from_driver(self.hand, dict(zip(message.name, message.position)))
        efforts = dict(zip(message.name, message.effort))
        self.on_state(positions, self.by_joint(efforts) if efforts else [])


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
        self.publisher = node.publisher(self._command, command_topic, RELIABLE, alone=True)
        node.subscription(
            messages.XHandStateArray, hand.spec.driver.state_topic, self._receive, SENSOR
        )

    def send(self, joints: FloatArray) -> None:
        names, values = astuple(to_driver(self.hand, joints))
        command = self._command()
        command.hand_id = self._hand_id
        command.name = list(names)
        command.position = values.tolist()
        # Per joint or for all joints, and whole numbers or not: the copies of the package differ.
        for field, value in {**self._gains, "mode": XHAND_POSITION_MODE}.items():
            kind = command.get_fields_and_field_types()[field]
            number = value if "float" in kind or "double" in kind else round(value)
            setattr(command, field, [number] * len(names) if "sequence" in kind else number)
        self.publisher.publish(command)

    def _receive(self, message: Any) -> None:
        for hand_id, state in zip(message.hand_id, message.hand_states):
            if hand_id == self._hand_id:
                positions = from_driver(self.hand, dict(zip(state.name, state.position)))
                self.on_state(positions, self.by_joint(dict(zip(state.name, state.effort))))


class InspireDriver(HandDriver):
    """The vendor's RH56 node: 0 is closed, 1000 open; fingers are numbered from 1."""

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        super().__init__(node, hand, command_topic, on_state)
        messages = vendor_messages(node, "inspire")
        self._command = messages.SetAngle1
        self.publisher = node.publisher(self._command, command_topic, RELIABLE, alone=True)
        node.subscription(
            messages.GetAngleAct1, hand.spec.driver.state_topic, self._receive, SENSOR
        )

    def send(self, joints: FloatArray) -> None:
        values = to_driver(self.hand, joints).values
        command = self._command()
        command.finger_ids = list(range(1, len(values) + 1))
        command.angles = [int(value) for value in values]
        self.publisher.publish(command)

    def _receive(self, message: Any) -> None:
        channels = self.hand.spec.driver.channels
        angles = zip(message.finger_ids, message.angles)
        state = {channels[finger - 1].name: float(angle) for finger, angle in angles}
        self.on_state(from_driver(self.hand, state), [])


class GripperDriver(HandDriver):
    """Base of the drivers of one joint by actions.

    An action is no stream: a goal is sent when the last one has ended, and where it is another.
    Fingers that do not reach it hold something, which is no failure.

    Raises:
        UnihmError: INVALID_HAND_FILE for several channels.
    """

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        super().__init__(node, hand, command_topic, on_state)
        channels = hand.spec.driver.channels
        if len(channels) != 1:
            raise UnihmError(
                ErrorCode.INVALID_HAND_FILE,
                f"A gripper's driver moves one joint; {hand.name} has {len(channels)} channels.",
            )
        self._channel = channels[0].name
        self._sent = float("inf")
        self._busy_until = 0.0
        node.subscription(JointState, hand.spec.driver.state_topic, self._receive, SENSOR)

    def goal(self, position: float, before: float) -> tuple[Any, Any] | None:
        """The client and what it is sent for ``position``, m of one finger; None: not now.

        Args:
            position: where the finger is to go.
            before: where it was sent last; infinite at the start.
        """
        raise NotImplementedError

    def send(self, joints: FloatArray) -> None:
        widest = to_driver(self.hand, self.hand.upper).values[0] - GOAL_MARGIN
        position = min(float(to_driver(self.hand, joints).values[0]), float(widest))
        now = self.node.seconds
        if abs(position - self._sent) < GOAL_STEP or now < self._busy_until:
            return
        asked = self.goal(position, self._sent)
        if asked is None:
            return
        client, goal = asked
        self._sent = position
        self.start(client, goal)

    def start(self, client: Any, goal: Any, timeout: float = GOAL_TIMEOUT) -> None:
        """Send a goal; nothing else is sent until it has ended."""
        self._busy_until = self.node.seconds + timeout
        client.send_goal_async(goal).add_done_callback(self._on_answer)

    def _on_answer(self, future: Any) -> None:
        handle = future.result()
        if handle.accepted:
            handle.get_result_async().add_done_callback(self._on_end)
        else:
            self.node.get_logger().warning(f"The {self.hand.name}'s driver refused a goal.")
            self._on_end(future)

    def _on_end(self, _: Any) -> None:
        self._busy_until = 0.0

    def _receive(self, message: JointState) -> None:
        state = dict(zip(message.name, message.position))
        if self._channel in state:  # others may speak on the topic too
            # franka_gripper measures no force, and says 0.
            self.on_state(from_driver(self.hand, state), [])


class GripperCommandDriver(GripperDriver):
    """control_msgs/GripperCommand, e.g. ``gripper_action`` of ``franka_gripper``.

    Its position is the travel of one finger (m), half of the opening.

    Raises:
        UnihmError: MISSING_DEPENDENCY without control_msgs; INVALID_HAND_FILE for several channels.
    """

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        super().__init__(node, hand, command_topic, on_state)
        action = import_interfaces("gripper_command", ("control_msgs",), "action").GripperCommand
        self._max_effort = node.declare(
            "gripper_command.max_effort", 40.0, "Force of the grip, N.", 0.0, 140.0
        )
        self._goal = action.Goal
        self._client: Any = ActionClient(node, action, node.outside(command_topic))

    def goal(self, position: float, before: float) -> tuple[Any, Any] | None:
        if not self._client.server_is_ready():
            return None
        goal = self._goal()
        goal.command.position = position
        goal.command.max_effort = self._max_effort
        return self._client, goal

    def subscribers(self) -> int:
        return int(self._client.server_is_ready())


class FrankaGripperDriver(GripperDriver):
    """``franka_gripper`` by its own actions: ``move`` opens, ``grasp`` closes with a force.

    ``command_topic`` is the node's name. Widths are of the opening, twice the travel of a finger.
    A grasp of any width between closed and open counts as one, so that the force is kept up
    whatever is in between. With ``franka_gripper.homing`` the fingers find out first how wide they
    open, which moves them all the way: with an empty hand alone.

    Raises:
        UnihmError: MISSING_DEPENDENCY without franka_msgs; INVALID_HAND_FILE for several channels.
    """

    def __init__(self, node: UnihmNode, hand: Hand, command_topic: str, on_state: OnState) -> None:
        super().__init__(node, hand, command_topic, on_state)
        self._actions = import_interfaces("franka_gripper", ("franka_msgs",), "action")
        self._speed = node.declare(
            "franka_gripper.speed", 0.05, "Speed of the opening, m/s.", 0.01, 0.1
        )
        self._force = node.declare("franka_gripper.force", 40.0, "Force of the grip, N.", 0.0, 70.0)
        self._homing = node.declare(
            "franka_gripper.homing",
            False,
            "Let the fingers find their limits before the first command; they must hold nothing.",
        )
        self._clients: dict[str, Any] = {
            name: ActionClient(
                node,
                getattr(self._actions, name.capitalize()),
                node.outside(f"{command_topic}/{name}"),
            )
            for name in ("homing", "move", "grasp")
        }

    def send(self, joints: FloatArray) -> None:
        if self._homing and self.subscribers():
            self._homing = False
            self.start(self._clients["homing"], self._actions.Homing.Goal(), HOMING_TIMEOUT)
        super().send(joints)

    def goal(self, position: float, before: float) -> tuple[Any, Any] | None:
        if not self.subscribers():
            return None
        width = 2.0 * position
        if position >= before or before == float("inf"):
            return self._clients["move"], self._actions.Move.Goal(width=width, speed=self._speed)
        goal = self._actions.Grasp.Goal(width=width, speed=self._speed, force=self._force)
        goal.epsilon.inner = width
        goal.epsilon.outer = 2.0 * float(to_driver(self.hand, self.hand.upper).values[0])
        return self._clients["grasp"], goal

    def subscribers(self) -> int:
        return int(all(client.server_is_ready() for client in self._clients.values()))


DRIVERS: dict[str, type[HandDriver]] = {
    "joint_trajectory": JointTrajectoryDriver,
    "joint_state": JointStateDriver,
    "xhand": XHandDriver,
    "inspire": InspireDriver,
    "gripper_command": GripperCommandDriver,
    "franka_gripper": FrankaGripperDriver,
}


class HandProtocol:
    """The parameters ``protocol`` and ``command_topic``: how a hand's driver is spoken to.

    Args:
        node: that speaks to it, or is it.
    """

    def __init__(self, node: UnihmNode) -> None:
        self._protocol: str = node.declare(
            "protocol",
            "",
            f"How the driver is spoken to: {', '.join(DRIVERS)}; empty: the hand file's protocol "
            "and topic.",
        )
        self._topic: str = node.declare(
            "command_topic",
            "/hand_controller/joint_trajectory",
            "Topic of the commands where protocol is set.",
        )

    def of(self, hand: Hand) -> tuple[str, str]:
        """The protocol of a hand, and the topic of its commands."""
        if self._protocol:
            return self._protocol, self._topic
        return hand.spec.driver.protocol, hand.spec.driver.command_topic


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
    return import_interfaces(protocol, (named,) if named else PACKAGES[protocol], "msg")


def import_interfaces(protocol: str, packages: Sequence[str], kind: str) -> Any:
    """The module ``kind`` (msg or action) of the first of ``packages`` that is installed.

    Raises:
        UnihmError: MISSING_DEPENDENCY where none is.
    """
    for package in packages:
        try:
            return importlib.import_module(f"{package}.{kind}")
        except ImportError:
            continue
    raise UnihmError(
        ErrorCode.MISSING_DEPENDENCY,
        f"The {protocol} protocol needs the message package {' or '.join(packages)}; "
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
