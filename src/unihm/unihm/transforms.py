"""Rigid transforms as arrays: ``T_a_b`` (..., 4, 4) maps coordinates of frame b to frame a."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Inner products along the last axis, (..., n) and (..., n) to (...): numpy 2's ``vecdot``."""
    return np.einsum("...i,...i->...", a, b)


def make_transform(rotation: ArrayLike, translation: ArrayLike) -> FloatArray:
    """Build (..., 4, 4) from rotation matrices (..., 3, 3) and translations (..., 3) in metres."""
    rotation, translation = np.asarray(rotation, float), np.asarray(translation, float)
    batch = np.broadcast_shapes(rotation.shape[:-2], translation.shape[:-1])
    transform = np.zeros((*batch, 4, 4))
    transform[..., :3, :3] = rotation
    transform[..., :3, 3] = translation
    transform[..., 3, 3] = 1.0
    return transform


def from_xyz_rpy(xyz: ArrayLike, rpy: ArrayLike) -> FloatArray:
    """URDF origin to (4, 4): metres and radians, R = Rz(yaw) Ry(pitch) Rx(roll)."""
    return make_transform(Rotation.from_euler("xyz", rpy).as_matrix(), xyz)


def invert(transform: ArrayLike) -> FloatArray:
    """Inverse of rigid transforms (..., 4, 4)."""
    transform = np.asarray(transform, float)
    rotation_t = np.swapaxes(transform[..., :3, :3], -1, -2)
    translation = -np.einsum("...ij,...j->...i", rotation_t, transform[..., :3, 3])
    return make_transform(rotation_t, translation)


def apply(transform: ArrayLike, points: ArrayLike) -> FloatArray:
    """Map points (..., N, 3) by transforms (..., 4, 4)."""
    transform, points = np.asarray(transform, float), np.asarray(points, float)
    rotated = points @ np.swapaxes(transform[..., :3, :3], -1, -2)
    return rotated + transform[..., None, :3, 3]


def to_pose7(transform: ArrayLike) -> FloatArray:
    """(..., 4, 4) to (..., 7): x y z in metres, quaternion x y z w as in ROS."""
    transform = np.asarray(transform, float)
    quaternion = Rotation.from_matrix(transform[..., :3, :3].reshape(-1, 3, 3)).as_quat()
    return np.concatenate(
        [transform[..., :3, 3], quaternion.reshape(*transform.shape[:-2], 4)], axis=-1
    )


def from_pose7(pose: ArrayLike) -> FloatArray:
    """(..., 7) x y z, quaternion xyzw, to (..., 4, 4)."""
    pose = np.asarray(pose, float)
    rotation = Rotation.from_quat(pose[..., 3:].reshape(-1, 4)).as_matrix()
    return make_transform(rotation.reshape(*pose.shape[:-1], 3, 3), pose[..., :3])


def is_rigid(transform: ArrayLike, tolerance: float = 1e-3) -> bool:
    """True where every (4, 4) is finite and its rotation block orthonormal and right-handed."""
    transform = np.asarray(transform, float)
    if transform.shape[-2:] != (4, 4) or not np.isfinite(transform).all():
        return False
    rotation = transform[..., :3, :3]
    error = np.abs(rotation @ np.swapaxes(rotation, -1, -2) - np.eye(3)).max(initial=0.0)
    last_row = np.abs(transform[..., 3, :] - [0, 0, 0, 1]).max(initial=0.0)
    return bool(error < tolerance and last_row < tolerance and (np.linalg.det(rotation) > 0).all())


def look_at(eye: ArrayLike, target: ArrayLike, roll: float = 0.0) -> FloatArray:
    """Optical camera pose (4, 4) at ``eye`` (3,) with ``target`` (3,) ahead: x right, y down.

    The horizon is level but for ``roll`` radians about the optical axis. Undefined where the
    camera looks straight up or down.
    """
    eye, target = np.asarray(eye, float), np.asarray(target, float)
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
    return make_transform(rotation @ Rotation.from_euler("z", roll).as_matrix(), eye)


def interpolate(T_a: ArrayLike, T_b: ArrayLike, fractions: ArrayLike) -> FloatArray:
    """Poses between two (4, 4): straight in position, shortest arc in rotation; (N, 4, 4)."""
    T_a, T_b, fractions = np.asarray(T_a, float), np.asarray(T_b, float), np.asarray(fractions)
    relative = Rotation.from_matrix(T_a[:3, :3].T @ T_b[:3, :3]).as_rotvec()
    rotation = T_a[:3, :3] @ Rotation.from_rotvec(fractions[:, None] * relative).as_matrix()
    translation = T_a[:3, 3] + fractions[:, None] * (T_b[:3, 3] - T_a[:3, 3])
    return make_transform(rotation, translation)


def minimum_snap(fractions: ArrayLike) -> FloatArray:
    """Time scaling s(u), u in [0, 1], of least snap: velocity to jerk are zero at both ends."""
    u = np.clip(np.asarray(fractions, float), 0.0, 1.0)
    return u**4 * (35 + u * (-84 + u * (70 - 20 * u)))
