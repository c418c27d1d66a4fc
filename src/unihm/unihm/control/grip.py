"""How hard the hand holds: joint offsets that press the finger pads into the object.

A position-controlled finger with stiffness k pushes with the torque k dq. To press the contacts
inwards by ``depth``, each along its unit normal n_f with Jacobian J_f (3, J), the offsets of
least effort, joints weighted by the square of the torque they can give, are

    dq = W A' (A W A')^-1 depth,    rows of A: n_f' J_f,    W = diag(effort^2),

so that strong joints do most of the pressing. Where no joint moves two fingers, that is
W J'n / (J'n)' W (J'n) * depth for each finger by itself.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from unihm.robots import Hand
from unihm.transforms import apply
from unihm.types import FloatArray, ObjectCloud

NEAR_SURFACE = 0.03  # m from its pad within which a surface is what the finger holds
MAX_OFFSET = 1.0  # rad that the squeeze may move one joint
_DAMPING = 1e-4


def squeeze_offsets(
    hand: Hand,
    joints: FloatArray,
    depth: float,
    T_object_wrist: FloatArray | None = None,
    cloud: ObjectCloud | None = None,
) -> FloatArray:
    """Offsets (J,) that move every pad ``depth`` metres towards what it touches.

    Args:
        hand: whose pads touch the object.
        joints: (J,) in contact.
        depth: m that each contact is pressed in.
        T_object_wrist: (4, 4), needed with ``cloud``.
        cloud: of the object. A pad presses against the surface's normal where the surface is
            near, otherwise along its own normal, which is also the choice without a cloud.

    Returns:
        (J,) such that ``joints`` plus the offsets stays inside the joint limits.
    """
    pads, normals = hand.fingertips(joints)  # (F, 3) each, wrist frame
    inward = normals
    if cloud is not None and T_object_wrist is not None:
        inward = _inward_normals(pads, normals, T_object_wrist, cloud)
    weights = np.asarray(hand.effort_limit, float) ** 2
    weights = weights / weights.max()
    A = np.einsum("fi,fij->fj", inward, hand.fingertip_jacobian(joints))  # (F, J)
    stiffness = (A * weights) @ A.T
    # Damped: a pad that cannot move along its normal presses nothing, and pads may share joints.
    damping = _DAMPING * np.trace(stiffness) / len(A)
    presses = np.linalg.solve(stiffness + damping * np.eye(len(A)), np.full(len(A), depth))
    offsets = weights * (A.T @ presses)
    offsets = np.clip(offsets, -MAX_OFFSET, MAX_OFFSET)
    return np.clip(joints + offsets, hand.lower, hand.upper) - joints


def _inward_normals(
    pads: FloatArray, normals: FloatArray, T_object_wrist: FloatArray, cloud: ObjectCloud
) -> FloatArray:
    """(F, 3) unit, wrist frame: mean of the pad's direction and that into the surface near it."""
    pads_object = apply(T_object_wrist, pads)
    distance, nearest = cKDTree(cloud.points).query(pads_object)
    inward = -cloud.normals[nearest] @ T_object_wrist[:3, :3]  # R' of (F, 3) rows
    usable = (distance < NEAR_SURFACE) & ((inward * normals).sum(axis=1) > 0.0)
    mixed = normals + np.where(usable[:, None], inward, 0.0)
    return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
