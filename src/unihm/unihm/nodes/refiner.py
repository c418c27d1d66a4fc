"""HandMotion + ObjectCloud -> HandMotion, refined, with its report."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from geometry_msgs.msg import Vector3
from std_msgs.msg import ColorRGBA, Header
from unihm_msgs import msg
from visualization_msgs.msg import Marker, MarkerArray

from unihm import least_squares
from unihm.config import load_section
from unihm.refinement import RefinementConfig, RefinementReport, refine, warm_up
from unihm.refinement.measure import penetrations
from unihm.robots import load_hand
from unihm.ros.conversions import (
    cloud_from_msg,
    motion_from_msg,
    motion_to_msg,
    point_to_msg,
    report_to_msg,
)
from unihm.ros.qos import LATCHED, RELIABLE
from unihm.ros.stage import StageNode
from unihm.transforms import apply
from unihm.types import FloatArray, HandMotion, ObjectCloud, Phase

ARROW = 0.02  # m of a normal
GREEN, YELLOW, GREY, RED = (0.2, 0.8, 0.3), (1.0, 0.8, 0.1), (0.6, 0.6, 0.6), (0.9, 0.1, 0.1)


class RefinerNode(StageNode):
    """Moves the fingers onto the surface and out of it (equations 11 to 18)."""

    stage = "refiner"
    inputs: ClassVar = {
        "task": msg.Task,
        "hand_motion": msg.HandMotion,
        "object_cloud": msg.ObjectCloud,
    }
    output = ("refined_hand_motion", msg.HandMotion)

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._report = self.publisher(msg.RefinementReport, "refinement_report", RELIABLE)
        self._markers = self.publisher(MarkerArray, "refinement_markers", LATCHED)

    @classmethod
    def prepare(cls) -> None:
        least_squares.warm_up()

    def load(self) -> None:
        self.config = load_section(self.preset, "refinement", RefinementConfig)
        warm_up()

    def process(self, inputs: dict[str, Any]) -> msg.HandMotion:
        message, cloud = inputs["hand_motion"], cloud_from_msg(inputs["object_cloud"])
        decoded = motion_from_msg(message)
        motion, report = refine(decoded, cloud, self.config)
        header, task_id = message.header, message.task_id
        told = report_to_msg(report, header, task_id)
        self._report.publish(told)
        self._markers.publish(draw(decoded, motion, cloud, report, message.trajectory.header))
        return motion_to_msg(motion, message.joint_names, header, task_id, told)


def draw(
    decoded: HandMotion,
    motion: HandMotion,
    cloud: ObjectCloud,
    report: RefinementReport,
    header: Header,
) -> MarkerArray:
    """The contacts, their normals, and where the hand was and is inside the object, at first touch.

    Points are in the frame of ``header``, the trajectory's.
    """
    hand, phase = load_hand(motion.hand), motion.trajectory.phase
    frame = int(np.argmax(phase >= Phase.HOLD)) if (phase >= Phase.HOLD).any() else len(motion) - 1
    T = motion.trajectory.T_world_object[frame]
    empty = np.zeros((0, 3))
    contacts, normals = empty, empty
    if report.grasp is not None:
        contacts, normals = report.grasp.points, report.grasp.normals
    arrows = np.stack([contacts, contacts + ARROW * normals], axis=1).reshape(-1, 3)
    before, after = (penetrations(m, cloud, hand, frame)[0] for m in (decoded, motion))
    return MarkerArray(
        markers=[
            _marker(header, "contacts", Marker.SPHERE_LIST, 0.006, GREEN, apply(T, contacts)),
            _marker(header, "normals", Marker.LINE_LIST, 0.002, YELLOW, apply(T, arrows)),
            _marker(header, "inside before", Marker.SPHERE_LIST, 0.004, GREY, apply(T, before)),
            _marker(header, "inside", Marker.SPHERE_LIST, 0.005, RED, apply(T, after)),
        ]
    )


def _marker(
    header: Header,
    name: str,
    kind: int,
    size: float,
    color: tuple[float, float, float],
    points: FloatArray,
) -> Marker:
    """A list of points or lines; an empty one takes the last task's away."""
    marker = Marker(header=header, ns=name, type=kind, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    marker.scale = Vector3(x=size, y=size, z=size)
    marker.color = ColorRGBA(r=color[0], g=color[1], b=color[2], a=1.0)
    marker.points = [point_to_msg(point) for point in points]
    if len(points) == 0:
        marker.action = Marker.DELETE
    return marker
