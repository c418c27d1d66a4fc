"""What perception found, painted on the camera's image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_erosion

from unihm.types import FloatArray, RgbdObservation

if TYPE_CHECKING:
    from unihm.perception.planner.cliport import PickAffordance
    from unihm.perception.scene import DetectedObject, TableScene

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


def draw_objects(
    rgb: NDArray[np.uint8], scene: TableScene, chosen: DetectedObject | None = None
) -> NDArray[np.uint8]:
    """The image (H, W, 3) with everything on the table outlined and numbered as in the scene.

    Args:
        rgb: the image that the scene was read from.
        scene: what stands on the table.
        chosen: the object to tint green; None: none.
    """
    shown = rgb.copy()
    places = []
    for thing in scene.objects:
        mask = np.zeros(rgb.shape[:2], bool)
        mask.ravel()[scene.image_pixels(thing.cluster)] = True
        if thing is chosen:
            shown = draw_mask(shown, mask)
        else:
            shown[mask & ~binary_erosion(mask, iterations=2)] = (255, 190, 40)
        rows, columns = np.nonzero(mask)
        places.append((float(np.median(columns)), float(np.median(rows))))
    picture = Image.fromarray(shown)
    pen = ImageDraw.Draw(picture)
    size = max(rgb.shape[0] // 24, 12)
    for number, place in enumerate(places, start=1):
        pen.text(
            place, str(number), (255, 255, 255), ImageFont.load_default(size), anchor="mm",
            stroke_width=2, stroke_fill=(0, 0, 0),
        )  # fmt: skip
    return np.asarray(picture)
