"""Every plan of the arm controller: what a task asks for, the way home, and where it begins."""

from __future__ import annotations

import numpy as np

from unihm.control.config import ControlConfig, SafetyConfig
from unihm.control.execution import ExecutionPlan, begin_at, plan_execution, plan_move
from unihm.control.safety import SafetyGate, warm_up
from unihm.control.transit import PathPlanner, TransitPlanner
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language.manner import Manner
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.robots.collision import Clearance, CollisionModel
from unihm.types import FloatArray, HandMotion, ObjectCloud

CLOSE = 0.05  # rad between two places of a joint below which they are the same
_LOOKS = 10.0  # a second, at which a plan is looked at for collisions
_ROUNDING = 1e-3  # m
_OPEN = 0.15  # share of a joint's range off the open hand within which it holds nothing

Posture = tuple[FloatArray, FloatArray]  # (n,) of the arm, (J,) of the hand


class MotionPlanner:
    """Plans for one arm with one hand.

    Args:
        arm: that carries the hand.
        hand: that is mounted.
        config: timings, margins and bounds.
        paths: finds the arm's ways; None: a :class:`TransitPlanner`.
    """

    def __init__(
        self, arm: Arm, hand: Hand, config: ControlConfig, paths: PathPlanner | None = None
    ) -> None:
        self.arm, self.hand, self.config = arm, hand, config
        self._paths = paths or TransitPlanner(arm, hand, config)
        self._collisions = CollisionModel(arm, hand)

    def warm_up(self) -> None:
        """Compile what is compiled at its first use, before anybody waits for it."""
        here = self.arm.home, self.hand.open_joints
        aside = self.arm.home + 0.1, self.hand.open_joints
        T_world_wrist = self.arm.forward(self.arm.home) @ self.hand.T_flange_wrist
        self.arm.solve_path(T_world_wrist[None], self.hand, self.arm.home)
        plan_move(self.arm, self.hand, *here, *aside, self.config)
        warm_up(self.arm.limits)

    def carry_out(
        self,
        motion: HandMotion,
        here: Posture,
        cloud: ObjectCloud | None,
        manner: Manner | None = None,
    ) -> ExecutionPlan:
        """The motion of a task; see :func:`plan_execution`."""
        return plan_execution(
            motion, self.hand, self.arm, *here, self.config, cloud, manner, self._paths
        )

    def way_home(self, here: Posture, things: FloatArray | None = None) -> ExecutionPlan | None:
        """Open the hand, then go home past ``things`` (N, 3); None where both are there.

        Raises:
            UnihmError: UNREACHABLE where there is no way past them.
        """
        goal = self.arm.home, self.hand.open_joints
        if are_close(here, goal):
            return None
        return plan_move(
            self.arm, self.hand, *here, *goal, self.config, things=things, paths=self._paths
        )

    def is_open(self, q_hand: FloatArray) -> bool:
        """Whether the hand (J,) is so open that it cannot hold anything."""
        away = np.abs(q_hand - self.hand.open_joints)
        return bool((away <= _OPEN * (self.hand.upper - self.hand.lower)).all())

    def begin(self, plan: ExecutionPlan, here: Posture) -> ExecutionPlan:
        """The plan from where the robot rests, after the gate, which looks at where it takes it.

        Raises:
            UnihmError: SAFETY_STOP, before anything has moved.
        """
        plan = begin_at(plan, self.arm, self.hand, *here, self.config)
        self._check_collisions(plan)
        gate = SafetyGate(self.arm.limits, self.config.rate, plan.arm[0], self.config.safety)
        T_flange_wrist = self.hand.T_flange_wrist
        arm = [
            gate.command(q, wrist_position=(self.arm.forward(q) @ T_flange_wrist)[:3, 3])
            for q in plan.arm
        ]
        return ExecutionPlan(plan.times, np.array(arm), plan.hand, plan.phase, plan.squeeze)

    def _check_collisions(self, plan: ExecutionPlan) -> None:
        step = max(1, round(self.config.rate / _LOOKS))
        samples = [*range(0, len(plan), step), len(plan) - 1]
        clearance = self._collisions.clearance(plan.arm[samples], plan.hand[samples])
        check_clearance(clearance, self.config.safety)


def check_clearance(clearance: Clearance, safety: SafetyConfig) -> None:
    """Whether arm and hand keep away from the table and from each other along a motion.

    What touches already where it begins may stay as near as it is, so that a robot that was stopped
    there can leave.

    Raises:
        UnihmError: SAFETY_STOP with what would touch.
    """
    links = " and ".join(clearance.links)
    for distance, least, what in (
        (clearance.table_arm, 0.0, "The arm would go {:.0f} mm into the table."),
        (
            clearance.table_hand,
            -safety.table_depth,
            "The hand would go {:.0f} mm into the table.",
        ),
        (clearance.itself, 0.0, f"{links} would be {{:.0f}} mm inside each other."),
    ):
        if distance.min() < min(least, distance[0]) - _ROUNDING:
            raise UnihmError(ErrorCode.SAFETY_STOP, what.format(-1e3 * distance.min()))


def are_close(one: Posture, other: Posture) -> bool:
    """Whether every joint of arm and hand is within :data:`CLOSE` of the other place."""
    return all(np.abs(a - b).max() < CLOSE for a, b in zip(one, other))
