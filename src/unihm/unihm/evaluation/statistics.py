"""Small-sample statistics of the benchmarks."""

from __future__ import annotations

import numpy as np

_Z95 = 1.959964  # normal quantile of 0.975


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a success rate (Wilson 1927), sensible for few trials and for 0 or 1."""
    if trials == 0:
        return 0.0, 1.0
    rate, z2 = successes / trials, _Z95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z95 / (1 + z2 / trials) * np.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


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
