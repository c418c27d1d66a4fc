"""Small-sample statistics of the benchmarks."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a success rate (Wilson 1927), sensible for few trials and for 0 or 1."""
    if trials == 0:
        return 0.0, 1.0
    interval = binomtest(successes, trials).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and largest of some seconds; empty where there are none."""
    if not values:
        return {}
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": float(p50), "p95": float(p95), "max": float(max(values))}


def mean(values: list[bool] | list[float]) -> float:
    """Mean or share to four digits; NaN of nothing."""
    return round(float(np.mean(values)), 4) if values else float("nan")


def median(values: list[float]) -> float:
    """Median to five digits; NaN of nothing."""
    return round(float(np.median(values)), 5) if values else float("nan")
