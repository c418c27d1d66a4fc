"""What every stage made, as the messages that RViz draws."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import Vector3
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import ColorRGBA, Header
from unihm_msgs import msg
from visualization_msgs.msg import Marker, MarkerArray

from unihm.errors import UnihmError
from unihm.perception.camera import world_points
from unihm.robots import load_hand
from unihm.ros import conversions
from unihm.ros.base import LATCHED, RELIABLE, UnihmNode
from unihm.transforms import apply
from unihm.types import FloatArray, Phase

STRIDE = 2  # every second pixel of the scene is drawn
GREEN, BLUE, RED, WHITE = (0.2, 0.8, 0.3), (0.2, 0.5, 1.0), (0.9, 0.2, 0.2), (1.0, 1.0, 1.0)


class MarkersNode(UnihmNode):
    """Draws the scene, the object, its trajectory, the wrist's path, the contacts, the verdict."""

    stage = "markers"
    believes_anyone = True

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._trajectory: msg.ObjectTrajectory | None = None
        self._scene = self.publisher(PointCloud2, "scene_points", LATCHED)
        self._object = self.publisher(PointCloud2, "object_points", LATCHED)
        self._markers = self.publisher(MarkerArray, "markers", LATCHED)
        for kind, topic, callback in (
            (msg.RgbdObservation, "observation", self._on_observation),
            (msg.ObjectTrajectory, "object_trajectory", self._on_trajectory),
            (msg.ObjectCloud, "object_cloud", self._on_cloud),
            (msg.HandMotion, "refined_hand_motion", self._on_motion),
            (msg.Verdict, "verdict", self._on_verdict),
        ):
            self.subscription(kind, topic, self._guarded(callback), RELIABLE)

    def _guarded(self, callback: Any) -> Any:
        """A message that cannot be read is somebody else's failure; it is just not drawn."""

        def receive(message: Any) -> None:
            try:
                callback(message)
            except UnihmError as error:
                self.get_logger().warning(error.message)

        return receive

    def _on_observation(self, message: msg.RgbdObservation) -> None:
        observation = conversions.observation_from_msg(message)
        xyz = world_points(observation)[::STRIDE, ::STRIDE].reshape(-1, 3)
        rgb = observation.rgb[::STRIDE, ::STRIDE].reshape(-1, 3).astype(np.uint32)
        seen = np.isfinite(xyz[:, 0])
        packed = (rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]).view(np.float32)
        columns = np.column_stack([xyz.astype(np.float32), packed])[seen]
        header = Header(stamp=message.header.stamp, frame_id=message.world_frame)
        self._scene.publish(conversions.points_to_msg(columns, ("x", "y", "z", "rgb"), header))

    def _on_trajectory(self, message: msg.ObjectTrajectory) -> None:
        self._trajectory = message
        places = conversions.trajectory_from_msg(message).T_world_object[:, :3, 3]
        clear = Marker(header=message.header, action=Marker.DELETEALL)
        path = _line(message.header, "object path", places, GREEN)
        self._markers.publish(MarkerArray(markers=[clear, path]))
        self._say(message.header, message.description, places[0])

    def _on_cloud(self, message: msg.ObjectCloud) -> None:
        if self._trajectory is None or self._trajectory.task_id != message.task_id:
            return
        T_world_object = conversions.pose_from_msg(self._trajectory.poses[0])
        points = apply(T_world_object, conversions.cloud_from_msg(message).points)
        header = self._trajectory.header
        self._object.publish(conversions.points_to_msg(points, ("x", "y", "z"), header))

    def _on_motion(self, message: msg.HandMotion) -> None:
        motion, hand = conversions.motion_from_msg(message), load_hand(message.hand)
        header = message.trajectory.header
        T_world_wrist = motion.T_world_wrist
        markers = [_line(header, "wrist path", T_world_wrist[:, :3, 3], BLUE)]
        contact = np.flatnonzero(motion.trajectory.phase == Phase.GRASP)
        if len(contact):
            pads = apply(T_world_wrist[contact[-1]], hand.fingertips(motion.joints[contact[-1]])[0])
            markers.append(_balls(header, "contacts", pads, RED))
        self._markers.publish(MarkerArray(markers=markers))

    def _on_verdict(self, message: msg.Verdict) -> None:
        if self._trajectory is not None:
            place = conversions.pose_from_msg(self._trajectory.poses[-1])[:3, 3]
            self._say(self._trajectory.header, message.reason, place)

    def _say(self, header: Header, text: str, place: FloatArray) -> None:
        marker = _marker(header, "words", Marker.TEXT_VIEW_FACING, WHITE, 0.03)
        marker.pose.position = conversions.point_to_msg(place + np.array([0.0, 0.0, 0.15]))
        marker.text = text
        self._markers.publish(MarkerArray(markers=[marker]))


def _marker(
    header: Header, name: str, kind: int, color: tuple[float, float, float], size: float
) -> Marker:
    marker = Marker(header=header, ns=name, type=kind, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    marker.scale = Vector3(x=size, y=size, z=size)
    marker.color = ColorRGBA(r=color[0], g=color[1], b=color[2], a=1.0)
    return marker


def _line(
    header: Header, name: str, points: FloatArray, color: tuple[float, float, float]
) -> Marker:
    marker = _marker(header, name, Marker.LINE_STRIP, color, 0.004)
    marker.points = [conversions.point_to_msg(point) for point in points]
    return marker


def _balls(
    header: Header, name: str, points: FloatArray, color: tuple[float, float, float]
) -> Marker:
    marker = _marker(header, name, Marker.SPHERE_LIST, color, 0.012)
    marker.points = [conversions.point_to_msg(point) for point in points]
    return marker
