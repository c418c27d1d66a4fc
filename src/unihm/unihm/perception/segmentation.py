"""Segmentation and completion: the target's whole surface in the object frame (eq. 8)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.geometric import WorkspaceConfig, cluster_at, scene_reader
from unihm.transforms import apply, invert
from unihm.types import ObjectCloud, ObjectTrajectory, RgbdObservation, Task


@dataclass(frozen=True)
class SegmenterConfig:
    """How the target's cloud is made.

    Attributes:
        backend: ``geometric`` (no weights).
        min_confidence: below it the cloud is refused.
        workspace: where objects may be.
    """

    backend: str = "geometric"
    min_confidence: float = 0.05
    workspace: WorkspaceConfig = field(default_factory=WorkspaceConfig)

    def __post_init__(self) -> None:
        if self.backend != "geometric":
            raise ValueError(f"there is no segmentation backend '{self.backend}'")


class Segmenter:
    """Cuts the target out of the image and completes it."""

    def __init__(self, config: SegmenterConfig | None = None) -> None:
        self.config = config or SegmenterConfig()
        self._reader = scene_reader(self.config.workspace)

    def segment(
        self, task: Task, observation: RgbdObservation, trajectory: ObjectTrajectory
    ) -> ObjectCloud:
        """Cloud (2048 points) of the object at ``trajectory.pick_point``, in its object frame.

        Raises:
            UnihmError: OBJECT_NOT_FOUND where nothing stands at the pick point; LOW_CONFIDENCE
                where too little of it is seen; INVALID_DEPTH.
        """
        scene = self._reader.read(observation)
        target = cluster_at(scene.objects, trajectory.pick_point)
        if target is None:
            x, y, z = trajectory.pick_point
            raise UnihmError(
                ErrorCode.OBJECT_NOT_FOUND,
                f"Nothing stands at the pick point ({x:.2f}, {y:.2f}, {z:.2f}) m.",
            )
        completion = target.completion
        if completion.confidence < self.config.min_confidence:
            raise UnihmError(
                ErrorCode.LOW_CONFIDENCE,
                f"Too little of the {target.words} is seen to grasp it "
                f"(confidence {completion.confidence:.2f}).",
            )
        T_object_world = invert(trajectory.T_world_object[0])
        return ObjectCloud(
            points=apply(T_object_world, completion.points),
            normals=completion.normals @ np.asarray(T_object_world[:3, :3]).T,
            confidence=completion.confidence,
            observed=completion.observed,
        )
