"""From a sentence and an RGB-D image to an object trajectory and an object cloud."""

from typing import TYPE_CHECKING

from unihm.lazy import offers

if TYPE_CHECKING:
    from unihm.perception.planner import Plan, Planner, PlannerConfig, PlanningError
    from unihm.perception.segmentation import Segmentation, Segmenter, SegmenterConfig

__all__ = [
    "Plan",
    "Planner",
    "PlannerConfig",
    "PlanningError",
    "Segmentation",
    "Segmenter",
    "SegmenterConfig",
]

__getattr__, __dir__ = offers(
    __name__,
    {
        "planner": ("Plan", "Planner", "PlannerConfig", "PlanningError"),
        "segmentation": ("Segmentation", "Segmenter", "SegmenterConfig"),
    },
)
