"""The last gate before the drivers: every command passes here, is limited, or stops the robot."""

from __future__ import annotations

import copy

import numpy as np

from unihm.control.config import SafetyConfig
from unihm.control.limiter import Limiter
from unihm.control.timing import TimedPath
from unihm.errors import ErrorCode, UnihmError
from unihm.robots.limits import JointLimits
from unihm.types import FloatArray


class SafetyGate:
    """What is sent to n joints: every set-point passes here, is made legal, or stops the robot.

    The invariant, for every sequence of calls: what is returned is finite; it lies within the
    position limits; its first, second and third differences, divided by the period, are within the
    limits of velocity, acceleration and jerk; and from every set-point :meth:`stop` leads to rest
    within all of them (:mod:`unihm.control.limiter`). A wanted set-point that keeps this passes
    unchanged; another one is approached as fast as may be. What no limiting can mend raises
    SAFETY_STOP, and then :meth:`stop` is the way to rest.

    Args:
        limits: of the joints, in rad (m for sliding joints) and seconds.
        rate: set-points per second.
        start: (n,) set-point at rest that the robot holds now. Of one outside the position limits,
            the invariant is that no joint goes further out.
        config: bounds.

    Raises:
        UnihmError: SAFETY_STOP for a start that is not finite, or INVALID_CONFIG for limits that
            allow no motion.
    """

    def __init__(
        self,
        limits: JointLimits,
        rate: float,
        start: FloatArray,
        config: SafetyConfig | None = None,
    ) -> None:
        derivatives = np.array([limits.velocity, limits.acceleration, limits.jerk])
        if not (np.isfinite(derivatives).all() and (derivatives > 0).all() and 0 < rate < np.inf):
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                "Velocity, acceleration and jerk limits and the rate must be positive numbers.",
            )
        self.limits = limits
        self.rate = rate
        self.config = config or SafetyConfig()
        self._limiter = Limiter(limits, rate, self._vector("start", start))

    def __copy__(self) -> SafetyGate:
        """A gate at the same set-point, to try out what would come of commands."""
        other = object.__new__(SafetyGate)
        other.__dict__.update(self.__dict__)
        other._limiter = copy.copy(self._limiter)
        return other

    @property
    def position(self) -> FloatArray:
        """(n,) the last set-point."""
        return self._limiter.position.copy()

    def command(
        self,
        wanted: FloatArray,
        measured: FloatArray | None = None,
        age: float = 0.0,
        wrist_position: FloatArray | None = None,
    ) -> FloatArray:
        """Check one command and return (n,) what may be sent in its place.

        Args:
            wanted: (n,) joint positions.
            measured: (n,) where the joints are, for the tracking error.
            age: s since ``measured`` was taken.
            wrist_position: (3,) m, world: where ``wanted`` takes the wrist.

        Raises:
            UnihmError: SAFETY_STOP; nothing has changed then.
        """
        wanted = self._vector("command", wanted)
        self.check(measured, age)
        if wrist_position is not None:
            self.config.check_workspace(wrist_position)
        return self._limiter.step(wanted)

    def check(self, measured: FloatArray | None, age: float) -> None:
        """Whether the joints are where the last set-point told them to be.

        Args:
            measured: (n,) where the joints were ``age`` seconds ago; None: only the age counts.
            age: s.

        Raises:
            UnihmError: SAFETY_STOP; nothing has changed then.
        """
        if not 0.0 <= age <= self.config.stale_after:
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"The last joint state is {age:.1f} s old, where 0 to "
                f"{self.config.stale_after:.1f} s are believed; stopping.",
            )
        if measured is not None:
            self._check_tracking(self._vector("measured position", measured))

    def stop(self) -> TimedPath:
        """The quickest way to rest from the last set-point, its first sample; the gate then rests.

        Every joint takes its own shortest way.
        """
        velocity, acceleration = self._limiter.velocity.copy(), self._limiter.acceleration.copy()
        positions = self._limiter.stop()
        velocities = np.diff(positions, axis=0) * self.rate
        velocities = np.concatenate([velocity[None], velocities])
        accelerations = np.diff(velocities, axis=0) * self.rate
        return TimedPath(
            np.arange(len(positions)) / self.rate,
            positions,
            velocities,
            np.concatenate([acceleration[None], accelerations]),
        )

    def _vector(self, what: str, values: FloatArray) -> FloatArray:
        vector = np.asarray(values, float)
        if vector.shape != self.limits.lower.shape or not np.isfinite(vector).all():
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"A {what} must be {len(self.limits.lower)} finite numbers; its shape is "
                f"{vector.shape}.",
            )
        return vector

    def _check_tracking(self, measured: FloatArray) -> None:
        error = np.abs(measured - self._limiter.position)
        if error.max() > self.config.tracking_error:
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"Joint {int(error.argmax())} is {error.max():.2f} rad from where it was sent.",
            )


def warm_up(limits: JointLimits) -> None:
    """Compile the gate, or read what this machine compiled before, while nobody waits for it."""
    gate = SafetyGate(limits, 100.0, 0.5 * (limits.lower + limits.upper))
    gate.command(gate.position)
    gate.stop()
