"""What robots are drawn with: one smooth body per link, made from its primitives."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import trimesh

from unihm.robots.link_meshes import link_mesh
from unihm.robots.urdf import Primitive, Urdf
from unihm.transforms import FloatArray, apply


def link_bodies(urdf: Urdf) -> dict[str, trimesh.Trimesh]:
    """Body of every link that has shapes, in the link's frame.

    Primitives of a link are drawn as their common convex hull: a few capsules that were fitted
    to an arm link look like the link again. Meshes are drawn as they are.

    Raises:
        UnihmError: INVALID_HAND_FILE where a mesh cannot be read.
    """
    shapes: dict[str, list[Primitive]] = {}
    for link, shape in urdf.shapes:
        shapes.setdefault(link, []).append(shape)
    bodies = {}
    for link, own in shapes.items():
        primitives = [s for s in own if s.kind != "mesh"]
        parts = [
            link_mesh(urdf, link, s).apply_transform(s.T_link_shape)
            for s in own
            if s.kind == "mesh"
        ]
        if primitives:
            parts.append(hull(primitives))
        bodies[link] = join(parts)
    return bodies


def join(parts: list[trimesh.Trimesh]) -> trimesh.Trimesh:
    """One mesh of several."""
    return trimesh.Trimesh(
        *trimesh.util.append_faces([p.vertices for p in parts], [p.faces for p in parts])
    )


def hull(primitives: Iterable[Primitive]) -> trimesh.Trimesh:
    """Convex hull of primitives, in the link's frame."""
    return trimesh.convex.convex_hull(np.concatenate([_outline(p) for p in primitives]))


def _outline(shape: Primitive) -> FloatArray:
    """Points (N, 3) on a primitive whose hull it is, in the link's frame."""
    if shape.kind == "box":
        points = np.array(trimesh.creation.box(shape.size).vertices)
    elif shape.kind == "sphere":
        points = np.array(trimesh.creation.icosphere(3, shape.size[0]).vertices)
    elif shape.kind == "cylinder":
        points = np.array(
            trimesh.creation.cylinder(shape.size[0], shape.size[1], sections=48).vertices
        )
    else:
        ball = np.array(trimesh.creation.icosphere(3, shape.size[0]).vertices)
        half = np.array([0.0, 0.0, shape.size[1] / 2])
        points = np.concatenate([ball + half, ball - half])
    return apply(shape.T_link_shape, points)
