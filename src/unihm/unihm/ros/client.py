"""What a program that talks to the graph from outside is made of."""

from __future__ import annotations

import threading
from types import TracebackType

from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from typing_extensions import Self

from unihm.ros.context import new_context


class Client:
    """A node with a context, an executor and a thread of its own.

    A program that uses ROS otherwise is not disturbed, and every method may be called from any
    thread.

    Args:
        namespace: that the graph runs in.
        name: of the client's node.
        enclave: whose keys it has where security is on.
        domain_id: DDS domain; None: the environment's.

    Attributes:
        node: in the namespace, spun by the client; for further subscriptions.
    """

    def __init__(self, namespace: str, name: str, enclave: str, domain_id: int | None) -> None:
        self._context = new_context(domain_id, f"/{namespace.strip('/')}/{enclave}")
        self.node = Node(
            name,
            namespace=namespace,
            context=self._context,
            use_global_arguments=False,
            start_parameter_services=False,
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._spinning = True
        self._thread = threading.Thread(target=self._spin, name=name, daemon=True)

    def begin(self) -> None:
        """Spin from now on; called by a subclass once it has made what is spun."""
        self._thread.start()

    def _spin(self) -> None:
        while self._spinning:
            try:
                self._executor.spin_once(timeout_sec=0.1)
            except ExternalShutdownException:
                return

    def close(self) -> None:
        """End the client; what the graph does for it goes on."""
        # rclpy stumbles when an executor is shut down in the middle of a callback.
        self._spinning = False
        self._thread.join()
        self._executor.shutdown()
        self.end()
        self.node.destroy_node()
        self._context.try_shutdown()

    def end(self) -> None:
        """Destroy what the node does not destroy itself; called when nothing spins any more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
