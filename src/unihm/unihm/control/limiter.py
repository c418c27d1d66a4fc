"""The next set-point of every joint: as near to what is wanted as stays legal from now on.

Set-points are sent at a fixed period T, so everything is said of the sequence itself: with
v = (p - p_prev) / T, a = (v - v_prev) / T and j = (a - a_prev) / T, the limits hold for every
difference of what is sent, and at every set-point a stop exists that keeps all of them and ends
inside the position limits. That last property (the state is *viable*) is what makes the others
last: the stop is always one of the choices for the next set-point.

One step of one joint is the choice of its next acceleration a'. Where the stop from the next state
ends, and the furthest that it reaches, grow with a', so that every condition is a bound on it:

- acceleration and jerk: a' in [-A, A] and in [a - d, a + d] with d = J T;
- velocity: the velocity reached while a' is brought to zero, v + T S(a'), is at most V, where
  S(q) = q + (q - d) + (q - 2d) + ... over the positive terms;
- position: the furthest point of the stop is inside the limits.

The stop is the greedy one: brake as hard as can be taken back before the velocity is zero, which is
again S turned round. See :func:`stop_action`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from unihm.robots.limits import JointLimits
from unihm.types import FloatArray

_ROUNDING = 1e-6  # share of the acceleration's limit
_TRIALS = 40  # to find the acceleration at a bound

njit: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy")


@njit
def _braking(speed, A, d, T):
    """The largest deceleration that can be taken back before a speed is gone: S(q) T = speed >= 0.

    S is convex and piecewise linear: between n d and (n + 1) d it is (n + 1) q - d n (n + 1) / 2.
    """
    w = speed / T
    if w <= d or d >= A:
        return min(A, w)
    n = np.floor(0.5 * (np.sqrt(1.0 + 8.0 * w / d) - 1.0))
    return min(A, (w + 0.5 * d * n * (n + 1.0)) / (n + 1.0))


@njit
def stop_action(v, a, A, d, T):
    """The acceleration of the next period on the quickest way to rest."""
    wanted = _braking(abs(v), A, d, T)
    if v > 0:
        wanted = -wanted
    return min(max(wanted, a - d), a + d)


@njit
def _sum(q, d):
    """S(q), see the module's docstring."""
    if q <= 0.0:
        return 0.0
    n = np.floor(q / d)
    return (n + 1.0) * q - 0.5 * d * n * (n + 1.0)


@njit
def stop_reach(p, v, a, V, A, d, T):
    """Where the stop from a state ends, its highest and its lowest set-point.

    The same stop as :func:`stop_action` period by period, in few goes: what is given back at the
    end is a sum in closed form, and what is held for long is one product.
    """
    highest = lowest = p
    tiny_v, tiny_a = 1e-12 * V, 1e-9 * min(A, d)
    relief = _sum(A, d) * T
    while abs(v) > tiny_v or abs(a) > tiny_a:
        sign = 1.0 if v > 0 else -1.0
        speed, braking = abs(v), -sign * a
        most = _braking(speed, A, d, T)
        if braking > most + d:
            # More than can be taken back before the joint rests: it turns round.
            braking -= d
            speed -= braking * T
            p += sign * speed * T
        elif braking + d < most:
            taken_back = _sum(braking + d, d)
            while True:
                braking += d
                speed -= braking * T
                p += sign * speed * T
                taken_back += max(braking + d, 0.0)
                if braking + d > A or taken_back * T > speed:
                    break
                highest, lowest = max(highest, p), min(lowest, p)
        elif most < A:
            # On the curve: most, most - d, most - 2d, ...
            n = np.floor(most / d)
            p += sign * T * T * (n + 1.0) * n * (0.5 * most - d * (2.0 * n + 1.0) / 6.0)
            return p, max(highest, p), min(lowest, p)
        else:
            periods = max(np.floor((speed - relief) / (A * T)), 1.0)
            p += sign * periods * T * (speed - 0.5 * (periods + 1.0) * A * T)
            speed -= periods * A * T
            braking = A
        v, a = sign * speed, -sign * braking
        highest, lowest = max(highest, p), min(lowest, p)
    return p, highest, lowest


@njit
def _after(p, v, a, V, A, d, T):
    """:func:`stop_reach` of the state that the acceleration ``a`` of the next period leads to."""
    v += a * T
    return stop_reach(p + v * T, v, a, V, A, d, T)


@njit
def _reaching(bound, which, good, bad, p, v, V, A, d, T):
    """The largest acceleration with which the stop stays below ``bound``.

    With ``which`` 0 the end of the stop does, with 1 its highest point; the answer is between
    ``good``, with which it does, and ``bad``, with which it doesn't.

    False position, halving where that is slow (Illinois): always on the safe side of the bound.
    """
    under = _after(p, v, good, V, A, d, T)[which] - bound
    over = _after(p, v, bad, V, A, d, T)[which] - bound
    side = 0
    for _ in range(_TRIALS):
        if bad - good <= 1e-9 * A or under >= -1e-12 or over <= under:
            break
        middle = good - under * (bad - good) / (over - under)
        middle = min(max(middle, good + 0.01 * (bad - good)), bad - 0.01 * (bad - good))
        value = _after(p, v, middle, V, A, d, T)[which] - bound
        if value <= 0:
            good, under = middle, value
            if side < 0:
                over *= 0.5
            side = -1
        else:
            bad, over = middle, value
            if side > 0:
                under *= 0.5
            side = 1
    return good


@njit
def _furthest(v, a, A, d, T):
    """More than a stop from this state can travel: most states are far from all ends."""
    speed = abs(v) + abs(a) * (T + 0.5 * abs(a) * T / d)
    return speed * (0.5 * speed / A + 1.5 * A * T / d + 4.0 * T)


@njit
def next_acceleration(p, v, a, goal, drift, drift_rate, caught, L, U, V, A, d, T):
    """The acceleration of the next period; see the module's docstring.

    Args:
        goal: the set-point that is wanted, inside [L, U].
        drift, drift_rate: how fast the wanted set-points move, and how fast that changes.
        caught: the last set-point was the wanted one.
    """
    # In a viable state this is one of the choices, whatever rounding says of the bounds.
    safe = stop_action(v, a, A, d, T)
    high = min(A, a + d)
    low = max(-A, a - d)
    high = min(high, _braking(max(V - v, 0.0), A, d, T))
    low = max(low, -_braking(max(V + v, 0.0), A, d, T))
    high, low = max(high, safe), min(low, safe)
    # Position: nothing to look for while both ends are far.
    reach = _furthest(v, max(abs(low), abs(high)), A, d, T) + V * T
    if p + reach > U and _after(p, v, high, V, A, d, T)[1] > U:
        high = _reaching(U, 1, safe, high, p, v, V, A, d, T)
    if p - reach < L and _after(p, v, low, V, A, d, T)[2] < L:
        low = -_reaching(-L, 1, -safe, -low, -p, -v, V, A, d, T)
    # What is wanted, where it can be had and, after a delay, kept: the difference in velocity must
    # go within a period, or the set-points would swing about the goal.
    wanted = ((goal - p) / T - v) / T
    slack = _ROUNDING * A  # set-points on a limit are computed with rounding errors
    if low - slack <= wanted <= high + slack:
        wanted = min(max(wanted, low), high)
        if caught:
            return wanted
        difference = (drift - v - wanted * T) / T
        then = drift_rate + difference
        if abs(then) <= A and abs(then - wanted) <= d and abs(difference) <= d:
            return wanted
    # Else the quickest approach: the state whose stop ends at the goal.
    if p + reach < goal:
        return high
    if p - reach > goal:
        return low
    if _after(p, v, high, V, A, d, T)[0] <= goal:
        return high
    if _after(p, v, low, V, A, d, T)[0] >= goal:
        return low
    if low <= safe <= high and abs(_after(p, v, safe, V, A, d, T)[0] - goal) <= 1e-12:
        return safe
    return _reaching(goal, 0, low, high, p, v, V, A, d, T)


@njit
def _advance(state, bounds, wanted, T):
    """One period of every joint.

    Args:
        state: (5, n) position, velocity, acceleration, the last goal and its drift; changed.
        bounds: (5, n) lower and upper position, velocity, acceleration, jerk.
        wanted: (n,).
    """
    for i in range(state.shape[1]):
        p, v, a, last_goal, last_drift = state[:, i]
        lower, upper, V, A, J = bounds[:, i]
        goal = min(max(wanted[i], lower), upper)
        drift = (goal - last_goal) / T
        caught = abs(p - last_goal) <= 2.0 * _ROUNDING * A * T**2
        a = next_acceleration(
            p, v, a, goal, drift, (drift - last_drift) / T, caught, lower, upper, V, A, J * T, T
        )
        v += a * T
        # The bound may be missed by a rounding error.
        state[:, i] = min(max(p + v * T, lower), upper), v, a, goal, drift


class Limiter:
    """A sequence of set-points for n joints that keeps all limits; the joints are independent.

    Args:
        limits: of the joints.
        rate: set-points per second.
        start: (n,) where the joints rest. One that lies outside the position limits may move
            towards them and not away.

    Attributes:
        position, velocity, acceleration: (n,) of the last set-point, as differences.
    """

    def __init__(self, limits: JointLimits, rate: float, start: FloatArray) -> None:
        self.limits = limits
        self.period = 1.0 / rate
        self.reset(start)

    def __copy__(self) -> Limiter:
        """A limiter in the same state, which goes its own way from here."""
        other = object.__new__(Limiter)
        other.__dict__.update(self.__dict__)
        other._state = self._state.copy()
        return other

    def reset(self, start: FloatArray) -> None:
        """Begin again at rest at ``start`` (n,)."""
        limits = self.limits
        self._state = np.zeros((5, len(start)))
        self._state[[0, 3]] = start
        lower, upper = np.minimum(limits.lower, start), np.maximum(limits.upper, start)
        self._bounds = np.array([lower, upper, limits.velocity, limits.acceleration, limits.jerk])

    @property
    def position(self) -> FloatArray:
        """Of the last step, rad (or m), (n,)."""
        return self._state[0]

    @property
    def velocity(self) -> FloatArray:
        """Of the last step, rad/s, (n,)."""
        return self._state[1]

    @property
    def acceleration(self) -> FloatArray:
        """Of the last step, rad/s^2, (n,)."""
        return self._state[2]

    def step(self, goal: FloatArray) -> FloatArray:
        """The next set-point (n,) on the way to ``goal`` (n,), which is finite."""
        _advance(self._state, self._bounds, np.asarray(goal, float), self.period)
        return self.position.copy()

    def stop(self) -> FloatArray:
        """The way to rest (N, n) from the last set-point, which is its first row.

        Every joint takes its own shortest. The limiter itself is then at rest at the end of it.
        """
        rows = [self.position.copy()]
        while _brake(self._state, self._bounds, self.period):
            rows.append(self.position.copy())
        self.reset(self.position.copy())
        return np.array(rows)


@njit
def _brake(state, bounds, T):
    """One period of the stop of every joint; False where all rest."""
    moved = False
    for i in range(state.shape[1]):
        p, v, a, _, _ = state[:, i]
        lower, upper, V, A, J = bounds[:, i]
        if abs(v) <= 1e-12 * V and abs(a) <= 1e-9 * min(A, J * T):
            continue
        a = stop_action(v, a, A, J * T, T)
        v += a * T
        state[:3, i] = min(max(p + v * T, lower), upper), v, a
        moved = True
    return moved
