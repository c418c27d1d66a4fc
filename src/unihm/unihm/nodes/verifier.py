"""The plan that was carried out + images before and after + joint states -> Verdict."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np
from unihm_msgs import msg

from unihm.control.execution import ExecutionPlan
from unihm.control.verification import JointSample, VerificationConfig, verify
from unihm.errors import UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros import conversions
from unihm.ros.joints import ExternalTorques, JointStates
from unihm.ros.stage import StageNode
from unihm.types import FloatArray, Phase

SAMPLES = 5  # joint states that are averaged
PERIOD = 0.02  # s between them


class VerifierNode(StageNode):
    """Judges whether a task was done, from joints and images, never from the simulator.

    The capture node takes the second image when the arm has come to rest; that completes the
    inputs.
    """

    stage = "verifier"
    inputs: ClassVar = {
        "task": msg.Task,
        "observation": msg.RgbdObservation,
        "object_trajectory": msg.ObjectTrajectory,
        "object_cloud": msg.ObjectCloud,
        "execution_plan": msg.ExecutionPlan,
        "verification": msg.RgbdObservation,
    }
    output = ("verdict", msg.Verdict)

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.joint_states = JointStates(self)
        torques = self.declare(
            "external_torques",
            "",
            "Topic with sensor_msgs/JointState whose efforts are the arm's torques beyond its own "
            "weight; empty: those of the joint states are.",
        )
        self._torques = (
            ExternalTorques(self, torques, self.joint_states.timeout) if torques else None
        )
        self._empty: JointSample | None = None

    def load(self) -> None:
        self.arm = Arm(self.arm_name)
        self.config = VerificationConfig()

    def receive(self, topic: str, message: Any) -> None:
        if topic == "execution_plan":
            if message.stage != "arm":
                return
            self._remember_empty(message)
        super().receive(topic, message)

    def _remember_empty(self, message: msg.ExecutionPlan) -> None:
        """The joints before the motion, the hand touching nothing."""
        try:
            self._empty = self._sample(message, command=conversions.plan_from_msg(message).hand[0])
        except UnihmError as error:
            self._empty = None
            self.get_logger().warning(error.message)

    def process(self, inputs: dict[str, Any]) -> msg.Verdict:
        message = inputs["execution_plan"]
        plan = conversions.plan_from_msg(message)
        before = conversions.observation_from_msg(inputs["observation"])
        after = conversions.observation_from_msg(inputs["verification"])
        trajectory = conversions.trajectory_from_msg(inputs["object_trajectory"])
        cloud = conversions.cloud_from_msg(inputs["object_cloud"])
        held = plan.phase[-1] == Phase.HOLD
        verdict = verify(
            self.arm,
            load_hand(message.hand),
            plan,
            trajectory,
            cloud,
            self._empty,
            self._average(message, plan) if held else None,
            before,
            after,
            self.config,
        )
        result = msg.Verdict(
            header=self.header(),
            task_id=message.task_id,
            held=verdict.held,
            reason=verdict.reason,
            evidence=conversions.measurements(
                {name: (value, "") for name, value in verdict.evidence.items()}
            ),
        )
        if not verdict.held:
            self._output.publish(result)
            raise UnihmError(verdict.code, verdict.reason)
        return result

    def measure(self, message: msg.Verdict) -> list[msg.Measurement]:
        return list(message.evidence)

    def _average(self, message: msg.ExecutionPlan, plan: ExecutionPlan) -> JointSample:
        """The joints now that the arm is at rest."""
        samples = []
        for _ in range(SAMPLES):
            samples.append(self._sample(message, command=plan.hand[-1]))
            time.sleep(PERIOD)
        return JointSample(
            *(
                np.mean([getattr(sample, name) for sample in samples], axis=0)
                for name in ("arm", "arm_effort", "hand", "hand_command")
            )
        )

    def _sample(self, message: msg.ExecutionPlan, command: FloatArray) -> JointSample:
        arm = self.joint_states.read(message.arm_joint_names)
        hand = self.joint_states.read(message.hand_joint_names)
        efforts = arm.efforts
        if self._torques is not None:
            efforts = self._torques.read(message.arm_joint_names)
        return JointSample(arm.positions, efforts, hand.positions, command)
