"""Several motions of one hand as arrays, and the frame problems that they pose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.refinement.chain import WRIST, HandChain, LinkPoints
from unihm.refinement.config import RefinementConfig
from unihm.refinement.solver import FrameProblem
from unihm.refinement.surface import Surface
from unihm.refinement.terms import Contact, Opposition, Prior, Probes, SelfCollision, Term
from unihm.types import FloatArray, HandMotion, IntArray, ObjectCloud, Phase, TaskKind

LIMIT_TOLERANCE = 0.01  # rad (or m) beyond a limit that is put back rather than refused
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


def _refuse(sentence: str) -> None:
    raise UnihmError(ErrorCode.INVALID_MOTION, sentence + ".")


class Batch:
    """B motions of one hand, padded to T frames, against one cloud or one cloud each.

    Attributes:
        xp: numpy or torch.
        y: (B, T, D) numpy, the motions that came in.
        phase: (B, T) numpy.
        frames: (B,) how many of the T frames are the motion's own.
        grasp: (B, T) bool numpy: frames of the one constant grasp (end of GRASP and HOLD).
        dt: (B,) seconds.
        lower: (D,) numpy, of the joints; the wrist's are infinite.
        upper: (D,).
    """

    def __init__(
        self,
        chain: HandChain,
        motions: Sequence[HandMotion],
        clouds: Sequence[ObjectCloud],
        config: RefinementConfig,
        xp: Any,
        device: Any,
    ) -> None:
        self.chain, self.config, self.xp = chain, config, xp
        self.arrays = chain.arrays(xp, device)
        self.surface = Surface(clouds, config.neighbours)
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
        self.opposed = np.array([m.trajectory.kind != TaskKind.PUSH for m in motions])
        self.spheres = _join(chain.pads, chain.body)
        self._moved_by = chain.moved_by[self.spheres.link]
        self.candidates = _finger_pairs(chain, self.spheres)

    def array(self, values: FloatArray) -> Any:
        """To where the solver computes."""
        return self.arrays.array(values)

    def weights(self) -> tuple[Any, Any, Any]:
        """W_gen, W_vel and W_acc, (D, D) each."""
        c = self.config
        sliding = np.array([j.kind == "prismatic" for j in self.chain.hand.urdf.moving_joints])
        names = self.chain.hand.all_joint_names
        sliding = sliding[[names.index(n) for n in self.chain.hand.joint_names]]
        joints = np.where(sliding, c.wrist_position_prior, c.joint_prior)
        wrist = [c.wrist_position_prior] * 3 + [c.wrist_rotation_prior] * 3
        generation = np.diag(np.concatenate([wrist, joints]))
        parts = (generation, c.velocity_prior * generation, c.acceleration_prior * generation)
        return tuple(self.array(w) for w in parts)

    def attracted(self, fingers: FloatArray) -> FloatArray:
        """(B, T, F): 1 where a pad of ``fingers`` (B, F) is pulled to the surface."""
        if self.config.schedule == "phases":
            return self.grasp[..., None] * fingers[:, None]
        return np.ones((*self.grasp.shape, fingers.shape[1]))

    def watch(self, y: FloatArray) -> IntArray:
        """Spheres (B, N, K) of the links that are nearest to the object at ``y`` (B, N, D)."""
        count = min(self.config.body_spheres, len(self.chain.body))
        if count == 0:
            return np.zeros((*y.shape[:2], 0), int)
        d = self.distances(y)[0][..., len(self.chain.pads) :]
        d = np.where(d < -UNSEEN, np.inf, d)
        return len(self.chain.pads) + np.argpartition(d, count - 1, axis=-1)[..., :count]

    def distances(self, y: FloatArray, far: float = 0.05) -> tuple[FloatArray, FloatArray]:
        """Signed distance of all spheres at ``y`` (B, N, D): (B, N, S), and the normals.

        Pads are always measured; other spheres farther than ``far`` from the box around the
        object are not: infinite.
        """
        x = self.positions(y)
        low, high = self.surface.bounds()  # (B or 1, 3)
        outside = np.maximum(low[:, None, None] - x, x - high[:, None, None]).max(-1)
        near = outside < far + self.spheres.radius
        near[..., : len(self.chain.pads)] = True
        d = np.full(near.shape, np.inf)
        n = np.zeros_like(x)
        sequence = np.nonzero(near)[0]
        p, n[near] = self.surface.planes_of(x[near], sequence)
        d[near] = ((x[near] - p) * n[near]).sum(-1)
        return d - self.spheres.radius, n

    def positions(self, y: FloatArray) -> FloatArray:
        """Centres (B, N, S, 3) of all spheres at ``y`` (B, N, D), object frame."""
        arrays = self.chain.arrays(np)
        flat = y.reshape(-1, y.shape[-1])
        links, _ = arrays.forward(flat, np.repeat(self.R_reference, y.shape[1], axis=0))
        T = links[:, self.spheres.link]
        x = (T[..., :3, :3] @ self.spheres.xyz[..., None])[..., 0] + T[..., :3, 3]
        return x.reshape(*y.shape[:2], -1, 3)

    def probes(self, index: IntArray) -> Probes:
        """Spheres ``index`` (B, P) as the terms need them."""
        s = self.spheres
        return Probes(
            link=self.array(s.link[index]),
            xyz=self.array(s.xyz[index]),
            radius=self.array(s.radius[index]),
            moved_by=self.array(self._moved_by[index]),
        )

    def pairs(self, y: FloatArray) -> IntArray:
        """The pairs (B, Q, 2) of spheres of different fingers that are nearest at ``y`` (B, D)."""
        count = min(self.config.self_pairs, len(self.candidates))
        if count == 0:
            return np.zeros((len(y), 0, 2), int)
        x = self.positions(y[:, None])[:, 0]
        a, b = self.candidates.T
        gap = np.linalg.norm(x[:, a] - x[:, b], axis=-1) - self.spheres.radius[a]
        nearest = np.argpartition(gap - self.spheres.radius[b], count - 1, axis=-1)[:, :count]
        return self.candidates[nearest]

    def problem(
        self,
        watched: IntArray,
        pairs: IntArray,
        attracted: FloatArray,
        opposed: bool,
        prior: Prior,
        lower: Any,
        upper: Any,
    ) -> FrameProblem:
        """One frame of all sequences.

        Args:
            watched: (B, K) spheres of the links to keep out of the object.
            pairs: (B, Q, 2) spheres to keep apart.
            attracted: (B, F) 1 for pads that are pulled to the surface.
            opposed: whether the thumb shall stand against the fingers.
            prior: equations 14 and 15.
            lower: (B, D) hard bounds.
            upper: (B, D).
        """
        c, count = self.config, len(attracted)
        pads = len(self.chain.pads)
        index = np.concatenate([np.tile(np.arange(pads), (count, 1)), watched], axis=1)
        outside = np.zeros(index.shape)
        outside[:, :pads] = np.sqrt(c.contact_weight) * attracted
        inside = np.full(index.shape, np.sqrt(c.penetration_weight))
        inside[:, :pads] = np.sqrt(c.contact_weight)
        terms: list[Term] = [Contact(self.array(outside), self.array(inside), c.alpha, c.k)]
        if pairs.shape[1]:
            first, second = self.probes(pairs[..., 0]), self.probes(pairs[..., 1])
            terms.append(SelfCollision(first, second, float(np.sqrt(c.self_collision_weight))))
        if opposed and c.opposition_weight > 0:
            terms.append(Opposition(self.array(self.sides(attracted))))
        return FrameProblem(
            arrays=self.arrays,
            surface=self.surface,
            R_reference=self.array(self.R_reference),
            probes=self.probes(index),
            terms=terms,
            prior=prior,
            lower=lower,
            upper=upper,
        )

    def sides(self, attracted: FloatArray) -> FloatArray:
        """Weights (B, F) of :class:`Opposition`; zero where thumb or fingers are missing."""
        thumb = np.array([name == "thumb" for name in self.chain.hand.finger_names])
        fingers = (attracted * ~thumb).sum(-1, keepdims=True)
        side = np.where(thumb, attracted, -attracted / np.maximum(fingers, 1.0))
        both = (fingers > 0) & ((attracted * thumb).sum(-1, keepdims=True) > 0)
        return np.sqrt(self.config.opposition_weight) * side * both * self.opposed[:, None]


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
    arrays = chain.arrays(np)
    keep = np.ones(len(pairs), bool)
    for q in (chain.hand.open_joints, chain.hand.pregrasp_joints):
        y = np.concatenate([np.zeros(WRIST), q])[None]
        links, _ = arrays.forward(y, np.eye(3)[None])
        x = arrays.points(links, spheres.link[None], spheres.xyz[None])[0]
        gap = np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=-1)
        keep &= gap > spheres.radius[pairs].sum(axis=1)
    return pairs[keep]
