"""The asymmetric penalty of the signed distance (equation 12) and its residual (equation 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unihm.refinement.backend import Backend

DEEP = 12.0  # |k d| beyond which the exponential goes on as a parabola
AT_ZERO = 1e-10  # m; below it f is lost in rounding and the residual's slope is that at 0


def penalty(d: Any, alpha: float, k: float, ops: Backend) -> tuple[Any, Any]:
    """Equation 12: f(d) and f'(d), elementwise.

    Outside (d >= 0) it is a spring of stiffness ``alpha``; inside it grows like exp(-k d), so a
    millimetre of penetration weighs more than a millimetre of air once k is in the order of
    1/mm. Beyond ``|k d| = 12`` it continues as a parabola of equal value, slope and curvature:
    a hand that starts centimetres inside the object must have a finite energy.

    Args:
        d: signed distance in metres, negative inside.
        alpha: 1/m^2 (any energy unit).
        k: 1/m.
        ops: where ``d`` lives.
    """
    squared, pull = _shape(d, k, ops)
    return (0.5 * alpha) * squared, alpha * pull


def residual(d: Any, alpha: float, k: float, ops: Backend) -> tuple[Any, Any]:
    """Signed root of twice the penalty, r = sign(d) sqrt(2 f(d)), and dr/dd, elementwise.

    Equation 13 takes the positive root, whose derivative (B19) jumps where f is 0. With the sign
    of d the energy is the same and r is smooth there (its slope at 0 is sqrt(alpha)), so that an
    epsilon is needed for the division 0 / 0 alone.
    """
    xp = ops.xp
    squared, pull = _shape(d, k, ops)
    root = xp.sqrt(squared)
    slope = (xp.abs(pull) + AT_ZERO) / (root + AT_ZERO)
    scale = alpha**0.5
    return scale * xp.copysign(root, d), scale * slope


def _shape(d: Any, k: float, ops: Backend) -> tuple[Any, Any]:
    """2 f(d) in square metres and f'(d) in metres, for alpha = 1."""
    xp = ops.xp
    air = ops.positive(d)
    depth = (air - d) * k
    excess = ops.positive(depth - DEEP)
    near = depth - excess
    grown = xp.expm1(near)
    steep = (grown + 1.0) * excess
    inside = grown - near + grown * excess + 0.5 * steep * excess
    return air * air + (2.0 / k**2) * inside, air - (grown + steep) / k
