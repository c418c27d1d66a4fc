"""What holding the object asks of the contacts and the joints: a static estimate."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from unihm.refinement.batch import Batch
from unihm.refinement.chain import WRIST
from unihm.refinement.report import GraspForces
from unihm.types import FloatArray

GRAVITY = 9.81  # m/s^2
EDGES = 8  # of the pyramid that stands for a friction cone
_ARM = 0.03  # m; torques are compared with forces at this lever
_UNBALANCED = 0.1  # share of the load that may stay without resistance


def grasp_forces(batch: Batch, y: FloatArray, fingers: FloatArray) -> list[GraspForces | None]:
    """Contact forces of each motion's grasp; None where nothing touches.

    Args:
        batch: the motions.
        y: (B, D) the frame in contact of each.
        fingers: (B, F) 1 for those that touch.
    """
    arrays = batch.chain.arrays()
    found: list[GraspForces | None] = []
    for b, touching in enumerate(batch.grasp):
        use = np.flatnonzero(fingers[b] > 0)
        if not touching.any() or len(use) == 0:
            found.append(None)
            continue
        links, screws = arrays.forward(y[b : b + 1], batch.R_reference[b : b + 1])
        x = arrays.points(links, batch.chain.at(batch.spheres, use[None], arrays.ops))[0]
        _, n = batch.surface.planes_of(x, np.full(len(x), b))
        points = x - batch.chain.pads.radius[use, None] * n
        centre = batch.surface.centre(b)
        forces, total = least_forces(
            points - centre, n, batch.config.mass * GRAVITY, batch.config.friction
        )
        # The object pushes back; the joints hold -force at the contact.
        moved_by = batch.chain.moved_by[batch.chain.pads.link[use]][None]
        along = arrays.rows(screws, points[None], forces[None], moved_by)[0]  # (C, D)
        names = batch.chain.hand.finger_names
        found.append(
            GraspForces(
                fingers=tuple(names[i] for i in use),
                points=points,
                normals=n,
                forces=forces,
                torques=along.sum(0)[WRIST:],
                normal_force=total,
            )
        )
    return found


def least_forces(
    points: FloatArray, normals: FloatArray, weight: float, friction: float
) -> tuple[FloatArray, float]:
    """Contact forces (C, 3) that carry ``weight`` along the worst axis, and their normal sum.

    Non-negative least squares over the edges of the friction pyramids, for the weight along each
    of the six directions; the direction that needs most is returned.

    Args:
        points: (C, 3) metres, relative to the centre of mass.
        normals: (C, 3) outward; forces push against them.
        weight: newtons.
        friction: Coulomb coefficient.
    """
    edges = friction_pyramid(normals, friction)
    torque = np.cross(points, edges) / _ARM
    wrench = np.concatenate([edges, torque], -1).reshape(-1, 6).T  # (6, E C)
    # A little of the total force beside the balance: the least forces that do.
    system = np.vstack([wrench, np.full(wrench.shape[1], 0.01)])
    worst, forces = -1.0, np.zeros(points.shape)
    for load in weight * np.concatenate([np.eye(3), -np.eye(3)]):
        share, _ = nnls(system, np.concatenate([load, np.zeros(4)]))
        left = np.linalg.norm(wrench @ share - np.append(load, np.zeros(3)))
        total = float(share.sum()) if left < _UNBALANCED * weight else float("inf")
        if total > worst:
            worst = total
            forces = (share.reshape(EDGES, -1)[..., None] * edges).sum(0)
    return forces, worst


def friction_pyramid(normals: FloatArray, friction: float) -> FloatArray:
    """Edges (EDGES, C, 3) of the pyramids that stand for the friction cones of C contacts.

    Args:
        normals: (C, 3) unit, outward; forces push against them, each edge with 1 along them.
        friction: Coulomb coefficient.
    """
    helper = np.eye(3)[np.argmin(np.abs(normals), axis=1)]
    tangent = np.cross(normals, helper)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    other = np.cross(normals, tangent)
    angle = 2 * np.pi * np.arange(EDGES) / EDGES
    around = np.cos(angle)[:, None, None] * tangent + np.sin(angle)[:, None, None] * other
    return -normals + friction * around
