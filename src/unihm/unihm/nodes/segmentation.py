"""Task + RgbdObservation + ObjectTrajectory -> ObjectCloud."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from geometry_msgs.msg import PointStamped
from numpy.typing import NDArray
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.errors import UnihmError
from unihm.perception import Segmenter
from unihm.ros.conversions import (
    click_from_msg,
    cloud_to_msg,
    observation_from_msg,
    points_to_msg,
    rgb_to_msg,
    trajectory_from_msg,
)
from unihm.ros.frames import OBJECT_FRAME
from unihm.ros.qos import LATCHED, RELIABLE
from unihm.ros.stage import StageNode
from unihm.types import FloatArray, RgbdObservation
from unihm.visualization.overlays import draw_mask


class SegmentationNode(StageNode):
    """Cuts the object out of the image and completes its surface.

    For people it also shows the mask on the image and the points that were seen of the object; and,
    at once when somebody clicks, the mask of what was clicked in the last image.
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
        self._image: msg.RgbdObservation | None = None
        self.subscription(PointStamped, "clicked_point", self._on_click, RELIABLE)

    def load(self) -> None:
        self.segmenter = Segmenter.load(self.preset)
        self.segmenter.warm_up()

    def receive(self, topic: str, message: Any) -> None:
        if topic == "observation":
            self._image = message
        super().receive(topic, message)

    def process(self, inputs: dict[str, Any]) -> msg.ObjectCloud:
        message = inputs["observation"]
        observation = observation_from_msg(message)
        trajectory = trajectory_from_msg(inputs["object_trajectory"])
        result = self.segmenter.segment(observation, trajectory)
        stamp = message.header.stamp
        self._show(observation, result.mask, message.header)
        world = Header(stamp=stamp, frame_id=message.world_frame)
        self._seen.publish(points_to_msg(result.seen, ("x", "y", "z"), world))
        return cloud_to_msg(
            result.cloud, Header(stamp=stamp, frame_id=OBJECT_FRAME), message.task_id
        )

    def _on_click(self, message: PointStamped) -> None:
        point = click_from_msg(message, self.world_frame)
        if self._image is not None and self.fault is None:
            self._worker.submit(self._show_clicked, self._image.task_id, self._image, point)

    def _show_clicked(self, task_id: str, message: msg.RgbdObservation, point: FloatArray) -> None:
        observation = observation_from_msg(message)
        try:
            self._show(observation, self.segmenter.outline(observation, point), message.header)
        except UnihmError as error:
            self.get_logger().info(error.message)

    def _show(self, observation: RgbdObservation, mask: NDArray[np.bool_], header: Header) -> None:
        self._overlay.publish(rgb_to_msg(draw_mask(observation.rgb, mask), header))
