"""Algorithm 1, with the grasp solved first: from a generated motion to a plausible one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.least_squares import minimise
from unihm.refinement.batch import UNSEEN, Batch, check_hold, check_motion
from unihm.refinement.chain import WRIST, LinkPointsAt, chain_of
from unihm.refinement.config import RefinementConfig
from unihm.refinement.forces import grasp_forces
from unihm.refinement.measure import Watch, energies, measure
from unihm.refinement.problem import FrameProblem
from unihm.refinement.report import RefinementReport
from unihm.refinement.smoothing import limit_acceleration
from unihm.refinement.surface import check_cloud
from unihm.refinement.terms import Prior, Quadratic, Term, make_terms
from unihm.robots import Hand, load_hand
from unihm.transforms import minimum_snap
from unihm.types import FloatArray, HandMotion, ObjectCloud, ObjectTrajectory, Phase, TaskKind

_BACKTRACKING = (1.0, 0.75, 0.5, 0.25, 0.1, 0.03)
_GRASP_ROUNDS = 3
_WORTH_A_CORE = 4  # sequences
_ENTERED = 0.001  # m inside the object that calls for another round
STRIDE = 4  # frames that share one choice of the spheres to watch


def refine(
    motion: HandMotion,
    cloud: ObjectCloud,
    config: RefinementConfig | None = None,
    hand: Hand | None = None,
    W_gen: FloatArray | None = None,
    terms: Sequence[Term] = (),
) -> tuple[HandMotion, RefinementReport]:
    """Make ``motion`` touch and not penetrate the object, smoothly (equations 11 to 18).

    Args:
        motion: wrist poses in the object frame and joints, from the decoder or anyone else.
        cloud: the object's surface in the same frame, metres, normals unit and outward.
        config: default :class:`RefinementConfig`.
        hand: default ``load_hand(motion.hand)``.
        W_gen: (6 + J, 6 + J) weights of equation 14 over wrist position, wrist rotation and
            joints; default: a diagonal from ``config``. W_vel and W_acc are fractions of it.
        terms: further residual terms (:class:`unihm.refinement.terms.Term`) of every frame,
            beside those that ``config.terms`` names.

    Returns:
        The refined motion, whose total energy is never above that of ``motion`` (slowed down to
        the hand's limits where it is faster), and a report.

    Raises:
        UnihmError: INVALID_CLOUD, INVALID_MOTION or, where ``W_gen`` is not symmetric and positive
            definite, INVALID_CONFIG.
    """
    motions, reports = refine_batch([motion], [cloud], config, hand, W_gen=W_gen, terms=terms)
    return motions[0], reports[0]


def refine_batch(
    motions: Sequence[HandMotion],
    clouds: Sequence[ObjectCloud],
    config: RefinementConfig | None = None,
    hand: Hand | None = None,
    device: str | None = None,
    reports: bool = True,
    W_gen: FloatArray | None = None,
    terms: Sequence[Term] = (),
) -> tuple[list[HandMotion], list[RefinementReport]]:
    """:func:`refine` for many sequences or hypotheses of one hand at once, with equal results.

    Args:
        motions: B motions of the same hand; their lengths may differ.
        clouds: one for all, or B.
        config: as for :func:`refine`.
        hand: as for :func:`refine`.
        device: torch device to compute on, ``cpu`` or ``cuda``; None computes with numpy.
        W_gen: as for :func:`refine`.
        reports: False leaves the reports out: measuring takes as long as refining does.

    Raises:
        UnihmError: as for :func:`refine`.
    """
    start = time.perf_counter()
    config = config or RefinementConfig()
    if not motions or len(clouds) not in (1, len(motions)):
        raise UnihmError(
            ErrorCode.INVALID_MOTION,
            f"{len(motions)} motions need one cloud or one each, not {len(clouds)}.",
        )
    if len({motion.hand for motion in motions}) > 1:
        raise UnihmError(ErrorCode.INVALID_MOTION, "All motions of a batch must be of one hand.")
    chain = chain_of(hand or load_hand(motions[0].hand))

    def refine_part(part: slice) -> tuple[_Refiner, FloatArray]:
        own = clouds if len(clouds) == 1 else clouds[part]
        for cloud in own:
            check_cloud(cloud)
        for motion in motions[part]:
            check_motion(motion, chain)
            if config.hold_slide > 0:
                check_hold(motion, config.hold_slide)
        refiner = _Refiner(Batch(chain, motions[part], own, config, device, W_gen), terms)
        return refiner, refiner.run()

    parts = _parts(len(motions)) if device is None else [slice(None)]
    if len(parts) == 1:
        done = [refine_part(parts[0])]
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            done = list(pool.map(refine_part, parts))
    seconds = (time.perf_counter() - start) / len(motions)
    refined: list[HandMotion] = []
    found: list[RefinementReport] = []
    for part, (refiner, y) in zip(parts, done):
        refined += refiner.motions(motions[part], y)
        if reports:
            found += refiner.reports(motions[part], y, seconds)
    return refined, found


def _parts(count: int) -> list[slice]:
    """Shares of ``count`` sequences for the cores; compiled code leaves Python to the others."""
    shares = max(1, min(os.cpu_count() or 1, count // _WORTH_A_CORE))
    ends = np.linspace(0, count, shares + 1).astype(int)
    return [slice(a, b) for a, b in pairwise(ends)]


def warm_up() -> None:
    """Compile, or read what this machine compiled before, while nobody waits for a motion."""
    hand = load_hand("panda_gripper")
    corners = np.stack(np.meshgrid(*[np.linspace(-0.02, 0.02, 5)] * 3), -1).reshape(-1, 3)
    skin = corners[np.abs(corners).max(1) > 0.019]
    cloud = ObjectCloud(skin, skin / np.linalg.norm(skin, axis=1, keepdims=True))
    still = np.repeat(np.eye(4)[None], 3, axis=0)
    course = ObjectTrajectory(still, np.arange(3), 0.1, TaskKind.GRAB, np.zeros(3))
    motion = HandMotion(hand.name, still, np.tile(hand.open_joints, (3, 1)), course)
    refine(motion, cloud, hand=hand)


class _Refiner:
    """One run over one batch."""

    def __init__(self, batch: Batch, terms: Sequence[Term]) -> None:
        self.batch, self.config = batch, batch.config
        self.terms = [(type(term).__name__, term) for term in terms]
        self.terms += make_terms(batch.config.terms)
        self.R_reference = batch.ops.array(batch.R_reference)
        count, _, size = batch.y.shape
        pads = len(batch.chain.pads)
        self.y_in: FloatArray = np.clip(batch.y, batch.lower, batch.upper)
        self.fingers: FloatArray = np.ones((count, pads))
        self.iterations = np.zeros(count)
        c = self.config
        self.reach = np.array([c.wrist_shift] * 3 + [c.wrist_turn] * 3 + [np.inf] * (size - WRIST))
        limit = self.config.velocity_limit or np.inf
        self.velocity = np.minimum(batch.chain.hand.velocity_limit, limit)
        self.W_gen, self.W_vel, self.W_acc = batch.weights()
        # A motion faster than the hand is judged as what the hand can make of it.
        self.feasible = self._followed(self.y_in)

    def _prior(self, *parts: FloatArray) -> Callable[..., Prior]:
        """Prior of a frame, made from the means (B, D) that belong to the weights (D, D)."""
        ops, array = self.batch.ops, self.batch.ops.array
        total = np.sum(parts, axis=0)
        matrix, inverse = array(total), array(np.linalg.inv(total))
        weights = [array(W) for W in parts]

        def of(*means: FloatArray) -> Prior:
            terms = [Quadratic(array(mean), W) for mean, W in zip(means, weights)]
            return Prior(terms, matrix, inverse, ops)

        return of

    def _solve(
        self,
        probes: LinkPointsAt,
        terms: Sequence[Term],
        prior: Prior,
        bounds: tuple[FloatArray, FloatArray],
        start: FloatArray,
        iterations: int,
    ) -> tuple[FloatArray, FloatArray]:
        """Where the solver ends (B, D), and its steps (B,)."""
        ops, config = self.batch.ops, self.config
        problem = FrameProblem(
            arrays=self.batch.arrays,
            surface=self.batch.planes,
            R_reference=self.R_reference,
            probes=probes,
            terms=[*terms, *(term for _, term in self.terms)],
            prior=prior,
            lower=ops.array(bounds[0]),
            upper=ops.array(bounds[1]),
        )
        solution = minimise(
            problem, ops.array(start), iterations, config.damping, config.tolerance, ops
        )
        return ops.host(solution.x), ops.host(solution.iterations)

    def run(self) -> FloatArray:
        """(B, T, D)."""
        reference, fixed = self.y_in, np.zeros(self.batch.grasp.shape, bool)
        if self.batch.grasp.any():
            reference = self._lead_to(self._grasps())
            fixed = self.batch.grasp
        y = self._frame_by_frame(reference, fixed)
        if self.config.schedule == "phases":
            y = limit_acceleration(y, self.y_in, fixed, self.batch.frames)
            y = np.clip(y, self.batch.lower, self.batch.upper)
        return self._never_worse(y)

    def _grasps(self) -> FloatArray:
        """One grasp (B, D) for the frames in contact; sets which fingers take part.

        Opposition helps most grasps to hold and a few not to: of the one with it and the one
        without, that is taken which needs less force.
        """
        batch = self.batch
        best, fingers = self._grasp(opposed=True)
        if self.config.opposition_weight > 0:
            plain, others = self._grasp(opposed=False)
            forces, less = (
                np.array([np.inf if f is None else f.normal_force for f in found])
                for found in (
                    grasp_forces(batch, best, fingers),
                    grasp_forces(batch, plain, others),
                )
            )
            better = (less < forces)[:, None]
            best, fingers = np.where(better, plain, best), np.where(better, others, fingers)
        self.fingers = fingers
        return best

    def _grasp(self, opposed: bool) -> tuple[FloatArray, FloatArray]:
        """A grasp (B, D) from the mean of the frames in contact, and who takes part (B, F)."""
        batch, config = self.batch, self.config
        share = batch.grasp / np.maximum(batch.grasp.sum(1, keepdims=True), 1)
        start: Any = np.einsum("bt,btd->bd", share, self.y_in)
        pads = len(batch.chain.pads)
        placement = batch.place(start[:, None])
        fingers = (placement.d[:, 0, :pads] < config.reach).astype(float)
        bounds = (
            np.maximum(start - self.reach, batch.lower),
            np.minimum(start + self.reach, batch.upper),
        )
        prior = self._prior(self.W_gen)(start)
        y, held = start, np.asarray(batch.grasp.any(1))
        for _ in range(_GRASP_ROUNDS):
            watched = batch.watched(placement)[:, 0]
            terms = [
                batch.contact(watched, fingers),
                *batch.apart(batch.pairs(placement)[:, 0]),
                *(batch.opposed(fingers) if opposed else []),
            ]
            trial, taken = self._solve(
                batch.at(watched), terms, prior, bounds, y, config.grasp_iterations
            )
            y = np.where(held[:, None], trial, y)
            self.iterations += taken * held
            # Again, where a finger could not reach (it would hold the others back: it is let go)
            # or where something entered the object that was not watched.
            placement = batch.place(y[:, None])
            d = placement.d[:, 0]
            touching = fingers * (np.abs(d[:, :pads]) < config.touch)
            entered = ((d < -_ENTERED) & (d > -UNSEEN)).any(1)
            held = np.asarray(held & ((touching != fingers).any(1) | entered))
            if not held.any():
                break
            fingers = np.where(held[:, None], touching, fingers)
        return y, fingers

    def _lead_to(self, grasp: FloatArray) -> FloatArray:
        """The generated motion (B, T, D), bent so that it leads to and from ``grasp`` (B, D)."""
        bent = self.y_in.copy()
        for b, touching in enumerate(self.batch.grasp):
            if not touching.any():
                continue
            frames = np.flatnonzero(touching)
            first, last = frames[0], frames[-1]
            bent[b, first : last + 1] = grasp[b]
            if first > 0:
                ramp = minimum_snap(np.arange(first) / first)[:, None]
                bent[b, :first] += ramp * (grasp[b] - self.y_in[b, first])
            after = np.arange(last + 1, bent.shape[1])
            if len(after):
                free = np.flatnonzero(self.batch.phase[b] == Phase.RELEASE)
                length = len(free) if len(free) else len(after)
                ramp = minimum_snap((after - last) / (length + 1))[:, None]
                bent[b, after] += (1.0 - ramp) * (grasp[b] - self.y_in[b, last])
        return np.clip(bent, self.batch.lower, self.batch.upper)

    def _frame_by_frame(self, reference: FloatArray, fixed: Any) -> FloatArray:
        """Algorithm 1 around ``reference`` (B, T, D); frames that are ``fixed`` (B, T) stay."""
        batch, config = self.batch, self.config
        frames = reference.shape[1]
        attracted = batch.attracted(self.fingers)
        key = np.minimum(np.arange(0, frames, STRIDE) + STRIDE // 2, frames - 1)
        self.watched, self.pairs = batch.watch(reference[:, key])
        prior = self._prior(self.W_gen, self.W_vel, self.W_acc)
        y = reference.copy()
        before = before2 = y[:, 0].copy()  # boundary priors: at rest where it was generated
        for t in range(frames):
            if t % STRIDE == 0:
                index = self.watched[:, t // STRIDE]
                probes, apart = batch.at(index), batch.apart(self.pairs[:, t // STRIDE])
            if not fixed[:, t].all():
                target = reference[:, t]
                inertia = before
                if config.velocity_of == "correction":
                    inertia = before + target - reference[:, max(t - 1, 0)]
                start = target
                if config.warm_start and t > 0:
                    start = target + before - reference[:, t - 1]
                lower, upper = self._bounds(target, before, before2)
                hold = fixed[:, t, None]
                lower = np.where(hold, target, lower)
                upper = np.where(hold, target, upper)
                y[:, t], taken = self._solve(
                    probes,
                    [batch.contact(index, attracted[:, t]), *apart],
                    prior(target, inertia, 2.0 * before - before2),
                    (lower, upper),
                    np.clip(start, lower, upper),
                    config.iterations,
                )
                self.iterations += taken * ~fixed[:, t]
            before, before2 = y[:, t], before
        return y

    def _bounds(
        self, target: FloatArray, before: FloatArray, before2: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest coordinates (B, D) about a target, after the two frames before it."""
        batch, limit = self.batch, self.config.acceleration_limit
        lower, upper = target - self.reach, target + self.reach
        step = self.velocity * batch.dt[:, None]
        low, high = before[:, WRIST:] - step, before[:, WRIST:] + step
        if limit > 0:
            coast = (2.0 * before - before2)[:, WRIST:]
            swing = limit * batch.dt[:, None] ** 2
            low, high = np.clip(coast - swing, low, high), np.clip(coast + swing, low, high)
        # Position goes before velocity, and velocity before acceleration.
        bounds = batch.lower[WRIST:], batch.upper[WRIST:]
        return (
            np.concatenate([lower[:, :WRIST], np.clip(low, *bounds)], axis=1),
            np.concatenate([upper[:, :WRIST], np.clip(high, *bounds)], axis=1),
        )

    def _followed(self, y: FloatArray) -> FloatArray:
        """``y`` (B, T, D) itself, or what a hand within its limits makes of it."""
        done = y.copy()
        before = before2 = y[:, 0]
        for t in range(1, y.shape[1]):
            done[:, t] = np.clip(y[:, t], *self._bounds(y[:, t], before, before2))
            before, before2 = done[:, t], before
        return done

    def _never_worse(self, y: FloatArray) -> FloatArray:
        """Between ``y`` (B, T, D) and the motion that came in, the first with no more energy."""
        start = self.feasible
        before = _total(self._energies(start))
        best, pending = start.copy(), np.ones(len(y), bool)
        for share in _BACKTRACKING:
            trial = start + share * (y - start)
            accepted = pending & (_total(self._energies(trial)) <= before)
            best[accepted] = trial[accepted]
            pending &= ~accepted
            if not pending.any():
                break
        return best

    def _energies(self, y: FloatArray) -> dict[str, FloatArray]:
        frames = np.arange(y.shape[1]) // STRIDE
        watch = Watch(self.watched[:, frames], self.pairs[:, frames], self.fingers, self.y_in)
        return energies(self.batch, y, watch, self.terms)

    def motions(self, motions: Sequence[HandMotion], y: FloatArray) -> list[HandMotion]:
        """The refined motions from their coordinates ``y`` (B, T, D)."""
        chain, refined = self.batch.chain, []
        for motion, R_reference, own in zip(motions, self.batch.R_reference, y):
            T, joints = chain.wrist_and_joints(own[: len(motion)], R_reference)
            refined.append(HandMotion(motion.hand, T, joints, motion.trajectory))
        return refined

    def reports(
        self, motions: Sequence[HandMotion], y: FloatArray, seconds: float
    ) -> list[RefinementReport]:
        """Reports on the coordinates ``y`` (B, T, D) that the motions were refined to."""
        batch = self.batch
        before = measure(batch, batch.y, self._energies(self.feasible))
        after = measure(batch, y, self._energies(y))
        contact = y[np.arange(len(y)), batch.grasp.argmax(1)]
        grasps = grasp_forces(batch, contact, self.fingers)
        names = np.array(batch.chain.hand.finger_names)
        reports = []
        for b, motion in enumerate(motions):
            change = np.abs(y[b, : len(motion)] - batch.y[b, : len(motion)])
            reports.append(
                RefinementReport(
                    before=before[b],
                    after=after[b],
                    fingers=tuple(names[self.fingers[b] > 0].tolist()),
                    joint_change=float(change[:, WRIST:].mean()),
                    wrist_shift=float(np.linalg.norm(change[:, :3], axis=1).max()),
                    iterations=int(self.iterations[b]),
                    frames=len(motion),
                    seconds=seconds,
                    grasp=grasps[b],
                )
            )
        return reports


def _total(energy: dict[str, FloatArray]) -> FloatArray:
    return np.sum(list(energy.values()), axis=0)
