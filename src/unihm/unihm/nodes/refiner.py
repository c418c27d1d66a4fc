"""HandMotion + ObjectCloud -> HandMotion, refined, with its report."""

from __future__ import annotations

from typing import Any, ClassVar

from unihm_msgs import msg

from unihm.config import load_section
from unihm.nodes.conversions import cloud_from_msg, motion_from_msg, motion_to_msg, report_to_msg
from unihm.nodes.stage import StageNode
from unihm.refinement import RefinementConfig, refine


class RefinerNode(StageNode):
    """Moves the fingers onto the surface and out of it (equations 11 to 18)."""

    stage = "refiner"
    inputs: ClassVar = {
        "task": msg.Task,
        "hand_motion": msg.HandMotion,
        "object_cloud": msg.ObjectCloud,
    }
    output = ("refined_hand_motion", msg.HandMotion)

    def load(self) -> None:
        self.config = load_section(self.preset, "refinement", RefinementConfig)

    def process(self, inputs: dict[str, Any]) -> msg.HandMotion:
        decoded = inputs["hand_motion"]
        motion, report = refine(
            motion_from_msg(decoded), cloud_from_msg(inputs["object_cloud"]), self.config
        )
        header, task_id = decoded.header, decoded.task_id
        return motion_to_msg(
            motion, decoded.joint_names, header, task_id, report_to_msg(report, header, task_id)
        )
