"""Set-points of a person or a policy -> the drivers of arm and hand; no part of the task graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from unihm.config import load_section
from unihm.control.config import ControlConfig
from unihm.control.execution import hand_limits
from unihm.control.following import PERIOD, SetpointFollower
from unihm.control.horizon import Horizon
from unihm.control.safety import warm_up
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros.base import UnihmNode
from unihm.ros.clock_watch import StreamClock
from unihm.ros.conversions import time_to_seconds
from unihm.ros.emergency import EmergencyListener
from unihm.ros.hand_drivers import HandProtocol, make_driver
from unihm.ros.joints import JointStates
from unihm.ros.partners import Partners
from unihm.ros.qos import RELIABLE, SENSOR
from unihm.ros.trajectory_client import TrajectoryClient
from unihm.types import FloatArray

_STALE = 0.25  # s that a set-point may have been on its way


class FollowerNode(UnihmNode):
    """Takes the place of both controllers where a person or a policy leads the robot.

    ``teleop/setpoints`` (sensor_msgs/JointState: positions of all joints of arm and hand, or some)
    is followed as :class:`~unihm.control.following.SetpointFollower` says; ``teleop/sent`` says
    what the drivers were really sent. What is wrong with the robot ends it until ``teleop/reset``.
    """

    stage = "follower"
    priority = 2
    batch = 0.0

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        self._protocol = HandProtocol(self)
        self._joint_states = JointStates(self, timeout=0.22)
        self._partners = Partners(self)
        self._arm_driver = TrajectoryClient(self, "/fr3_arm_controller", self._halt)
        self._follower: SetpointFollower | None = None
        self._halted: UnihmError | None = None
        self._stream = StreamClock("the set-points")
        self._states = self.publisher(JointState, "/joint_states", SENSOR)
        self._sent = self.publisher(JointState, "teleop/sent", RELIABLE)
        self._emergency = EmergencyListener(self, self._on_emergency)
        self.subscription(JointState, "teleop/setpoints", self._on_setpoints, RELIABLE)
        self.create_service(Trigger, "teleop/reset", self._on_reset)

    def load(self) -> None:
        self._config = load_section(self.preset, "control", ControlConfig)
        self.arm, self.hand = Arm(self.arm_name), load_hand(self.hand_name)
        self._names = [*self.arm.joint_names, *self.hand.joint_names]
        self._hand_driver = make_driver(
            self, self.hand, *self._protocol.of(self.hand), self._on_state
        )
        warm_up(self.arm.limits)
        warm_up(hand_limits(self.hand))
        self.create_timer(PERIOD, self._tick)
        self.create_timer(1.0 / self.hand.spec.driver.rate_hz, self._tick_hand)

    def diagnose(self) -> dict[str, Any]:
        refused = self._follower.refused if self._follower is not None else None
        return {
            "halted": self._halted.message if self._halted else "",
            "kept from": refused.message if refused else "",
        }

    def pulse(self) -> dict[str, Any]:
        return {"fault": self._halted.message} if self._halted else {}

    def on_clock_jump(self, error: UnihmError) -> None:
        self._stream.reset()
        self._halt(error)

    # ------------------------------------------------------------ what it is told

    def _on_setpoints(self, message: JointState) -> None:
        for trouble in (self.fault, self.trespass, self._halted):
            if trouble is not None:
                raise trouble
        self._emergency.check()
        now = self.seconds
        delay = self._stream.delay(time_to_seconds(message.header.stamp), now)
        if delay > _STALE:
            raise UnihmError(
                ErrorCode.SAFETY_STOP, f"A set-point has come {delay:.2f} s after its stamp."
            )
        if len(message.name) != len(message.position):
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"A set-point has {len(message.name)} names and {len(message.position)} positions.",
            )
        if self._follower is None:
            self._follower = self._begin(now)
        wanted = dict(zip(self._names, np.concatenate(self._follower.wanted)))
        given = dict(zip(message.name, message.position))
        unknown = sorted(given.keys() - wanted.keys())
        if unknown or not given:
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"A set-point names {', '.join(unknown) or 'no joint'}; the robot has "
                f"{', '.join(self._names)}.",
            )
        joints = np.array([*{**wanted, **given}.values()])
        self._follower.want(joints[: len(self.arm)], joints[len(self.arm) :], now)

    def _begin(self, now: float) -> SetpointFollower:
        """Follow from where the robot is.

        Raises:
            UnihmError: JOINT_STATE_TIMEOUT, or SAFETY_STOP where the emergency stop is not heard.
        """
        self._partners.begin()
        if "emergency_stop" not in self._partners.watched:
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                "Nothing is heard of emergency_stop, without which the robot does not move; start "
                "it.",
            )
        q_arm = self._joint_states.read(self.arm.joint_names).positions
        q_hand = self._joint_states.read(self.hand.joint_names).positions
        here = q_arm, self.hand.clip(q_hand)
        return SetpointFollower(self.arm, self.hand, self._config, here, now, self._send)

    def _on_emergency(self, reason: str | None) -> None:
        if reason is not None and self._follower is not None:
            self._follower.stop()

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._follower is None or self._follower.rests(self.seconds)
        if response.success:
            self._halted = self._follower = None  # the next one begins where the robot is then
        response.message = (
            "Set-points are followed again."
            if response.success
            else "The arm has not come to rest yet; try again."
        )
        return response

    def _on_state(self, positions: FloatArray, efforts: list[float]) -> None:
        """A vendor's driver has spoken: say it in the way that everything else listens to."""
        self._say(self._states, self.hand.joint_names, positions, efforts)

    # ------------------------------------------------------------ follow

    def _tick(self) -> None:
        self._partners.look()
        follower = self._follower
        if follower is None:
            return
        now = self.seconds
        try:
            if self.trespass is not None:
                raise self.trespass
            self._partners.check()
            reading = self._joint_states.watch(self.arm.joint_names)
            follower.watch(reading.positions, now - reading.age)
            self._joint_states.watch(self.hand.joint_names)
        except UnihmError as error:
            self._halt(error)
        try:
            follower.step(now)
        except UnihmError as error:
            self._halt(error)
        self._say(self._sent, self._names, np.concatenate(follower.setpoint(now)))

    def _tick_hand(self) -> None:
        if self._follower is not None:
            self._hand_driver.send(self._follower.step_hand(self.seconds))

    def _send(self, horizon: Horizon) -> None:
        self._arm_driver.send(self.arm.joint_names, horizon)

    def _halt(self, error: UnihmError) -> None:
        """Come to rest, and follow nothing until somebody has looked."""
        if self._follower is not None:
            self._follower.stop()
        if self._halted is None:
            self._halted = error
            self.get_logger().error(f"{error.message} Call teleop/reset to go on.")

    def _say(
        self, publisher: Any, names: Sequence[str], positions: FloatArray, efforts: Any = ()
    ) -> None:
        publisher.publish(
            JointState(
                header=self.header(),
                name=list(names),
                position=positions.tolist(),
                effort=list(efforts),
            )
        )
