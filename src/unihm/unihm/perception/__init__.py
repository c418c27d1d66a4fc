"""From a sentence and an RGB-D image to an object trajectory and an object cloud."""

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
