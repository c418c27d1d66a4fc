"""HandTokens + ObjectTrajectory -> HandMotion of the task's hand."""

from __future__ import annotations

from typing import Any, ClassVar

from std_msgs.msg import Header
from unihm_msgs import msg

from unihm.robots import load_hand
from unihm.ros.conversions import motion_to_msg, tokens_from_msg, trajectory_from_msg
from unihm.ros.frames import OBJECT_FRAME
from unihm.ros.stage import StageNode
from unihm.tokenizer import Tokenizer


class DecoderNode(StageNode):
    """Reads tokens with the decoder of one hand (equation 3)."""

    stage = "decoder"
    inputs: ClassVar = {
        "task": msg.Task,
        "object_trajectory": msg.ObjectTrajectory,
        "hand_tokens": msg.HandTokens,
    }
    output = ("hand_motion", msg.HandMotion)

    def load(self) -> None:
        self.tokenizer = Tokenizer.load(self.preset)

    def process(self, inputs: dict[str, Any]) -> msg.HandMotion:
        task, trajectory = inputs["task"], inputs["object_trajectory"]
        motion = self.tokenizer.decode(
            tokens_from_msg(inputs["hand_tokens"]), task.hand, trajectory_from_msg(trajectory)
        )
        header = Header(stamp=trajectory.header.stamp, frame_id=OBJECT_FRAME)
        return motion_to_msg(motion, load_hand(task.hand).joint_names, header, task.task_id)
