"""A table with a red box, as a camera straight above sees it: what stages warm up on."""

from __future__ import annotations

import numpy as np

from unihm.types import ObjectTrajectory, RgbdObservation, TaskKind

INSTRUCTION = "pick up the red box"
_HEIGHT, _TALL = 1.0, 0.05  # metres: the camera above the table, the box


def example_observation() -> RgbdObservation:
    """640x480, made of two rectangles; the box is at (0.5, 0) m."""
    rgb = np.full((480, 640, 3), 160, np.uint8)
    depth = np.full((480, 640), _HEIGHT, np.float32)
    box = slice(210, 270), slice(290, 350)
    rgb[box], depth[box] = (200, 30, 30), _HEIGHT - _TALL
    T_world_camera = np.array(
        [[0.0, -1.0, 0.0, 0.5], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, _HEIGHT], [0, 0, 0, 1.0]]
    )
    K = np.array([[568.0, 0.0, 320.0], [0.0, 568.0, 240.0], [0.0, 0.0, 1.0]])
    return RgbdObservation(rgb=rgb, depth=depth, K=K, T_world_camera=T_world_camera)


def example_trajectory() -> ObjectTrajectory:
    """One frame, the object's frame being the world's; the box is picked at its top's middle."""
    top = np.array([0.5, 0.0, _TALL])
    return ObjectTrajectory(np.eye(4)[None], np.zeros(1, int), 0.1, TaskKind.GRAB, top)
