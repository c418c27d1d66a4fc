"""The gate against set-points that mean harm: is anything illegal sent, and what does it cost?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import ruckig

from unihm.control.execution import hand_limits
from unihm.control.safety import SafetyGate
from unihm.control.timing import TimedPath
from unihm.errors import UnihmError
from unihm.robots import list_hands, load_hand
from unihm.robots.arm import Arm
from unihm.robots.limits import JointLimits
from unihm.types import FloatArray

RATES = (10.0, 30.0, 100.0, 250.0, 1000.0)  # Hz
_ROUNDING = 1e-6  # share of a limit that differences of doubles may be beyond it
_CALLS = 200  # timed, of the baseline
_WORTH = 0.02  # share of a joint's range that a stop must travel to be compared


@dataclass(frozen=True)
class GateFigures:
    """One robot at one rate.

    Attributes:
        robot: name of the arm or hand.
        rate: set-points per second.
        setpoints: how many were wanted; as many were sent, and those of the stops.
        illegal: how many of what was sent broke a limit.
        refused: how many were answered by SAFETY_STOP, and so by a stop.
        stop_ratio: the longest stop of a joint, against its own shortest in continuous time.
        microseconds: a command takes, on the average.
    """

    robot: str
    rate: float
    setpoints: int
    illegal: int
    refused: int
    stop_ratio: float
    microseconds: float


def robots() -> Iterator[tuple[str, JointLimits]]:
    """The arm, and every hand that has joints."""
    yield "fr3", Arm("fr3").limits
    for name in list_hands():
        hand = load_hand(name)
        if len(hand.lower):
            yield name, hand_limits(hand)


def hostile_setpoints(
    limits: JointLimits, count: int, random: np.random.Generator
) -> Iterator[FloatArray]:
    """``count`` set-points (n,): jumps, steps to and beyond the limits, noise, oscillation, NaN."""
    lower, upper = limits.lower, limits.upper
    span, joints = upper - lower, len(lower)
    here, sent = random.uniform(lower, upper), 0
    while sent < count:
        kind, length = random.integers(10), min(int(random.integers(1, 200)), count - sent)
        steps = np.arange(length)[:, None]
        if kind == 0:
            piece = np.tile(random.uniform(lower - span, upper + span), (length, 1))
        elif kind == 1:
            piece = random.uniform(lower - span, upper + span, (length, joints))
        elif kind == 2:
            piece = np.where((steps // int(random.integers(1, 20))) % 2 == 0, lower, upper)
        elif kind == 3:
            noise = random.normal(0.0, 0.01 * limits.velocity, (length, joints))
            piece = here + np.cumsum(noise, axis=0)
        elif kind == 4:
            piece = np.full((length, joints), random.choice([1e9, -1e9, 1e300]))
        elif kind == 5:
            piece = here + np.sin(steps * random.uniform(0.001, 1.0)) * span
        elif kind == 6:
            piece = np.tile(np.where(random.random(joints) < 0.5, lower, upper), (length, 1))
        elif kind == 7:
            piece = here + random.normal(0.0, 1e-6, (length, joints))
        elif kind == 8:
            piece = np.tile(here, (length, 1))
            piece[random.integers(length), random.integers(joints)] = random.choice(
                [np.nan, np.inf, -np.inf]
            )
        else:
            piece = here + steps * random.uniform(-1.0, 1.0, joints) * limits.velocity * 0.02
        yield from piece
        last = piece[-1]
        here = np.clip(np.where(np.isfinite(last), last, here), lower, upper)
        sent += length


def illegal(sent: FloatArray, limits: JointLimits, rate: float) -> int:
    """How many of the set-points (N, n), which begin at rest, break a limit."""
    padded = np.concatenate([np.tile(sent[:1], (3, 1)), sent])
    wrong = ((sent < limits.lower) | (sent > limits.upper) | ~np.isfinite(sent)).any(axis=1)
    for limit in (limits.velocity, limits.acceleration, limits.jerk):
        padded = np.diff(padded, axis=0) * rate
        wrong |= (np.abs(padded[-len(sent) :]) > limit * (1.0 + _ROUNDING)).any(axis=1)
    return int(wrong.sum())


def measure_gate(
    robot: str, limits: JointLimits, rate: float, count: int, seed: int
) -> GateFigures:
    """Send ``count`` hostile set-points to a gate, and stop it now and then."""
    random = np.random.default_rng(seed)
    start = random.uniform(limits.lower, limits.upper)
    gate = SafetyGate(limits, rate, start)
    gate.command(start)  # the first call compiles
    sent, refused, seconds, ratio = [start], 0, 0.0, 0.0
    for wanted in hostile_setpoints(limits, count, random):
        begun = time.perf_counter()
        try:
            answer = gate.command(wanted)
        except UnihmError:
            refused += 1
            answer = None
        seconds += time.perf_counter() - begun
        if answer is not None:
            sent.append(answer)
        if answer is None or random.random() < 0.002:
            path = gate.stop()
            ratio = max(ratio, _against_shortest(path, limits))
            sent.extend(path.positions[1:])
    return GateFigures(
        robot,
        rate,
        count,
        illegal(np.array(sent), limits, rate),
        refused,
        ratio,
        seconds / count * 1e6,
    )


def _against_shortest(path: TimedPath, limits: JointLimits) -> float:
    """The largest ratio, over the joints, of a stop's travel to the shortest in continuous time."""
    travel = np.abs(path.positions - path.positions[0]).max(axis=0)
    worst = 0.0
    for i in range(len(travel)):
        problem = ruckig.InputParameter(1)
        problem.control_interface = ruckig.ControlInterface.Velocity
        problem.current_velocity = [path.velocities[0, i]]
        problem.current_acceleration = [path.accelerations[0, i]]
        problem.target_velocity = problem.target_acceleration = [0.0]
        problem.max_acceleration = [limits.acceleration[i]]
        problem.max_jerk = [limits.jerk[i]]
        shortest = ruckig.Trajectory(1)
        ruckig.Ruckig(1).calculate(problem, shortest)
        bound = shortest.position_extrema[0]
        least = max(abs(bound.min), abs(bound.max))
        if least > _WORTH * (limits.upper[i] - limits.lower[i]):
            worst = max(worst, float(travel[i]) / least)
    return worst


def ruckig_microseconds(limits: JointLimits, rate: float) -> float:
    """A cycle of Ruckig to a goal: what a library's limiter costs, without bounds on position."""
    joints = len(limits.lower)
    problem, output = ruckig.InputParameter(joints), ruckig.OutputParameter(joints)
    problem.synchronization = ruckig.Synchronization.No  # type: ignore[attr-defined]
    problem.current_position = list(limits.lower)
    problem.max_velocity = list(limits.velocity)
    problem.max_acceleration = list(limits.acceleration)
    problem.max_jerk = list(limits.jerk)
    otg = ruckig.Ruckig(joints, 1.0 / rate)
    begun = time.perf_counter()
    for call in range(_CALLS):
        problem.target_position = list(limits.upper if call % 2 else limits.lower)
        otg.update(problem, output)
        output.pass_to_input(problem)
    return (time.perf_counter() - begun) / _CALLS * 1e6
