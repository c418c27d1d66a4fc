"""One hand motion, or one object cloud, in a file of its own.

A motion file is an ``.npz`` without pickled values:

    hand            name of a file in config/hands
    joints          (T, J) radians, the hand's independent joints
    T_object_wrist  (T, 4, 4)
    T_world_object  (T, 4, 4), optional: the object at rest
    phase           (T,) values of unihm.types.Phase, optional: all HOLD
    dt              seconds, optional: 0.1
    kind            value of unihm.types.TaskKind, optional: GRAB

An episode file holds a motion too. A cloud is a ``.ply``, ``.pcd``, ``.xyz``, ``.csv`` (x, y, z and
perhaps the normal), a ``.npy`` (N, 3) or an ``.npz`` with ``points`` and ``normals``; of a mesh
(``.stl``, ``.obj`` and the like) the surface is sampled.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from unihm.errors import ErrorCode, UnihmError
from unihm.files import read_arrays, read_bytes, write_arrays
from unihm.learning.datasets.episode import Episode
from unihm.meshes import read_mesh
from unihm.perception.trajectory import DT
from unihm.refinement import estimate_normals
from unihm.types import HandMotion, ObjectCloud, ObjectTrajectory, Phase, TaskKind

CLOUD_POINTS = 2048
MOST_POINTS = 1_000_000
FURTHEST = 100.0  # metres that a point is from the cloud's origin at most
_NORMAL = ("nx", "ny", "nz")


def read_motion(path: Path, hand: str | None = None) -> HandMotion:
    """Read a motion file, or the motion of one hand of an episode file.

    Args:
        path: of the file.
        hand: needed where the file names none, or holds the motions of several hands.

    Raises:
        UnihmError: INVALID_MOTION, naming the file and what is wrong with it.
    """
    arrays = read_arrays(path, ErrorCode.INVALID_MOTION)
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
    try:
        joints = np.asarray(arrays["joints"], float)
        frames = len(joints)
        resting = np.broadcast_to(np.eye(4), (frames, 4, 4))
        trajectory = ObjectTrajectory(
            T_world_object=np.asarray(arrays.get("T_world_object", resting), float),
            phase=np.asarray(arrays.get("phase", np.full(frames, Phase.HOLD)), np.int64),
            dt=float(arrays.get("dt", DT)),
            kind=TaskKind(int(arrays.get("kind", TaskKind.GRAB))),
            pick_point=np.zeros(3),
        )
        return HandMotion(name, np.asarray(arrays["T_object_wrist"], float), joints, trajectory)
    except (TypeError, ValueError, OverflowError, IndexError) as error:
        raise _fault(path, f"is not a motion: {error}") from error


def holds_episode(path: Path) -> bool:
    """Whether the file is an episode; raises INVALID_MOTION where it is no file of arrays."""
    return "header" in read_arrays(path, ErrorCode.INVALID_MOTION)


def write_motion(path: Path, motion: HandMotion) -> None:
    """Write a motion file."""
    write_arrays(
        path,
        {
            "hand": np.array(motion.hand),
            "joints": motion.joints,
            "T_object_wrist": motion.T_object_wrist,
            "T_world_object": motion.trajectory.T_world_object,
            "phase": motion.trajectory.phase,
            "dt": np.array(motion.trajectory.dt),
            "kind": np.array(int(motion.trajectory.kind)),
        },
    )


def read_cloud(path: Path) -> ObjectCloud:
    """Read a cloud; normals that the file lacks are estimated.

    Raises:
        UnihmError: INVALID_CLOUD, naming the file and what is wrong with it.
    """
    points, normals = _read_points(path)
    try:
        points = np.asarray(points, float)
        if points.ndim != 2 or points.shape[1] != 3 or len(points) == 0:
            raise ValueError(f"its points have the shape {points.shape}, not (N, 3)")
        if not np.isfinite(points).all():
            raise ValueError("its points are not finite")
        if len(points) > MOST_POINTS or np.abs(points).max() > FURTHEST:
            raise ValueError(
                f"{len(points)} points, up to {np.abs(points).max():.3g} m away; is it in metres, "
                "and of the object alone?"
            )
        if normals is None or not np.any(normals):  # absent, or written as zeros
            normals = estimate_normals(points)
        return ObjectCloud(points, np.asarray(normals, float))
    except UnihmError as error:
        raise UnihmError(error.code, f"{path}: {error.message}") from error
    except (ValueError, TypeError) as error:
        raise _no_cloud(path, str(error)) from error


def _read_points(path: Path) -> tuple[Any, Any]:
    """Points and normals of a point cloud file, or of a mesh's surface."""
    data, suffix = read_bytes(path, ErrorCode.INVALID_CLOUD), path.suffix.lower()
    if suffix in (".npz", ".npy"):
        arrays = read_arrays(path, ErrorCode.INVALID_CLOUD)
        points = arrays.get("points", arrays.get(""))
        if points is None:
            raise _no_cloud(path, f"it holds {', '.join(arrays) or 'nothing'}, no 'points'")
        if points.ndim == 2 and points.shape[1] == 6:  # x, y, z and the normal
            return points[:, :3], points[:, 3:]
        return points, arrays.get("normals")
    if suffix in (".csv", ".xyz", ".txt", ".pts"):
        return _read_columns(path, data)
    if suffix == ".ply" and not re.search(rb"element face [1-9]", data[:4000]):
        return _read_ply(path)
    if suffix == ".pcd":
        import open3d as o3d

        _check_pcd(path, data)
        with o3d.utility.VerbosityContextManager(o3d.utility.VerbosityLevel.Error):
            cloud = o3d.io.read_point_cloud(path)
        return np.asarray(cloud.points), np.asarray(cloud.normals)
    mesh = read_mesh(path, ErrorCode.INVALID_CLOUD)
    points, faces = trimesh.sample.sample_surface(mesh, CLOUD_POINTS, seed=0)
    return points, mesh.face_normals[faces]


def _read_ply(path: Path) -> tuple[Any, Any]:
    """Points and normals of a PLY file without faces."""
    try:
        loaded: Any = trimesh.load(path)
        vertices = loaded.metadata["_ply_raw"]["vertex"]["data"]
        names = vertices.keys() if isinstance(vertices, dict) else vertices.dtype.names
        normals = None
        if {"nx", "ny", "nz"} <= set(names):
            normals = np.stack([np.asarray(vertices[n], float).reshape(-1) for n in _NORMAL], 1)
        return np.asarray(loaded.vertices, float), normals
    except Exception as error:  # the format has errors of many kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _no_cloud(path, f"it is cut off or damaged ({reason})") from error


def _check_pcd(path: Path, data: bytes) -> None:
    """Raise unless a PCD file has as much as its header announces: its reader does not look."""
    header, mark, rest = data.partition(b"\nDATA ")
    kind, _, body = rest.partition(b"\n")
    said = dict(re.findall(r"^(\w+) (.+?)\s*$", header.decode("latin-1"), flags=re.M))
    try:
        count = int(said["POINTS"])
        sizes = [int(word) for word in said["SIZE"].split()]
        times = [int(word) for word in said.get("COUNT", "1 " * len(sizes)).split()]
        row = sum(size * number for size, number in zip(sizes, times, strict=True))
    except (KeyError, ValueError) as error:
        raise _no_cloud(path, "its header is not one of a PCD file") from error
    kind = kind.strip()
    if kind == b"binary":
        whole = len(body) >= count * row
    elif kind == b"ascii":
        whole = len(body.splitlines()) >= count
    else:
        packed, unpacked = (int.from_bytes(body[at : at + 4], "little") for at in (0, 4))
        whole = kind == b"binary_compressed" and len(body) >= 8 + packed
        whole = whole and unpacked == count * row
    if not (mark and 0 < count <= MOST_POINTS and 0 < row < 1000 and whole):
        raise _no_cloud(path, f"it announces {count} points, which it does not hold")


def _read_columns(path: Path, data: bytes) -> tuple[Any, Any]:
    """x, y, z and perhaps the normal, in lines, separated by commas, semicolons or spaces."""
    rows = []
    for number, line in enumerate(data.decode("utf-8-sig", errors="replace").splitlines(), start=1):
        words = re.split(r"[\s,;]+", line.strip())
        if not line.strip() or line.lstrip().startswith(("#", "//")):
            continue
        try:
            rows.append([float(word) for word in words if word])
        except ValueError as error:
            if not rows:  # names of the columns, or how many points follow
                continue
            raise _no_cloud(path, f"line {number} is not numbers") from error
        if len(rows) > 1 and len(rows[-1]) != len(rows[-2]) and len(rows) > 2:
            raise _no_cloud(path, f"line {number} has {len(rows[-1])} numbers, others do not")
    if rows and len(rows[0]) == 1:  # .pts: how many points follow
        rows = rows[1:]
    if not rows or len({len(row) for row in rows}) != 1 or len(rows[0]) < 3:
        raise _no_cloud(path, "its lines are not x, y, z")
    table = np.array(rows)
    return table[:, :3], table[:, 3:6] if table.shape[1] == 6 else None


def _no_cloud(path: Path, reason: str) -> UnihmError:
    return UnihmError(ErrorCode.INVALID_CLOUD, f"{path} is no point cloud: {reason}.")


def _fault(path: Path, reason: str) -> UnihmError:
    return UnihmError(ErrorCode.INVALID_MOTION, f"{path} {reason}.")
