"""A motion as the network sees it: one row of numbers of order one per frame.

A row is the palm's pose in the object frame, then the independent joints: position / 0.1 m (3),
the first two columns of the rotation matrix (6), joints scaled to [-1, 1] by their limits (J).
The palm frame means the same on every hand, the wrist frame does not. In these units 2 mm,
1.1 degrees and 0.02 rad of a joint of 2 rad range are equally large (0.02), so that one squared
error weighs them alike.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from unihm.errors import ErrorCode, UnihmError
from unihm.robots import Hand
from unihm.robots.torch_kinematics import TorchHand
from unihm.transforms import invert, make_transform
from unihm.types import FloatArray, HandMotion, ObjectTrajectory

POSITION_SCALE = 0.1  # m
POSE_FEATURES = 9

Features = NDArray[np.float32]


def to_features(T_object_wrist: FloatArray, joints: FloatArray, hand: Hand) -> Features:
    """Rows of wrist poses (T, 4, 4) and joints (T, J): (T, 9 + J)."""
    if joints.shape[-1] != len(hand.lower):
        raise UnihmError(
            ErrorCode.INVALID_MOTION,
            f"{hand.name} has {len(hand.lower)} joints, not {joints.shape[-1]}.",
        )
    T_object_palm = T_object_wrist @ hand.T_wrist_palm
    position = T_object_palm[..., :3, 3] / POSITION_SCALE
    columns = T_object_palm[..., :3, :2].swapaxes(-1, -2).reshape(*position.shape[:-1], 6)
    scaled = 2.0 * (joints - hand.lower) / (hand.upper - hand.lower) - 1.0
    return np.concatenate([position, columns, scaled], axis=-1).astype(np.float32)


def from_features(features: Features, hand: Hand) -> tuple[FloatArray, FloatArray]:
    """Wrist poses (T, 4, 4) and joints (T, J), within limits, of rows (T, 9 + J)."""
    features = np.asarray(features, float)
    T_object_palm = make_transform(
        orthonormal(features[..., 3:9]), features[..., :3] * POSITION_SCALE
    )
    unit = np.clip((features[..., 9:] + 1.0) / 2.0, 0.0, 1.0)
    joints = hand.lower + unit * (hand.upper - hand.lower)
    return T_object_palm @ invert(hand.T_wrist_palm), joints


def orthonormal(columns: NDArray[np.floating]) -> NDArray[np.floating]:
    """Rotation matrices (..., 3, 3) from their first two columns (..., 6), by Gram-Schmidt."""
    x = columns[..., :3] / np.linalg.norm(columns[..., :3], axis=-1, keepdims=True).clip(1e-9)
    y = columns[..., 3:] - (x * columns[..., 3:]).sum(-1, keepdims=True) * x
    y = y / np.linalg.norm(y, axis=-1, keepdims=True).clip(1e-9)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def motion_features(motion: HandMotion, hand: Hand) -> Features:
    """Rows of a motion: (T, 9 + J)."""
    return to_features(motion.T_object_wrist, motion.joints, hand)


def features_motion(features: Features, hand: Hand, trajectory: ObjectTrajectory) -> HandMotion:
    """The motion of rows (T, 9 + J) along a trajectory of T frames."""
    T_object_wrist, joints = from_features(features, hand)
    return HandMotion(hand.name, T_object_wrist, joints, trajectory)


def small_motions(count: int, shift: float, turn: float, random: np.random.Generator) -> FloatArray:
    """(count, 4, 4) random errors of an object frame: metres, and radians about z."""
    angles = random.normal(0.0, turn, (count, 3)) * [1 / 3, 1 / 3, 1.0]
    rotation = Rotation.from_rotvec(angles).as_matrix()
    return make_transform(rotation, random.normal(0.0, shift, (count, 3)))


def move_rows(rows: Features, T: FloatArray) -> Features:
    """Rows (B, T, F) of hands that are moved by T (B, 4, 4)."""
    rotation = T[:, None, :3, :3]
    moved = rows.copy()
    for start in (0, 3, 6):  # position, and two columns of the rotation
        moved[..., start : start + 3] = (rotation @ rows[..., start : start + 3, None])[..., 0]
    moved[..., :3] += T[:, None, :3, 3] / POSITION_SCALE
    return moved


def blend_rows(a: Features, b: Features, share: FloatArray) -> Features:
    """Rows (B, T, F) between ``a`` (share 0) and ``b`` (share 1), with proper rotations."""
    blended = a + share[:, None, None].astype(np.float32) * (b - a)
    rotation = orthonormal(blended[..., 3:9])
    blended[..., 3:9] = rotation[..., :2].swapaxes(-1, -2).reshape(*a.shape[:-1], 6)
    return blended


def row_fingertips(rows: torch.Tensor, kinematics: TorchHand) -> torch.Tensor:
    """Pad centres (..., F, 3) in the object frame, metres, of rows (..., 9 + J); differentiable."""
    hand = kinematics.hand
    x = torch.nn.functional.normalize(rows[..., 3:6], dim=-1)
    y = rows[..., 6:9] - (x * rows[..., 6:9]).sum(-1, keepdim=True) * x
    y = torch.nn.functional.normalize(y, dim=-1)
    R_object_palm = torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)
    joints = kinematics.lower + (rows[..., 9:] + 1.0) / 2.0 * (kinematics.upper - kinematics.lower)
    tips, _ = kinematics.fingertips(joints)  # in the wrist frame
    T_palm_wrist = torch.as_tensor(invert(hand.T_wrist_palm), dtype=rows.dtype)
    in_palm = tips @ T_palm_wrist[:3, :3].T + T_palm_wrist[:3, 3]
    return in_palm @ R_object_palm.transpose(-1, -2) + rows[..., None, :3] * POSITION_SCALE
