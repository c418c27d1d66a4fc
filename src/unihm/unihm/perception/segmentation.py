"""Segmentation and completion: the target's whole surface in the object frame (eq. 8)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.capture import project, world_points
from unihm.perception.clicks import Click
from unihm.perception.completion import complete
from unihm.perception.geometric import WorkspaceConfig, at_border, cluster_at, scene_reader
from unihm.perception.table import Plane, level_table
from unihm.transforms import apply, invert
from unihm.types import FloatArray, ObjectCloud, ObjectTrajectory, RgbdObservation, Task

_log = logging.getLogger(__name__)
BACKENDS = ("geometric", "pointsam")


@dataclass(frozen=True)
class SegmenterConfig:
    """How the target's cloud is made.

    Attributes:
        backend: ``geometric`` (no weights) or ``pointsam``.
        weights: preset whose weights are used.
        min_iou: a mask that Point-SAM itself expects to be worse gives way to the cluster.
        min_confidence: below it the cloud is refused.
        workspace: where objects may be.
    """

    backend: str = "geometric"
    weights: str = "tiny"
    min_iou: float = 0.5
    min_confidence: float = 0.05
    workspace: WorkspaceConfig = field(default_factory=WorkspaceConfig)

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ValueError(f"there is no segmentation backend '{self.backend}'")


class Segmenter:
    """Cuts the target out of the image and completes it."""

    def __init__(self, config: SegmenterConfig | None = None) -> None:
        self.config = config or SegmenterConfig()
        self._reader = scene_reader(self.config.workspace)
        if self.config.backend == "pointsam":
            from unihm.perception.pointsam import PointSamPredictor

            self._predictor = PointSamPredictor.load(self.config.weights)

    def segment(
        self, task: Task, observation: RgbdObservation, trajectory: ObjectTrajectory
    ) -> ObjectCloud:
        """Cloud (2048 points) of the object at ``trajectory.pick_point``, in its object frame.

        Raises:
            UnihmError: OBJECT_NOT_FOUND where nothing stands at the pick point; LOW_CONFIDENCE
                where too little of it is seen; INVALID_DEPTH.
        """
        points, table, cut = self._target(observation, trajectory.pick_point)
        completion = complete(points, observation.T_world_camera[:3, 3], table.offset, cut=cut)
        if completion.confidence < self.config.min_confidence:
            raise UnihmError(
                ErrorCode.LOW_CONFIDENCE,
                "Too little of the object is seen to grasp it "
                f"(confidence {completion.confidence:.2f}).",
            )
        T_object_world = invert(trajectory.T_world_object[0])
        return ObjectCloud(
            points=apply(T_object_world, completion.points),
            normals=completion.normals @ np.asarray(T_object_world[:3, :3]).T,
            confidence=completion.confidence,
            observed=completion.observed,
        )

    def _target(
        self, observation: RgbdObservation, pick_point: FloatArray
    ) -> tuple[FloatArray, Plane, bool]:
        """Seen points (N, 3) of the target in the world, the table, and whether it is cut off."""
        if self.config.backend == "pointsam":
            found = self._by_click(observation, pick_point)
            if found is not None:
                return found
        scene = self._reader.read(observation)
        target = cluster_at(scene.objects, pick_point)
        if target is None:
            x, y, z = pick_point
            raise UnihmError(
                ErrorCode.OBJECT_NOT_FOUND,
                f"Nothing stands at the pick point ({x:.2f}, {y:.2f}, {z:.2f}) m.",
            )
        cut = at_border(target.cluster.pixels, observation.depth.shape)
        return target.cluster.points, scene.table, cut

    def _by_click(
        self, observation: RgbdObservation, pick_point: FloatArray
    ) -> tuple[FloatArray, Plane, bool] | None:
        """What Point-SAM finds at the pick point; None where it is not sure of it."""
        workspace = self.config.workspace
        points = world_points(observation, workspace.capture)
        near = np.abs(points[..., 2] - workspace.table_height) < 0.05
        table = level_table(points[near], workspace.table_height)
        T = observation.T_world_camera
        u, v = np.rint(project(apply(invert(T), pick_point[None]), observation.K)[0]).astype(int)
        in_camera = Plane(T[:3, :3].T @ table.normal, float(table.offset - table.normal @ T[:3, 3]))
        try:
            session = self._predictor.look(observation, in_camera)
            answer = session.segment([Click(int(u), int(v))])
        except UnihmError as error:
            _log.info("Point-SAM gave no mask (%s); using the cluster.", error.message)
            return None
        chosen = np.flatnonzero(answer.mask & np.isfinite(points[..., 0]))
        if answer.iou < self.config.min_iou or len(chosen) < 60:
            _log.info("Point-SAM is not sure (%.2f); using the cluster.", answer.iou)
            return None
        return points.reshape(-1, 3)[chosen], table, at_border(chosen, observation.depth.shape)
