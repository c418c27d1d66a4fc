"""Energies and physical measures of whole motions."""

from __future__ import annotations

import numpy as np

from unihm.refinement.backend import backend_for
from unihm.refinement.batch import UNSEEN, Batch, Placement
from unihm.refinement.chain import WRIST
from unihm.refinement.kernel import penalty
from unihm.refinement.report import Measures
from unihm.refinement.terms import opposing_line
from unihm.types import FloatArray

_OPS = backend_for(None)


def energies(
    batch: Batch, placement: Placement, y_generated: FloatArray, fingers: FloatArray
) -> dict[str, FloatArray]:
    """Energy (B,) of every term, summed over the frames of each motion.

    Args:
        batch: the motions' frames, cloud and settings.
        placement: all frames of the motions to be judged.
        y_generated: (B, T, D) what the generative prior refers to.
        fingers: (B, F) 1 for fingers that shall touch.
    """
    y, d = placement.y, placement.d
    c, pads = batch.config, len(batch.chain.pads)
    own = np.arange(y.shape[1]) < batch.frames[:, None]  # (B, T)
    attracted = batch.attracted(fingers)
    contact = penalty(np.where(np.isfinite(d), d, 0.0)[..., :pads], c.alpha, c.k, _OPS)[0]
    contact = contact * np.where(d[..., :pads] < 0, 1.0, attracted)
    body = np.where((d < 0) & (d > -UNSEEN), d, 0.0)[..., pads:]
    found = {
        "contact": c.contact_weight * contact.sum(-1),
        "penetration": c.penetration_weight * penalty(body, c.alpha, c.k, _OPS)[0].sum(-1),
        "self_collision": 0.5 * c.self_collision_weight * batch.overlap(placement.x),
    }
    if batch.grasp.any() and c.opposition_weight > 0:
        found["opposition"] = batch.grasp * _opposition(batch, placement, fingers)
    W_gen, W_vel, W_acc = batch.weights()
    start = y_generated[:, :1]  # the boundary prior: the hand was at rest there
    gap = y - y_generated
    if c.velocity_of == "correction":
        velocity = np.diff(gap, axis=1, prepend=0.0 * start)
    else:
        velocity = np.diff(y, axis=1, prepend=start)
    acceleration = np.diff(np.concatenate([start, start, y], axis=1), n=2, axis=1)
    for name, weight, value in (
        ("generation", W_gen, gap),
        ("velocity", W_vel, velocity),
        ("acceleration", W_acc, acceleration),
    ):
        found[name] = 0.5 * ((value @ weight) * value).sum(-1)
    return {name: (own * value).sum(-1) for name, value in found.items()}


def _opposition(batch: Batch, placement: Placement, fingers: FloatArray) -> FloatArray:
    """Energy (B, T) of the opposition of thumb and fingers, were they in contact."""
    pads, frames = len(batch.chain.pads), placement.y.shape[1]
    n = placement.n[:, :, :pads].reshape(-1, pads, 3)
    x = placement.x[:, :, :pads].reshape(-1, pads, 3)
    contact = x - batch.spheres.radius[:pads, None] * n
    side = np.repeat(batch.sides(fingers), frames, axis=0)
    line, thumb, others = opposing_line(contact, n, side, _OPS)
    total = 0.0
    for normal in (thumb, others):
        across = line - (normal * line).sum(-1, keepdims=True) * normal
        total = total + 0.5 * (across**2).sum(-1)
    return total.reshape(-1, frames)


def measure(batch: Batch, placement: Placement, energy: dict[str, FloatArray]) -> list[Measures]:
    """:class:`Measures` of each motion, from all its frames and its :func:`energies`."""
    y, d = placement.y, placement.d
    hand, pads = batch.chain.hand, len(batch.chain.pads)
    found = []
    for b, frames in enumerate(batch.frames):
        joints = y[b, :frames, WRIST:]
        depth = np.where(d[b, :frames] > -UNSEEN, -d[b, :frames], 0.0).max(-1).clip(0.0)
        touching = batch.grasp[b, :frames]
        distance = {}
        if touching.any():
            mean = np.abs(d[b, :frames][touching, :pads]).mean(0)
            distance = {name: float(m) for name, m in zip(hand.finger_names, mean)}
        margin = np.minimum(joints - hand.lower, hand.upper - joints)
        found.append(
            Measures(
                energy={name: float(value[b]) for name, value in energy.items()},
                penetration_max=float(depth.max()),
                penetration_mean=float(depth.mean()),
                contact_distance=distance,
                velocity_max=_largest(joints, 1, batch.dt[b]),
                acceleration_max=_largest(joints, 2, batch.dt[b]),
                jerk_max=_largest(joints, 3, batch.dt[b]),
                limit_margin=float(margin.min()),
            )
        )
    return found


def _largest(joints: FloatArray, order: int, dt: float) -> float:
    """Largest absolute difference quotient of an order over joints and frames."""
    return float(np.abs(np.diff(joints, n=order, axis=0)).max(initial=0.0) / dt**order)
