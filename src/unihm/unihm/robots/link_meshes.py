"""The meshes of a robot's collision shapes: read, scaled, and of a size that a link can have."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import trimesh

from unihm.errors import ErrorCode
from unihm.meshes import read_mesh
from unihm.robots.urdf import Primitive, Urdf, parse_urdf
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


def write_collision_meshes(root: ET.Element, folder: Path) -> set[str]:
    """Write every collision mesh of a URDF anew, as STL in metres, and let the URDF name those.

    Simulators' loaders pass over what they cannot read in silence.

    Returns:
        the links that have collision shapes.
    """
    described = parse_urdf(ET.tostring(root, encoding="unicode"))
    names: dict[tuple[str, tuple[float, ...]], str] = {}
    for link, shape in described.shapes:
        if shape.kind == "mesh" and (shape.filename, shape.size) not in names:
            file = folder / f"collision{len(names)}.stl"
            link_mesh(described, link, shape).export(file)
            names[shape.filename, shape.size] = str(file)
    for collision in root.iter("collision"):
        for mesh in collision.iter("mesh"):
            scale = tuple(float(word) for word in mesh.get("scale", "1 1 1").split())
            mesh.set("filename", names[mesh.get("filename", ""), scale])
            mesh.set("scale", "1 1 1")
    return {link for link, _ in described.shapes}
