"""Settings of the choice of a grasp."""

from __future__ import annotations

from unihm.config import Count, settings


@settings()
class GraspConfig:
    """How many grasps are made; section ``grasps`` of a preset.

    Attributes:
        candidates: how many, at the most, of which the best is carried out.
    """

    candidates: Count = 8
