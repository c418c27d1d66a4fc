"""The table from straight above: an orthographic map of colour and height, from any camera pose.

Row 0 is the far edge and column 0 the left one, as a person behind the robot sees the table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from unihm.perception.camera import project
from unihm.perception.planner.cliport.config import CliportConfig
from unihm.transforms import apply, invert
from unihm.types import FloatArray, IntArray, RgbdObservation

MAX_HEIGHT = 0.40  # m above the table; the arm and its hand are higher
_FILL = 2.0  # pixels of the map over which small gaps are closed


@dataclass(frozen=True)
class Heightmap:
    """What one observation shows of the table, from above.

    Attributes:
        rgb: (H, W, 3) float32, 0 to 1; black where nothing is seen.
        height: (H, W) float32, metres above the table; 0 where nothing is seen and, without
            depth, everywhere.
        source: (H, W) flat index of the image's pixel that is shown; -1 where nothing is seen.
        config: the grid.
    """

    rgb: NDArray[np.float32]
    height: NDArray[np.float32]
    source: IntArray
    config: CliportConfig

    def to_world(self, pixels: FloatArray) -> FloatArray:
        """(..., 2) x, y in metres of map positions (..., 2), row and column (may be fractions)."""
        return to_world(self.config, pixels)

    def to_pixel(self, xy: FloatArray) -> FloatArray:
        """(..., 2) row and column, as fractions, of x, y (..., 2) in metres."""
        return to_pixel(self.config, xy)


def to_world(config: CliportConfig, pixels: FloatArray) -> FloatArray:
    """(..., 2) x, y in metres of map positions (..., 2), row and column."""
    pixels = np.asarray(pixels, float)
    return np.array([config.x[1], config.y[1]]) - (pixels + 0.5) * config.pixel


def to_pixel(config: CliportConfig, xy: FloatArray) -> FloatArray:
    """(..., 2) row and column, as fractions, of x, y (..., 2) in metres."""
    return (np.array([config.x[1], config.y[1]]) - np.asarray(xy, float)) / config.pixel - 0.5


def make_heightmap(
    observation: RgbdObservation,
    points: FloatArray,
    table_height: float = 0.0,
    config: CliportConfig | None = None,
) -> Heightmap:
    """Look at the table from above; in every cell the highest point that is seen wins.

    Args:
        observation: the image.
        points: (h, w, 3) its clean points in the world, NaN where depth is missing
            (:func:`unihm.perception.camera.world_points`, with or without a stride); not
            looked at without depth.
        table_height: metres, world.
        config: the grid, and whether depth is used.
    """
    config = config or CliportConfig()
    if not config.depth:
        return _laid_flat(observation, table_height, config)
    width = observation.depth.shape[1]
    stride = width // points.shape[1]
    H, W = config.shape
    x, y, z = (points[..., k].ravel() for k in range(3))
    with np.errstate(invalid="ignore"):
        # Not a number fails every comparison.
        height = z - table_height
        row, column = (config.x[1] - x) / config.pixel, (config.y[1] - y) / config.pixel
        kept = np.flatnonzero((height > -0.05) & (height < MAX_HEIGHT))
        kept = kept[(row[kept] >= 0) & (row[kept] < H) & (column[kept] >= 0) & (column[kept] < W)]
    height = height[kept].astype(np.float32)
    flat = row[kept].astype(np.int64) * W + column[kept].astype(np.int64)
    top = np.full(H * W, -np.inf, np.float32)
    np.maximum.at(top, flat, height)
    highest = height == top[flat]
    rows, columns = np.divmod(kept[highest], points.shape[1])
    source = np.full(H * W, -1, np.int64)
    source[flat[highest]] = (rows * width + columns) * stride
    top[source < 0] = 0.0
    source, top = _close_gaps(source.reshape(H, W), top.reshape(H, W))
    return Heightmap(_colors(observation, source), top, source, config)


def _laid_flat(
    observation: RgbdObservation, table_height: float, config: CliportConfig
) -> Heightmap:
    """The image as if everything in it were painted on the table: no depth is needed."""
    H, W = config.shape
    rows, columns = np.mgrid[0:H, 0:W].astype(float)
    xy = to_world(config, np.stack([rows, columns], axis=-1))
    ground = np.concatenate([xy, np.full((H, W, 1), table_height)], axis=-1)
    in_camera = apply(invert(observation.T_world_camera), ground)
    uv = np.rint(project(in_camera, observation.K))
    height, width = observation.depth.shape
    with np.errstate(invalid="ignore"):
        seen = (
            (in_camera[..., 2] > 0.05)
            & (uv >= 0).all(axis=-1)
            & (uv[..., 0] < width)
            & (uv[..., 1] < height)
        )
    source = np.full((H, W), -1, np.int64)
    source[seen] = (uv[seen] @ [1, width]).astype(np.int64)
    return Heightmap(_colors(observation, source), np.zeros((H, W), np.float32), source, config)


def _close_gaps(
    source: IntArray, height: NDArray[np.float32]
) -> tuple[IntArray, NDArray[np.float32]]:
    """Cells that no pixel fell into take what their nearest neighbour has, if it is near."""
    distance, nearest = distance_transform_edt(source < 0, return_indices=True)
    near = distance <= _FILL
    rows, columns = nearest
    return (
        np.where(near, source[rows, columns], -1),
        np.where(near, height[rows, columns], np.float32(0.0)),
    )


def _colors(observation: RgbdObservation, source: IntArray) -> NDArray[np.float32]:
    rgb = observation.rgb.reshape(-1, 3)[np.maximum(source, 0)].astype(np.float32) / 255.0
    return rgb * (source >= 0)[..., None]
