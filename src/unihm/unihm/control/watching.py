"""What the camera watches: the target until it is touched, and everything until it lies still."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from unihm.config import Count, Positive, Share, settings
from unihm.control.execution import ExecutionPlan
from unihm.control.sight import MIN_PIXELS, is_still, own_pixels, without_edges
from unihm.errors import ErrorCode, UnihmError
from unihm.transforms import BoolArray, apply
from unihm.types import ObjectCloud, ObjectTrajectory, Phase, RgbdObservation


@settings()
class WatchConfig:
    """When a thing counts as moved, and when as still.

    Attributes:
        rate: looks a second.
        gone: share of what is seen of its place that must be farther away than before.
        looks: one after the other in which it must, so that neither a bad image stops anybody, nor
            the depth of what shines, which comes and goes.
        depth_tolerance: m by which depth counts as the same.
        near: s before the hand closes from which on it may touch the thing itself.
        rest: s in which nothing may move before a motion is judged.
        patience: s that are waited for that.
    """

    rate: Positive = 10.0
    gone: Share = 0.25
    looks: Count = 3
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
        self._pixels = own_pixels(
            replace(before, depth=steady),
            apply(trajectory.T_world_object[0], cloud.points),
            2 * self.config.depth_tolerance,
        )
        self._shape, self._depth = before.depth.shape, before.depth[self._pixels]
        # Of the last looks: which pixels show that it is gone, and which have a say.
        self._gone: deque[BoolArray] = deque(maxlen=self.config.looks)
        self._told: deque[BoolArray] = deque(maxlen=self.config.looks)
        self._name = trajectory.description or "thing"

    def look(self, now: RgbdObservation) -> None:
        """Look at an image of the same camera.

        Raises:
            UnihmError: OBJECT_MOVED.
        """
        if now.depth.shape != self._shape:
            return
        depth = now.depth[self._pixels]
        farther = np.where(np.isfinite(depth) & (depth > 0), depth - self._depth, -np.inf)
        self._gone.append(farther >= self.config.depth_tolerance)
        self._told.append(farther > -self.config.depth_tolerance)
        told = np.logical_and.reduce(self._told)
        if len(self._told) < self.config.looks or told.sum() < MIN_PIXELS:
            return
        if np.logical_and.reduce(self._gone)[told].mean() > self.config.gone:
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
