"""The last gate before the drivers: every command passes here, is limited, or stops the robot."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import ruckig
from pydantic import Field

from unihm.config import Positive, settings
from unihm.control.timing import TimedPath, stop
from unihm.errors import ErrorCode, UnihmError
from unihm.robots.limits import JointLimits
from unihm.types import FloatArray

_ROUNDING = 1.02  # what a command may exceed a limit by before it is reshaped


@settings()
class SafetyConfig:
    """Bounds that end a motion, where limits only slow it down.

    Attributes:
        workspace_lower, workspace_upper: (3,) m, world: box that the wrist must stay in.
        tracking_error: rad between what was sent and what was measured; infinite allows any.
        stale_after: s without a command or a joint state.
    """

    workspace_lower: tuple[float, float, float] = (-0.3, -0.8, 0.0)
    workspace_upper: tuple[float, float, float] = (0.9, 0.8, 1.2)
    tracking_error: Annotated[float, Field(gt=0, allow_inf_nan=True)] = 0.35
    stale_after: Positive = 0.5

    def __post_init__(self) -> None:
        if not all(a < b for a, b in zip(self.workspace_lower, self.workspace_upper)):
            raise ValueError("workspace_lower must be less than workspace_upper along every axis")


class SafetyGate:
    """Limits position, velocity, acceleration and jerk of a stream of joint commands.

    A command inside the limits passes unchanged. One outside is approached as fast as the limits
    allow, so that what is sent is always smooth. What no limiting can mend raises SAFETY_STOP, and
    :meth:`stop` then gives the way to rest.

    Args:
        limits: of the n joints.
        rate: commands per second.
        start: (n,) set-point at rest that the robot holds now.
        config: bounds.
    """

    def __init__(
        self,
        limits: JointLimits,
        rate: float,
        start: FloatArray,
        config: SafetyConfig | None = None,
    ) -> None:
        self.limits = limits
        self.rate = rate
        self.config = config or SafetyConfig()
        self.reset(start)

    def reset(self, start: FloatArray) -> None:
        """Begin again at rest at ``start`` (n,)."""
        self.position = np.array(start, float)
        self.velocity = np.zeros_like(self.position)
        self.acceleration = np.zeros_like(self.position)

    def command(
        self,
        wanted: FloatArray,
        measured: FloatArray | None = None,
        age: float = 0.0,
        wrist_position: FloatArray | None = None,
    ) -> FloatArray:
        """Check one command and return what may be sent in its place.

        Args:
            wanted: (n,) joint positions.
            measured: (n,) where the joints are, for the tracking error.
            age: s since ``measured`` was taken.
            wrist_position: (3,) m, world: where ``wanted`` takes the wrist.

        Raises:
            UnihmError: SAFETY_STOP.
        """
        wanted = np.asarray(wanted, float)
        if wanted.shape != self.position.shape or not np.isfinite(wanted).all():
            raise UnihmError(ErrorCode.SAFETY_STOP, "A command was not finite or had a wrong size.")
        if age > self.config.stale_after:
            raise UnihmError(
                ErrorCode.SAFETY_STOP, f"The last joint state is {age:.1f} s old; stopping."
            )
        if wrist_position is not None:
            self._check_workspace(wrist_position)
        if measured is not None:
            self._check_tracking(measured)
        target = np.clip(wanted, self.limits.lower, self.limits.upper)
        velocity = (target - self.position) * self.rate
        acceleration = (velocity - self.velocity) * self.rate
        jerk = (acceleration - self.acceleration) * self.rate
        within = (
            (np.abs(velocity) <= _ROUNDING * self.limits.velocity)
            & (np.abs(acceleration) <= _ROUNDING * self.limits.acceleration)
            & (np.abs(jerk) <= _ROUNDING * self.limits.jerk)
        )
        if within.all():
            self.position, self.velocity, self.acceleration = target, velocity, acceleration
        else:
            self._approach(target)
        return self.position.copy()

    def stop(self) -> TimedPath:
        """The smoothest quick way to rest from the last command; the gate then stands there."""
        path = stop(self.position, self.velocity, self.acceleration, self.limits, self.rate)
        self.reset(path.positions[-1])
        return path

    def _approach(self, target: FloatArray) -> None:
        """One period of the fastest limited move from the last command to ``target``."""
        joints = len(target)
        problem = ruckig.InputParameter(joints)
        problem.current_position = list(self.position)
        problem.current_velocity = list(self.velocity)
        problem.current_acceleration = list(self.acceleration)
        problem.target_position = list(target)
        problem.target_velocity = [0.0] * joints
        problem.target_acceleration = [0.0] * joints
        problem.max_velocity = list(self.limits.velocity)
        problem.max_acceleration = list(self.limits.acceleration)
        problem.max_jerk = list(self.limits.jerk)
        problem.synchronization = ruckig.Synchronization.No  # type: ignore[attr-defined]
        output = ruckig.OutputParameter(joints)
        result = ruckig.Ruckig(joints, 1.0 / self.rate).update(problem, output)
        if result not in (ruckig.Result.Working, ruckig.Result.Finished):
            raise UnihmError(
                ErrorCode.SAFETY_STOP, f"No safe command leads on from here: {result}."
            )
        self.position = np.array(output.new_position)
        self.velocity = np.array(output.new_velocity)
        self.acceleration = np.array(output.new_acceleration)

    def _check_workspace(self, position: FloatArray) -> None:
        lower, upper = self.config.workspace_lower, self.config.workspace_upper
        if (np.asarray(position) < lower).any() or (np.asarray(position) > upper).any():
            x, y, z = position
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"The wrist would leave its workspace at x {x:.2f}, y {y:.2f}, z {z:.2f} m.",
            )

    def _check_tracking(self, measured: FloatArray) -> None:
        if not np.isfinite(measured).all():
            raise UnihmError(ErrorCode.SAFETY_STOP, "A measured joint position is not finite.")
        error = np.abs(measured - self.position)
        if error.max() > self.config.tracking_error:
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"Joint {int(error.argmax())} is {error.max():.2f} rad from where it was sent.",
            )
