"""Recorded keypoints as episodes, to measure on what no weights of this project have seen.

A file that has an object beside the hand is converted as a data set's recording is. Keypoints
alone do not say where an object would be: each frame is put where a hand of ``like`` holds its
object, so that such a recording says something about joints and nothing about the wrist.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode
from unihm.learning.datasets.recorded import Recording, to_episode
from unihm.retargeting.keypoints import check_keypoints, palm_frames, read_keypoints, side_of
from unihm.retargeting.retargeter import Retargeter
from unihm.robots import load_hand
from unihm.transforms import apply, invert, make_transform
from unihm.types import FloatArray, HandMotion, ObjectCloud, ObjectTrajectory, Phase, TaskKind

RATE = 30.0  # Hz, of a file that does not say
DT = 0.1  # s, of the motions


def read_recordings(
    path: Path, hands: Sequence[str], like: Sequence[Episode], rate: float = RATE
) -> list[Episode]:
    """An episode per array of keypoints (T, 21, 3) of a right hand in an npz file.

    Args:
        path: the file; with ``object_vertices``, ``object_faces`` and ``object_poses`` (T, 4, 4)
            beside the keypoints it is a recording of hand and object.
        hands: to retarget to.
        like: episodes that say where an object is held.
        rate: frames per second.

    Raises:
        UnihmError: INVALID_KEYPOINTS where the file holds no keypoints of a right hand.
    """
    episodes = []
    for name, keypoints in read_keypoints(path).items():
        if side_of(keypoints) == "left":
            continue
        label = f"{path.stem}-{name}"
        scene = _scene(path, len(keypoints))
        if scene is None:
            episodes.append(_held_still(label, keypoints, hands, like, rate))
        else:
            T_world_mesh, mesh = scene
            times = np.arange(len(keypoints)) / rate
            recording = Recording(
                label, "file", label, "object", "right", times, T_world_mesh, keypoints, mesh
            )
            episodes.append(to_episode(recording, hands, DT))
    if not episodes:
        raise UnihmError(ErrorCode.INVALID_KEYPOINTS, f"{path} has no keypoints of a right hand.")
    return episodes


def holding_pose(episodes: Sequence[Episode]) -> FloatArray:
    """T_object_palm (4, 4): where the person's palm is on average when it lifts something.

    The palm's frame is that of :func:`unihm.retargeting.keypoints.palm_frames`.
    """
    person, keypoints = load_hand("human"), []
    for episode in episodes:
        motion = episode.motions.get(person.name)
        hold = np.flatnonzero(episode.trajectory.phase == Phase.HOLD)
        if motion is not None and len(hold):
            first = hold[0]
            points = person.keypoints(motion.joints[first])
            keypoints.append(apply(motion.T_object_wrist[first], points))
    if not keypoints:
        raise UnihmError(ErrorCode.INVALID_EPISODE, "No episode has a motion of the human hand.")
    poses = palm_frames(np.stack(keypoints), "right")
    rotation = Rotation.from_matrix(poses[:, :3, :3]).mean().as_matrix()
    return make_transform(rotation, poses[:, :3, 3].mean(axis=0))


def _scene(path: Path, frames: int) -> tuple[FloatArray, trimesh.Trimesh] | None:
    with np.load(path, allow_pickle=False) as file:
        if not {"object_vertices", "object_faces", "object_poses"} <= set(file.files):
            return None
        poses = np.asarray(file["object_poses"], float)
        mesh = trimesh.Trimesh(file["object_vertices"], file["object_faces"], process=False)
    return (poses, mesh) if poses.shape == (frames, 4, 4) else None


def _held_still(
    name: str, keypoints: FloatArray, hands: Sequence[str], like: Sequence[Episode], rate: float
) -> Episode:
    keypoints = check_keypoints(keypoints[:: max(1, round(rate * DT))], "right")
    T_object_world = holding_pose(like) @ invert(palm_frames(keypoints, "right"))
    keypoints = np.stack([apply(T, points) for T, points in zip(T_object_world, keypoints)])
    frames = len(keypoints)
    trajectory = ObjectTrajectory(
        np.broadcast_to(np.eye(4), (frames, 4, 4)),
        np.full(frames, Phase.HOLD, np.int64),
        DT,
        TaskKind.GRAB,
        np.zeros(3),
    )
    motions = {}
    for hand in hands:
        result = Retargeter(load_hand(hand)).retarget(keypoints)
        motions[hand] = HandMotion(hand, result.T_world_wrist, result.joints, trajectory)
    return Episode(
        name,
        "file",
        name,
        ("Hold it.",),
        trajectory,
        ObjectCloud(np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]])),
        motions,
        keypoints,
    )
