"""What the pages of viser share: quaternions in its order, and meshes with smooth shading."""

from __future__ import annotations

import numpy as np
import trimesh
import viser
from scipy.spatial.transform import Rotation

from unihm.transforms import FloatArray
from unihm.visualization.palette import Color


def wxyz(transform: FloatArray) -> FloatArray:
    """Quaternions (..., 4), w first, of transforms (..., 4, 4)."""
    return Rotation.from_matrix(transform[..., :3, :3]).as_quat()[..., [3, 0, 1, 2]]


def add_body(
    server: viser.ViserServer,
    name: str,
    mesh: trimesh.Trimesh,
    color: Color,
    opacity: float | None = None,
    T: FloatArray | None = None,
) -> viser.MeshHandle:
    """Mesh with smooth shading, except across edges sharper than 35 degrees."""
    smooth = trimesh.graph.smooth_shade(mesh, angle=np.radians(35))
    T = np.eye(4) if T is None else T
    return server.scene.add_mesh_simple(
        name,
        np.asarray(smooth.vertices, np.float32),
        np.asarray(smooth.faces, np.uint32),
        color=color,
        opacity=opacity,
        wxyz=wxyz(T),
        position=T[:3, 3],
    )
