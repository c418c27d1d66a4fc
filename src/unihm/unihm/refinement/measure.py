"""Energies and physical measures of whole motions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unihm.refinement.backend import backend_for
from unihm.refinement.batch import UNSEEN, Batch
from unihm.refinement.chain import WRIST, chain_of
from unihm.refinement.config import RefinementConfig
from unihm.refinement.kernel import penalty
from unihm.refinement.report import Measures
from unihm.refinement.terms import State, Term, opposing_line
from unihm.robots import Hand
from unihm.types import FloatArray, HandMotion, IntArray, ObjectCloud

_OPS = backend_for(None)


@dataclass(frozen=True)
class Watch:
    """What the solver compared in every frame, and so what a motion's energy is made of.

    Attributes:
        spheres: (B, T, P), the pads first.
        pairs: (B, T, Q, 2) spheres to keep apart.
        fingers: (B, F) 1 for fingers that shall touch.
        y_generated: (B, T, D) what the generative prior refers to.
    """

    spheres: IntArray
    pairs: IntArray
    fingers: FloatArray
    y_generated: FloatArray


def energies(
    batch: Batch, y: FloatArray, watch: Watch, terms: Sequence[tuple[str, Term]] = ()
) -> dict[str, FloatArray]:
    """Energy (B,) of every term at ``y`` (B, T, D), summed over the frames of each motion.

    Further ``terms`` stand under their names; what has one name is added up.
    """
    c, pads, fingers = batch.config, len(batch.chain.pads), watch.fingers
    own = np.arange(y.shape[1]) < batch.frames[:, None]  # (B, T)
    count = watch.spheres.shape[-1]
    paired = watch.pairs.reshape(*watch.pairs.shape[:2], -1)
    x = batch.positions(y, np.concatenate([watch.spheres, paired], axis=-1))
    d, n = batch.distances(x[:, :, :count], batch.spheres.radius[watch.spheres])
    contact = penalty(d[..., :pads], c.alpha, c.k, _OPS)[0]
    contact = contact * np.where(d[..., :pads] < 0, 1.0, batch.attracted(fingers))
    body = np.where((d < 0) & (d > -UNSEEN), d, 0.0)[..., pads:]
    ends = x[:, :, count:].reshape(*watch.pairs.shape, 3)
    gap = np.linalg.norm(ends[..., 0, :] - ends[..., 1, :], axis=-1)
    gap = np.minimum(gap - batch.spheres.radius[watch.pairs].sum(-1), 0.0)
    found = {
        "contact": c.contact_weight * contact.sum(-1),
        "penetration": c.penetration_weight * penalty(body, c.alpha, c.k, _OPS)[0].sum(-1),
        "self_collision": 0.5 * c.self_collision_weight * (gap**2).sum(-1),
    }
    if batch.grasp.any() and c.opposition_weight > 0:
        opposition = _opposition(batch, x[:, :, :pads], n[:, :, :pads], fingers)
        found["opposition"] = batch.grasp * opposition
    start = watch.y_generated[:, :1]  # the boundary prior: the hand was at rest there
    change = y - watch.y_generated
    if c.velocity_of == "correction":
        velocity = np.diff(change, axis=1, prepend=0.0 * start)
    else:
        velocity = np.diff(y, axis=1, prepend=start)
    acceleration = np.diff(np.concatenate([start, start, y], axis=1), n=2, axis=1)
    W_gen, W_vel, W_acc = batch.weights()
    for name, weight, value in (
        ("generation", W_gen, change),
        ("velocity", W_vel, velocity),
        ("acceleration", W_acc, acceleration),
    ):
        found[name] = 0.5 * ((value @ weight) * value).sum(-1)
    for name, term in terms:
        found[name] = found.get(name, 0.0) + _energy_of(term, batch, y, watch, d, n)
    return {name: (own * value).sum(-1) for name, value in found.items()}


def _energy_of(
    term: Term, batch: Batch, y: FloatArray, watch: Watch, d: FloatArray, n: FloatArray
) -> FloatArray:
    """Energy (B, T) of a term; ``d`` (B, T, P), ``n`` (B, T, P, 3): of the watched spheres."""
    sequences, frames, size = y.shape
    arrays, flat = batch.chain.arrays(), y.reshape(-1, size)
    links, screws = arrays.forward(flat, np.repeat(batch.R_reference, frames, axis=0))
    rows = sequences * frames
    probes = batch.chain.at(batch.spheres, watch.spheres.reshape(rows, -1), _OPS)
    x = arrays.points(links, probes)
    state = State(arrays, flat, links, screws, probes, x, n.reshape(x.shape), d.reshape(rows, -1))
    r, _ = term(state)
    return 0.5 * (r**2).sum(-1).reshape(sequences, frames)


def energy_of(
    motion: HandMotion,
    generated: HandMotion,
    cloud: ObjectCloud,
    hand: Hand,
    config: RefinementConfig,
) -> float:
    """Total energy of any ``motion`` that was made from ``generated``, all fingers taking part."""
    chain = chain_of(hand)
    batch = Batch(chain, [generated], [cloud], config)
    y = chain.coordinates(motion.T_object_wrist, motion.joints, batch.R_reference[0])[None]
    placement = batch.place(y)
    fingers = np.ones((1, len(chain.pads)))
    watch = Watch(batch.watched(placement), batch.pairs(placement), fingers, batch.y)
    return float(sum(value[0] for value in energies(batch, y, watch).values()))


def penetrations(
    motion: HandMotion, cloud: ObjectCloud, hand: Hand, frame: int
) -> tuple[FloatArray, FloatArray]:
    """Where a hand is inside the object in one frame: points (N, 3), object frame, and depths (N,).

    The points are the deepest of the spheres that fill the hand's links; metres.
    """
    batch = Batch(chain_of(hand), [motion], [cloud], RefinementConfig())
    placement = batch.place(batch.y[:, frame : frame + 1])
    d, x, n = placement.d[0, 0], placement.x[0, 0], placement.n[0, 0]
    inside = (d < 0) & (d > -UNSEEN)
    return (x - batch.spheres.radius[:, None] * n)[inside], -d[inside]


def _opposition(batch: Batch, x: FloatArray, n: FloatArray, fingers: FloatArray) -> FloatArray:
    """Energy (B, T) of thumb against fingers, from pads and normals (B, T, F, 3)."""
    frames, pads = x.shape[1:3]
    contact = (x - batch.spheres.radius[:pads, None] * n).reshape(-1, pads, 3)
    n = n.reshape(-1, pads, 3)
    side = np.repeat(batch.sides(fingers), frames, axis=0)
    line, thumb, others = opposing_line(contact, n, side, _OPS)
    total = np.zeros(len(contact))
    for normal in (thumb, others):
        across = line - (normal * line).sum(-1, keepdims=True) * normal
        total += 0.5 * (across**2).sum(-1)
    return total.reshape(-1, frames)


def measure(batch: Batch, y: FloatArray, energy: dict[str, FloatArray]) -> list[Measures]:
    """:class:`Measures` of each motion, from all its frames and its :func:`energies`."""
    d = batch.place(y).d
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
