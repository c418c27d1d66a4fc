"""How the robot looks: one smooth body per link in place of a heap of primitives."""

from __future__ import annotations

import numpy as np
import sapien
import trimesh

from unihm.hands.assembly import MOUNT_JOINT
from unihm.sim.bodies import sapien_to_pose, surface_visual
from unihm.sim.materials import paint

_CORNERS = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T


def smooth_links(articulation: sapien.physx.PhysxArticulation) -> None:
    """Replace the primitives that a link is drawn with by their common convex hull.

    Links drawn with meshes (a vendor's description) stay as they are.
    """
    for link in articulation.get_links():
        body = link.entity.find_component_by_type(sapien.render.RenderBodyComponent)
        if body is None:
            continue
        points = [_outline(shape) for shape in body.render_shapes]
        if any(p is None for p in points):
            continue
        material = body.render_shapes[0].material
        material.roughness, material.specular = 0.35, 0.5
        hull = trimesh.convex.convex_hull(np.concatenate([p for p in points if p is not None]))
        link.entity.remove_component(body)
        link.entity.add_component(surface_visual(hull, material))


def cover_mount(articulation: sapien.physx.PhysxArticulation) -> None:
    """Draw a collar between the arm's flange and the hand, where a real adapter plate sits."""
    for link in articulation.get_links():
        if link.joint.name == MOUNT_JOINT and link.parent is not None:
            collar = sapien.render.RenderShapeCylinder(0.033, 0.022, paint((0.17, 0.18, 0.20)))
            collar.local_pose = sapien.Pose([0, 0, -0.004], [0.5**0.5, 0, 0.5**0.5, 0])
            body = sapien.render.RenderBodyComponent()
            body.attach(collar)
            link.parent.entity.add_component(body)


def _outline(shape: sapien.render.RenderShape) -> np.ndarray | None:
    """Points (N, 3) on a primitive, in the link frame; None for anything else."""
    render = sapien.render
    if isinstance(shape, render.RenderShapeBox):
        points = _CORNERS * shape.half_size
    elif isinstance(shape, render.RenderShapeCapsule):
        ball = trimesh.creation.icosphere(subdivisions=3, radius=shape.radius).vertices
        ends = np.array([[shape.half_length, 0, 0], [-shape.half_length, 0, 0]])
        points = (ball[None] + ends[:, None]).reshape(-1, 3)
    elif isinstance(shape, render.RenderShapeSphere):
        points = trimesh.creation.icosphere(subdivisions=3, radius=shape.radius).vertices
    elif isinstance(shape, render.RenderShapeCylinder):
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        circle = shape.radius * np.stack([np.cos(angles), np.sin(angles)], -1)
        points = np.concatenate(
            [np.insert(circle, 0, x, axis=1) for x in (-shape.half_length, shape.half_length)]
        )
    else:
        return None
    pose = sapien_to_pose(shape.local_pose)
    return points @ pose[:3, :3].T + pose[:3, 3]
