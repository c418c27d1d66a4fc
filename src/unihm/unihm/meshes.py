"""The one place that reads meshes: of robots, of objects, of data sets."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from unihm.errors import ErrorCode, UnihmError
from unihm.files import LARGEST, read_bytes
from unihm.types import FloatArray

__all__ = ["FORMATS", "read_mesh", "sample_surface"]

FORMATS = (".stl", ".obj", ".ply", ".dae", ".glb", ".gltf", ".off")
_COLLADA_UNIT = re.compile(rb"""<unit\b[^>]*\bmeter\s*=\s*["']([^"']+)["']""")
MOST_SAMPLES = 50_000  # points on one surface, however large it is
logging.getLogger("trimesh").setLevel(logging.ERROR)  # what it warns of is told here


def read_mesh(path: Path, code: ErrorCode) -> trimesh.Trimesh:
    """The surface in a file, as one mesh in the file's frame and unit.

    A COLLADA file's own unit is applied, its up axis is not, as RViz has it.

    Raises:
        UnihmError: ``code`` with the file's name where it is absent, empty, a Git LFS pointer,
            of another format, cut off, not finite, or without a surface.
    """
    data = read_bytes(path, code)
    if path.suffix.lower() not in FORMATS:
        raise UnihmError(
            code, f"The mesh {path} is of a kind that is not read; use {', '.join(FORMATS)}."
        )
    if path.suffix.lower() == ".stl" and not data.lstrip().startswith(b"solid"):
        triangles = int.from_bytes(data[80:84], "little")
        if 84 <= len(data) < 84 + 50 * triangles < LARGEST:
            raise UnihmError(
                code, f"The mesh {path} is cut off: it announces {triangles} triangles."
            )
    try:
        mesh: Any = trimesh.load(path, force="mesh", process=True)
        unit = _COLLADA_UNIT.search(data) if path.suffix.lower() == ".dae" else None
        if unit is not None:
            mesh.apply_scale(float(unit[1]))
        vertices, faces = np.asarray(mesh.vertices, float), np.asarray(mesh.faces)
    except Exception as error:  # every format has errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnihmError(code, f"The mesh {path} cannot be read: {reason}.") from error
    if len(faces) == 0 or len(vertices) < 3:
        raise UnihmError(code, f"The mesh {path} holds no surface.")
    if not np.isfinite(vertices).all():
        raise UnihmError(code, f"The mesh {path} has vertices that are not finite.")
    return mesh


def sample_surface(mesh: trimesh.Trimesh, spacing: float) -> tuple[FloatArray, FloatArray]:
    """Evenly spread points (P, 3) and their normals (P, 3), about ``spacing`` metres apart.

    There are between 16 and :data:`MOST_SAMPLES`.
    """
    wanted = float(mesh.area) / spacing**2
    count = int(np.clip(np.nan_to_num(wanted, posinf=MOST_SAMPLES), 16, MOST_SAMPLES))
    points, faces = trimesh.sample.sample_surface(mesh, count, seed=0)
    return np.asarray(points, float), np.asarray(mesh.face_normals[faces], float)
