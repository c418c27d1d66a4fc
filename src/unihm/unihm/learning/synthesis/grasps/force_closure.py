"""How well a set of contacts holds an object: a number that predicts success in physics."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

from unihm.refinement.forces import friction_pyramid
from unihm.types import FloatArray

TORQUE_ARM = 0.03  # m; a unit torque load is 1 N at this arm
_SUM_WEIGHT = 0.02  # of the total force beside the unbalanced part


def grasp_matrix(points: FloatArray, normals: FloatArray, friction: float) -> FloatArray:
    """Wrenches (6, E C) of cone edges with unit normal component.

    Args:
        points: (C, 3) contacts, metres, relative to the centre of mass.
        normals: (C, 3) unit, outward; contact forces push against them.
        friction: Coulomb coefficient.
    """
    force = friction_pyramid(normals, friction)  # (E, C, 3)
    torque = np.cross(points, force) / TORQUE_ARM
    return np.concatenate([force, torque], -1).reshape(-1, 6).T


def worst_wrench(
    points: ArrayLike, normals: ArrayLike, centre: ArrayLike = (0, 0, 0), friction: float = 0.5
) -> float:
    """Total normal force in N that the contacts need for the worst of 12 unit loads of 1 N.

    The loads are plus and minus each axis of force and of torque (at ``TORQUE_ARM``). Small is
    good: below 8 nearly every grasp holds. Infinite where some load cannot be resisted.

    Args:
        points: (C, 3) metres.
        normals: (C, 3) unit, outward of the object.
        centre: (3,) centre of mass.
        friction: Coulomb coefficient; lower than the true one to be safe.
    """
    points, normals = np.asarray(points, float), np.asarray(normals, float)
    if len(points) < 2:
        return float("inf")
    matrix = grasp_matrix(points - np.asarray(centre, float), normals, friction)
    system = np.vstack([matrix, _SUM_WEIGHT * np.ones(matrix.shape[1])])
    worst = 0.0
    for load in np.concatenate([np.eye(6), -np.eye(6)]):
        force, _ = nnls(system, np.append(load, 0.0))
        unbalanced = np.linalg.norm(matrix @ force - load)
        if unbalanced > 0.4:
            return float("inf")
        worst = max(worst, float(force.sum()))
    return worst
