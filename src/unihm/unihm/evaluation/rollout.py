"""Carry out a plan in the simulator, through the safety gate, as the drivers would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan, hand_limits
from unihm.control.safety import SafetyGate
from unihm.control.verification import JointSample
from unihm.errors import UnihmError
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.sim.world import World
from unihm.types import FloatArray


class Player:
    """Sends set-points to the arm and hand of a simulated world at the control rate.

    Args:
        world: with a robot.
        arm, hand: that the world's robot is made of.
        config: rate and safety bounds.
        on_sample: called after every control period, e.g. to film.

    Attributes:
        at: sample of the last plan that was sent last.
        steps: of the world in a control period.
    """

    def __init__(
        self,
        world: World,
        arm: Arm,
        hand: Hand,
        config: ControlConfig,
        on_sample: Callable[[], None] | None = None,
    ) -> None:
        self.world, self.arm, self.hand = world, arm, hand
        self.on_sample = on_sample or (lambda: None)
        self.at = 0
        self._rate = config.rate
        self.steps = max(1, round(world.rate / config.rate))
        q_arm, q_hand = self._measured()
        self._arm_gate = SafetyGate(arm.limits, config.rate, q_arm, config.safety)
        # A finger that holds something is far from its set-point: that is how it presses.
        yielding = replace(config.safety, tracking_error=np.inf)
        self._hand_gate = SafetyGate(hand_limits(hand), config.rate, q_hand, yielding)

    @property
    def setpoint(self) -> tuple[FloatArray, FloatArray]:
        """(7,) and (J,): what was sent last."""
        return self._arm_gate.position.copy(), self._hand_gate.position.copy()

    def sample(self) -> JointSample:
        """What the joints report now, and what the hand was sent."""
        state = self.world.joint_state()
        n = len(self.arm)
        return JointSample(
            state.position[:n], state.effort[:n], state.position[n:], self._hand_gate.position
        )

    def play(self, plan: ExecutionPlan) -> None:
        """Run the whole plan.

        Raises:
            UnihmError: SAFETY_STOP from the gate, or what ``on_sample`` raises; the robot has then
                been brought to rest.
        """
        try:
            for self.at, (q_arm, q_hand) in enumerate(zip(plan.arm, plan.hand)):
                at_arm, at_hand = self._measured()
                position = (self.arm.forward(q_arm) @ self.hand.T_flange_wrist)[:3, 3]
                self._send(
                    self._arm_gate.command(q_arm, at_arm, wrist_position=position),
                    self._hand_gate.command(q_hand, at_hand),
                )
        except UnihmError:
            for q_arm in self._arm_gate.stop().positions:
                self._send(q_arm, self._hand_gate.position)
            raise

    def wait(self, seconds: float) -> None:
        """Hold the last set-points."""
        for _ in range(round(seconds * self._rate)):
            self._send(*self.setpoint)

    def _measured(self) -> tuple[FloatArray, FloatArray]:
        position = self.world.joint_state().position
        return position[: len(self.arm)], position[len(self.arm) :]

    def _send(self, q_arm: FloatArray, q_hand: FloatArray) -> None:
        self.world.set_arm_targets(q_arm)
        self.world.set_hand_targets(q_hand)
        self.world.step(self.steps)
        self.on_sample()
