"""Task + RgbdObservation -> ObjectTrajectory."""

from __future__ import annotations

from typing import Any, ClassVar

from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.config import load_section
from unihm.nodes.conversions import observation_from_msg, task_from_msg, trajectory_to_msg
from unihm.nodes.stage import StageNode
from unihm.perception.planner import Planner, PlannerConfig


class PlannerNode(StageNode):
    """Finds the object that the sentence means and plans where it goes (equation 7)."""

    stage = "planner"
    inputs: ClassVar = {"task": msg.Task, "observation": msg.RgbdObservation}
    output = ("object_trajectory", msg.ObjectTrajectory)

    def load(self) -> None:
        self.planner = Planner(load_section(self.preset, "planner", PlannerConfig))

    def process(self, inputs: dict[str, Any]) -> msg.ObjectTrajectory:
        observation = inputs["observation"]
        trajectory = self.planner.plan(
            task_from_msg(inputs["task"]), observation_from_msg(observation)
        )
        header = Header(stamp=observation.header.stamp, frame_id=observation.world_frame)
        return trajectory_to_msg(trajectory, header, observation.task_id)
