"""Any hand of config/hands that is not there, behind its own driver's protocol."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import numpy as np
from rclpy.action import ActionServer
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory

from unihm.control.drivers import from_driver, to_driver
from unihm.robots import load_hand
from unihm.ros.course import Course, course_from_msg
from unihm.ros.hand_drivers import HandProtocol, import_interfaces, vendor_messages
from unihm.ros.mock import MockDriver
from unihm.ros.qos import LATCHED, RELIABLE, SENSOR
from unihm.types import FloatArray

BLOCKED = 0.3  # share of the way to the fist at which fingers meet what is between them
GRIPPER_SPEED = 0.05  # m/s of a finger


class MockHandNode(MockDriver):
    """Goes where its driver is told, but for fingers that have met something.

    It speaks the protocol of the hand's file, or the one that is given.
    """

    stage = "hand_driver"
    priority = 2
    faults: ClassVar = ("held_positions", "nan", "wrong_names", "stuck")

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        self._protocol = HandProtocol(self)
        self._held = False
        self.subscription(Bool, "mock/held", self._on_held, LATCHED)

    def load(self) -> None:
        self.hand = load_hand(self.hand_name)
        driver = self.hand.spec.driver
        self._course = Course.resting(self.begin(self.hand.open_joints))
        self._shown = self._course.positions[0]
        self._period = 1.0 / driver.rate_hz
        protocol, topic = self._protocol.of(self.hand)
        speak = {
            "joint_trajectory": self._speak_joint_trajectory,
            "joint_state": self._speak_joint_state,
            "xhand": self._speak_xhand,
            "inspire": self._speak_inspire,
            "gripper_command": self._speak_gripper_command,
            "franka_gripper": self._speak_franka_gripper,
        }
        speak[protocol](topic, driver.state_topic)
        self.create_timer(self._period, self._publish)

    # ------------------------------------------------------------ protocols

    def _speak_joint_trajectory(self, command: str, state: str) -> None:
        self._state = self.publisher(JointState, "/joint_states", RELIABLE)
        self.subscription(JointTrajectory, command, self._on_trajectory, RELIABLE)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        if self.broken != "stuck":
            self._course = course_from_msg(
                message, self.hand.joint_names, self._course, self.seconds
            )

    def _speak_joint_state(self, command: str, state: str) -> None:
        self._state = self.publisher(JointState, state, RELIABLE)
        self.subscription(JointState, command, self._on_joint_state, RELIABLE)

    def _on_joint_state(self, message: JointState) -> None:
        self._go_to(from_driver(self.hand, dict(zip(message.name, message.position))))

    def _speak_xhand(self, command: str, state: str) -> None:
        messages = vendor_messages(self, "xhand")
        self._vendor = messages
        self._state = self.publisher(messages.XHandStateArray, state, SENSOR)
        self.subscription(messages.XHandCommand, command, self._on_xhand, RELIABLE)

    def _on_xhand(self, message: Any) -> None:
        """A joint that the command leaves out goes passive: here it stays where it is."""
        here = to_driver(self.hand, self._course.at(self.seconds))
        positions = dict(zip(here.names, here.values.tolist()))
        positions.update(zip(message.name, message.position))
        self._go_to(from_driver(self.hand, positions))

    def _speak_inspire(self, command: str, state: str) -> None:
        messages = vendor_messages(self, "inspire")
        self._vendor = messages
        self._state = self.publisher(messages.GetAngleAct1, state, SENSOR)
        self.subscription(messages.SetAngle1, command, self._on_inspire, RELIABLE)

    def _on_inspire(self, message: Any) -> None:
        """Whole numbers from 0 (closed) to 1000 (open); -1 leaves a finger alone."""
        here = to_driver(self.hand, self._course.at(self.seconds))
        angles = here.values.tolist()
        for finger, angle in zip(message.finger_ids, message.angles):
            if angle != -1:
                angles[finger - 1] = float(np.clip(angle, 0, 1000))
        self._go_to(from_driver(self.hand, dict(zip(here.names, angles))))

    def _speak_gripper_command(self, command: str, state: str) -> None:
        action = import_interfaces("gripper_command", ("control_msgs",), "action").GripperCommand
        self._state = self.publisher(JointState, state, SENSOR)
        self._server: Any = ActionServer(
            self,
            action,
            self.outside(command),
            # A coroutine function by itself: rclpy would not await what a lambda returns.
            execute_callback=partial(self._grip, kind=action),
            callback_group=ReentrantCallbackGroup(),
        )

    async def _grip(self, handle: Any, kind: Any) -> Any:
        """One goal: it has ended when the fingers stand, there or at what is between them."""
        result = kind.Result()
        result.position = await self._travel(handle.request.command.position)
        result.stalled = abs(result.position - handle.request.command.position) > 1e-3
        result.reached_goal = not result.stalled
        handle.succeed()
        return result

    def _speak_franka_gripper(self, command: str, state: str) -> None:
        actions = import_interfaces("franka_gripper", ("franka_msgs",), "action")
        self._state = self.publisher(JointState, state, RELIABLE)
        self._servers: list[Any] = [
            ActionServer(
                self,
                getattr(actions, name.capitalize()),
                self.outside(f"{command}/{name}"),
                execute_callback=partial(execute, kind=getattr(actions, name.capitalize())),
                callback_group=ReentrantCallbackGroup(),
            )
            for name, execute in (
                ("homing", self._home),
                ("move", self._move),
                ("grasp", self._grasp),
            )
        ]

    async def _home(self, handle: Any, kind: Any) -> Any:
        """Shut, then wide open."""
        await self._travel(0.0)
        await self._travel(float(to_driver(self.hand, self.hand.upper).values[0]))
        return _answer(handle, kind.Result(), True)

    async def _move(self, handle: Any, kind: Any) -> Any:
        """Fails where the fingers do not come to the width."""
        width = handle.request.width
        reached = 2.0 * await self._travel(width / 2.0, handle.request.speed)
        return _answer(handle, kind.Result(), abs(reached - width) < 1e-3)

    async def _grasp(self, handle: Any, kind: Any) -> Any:
        """Fails where the width is not within the goal's bounds."""
        goal = handle.request
        over = 2.0 * await self._travel(goal.width / 2.0, goal.speed) - goal.width
        return _answer(handle, kind.Result(), -goal.epsilon.inner <= over <= goal.epsilon.outer)

    async def _travel(self, position: float, speed: float = 2.0 * GRIPPER_SPEED) -> float:
        """Let a finger go to ``position`` (m), the opening at ``speed``; where it stands then."""
        channel = self.hand.spec.driver.channels[0].name
        wanted = from_driver(self.hand, {channel: position})
        way = float(np.abs(wanted - self._course.at(self.seconds)).max())
        self._go_to(wanted, seconds=max(self._period, 2.0 * way / speed))
        ended: Any = Future(executor=self.executor)
        timer = self.create_timer(self._period, lambda: self._end(ended, self._course))
        await ended
        timer.destroy()
        return float(to_driver(self.hand, self._measured()).values[0])

    def _end(self, ended: Any, course: Course) -> None:
        if self.seconds >= course.times[-1] and not ended.done():
            ended.set_result(None)

    # ------------------------------------------------------------ the hand

    def _go_to(self, joints: FloatArray, seconds: float = 0.0) -> None:
        """By the next command, or in ``seconds``."""
        if self.broken == "stuck":
            return
        if not np.isfinite(joints).all():
            raise ValueError("a position is not finite")
        now, here = self.seconds, self._course.at(self.seconds)
        self._course = Course(
            np.array([now, now + (seconds or self._period)]),
            np.array([here, self.hand.clip(joints)]),
            np.full((2, len(here)), np.nan),
        )

    def _on_held(self, message: Bool) -> None:
        self._held = message.data

    def _measured(self) -> FloatArray:
        """(J,) where the fingers are: short of where they are sent where they press."""
        joints = self._course.at(self.seconds)
        share = self.hand.closed_share(joints)
        if self._held and share > BLOCKED:
            joints = self.hand.open_joints + BLOCKED / share * (joints - self.hand.open_joints)
        return joints

    def _publish(self) -> None:
        if self.broken != "held_positions":
            self._shown = self._measured()
        joints = self._shown
        protocol, _ = self._protocol.of(self.hand)
        if protocol == "joint_trajectory":
            names, values = list(self.hand.joint_names), joints.tolist()
        else:
            state = to_driver(self.hand, joints)
            names, values = list(state.names), state.values.tolist()
        if self.broken == "nan":
            values = [float("nan")] * len(values)
        elif self.broken == "wrong_names":
            names = [f"other_{name}" for name in names]
        if protocol == "xhand":
            joint_state = self._vendor.XHandState(
                name=names, position=values, effort=[0.0] * len(names)
            )
            message = self._vendor.XHandStateArray(hand_id=[0], hand_states=[joint_state])
        elif protocol == "inspire":
            message = self._vendor.GetAngleAct1(
                finger_ids=list(range(1, len(values) + 1)), angles=[int(v) for v in values]
            )
        else:
            message = JointState(header=self.header(), name=names, position=values)
        self.send(self._state, message)


def _answer(handle: Any, result: Any, success: bool) -> Any:
    """As franka_gripper ends a goal."""
    result.success = success
    if success:
        handle.succeed()
    else:
        result.error = "the width was not reached"
        handle.abort()
    return result
