"""Figure B2: how noise of the cloud reaches the fingertips, by kernel.

A grasp is refined against a spoilt cloud and measured against the clean one. Three kernels: the
Euclidean distance to the nearest point, the paper's f(d) with alpha = k = 1, and this project's
(k in 1/m as design demands, tangent planes averaged over neighbours). The normals of the spoilt
cloud are estimated from it, with the camera's direction of the clean surface's normals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from unihm.evaluation.refine_cases import Case
from unihm.least_squares import minimise
from unihm.refinement import RefinementConfig
from unihm.refinement.batch import Batch
from unihm.refinement.chain import chain_of
from unihm.refinement.problem import FrameProblem
from unihm.refinement.surface import Surface
from unihm.refinement.terms import Prior, Quadratic, State
from unihm.robots import Hand
from unihm.transforms import dot
from unihm.types import FloatArray, ObjectCloud

KERNELS = ("euclidean", "paper", "default")
NOISE = (0.0, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.010)  # m, standard deviation
OUTLIERS = (0.0, 0.05, 0.10, 0.15, 0.20)  # share of the points
HOLES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)  # share of the points
_FAR = 0.05  # m beyond the object's box that outliers reach
_ITERATIONS = 20


@dataclass
class EuclideanContact:
    """Distance to the nearest point itself, r = w (|x - p| - radius): the kernel that B2 refuses.

    Attributes:
        weight: (B, P) square root of lambda_c.
        surface: nearest points.
    """

    weight: Any
    surface: Surface

    def __call__(self, state: State) -> tuple[Any, Any]:
        """R = P."""
        arrays, ops = state.arrays, state.arrays.ops
        p, _ = self.surface.planes(state.x)
        way = state.x - p
        length = ops.xp.sqrt(ops.dot(way, way)) + 1e-12
        rows = arrays.rows(state.screws, state.x, way / length[..., None], state.probes.moved_by)
        return self.weight * (length - state.probes.radius), self.weight[..., None] * rows


@dataclass(frozen=True)
class RefinedGrasp:
    """One grasp on one spoilt cloud.

    Attributes:
        pads: (F, 3) centres of the pads' spheres, object frame.
        error: (F,) distance of the pads from the clean surface, metres, negative inside.
    """

    pads: FloatArray
    error: FloatArray


def spoil(
    cloud: ObjectCloud,
    rng: np.random.Generator,
    noise: float = 0.0,
    outliers: float = 0.0,
    holes: float = 0.0,
) -> ObjectCloud:
    """The cloud with Gaussian noise, a share of outliers around it, and a share cut out in holes.

    Normals are those of planes through the spoilt points, facing as the clean surface does there.
    """
    points, normals = cloud.points, cloud.normals
    if holes:
        kept = np.ones(len(points), bool)
        while kept.mean() > 1.0 - holes:
            centre = points[rng.choice(np.flatnonzero(kept))]
            radius = rng.uniform(0.01, 0.02)
            ball = np.linalg.norm(points - centre, axis=1) < radius
            kept &= ~ball
        points, normals = points[kept], normals[kept]
    points = points + noise * rng.normal(size=points.shape)
    count = round(outliers * len(points))
    if count:
        low, high = points.min(axis=0) - _FAR, points.max(axis=0) + _FAR
        where = rng.choice(len(points), count, replace=False)
        points[where] = rng.uniform(low, high, size=(count, 3))
    if noise or outliers:
        index = cKDTree(points).query(points, 24)[1]
        local = points[index] - points[index].mean(axis=1, keepdims=True)
        planes = np.linalg.eigh(np.swapaxes(local, 1, 2) @ local)[1][:, :, 0]
        normals = planes * np.where(dot(planes, normals) < 0, -1.0, 1.0)[:, None]
    return ObjectCloud(points, normals)


def refine_grasp(hand: Hand, case: Case, spoilt: ObjectCloud, kernel: str) -> RefinedGrasp:
    """Refine the grasp of ``case`` against ``spoilt`` with one kernel; measure on the clean cloud.

    All else is the same: pads alone, the paper's priors with weights that let 1 mm count.
    """
    chain = chain_of(hand)
    config = RefinementConfig(body_spheres=0, self_pairs=0, opposition_weight=0.0)
    if kernel != "default":
        config = dataclasses.replace(config, k=1.0, neighbours=1)
    batch = Batch(chain, [case.motion], [spoilt], config)
    start = batch.y[:, int(np.argmax(batch.grasp[0]))]
    index = np.arange(len(chain.pads))[None]
    fingers = np.ones(index.shape)
    contact: Any = batch.contact(index, fingers)
    if kernel == "euclidean":
        contact = EuclideanContact(config.contact_weight**0.5 * fingers, batch.surface)
    W = batch.weights()[0]
    problem = FrameProblem(
        arrays=batch.arrays,
        surface=batch.surface,
        R_reference=batch.R_reference,
        probes=batch.at(index),
        terms=[contact],
        prior=Prior([Quadratic(start, W)], W, np.linalg.inv(W), batch.ops),
        lower=batch.lower[None],
        upper=batch.upper[None],
    )
    y = minimise(problem, start, _ITERATIONS, config.damping, config.tolerance).x
    pads = batch.positions(y[:, None], index[:, None])[:, 0]
    p, n = Surface([case.cloud], neighbours=6).planes(pads)
    error = dot(pads - p, n) - chain.pads.radius
    return RefinedGrasp(pads[0], error[0])


def sweep(
    hand: Hand, cases: Sequence[Case], trials: int, seed: int
) -> dict[str, dict[str, list[float]]]:
    """Mean error in mm by kind of damage, kernel and strength.

    Args:
        hand: whose grasps.
        cases: grasps with clean clouds.
        trials: spoilt clouds per case and strength.
        seed: of the damage; the same for every kernel.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for kind, strengths in (("noise", NOISE), ("outliers", OUTLIERS), ("holes", HOLES)):
        found[kind] = {kernel: [] for kernel in KERNELS}
        for strength in strengths:
            errors: dict[str, list[float]] = {kernel: [] for kernel in KERNELS}
            for number, case in enumerate(cases):
                for trial in range(trials):
                    rng = np.random.default_rng([seed, number, trial])
                    spoilt = spoil(case.cloud, rng, **{kind: strength})
                    for kernel in KERNELS:
                        error = refine_grasp(hand, case, spoilt, kernel).error
                        errors[kernel].append(float(np.abs(error).mean()))
            for kernel in KERNELS:
                found[kind][kernel].append(1e3 * float(np.mean(errors[kernel])))
    return found


def plot(
    path: Path, hand: Hand, case: Case, figures: dict[str, dict[str, list[float]]], seed: int
) -> None:
    """The scenes of figure B2, and the errors of :func:`sweep` below them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(12, 8), constrained_layout=True)
    spoilt = spoil(case.cloud, np.random.default_rng(seed), noise=0.005, outliers=0.05)
    outcomes = [refine_grasp(hand, case, spoilt, kernel) for kernel in ("default", "euclidean")]
    scenes = [(cloud, k) for cloud in (spoilt, case.cloud) for k in (0, 1)]
    for place, (cloud, k) in enumerate(scenes):
        ax = figure.add_subplot(2, 4, place + 1, projection="3d")
        ax.scatter(*cloud.points[::2].T, s=1, c="black", alpha=0.25)
        ax.scatter(*outcomes[k].pads.T, s=80, c=("green", "red")[k], depthshade=False)
        ax.set_box_aspect(np.ptp(case.cloud.points, axis=0) + 0.04)
        ax.set_axis_off()
        low, high = case.cloud.points.min(axis=0) - 0.02, case.cloud.points.max(axis=0) + 0.02
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
        name = ("f(d)", "Euclidean")[k]
        error = 1e3 * np.abs(outcomes[k].error).mean()
        where = ("noisy cloud", "clean cloud")[place // 2]
        ax.set_title(f"({'ABCD'[place]}) {name}, {where}\n{error:.1f} mm", fontsize="medium")
    for place, (kind, strengths, unit, scale) in enumerate(
        (("noise", NOISE, "mm", 1e3), ("outliers", OUTLIERS, "%", 100), ("holes", HOLES, "%", 100))
    ):
        ax = figure.add_subplot(2, 3, place + 4)
        for kernel, style in zip(KERNELS, ("r--", "k:", "g-")):
            ax.plot(scale * np.array(strengths), figures[kind][kernel], style, label=kernel)
        ax.set(xlabel=f"{kind}, {unit}", ylabel="pads from the clean surface, mm", ylim=(0, None))
        ax.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
