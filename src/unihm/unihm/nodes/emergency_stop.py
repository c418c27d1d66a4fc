"""The emergency stop: a service, a topic and a file; what it says is latched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from std_msgs.msg import String
from std_srvs.srv import Trigger
from unihm_msgs import msg

from unihm.control.emergency import EmergencyStop, default_file
from unihm.errors import UnihmError
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import seconds_to_time
from unihm.ros.qos import LATCHED, RELIABLE


class EmergencyStopNode(UnihmNode):
    """Engaged by ``emergency_stop/engage`` or any message on ``emergency_stop/request``.

    Only ``emergency_stop/reset`` ends it. The controllers listen to the request too, so that they
    brake without this node's help; the state tells them, and whoever comes later.
    """

    stage = "emergency_stop"
    priority = 2
    batch = 0.0

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        path = self.declare(
            "state_file", "", "Where the state is kept; empty: in the user's folder for states."
        )
        self.stop = EmergencyStop(Path(path) if path else default_file())
        self._state = self.publisher(msg.EmergencyStop, "emergency_stop/state", LATCHED)
        self.subscription(String, "emergency_stop/request", self._on_request, RELIABLE)
        self.create_service(Trigger, "emergency_stop/engage", self._on_engage)
        self.create_service(Trigger, "emergency_stop/reset", self._on_reset)
        self._publish()

    def diagnose(self) -> dict[str, Any]:
        latch = self.stop.latch
        return {"engaged": latch.engaged, "reason": latch.reason}

    def _publish(self) -> None:
        latch = self.stop.latch
        header = self.header()
        header.stamp = seconds_to_time(latch.since)
        self._state.publish(
            msg.EmergencyStop(header=header, engaged=latch.engaged, reason=latch.reason)
        )

    def _engage(self, reason: str) -> None:
        try:
            self.stop.engage(reason)
        finally:  # whatever becomes of the file
            self._publish()
        self.get_logger().warning(f"Emergency stop: {self.stop.latch.reason}")

    def _on_request(self, message: String) -> None:
        self._engage(message.data)

    def _on_engage(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            self._engage("The button was pressed.")
            response.success, response.message = True, self.stop.latch.reason
        except UnihmError as error:
            response.success, response.message = False, error.message
        return response

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            self.stop.reset()
            response.success, response.message = True, "The robot may move again."
            self.get_logger().warning("The emergency stop was reset.")
        except UnihmError as error:
            response.success, response.message = False, error.message
        self._publish()
        return response
