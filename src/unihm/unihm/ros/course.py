"""What a joint trajectory controller makes of the trajectories that it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from trajectory_msgs.msg import JointTrajectory

from unihm.ros.conversions import time_to_seconds
from unihm.types import FloatArray


@dataclass(frozen=True)
class Course:
    """A trajectory that a driver follows, as joint_trajectory_controller interpolates it.

    Between two points that both have velocities the positions are cubic,
    ``q = q0 + v0 T s + (3 d - (2 v0 + v1) T) s^2 + ((v0 + v1) T - 2 d) s^3`` with ``d = q1 - q0``,
    ``T`` the time between them and ``s`` from 0 to 1; otherwise they are linear.

    Attributes:
        times: (N,) s by the driver's clock, not decreasing.
        positions: (N, n) rad, m where sliding.
        velocities: (N, n) per second; NaN where a point has none.
    """

    times: FloatArray
    positions: FloatArray
    velocities: FloatArray

    @classmethod
    def resting(cls, positions: FloatArray) -> Course:
        """Stays at ``positions`` (n,)."""
        rest = np.asarray(positions, float)[None]
        return cls(np.zeros(1), rest, np.zeros_like(rest))

    def at(self, now: float) -> FloatArray:
        """Positions (n,), held at both ends."""
        return self.state(now)[0]

    def state(self, now: float) -> tuple[FloatArray, FloatArray]:
        """Positions and velocities (n,), at rest before and after."""
        after = int(np.searchsorted(self.times, now, side="right"))
        if after in (0, len(self.times)):
            end = self.positions[min(after, len(self.times) - 1)]
            return end.copy(), np.zeros_like(end)
        (q0, q1), (v0, v1) = (
            rows[after - 1 : after + 1] for rows in (self.positions, self.velocities)
        )
        T = self.times[after] - self.times[after - 1]
        s = (now - self.times[after - 1]) / T
        d = q1 - q0
        if not np.isfinite([v0, v1]).all():
            return q0 + s * d, d / T
        b, c = 3 * d - (2 * v0 + v1) * T, (v0 + v1) * T - 2 * d
        return q0 + s * (v0 * T + s * (b + s * c)), v0 + (2 * s * b + 3 * s**2 * c) / T


def course_from_msg(
    message: JointTrajectory, names: Sequence[str], before: Course, now: float
) -> Course:
    """What follows ``before`` when a trajectory comes: from the state of now to its first point.

    A stamp of zero is now. Joints that the trajectory leaves out stay where they are. Points that
    are due already are skipped, however far they are.

    Raises:
        ValueError: for a joint that is not one of ``names``, no points, points of another length
            or out of order, or values that are not finite.
    """
    columns = [list(names).index(name) for name in message.joint_names]
    if not message.points or not columns:
        raise ValueError("the trajectory is empty")
    start = time_to_seconds(message.header.stamp) or now
    here, velocity = before.state(now)
    count = len(message.points)
    times = np.array([start + time_to_seconds(p.time_from_start) for p in message.points])
    if (np.diff(times) <= 0).any():
        raise ValueError("its points are not in the order of time")
    positions = np.tile(here, (count, 1))
    positions[:, columns] = [np.asarray(point.positions, float) for point in message.points]
    velocities = np.full_like(positions, np.nan)
    if all(len(point.velocities) == len(columns) for point in message.points):
        velocities[:] = 0.0
        velocities[:, columns] = [np.asarray(p.velocities, float) for p in message.points]
        if not np.isfinite(velocities).all():
            raise ValueError("a velocity is not finite")
    if not np.isfinite(positions).all():
        raise ValueError("a position is not finite")
    late = max(0, int(np.searchsorted(times, now, side="right")) - 1)
    if late or times[0] <= now:
        return Course(times[late:], positions[late:], velocities[late:])
    return Course(
        np.concatenate([[now], times]),
        np.concatenate([here[None], positions]),
        np.concatenate([velocity[None], velocities]),
    )
