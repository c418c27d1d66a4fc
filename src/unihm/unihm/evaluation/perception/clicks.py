"""Measures of perception: masks from clicks on real and rendered frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label

from unihm.errors import ErrorCode, UnihmError
from unihm.files import read_arrays
from unihm.perception.camera.frame_file import read_frame
from unihm.perception.segmentation.clicks import Click
from unihm.types import RgbdObservation

# A method: given a frame it answers growing lists of clicks with masks.
ClickMethod = Callable[[RgbdObservation], Callable[[list[Click]], NDArray[np.bool_]]]

MIN_PIXELS = 200  # smaller labels are specks


@dataclass(frozen=True)
class LabelledFrame:
    """A frame with instance masks: ``labels`` (H, W), 0 is no object."""

    name: str
    observation: RgbdObservation
    labels: NDArray[np.int16]

    @property
    def instances(self) -> list[int]:
        """Numbers of the objects that are seen well enough."""
        numbers, counts = np.unique(self.labels, return_counts=True)
        return [int(n) for n, c in zip(numbers, counts) if n > 0 and c >= MIN_PIXELS]

    def touches(self, instance: int, reach: int = 6) -> bool:
        """True where another object lies within ``reach`` pixels of the instance."""
        near = distance_transform_edt(self.labels != instance) <= reach
        return bool((near & (self.labels > 0) & (self.labels != instance)).sum() > 50)


def load_frame(path: Path) -> LabelledFrame:
    """One ``.npz`` (rgb, depth in metres, K, labels); labels are 0 where it has none."""
    observation, _ = read_frame(path)
    labels = read_arrays(path, ErrorCode.INVALID_EPISODE, only=("labels",)).get("labels")
    if labels is None:
        labels = np.zeros(observation.depth.shape)
    return LabelledFrame(path.stem, observation, labels.astype(np.int16))


def load_frames(folder: Path) -> list[LabelledFrame]:
    """Every labelled ``.npz`` (rgb, depth, K, labels) of a folder.

    Raises:
        UnihmError: INVALID_EPISODE where there is none.
    """
    frames = [load_frame(path) for path in sorted(folder.glob("*.npz"))]
    frames = [frame for frame in frames if frame.labels.max() > 0]
    if not frames:
        raise UnihmError(ErrorCode.INVALID_EPISODE, f"{folder} holds no labelled frames (*.npz).")
    return frames


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


def center_click(mask: NDArray[np.bool_], depth: NDArray[np.float32]) -> Click:
    """Positive click in the middle of a mask: the pixel deepest inside it that has depth."""
    inside = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    inside = np.where(depth > 0, inside, inside * 0.01)
    v, u = np.unravel_index(int(inside.argmax()), mask.shape)
    return Click(int(u), int(v))


def correcting_click(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], depth: NDArray[np.float32]
) -> Click:
    """Click in the middle of the largest error of ``mask``."""
    numbers, _ = label((mask != truth) & (depth > 0))
    counts = np.bincount(numbers.ravel())
    counts[0] = 0
    if counts.max() == 0:
        return center_click(truth, depth)
    click = center_click(numbers == counts.argmax(), depth)
    return Click(click.u, click.v, positive=bool(truth[click.v, click.u]))


@dataclass(frozen=True)
class ClickScore:
    """IoU of one object after one, two, ... clicks."""

    frame: str
    instance: int
    touching: bool
    ious: tuple[float, ...]


def score_clicks(
    frames: list[LabelledFrame], method: ClickMethod, clicks: int = 3
) -> list[ClickScore]:
    """One click at each object's centre, then corrections where the mask is most wrong."""
    scores = []
    for frame in frames:
        answer = method(frame.observation)
        depth = frame.observation.depth
        for instance in frame.instances:
            truth = frame.labels == instance
            given = [center_click(truth, depth)]
            values = []
            for _ in range(clicks):
                mask = answer(given)
                values.append(iou(mask, truth))
                given = [*given, correcting_click(mask, truth, depth)]
            scores.append(ClickScore(frame.name, instance, frame.touches(instance), tuple(values)))
    return scores


def mean_iou(scores: list[ClickScore], clicks: int, touching: bool | None = None) -> float:
    """Mean over the objects (all, or only those that touch others or only those that do not)."""
    chosen = [s.ious[clicks - 1] for s in scores if touching is None or s.touching == touching]
    return float(np.mean(chosen)) if chosen else float("nan")
