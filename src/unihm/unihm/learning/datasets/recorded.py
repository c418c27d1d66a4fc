"""From a recorded hand and object to an episode: DexYCB, OakInk and whatever comes next.

A reader delivers a :class:`Recording`; this module finds the object frame and the phases, brings it
to the project's frame rate, and retargets the hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation, Slerp

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode, EpisodeCamera
from unihm.learning.datasets.instructions import make_instructions
from unihm.perception.scene.frames import canonical_object_frame
from unihm.perception.trajectory import DT
from unihm.retargeting.retargeter import Retargeter
from unihm.robots import load_hand
from unihm.transforms import apply, invert, make_transform
from unihm.types import (
    FloatArray,
    HandMotion,
    IntArray,
    ObjectCloud,
    ObjectTrajectory,
    Phase,
    TaskKind,
)

CLOUD_POINTS = 2048
MOVED = 0.01  # m that the object has moved when it counts as held
NEAR = 0.03  # m between hand and object at which the fingers start to close
OUT_OF_REACH = 0.15  # m that a hand which handles an object never stays away from it
MAX_GAP = 15  # frames in which hand or object may be lost


@dataclass(frozen=True)
class Recording:
    """One hand and one object, as a data set gives them; F frames.

    Attributes:
        name: unique in its data set.
        source: of which data set.
        object_id: of the object, whatever the recording.
        words: what the object is called, e.g. ``cracker box``.
        side: of the hand, ``right`` or ``left``.
        times: (F,) seconds, increasing.
        T_world_mesh: (F, 4, 4); NaN where the object is not known. World z is up if the data set
            knows what is up.
        keypoints: (F, 21, 3) metres, world; NaN where the hand is not known.
        mesh: of the object.
        camera: with one image per frame.
    """

    name: str
    source: str
    object_id: str
    words: str
    side: str
    times: FloatArray
    T_world_mesh: FloatArray
    keypoints: FloatArray
    mesh: trimesh.Trimesh
    camera: EpisodeCamera | None = None


def to_episode(recording: Recording, hands: Sequence[str] = ("human",), dt: float = DT) -> Episode:
    """Episode of a recording: frames from the first to the last in which hand and object are known.

    Args:
        recording: what was recorded.
        hands: right hands to retarget to; for a left recording their ``_left`` versions are used.
        dt: seconds between the episode's frames; its length is made a multiple of four.

    Raises:
        UnihmError: INVALID_EPISODE where too little is known; UNKNOWN_HAND;
            INVALID_KEYPOINTS.
    """
    times, T_world_mesh, keypoints = _resampled(recording, dt)
    points, triangles = trimesh.sample.sample_surface(recording.mesh, CLOUD_POINTS, seed=0)
    start = T_world_mesh[0]
    T_world_object = canonical_object_frame(apply(start, points), _heading(start, keypoints))
    T_mesh_object = invert(start) @ T_world_object
    T_object_mesh = invert(T_mesh_object)
    T_world_object = T_world_mesh @ T_mesh_object
    mesh = recording.mesh.copy().apply_transform(T_object_mesh)
    keypoints = apply(invert(T_world_object), keypoints)
    _check_reach(apply(T_object_mesh, points), keypoints)
    cloud = ObjectCloud(
        apply(T_object_mesh, points),
        recording.mesh.face_normals[triangles] @ T_object_mesh[:3, :3].T,
    )
    trajectory = ObjectTrajectory(
        T_world_object=T_world_object,
        phase=phases(T_world_object, keypoints, cloud.points),
        dt=dt,
        kind=TaskKind.GRAB,
        pick_point=T_world_object[0, :3, 3] + [0.0, 0.0, cloud.points[:, 2].max()],
        description=recording.words,
    )
    rng = np.random.default_rng(int.from_bytes(recording.name.encode()[-8:], "big"))
    return Episode(
        episode_id=recording.name,
        source=recording.source,
        object_id=recording.object_id,
        instructions=make_instructions(TaskKind.GRAB, recording.words, "", "", rng),
        trajectory=trajectory,
        cloud=cloud,
        motions=_retargeted(keypoints, trajectory, hands, recording.side),
        keypoints=keypoints,
        vertices=np.asarray(mesh.vertices, float),
        faces=np.asarray(mesh.faces, np.int64),
        timestamps=times,
        camera=recording.camera,
        info={"side": recording.side},
    )


def phases(T_world_object: FloatArray, keypoints: FloatArray, surface: FloatArray) -> IntArray:
    """(T,) phases: HOLD once the object moves, GRASP from when the hand was last far from it.

    Args:
        T_world_object: (T, 4, 4).
        keypoints: (T, 21, 3) in the object frame.
        surface: (N, 3) points of the object, in its frame.
    """
    frames = len(T_world_object)
    moved = np.linalg.norm(T_world_object[:, :3, 3] - T_world_object[0, :3, 3], axis=1) > MOVED
    hold = int(np.argmax(moved)) if moved.any() else frames
    distance = cKDTree(surface).query(keypoints)[0].min(axis=1)  # (T,)
    far = np.flatnonzero(distance[:hold] > NEAR)
    grasp = int(far[-1]) + 1 if len(far) else 0
    phase = np.full(frames, Phase.APPROACH)
    phase[grasp:hold] = Phase.GRASP
    phase[hold:] = Phase.HOLD
    return phase.astype(np.int64)


def _resampled(recording: Recording, dt: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Times (T,) from 0, object poses (T, 4, 4) and keypoints (T, 21, 3) without gaps."""
    known = np.isfinite(recording.T_world_mesh).all((1, 2)) & np.isfinite(recording.keypoints).all(
        (1, 2)
    )
    frames = np.flatnonzero(known)
    where = f"{recording.source} {recording.name}"
    if len(frames) < 4:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE,
            f"{where}: hand and object are known together in only {len(frames)} frames.",
        )
    if np.diff(frames).max() > MAX_GAP:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE,
            f"{where}: hand or object is lost for {np.diff(frames).max()} frames.",
        )
    source = recording.times[frames]
    count = max(4, int((source[-1] - source[0]) / dt) + 1)
    count += -count % 4  # the last pose is held until the length is right
    times = np.clip(source[0] + dt * np.arange(count), None, source[-1])
    poses = recording.T_world_mesh[frames]
    rotation = Slerp(source, Rotation.from_matrix(poses[:, :3, :3]))(times).as_matrix()
    flat = np.concatenate(
        [poses[:, :3, 3], recording.keypoints[frames].reshape(len(frames), -1)], axis=1
    )
    values = np.stack([np.interp(times, source, column) for column in flat.T], axis=1)
    keypoints = values[:, 3:].reshape(-1, 21, 3)
    return (
        dt * np.arange(len(times), dtype=float),
        make_transform(rotation, values[:, :3]),
        keypoints,
    )


def _check_reach(points: FloatArray, keypoints: FloatArray) -> None:
    """A hand that never comes near its object is not of the same world, or of another unit."""
    distance, _ = cKDTree(points).query(keypoints.reshape(-1, 3))
    if distance.min() > OUT_OF_REACH:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE,
            f"The hand stays {distance.min():.2f} m away from the object: are the poses of the "
            "object, its mesh and the hand in one frame and in metres?",
        )


def _heading(T_world_mesh: FloatArray, keypoints: FloatArray) -> float:
    """Azimuth from where the hand comes from to the object: what the arm's base is to a robot."""
    x, y = (T_world_mesh[:3, 3] - keypoints[0, 0])[:2]
    return float(np.arctan2(y, x))


def _retargeted(
    keypoints: FloatArray, trajectory: ObjectTrajectory, hands: Sequence[str], side: str
) -> dict[str, HandMotion]:
    motions = {}
    for name in hands:
        hand = load_hand(name if side == "right" else f"{name}_left")
        result = Retargeter(hand).retarget(keypoints)
        motions[hand.name] = HandMotion(
            hand=hand.name,
            T_object_wrist=result.T_world_wrist,
            joints=result.joints,
            trajectory=trajectory,
        )
    return motions
