"""The affordance painted on the camera's image, for people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unihm.perception.planner.cliport.heightmap import Heightmap
from unihm.types import FloatArray, RgbdObservation

FLOOR = 0.08  # share of the best cell below which nothing is painted
STRENGTH = 0.75  # how much of the image the paint hides at most


def affordance_image(
    observation: RgbdObservation,
    points: FloatArray,
    heightmap: Heightmap,
    shares: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """The image with a map laid over it: from yellow to red, the redder the better.

    Args:
        observation: whose image is painted.
        points: (h, w, 3) its points in the world, with or without a stride.
        heightmap: the grid of the map.
        shares: (H, W) the map.

    Returns:
        (height, width, 3) uint8.
    """
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
