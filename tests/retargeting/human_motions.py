"""Human keypoints made by the human hand itself."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from unihm.robots import load_hand
from unihm.transforms import FloatArray, apply, from_xyz_rpy


def human_motion(frames: int, seed: int = 0, side: str = "right") -> FloatArray:
    """Keypoints (T, 21, 3) of a hand that opens, closes and pinches while it wanders."""
    hand = load_hand("human" if side == "right" else "human_left")
    random = np.random.default_rng(seed)
    knots = max(3, frames // 20 + 2)
    # Between open and closed, with every joint a little on its own.
    closing = random.uniform(0.0, 0.9, (knots, 1)) + random.uniform(-0.1, 0.1, (knots, 21))
    joints = hand.open_joints + closing * (hand.closed_joints - hand.open_joints)
    times = np.linspace(0, 1, knots)
    joints = hand.clip(CubicSpline(times, joints)(np.linspace(0, 1, frames)))
    pose = CubicSpline(times, random.uniform(-0.3, 0.3, (knots, 6)))(np.linspace(0, 1, frames))
    return np.array(
        [apply(from_xyz_rpy(p[:3], p[3:]), hand.keypoints(q)) for p, q in zip(pose, joints)]
    )
