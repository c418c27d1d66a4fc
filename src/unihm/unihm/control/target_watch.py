"""Before the hand touches it: is the thing still where the plan believes it to be?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from unihm.config import Positive, Share, settings
from unihm.control.execution import ExecutionPlan
from unihm.control.sight import left_behind
from unihm.errors import ErrorCode, UnihmError
from unihm.transforms import apply
from unihm.types import FloatArray, ObjectCloud, ObjectTrajectory, Phase, RgbdObservation


@settings()
class WatchConfig:
    """When a thing counts as moved; section ``watch`` of a preset.

    Attributes:
        rate: looks a second.
        still: share of what is seen of its place that must look as before.
        looks: one after the other in which it must not, so that one bad image stops nobody.
        depth_tolerance: m by which depth counts as the same.
        near: s before the hand closes from which on it may touch the thing itself.
    """

    rate: Positive = 10.0
    still: Share = 0.75
    looks: int = 2
    depth_tolerance: Positive = 0.015
    near: Positive = 0.5


class TargetWatch:
    """Compares a thing's place with the image that it was planned by, until the hand is there.

    What comes in front of it, the arm first of all, has no say.

    Args:
        before: the image that was planned by.
        trajectory: of the thing.
        cloud: its surface.
        config: thresholds.
    """

    def __init__(
        self,
        before: RgbdObservation,
        trajectory: ObjectTrajectory,
        cloud: ObjectCloud,
        config: WatchConfig | None = None,
    ) -> None:
        self.config = config or WatchConfig()
        self._before = replace(before, depth=_without_edges(before.depth, self.config))
        self._points: FloatArray = apply(trajectory.T_world_object[0], cloud.points)
        self._name = trajectory.description or "thing"
        self._missed = 0

    def look(self, now: RgbdObservation) -> None:
        """Look at an image of the same camera.

        Raises:
            UnihmError: OBJECT_MOVED.
        """
        share = left_behind(self._before, now, self._points, self.config.depth_tolerance)
        if share is None:
            return
        self._missed = self._missed + 1 if share < self.config.still else 0
        if self._missed >= self.config.looks:
            raise UnihmError(
                ErrorCode.OBJECT_MOVED,
                f"The {self._name} is not where it was any more; I look again.",
            )


def _without_edges(depth: NDArray[np.float32], config: WatchConfig) -> NDArray[np.float32]:
    """(H, W) metres, 0 where neighbours are at other depths: noise decides which is seen there."""
    seen = np.where(np.isfinite(depth) & (depth > 0), depth, np.inf)
    with np.errstate(invalid="ignore"):
        steps = maximum_filter(seen, 3) - minimum_filter(seen, 3)
        return np.where(steps < config.depth_tolerance, depth, np.float32(0.0))


def watched_until(plan: ExecutionPlan, rate: float, config: WatchConfig) -> int:
    """The first sample of a plan at which the hand may touch what it is meant for.

    Args:
        rate: samples a second.
    """
    return int((plan.phase == Phase.APPROACH).argmin() - config.near * rate)
