"""The surfaces of a hand's collision shapes as points with normals, meshes and primitives alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from unihm.robots.kinematics import Hand
from unihm.robots.urdf import Primitive, Urdf
from unihm.transforms import FloatArray, apply


def surface_points(
    hand: Hand, q: ArrayLike, spacing: float
) -> tuple[FloatArray, FloatArray, NDArray]:
    """Points (P, 3), outward normals (P, 3), link names (P,) on the hand's shapes, wrist frame.

    ``spacing`` is the distance between neighbours, metres.
    """
    poses = hand.link_poses(q)
    points, normals, links = [], [], []
    for link, shape in hand.shapes:
        local, local_normals = sample_shape(hand.urdf, link, shape, spacing)
        T = poses[link] @ shape.T_link_shape
        points.append(apply(T, local))
        normals.append(local_normals @ T[:3, :3].T)
        links += [link] * len(local)
    if not points:
        return np.zeros((0, 3)), np.zeros((0, 3)), np.array(links, str)
    return np.concatenate(points), np.concatenate(normals), np.array(links)


class LinkSurface:
    """Signed distance to one link's shapes, in the link's frame, to about ``spacing`` metres."""

    def __init__(self, hand: Hand, link: str, spacing: float = 1e-3) -> None:
        self._fields = []
        for name, shape in hand.shapes:
            if name == link:
                local, normals = sample_shape(hand.urdf, link, shape, spacing)
                T = shape.T_link_shape
                self._fields.append((cKDTree(apply(T, local)), normals @ T[:3, :3].T))

    def signed_distance(self, points: FloatArray) -> FloatArray:
        """(P,) metres, negative inside any of the shapes; infinite for a link without shape."""
        nearest = np.full(len(points), np.inf)
        for tree, normals in self._fields:
            distance, index = tree.query(points, k=12)
            # Near an edge a single sample may belong to a face that does not see the point.
            offset = points[:, None] - tree.data[index]
            inside = ((offset * normals[index]).sum(axis=-1) < 0).all(axis=1)
            nearest = np.minimum(nearest, np.where(inside, -distance[:, 0], distance[:, 0]))
        return nearest


def sample_shape(
    urdf: Urdf, link: str, shape: Primitive, spacing: float
) -> tuple[FloatArray, FloatArray]:
    """Evenly spread points (P, 3) of a link's shape and their outward normals (P, 3), in its frame.

    Raises:
        UnihmError: INVALID_HAND_FILE where a mesh cannot be read.
    """
    import trimesh

    from unihm.meshes import sample_surface
    from unihm.robots.link_meshes import link_mesh

    if shape.kind == "box":
        mesh = trimesh.creation.box(shape.size)
    elif shape.kind == "sphere":
        mesh = trimesh.creation.icosphere(radius=shape.size[0])
    elif shape.kind == "cylinder":
        mesh = trimesh.creation.cylinder(shape.size[0], shape.size[1])
    elif shape.kind == "capsule":
        mesh = trimesh.creation.capsule(shape.size[1], shape.size[0])
        mesh.apply_translation(-mesh.bounds.mean(axis=0))
    else:
        mesh = link_mesh(urdf, link, shape)
    return sample_surface(mesh, spacing)
