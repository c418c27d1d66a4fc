"""Some nodes of the graph that are spun while a test waits."""

from __future__ import annotations

from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger
from unihm.ros.base import UnihmNode
from waiting import eventually


class Crowd:
    """Nodes that are spun while a test waits."""

    def __init__(self, domain_id: int) -> None:
        self.context = Context()
        rclpy.init(args=[], context=self.context, domain_id=domain_id)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.nodes: list[UnihmNode] = []

    def add(self, kind: Any, name: str, **parameters: Any) -> Any:
        node = kind(
            name,
            namespace="unihm",
            context=self.context,
            use_global_arguments=False,
            parameter_overrides=[Parameter(key, value=value) for key, value in parameters.items()],
        )
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

    def close(self) -> None:
        for node in list(self.nodes):
            node.end()
            self.remove(node)
        self.context.try_shutdown()
