"""What perception found, painted on the camera's image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from unihm.types import FloatArray, RgbdObservation

if TYPE_CHECKING:
    from unihm.perception.planner.cliport import PickAffordance

FLOOR = 0.08  # share of the best cell below which nothing is painted
STRENGTH = 0.75  # how much of the image the paint hides at most


def draw_affordance(
    observation: RgbdObservation, points: FloatArray, affordance: PickAffordance
) -> NDArray[np.uint8]:
    """The image with an affordance laid over it: from yellow to red, the redder the better.

    Args:
        observation: whose image is painted.
        points: (h, w, 3) its points in the world, with or without a stride.
        affordance: where the target may be picked.

    Returns:
        (H, W, 3) uint8.
    """
    heightmap, shares = affordance.heightmap, affordance.shares
    cells = np.floor(heightmap.to_pixel(np.nan_to_num(points[..., :2], nan=1e6)) + 0.5)
    on_map = np.all((cells >= 0) & (cells < shares.shape), axis=-1)
    index = np.where(np.expand_dims(on_map, -1), cells, 0).astype(np.int64)
    best = max(float(shares.max()), 1e-9)
    heat = np.where(on_map, shares[index[..., 0], index[..., 1]] / best, 0.0)
    height, width = observation.depth.shape
    stride = width // points.shape[1]
    heat = heat.repeat(stride, axis=0).repeat(stride, axis=1)[:height, :width]
    heat = np.where(heat > FLOOR, heat**0.5, 0.0)[..., None]
    paint = np.concatenate(
        [np.full_like(heat, 255.0), 230.0 * (1.0 - heat), np.zeros_like(heat)], axis=-1
    )
    blend = STRENGTH * np.minimum(1.0, 1.5 * heat)
    return (observation.rgb * (1.0 - blend) + paint * blend).astype(np.uint8)


def draw_mask(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The image (H, W, 3) with a mask (H, W) tinted green and outlined."""
    shown = rgb.copy()
    shown[mask] = (0.55 * rgb[mask] + 0.45 * np.array([40, 220, 80])).astype(np.uint8)
    shown[mask & ~binary_erosion(mask, iterations=2)] = (255, 255, 255)
    return shown
