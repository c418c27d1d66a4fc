"""Training of CLIPort on rendered tables, and fine-tuning on recorded episodes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.synthesis.tables.planner_scenes import (
    PickQuestion,
    PlaceQuestion,
    PlannerSample,
    load_sample,
    make_sample,
    save_sample,
)
from unihm.learning.training.loop import make_missing, run_steps
from unihm.perception.planner.cliport.config import CliportConfig
from unihm.perception.planner.cliport.model import (
    KIND_NAMES,
    Cliport,
    affordance_loss,
    kind_loss,
    map_layers,
    with_absence,
)
from unihm.types import FloatArray

HELD_OUT = 0.08  # share of the tables, the first ones
CORE = 0.35  # of an object's size: how far from its middle a pick is still good
SPREAD = 1.2  # pixels, of the label of a place


def render_dataset(folder: Path, config: CliportConfig) -> list[Path]:
    """Render the tables that are not there yet; one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    training = config.training
    variant = "depth" if config.depth else "flat"
    paths = [folder / f"{variant}_{training.seed}_{k:06d}.npz" for k in range(training.scenes)]
    return make_missing(paths, partial(_render, config), "rendering tables")


def _render(config: CliportConfig, number: int, path: Path) -> None:
    sample, attempt = None, 0
    while sample is None:  # a camera that misses the table is drawn again
        seed = (config.training.seed * 1_000_003 + number) * 8 + attempt
        sample = make_sample(seed, config)
        attempt += 1
    save_sample(path, sample)


def pick_target(sample: PlannerSample, question: PickQuestion, turns: int) -> NDArray[np.float32]:
    """(R, H, W) distribution over the cells of what fits, most in the middle of each object.

    All zero where nothing that fits is seen.
    """
    target = np.zeros(sample.labels.shape, np.float32)
    for number in question.fits:
        cells = np.argwhere(sample.labels == number)
        if len(cells):
            away = np.linalg.norm(cells - cells.mean(axis=0), axis=1)
            weight = np.exp(-0.5 * (away / max(CORE * np.sqrt(len(cells)), 0.7)) ** 2)
            target[tuple(cells.T)] += weight / weight.sum()
    total = target.sum()
    if total > 0:
        target /= total
    return np.repeat(target[None] / turns, turns, axis=0)


def place_target(
    question: PlaceQuestion, pick: FloatArray, shape: tuple[int, int], turns: int
) -> NDArray[np.float32]:
    """(R, H, W) distribution over where the point ``pick`` (2,) of the object shall come to lie.

    All zero where every place is off the map.
    """
    step = 2 * np.pi / turns
    turn = round(question.turn / step)
    goals = question.goals + turned(pick - question.center, turn * step)
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    target = np.zeros((turns, *shape), np.float32)
    for row, column in goals:
        if 0 <= row <= shape[0] - 1 and 0 <= column <= shape[1] - 1:
            square = (rows - row) ** 2 + (columns - column) ** 2
            target[turn % turns] += np.exp(-0.5 * square / SPREAD**2)
    return target / max(float(target.sum()), 1e-9)


def turned(offset: FloatArray, angle: float) -> FloatArray:
    """(2,) a step in rows and columns, turned counter-clockwise as one looks at the map."""
    row, column = offset
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([row * cos - column * sin, row * sin + column * cos])


def map_tensor(sample: PlannerSample) -> Tensor:
    """(17, H, W); see :func:`unihm.perception.planner.cliport.model.map_layers`."""
    rgb = sample.rgb.astype(np.float32) / 255.0
    return map_layers(rgb, sample.height.astype(np.float32), sample.seen)


def kind_target(sample: PlannerSample) -> NDArray[np.int64]:
    """(H, W) number of the kind that each cell shows: 28 nothing, -1 not known."""
    known = {name: k for k, name in enumerate(KIND_NAMES)}
    numbers = [len(KIND_NAMES), *(known.get(kind, -1) for kind in sample.kinds)]
    return np.where(sample.seen, np.array(numbers)[sample.labels], -1)


def pick_batch(
    samples: list[PlannerSample], phrases: int, turns: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What a step looks at and asks for; some tables mirrored.

    Returns:
        maps (B, 17, H, W), phrases (B, N, 384), targets (B * N, R, H, W) and kinds (B, H, W).
    """
    maps, words, targets, kinds = [], [], [], []
    for sample in samples:
        chosen = rng.choice(len(sample.picks), phrases, replace=len(sample.picks) < phrases)
        questions = [sample.picks[k] for k in chosen]
        found = torch.from_numpy(np.stack([pick_target(sample, q, turns) for q in questions]))
        seen = _relit(map_tensor(sample), rng)
        sides = [side for side in (-1, -2) if rng.random() < 0.5]
        maps.append(seen.flip(sides))
        targets.append(found.flip(sides))
        kinds.append(torch.from_numpy(kind_target(sample)).flip(sides))
        words.append(np.stack([sample.words[q.phrase] for q in questions]))
    language = torch.from_numpy(np.stack(words))
    return torch.stack(maps), language, torch.cat(targets), torch.stack(kinds)


def place_batch(
    samples: list[PlannerSample], turns: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
    """Maps (B, 17, H, W), words (B, 384), picks (B, 2), targets (B, R, H, W); None without any."""
    rows = []
    for sample in samples:
        for k in rng.permutation(len(sample.places)):
            question = sample.places[k]
            weight = pick_target(sample, PickQuestion("", (question.target,)), 1)[0]
            chances = weight.ravel().astype(float)
            cell = rng.choice(weight.size, p=chances / chances.sum())
            pick = np.array(np.unravel_index(cell, weight.shape), float)
            target = place_target(question, pick, weight.shape, turns)
            if target.sum() > 0.5:
                words = sample.words[question.clause]
                rows.append((_relit(map_tensor(sample), rng), words, pick, target))
                break
    if not rows:
        return None
    maps, words, picks, targets = zip(*rows)
    return (
        torch.stack(maps),
        torch.from_numpy(np.stack(words)),
        torch.from_numpy(np.stack(picks)).float(),
        torch.from_numpy(np.stack(targets)),
    )


def _relit(maps: Tensor, rng: np.random.Generator) -> Tensor:
    """The same table under a little more or less light."""
    maps[:3] = (maps[:3] * float(rng.uniform(0.85, 1.15))).clamp(max=1.0)
    return maps


def train_planner(
    config: CliportConfig,
    work: Path,
    samples: list[PlannerSample] | None = None,
    start: dict[str, Tensor] | None = None,
) -> tuple[Cliport, dict[str, Any]]:
    """Train and validate; goes on from ``work`` where it was interrupted.

    Args:
        config: sizes and schedule.
        work: folder of tables, checkpoint and log.
        samples: what to train on instead of rendered tables (recorded episodes).
        start: weights to start from instead of random ones.

    Returns:
        the network, and figures on held-out tables.

    Raises:
        UnihmError: INVALID_EPISODE for fewer than two tables.
    """
    training = config.training
    work.mkdir(parents=True, exist_ok=True)
    if samples is None:
        paths = render_dataset(work / "tables", config)
        samples = [load_sample(p) for p in tqdm(paths, desc="reading")]
    if len(samples) < 2:
        raise UnihmError(ErrorCode.INVALID_EPISODE, "Two tables at least are needed to train.")
    held_out = max(1, int(HELD_OUT * len(samples)))
    validation, pool = samples[:held_out], samples[held_out:]
    torch.manual_seed(training.seed)
    model = Cliport(config)
    if start is not None:
        model.load_state_dict(start)
    else:
        model.teach()
    largest = training.rate if start is None else training.fine_tuning_rate
    # Weights that are trained further know kinds already.
    first = training.kind_steps if start is None else 0

    def rate(step: int) -> float:
        naming = step < first
        return largest * _schedule(step / first if naming else (step - first) / training.steps)

    def take(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        naming = step < first
        places = not naming and step % training.place_every == 0
        return _losses(model, pool, config, rng, naming, places)

    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    run_steps(model, optimizer, take, rate, first + training.steps, training.seed, work)
    model.eval()
    return model, {
        "steps": training.steps,
        "tables": len(pool),
        "held_out_tables": len(validation),
        "held_out": evaluate(model, validation, config),
    }


def _schedule(progress: float) -> float:
    """Share of the largest rate: a short warm-up, then a cosine."""
    return min(1.0, progress / 0.05 + 0.02) * (0.5 + 0.5 * np.cos(np.pi * progress)) + 0.002


def _losses(
    model: Cliport,
    pool: list[PlannerSample],
    config: CliportConfig,
    rng: np.random.Generator,
    naming: bool,
    placing: bool,
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch, and its parts: kind, pick and place.

    Args:
        naming: learn what the cells show, and nothing else.
        placing: learn to place as well; places cost as much as picks, and planning needs them less
            often.
    """
    training = config.training
    size = min(training.kind_batch if naming else training.batch, len(pool))
    chosen = [pool[i] for i in rng.choice(len(pool), size, replace=False)]
    phrases = 1 if naming else training.phrases
    maps, words, target, kinds = pick_batch(chosen, phrases, config.pick_rotations, rng)
    named, logits = model.name(maps)
    losses = {"kind": kind_loss(logits, kinds)}
    if not naming:
        losses["pick"] = affordance_loss(model.pick(named, words).flatten(0, 1), target)
    places = place_batch(chosen, config.place_rotations, rng) if placing else None
    if places is not None:
        maps, words, picks, target = places
        with torch.no_grad():  # kinds are learned from labels, above
            named, _ = model.name(maps)
        losses["place"] = affordance_loss(model.place(named, words, picks), target)
    figures = {name: float(loss.detach()) for name, loss in losses.items()}
    return torch.stack(list(losses.values())).sum(), figures


@torch.inference_mode()
def evaluate(
    model: Cliport, samples: list[PlannerSample], config: CliportConfig
) -> dict[str, float]:
    """Figures on tables: picks on what was asked for, absences noticed, distance of places.

    Returns:
        ``kind_right``: an object's kind is the one that most of its cells show; ``pick_right``: the
        best cell is on something that fits the words; ``absence_right``: what is not there has no
        better cell than "it is not here", and what is there has; ``place_error_median_m``;
        ``place_within_3cm``.
    """
    model.eval()
    named, right, absence, errors = [], [], [], []
    for sample in samples:
        maps, kinds = model.name(map_tensor(sample)[None])
        for number, kind in enumerate(sample.kinds, start=1):
            cells = kinds[0, :-1, torch.from_numpy(sample.labels == number)]
            if kind in KIND_NAMES and cells.shape[1]:
                best = int(torch.softmax(cells, dim=0).sum(dim=1).argmax())
                named.append(KIND_NAMES[best] == kind)
        words = np.stack([sample.words[q.phrase] for q in sample.picks])
        logits = model.pick(maps, torch.from_numpy(words)[None])[0]
        for wish, found in zip(sample.picks, logits):
            there = bool(np.isin(sample.labels, wish.fits).any())
            best = int(found.amax(dim=0).argmax())
            shares = torch.softmax(with_absence(found[None])[0], dim=0)
            absence.append(bool(shares[-1] < 0.5) == there)
            if there:
                right.append(int(sample.labels.ravel()[best]) in wish.fits)
        for question in sample.places:
            weight = pick_target(sample, PickQuestion("", (question.target,)), 1)[0]
            pick = np.array(np.unravel_index(int(weight.argmax()), weight.shape), float)
            if place_target(question, pick, weight.shape, config.place_rotations).sum() < 0.5:
                continue
            clause = torch.from_numpy(sample.words[question.clause])[None]
            scores = model.place(maps, clause, torch.from_numpy(pick)[None].float())[0]
            turn, row, column = np.unravel_index(int(scores.argmax()), scores.shape)
            angle = 2 * np.pi * float(turn) / config.place_rotations
            center = np.array([row, column], float) - turned(pick - question.center, angle)
            errors.append(
                float(np.linalg.norm(question.goals - center, axis=1).min()) * config.pixel
            )
    return {
        "kind_right": _figure(named, np.mean),
        "pick_right": _figure(right, np.mean),
        "absence_right": _figure(absence, np.mean),
        "place_error_median_m": _figure(errors, np.median),
        "place_within_3cm": _figure([error < 0.03 for error in errors], np.mean),
    }


def _figure(values: list[Any], of: Callable[[list[Any]], Any]) -> float:
    """Four digits of the mean or median of values; NaN of nothing."""
    return round(float(of(values)), 4) if values else float("nan")
