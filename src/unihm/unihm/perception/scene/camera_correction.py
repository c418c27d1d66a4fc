"""What is put right of a camera's pose, image by image of one task."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unihm.perception.scene.example import example_observation
from unihm.perception.scene.leveling import upright
from unihm.perception.scene.reader import WorkspaceConfig
from unihm.perception.scene.robot_alignment import aligned
from unihm.robots.robot_surface import Surface
from unihm.transforms import invert
from unihm.types import RgbdObservation


class CameraCorrection:
    """Measured with a task's first image, while the robot is out of the way, then kept.

    Args:
        workspace: where the table is.

    Attributes:
        T_true_seen: (4, 4) from where things seem to be to where they are, world frame.
    """

    def __init__(self, workspace: WorkspaceConfig | None = None) -> None:
        self._workspace = workspace or WorkspaceConfig()
        self.T_true_seen = np.eye(4)

    def warm_up(self) -> None:
        """Do for once what takes longer the first time."""
        self.measure(example_observation())
        self.T_true_seen = np.eye(4)

    def measure(
        self, observation: RgbdObservation, robot: Surface | None = None
    ) -> RgbdObservation:
        """The image with its table level and, where the robot is known, the robot in its place."""
        corrected = upright(observation, self._workspace)
        if robot is not None:
            corrected = aligned(corrected, robot, self._workspace)
        self.T_true_seen = corrected.T_world_camera @ invert(observation.T_world_camera)
        return corrected

    def apply(self, observation: RgbdObservation) -> RgbdObservation:
        """A later image of the same camera, put right likewise."""
        return replace(observation, T_world_camera=self.T_true_seen @ observation.T_world_camera)

    @property
    def degrees(self) -> float:
        """By how much the camera was turned."""
        cosine = (np.trace(self.T_true_seen[:3, :3]) - 1) / 2
        return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
