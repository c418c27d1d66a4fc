"""ExecutionPlan -> the hand driver's set-points."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState
from unihm_msgs import msg

from unihm.config import load_section
from unihm.control.config import ControlConfig
from unihm.control.execution import hand_limits
from unihm.control.safety import SafetyConfig, SafetyGate
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.ros.base import RELIABLE, SENSOR, UnihmNode
from unihm.ros.conversions import plan_from_msg, time_to_seconds
from unihm.ros.hand_drivers import DRIVERS, HandDriver, make_driver
from unihm.ros.joints import JointStates
from unihm.types import FloatArray


class HandControllerNode(UnihmNode):
    """Streams the hand's part of a plan by the clock, and holds the last set-point between plans.

    A stop freezes the set-point: what is held stays held.
    """

    stage = "hand"

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        self.protocol = self.declare(
            "protocol",
            "",
            f"How the driver is spoken to: {', '.join(DRIVERS)}; empty: the hand file's protocol "
            "and topic.",
        )
        self.command_topic = self.declare(
            "command_topic",
            "/hand_controller/joint_trajectory",
            "Topic of the commands where protocol is set.",
        )
        self.joint_states = JointStates(self)
        self._driver: HandDriver | None = None
        self._gate: SafetyGate | None = None
        self._stopping: deque[FloatArray] = deque()  # the rest of the way to rest
        self._message: msg.ExecutionPlan | None = None
        self._positions: FloatArray = np.zeros((0, 0))
        self._wanted: FloatArray = np.zeros(0)
        self._start = 0.0
        self._states = self.publisher(JointState, "/joint_states", SENSOR)
        self.subscription(msg.ExecutionPlan, "execution_plan", self._on_plan, RELIABLE)

    def load(self) -> None:
        self.hand = load_hand(self.hand_name)
        spec = self.hand.spec.driver
        self.config = load_section(self.preset, "control", ControlConfig)
        protocol, topic = (
            (self.protocol, self.command_topic)
            if self.protocol
            else (spec.protocol, spec.command_topic)
        )
        self._driver = make_driver(self, self.hand, protocol, topic, self._on_state)
        self.create_timer(1.0 / spec.rate_hz, self._tick)

    def on_stop_task(self, task_id: str, code: ErrorCode) -> None:
        if self._message is not None and self._message.task_id == task_id:
            self._message = None
            if self._gate is not None:
                # Sent one a period, before anything else; the gate itself is at its end already.
                self._stopping.extend(self._gate.stop().positions[1:])
                self._wanted = self._gate.position
            self.report(task_id, msg.StageStatus.STOPPED)

    def _on_state(self, positions: FloatArray, efforts: list[float]) -> None:
        """A vendor's driver has spoken: say it in the way that everything else listens to."""
        names = list(self.hand.joint_names)
        self._states.publish(
            JointState(
                header=self.header(), name=names, position=positions.tolist(), effort=efforts
            )
        )

    def _on_plan(self, message: msg.ExecutionPlan) -> None:
        self.check_live(message.task_id)
        if self.is_stopped(message.task_id) and message.stage == "arm":
            return
        try:
            self._check(message)
            plan = plan_from_msg(message)
            if self._gate is None:
                measured = self.joint_states.read(self.hand.joint_names).positions
                # A finger that holds something is far from its set-point: that is how it presses.
                yielding = SafetyConfig(tracking_error=np.inf)
                rate = self.hand.spec.driver.rate_hz
                self._gate = SafetyGate(
                    hand_limits(self.hand), rate, self.hand.clip(measured), yielding
                )
        except UnihmError as error:
            self.fail(message.task_id, error)
            return
        self._message, self._positions = message, plan.hand
        self._start = time_to_seconds(message.header.stamp)
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
        if self._gate is None or self._driver is None:
            return
        if self._stopping:
            self._driver.send(self._stopping.popleft())
            return
        message, ended = self._message, False
        if message is not None:
            last = len(self._positions) - 1
            sample = int(np.clip((self.seconds - self._start) * message.rate, 0, last))
            self._wanted = self._positions[sample]
            ended = sample == last
        try:
            # Where the executor was late, the gate lags behind and catches up after the end.
            self._driver.send(self._gate.command(self._wanted))
        except UnihmError as error:
            self._message, self._wanted = None, self._gate.position
            self.fail(message.task_id if message else "", error)
            return
        if message is not None and ended:
            self._message = None
            if message.stage == "arm":
                self.report(message.task_id, msg.StageStatus.SUCCEEDED, progress=1.0)
