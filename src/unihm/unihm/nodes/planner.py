"""Task + RgbdObservation -> ObjectTrajectory, and a picture of the pick affordance."""

from __future__ import annotations

from typing import Any, ClassVar

from sensor_msgs.msg import Image
from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.config import load_section
from unihm.nodes.capture import LATCHED
from unihm.perception.planner.planner import Planner, PlannerConfig
from unihm.ros.conversions import (
    observation_from_msg,
    rgb_to_msg,
    task_from_msg,
    trajectory_to_msg,
)
from unihm.ros.stage import StageNode


class PlannerNode(StageNode):
    """Finds the object that the sentence means and plans where it goes (equation 7)."""

    stage = "planner"
    inputs: ClassVar = {"task": msg.Task, "observation": msg.RgbdObservation}
    output = ("object_trajectory", msg.ObjectTrajectory)

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._affordance = self.publisher(Image, "affordance", LATCHED)

    def load(self) -> None:
        self.planner = Planner(load_section(self.preset, "planner", PlannerConfig))
        self.planner.warm_up()

    def process(self, inputs: dict[str, Any]) -> msg.ObjectTrajectory:
        observation = inputs["observation"]
        seen = observation_from_msg(observation)
        try:
            trajectory = self.planner.plan(task_from_msg(inputs["task"]), seen)
        finally:  # where it failed, the picture says why
            picture = self.planner.affordance(seen)
            if picture is not None:
                self._affordance.publish(rgb_to_msg(picture, observation.header))
        header = Header(stamp=observation.header.stamp, frame_id=observation.world_frame)
        return trajectory_to_msg(trajectory, header, observation.task_id)
