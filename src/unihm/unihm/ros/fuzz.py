"""Hostile messages for every subscription of the nodes that act on what they hear.

Every slot of a message is drawn: numbers that are none, too large or just right, names that exist
beside those that don't, arrays whose lengths agree more often than not. A callback may take a
message or drop it; an exception that leaves it, a node that is not well afterwards, or more than
:data:`unihm.evaluation.fuzz.LONGEST` seconds are faults.
"""

from __future__ import annotations

import random
import resource
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rclpy.parameter import Parameter
from rclpy.subscription import Subscription
from rosidl_parser.definition import (
    AbstractSequence,
    AbstractString,
    AbstractWString,
    Array,
    BasicType,
    NamespacedType,
)

from unihm.evaluation.fuzz import FuzzOutcome
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros.base import UnihmNode
from unihm.ros.context import new_context
from unihm.ros.run import node_class

# The others hand what they hear to the functions of unihm.ros.conversions, and to a thread.
LISTENERS = (
    *("capture", "coordinator", "emergency_stop", "arm_controller", "hand_controller"),
    *("verifier", "markers", "retargeter", "robot_state", "follower", "mock_arm", "mock_hand"),
)
TASK = "t"  # that the node is told it is at
_LENGTHS = (0, 1, 2, 3, 7, 12, 16, 21, 60)
_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.3, 1e-3, 1e3, 1e30, float("nan"), float("inf"), float("-inf"))
_WORDS = (
    TASK, "", "ready", "arm", "retreat", "xhand", "fr3", "world", "base", "rgb8", "bgra8", "32FC1",
    "16UC1", "jpeg", "pick up the red box", "stop", "\0", "é", "../..", "x" * 300,
)  # fmt: skip


class AnyMessage:
    """Draws messages of any type.

    Args:
        chance: that decides.
        names: of joints that there are.
    """

    def __init__(self, chance: random.Random, names: tuple[tuple[str, ...], ...]) -> None:
        self._chance, self._names = chance, names
        self._length = 0  # of most arrays of the message

    def draw(self, kind: Any) -> Any:
        """A message of the type ``kind``."""
        self._length = self._chance.choice(_LENGTHS)
        return self._message(kind)

    def _message(self, kind: Any) -> Any:
        slots = [name.lstrip("_") for name in kind.__slots__ if name != "_check_fields"]
        return kind(**{name: self._value(t) for name, t in zip(slots, kind.SLOT_TYPES)})

    def _value(self, kind: Any) -> Any:
        chance = self._chance
        if isinstance(kind, BasicType):
            return self._number(kind.typename)
        if isinstance(kind, (AbstractString, AbstractWString)):
            return chance.choice(_WORDS)
        if isinstance(kind, NamespacedType):
            module = __import__(".".join(kind.namespaces), fromlist=[kind.name])
            return self._message(getattr(module, kind.name))
        if isinstance(kind, Array):
            return [self._value(kind.value_type) for _ in range(kind.size)]
        assert isinstance(kind, AbstractSequence)
        if isinstance(kind.value_type, AbstractString) and chance.random() < 0.7:
            return list(chance.choice(self._names))
        length = self._length if chance.random() < 0.8 else chance.choice(_LENGTHS)
        length = min(length, getattr(kind, "maximum_size", length))
        if isinstance(kind.value_type, NamespacedType):
            length = min(length, 6)
        return [self._value(kind.value_type) for _ in range(length)]

    def _number(self, kind: str) -> Any:
        chance = self._chance
        if kind == "boolean":
            return chance.random() < 0.5
        if kind in ("float", "double"):
            return chance.choice(_FLOATS) if chance.random() < 0.3 else chance.uniform(-2.0, 2.0)
        if kind == "octet":
            return bytes([chance.randrange(256)])
        bits = int("".join(c for c in kind if c.isdigit()))
        low = 0 if kind.startswith("u") else -(2 ** (bits - 1))
        high = low + 2**bits - 1
        if chance.random() < 0.5:
            return chance.randint(max(low, 0), min(high, 640))
        return chance.choice((low, high, chance.randint(low, high)))


def fuzz_nodes(
    inputs: int,
    tick: Callable[[int], object] = lambda done: None,
    domain_id: int = 101,
    listeners: tuple[str, ...] = LISTENERS,
) -> list[FuzzOutcome]:
    """Give ``inputs`` messages to the subscriptions of all nodes, the same ones every time.

    Args:
        inputs: in all.
        tick: called with how many more were given.
        domain_id: DDS domain, in which no robot is: what the nodes say is heard there.
        listeners: names of nodes.

    Returns:
        one outcome a node.
    """
    names = (tuple(Arm("fr3").joint_names), tuple(load_hand("xhand").joint_names), ("x",))
    outcomes = []
    share = -(-inputs // len(listeners))
    for name in listeners:
        anything = AnyMessage(random.Random(f"{name}"), names)
        outcome = FuzzOutcome(f"node {name}")
        with _running(name, domain_id) as node:
            heard = [s for s in node.subscriptions if s.topic_name != "/parameter_events"]
            for number in range(share):
                _give(node, heard[number % len(heard)], anything, outcome)
                tick(1)
            outcome.refused = sum(node.dropped.values())
            if node.fault is not None:
                outcome.crashes.append((outcome.inputs, node.fault.message))
        outcome.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        outcomes.append(outcome)
    return outcomes


def _give(
    node: UnihmNode, subscription: Subscription, anything: AnyMessage, outcome: FuzzOutcome
) -> None:
    message = anything.draw(subscription.msg_type)
    node.task_id = TASK
    began = time.thread_time()
    receive: Any = subscription.callback
    try:
        receive(message, {})
    except Exception:
        what = traceback.format_exc(limit=-1).strip().splitlines()[-1]
        outcome.crashes.append((outcome.inputs, f"{subscription.topic_name}: {what}"))
    outcome.slowest = max(outcome.slowest, time.thread_time() - began)
    outcome.inputs += 1


@contextmanager
def _running(name: str, domain_id: int) -> Iterator[UnihmNode]:
    """A node in a context of its own, active; what it would keep on disk is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        context = new_context(domain_id)
        given = {
            "protocol": "joint_trajectory",
            "state_file": str(Path(folder) / "stop.json"),
            "qos_warnings": False,
        }
        node = node_class(name)(
            name,
            namespace="unihm",
            context=context,
            use_global_arguments=False,
            parameter_overrides=[Parameter(key, value=value) for key, value in given.items()],
        )
        node.get_logger().set_level(50)  # what is dropped is told of
        try:
            if not node.start() and node.fault is not None:
                raise node.fault
            yield node
        finally:
            node.end()
            node.destroy_node()
            context.try_shutdown()
