"""Jerk-limited timing of joint paths: rest to rest along a path, or from any state to a goal.

Paths that must be followed exactly (the motion of arm and hand near the object) are interpolated
by a quintic spline and stretched in time until every limit holds; point-to-point moves from any
state are solved exactly by Ruckig (Berscheid and Kroeger, 2021). How to stop: ``limiter.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ruckig
from scipy.interpolate import make_interp_spline

from unihm.errors import ErrorCode, UnihmError
from unihm.robots.limits import JointLimits
from unihm.types import FloatArray


@dataclass(frozen=True)
class TimedPath:
    """A path sampled at a fixed rate: times (N,) from 0, the others (N, n)."""

    times: FloatArray
    positions: FloatArray
    velocities: FloatArray
    accelerations: FloatArray

    def __len__(self) -> int:
        return len(self.times)

    @property
    def duration(self) -> float:
        """Seconds from the first sample to the last."""
        return float(self.times[-1])


def follow(
    waypoints: FloatArray, seconds: FloatArray, limits: JointLimits, rate: float
) -> TimedPath:
    """Pass through all waypoints, from rest to rest, no faster than asked for and allowed.

    Args:
        waypoints: (K, n) with K >= 2.
        seconds: (K,) increasing: when each waypoint is wanted. The whole path is slowed down
            uniformly where a limit would be exceeded, and never sped up.
        limits: of the n joints. Positions are clipped; a spline may overshoot by a little.
        rate: samples per second.

    Returns:
        Samples from the first waypoint to the last; velocity and acceleration are zero at both.
    """
    waypoints = np.asarray(waypoints, float)
    seconds = np.asarray(seconds, float) - seconds[0]
    rest = [(1, np.zeros(waypoints.shape[1])), (2, np.zeros(waypoints.shape[1]))]
    spline = make_interp_spline(seconds, waypoints, k=5, bc_type=(rest, rest))
    dense = np.linspace(0.0, seconds[-1], 16 * len(seconds) + 1)
    stretch = 1.0
    for order, limit in ((1, limits.velocity), (2, limits.acceleration), (3, limits.jerk)):
        worst = (np.abs(spline(dense, order)) / limit).max()
        stretch = max(stretch, float(worst) ** (1.0 / order))
    steps = max(2, int(np.ceil(seconds[-1] * stretch * rate)))
    duration = steps / rate  # whole sample periods: the last sample is the last waypoint
    times = np.arange(steps + 1) / rate
    at, scale = times * (seconds[-1] / duration), seconds[-1] / duration
    return TimedPath(
        times,
        np.clip(spline(at), limits.lower, limits.upper),
        spline(at, 1) * scale,
        spline(at, 2) * scale**2,
    )


def move(
    start: FloatArray,
    goal: FloatArray,
    limits: JointLimits,
    rate: float,
    velocity: FloatArray | None = None,
    acceleration: FloatArray | None = None,
) -> TimedPath:
    """Fastest jerk-limited move from any state to rest at ``goal`` (n,), all joints in step.

    From rest the joints keep their ratios: the path is a straight line in joint space.

    Raises:
        UnihmError: INVALID_MOTION where no move exists, e.g. a goal outside the limits.
    """
    problem = _problem(start, velocity, acceleration, limits)
    problem.target_position = list(np.asarray(goal, float))
    problem.target_velocity = [0.0] * len(goal)
    problem.target_acceleration = [0.0] * len(goal)
    problem.synchronization = ruckig.Synchronization.Phase
    outside = (goal < limits.lower - 1e-6) | (goal > limits.upper + 1e-6)
    if outside.any():
        raise UnihmError(
            ErrorCode.INVALID_MOTION,
            f"Joint {int(np.argmax(outside))} is asked to go beyond its limits.",
        )
    return _sample(problem, rate)


def _problem(
    position: FloatArray,
    velocity: FloatArray | None,
    acceleration: FloatArray | None,
    limits: JointLimits,
) -> ruckig.InputParameter:
    zeros = np.zeros(len(position))
    problem = ruckig.InputParameter(len(position))
    problem.current_position = list(np.asarray(position, float))
    problem.current_velocity = list(zeros if velocity is None else velocity)
    problem.current_acceleration = list(zeros if acceleration is None else acceleration)
    problem.max_velocity = list(limits.velocity)
    problem.max_acceleration = list(limits.acceleration)
    problem.max_jerk = list(limits.jerk)
    return problem


def _sample(problem: ruckig.InputParameter, rate: float) -> TimedPath:
    dofs = problem.degrees_of_freedom
    trajectory = ruckig.Trajectory(dofs)
    result = ruckig.Ruckig(dofs).calculate(problem, trajectory)
    if result not in (ruckig.Result.Working, ruckig.Result.Finished):
        raise UnihmError(ErrorCode.INVALID_MOTION, f"No move exists from here: {result}.")
    times = np.arange(int(np.ceil(trajectory.duration * rate)) + 1) / rate
    states = [trajectory.at_time(min(t, trajectory.duration)) for t in times]
    position, velocity, acceleration = (np.array(values, float) for values in zip(*states))
    return TimedPath(times, position, velocity, acceleration)
