"""Scenes as OpenUSD with physics (UsdPhysics), for Isaac Sim and whatever else reads it.

Joints have dry friction in PhysX' own schema only (``PhysxJointAPI``); others ignore it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation

from unihm.files import write_text
from unihm.sim.export.bodies import Body, bodies_of
from unihm.sim.scene import Camera, Scene
from unihm.sim.shapes import Part
from unihm.transforms import FloatArray, invert, make_transform

_HEAD = """#usda 1.0
(
    defaultPrim = "World"
    kilogramsPerUnit = 1
    metersPerUnit = 1
    upAxis = "Z"
)
"""
_APERTURE = (
    20.0  # of the camera, across, in tenths of a unit: only its ratio to the focal length counts
)
_PRIMITIVES = {"box": "Cube", "sphere": "Sphere", "cylinder": "Cylinder", "capsule": "Capsule"}


def write(scene: Scene, folder: Path) -> Path:
    """Write ``scene.usda`` into ``folder``, with its meshes in it; returns the path of the file."""
    bodies = bodies_of(scene)
    folder.mkdir(parents=True, exist_ok=True)
    content = [
        *_prim("PhysicsScene", "physics", _gravity()),
        *_prim("DistantLight", "sun", _sun()),
        *_prim("Camera", "camera", _camera(scene.camera)),
        *(line for body in bodies for line in _body(body)),
    ]
    for panel in bodies:
        if panel.parent:
            parent = next(body for body in bodies if body.name == panel.parent)
            content += _joint(parent, panel)
    path = folder / "scene.usda"
    write_text(path, _HEAD + "\n".join(_prim("Xform", "World", content)) + "\n")
    return path


def _prim(
    kind: str, name: str, content: Iterable[str], schemas: Sequence[str] = ()
) -> Iterator[str]:
    """The lines of a prim with what it contains; ``schemas`` are applied to it."""
    listed = ", ".join(f'"{schema}"' for schema in schemas)
    yield f'def {kind} "{name}"' + (f" (prepend apiSchemas = [{listed}])" if schemas else "")
    yield "{"
    yield from (f"    {line}" for line in content)
    yield "}"


def _gravity() -> Iterator[str]:
    yield "vector3f physics:gravityDirection = (0, 0, -1)"
    yield "float physics:gravityMagnitude = 9.81"


def _sun() -> Iterator[str]:
    yield "float inputs:intensity = 1500"
    yield from _placed(
        make_transform(Rotation.from_euler("xyz", [0.5, 0.4, 0.0]).as_matrix(), [0, 0, 2])
    )


def _camera(camera: Camera) -> Iterator[str]:
    """USD's camera looks along -z, y up; an optical frame along z, y down."""
    yield from _placed(camera.T_world_camera @ np.diag([1.0, -1.0, -1.0, 1.0]))
    yield f"float focalLength = {_APERTURE * camera.K[0, 0] / camera.width:.9g}"
    yield f"float horizontalAperture = {_APERTURE:.9g}"
    yield f"float verticalAperture = {_APERTURE * camera.height / camera.width:.9g}"
    yield "float2 clippingRange = (0.01, 100)"


def _body(body: Body) -> Iterator[str]:
    content = list(_placed(body.T_world_body))
    schemas = []
    if body.mass > 0:
        schemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"]
        center, tensor = body.inertia
        moments, axes = np.linalg.eigh(tensor)
        axes[:, 2] *= np.linalg.det(axes)  # a rotation
        content += [
            f"float physics:mass = {body.mass:.6g}",
            f"point3f physics:centerOfMass = {_tuple(center)}",
            f"float3 physics:diagonalInertia = {_tuple(moments)}",
            f"quatf physics:principalAxes = {_quaternion(axes)}",
        ]
    friction = [
        f"float physics:staticFriction = {body.friction:.6g}",
        f"float physics:dynamicFriction = {body.friction:.6g}",
    ]
    content += _prim("Material", "touch", friction, ["PhysicsMaterialAPI"])
    for k, visual in enumerate(body.visuals):
        color = f"color3f[] primvars:displayColor = [{_tuple(_linear(visual.color))}]"
        content += _prim("Mesh", f"visual_{k}", [*_mesh(visual.mesh), color])
    for k, part in enumerate(body.parts):
        content += _collision(f"collision_{k}", part, f"/World/{body.name}/touch")
    yield from _prim("Xform", body.name, content, schemas)


def _collision(name: str, part: Part, material: str) -> Iterator[str]:
    content = [
        'uniform token purpose = "guide"',
        f"rel material:binding:physics = <{material}>",
    ]
    schemas = ["PhysicsCollisionAPI", "MaterialBindingAPI"]
    if part.kind == "convex":
        hull = trimesh.convex.convex_hull(np.asarray(part.vertices))
        content += [*_placed(part.T_object_part), *_mesh(hull)]
        content.append('uniform token physics:approximation = "convexHull"')
        yield from _prim("Mesh", name, content, [*schemas, "PhysicsMeshCollisionAPI"])
        return
    if part.kind == "box":
        content += [*_placed(part.T_object_part, part.size), "double size = 1"]
    else:
        content += [*_placed(part.T_object_part), f"double radius = {part.size[0]:.9g}"]
    if part.kind in ("cylinder", "capsule"):
        content += ['uniform token axis = "Z"', f"double height = {part.size[1]:.9g}"]
    yield from _prim(_PRIMITIVES[part.kind], name, content, schemas)


def _joint(parent: Body, panel: Body) -> Iterator[str]:
    """A joint of USD moves along or about the x axis of a frame that both bodies have."""
    joint = panel.joint
    assert joint is not None
    turn, _ = Rotation.align_vectors([joint.axis], [[1.0, 0.0, 0.0]])
    T_panel_joint = make_transform(turn.as_matrix(), joint.origin)
    T_parent_joint = invert(parent.T_world_body) @ panel.T_world_body @ T_panel_joint
    slides = joint.kind == "prismatic"
    way = "linear" if slides else "angular"
    scale = 1.0 if slides else float(np.degrees(1.0))  # its angles are degrees
    content = [
        f"rel physics:body0 = </World/{parent.name}>",
        f"rel physics:body1 = </World/{panel.name}>",
        f"point3f physics:localPos0 = {_tuple(T_parent_joint[:3, 3])}",
        f"quatf physics:localRot0 = {_quaternion(T_parent_joint[:3, :3])}",
        f"point3f physics:localPos1 = {_tuple(T_panel_joint[:3, 3])}",
        f"quatf physics:localRot1 = {_quaternion(T_panel_joint[:3, :3])}",
        'uniform token physics:axis = "X"',
        f"float physics:lowerLimit = {scale * joint.lower:.9g}",
        f"float physics:upperLimit = {scale * joint.upper:.9g}",
        f"float drive:{way}:physics:damping = {joint.damping / scale:.6g}",
        f"float physxJoint:jointFriction = {joint.friction:.6g}",
    ]
    yield from _prim(
        "PhysicsPrismaticJoint" if slides else "PhysicsRevoluteJoint",
        f"{panel.name}_joint",
        content,
        [f"PhysicsDriveAPI:{way}", "PhysxJointAPI"],
    )


def _placed(T: FloatArray, size: Sequence[float] = ()) -> Iterator[str]:
    """A pose in the frame above, and how much it is stretched there."""
    rows = ", ".join(_tuple(row) for row in T.T)  # vectors are rows in USD
    yield f"matrix4d xformOp:transform = ({rows})"
    operations = ["xformOp:transform"]
    if size:
        yield f"float3 xformOp:scale = {_tuple(size)}"
        operations.append("xformOp:scale")
    listed = ", ".join(f'"{operation}"' for operation in operations)
    yield f"uniform token[] xformOpOrder = [{listed}]"


def _mesh(mesh: trimesh.Trimesh) -> Iterator[str]:
    faces = np.asarray(mesh.faces)
    yield f"point3f[] points = [{', '.join(map(_tuple, np.asarray(mesh.vertices)))}]"
    yield f"int[] faceVertexCounts = [{', '.join(['3'] * len(faces))}]"
    yield f"int[] faceVertexIndices = [{', '.join(map(str, faces.ravel()))}]"
    yield 'uniform token subdivisionScheme = "none"'


def _linear(color: Iterable[float]) -> FloatArray:
    """Of sRGB, which colours have here; USD's are linear."""
    c = np.asarray(tuple(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def _quaternion(rotation: FloatArray) -> str:
    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    return _tuple([w, x, y, z])


def _tuple(values: Iterable[float]) -> str:
    return f"({', '.join(f'{float(value):.9g}' for value in values)})"
