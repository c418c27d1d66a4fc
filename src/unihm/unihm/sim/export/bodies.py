"""A scene as plain rigid bodies and joints, which is what every format wants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation

from unihm.sim.bodies import HANDLE_COLOR, TABLE_THICKNESS
from unihm.sim.scene import Scene, SceneObject
from unihm.sim.shapes import Part
from unihm.sim.studio import FLOOR
from unihm.transforms import FloatArray, make_transform

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Visual:
    """Something to look at: a mesh in its body's frame, sRGB."""

    mesh: trimesh.Trimesh
    color: Color


@dataclass(frozen=True)
class BodyJoint:
    """How a body moves against its parent; 0 is where it is at first.

    Attributes:
        kind: along or about the axis.
        axis: (3,) unit, in the frame of the body.
        origin: (3,) metres, in the frame of the body, on the axis.
        lower, upper: metres or radians.
        friction: dry friction, N or N m.
        damping: N s/m or N m s/rad.
    """

    kind: Literal["prismatic", "revolute"]
    axis: FloatArray
    origin: FloatArray
    lower: float
    upper: float
    friction: float
    damping: float


@dataclass(frozen=True)
class Body:
    """A rigid body.

    Attributes:
        name: unique, of letters, digits and underscores.
        T_world_body: (4, 4), at first.
        parts: convex pieces to touch, in the body's frame.
        visuals: to look at.
        mass: kg; 0: it stands fast.
        friction: coefficient.
        parent: name of the body that ``joint`` hangs on; empty: the world.
        joint: None: it is free, or stands fast.
    """

    name: str
    T_world_body: FloatArray
    parts: tuple[Part, ...]
    visuals: tuple[Visual, ...]
    mass: float
    friction: float
    parent: str = ""
    joint: BodyJoint | None = None

    @property
    def density(self) -> float:
        """kg/m^3, the same in every part."""
        return self.mass / sum(part.mesh.volume for part in self.parts)

    @property
    def inertia(self) -> tuple[FloatArray, FloatArray]:
        """(3,) centre of mass in metres, and (3, 3) kg m^2 about it, in the body's frame."""
        properties = [part.mesh.mass_properties for part in self.parts]
        masses = [self.density * p.mass for p in properties]
        center = np.average([p.center_mass for p in properties], axis=0, weights=masses)
        tensor = np.zeros((3, 3))
        for mass, p in zip(masses, properties):
            d = np.asarray(p.center_mass) - center
            tensor += self.density * np.asarray(p.inertia)
            tensor += mass * (d @ d * np.eye(3) - np.outer(d, d))
        return center, tensor


def bodies_of(scene: Scene) -> list[Body]:
    """Floor, table and objects; a body stands behind the one that it hangs on."""
    slab = Part("box", (*scene.table.size, TABLE_THICKNESS))
    ground = Part("box", (20.0, 20.0, 0.1))
    bodies = [
        Body(
            "floor",
            make_transform(np.eye(3), [0.5, 0.0, FLOOR - 0.05]),
            (ground,),
            (Visual(ground.mesh, (0.62, 0.64, 0.67)),),
            0.0,
            0.8,
        ),
        Body(
            "table",
            make_transform(np.eye(3), [*scene.table.center, -TABLE_THICKNESS / 2]),
            (slab,),
            (Visual(slab.mesh, scene.table.color),),
            0.0,
            scene.table.friction,
        ),
    ]
    for item in scene.objects:
        name = _unique(item.name, bodies)
        bodies += _articulated(name, item) if item.opens else [_rigid(name, item)]
    return bodies


def _rigid(name: str, item: SceneObject) -> Body:
    return Body(
        name,
        item.T_world_object,
        item.geometry.parts,
        (Visual(item.geometry.surface, item.rgb),),
        0.0 if item.fixed else item.mass,
        item.friction,
    )


def _articulated(name: str, item: SceneObject) -> list[Body]:
    """The part that stands and the part that moves, as far open as it is at first."""
    made = item.mechanism
    joint, here = made.joint, made.joint.limit * item.opened
    axis, origin = np.asarray(joint.axis, float), np.asarray(joint.origin, float)
    moving = (*made.panel, *made.handle)
    panel = Body(
        f"{name}_panel",
        item.T_world_object @ _moved(joint.kind, axis, origin, here),
        moving,
        (
            *(Visual(part.mesh, item.rgb) for part in made.panel),
            *(Visual(part.mesh, HANDLE_COLOR) for part in made.handle),
        ),
        item.mass,
        item.friction,
        name,
    )
    # The scene's damping is a share of the speed that is lost in a second.
    center, tensor = panel.inertia
    arm = np.cross(axis, center - origin)
    load = item.mass if joint.kind == "prismatic" else axis @ tensor @ axis + item.mass * arm @ arm
    hinge = BodyJoint(
        joint.kind,
        axis,
        origin,
        0.0 if item.locked else -here,
        1e-4 if item.locked else joint.limit - here,
        joint.friction,
        joint.damping * float(load),
    )
    body = Body(
        name,
        item.T_world_object,
        made.body,
        tuple(Visual(part.mesh, item.rgb) for part in made.body),
        0.0,
        item.friction,
    )
    return [body, replace(panel, joint=hinge)]


def _moved(kind: str, axis: FloatArray, origin: FloatArray, by: float) -> FloatArray:
    """(4, 4): what a joint does to what hangs on it."""
    if kind == "prismatic":
        return make_transform(np.eye(3), by * axis)
    rotation = Rotation.from_rotvec(by * axis).as_matrix()
    return make_transform(rotation, origin - rotation @ origin)


def _unique(name: str, bodies: Sequence[Body]) -> str:
    """The name in letters that every format takes."""
    plain = re.sub(r"\W+", "_", name).strip("_") or "object"
    taken = {body.name for body in bodies} | {"world"}
    number = 2
    unique = plain
    while unique in taken:
        unique, number = f"{plain}_{number}", number + 1
    return unique


def write_meshes(bodies: Sequence[Body], folder: Path) -> dict[str, list[str]]:
    """Write what is not a primitive: visuals as OBJ, hulls as STL.

    Returns:
        by name of the body: the names of its visuals' files, in their order, then of the files of
        its convex parts, in theirs; relative to ``folder``.
    """
    (folder / "meshes").mkdir(parents=True, exist_ok=True)
    files: dict[str, list[str]] = {}
    for body in bodies:
        meshes = [(f"{body.name}_{k}.obj", v.mesh) for k, v in enumerate(body.visuals)]
        hulls = [part for part in body.parts if part.kind == "convex"]
        for k, part in enumerate(hulls):
            local = trimesh.convex.convex_hull(np.asarray(part.vertices))
            meshes.append((f"{body.name}_hull_{k}.stl", local))
        for name, mesh in meshes:
            plain = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
            plain.export(folder / "meshes" / name)
        files[body.name] = [f"meshes/{name}" for name, _ in meshes]
    return files
