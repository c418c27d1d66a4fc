"""What the trainings of perception's networks share: data, progress, checkpoints, resuming."""

from __future__ import annotations

import json
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

SAVE_EVERY = 50  # steps

# A step draws its batch with the given generator and returns the loss and figures to show.
Step = Callable[[np.random.Generator], tuple[Tensor, dict[str, float]]]


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


def learning_rate(step: int, steps: int, warm: float = 0.05) -> float:
    """Share of the largest rate: a linear warm-up, then half a cosine down to nothing.

    It depends on nothing else, so that a training may be prolonged or cut short when resumed.
    """
    progress = (step + 1) / (steps + 1)
    if progress < warm:
        return progress / warm
    return 0.5 * (1 + float(np.cos(np.pi * (progress - warm) / (1 - warm))))


def run_steps(
    model: nn.Module, take: Step, steps: int, rate: float, seed: int, work: Path, decay: float
) -> None:
    """Train with AdamW; goes on from ``work/checkpoint.pt``, and logs to ``work/log.jsonl``.

    Args:
        model: trained in place.
        take: makes the loss of one step; step k always gets the same random numbers.
        steps: batches, those of earlier runs included.
        rate: largest learning rate.
        seed: of the batches.
        work: folder of checkpoint and log.
        decay: of the weights.
    """
    work.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    checkpoint, log = work / "checkpoint.pt", work / "log.jsonl"
    step = 0
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = int(state["step"])
    model.train()
    bar = tqdm(total=steps, initial=step, desc="training")
    started = time.monotonic()
    recent: list[dict[str, float]] = []
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = rate * learning_rate(step, steps)
        loss, figures = take(np.random.default_rng([seed, step]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        recent.append({"loss": float(loss.detach()), **figures})
        bar.update()
        if step % SAVE_EVERY == 0 or step == steps:
            mean = {k: round(float(np.mean([r[k] for r in recent])), 4) for k in recent[0]}
            recent.clear()
            bar.set_postfix(mean)
            with log.open("a") as file:
                seconds = round(time.monotonic() - started)
                file.write(json.dumps({"step": step, "seconds": seconds, **mean}) + "\n")
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            temporary = checkpoint.with_suffix(".tmp")
            torch.save(state, temporary)
            temporary.replace(checkpoint)
    bar.close()
