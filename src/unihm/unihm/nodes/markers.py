"""What every stage made, as the messages that RViz and Foxglove draw (``rviz/unihm.rviz``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import Vector3
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import ColorRGBA, Header
from unihm_msgs import msg
from visualization_msgs.msg import Marker, MarkerArray

from unihm.perception.camera import world_points
from unihm.robots import load_hand
from unihm.robots.urdf import Primitive
from unihm.robots.urdf_text import resolve_path
from unihm.ros import conversions
from unihm.ros.base import UnihmNode
from unihm.ros.qos import LATCHED, RELIABLE, STATUS
from unihm.transforms import FloatArray, apply, make_transform
from unihm.types import HandMotion, Phase
from unihm.visualization.keyframes import key_frames, time_colors
from unihm.visualization.palette import BAD, COMPLETED, GRASP, SEEN, Color

STRIDE = 2  # every second pixel of the scene is drawn
TEXT_PLACE = np.array([0.45, 0.0, 0.75])  # m, world: where the task is told of
WHITE: Color = (255, 255, 255)
AXES: tuple[Color, ...] = ((220, 50, 50), (60, 180, 60), (60, 90, 220))
AXIS = 0.05  # m
GHOST = 0.35  # opacity
STATES = {
    msg.StageStatus.STARTED: "at work",
    msg.StageStatus.PROGRESS: "at work",
    msg.StageStatus.SUCCEEDED: "done",
    msg.StageStatus.STOPPED: "stopped",
}


class MarkersNode(UnihmNode):
    """Draws the scene, the object and its way, the hand at its key frames, and tells the state.

    Every topic is latched, and every message is all that its topic has to show: RViz may come late.
    """

    stage = "markers"
    priority = 0
    nice = 5
    believes_anyone = True

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._trajectory: msg.ObjectTrajectory | None = None
        self._lines = {"task": "", "stage": "", "stop": ""}
        self._scene = self.publisher(PointCloud2, "scene_points", LATCHED)
        self._object = self.publisher(PointCloud2, "object_points", LATCHED)
        self._plan = self.publisher(MarkerArray, "plan_markers", LATCHED)
        self._hand = self.publisher(MarkerArray, "hand_markers", LATCHED)
        self._candidates = self.publisher(MarkerArray, "candidate_markers", LATCHED)
        self._text = self.publisher(Marker, "status_text", LATCHED)
        for kind, topic, callback, qos in (
            (msg.Task, "task", self._on_task, RELIABLE),
            (msg.RgbdObservation, "observation", self._on_observation, RELIABLE),
            (msg.ObjectCandidates, "object_candidates", self._on_candidates, LATCHED),
            (msg.ObjectTrajectory, "object_trajectory", self._on_trajectory, RELIABLE),
            (msg.ObjectCloud, "object_cloud", self._on_cloud, RELIABLE),
            (msg.HandMotion, "refined_hand_motion", self._on_motion, RELIABLE),
            (msg.StageStatus, "status", self._on_status, STATUS),
            (msg.Verdict, "verdict", self._on_verdict, RELIABLE),
            (msg.EmergencyStop, "emergency_stop/state", self._on_emergency, LATCHED),
        ):
            self.subscription(kind, topic, callback, qos)

    def _on_task(self, message: msg.Task) -> None:
        for output in (self._plan, self._hand):
            _draw(output, message.header, [])
        self._tell(task=f"“{message.instruction}”", stage="")

    def _on_observation(self, message: msg.RgbdObservation) -> None:
        observation = conversions.observation_from_msg(message)
        xyz = world_points(observation)[::STRIDE, ::STRIDE].reshape(-1, 3)
        rgb = observation.rgb[::STRIDE, ::STRIDE].reshape(-1, 3)
        seen = np.isfinite(xyz[:, 0])
        header = Header(stamp=message.header.stamp, frame_id=message.world_frame)
        self._scene.publish(_coloured(xyz[seen], rgb[seen], header))

    def _on_candidates(self, message: msg.ObjectCandidates) -> None:
        markers = []
        for number, (name, point) in enumerate(zip(message.names, message.points)):
            ball = _marker(message.header, "what may be meant", number, Marker.SPHERE, SEEN, 0.02)
            ball.pose.position = point
            place = np.array([point.x, point.y, point.z + 0.05])
            label = _words(message.header, f"{number + 1}: {name}", place)
            label.id = number
            markers += [ball, label]
        _draw(self._candidates, message.header, markers)

    def _on_trajectory(self, message: msg.ObjectTrajectory) -> None:
        self._trajectory = message
        trajectory = conversions.trajectory_from_msg(message)
        poses = trajectory.T_world_object
        frames = poses[list(key_frames(trajectory.phase).values())]
        axes = _marker(message.header, "frames", 0, Marker.LINE_LIST, WHITE, 0.003)
        for number, color in enumerate(AXES):
            ends = frames[:, :3, 3] + AXIS * frames[:, :3, number]
            for start, end in zip(frames[:, :3, 3], ends):
                axes.points += [conversions.point_to_msg(start), conversions.point_to_msg(end)]
                axes.colors += [_rgba(color)] * 2
        path = _path(message.header, "object's way", poses[:, :3, 3])
        above = poses[0, :3, 3] + np.array([0.0, 0.0, 0.12])
        _draw(
            self._plan,
            message.header,
            [path, axes, _words(message.header, message.description, above)],
        )

    def _on_cloud(self, message: msg.ObjectCloud) -> None:
        if self._trajectory is None or self._trajectory.task_id != message.task_id:
            return
        cloud = conversions.cloud_from_msg(message)
        T_world_object = conversions.pose_from_msg(self._trajectory.poses[0])
        observed = np.ones(len(cloud.points), bool) if cloud.observed is None else cloud.observed
        colors = np.where(observed[:, None], SEEN, COMPLETED)
        points = apply(T_world_object, cloud.points)
        self._object.publish(_coloured(points, colors, self._trajectory.header))

    def _on_motion(self, message: msg.HandMotion) -> None:
        motion = conversions.motion_from_msg(message)
        header = message.trajectory.header
        markers = [_path(header, "wrist's way", motion.T_world_wrist[:, :3, 3])]
        for phase, frame in key_frames(motion.trajectory.phase).items():
            markers += _ghost(header, motion, phase, frame)
        _draw(self._hand, header, markers)

    def _on_status(self, message: msg.StageStatus) -> None:
        state = STATES.get(message.state) or message.error_msg
        self._tell(stage=f"{message.stage}: {state}")

    def _on_verdict(self, message: msg.Verdict) -> None:
        self._tell(stage=message.reason)

    def _on_emergency(self, message: msg.EmergencyStop) -> None:
        self._tell(stop=f"EMERGENCY STOP: {message.reason}" if message.engaged else "")

    def _tell(self, **lines: str) -> None:
        self._lines.update(lines)
        text = "\n".join(line for line in self._lines.values() if line)
        marker = _words(self.header(), text, TEXT_PLACE)
        if self._lines["stop"]:
            marker.color = _rgba(BAD)
        self._text.publish(marker)


def _draw(output: Any, header: Header, markers: Sequence[Marker]) -> None:
    """Show these and nothing else."""
    clear = Marker(header=header, action=Marker.DELETEALL)
    output.publish(MarkerArray(markers=[clear, *markers]))


def _coloured(points: FloatArray, colors: NDArray[Any], header: Header) -> PointCloud2:
    """Points (N, 3) with colours (N, 3) from 0 to 255, packed as RViz reads them."""
    rgb = colors.astype(np.uint32)
    packed = (rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]).view(np.float32)
    columns = np.column_stack([points.astype(np.float32), packed])
    return conversions.points_to_msg(columns, ("x", "y", "z", "rgb"), header)


def _rgba(color: Iterable[float], opacity: float = 1.0) -> ColorRGBA:
    red, green, blue = (float(part) / 255.0 for part in color)
    return ColorRGBA(r=red, g=green, b=blue, a=opacity)


def _marker(header: Header, name: str, number: int, kind: int, color: Color, size: float) -> Marker:
    marker = Marker(header=header, ns=name, id=number, type=kind, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    marker.scale = Vector3(x=size, y=size, z=size)
    marker.color = _rgba(color)
    return marker


def _words(header: Header, text: str, place: FloatArray) -> Marker:
    marker = _marker(header, "words", 0, Marker.TEXT_VIEW_FACING, WHITE, 0.03)
    marker.pose.position = conversions.point_to_msg(place)
    # An empty text is an error to RViz.
    marker.text = text or " "
    return marker


def _path(header: Header, name: str, points: FloatArray) -> Marker:
    """A way (T, 3) whose colour tells the time."""
    marker = _marker(header, name, 0, Marker.LINE_STRIP, WHITE, 0.004)
    marker.points = [conversions.point_to_msg(point) for point in points]
    marker.colors = [_rgba(color) for color in time_colors(len(points))]
    return marker


def _ghost(header: Header, motion: HandMotion, phase: Phase, frame: int) -> list[Marker]:
    """The hand in one frame, see-through, of the primitives and meshes of its description."""
    hand = load_hand(motion.hand)
    poses = hand.link_poses(motion.joints[frame])
    T_world_wrist = motion.T_world_wrist[frame]
    markers: list[Marker] = []
    for link, shape in hand.urdf.shapes:
        for kind, size, T_shape_part in _parts(shape):
            name = f"hand at the end of {phase.name.lower()}"
            part = _marker(header, name, len(markers), kind, GRASP, 1.0)
            part.color.a = GHOST
            part.scale = conversions.vector_to_msg(size)
            T = T_world_wrist @ poses[link] @ shape.T_link_shape @ T_shape_part
            part.pose = conversions.pose_to_msg(T)
            if kind == Marker.MESH_RESOURCE:
                folder = hand.urdf.path.parent if hand.urdf.path else Path()
                part.mesh_resource = f"file://{resolve_path(shape.filename, folder)}"
            markers.append(part)
    return markers


def _parts(shape: Primitive) -> list[tuple[int, FloatArray, FloatArray]]:
    """Type of marker, scale (3,) and T_shape_part (4, 4) of what a shape is drawn with."""
    size, here = np.asarray(shape.size, float), np.eye(4)
    if shape.kind == "mesh":
        return [(Marker.MESH_RESOURCE, size, here)]
    if shape.kind == "box":
        return [(Marker.CUBE, size, here)]
    ball = np.full(3, 2 * size[0])
    if shape.kind == "sphere":
        return [(Marker.SPHERE, ball, here)]
    tube = (Marker.CYLINDER, np.array([2 * size[0], 2 * size[0], size[1]]), here)
    if shape.kind == "cylinder":
        return [tube]
    ends = [make_transform(np.eye(3), [0.0, 0.0, side * size[1] / 2]) for side in (-1, 1)]
    return [tube, *((Marker.SPHERE, ball, end) for end in ends)]
