"""Any mesh file as an object: read, checked, and cut into convex parts once."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import Literal

import numpy as np
import trimesh

from unihm.errors import ErrorCode, UnihmError
from unihm.files import read_arrays, write_arrays
from unihm.meshes import read_mesh
from unihm.sim.shapes import Geometry, Part, centred

logger = logging.getLogger(__name__)

Convex = Literal["decompose", "hull"]
MAX_PARTS = 24
MAX_FACES = 1000  # for the decomposition, whose time grows with them
MAX_HULL_VERTICES = 60  # per part; more make contacts slower to find


def load_mesh(
    path: Path, scale: float = 1.0, up: Literal["x", "y", "z"] = "z", convex: Convex = "decompose"
) -> Geometry:
    """Read an STL, OBJ, PLY, DAE, GLB or OFF file and make its collision parts.

    Args:
        path: the file.
        scale: metres per unit of the file, e.g. 0.001 for millimetres.
        up: the axis of the file that points up when the object stands.
        convex: ``decompose`` cuts a hollow or branched mesh into convex parts (CoACD; seconds,
            then cached under ``~/.cache/unihm``); ``hull`` takes its one convex hull.

    Raises:
        UnihmError: INVALID_SCENE when the file is absent, empty, not finite, or of an
            impossible size.
    """
    surface = read_mesh(path, ErrorCode.INVALID_SCENE)
    surface.apply_scale(scale)
    surface.apply_transform(_upright(up))
    largest, smallest = surface.extents.max(), surface.extents.min()
    if not (0.005 <= largest <= 1.0 and smallest >= 1e-4):
        raise UnihmError(
            ErrorCode.INVALID_SCENE,
            f"The mesh {path} measures {' x '.join(f'{e:.4g}' for e in surface.extents)} m; "
            "an object is between 5 mm and 1 m and not flat. Set its 'scale' (0.001 where the "
            "file is in millimetres).",
        )
    return centred(
        surface, tuple(Part("convex", vertices=part) for part in convex_parts(surface, convex))
    )


def convex_parts(surface: trimesh.Trimesh, convex: Convex) -> list[np.ndarray]:
    """Vertices (V, 3) of the convex pieces that a mesh is touched by; see :func:`load_mesh`."""
    parts = [surface.convex_hull.vertices] if convex == "hull" else _decompose(surface)
    return [_few(part) for part in parts if len(part) >= 4]


def _upright(up: str) -> np.ndarray:
    """Rotation (4, 4) that turns the axis ``up`` to +z and keeps the frame right-handed."""
    order = {"z": [0, 1, 2], "y": [2, 0, 1], "x": [1, 2, 0]}[up]
    rotation = np.eye(4)
    rotation[:3, :3] = np.eye(3)[order]
    return rotation


def _few(points: np.ndarray) -> np.ndarray:
    """Hull vertices of ``points``, at most :data:`MAX_HULL_VERTICES`, the extreme ones kept."""
    hull = trimesh.convex.convex_hull(points)
    if len(hull.vertices) <= MAX_HULL_VERTICES:
        return np.asarray(hull.vertices, float)
    # Supporting points of evenly spread directions: the rounder the hull, the better the fit.
    index = np.arange(MAX_HULL_VERTICES) + 0.5
    polar = np.arccos(1 - 2 * index / len(index))
    azimuth = np.pi * (1 + 5**0.5) * index
    directions = np.stack(
        [np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], -1
    )
    centred_points = hull.vertices - hull.vertices.mean(axis=0)
    kept = np.unique((centred_points @ directions.T).argmax(axis=0))
    return np.asarray(hull.vertices[kept], float)


def _decompose(surface: trimesh.Trimesh) -> list[np.ndarray]:
    """Approximate convex decomposition; the list of parts' vertices, cached on disk."""
    digest = hashlib.sha256(np.ascontiguousarray(surface.vertices, np.float32).tobytes())
    digest.update(np.ascontiguousarray(surface.faces, np.int32).tobytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "unihm" / "convex"
    file = cache / f"{digest.hexdigest()[:24]}.npz"
    if file.is_file():
        stored = read_arrays(file, ErrorCode.INVALID_SCENE)
        return [stored[name] for name in sorted(stored)]
    import coacd
    import open3d

    logger.info("Cutting a mesh of %d faces into convex parts; done once.", len(surface.faces))
    coarse = open3d.geometry.TriangleMesh(
        open3d.utility.Vector3dVector(surface.vertices),
        open3d.utility.Vector3iVector(surface.faces),
    ).simplify_quadric_decimation(min(MAX_FACES, len(surface.faces)))
    coacd.set_log_level("error")
    pieces = coacd.run_coacd(
        coacd.Mesh(np.asarray(coarse.vertices), np.asarray(coarse.triangles)),
        threshold=0.06,
        max_convex_hull=MAX_PARTS,
        mcts_iterations=60,
        mcts_max_depth=2,
        mcts_nodes=12,
        preprocess_resolution=30,
        seed=0,
    )
    parts = [np.asarray(vertices, float) for vertices, _ in pieces]
    try:
        write_arrays(file, {f"part{i:03d}": part for i, part in enumerate(parts)})
    except OSError as error:
        logger.warning("The parts are not kept for the next time: %s", error)
    return parts
