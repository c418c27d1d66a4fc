"""UniHM: a sentence and an RGB-D image in, a whole manipulation by a dexterous hand out.

The folder tree is the table of contents; ``docs/architecture.md`` in the repository says
how the stages fit together. Nothing outside :mod:`unihm.nodes` and :mod:`unihm.ros` imports ROS.

What a user needs is here; it is imported when it is first asked for, so that commands start at
once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from unihm.version import __version__

if TYPE_CHECKING:
    from unihm.errors import ErrorCode, UnihmError
    from unihm.pipeline import Manipulation, Pipeline
    from unihm.refinement import refine
    from unihm.retargeting import retarget
    from unihm.robots import load_hand
    from unihm.types import (
        HandMotion,
        HandTokens,
        ObjectCloud,
        ObjectTrajectory,
        Phase,
        RgbdObservation,
        Task,
        TaskKind,
    )

__all__ = [
    "ErrorCode",
    "HandMotion",
    "HandTokens",
    "Manipulation",
    "ObjectCloud",
    "ObjectTrajectory",
    "Phase",
    "Pipeline",
    "RgbdObservation",
    "Task",
    "TaskKind",
    "UnihmError",
    "__version__",
    "load_hand",
    "refine",
    "retarget",
]

_MODULES = {
    "errors": ("ErrorCode", "UnihmError"),
    "pipeline": ("Manipulation", "Pipeline"),
    "refinement": ("refine",),
    "retargeting": ("retarget",),
    "robots": ("load_hand",),
    "types": (
        "HandMotion", "HandTokens", "ObjectCloud", "ObjectTrajectory", "Phase",
        "RgbdObservation", "Task", "TaskKind",
    ),
}  # fmt: skip
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'unihm' has no attribute '{name}'")
    value = getattr(import_module(f"unihm.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
