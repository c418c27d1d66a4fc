"""Keep a corrected motion from accelerating more than the motion it was made from."""

from __future__ import annotations

from typing import Any

import numpy as np

from unihm.refinement.chain import WRIST
from unihm.types import FloatArray

_STRENGTHS = np.logspace(-2, 5, 15)


def limit_acceleration(y: FloatArray, y_in: FloatArray, fixed: Any, frames: Any) -> FloatArray:
    """Smooth the free frames of each motion until its joints accelerate no more than before.

    The smoothed motion minimises sum (y' - y)^2 + mu sum (second difference of y')^2 with the
    first frame and the fixed frames kept; mu is the least of a series that brings the largest
    acceleration of the joints down to that of ``y_in``, or the best where none does.

    Args:
        y: (B, T, D) corrected.
        y_in: (B, T, D) as it came in.
        fixed: (B, T) bool frames that must not change.
        frames: (B,) frames of each motion.
    """
    y = y.copy()
    for b, count in enumerate(frames):
        allowed = _peak(y_in[b, :count])
        if _peak(y[b, :count]) <= allowed:
            continue
        keep = fixed[b, :count].copy()
        keep[0] = True
        free = ~keep
        if not free.any():
            continue
        second = np.diff(np.eye(count), n=2, axis=0)
        bend = second.T @ second
        best = y[b, :count]
        for mu in _STRENGTHS:
            system = np.eye(free.sum()) + mu * bend[np.ix_(free, free)]
            target = y[b, :count][free] - mu * bend[np.ix_(free, keep)] @ y[b, :count][keep]
            trial = y[b, :count].copy()
            trial[free] = np.linalg.solve(system, target)
            if _peak(trial) < _peak(best):
                best = trial
            if _peak(best) <= allowed:
                break
        y[b, :count] = best
    return y


def _peak(y: FloatArray) -> float:
    """Largest absolute second difference of the joints."""
    return float(np.abs(np.diff(y[:, WRIST:], n=2, axis=0)).max(initial=0.0))
