"""The drill's judge of commands: it passes what is legal, and finds what is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
from unihm.control.safety import SafetyGate
from unihm.robots.arm import load_arm
from unihm.ros.conversions import seconds_to_time
from unihm.ros.drill.observer import STEP, CommandObserver, StreamObserver
from unihm.ros.trajectory_client import make_trajectory

pytestmark = pytest.mark.ros
ARM = load_arm("fr3")
NAMES, LIMITS = tuple(ARM.joint_names), ARM.limits
RATE = 100.0


def motion(amplitude: float = 0.3, seconds: float = 3.0) -> np.ndarray:
    """From home and back, (N, 7)."""
    t = np.arange(0.0, seconds, 1 / RATE)
    gate = SafetyGate(LIMITS, RATE, ARM.home)
    wave = amplitude * np.sin(np.pi * t / seconds) ** 2
    return np.array([gate.command(ARM.home + w) for w in wave])


def observer() -> CommandObserver:
    return CommandObserver(NAMES, LIMITS, ARM.home)


def send(judge: CommandObserver, positions: np.ndarray, now: float, lead: float = 0.1) -> None:
    judge.take(make_trajectory(NAMES, positions, RATE, start=seconds_to_time(now + lead)), now)


def test_a_motion_of_the_gate_is_legal_also_in_pieces() -> None:
    judge, path = observer(), motion()
    send(judge, path, 10.0)
    # The rest of it again, half a second later, as a stream of horizons would.
    for index in (50, 90, 130):
        send(judge, path[index:], 10.0 + index / RATE)
    assert judge.commands == 4
    assert judge.violations == []
    assert judge.largest_step < STEP


def test_a_stop_on_the_way_is_legal() -> None:
    judge, path = observer(), motion()
    send(judge, path, 10.0)
    gate = SafetyGate(LIMITS, RATE, ARM.home)
    for q in path[1:81]:
        gate.command(q)
    judge.take(
        make_trajectory(NAMES, gate.stop().positions, RATE, start=seconds_to_time(10.9)), 10.9
    )
    assert judge.violations == []
    assert judge.is_moving(10.9)
    assert not judge.is_moving(12.0)


def shifted(path: np.ndarray) -> np.ndarray:
    return path + 0.01


def beyond(path: np.ndarray) -> np.ndarray:
    path[:, 0] += np.linspace(0.0, LIMITS.upper[0] + 0.1, len(path))
    return path


def hurried(path: np.ndarray) -> np.ndarray:
    return path[::12]


def shaken(path: np.ndarray) -> np.ndarray:
    path[100:, 2] += 0.01
    return path


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (shifted, "from where the driver is"),
        (beyond, "outside the position limits"),
        (hurried, "times the velocity limit"),
        (shaken, "times the acceleration limit"),
        (lambda path: np.where(np.arange(len(path))[:, None] == 5, np.nan, path), "malformed"),
    ],
)
def test_what_is_illegal_is_found(spoil: Callable[[np.ndarray], np.ndarray], reason: str) -> None:
    judge = observer()
    send(judge, spoil(motion()), 10.0)
    assert any(reason in found for _, found in judge.violations), judge.violations


def test_a_motion_that_comes_late_is_a_step() -> None:
    judge = observer()
    judge.take(make_trajectory(NAMES, motion(), RATE, start=seconds_to_time(9.0)), 10.0)
    assert any("from where the driver is" in reason for _, reason in judge.violations)
    assert judge.largest_step > 0.05


def point(positions: np.ndarray) -> JointTrajectory:
    return JointTrajectory(
        joint_names=list(NAMES),
        points=[
            JointTrajectoryPoint(
                positions=positions.tolist(), time_from_start=Duration(nanosec=10_000_000)
            )
        ],
    )


def test_a_stream_of_the_gate_is_legal_and_a_jump_in_it_is_not() -> None:
    judge, path = StreamObserver(NAMES, LIMITS, RATE), motion()
    for index, q in enumerate(path):
        judge.take(point(q), index / RATE)
    assert judge.violations == []
    judge.take(point(path[-1] + 0.05), len(path) / RATE)
    ((_, reason),) = judge.violations
    assert "velocity" in reason


def test_a_stream_may_begin_anew_after_a_pause() -> None:
    judge = StreamObserver(NAMES, LIMITS, RATE)
    judge.take(point(ARM.home), 0.0)
    judge.take(point(ARM.home + 0.2), 5.0)
    assert judge.violations == []
