"""Looks at a task's target while the arm is on its way to it; the capture node's part."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from unihm_msgs import msg

from unihm.control.watching import TargetWatch, WatchConfig, watched_until
from unihm.ros import conversions
from unihm.ros.base import UnihmNode
from unihm.ros.qos import HEARTBEAT, RELIABLE
from unihm.types import RgbdObservation

_LATE = 0.3  # s that a heartbeat and an image may be old together


class Lookout:
    """Gathers what a plan was made by, and says when an image of its target is wanted.

    Args:
        node: that has the images.

    Attributes:
        task_id: of the task whose target is looked at; empty: none.
    """

    def __init__(self, node: UnihmNode) -> None:
        self._config = WatchConfig()
        self.task_id = ""
        self._before: RgbdObservation | None = None
        self._trajectory: msg.ObjectTrajectory | None = None
        self._cloud: msg.ObjectCloud | None = None
        self._watch: TargetWatch | None = None
        self._stamp, self._until = Time(), 0.0  # of the plan; the sample that it is looked at until
        self._next = 0.0  # s, when the next image is wanted
        node.subscription(msg.ObjectTrajectory, "object_trajectory", self._on_trajectory, RELIABLE)
        node.subscription(msg.ObjectCloud, "object_cloud", self._on_cloud, RELIABLE)
        node.subscription(msg.ExecutionPlan, "execution_plan", self._on_plan, RELIABLE)
        node.subscription(msg.Heartbeat, "heartbeat/arm_controller", self._on_beat, HEARTBEAT)

    def remember(self, task_id: str, observation: RgbdObservation) -> None:
        """The image that a task is planned by."""
        self.end()
        self.task_id, self._before = task_id, observation

    def end(self) -> None:
        """Whatever is under way is not looked at any more."""
        self.task_id, self._watch = "", None
        self._before = self._trajectory = self._cloud = None

    def is_due(self, now: float) -> bool:
        """Whether an image is wanted at ``now``, s by the node's clock."""
        return self._watch is not None and now >= self._next

    def look(self, observation: RgbdObservation, now: float) -> None:
        """Look at an image that was wanted.

        Raises:
            UnihmError: OBJECT_MOVED, once.
        """
        watch = self._watch
        if watch is None:
            return
        self._next = now + 1.0 / self._config.rate
        self._watch = None
        watch.look(observation)
        self._watch = watch

    def _on_trajectory(self, message: msg.ObjectTrajectory) -> None:
        if message.task_id == self.task_id:
            self._trajectory = message

    def _on_cloud(self, message: msg.ObjectCloud) -> None:
        if message.task_id == self.task_id:
            self._cloud = message

    def _on_plan(self, message: msg.ExecutionPlan) -> None:
        if message.stage != "arm" or message.task_id != self.task_id:
            return
        if self._before is None or self._trajectory is None or self._cloud is None:
            return
        plan = conversions.plan_from_msg(message)
        until = watched_until(plan, message.rate, self._config)
        self._stamp, self._until = message.header.stamp, until - _LATE * message.rate
        self._next = 0.0
        self._watch = TargetWatch(
            self._before,
            conversions.trajectory_from_msg(self._trajectory),
            conversions.cloud_from_msg(self._cloud),
            self._config,
        )

    def _on_beat(self, beat: msg.Heartbeat) -> None:
        if beat.plan == self._stamp and beat.sample >= self._until:
            self._watch = None
