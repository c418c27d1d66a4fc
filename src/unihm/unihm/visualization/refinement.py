"""Pictures of a refinement: before against after."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unihm.refinement.batch import UNSEEN, Batch
from unihm.refinement.chain import chain_of
from unihm.refinement.config import RefinementConfig
from unihm.refinement.report import RefinementReport
from unihm.robots import Hand
from unihm.types import HandMotion, ObjectCloud, Phase

_LEAST = 1e-3  # energy that a bar begins at


def plot_refinement(
    path: Path,
    motion: HandMotion,
    refined: HandMotion,
    cloud: ObjectCloud,
    report: RefinementReport,
    hand: Hand,
) -> None:
    """Draw distances, penetration, acceleration and energies before and after to ``path``."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(11, 7), constrained_layout=True)
    pads, depths, swings, energies = axes.ravel()
    dt = motion.trajectory.dt
    time = dt * np.arange(len(motion))
    for label, one, style in (("before", motion, "--"), ("after", refined, "-")):
        batch = Batch(chain_of(hand), [one], [cloud], RefinementConfig())
        d = batch.place(batch.y).d[0]
        for i, finger in enumerate(hand.finger_names):
            name = finger if label == "after" else None
            pads.plot(time, 1e3 * d[:, i], style, color=f"C{i}", label=name)
        depth = np.where(d > -UNSEEN, -d, 0.0).max(axis=1).clip(0.0)
        depths.plot(time, 1e3 * depth, style, color="black", label=label)
        swing = np.abs(np.diff(one.joints, n=2, axis=0)).max(axis=1) / dt**2
        swings.plot(time[1:-1], swing, style, color="black", label=label)
    hold = np.flatnonzero(motion.trajectory.phase == Phase.HOLD)
    for ax in (pads, depths, swings):
        if len(hold):
            ax.axvspan(time[hold[0]], time[hold[-1]], color="gold", alpha=0.2)
        ax.set(xlabel="time, s")
        ax.legend(fontsize="small")
    pads.set(ylim=(-15, 30), ylabel="pad to surface, mm", title="dashed before, solid after")
    depths.set(ylabel="deepest point of the hand, mm", title="shaded: HOLD")
    swings.set(ylabel="largest joint acceleration, rad/s²")
    names = list(report.after.energy)
    rows = np.arange(len(names))
    for label, measures, side, colour in (
        ("before", report.before, -0.2, "lightgrey"),
        ("after", report.after, 0.2, "black"),
    ):
        values = [max(measures.energy[name], _LEAST) for name in names]
        energies.barh(rows + side, values, 0.4, color=colour, label=label)
    energies.set(xscale="log", yticks=rows, yticklabels=names, xlabel="energy")
    energies.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
