"""Where the project's own files are: configuration and shipped weights."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from unihm.errors import ErrorCode, UnihmError

_PACKAGE = Path(__file__).resolve().parent


def config_dir() -> Path:
    """Folder with ``hands/``, ``robots/``, ``scenes/`` and ``presets/``.

    ``UNIHM_CONFIG_DIR`` wins; then the source checkout this package was imported from;
    then ``share/unihm/config`` of the ROS workspaces on ``AMENT_PREFIX_PATH`` and of the Python
    environment, where pip puts it.
    """
    candidates = []
    if "UNIHM_CONFIG_DIR" in os.environ:
        candidates.append(Path(os.environ["UNIHM_CONFIG_DIR"]))
    candidates.append(_PACKAGE.parents[2] / "config")
    for prefix in [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]:
        if prefix:
            candidates.append(Path(prefix) / "share" / "unihm" / "config")
    for candidate in candidates:
        if (candidate / "hands").is_dir():
            return candidate
    raise UnihmError(
        ErrorCode.INVALID_CONFIG,
        "The config folder was not found; source the workspace or set UNIHM_CONFIG_DIR to it.",
    )


def weights_dir(preset: str) -> Path:
    """Folder with the weights of ``preset``: ``$UNIHM_WEIGHTS_DIR/<preset>`` or the shipped one."""
    root = Path(os.environ.get("UNIHM_WEIGHTS_DIR", _PACKAGE / "weights"))
    return root / preset


def weights_file(preset: str, name: str) -> Path:
    """A file of the weights of ``preset``; the shipped one where :func:`weights_dir` has none.

    So what a training wrote is used beside what is shipped.
    """
    shipped = _PACKAGE / "weights" / preset / name
    own = weights_dir(preset) / name
    return own if own.is_file() or not shipped.is_file() else shipped


def state_dir() -> Path:
    """``unihm`` in the user's folder for what outlives a process (``XDG_STATE_HOME``)."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "unihm"
