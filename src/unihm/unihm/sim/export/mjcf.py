"""Scenes as MJCF, for MuJoCo.

Two materials combine as the mean of their friction here, and as the larger one there, unless one
has priority: things have, with the mean of their own friction and the table's. Between two things
it is the larger of these.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.files import write_text
from unihm.sim.export.bodies import Body, bodies_of, write_meshes
from unihm.sim.scene import Camera, Scene
from unihm.sim.shapes import Part
from unihm.transforms import FloatArray, invert


def write(scene: Scene, folder: Path) -> Path:
    """Write ``scene.xml`` and its meshes into ``folder``; returns the path of the file."""
    bodies = bodies_of(scene)
    files = write_meshes(bodies, folder)
    root = Element("mujoco", model=scene.name)
    SubElement(root, "compiler", angle="radian", meshdir=".", autolimits="true")
    SubElement(root, "option", timestep="0.002", integrator="implicitfast", cone="elliptic")
    visual = SubElement(root, "visual")
    SubElement(
        visual, "global", offwidth=f"{scene.camera.width}", offheight=f"{scene.camera.height}"
    )
    asset = SubElement(root, "asset")
    for file in (file for names in files.values() for file in names):
        SubElement(asset, "mesh", name=Path(file).stem, file=file)
    world = SubElement(root, "worldbody")
    SubElement(world, "light", pos="1 -0.7 2", dir="-0.5 0.35 -1", diffuse="0.7 0.7 0.7")
    _add_camera(world, scene.camera)
    made: dict[str, Element] = {}
    for body in bodies:
        _add_body(made, world, body, bodies, files[body.name], scene.table.friction)
    contact = SubElement(root, "contact")
    for body in bodies:
        if body.parent:  # as in PhysX: what hangs on something passes through it
            SubElement(contact, "exclude", body1=body.parent, body2=body.name)
    ElementTree.indent(root)
    path = folder / "scene.xml"
    write_text(path, ElementTree.tostring(root, encoding="unicode") + "\n")
    return path


def _add_camera(world: Element, camera: Camera) -> None:
    """MuJoCo's camera looks along -z, y up; an optical frame along z, y down."""
    T = camera.T_world_camera
    right, up = T[:3, 0], -T[:3, 1]
    SubElement(
        world,
        "camera",
        name="camera",
        pos=_text(T[:3, 3]),
        xyaxes=_text([*right, *up]),
        fovy=f"{np.degrees(camera.fov):.6g}",  # degrees, whatever the compiler's angle is
    )


def _add_body(
    made: dict[str, Element],
    world: Element,
    body: Body,
    bodies: list[Body],
    files: list[str],
    against: float,
) -> None:
    """Add a body where it hangs; ``against`` is the friction of what it will touch."""
    T = body.T_world_body
    if body.parent:
        parent = next(other for other in bodies if other.name == body.parent)
        T = invert(parent.T_world_body) @ T
    above = made[body.parent] if body.parent else world
    element = SubElement(above, "body", {"name": body.name, **_pose(T)})
    made[body.name] = element
    joint = body.joint
    if joint is not None:
        SubElement(
            element,
            "joint",
            name=f"{body.name}_joint",
            type="slide" if joint.kind == "prismatic" else "hinge",
            axis=_text(joint.axis),
            pos=_text(joint.origin),
            range=_text([joint.lower, joint.upper]),
            frictionloss=f"{joint.friction:.6g}",
            damping=f"{joint.damping:.6g}",
        )
    elif body.mass > 0:
        SubElement(element, "freejoint")
    if body.mass > 0:
        center, tensor = body.inertia
        SubElement(
            element,
            "inertial",
            pos=_text(center),
            mass=f"{body.mass:.6g}",
            fullinertia=_text(tensor[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]),
        )
    for visual, file in zip(body.visuals, files):
        SubElement(
            element,
            "geom",
            type="mesh",
            mesh=Path(file).stem,
            rgba=_text([*visual.color, 1.0]),
            contype="0",
            conaffinity="0",
            group="2",
        )
    hulls = iter(files[len(body.visuals) :])
    for part in body.parts:
        touched = {
            "friction": f"{(body.friction + against) / 2:.6g} 0.005 0.0001",
            "priority": "0" if body.name in ("floor", "table") else "1",
            "condim": "4",
            "group": "3",
            "rgba": "0.5 0.5 0.5 0.3",
        }
        SubElement(element, "geom", {**_shape(part, hulls), **_pose(part.T_object_part), **touched})


def _shape(part: Part, hulls: Iterable[str]) -> dict[str, str]:
    if part.kind == "box":
        return {"type": "box", "size": _text(np.array(part.size) / 2)}
    if part.kind == "sphere":
        return {"type": "sphere", "size": _text(part.size)}
    if part.kind == "convex":
        return {"type": "mesh", "mesh": Path(next(iter(hulls))).stem}
    return {"type": part.kind, "size": _text([part.size[0], part.size[1] / 2])}


def _pose(T: FloatArray) -> dict[str, str]:
    x, y, z, w = Rotation.from_matrix(T[:3, :3]).as_quat()
    return {"pos": _text(T[:3, 3]), "quat": _text([w, x, y, z])}


def _text(values: Iterable[float]) -> str:
    return " ".join(f"{float(value):.9g}" for value in values)
