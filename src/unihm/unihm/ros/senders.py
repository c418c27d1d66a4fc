"""Who may say what: a topic that moves the robot has one sender, and every message is looked at.

DDS tells with each message which publisher it came from (its GID), and the graph tells which node
that publisher belongs to. That finds a stranger who uses his own name, and two who use the same
name; it does not find one who has taken the place of a node that is not there, or who listens.
Keys do that: see ``docs/security.md``.
"""

from __future__ import annotations

import time
from typing import Any

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo

from unihm.errors import ErrorCode, UnihmError

# Topic to the node that alone publishes on it.
SENDERS = {
    "task": "coordinator",
    "stop": "coordinator",
    "observation": "capture",
    "verification": "capture",
    "object_trajectory": "planner",
    "object_cloud": "segmentation",
    "hand_tokens": "generator",
    "hand_motion": "decoder",
    "refined_hand_motion": "refiner",
    "execution_plan": "arm_controller",
    "verdict": "verifier",
    "emergency_stop/state": "emergency_stop",
    "teleop/setpoints": "teleop",
}
# It is safe to stop, whoever else is there.
_STOPPING = ("stop", "emergency_stop/state")
# Stage in a StageStatus to the node that may report it, where that has another name.
_REPORTERS = {
    "ready": "arm_controller",
    "arm": "arm_controller",
    "hand": "hand_controller",
    "verification": "capture",
}
_GID = 16  # bytes; Humble pads with zeros
NAMED = 5.0  # s in which the graph learns which node a new publisher belongs to, on a busy machine
# s for which a message waits until it is known whose it is: a node that was killed has left by then
# (its lease is 5 s).
HELD_BACK = 6.0
# s after which the graph has forgotten a node that was killed: Fast DDS's default, and some.
FORGOTTEN = 25.0


class NotYet(UnihmError):
    """What a message needs is not known yet; looked at again in a moment, it may be taken."""


class Twin(NotYet):
    """Two nodes of one name: one that was killed, until it is forgotten, and its successor."""


_UNNAMED = "a node without a name"


class Senders:
    """Judges where the messages of one node come from.

    Args:
        node: that subscribes; senders are looked for in its namespace.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._alone: dict[str, str] = {}  # topic to the full name of its only sender
        self._unnamed: dict[str, float] = {}  # topic to when one without a name was seen first

    def check(self, topic: str, message: Any, gid: bytes | None) -> None:
        """Refuse a message that is not its sender's.

        Args:
            topic: as it was subscribed to.
            message: of that topic.
            gid: of its publisher; None where rclpy does not tell (before Kilted). Then it is only
                known that nobody else publishes.

        Raises:
            NotYet: where the publisher is not known to the graph yet.
            UnihmError: SAFETY_STOP where it is another node's, or not the only one.
        """
        name = (
            _REPORTERS.get(message.stage, message.stage)
            if topic == "status"
            else SENDERS.get(topic)
        )
        if name is None:
            return
        sender = self._full(name)
        publishers = self._publishers(topic)
        if gid is not None:
            who = publishers.get(gid[:_GID])
            if who in (None, _UNNAMED):
                raise NotYet(
                    ErrorCode.SAFETY_STOP,
                    f"A publisher of {topic} belongs to no node of the graph.",
                )
            if who != sender:
                raise UnihmError(
                    ErrorCode.SAFETY_STOP, f"{who} speaks on {topic}, which is {sender}'s."
                )
        names = list(publishers.values())
        if topic == "status":
            names = [n for n in names if n == sender]
        if topic in _STOPPING:
            return
        trespass = _trespass(topic, sender, names)
        if trespass is not None:
            raise trespass

    def watch(self, topic: str, name: str) -> None:
        """From now on :meth:`trespass` looks for others than the node ``name`` on ``topic``."""
        self._alone[topic] = self._full(name)

    def trespass(self) -> UnihmError | None:
        """Who else publishes on a topic that is watched; SAFETY_STOP."""
        for topic, sender in self._alone.items():
            names = list(self._publishers(topic).values())
            now = time.monotonic()
            if _UNNAMED not in names:
                self._unnamed.pop(topic, None)
            elif now - self._unnamed.setdefault(topic, now) < NAMED:
                names = [name for name in names if name != _UNNAMED]
            error = _trespass(topic, sender, names)
            if error is not None:
                return error
        return None

    def name_of(self, topic: str, gid: bytes | None) -> str:
        """The node that a publisher belongs to, for people."""
        who = self._publishers(topic).get(gid[:_GID]) if gid is not None else None
        return who or "an unknown node"

    def _full(self, name: str) -> str:
        return f"{self._node.get_namespace().rstrip('/')}/{name}"

    def _publishers(self, topic: str) -> dict[bytes, str]:
        """GID to full name of the node, of all who publish on a topic."""
        endpoints = self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(topic))
        return {bytes(e.endpoint_gid)[:_GID]: _full_name(e) for e in endpoints}


def _full_name(endpoint: TopicEndpointInfo) -> str:
    # As rmw_dds_common calls what it knows no node of: not yet, or never.
    if endpoint.node_name in ("_NODE_NAME_UNKNOWN_", "_CREATED_BY_BARE_DDS_APP_"):
        return _UNNAMED
    return f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"


def _trespass(topic: str, sender: str, names: list[str]) -> UnihmError | None:
    """What is wrong where ``names`` publish and only ``sender`` may."""
    others = sorted({name for name in names if name != sender})
    if others and others != [_UNNAMED]:
        return UnihmError(
            ErrorCode.SAFETY_STOP,
            f"{' and '.join(others)} publishes on {topic}, where {sender} alone may; end it.",
        )
    if others:
        return NotYet(ErrorCode.SAFETY_STOP, f"{_UNNAMED.capitalize()} publishes on {topic}.")
    if len(names) > 1:
        return Twin(
            ErrorCode.SAFETY_STOP,
            f"Two nodes named {sender} publish on {topic}; end one of them (one that was killed "
            "is forgotten after some seconds).",
        )
    return None
