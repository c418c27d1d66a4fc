"""Carry out a plan in the simulator, through the safety gate, recording what is sensed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unihm.control.arm import Arm
from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan, hand_limits
from unihm.control.safety import SafetyConfig, SafetyGate
from unihm.hands import Hand
from unihm.sim.world import World
from unihm.types import FloatArray


@dataclass(frozen=True)
class SensedRun:
    """What the joints' drivers reported while a plan ran; N samples, arm joints then the hand's.

    Attributes:
        commanded: (N, 7 + J) set-points as sent.
        position: (N, 7 + J) rad or m.
        effort: (N, 7 + J) N m or N.
    """

    commanded: FloatArray
    position: FloatArray
    effort: FloatArray


class Player:
    """Sends set-points to the arm and hand of a simulated world at the control rate."""

    def __init__(self, world: World, arm: Arm, hand: Hand, config: ControlConfig) -> None:
        self.world, self.arm, self.hand, self.config = world, arm, hand, config
        self._steps = max(1, round(world.rate / config.rate))
        state = world.joint_state()
        arm_now, hand_now = np.split(state.position, [len(arm)])
        self._arm_gate = SafetyGate(arm.limits, config.rate, arm_now, config.safety)
        # A finger that holds something is far from its set-point, which is how it presses.
        yielding = SafetyConfig(tracking_error=np.inf)
        self._hand_gate = SafetyGate(hand_limits(hand), config.rate, hand_now, yielding)

    @property
    def setpoint(self) -> tuple[FloatArray, FloatArray]:
        """(7,) and (J,): what was sent last."""
        return self._arm_gate.position.copy(), self._hand_gate.position.copy()

    def play(self, plan: ExecutionPlan) -> SensedRun:
        """Run the whole plan; raises SAFETY_STOP where the gate does."""
        commanded, position, effort = [], [], []
        for q_arm, q_hand in zip(plan.arm, plan.hand):
            state = self.world.joint_state()
            measured = np.split(state.position, [len(self.arm)])
            sent_arm = self._arm_gate.command(q_arm, measured[0])
            sent_hand = self._hand_gate.command(q_hand, measured[1])
            self.world.set_arm_targets(sent_arm)
            self.world.set_hand_targets(sent_hand)
            self.world.step(self._steps)
            commanded.append(np.concatenate([sent_arm, sent_hand]))
            position.append(state.position)
            effort.append(state.effort)
        return SensedRun(np.array(commanded), np.array(position), np.array(effort))

    def wait(self, seconds: float) -> None:
        """Hold the last set-point."""
        self.world.step(round(seconds * self.world.rate))
