"""Shapes that no training has seen, for the benchmark's unseen half."""

from __future__ import annotations

from unihm.sim.shapes import Geometry, revolution, shape


@shape("jar")
def jar(radius: float = 0.032, height: float = 0.09, lid: float = 0.026) -> Geometry:
    """Jar with a waist under its lid."""
    if lid >= radius:
        raise ValueError("the lid is wider than the jar")
    waist, top = 0.72 * height, 0.80 * height
    return revolution(
        [
            (0.0, 0.0),
            (0.9 * radius, 0.0),
            (radius, 0.06 * height),
            (radius, 0.62 * height),
            (0.85 * lid, waist),
            (0.85 * lid, top),
            (lid, top),
            (lid, height),
            (0.0, height),
        ]
    )


@shape("candle")
def candle(radius: float = 0.03, height: float = 0.11) -> Geometry:
    """Candle that grows thinner upwards, with a wick."""
    return revolution(
        [
            (0.0, 0.0),
            (radius, 0.0),
            (0.72 * radius, 0.92 * height),
            (0.08 * radius, 0.92 * height),
            (0.08 * radius, height),
            (0.0, height),
        ]
    )


@shape("weight")
def weight(radius: float = 0.034, height: float = 0.10) -> Geometry:
    """Dumb-bell standing on one of its discs."""
    disc, bar = 0.3 * height, 0.55 * radius
    return revolution(
        [
            (0.0, 0.0),
            (radius, 0.0),
            (radius, disc),
            (bar, disc),
            (bar, height - disc),
            (radius, height - disc),
            (radius, height),
            (0.0, height),
        ]
    )


@shape("avocado")
def avocado(radius: float = 0.034, height: float = 0.095) -> Geometry:
    """Avocado standing on its flattened end."""
    profile = [(0.55, 0.0), (0.9, 0.12), (1.0, 0.3), (0.9, 0.5), (0.66, 0.7), (0.5, 0.88)]
    rings = [(radius * r, height * h) for r, h in [*profile, (0.3, 0.97), (0.1, 1.0)]]
    return revolution([(0.0, 0.0), *rings, (0.0, height)])


SIZES: dict[str, dict[str, tuple[float, float]]] = {
    "jar": {"radius": (0.028, 0.036), "height": (0.08, 0.11), "lid": (0.020, 0.026)},
    "candle": {"radius": (0.026, 0.034), "height": (0.09, 0.13)},
    "weight": {"radius": (0.028, 0.036), "height": (0.09, 0.12)},
    "avocado": {"radius": (0.030, 0.036), "height": (0.085, 0.11)},
}
"""Ranges of their measures, metres."""
