"""An executor that takes messages in batches."""

from __future__ import annotations

import time
from typing import Any

from rclpy.executors import SingleThreadedExecutor, TimeoutException


class BatchingExecutor(SingleThreadedExecutor):
    """Takes what has come in the last few milliseconds together.

    Before it waits, rclpy's executor gathers all that it waits for, which takes longer than most
    callbacks do; here it is done once a batch rather than for every message. It is to be spun with
    a time-out of 0.

    Args:
        batch: s between two looks.
    """

    def __init__(self, batch: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._batch = batch

    def wait_for_ready_callbacks(self, *args: Any, **kwargs: Any) -> Any:
        """The next callback; sleeps, and lets it be none, after the last of a batch."""
        try:
            return super().wait_for_ready_callbacks(*args, **kwargs)
        except TimeoutException:
            time.sleep(self._batch)
            raise
