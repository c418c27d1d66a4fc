"""The mesh of a robot's collision shape: read, scaled, and of a size that a link can have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from unihm.errors import ErrorCode
from unihm.meshes import read_mesh
from unihm.robots.urdf import Primitive, Urdf
from unihm.robots.urdf_text import fault, resolve_path

LONGEST = 3.0  # metres that a link of a robot on a table may measure


def link_mesh(urdf: Urdf, link: str, shape: Primitive) -> trimesh.Trimesh:
    """The mesh that ``shape`` of ``link`` names, in the shape's frame, metres.

    Raises:
        UnihmError: INVALID_HAND_FILE where it cannot be read, or is of an impossible size.
    """
    folder = urdf.path.absolute().parent if urdf.path else Path.cwd()
    path = resolve_path(shape.filename, folder)
    mesh = read_mesh(path, ErrorCode.INVALID_HAND_FILE)
    mesh.apply_scale(shape.size)
    longest = float(np.max(mesh.extents))
    if not longest <= LONGEST:
        raise fault(
            f"Link '{link}' is {longest:.3g} m long by its mesh {path}; is the mesh in "
            'millimetres? Then give it scale="0.001 0.001 0.001" in the URDF.'
        )
    return mesh
