"""The asymmetric penalty of the signed distance (equation 12) as a smooth residual (equation 13).

Written for numpy arrays and torch tensors alike: ``xp`` is the module the arrays come from.
"""

from __future__ import annotations

from typing import Any

_DEEP = 12.0  # |k d| beyond which the exponential goes on as its own second-order expansion
_SERIES = 1e-3  # |k d| below which the residual's factor is taken from its power series


def penalty(d: Any, alpha: float, k: float, xp: Any) -> tuple[Any, Any]:
    """Equation 12: f(d) and f'(d), elementwise.

    Outside (d >= 0) it is a spring of stiffness ``alpha``; inside it grows like exp(-k d), so a
    millimetre of penetration weighs more than a millimetre of air once k is in the order of
    1/mm. Beyond ``|k d| = 12`` it continues as a parabola of equal value, slope and curvature:
    a hand that starts centimetres inside the object must have a finite energy.

    Args:
        d: signed distance in metres, negative inside.
        alpha: 1/m^2 (any energy unit).
        k: 1/m.
    """
    x = k * xp.clip(-d, 0.0, None)  # depth, without unit
    near = xp.clip(x, None, _DEEP)
    excess = x - near
    growth = xp.exp(near)
    scale = alpha / k**2
    inside = scale * (growth - near - 1.0 + (growth - 1.0) * excess + 0.5 * growth * excess**2)
    slope = -(alpha / k) * (growth - 1.0 + growth * excess)
    air = xp.clip(d, 0.0, None)
    return inside + 0.5 * alpha * air**2, slope + alpha * air


def residual(d: Any, alpha: float, k: float, xp: Any) -> tuple[Any, Any]:
    """Signed root of twice the penalty, r = sign(d) sqrt(2 f(d)), and dr/dd, elementwise.

    Equation 13 takes the positive root, whose derivative (B19) jumps where f is 0. With the sign
    of d the energy is the same and r is smooth there: r = sqrt(alpha) d (1 + O(k d)), so the
    derivative needs no epsilon; near 0 both come from their power series.
    """
    f, slope = penalty(d, alpha, k, xp)
    root = xp.sqrt(2.0 * f) * xp.sign(d)
    x = k * xp.clip(-d, 0.0, None)
    tiny = xp.abs(k * d) < _SERIES
    safe = xp.where(tiny, xp.ones_like(d), root)
    r = xp.where(tiny, alpha**0.5 * d * (1.0 + x / 6.0), root)
    return r, xp.where(tiny, alpha**0.5 * (1.0 + x / 3.0), slope / safe)
