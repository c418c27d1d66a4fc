"""A stage of the graph: gather what it needs of one task, call one function, publish."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from typing import Any, ClassVar

from unihm_msgs.msg import Measurement, StageStatus, Task

from unihm.errors import ErrorCode, UnihmError
from unihm.ros.base import UnihmNode
from unihm.ros.qos import RELIABLE
from unihm.ros.worker import Worker

_WAITING_TASKS = 4
_REMEMBERED_TASKS = 32


class StageNode(UnihmNode):
    """Base of the nodes between the camera and the controllers.

    The work is done in the stage's own thread, so that the executor goes on answering while a
    network runs; what is finished for a task that was stopped meanwhile is thrown away.

    Attributes:
        inputs: topic to message type; every message has a ``task_id``, and ``task`` is one of
            the topics.
        output: topic and message type.
    """

    nice = 5
    inputs: ClassVar[dict[str, type]]
    output: ClassVar[tuple[str, type]]

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._waiting: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._begun: deque[str] = deque(maxlen=_REMEMBERED_TASKS)
        self._worker = Worker(self)
        topic, kind = self.output
        self._output = self.publisher(kind, topic, RELIABLE)
        for topic, kind in self.inputs.items():
            if kind is not Task:
                self.subscription(
                    kind, topic, lambda message, topic=topic: self.receive(topic, message), RELIABLE
                )

    def process(self, inputs: dict[str, Any]) -> Any:
        """The stage's work.

        Args:
            inputs: one message per topic of :attr:`inputs`, all of one task.

        Returns:
            the output message.

        Raises:
            UnihmError: what is reported as the task's failure.
        """
        raise NotImplementedError

    def measure(self, message: Any) -> list[Measurement]:
        """What the coordinator should be told of an output message, beside its duration."""
        return []

    def on_task(self, task: Task) -> None:
        self.receive("task", task)

    def end(self) -> None:
        self._worker.end()

    def receive(self, topic: str, message: Any) -> None:
        """Take a message of a topic of :attr:`inputs`; a task's last one starts the work.

        Raises:
            UnihmError: INVALID_MOTION for a task that was worked on already.
        """
        if self.fault is not None:
            if isinstance(message, Task):
                self.fail(message.task_id, self.fault)
            return
        if message.task_id in self._begun:
            raise UnihmError(
                ErrorCode.INVALID_MOTION, f"The task '{message.task_id}' was worked on already."
            )
        gathered = self._waiting.setdefault(message.task_id, {})
        gathered.setdefault(topic, message)
        if len(gathered) == len(self.inputs):
            del self._waiting[message.task_id]
            self._begun.append(message.task_id)
            self._worker.submit(self._work, message.task_id, gathered)
        while len(self._waiting) > _WAITING_TASKS:
            self._waiting.popitem(last=False)

    def _work(self, task_id: str, inputs: dict[str, Any]) -> None:
        started = time.perf_counter()
        if self.is_stopped(task_id):
            return
        self.report(task_id, StageStatus.STARTED)
        message = self.process(inputs)
        duration = time.perf_counter() - started
        if self.is_stopped(task_id):
            self.report(task_id, StageStatus.STOPPED, duration=duration)
            return
        self._output.publish(message)
        self.report(
            task_id,
            StageStatus.SUCCEEDED,
            progress=1.0,
            duration=duration,
            measurements=self.measure(message),
        )
