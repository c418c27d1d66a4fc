"""Task + RgbdObservation + ObjectTrajectory -> ObjectCloud."""

from __future__ import annotations

from typing import Any, ClassVar

from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.config import load_section
from unihm.nodes.conversions import (
    cloud_to_msg,
    observation_from_msg,
    task_from_msg,
    trajectory_from_msg,
)
from unihm.nodes.stage import StageNode
from unihm.perception.segmentation import Segmenter, SegmenterConfig

OBJECT_FRAME = "object"  # T_world_object of the task's trajectory, frame 0, places it


class SegmentationNode(StageNode):
    """Cuts the object out of the image and completes its surface."""

    stage = "segmentation"
    inputs: ClassVar = {
        "task": msg.Task,
        "observation": msg.RgbdObservation,
        "object_trajectory": msg.ObjectTrajectory,
    }
    output = ("object_cloud", msg.ObjectCloud)

    def load(self) -> None:
        self.segmenter = Segmenter(load_section(self.preset, "segmentation", SegmenterConfig))

    def process(self, inputs: dict[str, Any]) -> msg.ObjectCloud:
        observation = inputs["observation"]
        cloud = self.segmenter.segment(
            task_from_msg(inputs["task"]),
            observation_from_msg(observation),
            trajectory_from_msg(inputs["object_trajectory"]),
        )
        header = Header(stamp=observation.header.stamp, frame_id=OBJECT_FRAME)
        return cloud_to_msg(cloud, header, observation.task_id)
