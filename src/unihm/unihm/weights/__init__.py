"""Networks of perception on disk: safetensors, with a JSON beside that says how they were made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from unihm.errors import ErrorCode, UnihmError

State = dict[str, Tensor]


def save_weights(path: Path, model: nn.Module, about: dict[str, Any]) -> None:
    """Write ``path`` (half precision) and ``path`` with the suffix .json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {k: v.detach().half().contiguous() for k, v in model.state_dict().items()}
    save_file(state, path)
    about = {"torch": torch.__version__, **about}
    path.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n")


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file, or of a torch checkpoint that holds nothing but tensors.

    Raises:
        UnihmError: WEIGHTS_MISSING where the file is absent or holds anything else.
    """
    if not path.is_file():
        raise UnihmError(ErrorCode.WEIGHTS_MISSING, f"There are no weights at {path}.")
    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # every format has errors of its own
        raise UnihmError(
            ErrorCode.WEIGHTS_MISSING, f"{path} cannot be read as weights: {error}."
        ) from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    state = {k.removeprefix("module."): v for k, v in state.items() if isinstance(v, Tensor)}
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def load_weights(
    path: Path, model: nn.Module, rename: Callable[[State], State] | None = None
) -> None:
    """Read ``path`` into ``model``; every tensor must be there and fit.

    Args:
        rename: from the names in the file to the model's.

    Raises:
        UnihmError: WEIGHTS_MISSING.
    """
    state, wanted = read_state(path), model.state_dict()
    state = rename(state) if rename else state
    missing = sorted(set(wanted) - set(state))
    wrong = [k for k, v in wanted.items() if k in state and state[k].shape != v.shape]
    if missing or wrong:
        raise UnihmError(
            ErrorCode.WEIGHTS_MISSING,
            f"{path} does not fit the network: {len(missing)} tensors are missing and "
            f"{len(wrong)} have another shape (first: {(missing + wrong)[0]}).",
        )
    model.load_state_dict({k: state[k] for k in wanted})
    model.eval()
