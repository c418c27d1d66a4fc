"""Segmentation and completion: the target's whole surface in the object frame (eq. 8)."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator
from scipy.spatial import cKDTree

from unihm.config import NotNegative, Share, load_section, settings
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.backends import known, load
from unihm.perception.camera import project, world_points
from unihm.perception.scene import TableScene, WorkspaceConfig, example, read_scene
from unihm.perception.scene.clusters import voxelise
from unihm.perception.scene.completion import Completion, fit, seen_part
from unihm.perception.scene.openings import find_openings, opening_at
from unihm.perception.scene.reader import at_border, cluster_at, in_workspace
from unihm.perception.scene.table import Plane, level_table
from unihm.perception.segmentation import backends
from unihm.perception.segmentation.clicks import Click
from unihm.transforms import apply, invert
from unihm.types import (
    FloatArray,
    IntArray,
    ObjectCloud,
    ObjectTrajectory,
    RgbdObservation,
    TaskKind,
)

_log = logging.getLogger(__name__)
# Metres on the average that the unseen part of a fitted shape may be outside the outline that the
# network's surface has from above. How far down it goes the table tells, and not the network, which
# leaves the outer wall of a cup open whose inner one is seen.
_AGREEMENT = 0.005
_COARSE = 4  # every so many pixels show where the table is
_OWN, _NEAR = 0.015, 0.25  # m from the target: what is nearer is its own; how far a hand extends
_BESIDE = 0.010  # m from a handle's points within which there is nothing but its edge
_GRAIN, _FAR_GRAIN = 0.006, 0.02  # m between the points of what is around, near and far
_REACH = 0.03  # m from the pick point within which its object must be seen


@settings()
class SegmenterConfig:
    """How the target's cloud is made.

    Attributes:
        backend: ``geometric`` (no weights), ``pointsam`` or ``module:Class`` of one's own, see
            :mod:`unihm.perception.segmentation.backends`.
        completion: ``geometric`` (no weights), ``snowflake`` or ``module:Class``.
        weights: preset whose weights are used.
        min_iou: a mask that the network itself expects to be worse gives way to the cluster.
        fitted: metres; a primitive with less misfit than this is preferred to the network's answer
            if they agree about what is not seen: its walls and its edges are where they seem to be
            to a millimetre.
        fitted_vessel: the same for a cup or a bowl, whose rim is what a hand takes.
        trust: a completion with less confidence gives way to the seen part alone.
        min_confidence: below it the cloud is refused.
        workspace: where objects may be.
    """

    backend: Annotated[str, AfterValidator(known(backends.PREDICTORS))] = "geometric"
    completion: Annotated[str, AfterValidator(known(backends.COMPLETERS))] = "geometric"
    weights: str = "tiny"
    min_iou: Share = 0.5
    fitted: NotNegative = 0.0015
    fitted_vessel: NotNegative = 0.0025
    trust: Share = 0.1
    min_confidence: Share = 0.05
    workspace: WorkspaceConfig = field(default_factory=WorkspaceConfig)


@dataclass(frozen=True)
class Segmentation:
    """What was cut out and what was made of it.

    Attributes:
        cloud: the object's whole surface, in its own frame.
        mask: (H, W) its pixels.
        seen: (N, 3) metres, world: its points as the camera gave them.
    """

    cloud: ObjectCloud
    mask: NDArray[np.bool_]
    seen: FloatArray


class Segmenter:
    """Cuts the target out of the image and completes it."""

    def __init__(self, config: SegmenterConfig | None = None) -> None:
        self.config = config or SegmenterConfig()
        weights = self.config.weights
        self._predictor: backends.MaskBackend | None = load(
            self.config.backend, backends.PREDICTORS, weights
        )
        self._completer: backends.CompletionBackend | None = load(
            self.config.completion, backends.COMPLETERS, weights
        )

    @classmethod
    def load(cls, preset: str = "tiny") -> Segmenter:
        """The segmentation of a preset.

        Raises:
            UnihmError: WEIGHTS_MISSING, INVALID_CONFIG.
        """
        return cls(load_section(preset, "segmentation", SegmenterConfig))

    def warm_up(self) -> None:
        """Segment once for nothing: the first time takes seconds."""
        with suppress(UnihmError):  # a workspace in which the example is not on the table
            self.segment(example.example_observation(), example.example_trajectory())

    def segment(
        self,
        observation: RgbdObservation,
        trajectory: ObjectTrajectory,
        scene: TableScene | None = None,
    ) -> Segmentation:
        """Cut out the object at ``trajectory.pick_point``; a cloud of 2048 points in its frame.

        Args:
            observation: the image that the trajectory was planned for.
            trajectory: of the object.
            scene: what the planner read of the image, if it is at hand; the result is the same
                without it. One that was read with another workspace is not used.

        Raises:
            UnihmError: OBJECT_NOT_FOUND where nothing stands at the pick point; LOW_CONFIDENCE
                where too little of it is seen; INVALID_DEPTH.
        """
        if trajectory.kind == TaskKind.OPEN_CLOSE:
            return self._handle(observation, trajectory, scene)
        pixels, points, table = self._target(observation, trajectory.pick_point, scene)
        camera = observation.T_world_camera[:3, 3]
        cut = at_border(pixels, observation.depth.shape)
        completion = self.complete(points, camera, table.offset, cut)
        if completion.confidence < self.config.min_confidence:
            raise UnihmError(
                ErrorCode.LOW_CONFIDENCE,
                "Too little of the object is seen to grasp it "
                f"(confidence {completion.confidence:.2f}).",
            )
        if completion.confidence < self.config.trust:
            completion = seen_part(points, camera, completion.confidence)
        T_object_world = invert(trajectory.T_world_object[0])
        around = self._around(observation, completion.points, trajectory, table)
        cloud = ObjectCloud(
            points=apply(T_object_world, completion.points),
            normals=completion.normals @ np.asarray(T_object_world[:3, :3]).T,
            confidence=completion.confidence,
            observed=completion.observed,
            around=apply(T_object_world, around),
        )
        return Segmentation(cloud, _mask(pixels, observation), points)

    def _handle(
        self,
        observation: RgbdObservation,
        trajectory: ObjectTrajectory,
        scene: TableScene | None,
    ) -> Segmentation:
        """The handle at the pick point; what is around it is its panel too."""
        if scene is None or scene.workspace != self.config.workspace:
            scene = read_scene(observation, self.config.workspace)
        opening = opening_at(find_openings(scene, observation), trajectory.pick_point)
        T_object_world = invert(trajectory.T_world_object[0])
        points, normals = opening.handle_surface()
        around = self._around(observation, opening.handle, trajectory, scene.table, own=_BESIDE)
        seen = cKDTree(opening.handle).query(apply(opening.T_world_handle, points))[0] < _GRAIN
        cloud = ObjectCloud(points, normals, 1.0, seen, apply(T_object_world, around))
        mask = np.zeros(observation.depth.shape, bool)
        cluster = opening.thing.cluster
        mask.ravel()[cluster.pixels[cKDTree(opening.handle).query(cluster.points)[0] < 1e-6]] = True
        return Segmentation(cloud, mask, opening.handle)

    def outline(self, observation: RgbdObservation, point: FloatArray) -> NDArray[np.bool_]:
        """(H, W) mask of what stands at ``point`` (3,), metres, world: what a click there means.

        Raises:
            UnihmError: OBJECT_NOT_FOUND where nothing does.
        """
        return _mask(self._target(observation, point, None)[0], observation)

    def complete(
        self, points: FloatArray, camera: FloatArray, table_height: float, cut: bool = False
    ) -> Completion:
        """The whole surface of what is seen of an object: fitted where that is sure, else learned.

        Args:
            points: (N, 3) metres, world; seen points of one object.
            camera: (3,) position of the camera, world.
            table_height: metres, world.
            cut: the object goes on beyond the border of the image.

        Raises:
            UnihmError: INVALID_CLOUD for fewer than 20 points.
        """
        shape = fit(points, camera, table_height, cut)
        if self._completer is None:
            return shape.complete()
        seen = shape.seen + np.array([0.0, 0.0, table_height])
        learned = self._completer.complete(
            seen, camera, table_height, cut=cut, normals=shape.normals
        )
        vessel = shape.shape is shape.revolution and shape.revolution.hollow
        enough = self.config.fitted_vessel if vessel else self.config.fitted
        if shape.misfit < enough:
            fitted = shape.complete()
            # What is seen of a banana is also part of a wide disc: then only the network knows.
            unseen = fitted.points[~fitted.observed]
            apart = cKDTree(learned.points[:, :2]).query(unseen[:, :2])[0]
            if not len(unseen) or apart.mean() < _AGREEMENT:
                return fitted
        return learned

    def _around(
        self,
        observation: RgbdObservation,
        surface: FloatArray,
        trajectory: ObjectTrajectory,
        table: Plane,
        own: float = _OWN,
    ) -> FloatArray:
        """What is seen of other things, finely within a hand's length of where a surface goes.

        Args:
            observation: the image.
            surface: (N, 3) metres, world.
            trajectory: with which it moves.
            table: that things stand on.
            own: metres from the surface within which there is nothing but its own points.

        Returns:
            (M, 3) metres, world.
        """
        workspace = self.config.workspace
        coarse = world_points(observation, workspace.capture, _COARSE)
        seen = coarse[in_workspace(coarse, workspace)]
        seen = seen[table.height(seen) > workspace.clusters.min_height]
        distance = cKDTree(surface).query(seen, distance_upper_bound=_NEAR)[0]
        first, last = trajectory.T_world_object[[0, -1]]
        there = cKDTree(apply(last @ invert(first), surface)).query(
            seen, distance_upper_bound=_NEAR
        )[0]
        other, near = distance > own, np.minimum(distance, there) < _NEAR
        pieces = [(seen[other & near], _GRAIN), (seen[other & ~near], _FAR_GRAIN)]
        return np.concatenate([voxelise(p, grain)[1] if len(p) else p for p, grain in pieces])

    def _target(
        self, observation: RgbdObservation, pick_point: FloatArray, scene: TableScene | None
    ) -> tuple[IntArray, FloatArray, Plane]:
        """The target's pixels (N,), flat, their points (N, 3) in the world, and the table."""
        if self._predictor is not None:
            found = self._by_click(self._predictor, observation, pick_point)
            if found is not None:
                return found
        if scene is None or scene.workspace != self.config.workspace:
            scene = read_scene(observation, self.config.workspace)
        target = cluster_at(scene.objects, pick_point)
        if target is None:
            x, y, z = pick_point
            raise UnihmError(
                ErrorCode.OBJECT_NOT_FOUND,
                f"Nothing stands at the pick point ({x:.2f}, {y:.2f}, {z:.2f}) m.",
            )
        return scene.image_pixels(target.cluster), target.cluster.points, scene.table

    def _by_click(
        self,
        predictor: backends.MaskBackend,
        observation: RgbdObservation,
        pick_point: FloatArray,
    ) -> tuple[IntArray, FloatArray, Plane] | None:
        """What the network finds at the pick point; None where it is not sure of it."""
        workspace = self.config.workspace
        coarse = world_points(observation, workspace.capture, _COARSE)
        near = np.abs(coarse[..., 2] - workspace.table_height) < 0.05
        table = level_table(coarse[near], workspace.table_height)
        T = observation.T_world_camera
        u, v = np.rint(project(apply(invert(T), pick_point[None]), observation.K)[0]).astype(int)
        try:
            session = predictor.embed(observation, table.seen_from(T))
            answer = session.predict([Click(int(u), int(v))])
        except UnihmError as error:
            _log.info(
                "%s gave no mask (%s); using the cluster.", self.config.backend, error.message
            )
            return None
        chosen = np.flatnonzero(answer.mask)
        seen = apply(T, session.points(chosen))
        with np.errstate(invalid="ignore"):  # what lies as flat as the table is the table
            standing = table.height(seen) > workspace.clusters.min_height
        chosen, seen = chosen[standing], seen[standing]
        if answer.iou < self.config.min_iou or len(chosen) < 60:
            _log.info("%s is not sure (%.2f); using the cluster.", self.config.backend, answer.iou)
            return None
        if np.linalg.norm(seen - pick_point, axis=1).min() > _REACH:
            _log.info(
                "The mask of %s is beside the pick point; using the cluster.", self.config.backend
            )
            return None
        return chosen, seen, table


def _mask(pixels: IntArray, observation: RgbdObservation) -> NDArray[np.bool_]:
    """(H, W) of flat pixels (N,)."""
    mask = np.zeros(observation.depth.shape, bool)
    mask.ravel()[pixels] = True
    return mask
