"""A link's collision shape as balls: what solvers keep out of an object."""

from __future__ import annotations

import numpy as np

from unihm.robots.urdf import Primitive
from unihm.transforms import FloatArray, apply

_MAX_FILL = 20  # balls, about, in a box of which no spacing is asked


def cover(shape: Primitive, spacing: float | None = None) -> tuple[FloatArray, float]:
    """Centres (S, 3) in the link's frame, and the radius, of balls that fill a primitive.

    Capsules and spheres are covered exactly along their axis; a box or cylinder by balls as thick
    as its thinnest side, so that corners stick out. A mesh has none.

    Args:
        shape: the primitive.
        spacing: metres between centres, more where a box is thick; None: as much as it takes for
            the surface to be even, a radius along an axis.
    """
    if shape.kind == "sphere":
        grid, radius = np.zeros((1, 3)), shape.size[0]
    elif shape.kind in ("capsule", "cylinder"):
        radius, length = shape.size
        rest = length if shape.kind == "capsule" else max(length - 2 * radius, 0.0)
        grid = _line(rest, spacing or radius)[:, None] * np.array([[0.0, 0.0, 1.0]])
    elif shape.kind == "box":
        sides = np.array(shape.size)
        radius = float(sides.min() / 2)
        if spacing is None:
            step = max(1.5 * radius, float(np.sort(sides)[1:].prod() / _MAX_FILL) ** 0.5)
        else:
            step = max(spacing, 1.2 * radius)
        lines = [_line(side - 2 * radius, step) for side in sides]
        grid = np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)
    else:
        return np.zeros((0, 3)), 0.0
    return apply(shape.T_link_shape, grid), radius


def _line(length: float, spacing: float) -> FloatArray:
    """Evenly spaced values centred on 0, both ends included."""
    if length <= 1e-9:
        return np.zeros(1)
    return np.linspace(-length / 2, length / 2, int(np.ceil(length / spacing)) + 1)
