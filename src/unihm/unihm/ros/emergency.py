"""What every node that may move something knows of the emergency stop."""

from __future__ import annotations

import time
from collections.abc import Callable

from std_msgs.msg import String
from unihm_msgs.msg import EmergencyStop

from unihm.control.emergency import refusal
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import time_to_seconds
from unihm.ros.qos import LATCHED, RELIABLE


class EmergencyListener:
    """Follows the emergency stop's state, and hears a request for it at first hand.

    Args:
        node: that listens.
        on_change: called when it is engaged, with the reason, and when it is reset, with None.

    Attributes:
        reason: why it is engaged; None where it is not.
    """

    def __init__(
        self, node: UnihmNode, on_change: Callable[[str | None], None] | None = None
    ) -> None:
        self._on_change = on_change
        self.reason: str | None = None
        self._since = 0.0  # s since 1970 of what is known
        node.subscription(EmergencyStop, "emergency_stop/state", self._on_state, LATCHED)
        node.subscription(String, "emergency_stop/request", self._on_request, RELIABLE)

    def check(self) -> None:
        """Whether anything may move.

        Raises:
            UnihmError: SAFETY_STOP while the stop is engaged.
        """
        if self.reason is not None:
            raise refusal(self.reason)

    def _on_state(self, state: EmergencyStop) -> None:
        changed = time_to_seconds(state.header.stamp)
        if state.engaged:
            self._change(state.reason, changed)
        elif changed > self._since:
            # Else it is older than a request that the node of the emergency stop has not heard.
            self._change(None, changed)

    def _on_request(self, request: String) -> None:
        self._change(request.data or "Somebody asked for it.", time.time())

    def _change(self, reason: str | None, since: float) -> None:
        fresh = (self.reason is None) != (reason is None)
        self.reason, self._since = reason, since
        if fresh and self._on_change is not None:
            self._on_change(reason)
