"""Task + ObjectTrajectory + ObjectCloud + joint states -> HandTokens."""

from __future__ import annotations

from typing import Any, ClassVar

from std_msgs.msg import Header
from unihm_msgs import msg

from unihm import least_squares
from unihm.generator import Generator
from unihm.grasps import GraspChooser
from unihm.perception.language import sentence_encoder
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros.conversions import (
    cloud_from_msg,
    task_from_msg,
    time_to_seconds,
    tokens_to_msg,
    trajectory_from_msg,
)
from unihm.ros.joints import JointStates
from unihm.ros.stage import StageNode
from unihm.types import HandMotion


class GeneratorNode(StageNode):
    """Writes the hand's motion as tokens of the shared codebook (equation 9).

    It is the best of several that the arm can carry out from where it was in the image; a further
    attempt takes another.
    """

    stage = "generator"
    inputs: ClassVar = {
        "task": msg.Task,
        "object_trajectory": msg.ObjectTrajectory,
        "object_cloud": msg.ObjectCloud,
    }
    output = ("hand_tokens", msg.HandTokens)

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.joint_states = JointStates(self)

    @classmethod
    def prepare(cls) -> None:
        least_squares.warm_up()
        sentence_encoder.model()

    def load(self) -> None:
        self.arm = Arm(self.arm_name)
        self.chooser = GraspChooser.load(self.preset, Generator.load(self.preset), self.arm)
        self.chooser.warm_up()
        self._tried: list[HandMotion] = []

    def process(self, inputs: dict[str, Any]) -> msg.HandTokens:
        task = task_from_msg(inputs["task"])
        hand = load_hand(task.hand)
        stamp = inputs["object_trajectory"].header.stamp
        seen = time_to_seconds(stamp)
        joints = self.joint_states.read_at(hand.joint_names, seen)
        q_arm = self.joint_states.read_at(self.arm.joint_names, seen)
        if inputs["task"].attempt <= 1:
            self._tried = []
        chosen = self.chooser.choose(
            task,
            trajectory_from_msg(inputs["object_trajectory"]),
            cloud_from_msg(inputs["object_cloud"]),
            joints,
            self.arm.forward(q_arm) @ hand.T_flange_wrist,
            q_arm,
            self._tried,
        )
        self._tried.append(chosen.motion)
        header = Header(stamp=stamp, frame_id=self.world_frame)
        return tokens_to_msg(chosen.tokens, header, task.task_id)
