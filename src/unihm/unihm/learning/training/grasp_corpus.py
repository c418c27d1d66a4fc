"""Grasps that lift as what the networks that generate grasps learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.grasps.config import GraspTraining
from unihm.grasps.part_tokenizer.heading import headings, turned
from unihm.learning.datasets.grasp_set import GraspSet
from unihm.robots import load_hand
from unihm.tokenizer.features import Features, move_rows, to_features
from unihm.types import FloatArray, ObjectCloud

_FEWEST = 32  # points that a side of an object has


@dataclass(frozen=True)
class GraspsOfHand:
    """All grasps of one hand.

    Attributes:
        rows: (G, 9 + J) feature rows.
        objects: (G,) numbers of their clouds.
        numbers: (G,) which grasp of its object each is.
    """

    rows: Features
    objects: NDArray[np.int64]
    numbers: NDArray[np.int64]


@dataclass(frozen=True)
class DrawnGrasps:
    """What a step draws of one hand, everything in frames in which the palms look nearly to +y.

    Attributes:
        rows: (B, 9 + J).
        clouds: (B, N, 6) metres and normals.
        chosen: (B,) which grasps of the hand they are.
    """

    rows: Features
    clouds: NDArray[np.float32]
    chosen: NDArray[np.int64]


def grasps_by_hand(sets: Sequence[GraspSet], hands: Sequence[str]) -> dict[str, GraspsOfHand]:
    """All grasps of ``hands``.

    Raises:
        UnihmError: INVALID_EPISODE for a hand without grasps.
    """
    found: dict[str, list[tuple[Features, int, int]]] = {hand: [] for hand in hands}
    for index, grasps in enumerate(sets):
        for number, grasp in enumerate(grasps.grasps):
            if grasp.hand in found:
                row = to_features(grasp.T_object_wrist, grasp.joints, load_hand(grasp.hand))
                found[grasp.hand].append((row, index, number))
    for hand, rows in found.items():
        if not rows:
            raise UnihmError(ErrorCode.INVALID_EPISODE, f"There is no grasp of the hand '{hand}'.")
    return {
        hand: GraspsOfHand(*(np.array(column) for column in zip(*rows)))
        for hand, rows in found.items()
    }


def draw_grasps(
    grasps: GraspsOfHand,
    clouds: Sequence[ObjectCloud],
    points: int,
    settings: GraspTraining,
    random: np.random.Generator,
) -> DrawnGrasps:
    """Grasps with their objects, moved alike, with other joints a little.

    Args:
        grasps: of one hand.
        clouds: of all objects.
        points: N of each cloud.
        settings: how many, and by how much they are moved.
        random: where everything random comes from.
    """
    chosen = random.integers(len(grasps.rows), size=settings.batch)
    rows = grasps.rows[chosen]
    joints = rows[:, 9:] + random.normal(0.0, 2.0 * settings.joint_noise, rows[:, 9:].shape)
    rows = np.concatenate([rows[:, :9], np.clip(joints, -1.0, 1.0)], axis=1).astype(np.float32)
    T = turned(random.normal(0.0, settings.turn, settings.batch) - headings(rows))
    T[:, :3, 3] = random.normal(0.0, settings.shift, (settings.batch, 3))
    seen = [
        look(clouds[number], T_own, points, settings.partial, random)
        for number, T_own in zip(grasps.objects[chosen], T)
    ]
    return DrawnGrasps(move_rows(rows[:, None], T)[:, 0], np.stack(seen), chosen)


def look(
    cloud: ObjectCloud, T: FloatArray, points: int, partial: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """(points, 6) of a moved cloud; a ``partial`` share shows what faces one direction alone."""
    chosen = np.arange(len(cloud.points))
    if random.random() < partial:
        eye = random.normal(size=3)
        eye[2] = abs(eye[2])  # a camera looks down
        facing = np.flatnonzero(cloud.normals @ eye > 0)
        if len(facing) >= _FEWEST:
            chosen = facing
    chosen = random.choice(chosen, points, replace=len(chosen) < points)
    seen = cloud.points[chosen] @ T[:3, :3].T + T[:3, 3]
    return np.concatenate([seen, cloud.normals[chosen] @ T[:3, :3].T], 1).astype(np.float32)
