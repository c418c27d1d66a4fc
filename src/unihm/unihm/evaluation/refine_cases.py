"""Motions to be refined: synthetic grasps with a generator's mistakes, recorded clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation

from unihm.control.grasp_motion import grasp_motion
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode
from unihm.learning.datasets.recorded import Recording, to_episode
from unihm.learning.synthesis.episodes import grab_trajectory
from unihm.learning.synthesis.grasps.object_grasps import ObjectGrasps
from unihm.learning.synthesis.objects import sample_object
from unihm.robots import Hand
from unihm.types import HandMotion, IntArray, ObjectCloud

CLOUD_POINTS = 2048
CLIP_RATE = 30.0  # frames per second of the recorded clip
#: What a generator gets wrong: wrist (m, rad), joints (rad), and jitter from frame to frame (rad).
SHIFT, TURN, BEND, JITTER = 0.006, 0.04, 0.06, 0.004


class Case(NamedTuple):
    """A motion to be refined and the clean surface of its object."""

    name: str
    motion: HandMotion
    cloud: ObjectCloud


def synthetic_cases(hand: Hand, count: int, seed: int) -> Iterator[Case]:
    """Grasps solved on procedural objects, with a generator's mistakes added; ``count`` of them."""
    rng = np.random.default_rng(seed)
    found = index = 0
    while found < count:
        item = sample_object(seed, index)
        index += 1
        if index > 50 * count:
            raise UnihmError(ErrorCode.INTERNAL, f"{hand.name} grasps none of the objects.")
        solved = ObjectGrasps(item).human(hand.name)  # by geometry alone, whatever the hand
        if solved is not None:
            motion = grasp_motion(hand, solved[1], grab_trajectory(item, rng))
            yield Case(f"{item.shape} {index - 1}", mistaken(motion, hand, rng), item.cloud)
            found += 1


def mistaken(
    motion: HandMotion, hand: Hand, rng: np.random.Generator, size: float = 1.0
) -> HandMotion:
    """``motion`` as a generator might give it: shifted, turned, bent and jittering.

    ``size`` multiplies what is usual.
    """
    T = motion.T_object_wrist.copy()
    T[:, :3, 3] += size * SHIFT * rng.normal(size=3) / 3**0.5
    turn = Rotation.from_rotvec(size * TURN * rng.normal(size=3) / 3**0.5).as_matrix()
    T[:, :3, :3] = T[:, :3, :3] @ turn
    joints = motion.joints + size * BEND * rng.normal(size=hand.num_joints)
    joints = joints + size * JITTER * rng.normal(size=motion.joints.shape)
    return HandMotion(motion.hand, T, hand.clip(joints), motion.trajectory)


def read_clip(path: Path, hands: Sequence[str]) -> Episode:
    """Episode of a recorded clip: an npz with hand keypoints, object poses and object mesh.

    Raises:
        UnihmError: INVALID_EPISODE where an array is missing.
    """
    needed = ("hand_keypoints", "object_poses", "object_vertices", "object_faces")
    with np.load(path, allow_pickle=False) as file:
        missing = [name for name in needed if name not in file]
        if missing:
            raise UnihmError(ErrorCode.INVALID_EPISODE, f"{path} lacks {', '.join(missing)}.")
        keypoints, poses, vertices, faces = (np.asarray(file[name]) for name in needed)
    recording = Recording(
        name=path.stem,
        source="clip",
        object_id=path.stem,
        words="object",
        side="right",
        times=np.arange(len(keypoints)) / CLIP_RATE,
        T_world_mesh=poses.astype(float),
        keypoints=keypoints.astype(float),
        mesh=trimesh.Trimesh(vertices, faces, process=False),
    )
    return to_episode(recording, hands)


def mesh_clouds(folder: Path, count: int) -> list[ObjectCloud]:
    """Clouds of 2,048 points of the meshes in a folder, centred."""
    paths = sorted(folder.glob("*.stl"))[:count]
    if not paths:
        raise UnihmError(ErrorCode.INVALID_CLOUD, f"There is no .stl file in {folder}.")
    clouds = []
    for path in paths:
        mesh = trimesh.load_mesh(path)
        points, faces = trimesh.sample.sample_surface(mesh, CLOUD_POINTS, seed=0)
        clouds.append(ObjectCloud(points - mesh.bounds.mean(axis=0), mesh.face_normals[faces]))
    return clouds


def of_length(motion: HandMotion, frames: int) -> HandMotion:
    """The first ``frames`` frames, or the motion with its last frame held on."""
    return chosen_frames(motion, np.minimum(np.arange(frames), len(motion) - 1))


def chosen_frames(motion: HandMotion, index: IntArray) -> HandMotion:
    """The frames ``index`` (T,) of a motion, as one of its own."""
    course = motion.trajectory
    part = replace(course, T_world_object=course.T_world_object[index], phase=course.phase[index])
    return HandMotion(motion.hand, motion.T_object_wrist[index], motion.joints[index], part)
