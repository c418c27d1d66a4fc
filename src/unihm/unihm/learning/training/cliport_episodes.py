"""Recorded episodes as tables to train CLIPort on: fine-tuning to somebody's own scenes."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode, load_dataset
from unihm.learning.synthesis.tables.planner_scenes import (
    PickQuestion,
    PlaceQuestion,
    PlannerSample,
)
from unihm.perception.camera import world_points
from unihm.perception.language import Action, Step, understand
from unihm.perception.language import sentence_encoder as text
from unihm.perception.planner.cliport.config import CliportConfig
from unihm.perception.planner.cliport.heightmap import Heightmap, make_heightmap, to_pixel
from unihm.perception.planner.cliport.scorer import clause_of
from unihm.perception.planner.cliport.vocabulary import CLAUSES, PUSH_WORDS
from unihm.types import FloatArray, RgbdObservation, TaskKind

NEAR = 0.012  # m from the object's surface within which a seen point belongs to it


def load_tables(folder: Path, config: CliportConfig) -> list[PlannerSample]:
    """One table for every episode of ``folder`` that has a first image and a sentence.

    Raises:
        UnihmError: INVALID_EPISODE where there is none.
    """
    samples = []
    for episode in load_dataset(folder, "all"):
        observation = first_observation(episode, folder)
        if observation is not None:
            sample = to_sample(episode, observation, config)
            if sample is not None:
                samples.append(sample)
    if not samples:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE,
            f"{folder} holds no episode with colour and depth images of its first frame.",
        )
    return samples


def first_observation(episode: Episode, root: Path) -> RgbdObservation | None:
    """What the camera saw at first; None for an episode without images."""
    camera = episode.camera
    if camera is None or not camera.rgb_files or not camera.depth_files:
        return None
    return RgbdObservation(
        rgb=np.asarray(iio.imread(root / camera.rgb_files[0]))[..., :3],
        depth=read_depth(root / camera.depth_files[0]),
        K=camera.K,
        T_world_camera=camera.T_world_camera,
    )


def read_depth(path: Path) -> NDArray[np.float32]:
    """Depth (H, W) in metres from a 16-bit image in millimetres or an ``.npy`` in metres."""
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False).astype(np.float32)
    return np.asarray(iio.imread(path)).astype(np.float32) * np.float32(1e-3)


def to_sample(
    episode: Episode, observation: RgbdObservation, config: CliportConfig
) -> PlannerSample | None:
    """The table as it was at first, what was asked, and where the object went."""
    points = world_points(observation)
    T = episode.trajectory.T_world_object
    bottom = float(T[0, 2, 3] + episode.cloud.points[:, 2].min())
    top = make_heightmap(observation, points, bottom, config)
    labels = _labels(episode, points, top)
    if not labels.any():
        return None
    center = to_pixel(config, T[0, :2, 3])
    picks, places = [], []
    for sentence in episode.instructions:
        try:
            step = understand(sentence).one_step()
        except UnihmError:
            continue
        clause = clause_of(step.target)
        if clause:
            picks.append(PickQuestion(clause, (1,)))
        where = place_clause(step)
        if where:
            turn = T[-1, :3, :3] @ T[0, :3, :3].T
            places.append(
                PlaceQuestion(
                    where,
                    1,
                    center,
                    to_pixel(config, T[-1:, :2, 3]),
                    float(np.arctan2(turn[1, 0], turn[0, 0])),
                )
            )
    if not picks:
        return None
    phrases = sorted({q.phrase for q in picks} | {q.clause for q in places})
    return PlannerSample(
        rgb=(255 * top.rgb).astype(np.uint8),
        height=top.height.astype(np.float16),
        seen=top.source >= 0,
        labels=labels,
        kinds=("",),
        picks=tuple(picks),
        places=tuple(places),
        words=dict(zip(phrases, text.encode(phrases))),
    )


def _labels(episode: Episode, points: FloatArray, top: Heightmap) -> NDArray[np.int8]:
    """(H, W) 1 where the map shows the object."""
    T = episode.trajectory.T_world_object[0]
    surface = episode.cloud.points @ T[:3, :3].T + T[:3, 3]
    seen = points.reshape(-1, 3)[np.maximum(top.source, 0)]
    known = (top.source >= 0) & np.isfinite(seen[..., 0])
    labels = np.zeros(top.source.shape, np.int8)
    labels[known] = cKDTree(surface).query(seen[known])[0] < NEAR
    return labels


def place_clause(step: Step) -> str:
    """What the place affordance is asked with; empty for a grab, and where it has no words."""
    destination = step.destination
    things = [] if destination is None else destination.things
    reference = clause_of(things[0]) if things else ""
    if step.action is Action.PLACE and destination is not None:
        if destination.name == "area":
            area = things[0].place
            return CLAUSES["area"].format(area) if " " not in area else ""
        return CLAUSES[destination.name].format(reference) if destination.name in CLAUSES else ""
    if step.kind == TaskKind.PUSH:
        if reference:
            toward = destination is not None and destination.name == "toward"
            return CLAUSES["push towards"].format(reference) if toward else ""
        name = step.direction.name if step.direction is not None else ""
        return CLAUSES["push"].format(PUSH_WORDS[name]) if name in PUSH_WORDS else ""
    if step.action in (Action.OPEN, Action.CLOSE):
        return CLAUSES[step.action.value]
    return ""
