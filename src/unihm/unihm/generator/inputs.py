"""What the generator looks at, as arrays: cloud and trajectory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unihm.transforms import apply, invert
from unihm.types import FloatArray, IntArray, ObjectCloud, ObjectTrajectory

Array = NDArray[np.float32]
FRAME_FEATURES = 14


@dataclass(frozen=True)
class View:
    """An object as the generator is shown it: seen from another side it is grasped from there.

    Attributes:
        T_object_frame: (4, 4): the frame that takes the place of the object's own.
        cloud: the surface, or the part of it to be grasped; metres, in the object's own frame.
    """

    T_object_frame: FloatArray
    cloud: ObjectCloud


def relative_poses(trajectory: ObjectTrajectory) -> FloatArray:
    """T_0_t (T, 4, 4): where the object goes, seen from where it is now.

    Relative, so that the tokens do not depend on where the object stands.
    """
    return invert(trajectory.T_world_object[0]) @ trajectory.T_world_object


def trajectory_features(T_0_t: FloatArray, phase: IntArray, chunk: int) -> Array:
    """Chunks of poses (..., T, 4, 4) and phases (..., T): (..., L, chunk * 14).

    Per frame: position / 0.1 m (3), two columns of the rotation (6), phase one-hot (5). The
    last frame fills an incomplete chunk.
    """
    *batch, frames, _, _ = T_0_t.shape
    features = np.concatenate(
        [
            T_0_t[..., :3, 3] / 0.1,
            T_0_t[..., :3, :2].swapaxes(-1, -2).reshape(*batch, frames, 6),
            np.eye(5)[phase],
        ],
        axis=-1,
    )
    fill = [(0, 0)] * len(batch) + [(0, -frames % chunk), (0, 0)]
    features = np.pad(features, fill, mode="edge").astype(np.float32)
    return features.reshape(*batch, -1, chunk * FRAME_FEATURES)


def view_features(view: View, points: int, generator: np.random.Generator) -> Array:
    """``points`` random points with their normals in the view's frame: (points, 6) metres, unit."""
    total, T_frame_object = len(view.cloud.points), invert(view.T_object_frame)
    chosen = generator.choice(total, points, replace=total < points)
    seen = apply(T_frame_object, view.cloud.points[chosen])
    normals = view.cloud.normals[chosen] @ T_frame_object[:3, :3].T
    return np.concatenate([seen, normals], 1).astype(np.float32)
