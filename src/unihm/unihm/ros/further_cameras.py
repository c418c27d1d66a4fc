"""Cameras beside the first one, whose depth completes what that one sees."""

from __future__ import annotations

from typing import Any

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.camera import StampMatcher
from unihm.ros.conversions import observation_from_images
from unihm.ros.conversions import time_to_seconds as seconds_of
from unihm.transforms import from_pose7
from unihm.types import FloatArray, RgbdObservation

AHEAD = 0.1  # s that a camera's clock may be ahead of ours


class FurtherCamera:
    """The newest pair of one of the further cameras.

    Args:
        prefix: of its topics.
        T_world_camera: (4, 4).
        tolerance: s by which the stamps of a pair may differ.
    """

    def __init__(self, prefix: str, T_world_camera: FloatArray, tolerance: float) -> None:
        self.prefix, self.T_world_camera = prefix, T_world_camera
        self._matcher = StampMatcher(("rgb", "depth", "info"), tolerance)
        self._newest: dict[str, Any] | None = None

    def add(self, key: str, message: Any) -> None:
        """Take a message of one of its topics."""
        matched = self._matcher.add(key, seconds_of(message.header.stamp), message)
        if matched is not None:
            self._newest = matched

    def is_fresh(self, since: float, now: float) -> bool:
        """True where its newest pair was taken at ``since`` or later, and not in the future."""
        pair = self._newest
        return pair is not None and since <= seconds_of(pair["rgb"].header.stamp) <= now + AHEAD

    def observe(self, since: float, now: float) -> RgbdObservation | None:
        """What it saw, if that is as fresh as the first camera's must be."""
        pair = self._newest
        if pair is None or not self.is_fresh(since, now):
            return None
        return observation_from_images(
            pair["rgb"], pair["depth"], pair["info"], self.T_world_camera, rectified=True
        )


def further_cameras(
    prefixes: list[str], poses: list[float], tolerance: float
) -> list[FurtherCamera]:
    """Raises INVALID_TRANSFORM where the poses are not seven numbers for each."""
    names = [prefix for prefix in prefixes if prefix]
    if names and len(poses) != 7 * len(names):
        raise UnihmError(
            ErrorCode.INVALID_TRANSFORM,
            f"{len(names)} further cameras need {7 * len(names)} numbers of poses, "
            f"not {len(poses)}.",
        )
    rows = np.reshape(poses[: 7 * len(names)], (-1, 7))
    return [FurtherCamera(n, from_pose7(row), tolerance) for n, row in zip(names, rows)]
