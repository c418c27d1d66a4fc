"""How the robot looks in the renderer."""

from __future__ import annotations

import sapien

from unihm.robots.assembly import MOUNT_JOINT
from unihm.robots.urdf import parse_urdf
from unihm.robots.visual_meshes import link_bodies
from unihm.sim.bodies import surface_visual
from unihm.sim.materials import paint


def smooth_links(articulation: sapien.physx.PhysxArticulation, urdf: str) -> None:
    """Draw every link as one smooth body, in the colour of its first shape.

    Links drawn with meshes (a vendor's description) stay as they are.
    """
    bodies = link_bodies(parse_urdf(urdf))
    for link in articulation.get_links():
        drawn = link.entity.find_component_by_type(sapien.render.RenderBodyComponent)
        if drawn is None or link.name not in bodies:
            continue
        if any(isinstance(s, sapien.render.RenderShapeTriangleMesh) for s in drawn.render_shapes):
            continue
        material = drawn.render_shapes[0].material
        material.roughness, material.specular = 0.35, 0.5
        link.entity.remove_component(drawn)
        link.entity.add_component(surface_visual(bodies[link.name], material))


def cover_mount(articulation: sapien.physx.PhysxArticulation) -> None:
    """Draw a collar between the arm's flange and the hand, where a real adapter plate sits."""
    for link in articulation.get_links():
        if link.joint.name == MOUNT_JOINT and link.parent is not None:
            collar = sapien.render.RenderShapeCylinder(0.033, 0.022, paint((0.17, 0.18, 0.20)))
            collar.local_pose = sapien.Pose([0, 0, -0.004], [0.5**0.5, 0, 0.5**0.5, 0])
            body = sapien.render.RenderBodyComponent()
            body.attach(collar)
            link.parent.entity.add_component(body)
