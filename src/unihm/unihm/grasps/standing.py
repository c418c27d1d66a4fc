"""An object's cloud from a file, standing on the table before the robot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unihm.perception.scene.frames import azimuth, canonical_object_frame
from unihm.perception.trajectory import make_trajectory
from unihm.transforms import apply, invert
from unihm.types import ObjectCloud, ObjectTrajectory, TaskKind


def stand(cloud: ObjectCloud, at: Sequence[float]) -> tuple[ObjectTrajectory, ObjectCloud]:
    """It stands at (x, y) on the table, as it lies in its own frame, and is lifted.

    Args:
        cloud: z up, metres, anywhere.
        at: (2,) metres, world: where the middle of its box is.

    Returns:
        The trajectory, and the cloud in its object frame.
    """
    low, high = cloud.points.min(axis=0), cloud.points.max(axis=0)
    middle = np.array([*(low + high)[:2] / 2, low[2]])
    points = cloud.points - middle + [*at, 0.0]
    T_world_object = canonical_object_frame(points, azimuth(at))
    top = np.array([*at, high[2] - low[2]])
    T_object_world = invert(T_world_object)
    normals = cloud.normals @ T_object_world[:3, :3].T
    return (
        make_trajectory(TaskKind.GRAB, T_world_object, top),
        replace(cloud, points=apply(T_object_world, points), normals=normals),
    )
