"""Motions that touch a ball between thumb and fingers, for any hand."""

from __future__ import annotations

import numpy as np
from unihm.robots import Hand
from unihm.transforms import make_transform, minimum_snap
from unihm.types import HandMotion, ObjectCloud, ObjectTrajectory, TaskKind


def ball_cloud(radius: float = 0.03, count: int = 1024, seed: int = 0) -> ObjectCloud:
    """Points of a ball about the origin."""
    normals = np.random.default_rng(seed).normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return ObjectCloud(radius * normals, normals)


def box_cloud(size=(0.08, 0.05, 0.1), count: int = 2048, seed: int = 0) -> ObjectCloud:
    """Points of a cuboid about the origin, evenly over its faces."""
    rng = np.random.default_rng(seed)
    half = np.array(size) / 2
    area = np.repeat([half[1] * half[2], half[0] * half[2], half[0] * half[1]], 2)
    face = rng.choice(6, size=count, p=area / area.sum())
    points = rng.uniform(-half, half, size=(count, 3))
    normals = np.zeros((count, 3))
    axis, sign = face // 2, 1.0 - 2.0 * (face % 2)
    rows = np.arange(count)
    points[rows, axis] = sign * half[axis]
    normals[rows, axis] = sign
    return ObjectCloud(points, normals)


def trajectory(approach=6, grasp=6, hold=8, release=0, retreat=0, dt=0.1) -> ObjectTrajectory:
    """An object that rests and is then lifted."""
    counts = [approach, grasp, hold, release, retreat]
    phase = np.repeat(np.arange(5), counts)
    T = np.repeat(np.eye(4)[None], len(phase), axis=0)
    lifted = np.clip(np.arange(len(phase)) - approach - grasp, 0, hold)
    T[:, 2, 3] = 0.1 + 0.01 * lifted
    return ObjectTrajectory(T, phase, dt, TaskKind.GRAB, np.zeros(3))


def grasp_of_ball(hand: Hand, **timing) -> tuple[HandMotion, float]:
    """The hand comes from 10 cm away and closes on a ball; the motion and the ball's radius.

    The ball's centre is between the thumb's pad and the others', where the pregrasp pose has them.
    """
    pads, _ = hand.fingertips(hand.pregrasp_joints)
    thumb = pads[hand.finger_names.index("thumb")]
    others = pads[[name != "thumb" for name in hand.finger_names]]
    centre = (thumb + others.mean(axis=0)) / 2
    radius = float(np.clip(np.linalg.norm(pads - centre, axis=1).min(), 0.012, 0.06))
    course = trajectory(**timing)
    frames = len(course)
    closed = np.zeros(frames)
    away = np.zeros(frames)
    for t, phase in enumerate(course.phase):
        same = np.flatnonzero(course.phase == phase)
        u = float(minimum_snap((t - same[0] + 1) / len(same)))
        closed[t] = {0: 0.0, 1: u, 2: 1.0, 3: 1.0 - u, 4: 0.0}[int(phase)]
        away[t] = {0: 1.0 - u, 1: 0.0, 2: 0.0, 3: 0.0, 4: u}[int(phase)]
    joints = hand.open_joints + closed[:, None] * (hand.pregrasp_joints - hand.open_joints)
    approach = hand.T_wrist_palm[:3, 0]
    position = -centre - 0.1 * away[:, None] * approach
    wrist = make_transform(np.broadcast_to(np.eye(3), (frames, 3, 3)), position)
    return HandMotion(hand.name, wrist, joints, course), radius


def disturbed(motion: HandMotion, hand: Hand, rng, shift=0.005, joints=0.05, jitter=0.0):
    """A generator's mistakes: a constant shift and bend, and jitter from frame to frame."""
    T = motion.T_object_wrist.copy()
    T[:, :3, 3] += shift * rng.normal(size=3) / 3**0.5
    T[:, :3, 3] += 0.1 * jitter * rng.normal(size=(len(motion), 3))
    q = motion.joints + joints * rng.normal(size=motion.joints.shape[1])
    q = hand.clip(q + jitter * rng.normal(size=q.shape))
    return HandMotion(motion.hand, T, q, motion.trajectory)
