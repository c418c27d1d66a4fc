"""The executor that spins nodes: rclpy's by events where it has one, a batching one elsewhere."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

from rclpy.context import Context
from rclpy.executors import Executor, SingleThreadedExecutor, TimeoutException

try:  # from Jazzy on
    from rclpy.experimental import EventsExecutor
except ImportError:
    EventsExecutor = None  # type: ignore[assignment]


def new_executor(batch: float, context: Context | None = None) -> Executor:
    """An executor to be spun by ``spin_once`` with a time-out, from one thread.

    rclpy's usual executors gather all that they wait for anew before every message, which takes
    longer than most callbacks do: a graph of processes that has nothing to do would fill two cores.
    Its EventsExecutor is told what comes.

    Args:
        batch: s between two looks for messages, where there is no EventsExecutor.
        context: None: the default one.
    """
    if EventsExecutor is not None:
        return EventsExecutor(context=context)
    return BatchingExecutor(batch, context=context)


class BatchingExecutor(SingleThreadedExecutor):
    """Takes what has come in the last few milliseconds together, so that it gathers less often.

    Args:
        batch: s between two looks; 0: it is woken by each message.
    """

    def __init__(self, batch: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._batch = batch

    def spin_once(self, timeout_sec: Any = None) -> None:
        """Take one callback; a batching executor sleeps for no longer than a batch."""
        super().spin_once(0.0 if self._batch else timeout_sec)

    def wait_for_ready_callbacks(self, *args: Any, **kwargs: Any) -> Any:
        """The next callback; sleeps, and lets it be none, after the last of a batch."""
        try:
            return super().wait_for_ready_callbacks(*args, **kwargs)
        except TimeoutException:
            if self._batch:
                time.sleep(self._batch)
            raise


def told_sender(receive: Callable[[Any, Any], None]) -> Callable[..., None]:
    """A subscription's callback that is told of the sender, whichever executor calls it.

    EventsExecutor hands message and information over as one pair, up to rclpy 9.1 at least;
    the others as two arguments, which is also how a subscription sees what its callback takes.
    """

    def callback(*told: Any) -> None:
        receive(*(told if len(told) == 2 else told[0]))

    callback.__signature__ = inspect.signature(receive)  # type: ignore[attr-defined]
    return callback
