"""Grasps of a box with two hands, as `unihm synth grasps` would have made them."""

import numpy as np
from grasp_cases import box
from unihm.learning.datasets.grasp_set import GraspSet, LabelledGrasp
from unihm.robots import load_hand
from unihm.transforms import from_xyz_rpy

CLOUD = box(0.05, 0.05, 0.12)


def grasp_of(name, above, part="", contacts=(0.0, 0.0, 0.05), seed=0):
    """A grasp that touches with every finger at about one place."""
    hand, rng = load_hand(name), np.random.default_rng(seed)
    fingers = len(hand.finger_names)
    points = np.full((5, 3), np.nan)
    points[:fingers] = np.array(contacts) + rng.normal(0.0, 0.002, (fingers, 3))
    return LabelledGrasp(
        name,
        from_xyz_rpy(rng.normal(0.0, 0.05, 3), rng.uniform(-3, 3, 3)),
        rng.uniform(hand.lower, hand.upper),
        hand.open_joints,
        np.array([0.0, 0.0, 0.12]),
        np.where(np.isfinite(points[:, 0]), 1.0, np.nan),
        points,
        part,
        1.0 if part else 0.0,
        above,
        2.0,
    )


def grasp_set(number=0):
    grasps = [grasp_of(n, a, seed=k) for n in ("xhand", "allegro") for k, a in enumerate((80, 5))]
    names = np.full(len(CLOUD.points), "")
    return GraspSet(f"box-1-{number:06d}", CLOUD, names, np.eye(4), tuple(grasps))
