"""Settings of the control stage."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from pydantic import Field

from unihm.config import NotNegative, Positive, settings
from unihm.errors import ErrorCode, UnihmError
from unihm.types import FloatArray


@settings()
class SafetyConfig:
    """Bounds that end a motion, where limits only slow it down.

    Attributes:
        workspace_lower, workspace_upper: (3,) m, world: box that the wrist must stay in.
        table_depth: m that a link of the hand may be told to go into the table at z = 0.
        tracking_error: rad between what was sent and what was measured; infinite allows any.
        stale_after: s without a command or a joint state.
    """

    workspace_lower: tuple[float, float, float] = (-0.3, -0.8, 0.0)
    workspace_upper: tuple[float, float, float] = (0.9, 0.8, 1.2)
    table_depth: NotNegative = 0.03
    tracking_error: Annotated[float, Field(gt=0, allow_inf_nan=True)] = 0.35
    stale_after: Positive = 0.5

    def __post_init__(self) -> None:
        if not all(a < b for a, b in zip(self.workspace_lower, self.workspace_upper)):
            raise ValueError("workspace_lower must be less than workspace_upper along every axis")

    def check_workspace(self, position: FloatArray) -> None:
        """Raises SAFETY_STOP for a wrist at a position (3,) m, world, outside the workspace."""
        x, y, z = position
        bounds = zip(self.workspace_lower, position, self.workspace_upper)
        if not all(low <= at <= high for low, at, high in bounds):
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"The wrist would leave its workspace at x {x:.2f}, y {y:.2f}, z {z:.2f} m.",
            )


@settings()
class ControlConfig:
    """How a motion is carried out; section ``control`` of a preset.

    Attributes:
        arm: name of a file in ``config/robots``.
        rate: set-points per second.
        speed: share of the arm's velocity, acceleration and jerk limits that is used.
        squeeze_depth: m that each contact is pressed in, as a position offset of the fingers. The
            force follows from the hand's stiffness: 22 mm gives several newtons per finger.
        squeeze_seconds: s over which the squeeze comes and goes.
        release_speed: share of a motion's speed at which the fingers let go: what they leave at
            their own speed rolls away or turns.
        aim_low: m that a grasp from above is shifted down. A hand that is too low yields on the
            table; one that is 5 mm too high loses a ball.
        touch_depth: m that a finger may be told to go into the table, on which it yields; a motion
            that would take it deeper is shifted up.
        push_gap: m at the most between the table and a hand that pushes.
        safe_height: m above the table that the lowest point of the hand travels at.
        safety: bounds that stop the robot.
    """

    arm: str = "fr3"
    rate: Positive = 100.0
    speed: Annotated[float, Field(gt=0, le=1)] = 0.5
    squeeze_depth: NotNegative = 0.022
    squeeze_seconds: Positive = 0.4
    release_speed: Annotated[float, Field(gt=0, le=1)] = 0.33
    aim_low: float = 0.006
    touch_depth: NotNegative = 0.012
    push_gap: NotNegative = 0.005
    safe_height: float = 0.22
    safety: SafetyConfig = field(default_factory=SafetyConfig)
