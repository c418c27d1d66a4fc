"""Task + RgbdObservation + ObjectTrajectory -> ObjectCloud."""

from __future__ import annotations

from typing import Any, ClassVar

from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.perception import Segmenter
from unihm.ros.base import LATCHED
from unihm.ros.conversions import (
    cloud_to_msg,
    observation_from_msg,
    points_to_msg,
    rgb_to_msg,
    trajectory_from_msg,
)
from unihm.ros.stage import StageNode
from unihm.visualization.overlays import draw_mask

OBJECT_FRAME = "object"  # T_world_object of the task's trajectory, frame 0, places it


class SegmentationNode(StageNode):
    """Cuts the object out of the image and completes its surface.

    For people it also shows the mask on the image and the points that were seen of the object.
    """

    stage = "segmentation"
    inputs: ClassVar = {
        "task": msg.Task,
        "observation": msg.RgbdObservation,
        "object_trajectory": msg.ObjectTrajectory,
    }
    output = ("object_cloud", msg.ObjectCloud)

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._overlay = self.publisher(Image, "segmentation_overlay", LATCHED)
        self._seen = self.publisher(PointCloud2, "seen_points", LATCHED)

    def load(self) -> None:
        self.segmenter = Segmenter.load(self.preset)
        self.segmenter.warm_up()

    def process(self, inputs: dict[str, Any]) -> msg.ObjectCloud:
        message = inputs["observation"]
        observation = observation_from_msg(message)
        trajectory = trajectory_from_msg(inputs["object_trajectory"])
        result = self.segmenter.segment(observation, trajectory)
        stamp = message.header.stamp
        overlay = draw_mask(observation.rgb, result.mask)
        self._overlay.publish(rgb_to_msg(overlay, message.header))
        world = Header(stamp=stamp, frame_id=message.world_frame)
        self._seen.publish(points_to_msg(result.seen, ("x", "y", "z"), world))
        return cloud_to_msg(
            result.cloud, Header(stamp=stamp, frame_id=OBJECT_FRAME), message.task_id
        )
