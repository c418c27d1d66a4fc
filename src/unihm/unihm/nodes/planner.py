"""Task + RgbdObservation (+ a click) -> ObjectTrajectory, and a picture of the pick affordance."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from geometry_msgs.msg import PointStamped
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.perception import Plan, Planner, PlanningError
from unihm.ros.conversions import (
    click_from_msg,
    observation_from_msg,
    point_to_msg,
    rgb_to_msg,
    task_from_msg,
    trajectory_to_msg,
)
from unihm.ros.qos import LATCHED, RELIABLE
from unihm.ros.stage import StageNode
from unihm.types import FloatArray, RgbdObservation
from unihm.visualization.overlays import draw_affordance


class PlannerNode(StageNode):
    """Finds the object that the sentence means and plans where it goes (equation 7).

    A click on ``clicked_point`` (RViz's and Foxglove's tool, the page's buttons) is for the next
    task, and for further tries of it: its target is what was clicked, if the words fit that.
    """

    stage = "planner"
    inputs: ClassVar = {"task": msg.Task, "observation": msg.RgbdObservation}
    output = ("object_trajectory", msg.ObjectTrajectory)

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.click_lasts = self.declare(
            "click_lasts", 60.0, "Seconds that a click waits for a task.", 1.0, 3600.0
        )
        self._affordance = self.publisher(Image, "affordance", LATCHED)
        self._candidates = self.publisher(msg.ObjectCandidates, "object_candidates", LATCHED)
        self._click: tuple[float, FloatArray] | None = None  # when it came, and where it is
        self._used: FloatArray | None = None  # of the task before
        self.subscription(PointStamped, "clicked_point", self._on_click, RELIABLE)

    def load(self) -> None:
        self.planner = Planner.load(self.preset)
        self.planner.warm_up()

    def process(self, inputs: dict[str, Any]) -> msg.ObjectTrajectory:
        message = inputs["observation"]
        observation = observation_from_msg(message)
        instruction = task_from_msg(inputs["task"]).instruction
        header = Header(stamp=message.header.stamp, frame_id=message.world_frame)
        offer = msg.ObjectCandidates(header=header, task_id=message.task_id)
        try:
            plan = self.planner.plan(observation, instruction, self._take_click(inputs["task"]))
        except PlanningError as error:  # the picture says why
            self._show(observation, error, message.header)
            offer.names = [thing.words for thing in error.candidates]
            offer.points = [point_to_msg(_top(thing.cluster.points)) for thing in error.candidates]
            raise
        finally:
            self._candidates.publish(offer)
        self._show(observation, plan, message.header)
        return trajectory_to_msg(plan.trajectory, header, message.task_id)

    def _on_click(self, message: PointStamped) -> None:
        self._click = self.seconds, click_from_msg(message, self.world_frame)

    def _take_click(self, task: msg.Task) -> FloatArray | None:
        """Where the target of a task was clicked; None where only words say it."""
        if task.attempt == 1:
            click, self._click = self._click, None
            fresh = click is not None and 0.0 <= self.seconds - click[0] <= self.click_lasts
            self._used = click[1] if click is not None and fresh else None
        return self._used

    def _show(
        self, observation: RgbdObservation, seen: Plan | PlanningError, header: Header
    ) -> None:
        if seen.affordance is not None:
            picture = draw_affordance(observation, seen.scene.points, seen.affordance)
            self._affordance.publish(rgb_to_msg(picture, header))


def _top(points: FloatArray) -> FloatArray:
    """(3,) the highest of an object's seen points (N, 3)."""
    return points[np.argmax(points[:, 2])]
