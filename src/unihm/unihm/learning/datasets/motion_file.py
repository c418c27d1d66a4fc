"""One hand motion, or one object cloud, in a file of its own.

A motion file is an ``.npz`` without pickled values:

    hand            name of a file in config/hands
    joints          (T, J) radians, the hand's independent joints
    T_object_wrist  (T, 4, 4)
    T_world_object  (T, 4, 4), optional: the object at rest
    phase           (T,) values of unihm.types.Phase, optional: all HOLD
    dt              seconds, optional: 0.1
    kind            value of unihm.types.TaskKind, optional: GRAB

An episode file holds a motion too. A cloud is a ``.ply`` or an ``.npz`` with ``points`` and
``normals``; of a mesh (``.stl``, ``.obj``) the surface is sampled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode
from unihm.perception.trajectory import DT
from unihm.refinement import estimate_normals
from unihm.types import HandMotion, ObjectCloud, ObjectTrajectory, Phase, TaskKind

CLOUD_POINTS = 2048


def read_motion(path: Path, hand: str | None = None) -> HandMotion:
    """Read a motion file, or the motion of one hand of an episode file.

    Args:
        path: of the file.
        hand: needed where the file names none, or holds the motions of several hands.

    Raises:
        UnihmError: INVALID_MOTION, naming the file and what is wrong with it.
    """
    arrays = _read_arrays(path, ErrorCode.INVALID_MOTION)
    if "header" in arrays:
        motions = Episode.load(path).motions
        name = hand or next(iter(motions), "")
        if name not in motions or (hand is None and len(motions) > 1):
            raise _fault(path, f"holds motions of {', '.join(motions)}; say of which hand")
        return motions[name]
    missing = [name for name in ("joints", "T_object_wrist") if name not in arrays]
    if missing:
        raise _fault(path, f"lacks {' and '.join(missing)}")
    name = hand or str(arrays.get("hand", ""))
    if not name:
        raise _fault(path, "does not say of which hand it is")
    joints = np.asarray(arrays["joints"], float)
    frames = len(joints)
    resting = np.broadcast_to(np.eye(4), (frames, 4, 4))
    try:
        trajectory = ObjectTrajectory(
            T_world_object=np.asarray(arrays.get("T_world_object", resting), float),
            phase=np.asarray(arrays.get("phase", np.full(frames, Phase.HOLD)), np.int64),
            dt=float(arrays.get("dt", DT)),
            kind=TaskKind(int(arrays.get("kind", TaskKind.GRAB))),
            pick_point=np.zeros(3),
        )
        return HandMotion(name, np.asarray(arrays["T_object_wrist"], float), joints, trajectory)
    except (TypeError, ValueError) as error:
        raise _fault(path, f"is not a motion: {error}") from error


def holds_episode(path: Path) -> bool:
    """Whether the file is an episode; raises INVALID_MOTION where it is no file of arrays."""
    return "header" in _read_arrays(path, ErrorCode.INVALID_MOTION)


def write_motion(path: Path, motion: HandMotion) -> None:
    """Write a motion file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        hand=np.array(motion.hand),
        joints=motion.joints,
        T_object_wrist=motion.T_object_wrist,
        T_world_object=motion.trajectory.T_world_object,
        phase=motion.trajectory.phase,
        dt=np.array(motion.trajectory.dt),
        kind=np.array(int(motion.trajectory.kind)),
    )


def read_cloud(path: Path) -> ObjectCloud:
    """Read a cloud; normals that the file lacks are estimated.

    Raises:
        UnihmError: INVALID_CLOUD, naming the file and what is wrong with it.
    """
    if not path.is_file():
        raise UnihmError(ErrorCode.INVALID_CLOUD, f"{path} does not exist.")
    if path.suffix == ".npz":
        arrays = _read_arrays(path, ErrorCode.INVALID_CLOUD)
        points, normals = arrays.get("points", np.zeros((0, 3))), arrays.get("normals")
    else:
        points, normals = _read_geometry(path)
    points = np.asarray(points, float)
    if normals is None or not np.any(normals):  # absent, or written as zeros
        normals = estimate_normals(points)
    return ObjectCloud(points, np.asarray(normals, float))


def _read_geometry(path: Path) -> tuple[Any, Any]:
    """Points and normals of a point cloud or of a mesh's surface."""
    import open3d as o3d
    import trimesh

    if path.suffix == ".ply":
        kind = int(o3d.io.read_file_geometry_type(str(path)))
        if not kind & int(o3d.io.FileGeometry.CONTAINS_TRIANGLES):
            cloud = o3d.io.read_point_cloud(path)
            return np.asarray(cloud.points), np.asarray(cloud.normals)
    try:
        mesh = trimesh.load_mesh(path)
        points, faces = trimesh.sample.sample_surface(mesh, CLOUD_POINTS, seed=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise UnihmError(
            ErrorCode.INVALID_CLOUD, f"{path} is neither a point cloud nor a mesh."
        ) from error
    return points, mesh.face_normals[faces]


def _read_arrays(path: Path, code: ErrorCode) -> dict[str, Any]:
    if not path.is_file():
        raise UnihmError(code, f"{path} does not exist.")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, AttributeError, EOFError, BadZipFile) as error:
        raise UnihmError(code, f"{path} is not an .npz file without pickled values.") from error


def _fault(path: Path, reason: str) -> UnihmError:
    return UnihmError(ErrorCode.INVALID_MOTION, f"{path} {reason}.")
