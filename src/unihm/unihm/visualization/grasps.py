"""Candidates of a grasp side by side, the hand as it touches the object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unihm.grasps import Candidate
from unihm.robots import load_hand
from unihm.robots.surface import surface_points
from unihm.transforms import apply, look_at
from unihm.types import FloatArray, ObjectCloud, RgbdObservation
from unihm.visualization.palette import BAD, FAINT, GRASP, PAPER
from unihm.visualization.pictures import Picture, caption, splat

_SIZE = (320, 240)  # pixels, width and height of one candidate
_ROW = 4
_MOST = 12
_LIGHT = np.array([0.3, -0.5, 0.81])


def draw_grasps(
    cloud: ObjectCloud, candidates: Sequence[Candidate], reached: Sequence[bool]
) -> Picture:
    """The first of ``candidates`` in rows of four; those that the arm does not reach are red."""
    tiles = [_tile(cloud, *each) for each in zip(candidates[:_MOST], reached)]
    blank = np.full_like(tiles[0], np.asarray(PAPER, np.uint8))
    columns = min(_ROW, len(tiles))
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)


def _tile(cloud: ObjectCloud, candidate: Candidate, reached: bool) -> Picture:
    width, height = _SIZE
    contact, motion = candidate.motion.trajectory.contact, candidate.motion
    hand = load_hand(motion.hand)
    T = motion.T_object_wrist[contact]
    points, normals, _ = surface_points(hand, motion.joints[contact], 0.001)
    K = np.array([[1.1 * width, 0, width / 2], [0, 1.1 * width, height / 2], [0, 0, 1.0]])
    view = RgbdObservation(
        np.full((height, width, 3), np.asarray(PAPER, np.uint8)),
        np.zeros((height, width), np.float32),
        K,
        look_at([0.42, -0.25, 0.32], [0.0, 0.0, 0.04]),
    )
    image = splat(view.rgb, view, cloud.points, _shaded(FAINT, cloud.normals), 2, 1.0)
    tint = GRASP if reached else BAD
    image = splat(
        image, view, apply(T, points), _shaded(tint, normals @ T[:3, :3].T), 1, opacity=0.75
    )
    return caption(image, candidate.view.words, f"{candidate.measures.cost:.2f}")


def _shaded(tint: Sequence[int], normals: FloatArray) -> FloatArray:
    return np.clip(0.65 + 0.35 * normals @ _LIGHT, 0.2, 1.0)[:, None] * np.asarray(tint, float)
