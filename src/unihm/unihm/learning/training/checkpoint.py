"""Trainings on disk: a log, and a checkpoint of model, optimizer and progress to go on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from unihm.errors import ErrorCode, UnihmError


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: dict[str, Any]
) -> None:
    """Write everything that is needed to go on; a kill while writing leaves the old file."""
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{index}.{key}"] = torch.as_tensor(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    save_file(
        {key: value.detach().contiguous().clone() for key, value in tensors.items()},
        partial,
        metadata={"progress": json.dumps(progress)},
    )
    partial.replace(path)


def read_progress(path: Path, settings: str = "") -> dict[str, Any] | None:
    """What :func:`save_checkpoint` was told, or None where there is no checkpoint.

    Args:
        path: of the checkpoint.
        settings: what its ``settings`` must be, where the training may not change them on the way.

    Raises:
        UnihmError: INVALID_CONFIG for a checkpoint of other settings.
    """
    if not path.is_file():
        return None
    with safe_open(path, framework="pt") as file:
        progress = json.loads(file.metadata()["progress"])
    if settings and progress["settings"] != settings:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"{path.parent} holds a training with other settings; delete it to start over.",
        )
    return progress


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put model and optimizer back to where :func:`save_checkpoint` left them."""
    weights: dict[str, Tensor] = {}
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in load_file(path).items():
        kind, rest = key.split(".", 1)
        if kind == "model":
            weights[rest] = value
        else:
            index, name = rest.split(".")
            states.setdefault(int(index), {})[name] = value
    model.load_state_dict(weights)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": states, "param_groups": groups})


def log_line(path: Path, figures: dict[str, Any]) -> None:
    """Append one JSON object to a log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(figures) + "\n")
