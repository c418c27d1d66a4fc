"""Several motions of one hand as arrays, and the frame problems that they pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.refinement.backend import backend_for
from unihm.refinement.chain import WRIST, HandChain, LinkPoints, LinkPointsAt
from unihm.refinement.config import RefinementConfig
from unihm.refinement.surface import Surface
from unihm.refinement.terms import Contact, Opposition, SelfCollision, Term
from unihm.transforms import dot
from unihm.types import FloatArray, HandMotion, IntArray, ObjectCloud, Phase, TaskKind

LIMIT_TOLERANCE = 0.01  # rad (or m) beyond a limit that is put back rather than refused
_FAR = 0.02  # m from the box around the object, beyond which only pads are measured
UNSEEN = 0.03  # m; a sphere deeper than this is taken to be behind a side nobody saw


def check_motion(motion: HandMotion, chain: HandChain) -> None:
    """Refuse a motion that is not one of this hand within its limits.

    Raises:
        UnihmError: INVALID_MOTION.
    """
    hand = chain.hand
    if len(motion) < 2:
        _refuse("A motion needs at least two frames; this one has no velocity")
    if motion.joints.shape[1] != hand.num_joints:
        _refuse(
            f"{hand.name} has {hand.num_joints} joints; the motion has {motion.joints.shape[1]}"
        )
    beyond = np.maximum(hand.lower - motion.joints, motion.joints - hand.upper)
    if beyond.max() > LIMIT_TOLERANCE:
        frame, joint = np.unravel_index(np.argmax(beyond), beyond.shape)
        _refuse(
            f"{hand.joint_names[joint]} is at {motion.joints[frame, joint]:.3f} in frame {frame}, "
            f"outside its limits {hand.lower[joint]:.3f} to {hand.upper[joint]:.3f}"
        )


def check_hold(motion: HandMotion, slide: float) -> None:
    """Refuse a motion that does not hold the object in one grasp.

    A hand whose wrist wanders about the object while it should be held is no grasp to make better,
    and carrying it out would knock the object over.

    Args:
        motion: to be refined.
        slide: metres the wrist may stray from its mean place in the object frame.

    Raises:
        UnihmError: INVALID_MOTION.
    """
    wrist = motion.T_object_wrist[motion.trajectory.phase == Phase.HOLD, :3, 3]
    if len(wrist) == 0:
        return
    strays = np.linalg.norm(wrist - wrist.mean(axis=0), axis=1).max()
    if strays > slide:
        _refuse(
            f"The hand wanders {100 * strays:.1f} cm about the object that it should hold; "
            f"a grasp may slide {100 * slide:.1f} cm at the most"
        )


def _refuse(sentence: str) -> None:
    raise UnihmError(ErrorCode.INVALID_MOTION, sentence + ".")


@dataclass(frozen=True)
class Placement:
    """A hand's spheres against the object in N frames of B motions.

    Attributes:
        x: (B, N, S, 3) centres of the spheres, object frame.
        d: (B, N, S) signed distance of the spheres; infinite where they are far.
        n: (B, N, S, 3) normals of the surface next to them.
    """

    x: FloatArray
    d: FloatArray
    n: FloatArray


class Batch:
    """B motions of one hand, padded to T frames, against one cloud or one cloud each.

    Attributes:
        ops: where the solver computes.
        planes: the surface, there.
        y: (B, T, D) numpy, the motions that came in.
        phase: (B, T) numpy.
        frames: (B,) how many of the T frames are the motion's own.
        grasp: (B, T) bool numpy: frames of the one constant grasp (end of GRASP and HOLD).
        dt: (B,) seconds.
        W_gen: (D, D) of equation 14.
        lower: (D,) numpy, of the joints; the wrist's are infinite.
        upper: (D,).
    """

    def __init__(
        self,
        chain: HandChain,
        motions: Sequence[HandMotion],
        clouds: Sequence[ObjectCloud],
        config: RefinementConfig,
        device: str | None = None,
        W_gen: FloatArray | None = None,
    ) -> None:
        self.chain, self.config = chain, config
        self.ops, self.arrays = backend_for(device), chain.arrays(device)
        self.W_gen = _diagonal(chain, config) if W_gen is None else _checked(W_gen, chain.size)
        self.surface = Surface(clouds, config.neighbours)
        self.planes = self.ops.surface(self.surface)
        self.frames = np.array([len(m) for m in motions])
        frames = int(self.frames.max())
        self.dt = np.array([m.trajectory.dt for m in motions])
        self.phase = np.stack([_pad(m.trajectory.phase, frames) for m in motions])
        self.grasp = np.zeros(self.phase.shape, bool)
        if config.schedule == "phases":
            self.grasp = np.stack([_grasp_frames(phase) for phase in self.phase])
        middle = [np.argmax(g) if g.any() else n // 2 for g, n in zip(self.grasp, self.frames)]
        self.R_reference = np.stack([m.T_object_wrist[i, :3, :3] for m, i in zip(motions, middle)])
        self.y = np.stack(
            [
                _pad(chain.coordinates(m.T_object_wrist, m.joints, R), frames)
                for m, R in zip(motions, self.R_reference)
            ]
        )
        hand = chain.hand
        self.lower = np.concatenate([np.full(WRIST, -np.inf), hand.lower])
        self.upper = np.concatenate([np.full(WRIST, np.inf), hand.upper])
        self._grips = np.array([m.trajectory.kind != TaskKind.PUSH for m in motions])
        self.spheres = _join(chain.pads, chain.body)
        self.candidates = _finger_pairs(chain, self.spheres)
        self._paired, cells = np.unique(self.candidates, return_inverse=True)
        cells = cells.reshape(-1, 2)
        self._pair_cells = cells[:, 0] * len(self._paired) + cells[:, 1]
        self._reach = self.spheres.radius[self.candidates].sum(axis=1)

    def weights(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """W_gen, W_vel and W_acc, (D, D) each."""
        c = self.config
        return self.W_gen, c.velocity_prior * self.W_gen, c.acceleration_prior * self.W_gen

    def attracted(self, fingers: FloatArray) -> FloatArray:
        """(B, T, F): 1 where a pad of ``fingers`` (B, F) is pulled to the surface."""
        if self.config.schedule == "phases":
            return self.grasp[..., None] * fingers[:, None]
        return np.ones((*self.grasp.shape, fingers.shape[1]))

    def place(self, y: FloatArray) -> Placement:
        """Where all spheres are at ``y`` (B, N, D), and how far from the object."""
        everything = np.arange(len(self.spheres))
        x = self.positions(y, np.broadcast_to(everything, (*y.shape[:2], len(everything))))
        return Placement(x, *self.distances(x, self.spheres.radius))

    def distances(self, x: FloatArray, radius: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Signed distances (B, N, S) of spheres at ``x`` (B, N, S, 3), pads first, and normals."""
        low, high = self.surface.bounds()  # (B or 1, 3)
        away = np.maximum(low[:, None, None] - x, x - high[:, None, None]).max(-1)
        near = away < _FAR + radius
        near[..., : len(self.chain.pads)] = True
        d = np.full(near.shape, np.inf)
        n = np.zeros_like(x)
        close = x[near]
        p, n[near] = self.surface.planes_of(close, np.nonzero(near)[0])
        d[near] = dot(close - p, n[near])
        return d - radius, n

    def watched(self, placement: Placement) -> IntArray:
        """Spheres (B, N, P) to compare with the object: the pads, then the links' nearest."""
        pads = len(self.chain.pads)
        found = np.broadcast_to(np.arange(pads), (*placement.d.shape[:2], pads))
        count = min(self.config.body_spheres, len(self.chain.body))
        if count == 0:
            return found
        d = placement.d[..., pads:]
        d = np.where(d < -UNSEEN, np.inf, d)
        nearest = pads + np.argpartition(d, count - 1, axis=-1)[..., :count]
        return np.concatenate([found, nearest], axis=-1)

    def pairs(self, placement: Placement) -> IntArray:
        """Pairs (B, N, Q, 2) of spheres of different fingers, the nearest to each other."""
        count = min(self.config.self_pairs, len(self.candidates))
        if count == 0 or not self.config.self_collision_weight:
            return np.zeros((*placement.d.shape[:2], 0, 2), int)
        gap = self.gaps(placement.x)
        nearest = np.argpartition(gap, count - 1, axis=-1)[..., :count]
        return self.candidates[nearest]

    def watch(self, y: FloatArray) -> tuple[IntArray, IntArray]:
        """What the terms look at near ``y`` (B, N, D): spheres (B, N, P), pairs (B, N, Q, 2)."""
        c = self.config
        if c.body_spheres or (c.self_pairs and c.self_collision_weight):
            placement = self.place(y)
            return self.watched(placement), self.pairs(placement)
        # Pads alone: no need to know where they are.
        pads, leading = len(self.chain.pads), y.shape[:2]
        return np.broadcast_to(np.arange(pads), (*leading, pads)), np.zeros((*leading, 0, 2), int)

    def gaps(self, x: FloatArray) -> FloatArray:
        """Squared distances less squared reach of the candidate pairs (..., Q), from (..., S, 3).

        Negative where the two spheres overlap. Single precision, from the Gram matrix: there are
        thousands of pairs, and this only chooses among them.
        """
        x = x[..., self._paired, :].astype(np.float32)
        square = dot(x, x)
        squared = square[..., :, None] + square[..., None, :] - 2.0 * x @ np.swapaxes(x, -1, -2)
        flat = squared.reshape(*squared.shape[:-2], -1)
        return flat.take(self._pair_cells, axis=-1) - self._reach**2

    def positions(self, y: FloatArray, index: IntArray) -> FloatArray:
        """Centres (B, N, I, 3) of the spheres ``index`` (B, N, I) at ``y`` (B, N, D)."""
        arrays = self.chain.arrays()
        links, _ = arrays.forward(
            y.reshape(-1, y.shape[-1]), np.repeat(self.R_reference, y.shape[1], axis=0)
        )
        at = self.chain.at(self.spheres, index.reshape(-1, index.shape[-1]), arrays.ops)
        return arrays.points(links, at).reshape(*index.shape, 3)

    def contact(self, index: IntArray, attracted: FloatArray) -> Contact:
        """Equation 13 for the spheres ``index`` (B, P), of which pads may be attracted (B, F)."""
        c, pads = self.config, len(self.chain.pads)
        outside = np.zeros(index.shape)
        outside[:, :pads] = c.contact_weight**0.5 * attracted
        inside = np.full(index.shape, c.penetration_weight**0.5)
        inside[:, :pads] = c.contact_weight**0.5
        return Contact(self.ops.array(outside), self.ops.array(inside), c.alpha, c.k)

    def apart(self, pairs: IntArray) -> list[Term]:
        """The term that keeps ``pairs`` (B, Q, 2) of spheres from overlapping."""
        if not pairs.shape[1]:
            return []
        first, second = self.at(pairs[..., 0]), self.at(pairs[..., 1])
        return [SelfCollision(first, second, self.config.self_collision_weight**0.5)]

    def opposed(self, fingers: FloatArray) -> list[Term]:
        """The term that sets the thumb against ``fingers`` (B, F)."""
        if not self.config.opposition_weight:
            return []
        return [Opposition(self.ops.array(self.sides(fingers)))]

    def at(self, index: IntArray) -> LinkPointsAt:
        """Spheres ``index`` (B, P) for the solver."""
        return self.chain.at(self.spheres, index, self.ops)

    def sides(self, attracted: FloatArray) -> FloatArray:
        """Weights (B, F) of :class:`Opposition`; zero where thumb or fingers are missing."""
        thumb = np.array([name == "thumb" for name in self.chain.hand.finger_names])
        fingers = (attracted * ~thumb).sum(-1, keepdims=True)
        side = np.where(thumb, attracted, -attracted / np.maximum(fingers, 1.0))
        both = (fingers > 0) & ((attracted * thumb).sum(-1, keepdims=True) > 0)
        return np.sqrt(self.config.opposition_weight) * side * both * self._grips[:, None]


def _diagonal(chain: HandChain, config: RefinementConfig) -> FloatArray:
    """W_gen (D, D) from the settings."""
    sliding = {j.name for j in chain.hand.urdf.moving_joints if j.kind == "prismatic"}
    joints = [
        config.wrist_position_prior if name in sliding else config.joint_prior
        for name in chain.hand.joint_names
    ]
    return np.diag(
        [*[config.wrist_position_prior] * 3, *[config.wrist_rotation_prior] * 3, *joints]
    )


def _checked(W_gen: FloatArray, size: int) -> FloatArray:
    """W_gen if it is a symmetric positive definite (D, D)."""
    W_gen = np.asarray(W_gen, float)
    good = W_gen.shape == (size, size) and np.isfinite(W_gen).all()
    if good:
        values = np.linalg.eigvalsh(W_gen)
        good = np.allclose(W_gen, W_gen.T) and values[0] > 1e-12 * values[-1]
    if not good:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"W_gen must be a symmetric positive definite matrix ({size}, {size}).",
        )
    return W_gen


def _pad(values: Any, frames: int) -> Any:
    """Repeat the last frame up to ``frames``."""
    missing = frames - len(values)
    return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)]) if missing else values


def _grasp_frames(phase: IntArray) -> Any:
    """Frames (T,) in which the fingers touch: the last of GRASP and all of HOLD."""
    touching = phase == Phase.HOLD
    closing = np.flatnonzero(phase == Phase.GRASP)
    if len(closing):
        touching[closing[-1]] = True
    return touching


def _join(a: LinkPoints, b: LinkPoints) -> LinkPoints:
    return LinkPoints(
        np.concatenate([a.link, b.link]),
        np.concatenate([a.xyz, b.xyz]),
        np.concatenate([a.radius, b.radius]),
    )


def _finger_pairs(chain: HandChain, spheres: LinkPoints) -> IntArray:
    """Pairs (Q, 2) of link spheres of different fingers that are apart when the hand is open."""
    body = np.arange(len(chain.pads), len(spheres))
    branch = chain.branch[spheres.link[body]]
    a, b = np.nonzero((branch[:, None] < branch[None, :]) & (branch[:, None] > 0))
    pairs = np.stack([body[a], body[b]], axis=1)
    keep = np.ones(len(pairs), bool)
    everything = np.arange(len(spheres))[None]
    for q in (chain.hand.open_joints, chain.hand.pregrasp_joints):
        arrays = chain.arrays()
        links, _ = arrays.forward(np.concatenate([np.zeros(WRIST), q])[None], np.eye(3)[None])
        x = arrays.points(links, chain.at(spheres, everything, arrays.ops))[0]
        gap = np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=-1)
        keep &= gap > spheres.radius[pairs].sum(axis=1)
    return pairs[keep]
