"""Whatever a message holds: no node ends, no exception comes out of a callback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rclpy.context import Context
from rclpy.parameter import Parameter
from rosidl_parser.definition import (
    AbstractSequence,
    AbstractString,
    AbstractWString,
    Array,
    BasicType,
    NamespacedType,
)
from unihm.errors import UnihmError
from unihm.ros import conversions
from unihm.ros.context import new_context
from unihm.ros.run import node_class
from unihm_msgs import msg

pytestmark = [pytest.mark.ros, pytest.mark.xdist_group("any_message")]
# Those that act in their callbacks, and are there at once; what the others do with a message
# begins with a function of conversions.
LISTENERS = (
    "capture",
    "coordinator",
    "emergency_stop",
    "arm_controller",
    "hand_controller",
    "verifier",
    "markers",
    "retargeter",
    "mock_arm",
    "mock_hand",
)
TASK = "t"
WORDS = st.sampled_from(
    [TASK, "", "ready", "arm", "xhand", "world", "rgb8", "32FC1", "fr3_joint1", "\0", "é"]
)
FLOATS = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(width=32))
ANY = settings(
    max_examples=15,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def of_basic_type(kind: BasicType) -> st.SearchStrategy[Any]:
    name = kind.typename
    if name == "boolean":
        return st.booleans()
    if name in ("float", "double"):
        return FLOATS
    if name == "octet":
        return st.binary(min_size=1, max_size=1)
    bits = int("".join(c for c in name if c.isdigit()))
    low = 0 if name.startswith("u") else -(2 ** (bits - 1))
    high = low + 2**bits - 1
    return st.one_of(st.integers(low, min(4, high)), st.integers(low, high))


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a slot of a message."""
    if isinstance(kind, BasicType):
        return of_basic_type(kind)
    if isinstance(kind, (AbstractString, AbstractWString)):
        return WORDS
    if isinstance(kind, NamespacedType):
        module = __import__(".".join(kind.namespaces), fromlist=[kind.name])
        return messages(getattr(module, kind.name))
    if isinstance(kind, Array):
        return st.lists(of_type(kind.value_type), min_size=kind.size, max_size=kind.size)
    assert isinstance(kind, AbstractSequence)
    most = min(6, getattr(kind, "maximum_size", 6))
    return st.lists(of_type(kind.value_type), max_size=most)


def messages(kind: Any) -> st.SearchStrategy[Any]:
    """Messages of a type, each slot of its own."""
    slots = [name.lstrip("_") for name in kind.__slots__ if name != "_check_fields"]
    types = dict(zip(slots, kind.SLOT_TYPES))
    return st.builds(kind, **{name: of_type(slot) for name, slot in types.items()})


@pytest.fixture(scope="module")
def context(module_domain_id: int) -> Iterator[Context]:
    made = new_context(module_domain_id)
    yield made
    made.try_shutdown()


def send_anything(node: Any, subscription: Any) -> None:
    @ANY
    @given(messages(subscription.msg_type))
    def take(message: Any) -> None:
        node.task_id = TASK
        subscription.callback(message, {})

    take()


@pytest.mark.parametrize("name", LISTENERS)
def test_a_callback_takes_or_drops_any_message(name: str, context: Context, tmp_path: Path) -> None:
    parameters = {"protocol": "joint_trajectory", "state_file": str(tmp_path / "stop.json")}
    node = node_class(name)(
        name,
        namespace="unihm",
        context=context,
        use_global_arguments=False,
        parameter_overrides=[Parameter(key, value=value) for key, value in parameters.items()],
    )
    node.get_logger().set_level(50)  # what is dropped is told of
    try:
        assert node.start(), node.fault
        subscriptions = [s for s in node.subscriptions if s.topic_name != "/parameter_events"]
        assert subscriptions
        for subscription in subscriptions:
            send_anything(node, subscription)
        assert node.fault is None
    finally:
        node.end()
        node.destroy_node()


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (conversions.task_from_msg, msg.Task),
        (conversions.observation_from_msg, msg.RgbdObservation),
        (conversions.trajectory_from_msg, msg.ObjectTrajectory),
        (conversions.cloud_from_msg, msg.ObjectCloud),
        (conversions.tokens_from_msg, msg.HandTokens),
        (conversions.motion_from_msg, msg.HandMotion),
        (conversions.plan_from_msg, msg.ExecutionPlan),
    ],
)
def test_what_cannot_be_read_is_a_sentence(read: Callable[[Any], Any], kind: type) -> None:
    @settings(ANY, max_examples=60)
    @given(messages(kind))
    def check(message: Any) -> None:
        with suppress(UnihmError):
            read(message)

    check()
