"""Whichever executor spins a node, its subscriptions are told who speaks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from rclpy.executors import Executor
from rclpy.node import Node
from std_msgs.msg import String
from unihm.ros.base import _TOLD_SENDER
from unihm.ros.context import new_context
from unihm.ros.executor import BatchingExecutor, new_executor, told_sender
from unihm.ros.qos import RELIABLE
from waiting import eventually

pytestmark = pytest.mark.ros


@pytest.mark.skipif(not _TOLD_SENDER, reason="Humble's callbacks are not told who speaks.")
@pytest.mark.parametrize(
    "make", [new_executor, lambda batch, context: BatchingExecutor(batch, context=context)]
)
@pytest.mark.parametrize("batch", [0.0, 0.005])
def test_a_subscription_hears_the_message_and_of_its_sender(
    domain_id: int, make: Callable[..., Executor], batch: float
) -> None:
    context = new_context(domain_id)
    node = Node("listener", context=context, use_global_arguments=False)
    heard: list[tuple[Any, Any]] = []

    def receive(message: Any, info: Any) -> None:
        heard.append((message, info))

    node.create_subscription(String, "said", told_sender(receive), RELIABLE)
    publisher = node.create_publisher(String, "said", RELIABLE)
    executor = make(batch, context)
    executor.add_node(node)
    try:
        assert eventually(lambda: publisher.get_subscription_count() == 1)
        for text in ("one", "two"):
            publisher.publish(String(data=text))
        end = time.monotonic() + 10.0
        while len(heard) < 2 and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
    finally:
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()
    assert [message.data for message, _ in heard] == ["one", "two"]
    assert all(len(info["publisher_gid"]["data"]) >= 16 for _, info in heard)
