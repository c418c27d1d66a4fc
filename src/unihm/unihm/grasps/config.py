"""Settings of the choice of a grasp."""

from __future__ import annotations

from typing import Literal

from unihm.config import Count, settings

Method = Literal["views", "masked"]


@settings()
class GraspConfig:
    """How many grasps are made; section ``grasps`` of a preset.

    Attributes:
        candidates: how many, at the most, of which the best is carried out.
        method: what makes the grasps of things that are lifted: the generator's answers to several
            views, or samples of the masked transformer.
    """

    candidates: Count = 8
    method: Method = "views"
