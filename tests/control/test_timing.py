"""Timing keeps its limits, passes its waypoints, and ends at rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unihm.control.timing import follow, move
from unihm.errors import ErrorCode, UnihmError
from unihm.robots.limits import JointLimits

RATE = 100.0
LIMITS = JointLimits(
    np.full(3, -3.0), np.full(3, 3.0), np.full(3, 1.0), np.full(3, 5.0), np.full(3, 200.0)
)


def within_limits(path, limits, slack=1.05):
    """Finite differences of the samples, so that the reported derivatives are checked too."""
    assert np.abs(path.velocities).max() <= limits.velocity.max() * slack
    assert np.abs(path.accelerations).max() <= limits.acceleration.max() * slack
    assert np.abs(np.diff(path.positions, axis=0)).max() * RATE <= limits.velocity.max() * slack
    jerk = np.diff(path.accelerations, axis=0) * RATE
    assert np.abs(jerk).max() <= limits.jerk.max() * slack
    derivative = np.gradient(path.positions, path.times, axis=0)[1:-1]
    assert derivative == pytest.approx(path.velocities[1:-1], abs=0.05)


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_follow_passes_the_ends_within_limits(seed):
    rng = np.random.default_rng(seed)
    waypoints = np.cumsum(rng.normal(0, 0.05, (12, 3)), axis=0)
    path = follow(waypoints, 0.1 * np.arange(12), LIMITS, RATE)
    assert path.positions[0] == pytest.approx(waypoints[0])
    assert path.positions[-1] == pytest.approx(waypoints[-1])
    assert np.abs(path.velocities[[0, -1]]).max() < 1e-9
    assert path.duration >= 1.1 - 1e-9
    within_limits(path, LIMITS)


def test_follow_keeps_the_timing_that_is_asked_for_where_it_is_allowed():
    fractions = np.linspace(0, 1, 21)[:, None] ** 2 * (3 - 2 * np.linspace(0, 1, 21)[:, None])
    waypoints = 0.2 * fractions * np.ones(3)
    path = follow(waypoints, 0.1 * np.arange(21), LIMITS, RATE)
    assert path.duration == pytest.approx(2.0)
    assert path.positions[100] == pytest.approx(waypoints[10], abs=1e-6)


def test_follow_slows_down_for_one_slow_joint():
    slow = JointLimits(
        LIMITS.lower, LIMITS.upper, np.array([1.0, 1.0, 0.1]), LIMITS.acceleration, LIMITS.jerk
    )
    path = follow(np.array([[0.0, 0, 0], [0.1, 0.1, 0.5]]), np.array([0.0, 0.4]), slow, RATE)
    assert path.duration > 5.0
    assert np.abs(path.velocities[:, 2]).max() == pytest.approx(0.1, rel=1e-3)


def test_standing_still_takes_the_time_it_is_given():
    path = follow(np.ones((5, 3)), 0.1 * np.arange(5), LIMITS, RATE)
    assert path.duration == pytest.approx(0.4)
    assert path.positions == pytest.approx(np.ones((41, 3)))


def test_move_from_rest_is_straight_and_within_limits():
    start, goal = np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.5, 0.5])
    path = move(start, goal, LIMITS, RATE)
    within_limits(path, LIMITS)
    shares = (path.positions - start) / (goal - start)
    assert np.abs(shares - shares[:, :1]).max() < 1e-6
    assert path.positions[-1] == pytest.approx(goal)


def test_move_refuses_a_goal_beyond_the_limits():
    with pytest.raises(UnihmError, match="Joint 1") as caught:
        move(np.zeros(3), np.array([0.0, 3.5, 0.0]), LIMITS, RATE)
    assert caught.value.code == ErrorCode.INVALID_MOTION


def test_preempting_a_move_goes_on_from_its_state():
    first = move(np.zeros(3), np.ones(3), LIMITS, RATE)
    k = len(first) // 2
    second = move(
        first.positions[k],
        -np.ones(3),
        LIMITS,
        RATE,
        first.velocities[k],
        first.accelerations[k],
    )
    assert second.velocities[0] == pytest.approx(first.velocities[k])
    assert second.positions[-1] == pytest.approx(-np.ones(3))
    assert np.abs(np.diff(second.velocities, axis=0)).max() * RATE <= 5.0 * 1.05


def test_limits_scale_and_join():
    joined = LIMITS.scaled(0.5).joined(LIMITS)
    assert joined.velocity.tolist() == [0.5] * 3 + [1.0] * 3
    assert joined.lower.shape == (6,)
