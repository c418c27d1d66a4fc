"""What the options of several commands have in common."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unihm.errors import ErrorCode, UnihmError


def count(text: str) -> int:
    """A whole number from 1 up."""
    return _whole(text, 1, None)


def count_or_none(text: str) -> int:
    """A whole number from 0 up: 0 leaves it out."""
    return _whole(text, 0, None)


def port(text: str) -> int:
    """A TCP port; 0 takes any that is free."""
    return _whole(text, 0, 65535)


def ros_missing(error: ImportError, otherwise: str = "") -> UnihmError:
    """What is said where a command needs ROS; ``otherwise``: what does without it."""
    return UnihmError(
        ErrorCode.MISSING_DEPENDENCY,
        f"ROS 2 is not to be found ({error}). Run `make setup`, then `source env.sh`.{otherwise}",
    )


def add_simulator(parser: argparse.ArgumentParser) -> None:
    """Whose physics a benchmark has: a name of ``unihm.sim.mujoco_world.ENGINES``."""
    parser.add_argument(
        "--simulator",
        choices=("sapien", "mujoco"),
        default="sapien",
        help="whose physics; the images are SAPIEN's either way (default sapien)",
    )


def config_of(args: argparse.Namespace) -> dict[str, Any]:
    """What a result was got with: the options, and versions of what it rests on."""
    import platform
    from importlib.metadata import version

    return {
        **{k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items() if k != "run"},
        "python": platform.python_version(),
        "sapien": version("sapien"),
        "torch": version("torch"),
    }


def _whole(text: str, least: int, most: int | None) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least or (most is not None and value > most):
        span = f"{least} or more" if most is None else f"{least} to {most}"
        raise argparse.ArgumentTypeError(f"must be a whole number, {span}, not '{text}'")
    return value
