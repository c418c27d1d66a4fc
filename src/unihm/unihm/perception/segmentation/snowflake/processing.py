"""From a seen part to what SnowflakeNet reads, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unihm.types import FloatArray


@dataclass(frozen=True)
class Normalisation:
    """Where the network's coordinates are in the world; :meth:`undo` brings its answer back.

    Attributes:
        center: (3,) metres, world.
        rotation: (3, 3) from the network's frame to the world.
        scale: metres per unit of the network.
    """

    center: FloatArray
    rotation: FloatArray
    scale: float

    def apply(self, points: FloatArray) -> FloatArray:
        """(N, 3) metres, world -> (N, 3)."""
        return (points - self.center) @ self.rotation / self.scale

    def undo(self, points: FloatArray) -> FloatArray:
        """(N, 3) -> (N, 3) metres, world."""
        return self.scale * points @ self.rotation.T + self.center

    def turn(self, normals: FloatArray) -> FloatArray:
        """Directions (N, 3) of the world in the network's frame."""
        return normals @ self.rotation

    def turn_back(self, normals: FloatArray) -> FloatArray:
        """Directions (N, 3) of the network's frame in the world."""
        return normals @ self.rotation.T


# Coordinates with z up, times this, have y up.
_Z_TO_Y = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def normalise(
    seen: FloatArray,
    camera: FloatArray,
    table_height: float,
    extent: float = 1.0,
    y_up: bool = False,
) -> Normalisation:
    """A frame in which every object looks as alike as may be.

    The camera is on the side of x, the object's box from the table to its top is centred and its
    longest side is twice ``extent``.

    Args:
        seen: (N, 3) metres, world.
        camera: (3,) metres, world.
        table_height: metres, world.
        extent: half the longest side in the network's unit.
        y_up: turn the vertical to y.
    """
    toward = camera[:2] - np.median(seen[:, :2], axis=0)
    yaw = np.arctan2(toward[1], toward[0])
    c, s = np.cos(yaw), np.sin(yaw)
    rotation = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    local = seen @ rotation
    low, high = np.percentile(local, [0.5, 99.5], axis=0)
    low[2] = min(table_height, high[2] - 0.005)
    center = (low + high) / 2 @ rotation.T
    rotation = rotation @ _Z_TO_Y if y_up else rotation
    return Normalisation(center, rotation, float((high - low).max()) / (2 * extent))
