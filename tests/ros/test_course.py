"""A driver's interpolation between the points that it was sent."""

from __future__ import annotations

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
from unihm.ros.course import Course, course_from_msg

pytestmark = pytest.mark.ros
NAMES = ("a", "b")


def trajectory(*points: tuple[float, float, float], names: tuple[str, ...] = NAMES):
    """Points of time, and of position and velocity of both joints."""
    return JointTrajectory(
        joint_names=list(names),
        points=[
            JointTrajectoryPoint(
                positions=[q] * len(names),
                velocities=[v] * len(names),
                time_from_start=Duration(sec=int(t), nanosec=round(t % 1 * 1e9)),
            )
            for t, q, v in points
        ],
    )


def test_it_is_a_cubic_through_positions_and_velocities() -> None:
    cubic = np.polynomial.Polynomial([0.3, -0.2, 0.7, 0.1])
    slope = cubic.deriv()
    rest = Course(np.zeros(1), np.full((1, 2), cubic(0.0)), np.zeros((1, 2)))
    message = trajectory(*((t, cubic(t), slope(t)) for t in (1.0, 1.5, 2.0)))
    course = course_from_msg(message, NAMES, rest, now=10.0)
    for t in (1.0, 1.2, 1.7, 1.99):
        position, velocity = course.state(10.0 + t)
        np.testing.assert_allclose(position, cubic(t))
        np.testing.assert_allclose(velocity, slope(t))


def test_a_replacement_goes_on_from_the_motion_of_now() -> None:
    rest = Course.resting(np.zeros(2))
    first = course_from_msg(trajectory((1.0, 1.0, 1.0), (2.0, 2.0, 0.0)), NAMES, rest, now=5.0)
    second = course_from_msg(trajectory((1.0, 0.0, 0.0)), NAMES, first, now=6.2)
    for before, after in zip(first.state(6.2), second.state(6.2)):
        np.testing.assert_allclose(before, after)
    np.testing.assert_allclose(second.at(7.2), 0.0)


def test_joints_that_are_left_out_stay() -> None:
    rest = Course.resting(np.array([0.4, 0.6]))
    course = course_from_msg(trajectory((1.0, 1.0, 0.0), names=("b",)), NAMES, rest, now=1.0)
    np.testing.assert_allclose(course.at(9.0), [0.4, 1.0])


def test_points_that_are_due_already_are_skipped() -> None:
    message = trajectory((0.1, 1.0, 0.0), (1.0, 2.0, 0.0), (2.0, 3.0, 0.0))
    message.header.stamp.sec = 10
    course = course_from_msg(message, NAMES, Course.resting(np.zeros(2)), now=11.0)
    np.testing.assert_allclose(course.at(11.0), 2.0)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([], "empty"),
        ([(1.0, 0.0, 0.0), (1.0, 0.1, 0.0)], "order"),
        ([(1.0, np.nan, 0.0)], "position"),
        ([(1.0, 0.0, np.inf)], "velocity"),
    ],
)
def test_what_no_driver_takes_is_refused(points: list, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        course_from_msg(trajectory(*points), NAMES, Course.resting(np.zeros(2)), now=1.0)
