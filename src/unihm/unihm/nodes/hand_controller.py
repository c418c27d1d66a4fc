"""ExecutionPlan -> the hand driver's set-points."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState
from unihm_msgs import msg

from unihm.control.execution import hand_limits
from unihm.control.hand_machine import HandMachine
from unihm.control.machine import ControllerState
from unihm.control.safety import warm_up
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import plan_from_msg, time_to_seconds
from unihm.ros.emergency import EmergencyListener
from unihm.ros.hand_drivers import HandDriver, HandProtocol, make_driver
from unihm.ros.joints import JointStates
from unihm.ros.partners import declare_window
from unihm.ros.qos import HEARTBEAT, RELIABLE, SENSOR
from unihm.types import FloatArray

ARM = "arm_controller"


class HandControllerNode(UnihmNode):
    """Streams the hand's part of a plan, in step with the arm, and holds between plans.

    A stop freezes the set-point: what is held stays held.
    """

    stage = "hand"
    priority = 2
    batch = 0.0

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        self._protocol = HandProtocol(self)
        self._window = declare_window(self)
        self.joint_states = JointStates(self)
        self._driver: HandDriver | None = None
        self._machine: HandMachine | None = None
        self._message: msg.ExecutionPlan | None = None  # that is being followed
        self._plan: Time | None = None  # stamp of the last one
        self._states = self.publisher(JointState, "/joint_states", SENSOR)
        self.emergency = EmergencyListener(self, self._on_emergency)
        self.subscription(msg.Heartbeat, f"heartbeat/{ARM}", self._on_beat, HEARTBEAT)
        self.subscription(msg.ExecutionPlan, "execution_plan", self._on_plan, RELIABLE)

    def load(self) -> None:
        self.hand = load_hand(self.hand_name)
        self._driver = make_driver(self, self.hand, *self._protocol.of(self.hand), self._on_state)
        warm_up(hand_limits(self.hand))
        self.create_timer(1.0 / self.hand.spec.driver.rate_hz, self._tick)

    def on_stop_task(self, task_id: str, code: ErrorCode) -> None:
        # The way home begins after the stop, and may be heard of before it.
        if (
            self._message is not None
            and self._message.task_id == task_id
            and self._message.stage != "retreat"
        ):
            self._message = None
            if self._machine is not None:
                self._machine.stop()
            self.report(task_id, msg.StageStatus.STOPPED)

    def pulse(self) -> dict[str, Any]:
        if self._machine is None:
            return {}
        pulse: dict[str, Any] = {"state": int(self._machine.state)}
        if self._plan is not None:
            pulse["plan"], pulse["sample"] = self._plan, self._machine.sample
        return pulse

    def _on_emergency(self, reason: str | None) -> None:
        if self._machine is None:
            return
        if reason is not None:
            self._machine.engage(reason)
        else:
            self._machine.reset()

    def _on_beat(self, beat: msg.Heartbeat) -> None:
        """The arm says where it is in the plan."""
        if self._machine is not None and beat.plan == self._plan:
            self._machine.hear(beat.sample, time_to_seconds(beat.header.stamp))

    def _on_state(self, positions: FloatArray, efforts: list[float]) -> None:
        """A vendor's driver has spoken: say it in the way that everything else listens to."""
        names = list(self.hand.joint_names)
        self._states.publish(
            JointState(
                header=self.header(), name=names, position=positions.tolist(), effort=efforts
            )
        )

    def _on_plan(self, message: msg.ExecutionPlan) -> None:
        # The arm goes home from a task that has failed while the next one is given already.
        self.check_live(message.task_id, former=message.stage == "retreat")
        if self.is_stopped(message.task_id) and message.stage == "arm":
            return
        try:
            self.emergency.check()
            self._check(message)
            plan = plan_from_msg(message)
            if self._machine is None:
                measured = self.joint_states.read(self.hand.joint_names).positions
                self._machine = HandMachine(
                    hand_limits(self.hand),
                    self.hand.spec.driver.rate_hz,
                    self.hand.clip(measured),
                    self._window,
                )
            start = time_to_seconds(message.header.stamp)
            self._machine.follow(plan.hand, plan.phase, message.rate, start)
        except UnihmError as error:
            self.fail(message.task_id, error)
            return
        self._message, self._plan = message, message.header.stamp
        if message.stage == "arm":
            self.report(message.task_id, msg.StageStatus.STARTED)

    def _check(self, message: msg.ExecutionPlan) -> None:
        if self.fault is not None:
            raise self.fault
        if message.hand != self.hand_name or tuple(message.hand_joint_names) != tuple(
            self.hand.joint_names
        ):
            raise UnihmError(
                ErrorCode.UNKNOWN_HAND,
                f"A plan for the hand '{message.hand}' has come; '{self.hand_name}' is mounted.",
            )
        if self._driver is not None and self._driver.subscribers() == 0:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                f"Nothing listens to the commands of the {self.hand_name}; start its driver.",
            )

    def _tick(self) -> None:
        machine, message = self._machine, self._message
        if machine is None or self._driver is None:
            return
        before = machine.sample
        try:
            # Where the executor was late, the gate lags behind and catches up after the end.
            self._driver.send(machine.step(self.seconds))
        except UnihmError as error:
            self._message = None
            machine.stop()
            self.fail(message.task_id if message else "", error)
            return
        if machine.is_between_phases and machine.sample != before:
            self.beat()  # the arm waits for this
        if message is not None and machine.state == ControllerState.READY:
            self._message = None
            if message.stage == "arm":
                self.report(message.task_id, msg.StageStatus.SUCCEEDED, progress=1.0)
