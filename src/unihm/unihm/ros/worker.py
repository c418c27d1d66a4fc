"""A thread of a node's own, for what takes long."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from unihm.errors import ErrorCode, UnihmError
from unihm.ros.base import UnihmNode
from unihm.ros.priority import stand_back


class Worker:
    """Does one thing after the other; whatever goes wrong ends the task with a code.

    Args:
        node: whose work it is, and who reports what failed.
    """

    def __init__(self, node: UnihmNode) -> None:
        self._node = node
        self._thread = ThreadPoolExecutor(
            1, node.get_name(), initializer=stand_back, initargs=(node.nice,)
        )

    def submit(self, work: Callable[..., None], task_id: str, *arguments: Any) -> None:
        """Do ``work(task_id, *arguments)`` after all that was asked for before."""
        self._thread.submit(self._do, work, task_id, *arguments)

    def end(self) -> None:
        """Wait for what is being done, and forget the rest."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _do(self, work: Callable[..., None], task_id: str, *arguments: Any) -> None:
        started = time.perf_counter()
        try:
            work(task_id, *arguments)
        except UnihmError as error:
            self._node.fail(task_id, error, time.perf_counter() - started)
        except Exception as error:  # a defect of ours must still end the task with a code
            self._node.get_logger().error(traceback.format_exc())
            internal = UnihmError(ErrorCode.INTERNAL, f"{self._node.stage}: {error!r}")
            self._node.fail(task_id, internal, time.perf_counter() - started)
