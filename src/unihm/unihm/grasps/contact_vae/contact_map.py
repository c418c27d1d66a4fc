"""Grasps adjusted to a contact map by the refiner (RealDex, section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from unihm.errors import UnihmError
from unihm.refinement import RefinementConfig, refine
from unihm.refinement.terms import State
from unihm.robots import load_hand
from unihm.transforms import BoolArray
from unihm.types import (
    FloatArray,
    HandMotion,
    ObjectCloud,
    ObjectTrajectory,
    Phase,
    TaskKind,
)

REACH = 0.04  # m from the map beyond which a finger is taken to have no part in the grasp
_STILL = 2  # frames: the fewest that a motion may have


@dataclass
class ContactMap:
    """A term of the refinement: every pad onto the points that shall be in contact.

    Attributes:
        fingers: F, whose pads are the first of the probes.
        tree: of these points.
        normals: (C, 3) of the surface there.
        weight: square root of the weight, 1/m.
    """

    fingers: int
    tree: cKDTree
    normals: FloatArray
    weight: float

    def __call__(self, state: State) -> tuple[Any, Any]:
        """R = 3 F: from where a pad would touch the nearest of the points, to the pad's centre."""
        arrays, count = state.arrays, self.fingers
        x, radius = state.x[:, :count], state.probes.radius[:, :count, None]
        distance, nearest = self.tree.query(x)
        wanted = self.tree.data[nearest] + radius * self.normals[nearest]
        weight = self.weight * (distance - radius[..., 0] < REACH)
        r = weight[..., None] * (x - wanted)
        moved_by = state.probes.moved_by[:, :count]
        rows = [
            weight[..., None]
            * arrays.rows(state.screws, x, np.broadcast_to(axis, x.shape), moved_by)
            for axis in np.eye(3)
        ]
        derivative = np.stack(rows, axis=2)  # (B, F, 3, D)
        return r.reshape(len(x), -1), derivative.reshape(len(x), 3 * count, -1)


def adjust(
    hand: str,
    T_object_wrist: FloatArray,
    joints: FloatArray,
    cloud: ObjectCloud,
    touched: BoolArray,
    weight: float,
    config: RefinementConfig,
) -> tuple[FloatArray, FloatArray]:
    """One grasp, refined so that its pads lie on the points that are foretold to be in contact.

    Args:
        hand: name of a file in ``config/hands``.
        T_object_wrist: (4, 4) as drawn.
        joints: (J,) likewise.
        cloud: the object's surface.
        touched: (N,) its points in contact; where there are too few the surface alone attracts.
        weight: of :class:`ContactMap`, 1/m^2.
        config: of the refinement.

    Returns:
        wrist (4, 4) and joints (J,); as they came in where the refinement refuses them.
    """
    still = np.repeat(np.eye(4)[None], _STILL, axis=0)
    phase = np.full(_STILL, int(Phase.HOLD))
    course = ObjectTrajectory(still, phase, 0.1, TaskKind.GRAB, np.zeros(3))
    motion = HandMotion(hand, still @ T_object_wrist, np.tile(joints, (_STILL, 1)), course)
    terms = []
    if touched.any():
        fingers, points = len(load_hand(hand).finger_names), cloud.points[touched]
        terms = [ContactMap(fingers, cKDTree(points), cloud.normals[touched], weight**0.5)]
    try:
        refined, _ = refine(motion, cloud, config, terms=terms)
    except UnihmError:
        return T_object_wrist, joints
    return refined.T_object_wrist[-1], refined.joints[-1]
