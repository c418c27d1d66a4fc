"""What the trainings of perception's networks share: making their data, and a loop over steps."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from unihm.learning.training.checkpoint import (
    load_checkpoint,
    log_line,
    read_progress,
    save_checkpoint,
)

SAVE_EVERY = 50  # steps

# A step, by its number, draws its batch with the given generator and returns the loss and figures
# to show.
Step = Callable[[int, np.random.Generator], tuple[Tensor, dict[str, float]]]


def make_missing(paths: list[Path], make: Callable[[int, Path], None], doing: str) -> list[Path]:
    """Make the files that are not there yet, on all cores.

    Args:
        paths: of all the files.
        make: writes the file of a number to a path; it must be a function of a module.
        doing: what the progress bar says.

    Returns:
        ``paths``, all of which are there now.
    """
    missing = [(k, path) for k, path in enumerate(paths) if not path.is_file()]
    if missing:
        cores = min(len(os.sched_getaffinity(0)), len(missing))
        with get_context("spawn").Pool(cores, torch.set_num_threads, (1,)) as pool:
            done = pool.imap_unordered(partial(_make_whole, make), missing)
            for _ in tqdm(done, desc=doing, total=len(missing)):
                pass
    return paths


def _make_whole(make: Callable[[int, Path], None], job: tuple[int, Path]) -> None:
    """A file that is there is whole, also after an interruption."""
    number, path = job
    temporary = path.with_suffix(".tmp" + path.suffix)
    make(number, temporary)
    temporary.replace(path)


def one_cycle(step: int, steps: int, warm: float = 0.05) -> float:
    """Share of the largest rate: a linear warm-up, then half a cosine down to nothing.

    It depends on nothing else, so that a training may be prolonged or cut short when resumed.
    """
    progress = (step + 1) / (steps + 1)
    if progress < warm:
        return progress / warm
    return 0.5 * (1 + float(np.cos(np.pi * (progress - warm) / (1 - warm))))


def run_steps(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    take: Step,
    rate: Callable[[int], float],
    steps: int,
    seed: int,
    work: Path,
) -> None:
    """Train; goes on from ``work/checkpoint.safetensors``, and logs to ``work/log.jsonl``.

    Args:
        model: trained in place.
        optimizer: of its parameters.
        take: makes the loss of one step; step k always gets the same random numbers.
        rate: learning rate of a step.
        steps: batches, those of earlier runs included.
        seed: of the batches.
        work: folder of checkpoint and log.
    """
    checkpoint, step = work / "checkpoint.safetensors", 0
    progress = read_progress(checkpoint)
    if progress is not None:
        load_checkpoint(checkpoint, model, optimizer)
        step = int(progress["step"])
    model.train()
    bar = tqdm(total=steps, initial=step, desc="training")
    started = time.monotonic()
    recent: list[dict[str, float]] = []
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        loss, figures = take(step, np.random.default_rng([seed, step]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        recent.append({"loss": float(loss.detach()), **figures})
        bar.update()
        if step % SAVE_EVERY == 0 or step == steps:
            mean = _means(recent)
            recent.clear()
            bar.set_postfix(mean)
            seconds = round(time.monotonic() - started)
            log_line(work / "log.jsonl", {"step": step, "seconds": seconds, **mean})
            save_checkpoint(checkpoint, model, optimizer, {"step": step})
    bar.close()


def _means(figures: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure over the steps that have it."""
    names = dict.fromkeys(name for some in figures for name in some)
    return {
        name: round(float(np.mean([some[name] for some in figures if name in some])), 4)
        for name in names
    }
