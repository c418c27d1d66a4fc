"""The emergency stop as nodes see it: by service, by topic, for whoever comes later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import String
from std_srvs.srv import Trigger
from unihm.errors import ErrorCode, UnihmError
from unihm.nodes.emergency_stop import EmergencyStopNode
from unihm.ros.base import UnihmNode
from unihm.ros.emergency import EmergencyListener
from waiting import eventually

pytestmark = pytest.mark.ros


class Crowd:
    """Nodes that are spun while a test waits."""

    def __init__(self, domain_id: int) -> None:
        self.context = Context()
        rclpy.init(args=[], context=self.context, domain_id=domain_id)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.nodes: list[UnihmNode] = []

    def add(self, kind: Any, name: str) -> Any:
        node = kind(name, namespace="unihm", context=self.context, use_global_arguments=False)
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def remove(self, node: UnihmNode) -> None:
        self.executor.remove_node(node)
        self.nodes.remove(node)
        node.destroy_node()

    def until(self, condition: Any) -> bool:
        def look() -> Any:
            self.executor.spin_once(timeout_sec=0.02)
            return condition()

        return eventually(look)

    def call(self, node: UnihmNode, service: str) -> Any:
        client = node.create_client(Trigger, service)
        assert self.until(client.service_is_ready)
        answer = client.call_async(Trigger.Request())
        assert self.until(answer.done)
        return answer.result()


@pytest.fixture
def crowd(domain_id: int) -> Iterator[Crowd]:
    made = Crowd(domain_id)
    yield made
    for node in list(made.nodes):
        made.remove(node)
    made.context.try_shutdown()


def is_engaged(listener: EmergencyListener) -> bool:
    try:
        listener.check()
    except UnihmError as error:
        return error.code is ErrorCode.SAFETY_STOP
    return False


def test_engaged_by_service_kept_by_a_restart_and_reset(crowd: Crowd) -> None:
    stop = crowd.add(EmergencyStopNode, "emergency_stop")
    robot = crowd.add(UnihmNode, "robot")
    calls: list[str | None] = []
    listener = EmergencyListener(robot, calls.append)
    assert crowd.call(robot, "emergency_stop/engage").success
    assert crowd.until(lambda: is_engaged(listener))
    assert calls == ["The button was pressed."]
    crowd.remove(stop)
    crowd.add(EmergencyStopNode, "emergency_stop")
    late = EmergencyListener(crowd.add(UnihmNode, "late"))
    assert crowd.until(lambda: is_engaged(late))
    assert is_engaged(listener)
    assert crowd.call(robot, "emergency_stop/reset").success
    assert crowd.until(lambda: not is_engaged(listener) and not is_engaged(late))
    assert calls == ["The button was pressed.", None]


def test_a_request_is_heard_without_the_node_and_outlives_its_start(crowd: Crowd) -> None:
    robot = crowd.add(UnihmNode, "robot")
    listener = EmergencyListener(robot)
    button = robot.create_publisher(String, "emergency_stop/request", 10)
    assert crowd.until(lambda: button.get_subscription_count() > 0)
    button.publish(String(data="The cable is torn."))
    assert crowd.until(lambda: is_engaged(listener))
    crowd.add(EmergencyStopNode, "emergency_stop")
    assert crowd.until(lambda: button.get_subscription_count() > 1)
    assert is_engaged(listener)  # its first word is older than the request
    with pytest.raises(UnihmError, match="The cable is torn"):
        listener.check()
    assert crowd.call(robot, "emergency_stop/reset").success
    assert crowd.until(lambda: not is_engaged(listener))
