"""Does the confidence of a choice mean something? Answers by how sure they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unihm.evaluation.perception.grounding import Answer
from unihm.types import FloatArray

_EDGES = np.linspace(0.0, 1.0, 11)


def judged(answers: list[Answer]) -> tuple[FloatArray, FloatArray]:
    """Confidence (N,) of every choice that was made, and (N,) 1 where it was right, else 0."""
    chosen = [a for a in answers if a.confidence is not None]
    right = [a.outcome == "right" for a in chosen]
    return np.array([a.confidence for a in chosen], float), np.array(right, float)


def calibration_error(confidence: FloatArray, right: FloatArray) -> float:
    """Expected calibration error: mean distance of confidence and share right over ten bins."""
    if not len(confidence):
        return float("nan")
    slot = np.clip(np.digitize(confidence, _EDGES) - 1, 0, len(_EDGES) - 2)
    off = [abs(float(np.sum(confidence[slot == k] - right[slot == k]))) for k in np.unique(slot)]
    return sum(off) / len(confidence)


def plot(path: Path, answers: list[Answer]) -> None:
    """A reliability diagram: share of right choices over confidence, and how many there are."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    confidence, right = judged(answers)
    slot = np.clip(np.digitize(confidence, _EDGES) - 1, 0, len(_EDGES) - 2)
    used = np.unique(slot)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(5, 6), sharex=True, height_ratios=(3, 1), constrained_layout=True
    )
    above.plot([0, 1], [0, 1], color="grey", linewidth=1)
    above.plot(
        [confidence[slot == k].mean() for k in used], [right[slot == k].mean() for k in used], "o-"
    )
    above.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share that is right")
    error = calibration_error(confidence, right)
    above.set_title(f"{len(right)} choices, calibration error {100 * error:.1f} %")
    below.hist(confidence, bins=_EDGES)
    below.set(xlabel="confidence", ylabel="choices")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)
