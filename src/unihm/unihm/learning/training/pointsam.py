"""Training of Point-SAM on rendered heaps of procedural objects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree
from torch import Tensor
from tqdm import tqdm

from unihm.errors import UnihmError
from unihm.learning.synthesis.tables.piles import random_pile, random_view
from unihm.learning.synthesis.tables.rendering import RaycastScene, Sensor
from unihm.learning.training.loop import make_missing, one_cycle, run_steps
from unihm.perception.segmentation.pointsam.config import PointSamConfig, SegmentationTraining
from unihm.perception.segmentation.pointsam.model import PointSam, bond_loss, mask_loss, prompt_loss
from unihm.perception.segmentation.pointsam.processing import (
    MAX_POINTS,
    Crop,
    dense_prompts,
    link,
    make_crop,
    make_view,
    proposals,
    surface_graph,
)
from unihm.types import FloatArray

IMAGE_SIZE = (240, 320)
POINTS = (800, 1300)  # per crop in training; fewer than in use, because time counts
SINGLE = torch.tensor([True, False, False, False])
MULTI = torch.tensor([False, True, True, True])
VALIDATION = 0.05  # share of the scenes, the first ones


@dataclass(frozen=True)
class Sample:
    """One crop with the labels of its points and the object that is asked for."""

    crop: Crop
    labels: NDArray[np.int16]
    target: int


def random_intrinsics(rng: np.random.Generator) -> FloatArray:
    """(3, 3) of an image of :data:`IMAGE_SIZE`, of a usual field of view."""
    focal = rng.uniform(240, 340)
    height, width = IMAGE_SIZE
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])


def make_samples(seed: int, per_scene: int = 4) -> list[Sample]:
    """Crops of one random scene."""
    rng = np.random.default_rng([seed, 41])
    center = np.array([0.5, 0.0])
    scene = RaycastScene(random_pile(rng, center), rng, textured=float(rng.choice([0.3, 0.8, 1.0])))
    pose = random_view(rng, np.array([*center, 0.05]))
    frame = scene.render(random_intrinsics(rng), IMAGE_SIZE, pose, Sensor.draw(rng))
    try:
        view = make_view(frame.observation)
    except UnihmError:  # no table in view
        return []
    labels = frame.labels.ravel()[view.pixels]
    numbers, counts = np.unique(labels[labels > 0], return_counts=True)
    samples = []
    for number in rng.permutation(numbers[counts >= 60])[:per_scene]:
        click = _first_click(frame.labels == number, rng)
        members = np.flatnonzero(labels == number)
        v, u = np.divmod(view.pixels[members], IMAGE_SIZE[1])
        start = members[((v - click[0]) ** 2 + (u - click[1]) ** 2).argmin()]
        crop = make_crop(view, int(start), seed=int(rng.integers(2**31)))
        if (labels[crop.index] == number).sum() >= 30:
            samples.append(Sample(crop, labels[crop.index], int(number)))
    return samples


def _first_click(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Pixel (v, u): mostly what people call the centre of a mask (H, W), sometimes any of it."""
    pixels = np.argwhere(mask)
    kind = rng.random()
    if kind < 0.45:  # deepest inside
        inside = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        return np.array(np.unravel_index(int(inside.argmax()), mask.shape))
    if kind < 0.8:  # nearest to the centroid
        distance = np.linalg.norm(pixels - pixels.mean(axis=0), axis=1)
        return pixels[distance.argmin()]
    return pixels[rng.integers(len(pixels))]


def save_samples(path: Path, samples: list[Sample]) -> None:
    """Write the crops of one scene (npz, no pickles)."""
    arrays: dict[str, Any] = {}
    for k, s in enumerate(samples):
        arrays |= {
            f"{k}_points": s.crop.points,
            f"{k}_features": s.crop.features.astype(np.float16),
            f"{k}_neighbours": s.crop.neighbours.astype(np.int16),
            f"{k}_labels": s.labels,
            f"{k}_target": np.int16(s.target),
        }
    np.savez(path, count=len(samples), **arrays)  # type: ignore[arg-type]


def load_samples(path: Path) -> list[Sample]:
    """Read what :func:`save_samples` wrote."""
    with np.load(path, allow_pickle=False) as data:
        return [
            Sample(
                Crop(
                    index=np.arange(len(data[f"{k}_points"])),
                    points=data[f"{k}_points"],
                    features=data[f"{k}_features"].astype(np.float32),
                    neighbours=data[f"{k}_neighbours"].astype(np.int64),
                ),
                data[f"{k}_labels"],
                int(data[f"{k}_target"]),
            )
            for k in range(int(data["count"]))
        ]


def render_dataset(folder: Path, scenes: int, seed: int) -> list[Path]:
    """Render the scenes that are not there yet; one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed}_{k:06d}.npz" for k in range(scenes)]
    return make_missing(paths, partial(_render, seed), "rendering scenes")


def _render(seed: int, number: int, path: Path) -> None:
    save_samples(path, make_samples(seed * 1_000_003 + number))


def next_click(
    crop: Crop, predicted: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> tuple[int, bool]:
    """Index and sign of the click in the middle of the error: farthest from what is right."""
    wrong = predicted != truth
    if not wrong.any():
        return int(np.flatnonzero(truth)[0]), True
    if wrong.all():
        return int(np.flatnonzero(wrong)[0]), bool(truth[np.flatnonzero(wrong)[0]])
    candidates = np.flatnonzero(wrong)
    distance = cKDTree(crop.points[~wrong]).query(crop.points[candidates])[0]
    chosen = int(candidates[distance.argmax()])
    return chosen, bool(truth[chosen])


class ClickSession:
    """The clicks given to one crop so far, and the last mask.

    Args:
        sample: the crop and its target.
        bonds: (N, k) probability that neighbours belong together.
    """

    def __init__(self, sample: Sample, bonds: FloatArray) -> None:
        self.crop = sample.crop
        self.truth = sample.labels == sample.target
        self.bonds = bonds
        self.graph = surface_graph(self.crop, bonds)
        start = int(np.linalg.norm(self.crop.points[:, :2], axis=1).argmin())
        if not self.truth[start]:
            start = int(np.flatnonzero(self.truth)[0])
        self.clicks, self.positive = [start], [True]
        self.logits: NDArray[np.float32] | None = None

    def propose(self, rng: np.random.Generator) -> None:
        """Begin with a piece of surface as mask prompt."""
        offered = proposals(self.crop, self.bonds, self.clicks[0])
        self.logits = offered[rng.integers(len(offered))]

    def dense(self) -> NDArray[np.float32]:
        """The prompts so far as values of every point of the crop."""
        return dense_prompts(self.crop, self.graph, self.clicks, self.positive, [self.logits])[0]

    def correct(self, logits: NDArray[np.float32], click: bool = True) -> None:
        """Take the network's mask and, unless told not to, click where it is most wrong."""
        self.logits = logits
        if click:
            index, positive = next_click(self.crop, logits > 0, self.truth)
            self.clicks.append(index)
            self.positive.append(positive)


def batch_clouds(
    samples: list[Sample], most: int, rng: np.random.Generator
) -> tuple[list[Sample], Tensor, Tensor, Tensor]:
    """Crops of equal size with random turns about the vertical and random colours.

    Args:
        most: points per crop, where each has so many.

    Returns:
        thinned samples, points (B, N, 3), features (B, N, 6), truth (B, N).
    """
    size = min([most, *(len(s.labels) for s in samples)])
    resized = [_thin(s, size, rng) for s in samples]
    points, features = [], []
    for sample in resized:
        angle = rng.normal(0, 0.5)
        turn = np.eye(3)
        turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        if rng.random() < 0.5:
            turn[:, 1] *= -1  # the mirror image
        seen, normal = sample.crop.features[:, :3], sample.crop.features[:, 3:]
        color = np.clip(seen * rng.uniform(0.7, 1.3) + rng.normal(0, 0.12, 3), -1, 1)
        if rng.random() < 0.15:  # shape alone has to do
            color = np.repeat(color.mean(axis=1, keepdims=True), 3, axis=1) * rng.uniform(0, 1)
        points.append(sample.crop.points @ turn.T * rng.uniform(0.85, 1.15))
        features.append(np.concatenate([color, normal @ turn.T], axis=1))
    truth = np.stack([s.labels == s.target for s in resized])
    return (
        resized,
        torch.from_numpy(np.stack(points)).float(),
        torch.from_numpy(np.stack(features)).float(),
        torch.from_numpy(truth).float(),
    )


def _thin(sample: Sample, size: int, rng: np.random.Generator) -> Sample:
    """``size`` of a crop's points, the clicked one among them, linked anew."""
    crop = sample.crop
    chosen = rng.permutation(len(crop.points))[:size]
    start = int(np.linalg.norm(crop.points[:, :2], axis=1).argmin())
    if start not in chosen:
        chosen[0] = start
    points = crop.points[chosen]
    return Sample(
        Crop(crop.index[chosen], points, crop.features[chosen], link(points)),
        sample.labels[chosen],
        sample.target,
    )


def pad_clicks(sessions: list[ClickSession], points: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (B, C, 3) and signs (B, C) of the clicks of every session; -1 is padding."""
    longest = max(len(s.clicks) for s in sessions)
    index = torch.zeros(len(sessions), longest, dtype=torch.long)
    signs = torch.full((len(sessions), longest), -1)
    for row, session in enumerate(sessions):
        count = len(session.clicks)
        index[row, :count] = torch.tensor(session.clicks)
        signs[row, :count] = torch.tensor(session.positive).long()
    return points.gather(1, index[..., None].expand(-1, -1, 3)), signs


def click_rounds(
    model: PointSam,
    batch: tuple[list[Sample], Tensor, Tensor, Tensor],
    training: SegmentationTraining,
    rng: np.random.Generator | None = None,
) -> tuple[Tensor, list[float]]:
    """Loss over rounds of clicks, and the mean IoU after each.

    Args:
        rng: chooses mask prompts and rounds without a new click; None for clicks alone.
    """
    samples, points, features, truth = batch
    neighbours = torch.from_numpy(np.stack([s.crop.neighbours for s in samples]))
    labels = torch.from_numpy(np.stack([s.labels for s in samples])).long()
    cloud = model.encode(points, features, neighbours)
    bonds = cloud["bonds"].detach().sigmoid().numpy()
    sessions = [ClickSession(s, b) for s, b in zip(samples, bonds)]
    if rng is not None:
        for session in sessions:
            if rng.random() < training.proposals:
                session.propose(rng)
    rounds = training.clicks
    loss, ious = bond_loss(cloud["bonds"], labels, neighbours), []
    rows = torch.arange(len(samples))
    for turn in range(rounds):
        dense = torch.from_numpy(np.stack([s.dense() for s in sessions]))
        masks = model.decode(cloud, *pad_clicks(sessions, points), dense)
        choose = MULTI if turn == 0 else SINGLE
        loss = loss + mask_loss(masks, truth, choose) / rounds
        loss = loss + prompt_loss(masks, dense[..., -1], truth) / rounds
        if turn == 0:  # the single mask learns from the first click too
            loss = loss + 0.5 * mask_loss(masks, truth, SINGLE) / rounds
        offered = torch.where(choose, masks.iou[:, :4], -torch.inf)
        chosen = masks.logits[rows, offered.argmax(dim=1)].detach()
        predicted = chosen > 0
        union = (predicted | (truth > 0.5)).sum(-1).clamp(min=1)
        ious.append(float(((predicted & (truth > 0.5)).sum(-1) / union).mean()))
        for session, logits in zip(sessions, chosen.numpy()):
            refine = rng is not None and turn == 0 and rng.random() < training.refinements
            session.correct(logits, click=not refine)
    return loss, ious


def train_segmentation(config: PointSamConfig, work: Path) -> tuple[PointSam, dict[str, Any]]:
    """Render, train and validate; goes on from ``work`` where it was interrupted.

    Returns:
        the network, and the figures on held-out scenes.
    """
    training = config.training
    paths = render_dataset(work / "scenes", training.scenes, training.seed)
    held_out = max(8, int(VALIDATION * len(paths)))
    pool = [s for p in tqdm(paths[held_out:], desc="reading") for s in load_samples(p)]
    validation = [s for p in paths[:held_out] for s in load_samples(p)]
    torch.manual_seed(training.seed)
    model = PointSam(config)

    def take(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        samples = [pool[i] for i in rng.choice(len(pool), training.batch, replace=False)]
        batch = batch_clouds(samples, int(rng.integers(*POINTS)), rng)
        loss, ious = click_rounds(model, batch, training, rng)
        return loss, {f"iou_{k + 1}": value for k, value in enumerate(ious)}

    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)

    def rate(step: int) -> float:
        return training.rate * one_cycle(step, training.steps)

    run_steps(model, optimizer, take, rate, training.steps, training.seed, work)
    return model, {"held_out": validate(model, validation, training)}


@torch.inference_mode()
def validate(
    model: PointSam, samples: list[Sample], training: SegmentationTraining
) -> dict[str, float]:
    """Mean IoU of the points on held-out scenes after each click."""
    model.eval()
    results = []
    for k, sample in enumerate(samples):
        batch = batch_clouds([sample], MAX_POINTS, np.random.default_rng(k))
        results.append(click_rounds(model, batch, training)[1])
    model.train()
    mean = np.mean(results, axis=0)
    return {f"iou_{k + 1}": round(float(v), 4) for k, v in enumerate(mean)}
