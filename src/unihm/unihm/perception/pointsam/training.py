"""Training of Point-SAM on rendered heaps of procedural objects."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor
from tqdm import tqdm

from unihm.data.tabletop import Scene, Sensor, random_pile, random_view
from unihm.errors import UnihmError
from unihm.perception.pointsam.config import PointSamConfig
from unihm.perception.pointsam.model import PointSam, mask_loss
from unihm.perception.pointsam.processing import Crop, dense_prompt, make_crop, make_view
from unihm.types import FloatArray

IMAGE_SIZE = (240, 320)
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
    scene = Scene(random_pile(rng, center), rng, textured=rng.choice([0.0, 0.5, 1.0]))
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
        members = np.flatnonzero(labels == number)
        center_index = int(_middle(view.points, members, rng))
        crop = make_crop(view, center_index, seed=int(rng.integers(2**31)))
        if (labels[crop.index] == number).sum() >= 30:
            samples.append(Sample(crop, labels[crop.index], int(number)))
    return samples


def _middle(points: FloatArray, members: NDArray[np.int64], rng: np.random.Generator) -> int:
    """A member (index) for the first click: mostly near the middle, sometimes anywhere."""
    if rng.random() < 0.4:
        return int(rng.choice(members))
    middle = np.median(points[members], axis=0)
    distance = np.linalg.norm(points[members] - middle, axis=1)
    return int(members[distance.argsort()[: max(1, len(members) // 10)]][0])


def save_samples(path: Path, samples: list[Sample]) -> None:
    """Write the crops of one scene (npz, no pickles)."""
    arrays: dict[str, Any] = {}
    for k, s in enumerate(samples):
        arrays |= {
            f"{k}_points": s.crop.points,
            f"{k}_features": s.crop.features.astype(np.float16),
            f"{k}_costs": s.crop.costs.astype(np.float16),
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
                    costs=data[f"{k}_costs"].astype(np.float32),
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
    missing = [(k, p) for k, p in enumerate(paths) if not p.is_file()]
    for k, path in tqdm(missing, desc="rendering scenes", disable=not missing):
        temporary = path.with_suffix(".tmp.npz")
        save_samples(temporary, make_samples(seed * 1_000_003 + k))
        temporary.replace(path)
    return paths


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
    """The clicks given to one crop so far, and the last mask."""

    def __init__(self, sample: Sample) -> None:
        self.crop = sample.crop
        self.truth = sample.labels == sample.target
        start = int(np.linalg.norm(self.crop.points[:, :2], axis=1).argmin())
        if not self.truth[start]:
            start = int(np.flatnonzero(self.truth)[0])
        self.clicks, self.positive = [start], [True]
        self.logits: NDArray[np.float32] | None = None

    def dense(self) -> NDArray[np.float32]:
        return dense_prompt(self.crop, self.clicks, self.positive, self.logits)

    def correct(self, logits: NDArray[np.float32]) -> None:
        """Take the network's mask and click where it is most wrong."""
        self.logits = logits
        click, positive = next_click(self.crop, logits > 0, self.truth)
        self.clicks.append(click)
        self.positive.append(positive)


def batch_clouds(
    samples: list[Sample], size: int, rng: np.random.Generator
) -> tuple[list[Sample], Tensor, Tensor, Tensor]:
    """Crops of equal size with random turns about the vertical and random colours.

    Returns:
        samples of ``size`` points, points (B, N, 3), features (B, N, 6), truth (B, N).
    """
    resized = [_resize(s, size, rng) for s in samples]
    points, features = [], []
    for sample in resized:
        angle = rng.normal(0, 0.5)
        turn = np.eye(3)
        turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        if rng.random() < 0.5:
            turn[:, 1] *= -1  # the mirror image
        color, normal = sample.crop.features[:, :3], sample.crop.features[:, 3:]
        color = np.clip(color * rng.uniform(0.7, 1.3) + rng.normal(0, 0.12, 3), -1, 1)
        points.append(sample.crop.points @ turn.T * rng.uniform(0.85, 1.15))
        features.append(np.concatenate([color, normal @ turn.T], axis=1))
    truth = np.stack([s.labels == s.target for s in resized])
    return (
        resized,
        torch.from_numpy(np.stack(points)).float(),
        torch.from_numpy(np.stack(features)).float(),
        torch.from_numpy(truth).float(),
    )


def _resize(sample: Sample, size: int, rng: np.random.Generator) -> Sample:
    """Pad a crop to ``size`` points by repeating its points at random."""
    crop = sample.crop
    count = len(crop.points)
    if count == size:
        return sample
    extra = rng.integers(0, count, size - count)
    order = np.concatenate([np.arange(count), extra])
    return Sample(
        Crop(
            crop.index[order],
            crop.points[order],
            crop.features[order],
            crop.costs[:, order],
            crop.neighbours[order],
        ),
        sample.labels[order],
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
    model: PointSam, batch: tuple[list[Sample], Tensor, Tensor, Tensor], clicks: int
) -> tuple[Tensor, list[float]]:
    """Loss over rounds of clicks, and the mean IoU after each."""
    samples, points, features, truth = batch
    cloud = model.encode(points, features)
    sessions = [ClickSession(s) for s in samples]
    loss, ious = torch.zeros(()), []
    rows = torch.arange(len(samples))
    for turn in range(clicks):
        dense = torch.from_numpy(np.stack([s.dense() for s in sessions]))
        masks = model.decode(cloud, *pad_clicks(sessions, points), dense)
        choose = MULTI if turn == 0 else SINGLE
        loss = loss + mask_loss(masks, truth, choose) / clicks
        if turn == 0:  # the single mask learns from the first click too
            loss = loss + 0.5 * mask_loss(masks, truth, SINGLE) / clicks
        offered = torch.where(choose, masks.iou, -torch.inf)
        chosen = masks.logits[rows, offered.argmax(dim=1)].detach()
        predicted = chosen > 0
        union = (predicted | (truth > 0.5)).sum(-1).clamp(min=1)
        ious.append(float(((predicted & (truth > 0.5)).sum(-1) / union).mean()))
        for session, logits in zip(sessions, chosen.numpy()):
            session.correct(logits)
    return loss, ious


def train_segmentation(config: PointSamConfig, work: Path) -> tuple[PointSam, dict[str, Any]]:
    """Render, train and validate; goes on from ``work`` where it was interrupted.

    Returns:
        the network, and the figures on held-out scenes.
    """
    training = config.training
    work.mkdir(parents=True, exist_ok=True)
    paths = render_dataset(work / "scenes", training.scenes, training.seed)
    held_out = max(8, int(VALIDATION * len(paths)))
    pool = [s for p in tqdm(paths[held_out:], desc="reading") for s in load_samples(p)]
    validation = [s for p in paths[:held_out] for s in load_samples(p)]
    torch.manual_seed(training.seed)
    model = PointSam(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=training.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, training.rate, total_steps=training.steps + 1, pct_start=0.05
    )
    checkpoint, log = work / "checkpoint.pt", work / "log.jsonl"
    step = 0
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        step = int(state["step"])
    bar = tqdm(total=training.steps, initial=step, desc="training")
    started, recent = time.monotonic(), []
    while step < training.steps:
        rng = np.random.default_rng([training.seed, step])
        chosen = rng.choice(len(pool), training.batch, replace=False)
        samples = [pool[i] for i in chosen]
        batch = batch_clouds(samples, max(len(s.labels) for s in samples), rng)
        loss, ious = click_rounds(model, batch, training.clicks)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        step += 1
        recent.append([float(loss.detach()), *ious])
        bar.update()
        if step % 100 == 0 or step == training.steps:
            mean = np.mean(recent, axis=0).round(4).tolist()
            recent.clear()
            bar.set_postfix(loss=mean[0], iou_1=mean[1], iou_n=mean[-1])
            with log.open("a") as file:
                entry = {"step": step, "seconds": round(time.monotonic() - started), "mean": mean}
                file.write(json.dumps(entry) + "\n")
            torch.save(
                {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "step": step,
                },
                checkpoint,
            )
    figures = {
        "config": asdict(config),
        "held_out": validate(model, validation, training.clicks),
    }
    return model, figures


@torch.inference_mode()
def validate(model: PointSam, samples: list[Sample], clicks: int) -> dict[str, float]:
    """Mean IoU of the points on held-out scenes after each click."""
    model.eval()
    results = []
    for k, sample in enumerate(samples):
        batch = batch_clouds([sample], len(sample.labels), np.random.default_rng(k))
        results.append(click_rounds(model, batch, clicks)[1])
    model.train()
    mean = np.mean(results, axis=0)
    return {f"iou_{k + 1}": round(float(v), 4) for k, v in enumerate(mean)}
