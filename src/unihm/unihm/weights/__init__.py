"""Networks on disk: safetensors, with a JSON beside that says what they are and how to remake them.

The weights of a preset lie in ``<preset>/<stage>.safetensors`` here, or below
``UNIHM_WEIGHTS_DIR``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from unihm.errors import ErrorCode, UnihmError
from unihm.files import write_json, writing

__all__ = ["State", "load_weights", "read_about", "read_state", "save_weights"]

State = dict[str, Tensor]


def save_weights(path: Path, model: nn.Module, about: dict[str, Any], half: bool = False) -> None:
    """Write ``path``, and ``about`` to the same with the suffix .json.

    Args:
        path: of a safetensors file.
        model: whose tensors are written.
        about: what else is needed to load them, and the commands that remake them.
        half: write half precision, where the network does not mind.
    """
    state = {k: v.detach().contiguous() for k, v in model.state_dict().items()}
    with writing(path) as file:
        file.write(save({k: v.half() for k, v in state.items()} if half else state))
    about = {"torch": torch.__version__, **about}
    write_json(path.with_suffix(".json"), about)


def read_about(path: Path, *needed: str) -> dict[str, Any]:
    """The JSON beside the weights ``path``, which has the keys ``needed``.

    Raises:
        UnihmError: WEIGHTS_MISSING where it is absent, no JSON, or without one of them.
    """
    try:
        about = json.loads(_existing(path).with_suffix(".json").read_text())
        absent = [key for key in needed if key not in about]
    except (OSError, ValueError, TypeError) as error:
        raise UnihmError(
            ErrorCode.WEIGHTS_MISSING, f"The description of {path} cannot be read: {error}."
        ) from error
    if absent:
        raise UnihmError(
            ErrorCode.WEIGHTS_MISSING, f"The description of {path} lacks {', '.join(absent)}."
        )
    return about


def read_state(path: Path) -> State:
    """Tensors of a safetensors file, or of a torch checkpoint that holds nothing but tensors.

    Raises:
        UnihmError: WEIGHTS_MISSING where the file is absent or holds anything else.
    """
    try:
        if _existing(path).suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except UnihmError:
        raise
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
        path: of a safetensors file, or of a published checkpoint.
        model: is put into evaluation mode.
        rename: from the names in a published file to the model's; what is left over is dropped.

    Raises:
        UnihmError: WEIGHTS_MISSING.
    """
    state, wanted = read_state(path), model.state_dict()
    state = rename(state) if rename else state
    missing = sorted(set(wanted) - set(state))
    wrong = [k for k, v in wanted.items() if k in state and state[k].shape != v.shape]
    extra = [] if rename else sorted(set(state) - set(wanted))
    if missing or wrong or extra:
        raise UnihmError(
            ErrorCode.WEIGHTS_MISSING,
            f"{path} does not fit the network: {len(missing)} tensors are missing, {len(wrong)} "
            f"have another shape and {len(extra)} are not known "
            f"(first: {(missing + wrong + extra)[0]}).",
        )
    model.load_state_dict({k: state[k] for k in wanted})
    model.eval()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UnihmError(
            ErrorCode.WEIGHTS_MISSING,
            f"There are no weights at {path}; `unihm train` makes those of this project.",
        )
    return path
