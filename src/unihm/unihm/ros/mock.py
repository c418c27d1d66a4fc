"""A driver of no hardware: it speaks as the real one does, and fails as it is told to."""

from __future__ import annotations

import copy
import random
from collections import deque
from typing import Any, ClassVar

import numpy as np
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from std_msgs.msg import Header

from unihm.ros.base import UnihmNode
from unihm.ros.conversions import seconds_to_time, time_to_seconds
from unihm.types import FloatArray

OLD = 60.0  # s that the stamps are wrong by
DELAY = 1.0  # s that messages come late
_LOST = 0.8  # share of the messages that get lost


class MockDriver(UnihmNode):
    """Base of the mocks. Its parameter ``fault`` may be set at any time; empty: none.

    What any driver may do, to every message that it sends:

    - ``silent``: nothing comes any more;
    - ``frozen``: the last message comes again and again, with its stamp;
    - ``delayed``: everything comes a second late;
    - ``lossy``: four messages of five get lost;
    - ``old_stamps``, ``future_stamps``: stamps are a minute off.

    Attributes:
        faults: further ones of the driver.
        broken: the fault that it has now.
    """

    faults: ClassVar[tuple[str, ...]] = ()
    batch = 0.0
    _common = ("silent", "frozen", "delayed", "lossy", "old_stamps", "future_stamps")

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        there_are = ("", *self._common, *self.faults)
        self.declare_parameter(
            "fault",
            "",
            ParameterDescriptor(description=f"What is wrong: {', '.join(there_are[1:])}, or none."),
        )
        self.broken = str(self.get_parameter("fault").value)
        self.add_on_set_parameters_callback(
            lambda parameters: self._on_parameters(parameters, there_are)
        )
        self._begin = self.declare(
            "positions", [np.nan], "Joints at the start; not a number: its usual pose."
        )
        self._sent: dict[Publisher, Any] = {}
        self._late: deque[tuple[float, Publisher, Any]] = deque()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(0.02, self._send_late, clock=steady)

    def _on_parameters(
        self, parameters: list[Parameter], there_are: tuple[str, ...]
    ) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name != "fault":
                continue
            if parameter.value not in there_are:
                return SetParametersResult(
                    successful=False,
                    reason=f"{self.get_name()} has no fault '{parameter.value}'. There are: "
                    f"{', '.join(there_are[1:])}.",
                )
            self.broken = parameter.value
            self.get_logger().info(f"fault: {self.broken or 'none'}")
            self.on_fault()
        return SetParametersResult(successful=True)

    def begin(self, usual: FloatArray) -> FloatArray:
        """(n,) where the robot is at the start: as it was told, or as usual."""
        told = np.array(self._begin)
        return told if len(told) == len(usual) and np.isfinite(told).all() else usual

    def on_fault(self) -> None:
        """The fault is another one now."""

    def send(self, publisher: Publisher, message: Any) -> None:
        """Publish a message, unless the fault is in the way."""
        if self.broken == "silent" or (self.broken == "lossy" and random.random() < _LOST):
            return
        if self.broken == "frozen":
            message = self._sent.get(publisher, message)
        elif self.broken in ("old_stamps", "future_stamps") and hasattr(message, "header"):
            off = OLD if self.broken == "future_stamps" else -OLD
            seconds = max(0.0, time_to_seconds(message.header.stamp) + off)
            message = copy.copy(message)  # several messages may share a header
            message.header = Header(
                stamp=seconds_to_time(seconds), frame_id=message.header.frame_id
            )
        self._sent[publisher] = message
        if self.broken == "delayed":
            self._late.append((self.seconds + DELAY, publisher, message))
        else:
            publisher.publish(message)

    def _send_late(self) -> None:
        while self._late and (self._late[0][0] <= self.seconds or self.broken != "delayed"):
            _, publisher, message = self._late.popleft()
            publisher.publish(message)
