"""Where the project's own files are: configuration and shipped weights."""

from __future__ import annotations

import os
from pathlib import Path

from unihm.errors import ErrorCode, UnihmError

_PACKAGE = Path(__file__).resolve().parent


def config_dir() -> Path:
    """Folder with ``hands/``, ``robots/``, ``scenes/`` and ``presets/``.

    ``UNIHM_CONFIG_DIR`` wins; then the source checkout this package was imported from;
    then ``share/unihm/config`` of the ROS workspaces on ``AMENT_PREFIX_PATH``.
    """
    candidates = []
    if "UNIHM_CONFIG_DIR" in os.environ:
        candidates.append(Path(os.environ["UNIHM_CONFIG_DIR"]))
    candidates.append(_PACKAGE.parents[2] / "config")
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
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
