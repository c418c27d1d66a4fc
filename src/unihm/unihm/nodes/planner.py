"""Task + RgbdObservation -> ObjectTrajectory, and a picture of the pick affordance."""

from __future__ import annotations

from typing import Any, ClassVar

from sensor_msgs.msg import Image
from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.perception import Plan, Planner, PlanningError
from unihm.ros.base import LATCHED
from unihm.ros.conversions import (
    observation_from_msg,
    rgb_to_msg,
    task_from_msg,
    trajectory_to_msg,
)
from unihm.ros.stage import StageNode
from unihm.types import RgbdObservation
from unihm.visualization.overlays import draw_affordance


class PlannerNode(StageNode):
    """Finds the object that the sentence means and plans where it goes (equation 7)."""

    stage = "planner"
    inputs: ClassVar = {"task": msg.Task, "observation": msg.RgbdObservation}
    output = ("object_trajectory", msg.ObjectTrajectory)

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._affordance = self.publisher(Image, "affordance", LATCHED)

    def load(self) -> None:
        self.planner = Planner.load(self.preset)
        self.planner.warm_up()

    def process(self, inputs: dict[str, Any]) -> msg.ObjectTrajectory:
        message = inputs["observation"]
        observation = observation_from_msg(message)
        instruction = task_from_msg(inputs["task"]).instruction
        try:
            plan = self.planner.plan(observation, instruction)
        except PlanningError as error:  # the picture says why
            self._show(observation, error, message.header)
            raise
        self._show(observation, plan, message.header)
        header = Header(stamp=message.header.stamp, frame_id=message.world_frame)
        return trajectory_to_msg(plan.trajectory, header, message.task_id)

    def _show(
        self, observation: RgbdObservation, seen: Plan | PlanningError, header: Header
    ) -> None:
        if seen.affordance is not None:
            picture = draw_affordance(observation, seen.scene.points, seen.affordance)
            self._affordance.publish(rgb_to_msg(picture, header))
