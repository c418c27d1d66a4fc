"""The gate passes what is allowed, reshapes what is too fast, and stops on the rest."""

import numpy as np
import pytest
from unihm.control.safety import SafetyConfig, SafetyGate
from unihm.control.timing import move
from unihm.errors import ErrorCode, UnihmError
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
