"""UniHM: a sentence and an RGB-D image in, a whole manipulation by a dexterous hand out.

The folder tree is the table of contents; ``docs/architecture.md`` in the repository says
how the stages fit together. Nothing outside :mod:`unihm.nodes` and :mod:`unihm.ros` imports ROS.

What a user needs is here; it is imported when it is first asked for, so that commands start at
once.
"""

from typing import TYPE_CHECKING

from unihm.lazy import offers
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

__getattr__, __dir__ = offers(
    __name__,
    {
        "errors": ("ErrorCode", "UnihmError"),
        "pipeline": ("Manipulation", "Pipeline"),
        "refinement": ("refine",),
        "retargeting": ("retarget",),
        "robots": ("load_hand",),
        "types": (
            "HandMotion", "HandTokens", "ObjectCloud", "ObjectTrajectory", "Phase",
            "RgbdObservation", "Task", "TaskKind",
        ),
        "version": ("__version__",),
    },
)  # fmt: skip
