"""Training of SnowflakeNet on single views of random shapes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional as F

from unihm.errors import UnihmError
from unihm.geometry import chamfer
from unihm.learning.synthesis.tables.partial_views import random_partial_view, random_whole_shape
from unihm.learning.training.loop import make_missing, one_cycle, run_steps
from unihm.perception.scene.completion import thin
from unihm.perception.segmentation.pointsam.model import gather
from unihm.perception.segmentation.snowflake.config import SnowflakeConfig
from unihm.perception.segmentation.snowflake.model import Clouds, SnowflakeNet
from unihm.perception.segmentation.snowflake.processing import normalise

PER_FILE = 30
_PER_SHAPE = 3
_SEEN = 1024  # points kept of a seen part
VALIDATION = 0.05  # share of the files, the first ones
_TRUTH = 1024  # points of the surface that a step compares with


@dataclass(frozen=True)
class Views:
    """Views in normalised coordinates.

    Attributes:
        seen: (V, 1024, 3), repeated where fewer were seen.
        points, normals: (V, 4096, 3) the whole surfaces.
        scale: (V,) metres per unit.
    """

    seen: NDArray[np.float32]
    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    scale: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.seen)


def make_views(seed: int, count: int = PER_FILE) -> Views:
    """Views of random shapes."""
    rng = np.random.default_rng([seed, 43])
    rows: list[tuple[Any, ...]] = []
    while len(rows) < count:
        shape = random_whole_shape(rng)
        for _ in range(_PER_SHAPE):
            view = random_partial_view(shape, rng)
            if view is None:
                break
            try:
                seen, _ = thin(view.seen, view.camera)
            except UnihmError:  # too little is left
                continue
            frame = normalise(seen, view.camera, 0.0)
            order = np.resize(rng.permutation(len(seen)), _SEEN)
            rows.append(
                (
                    frame.apply(seen[order]),
                    frame.apply(view.points),
                    frame.turn(view.normals),
                    frame.scale,
                )
            )
    columns = [np.array(c, np.float32) for c in zip(*rows[:count], strict=True)]
    return Views(*columns)


def save_views(path: Path, views: Views) -> None:
    """Write one file (npz, no pickles)."""
    np.savez(
        path,
        seen=views.seen.astype(np.float16),
        points=views.points.astype(np.float16),
        normals=views.normals.astype(np.float16),
        scale=views.scale,
    )


def load_views(paths: list[Path]) -> Views:
    """Read what :func:`save_views` wrote."""
    parts: dict[str, list[NDArray[np.float32]]] = {}
    for path in paths:
        with np.load(path, allow_pickle=False) as data:
            for name in ("seen", "points", "normals", "scale"):
                parts.setdefault(name, []).append(data[name].astype(np.float32))
    return Views(**{name: np.concatenate(values) for name, values in parts.items()})


def render_views(folder: Path, views: int, seed: int) -> list[Path]:
    """Make the files of views that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed}_{k:05d}.npz" for k in range(-(-views // PER_FILE))]
    return make_missing(paths, partial(_look, seed), "looking at shapes")


def _look(seed: int, number: int, path: Path) -> None:
    save_views(path, make_views(seed * 1_000_003 + number))


@dataclass(frozen=True)
class CompletionBatch:
    """partial (B, N, 3), points and normals (B, T, 3)."""

    partial: Tensor
    points: Tensor
    normals: Tensor


def draw_batch(
    views: Views, chosen: NDArray[np.int64], config: SnowflakeConfig, rng: np.random.Generator
) -> CompletionBatch:
    """Views with random points, a random small turn, and sometimes mirrored."""
    partial, points, normals = [], [], []
    for k in chosen:
        turn = np.eye(3)
        angle = rng.normal(0, 0.15)
        turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        if rng.random() < 0.5:
            turn[:, 1] *= -1
        some = rng.permutation(views.seen.shape[1])[: config.partial]
        truth = rng.permutation(views.points.shape[1])[:_TRUTH]
        size = rng.uniform(0.92, 1.08)
        partial.append(size * views.seen[k, some] @ turn.T)
        points.append(size * views.points[k, truth] @ turn.T)
        normals.append(views.normals[k, truth] @ turn.T)
    return CompletionBatch(
        *(torch.from_numpy(np.stack(v)).float() for v in (partial, points, normals))
    )


def chamfer_loss(a: Tensor, b: Tensor) -> Tensor:
    """Chamfer distances (B,) of clouds (B, N, 3) and (B, M, 3), as a loss: it has gradients.

    The measure is :func:`unihm.geometry.chamfer`.
    """
    to_b = (a - gather(b, nearest_index(a, b))).norm(dim=-1)
    to_a = (b - gather(a, nearest_index(b, a))).norm(dim=-1)
    return (to_b.mean(dim=1) + to_a.mean(dim=1)) / 2


def nearest_index(query: Tensor, points: Tensor) -> Tensor:
    """(B, Q) index of the nearest of ``points`` (B, N, 3); trees beat a matrix on a CPU."""
    pairs = zip(query.detach().numpy(), points.detach().numpy(), strict=True)
    return torch.from_numpy(np.stack([cKDTree(p).query(q)[1] for q, p in pairs]))


def completion_loss(clouds: Clouds, batch: CompletionBatch) -> tuple[Tensor, list[float]]:
    """Chamfer distance of every stage, of the seen part to the result, normals and error head.

    Returns:
        the loss; its last stage's Chamfer distance and the share of normals within 20 degrees.
    """
    loss = torch.zeros(())
    for points in clouds.stages:
        distance = chamfer_loss(points, batch.points[:, : max(384, points.shape[1])])
        loss = loss + distance.mean()
    final = clouds.stages[-1]
    # What was seen must stay where it was seen.
    kept = gather(final, nearest_index(batch.partial, final)) - batch.partial
    loss = loss + 0.3 * kept.norm(dim=-1).mean()
    share = 0.0
    if clouds.normals is not None and clouds.log_error is not None:
        truth = gather(batch.normals, nearest_index(final, batch.points))
        cosine = (clouds.normals * truth).sum(dim=-1)
        loss = loss + 0.3 * (1 - cosine).mean()
        share = float((cosine > np.cos(np.deg2rad(20))).float().mean())
        loss = loss + 0.02 * F.smooth_l1_loss(clouds.log_error, distance.detach().log())
    return loss, [float(distance.mean().detach()), share]


def train_completion(config: SnowflakeConfig, work: Path) -> tuple[SnowflakeNet, dict[str, Any]]:
    """Look at shapes, train and validate; goes on from ``work`` where it was interrupted.

    Returns:
        the network, and the figures on held-out shapes.
    """
    training = config.training
    paths = render_views(work / "views", training.views, training.seed)
    held_out = max(1, int(VALIDATION * len(paths)))
    pool, validation = load_views(paths[held_out:]), load_views(paths[:held_out])
    torch.manual_seed(training.seed)
    model = SnowflakeNet(config)

    def take(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        chosen = rng.choice(len(pool), training.batch, replace=False)
        batch = draw_batch(pool, chosen, config, rng)
        loss, (distance, share) = completion_loss(model(batch.partial), batch)
        return loss, {"chamfer": distance, "normals": share}

    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.001)

    def rate(step: int) -> float:
        return training.rate * one_cycle(step, training.steps)

    run_steps(model, optimizer, take, rate, training.steps, training.seed, work)
    return model, {"held_out": validate(model, validation)}


@torch.inference_mode()
def validate(model: SnowflakeNet, views: Views) -> dict[str, float]:
    """Chamfer distance in mm of result and seen part, and normals, on held-out shapes."""
    model.eval()
    rows = []
    for k in range(len(views)):
        rng = np.random.default_rng(k)
        seen = views.seen[k, rng.permutation(views.seen.shape[1])[: model.config.partial]]
        clouds = model(torch.from_numpy(seen)[None])
        result = clouds.stages[-1]
        before = chamfer(views.seen[k], views.points[k])
        after = chamfer(result[0].numpy(), views.points[k])
        truth = gather(
            torch.from_numpy(views.normals[k])[None],
            nearest_index(result, torch.from_numpy(views.points[k])[None]),
        )
        good = 0.0
        if clouds.normals is not None:
            cosine = (clouds.normals * truth).sum(dim=-1)
            good = float((cosine > np.cos(np.deg2rad(20))).float().mean())
        rows.append([1e3 * views.scale[k] * before, 1e3 * views.scale[k] * after, good])
    model.train()
    mean = np.mean(rows, axis=0)
    return {
        "partial_chamfer_mm": round(float(mean[0]), 3),
        "chamfer_mm": round(float(mean[1]), 3),
        "ratio_median": round(float(np.median([r[0] / r[1] for r in rows])), 3),
        "normals_within_20_deg": round(float(mean[2]), 4),
        "views": len(views),
    }
