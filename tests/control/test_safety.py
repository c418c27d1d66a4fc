"""The gate passes what is allowed, reshapes what is too fast, and stops on the rest."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unihm.control.config import SafetyConfig
from unihm.control.limiter import stop_action, stop_reach
from unihm.control.safety import SafetyGate
from unihm.control.timing import move
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.gate import hostile_setpoints, illegal, measure_gate
from unihm.robots.limits import JointLimits

RATE = 100.0
LIMITS = JointLimits(
    np.full(2, -2.0), np.full(2, 2.0), np.full(2, 1.0), np.full(2, 5.0), np.full(2, 200.0)
)


@pytest.fixture
def gate():
    return SafetyGate(LIMITS, RATE, np.zeros(2), SafetyConfig())


def stops(gate, *args, **kwargs):
    with pytest.raises(UnihmError) as caught:
        gate.command(*args, **kwargs)
    assert caught.value.code == ErrorCode.SAFETY_STOP
    return caught.value.message


def test_a_smooth_stream_passes_unchanged(gate):
    for q in move(np.zeros(2), np.array([1.0, -0.5]), LIMITS, RATE).positions:
        assert gate.command(q) == pytest.approx(q, abs=1e-12)


def test_a_jump_becomes_a_smooth_approach_that_arrives(gate):
    sent = np.array([gate.command(np.array([1.0, 0.0])) for _ in range(300)])
    velocity = np.diff(sent, axis=0, prepend=0.0) * RATE
    acceleration = np.diff(velocity, axis=0, prepend=0.0) * RATE
    assert np.abs(velocity).max() <= 1.0 * 1.03
    assert np.abs(acceleration).max() <= 5.0 * 1.03
    assert sent[-1] == pytest.approx([1.0, 0.0], abs=1e-6)


def test_positions_are_clipped_to_the_limits(gate):
    sent = [gate.command(np.array([9.0, 0.0])) for _ in range(500)][-1]
    assert sent == pytest.approx([2.0, 0.0], abs=1e-6)


@pytest.mark.parametrize("bad", [np.array([np.nan, 0.0]), np.array([np.inf, 0]), np.zeros(3)])
def test_nonsense_stops(gate, bad):
    stops(gate, bad)


def test_a_stale_joint_state_stops(gate):
    assert "0.8 s old" in stops(gate, np.zeros(2), age=0.8)


@pytest.mark.parametrize("age", [-0.1, np.nan, np.inf])
def test_an_age_that_cannot_be_stops(gate, age):
    stops(gate, np.zeros(2), age=age)


@pytest.mark.parametrize("bad", [np.zeros(1), np.zeros((2, 2)), np.zeros(0)])
def test_a_measurement_of_a_wrong_size_stops(gate, bad):
    stops(gate, np.zeros(2), bad)


def test_a_joint_that_does_not_follow_stops_and_is_named(gate):
    assert "Joint 1" in stops(gate, np.zeros(2), np.array([0.0, 0.5]))


def test_a_measured_value_that_is_not_finite_stops(gate):
    stops(gate, np.zeros(2), np.array([0.0, np.nan]))


def test_leaving_the_workspace_stops(gate):
    assert "z -0.10" in stops(gate, np.zeros(2), wrist_position=np.array([0.5, 0.0, -0.1]))


def test_stop_comes_to_rest_from_the_last_command_and_the_gate_goes_on_from_there(gate):
    path = move(np.zeros(2), np.array([1.5, 0.0]), LIMITS, RATE)
    for q in path.positions[:80]:
        gate.command(q)
    halt = gate.stop()
    assert halt.positions[0] == pytest.approx(path.positions[79])
    assert np.abs(np.diff(halt.positions, axis=0)).max() * RATE <= 1.03
    assert np.abs(halt.velocities[-1]).max() < 1e-6
    assert gate.command(halt.positions[-1]) == pytest.approx(halt.positions[-1])


def test_a_moving_joint_does_not_overshoot_its_limit():
    """At full speed towards a limit, told to be there at once, and then further still."""
    fast = replace(LIMITS, velocity=np.full(2, 2.6), acceleration=np.full(2, 10.0))
    gate = SafetyGate(fast, RATE, np.array([-1.9, 0.0]))
    sent = [gate.command(np.array([1.7, 0.0])) for _ in range(140)]
    sent += [gate.command(np.array([goal, 0.0])) for goal in (2.0, 5.0, 2.0) for _ in range(60)]
    assert np.max(sent) <= 2.0
    assert sent[-1] == pytest.approx([2.0, 0.0], abs=1e-9)


def test_a_step_is_approached_without_swinging_about_it(gate):
    sent = np.array([gate.command(np.array([0.4, -0.3])) for _ in range(200)])
    assert sent[:, 0].max() <= 0.4 + 1e-9
    assert sent[:, 1].min() >= -0.3 - 1e-9
    assert sent[-1] == pytest.approx([0.4, -0.3], abs=1e-9)


def test_every_joint_stops_by_itself(gate):
    """A slow joint does not go on for as long as a fast one needs."""
    for q in move(np.zeros(2), np.array([1.5, 0.1]), LIMITS, RATE).positions[:80]:
        gate.command(q)
    path = gate.stop()
    moving = np.abs(np.diff(path.positions, axis=0)) > 1e-9
    assert moving[:, 1].sum() < 0.7 * moving[:, 0].sum()


@given(
    st.integers(0, 10_000),
    st.sampled_from([10.0, 100.0, 1000.0]),
    st.floats(0.05, 20.0),
    st.floats(0.1, 100.0),
    st.floats(1.0, 20_000.0),
)
@settings(max_examples=60, deadline=None)
def test_nothing_illegal_is_sent_whatever_is_wanted(seed, rate, velocity, acceleration, jerk):
    limits = JointLimits(
        np.array([-2.0, 0.0, -1e-3]),
        np.array([2.0, 0.04, 1e-3]),
        np.full(3, velocity),
        np.full(3, acceleration),
        np.full(3, jerk),
    )
    figures = measure_gate("three joints", limits, rate, 300, seed)
    assert figures.illegal == 0


@given(
    seed=st.integers(0, 2**32 - 1),
    rate=st.sampled_from([10.0, 100.0, 1000.0]),
    pace=st.sampled_from([1.0, 10.0, 100.0]),
)
def test_where_a_stop_ends_is_known_without_going_through_it(seed, rate, pace):
    random = np.random.default_rng(seed)
    T, V, A = 1.0 / rate, random.uniform(0.1, 10.0), random.uniform(0.5, 50.0)
    d = pace * A * T
    v, a = random.uniform(-V, V), random.choice([0.0, 0.01, 1.0]) * random.uniform(-A, A)
    known = stop_reach(0.3, v, a, V, A, d, T)
    way = [0.3]
    while abs(v) > 1e-12 * V or abs(a) > 1e-9 * min(A, d):
        a = stop_action(v, a, A, d, T)
        v += a * T
        way.append(way[-1] + v * T)
    assert known == pytest.approx((way[-1], max(way), min(way)), abs=1e-9)


def test_the_judge_of_the_benchmark_sees_what_is_illegal():
    wanted = np.array(list(hostile_setpoints(LIMITS, 200, np.random.default_rng(1))))
    assert illegal(wanted, LIMITS, RATE) > 50
    assert illegal(np.zeros((5, 2)), LIMITS, RATE) == 0


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_limits_that_allow_no_motion_are_refused(bad):
    with pytest.raises(UnihmError) as caught:
        SafetyGate(replace(LIMITS, jerk=np.array([200.0, bad])), RATE, np.zeros(2))
    assert caught.value.code == ErrorCode.INVALID_CONFIG
