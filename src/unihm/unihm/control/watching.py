"""What the camera watches: the target until it is touched, and everything until it lies still."""

from __future__ import annotations

from dataclasses import replace

from unihm.config import Positive, Share, settings
from unihm.control.execution import ExecutionPlan
from unihm.control.sight import is_still, left_behind, without_edges
from unihm.errors import ErrorCode, UnihmError
from unihm.transforms import apply
from unihm.types import FloatArray, ObjectCloud, ObjectTrajectory, Phase, RgbdObservation


@settings()
class WatchConfig:
    """When a thing counts as moved, and when as still.

    Attributes:
        rate: looks a second.
        still: share of what is seen of its place that must look as before.
        looks: one after the other in which it must not, so that one bad image stops nobody.
        depth_tolerance: m by which depth counts as the same.
        near: s before the hand closes from which on it may touch the thing itself.
        rest: s in which nothing may move before a motion is judged.
        patience: s that are waited for that.
    """

    rate: Positive = 10.0
    still: Share = 0.75
    looks: int = 2
    depth_tolerance: Positive = 0.015
    near: Positive = 0.5
    rest: Positive = 0.3
    patience: Positive = 1.5


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
        steady = without_edges(before.depth, self.config.depth_tolerance)
        self._before = replace(before, depth=steady)
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
                f"The {self._name} was moved before the hand was there.",
            )


def watched_until(plan: ExecutionPlan, rate: float, config: WatchConfig) -> int:
    """The first sample of a plan at which the hand may touch what it is meant for.

    Args:
        rate: samples a second.
    """
    return int((plan.phase == Phase.APPROACH).argmin() - config.near * rate)


class StillWatch:
    """Waits for the image to judge by: what still rolls or falls is not where it will be.

    Args:
        config: thresholds.
    """

    def __init__(self, config: WatchConfig | None = None) -> None:
        self.config = config or WatchConfig()
        self._begun = 0.0  # s
        self._last: RgbdObservation | None = None

    def is_due(self, stamp: float) -> bool:
        """Whether an image of then, s, tells anything that the last one does not."""
        return self._last is None or stamp >= self._last.stamp + self.config.rest

    def look(self, image: RgbdObservation) -> bool:
        """Whether nothing has moved since the image before, or patience is at its end.

        Args:
            image: of the same fixed camera as all before.
        """
        last, self._last = self._last, image
        if last is None:
            self._begun = image.stamp
            return False
        waited = image.stamp - self._begun > self.config.patience
        return waited or is_still(last, image, self.config.depth_tolerance)
