"""The whole graph in one process on one executor: the demo, the benchmarks over ROS, the tests."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import TracebackType
from typing import Any, TypeVar

from rclpy.clock import ROSClock
from rclpy.node import Node
from rclpy.parameter import Parameter

from unihm.errors import UnihmError
from unihm.ros.base import UnihmNode
from unihm.ros.commander import Commander
from unihm.ros.context import new_context
from unihm.ros.executor import new_executor
from unihm.ros.roster import NODES
from unihm.ros.run import node_class

AnyNode = TypeVar("AnyNode", bound=UnihmNode)

# What differs when everything runs against the simulation, in one process and on one executor. An
# image that takes its time holds up everybody, and every message makes the executor look at all
# nodes: those that move nothing say less often that they are alive.
SELDOM = 0.5  # s
BATCH = 0.005  # s, for controllers and stages alike, where rclpy has no EventsExecutor
SIMULATED: dict[str, dict[str, Any]] = {
    "capture": {"silence": 10.0},
    "coordinator": {"heartbeat_timeout": 10.0},
    "arm_controller": {"window": 2.0, "heartbeat_timeout": 2.0, "joint_state_timeout": 2.0},
    "hand_controller": {
        "protocol": "joint_trajectory",
        "window": 2.0,
        "joint_state_timeout": 2.0,
    },
}


class Graph:
    """Starts nodes, spins them in a thread, and ends them; use it as a context manager.

    Args:
        hand: that is mounted.
        scene: of the simulation.
        nodes: which to start; all by default.
        parameters: node to parameters, over those that the arguments set.
        use_sim_time: nodes live by the simulation's clock.
        domain_id: DDS domain; None: the environment's.

    Raises:
        UnihmError: from the first node that could not load.

    Attributes:
        commander: sends instructions.
        nodes: by name.
    """

    def __init__(
        self,
        hand: str = "xhand",
        scene: str = "table",
        nodes: Sequence[str] = tuple(NODES),
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        use_sim_time: bool = True,
        domain_id: int | None = None,
    ) -> None:
        self.context = new_context(domain_id)
        self._executor = new_executor(BATCH, self.context)
        self._thread = threading.Thread(target=self._spin, name="executor", daemon=True)
        self._spinning = True
        self.nodes: dict[str, UnihmNode] = {}
        self._guests: list[UnihmNode] = []
        common = {
            "use_sim_time": use_sim_time,
            "hand": hand,
            "scene": scene,
            "qos_warnings": False,  # of drivers and cameras: all of them are ours
        }
        for name in nodes:
            seldom = {} if name in SIMULATED else {"heartbeat_period": SELDOM}
            values = {
                **common,
                **seldom,
                **SIMULATED.get(name, {}),
                **(parameters or {}).get(name, {}),
            }
            self.nodes[name] = node_class(name)(name, **self._arguments(values))
        first, *others = self.nodes.values()
        self._time_source = first._time_source
        for node in others:
            self._share_clock(node)
        self._common = common
        self.commander = Commander(domain_id=domain_id)

    def __enter__(self) -> Graph:
        try:
            with ThreadPoolExecutor() as pool:
                # Whole, before nodes load beside each other: SciPy asks for parts of it. Not in
                # this thread: all of PyTorch's work would be several times as slow beside it.
                pool.submit(import_module, "torch").result()
                list(pool.map(lambda node: node.start(), self.nodes.values()))
            for node in self.nodes.values():
                if node.fault is not None:
                    raise node.fault
        except UnihmError:
            self.close()
            raise
        for every in self._all():
            self._executor.add_node(every)
        self._thread.start()
        return self

    def add(self, kind: type[AnyNode], *args: Any) -> AnyNode:
        """Make and spin a further node, for example one that listens; it ends with the graph.

        Args:
            kind: its class.
            args: of its constructor, behind the name and before the node's own arguments.
        """
        node = kind(kind.stage, *args, **self._arguments(self._common))
        self._share_clock(node)
        self._guests.append(node)
        self._executor.add_node(node)
        return node

    def spin(self, node: Node) -> None:
        """Spin a node that was made with :attr:`context`; its maker ends it."""
        self._executor.add_node(node)

    def _share_clock(self, node: UnihmNode) -> None:
        """Let one node hear the clock for all, who would take 100 messages a second each."""
        clock = node.get_clock()
        assert isinstance(clock, ROSClock)
        node._time_source.detach_node()
        self._time_source.attach_clock(clock)

    def _arguments(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Constructor arguments of a node in this process."""
        return {
            "namespace": "unihm",
            "context": self.context,
            "use_global_arguments": False,
            # A hundred services fewer for the executor to look at, which nobody would call.
            "start_parameter_services": False,
            "enable_communication_interface": False,
            "parameter_overrides": [
                Parameter(key, value=value) for key, value in parameters.items()
            ],
        }

    def _spin(self) -> None:
        while self._spinning:
            self._executor.spin_once(timeout_sec=0.1)

    def _all(self) -> list[UnihmNode]:
        return [*self.nodes.values(), *self._guests]

    def close(self) -> None:
        """End the nodes' threads while they are still spun, then the executor, then the nodes."""
        self.commander.close()
        for name in sorted(self.nodes, key=lambda name: name != "coordinator"):
            self.nodes[name].end()
        # rclpy stumbles when an executor is shut down in the middle of a callback.
        self._spinning = False
        if self._thread.is_alive():
            self._thread.join()
        self._executor.shutdown()
        for node in self._all():
            node.destroy_node()
        self.context.try_shutdown()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
