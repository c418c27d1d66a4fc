"""Tables and objects as bodies of the simulator."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import sapien
import trimesh
from scipy.spatial.transform import Rotation

from unihm.sim.materials import paint, wood
from unihm.sim.scene import SceneObject, Table
from unihm.sim.shapes import Part
from unihm.transforms import FloatArray, make_transform

# SAPIEN's cylinders and capsules lie along x, those of a Part stand along z.
HANDLE_COLOR = (0.13, 0.13, 0.14)  # sRGB, of every handle
TABLE_THICKNESS = 0.04  # m
_BRAKE = 300.0  # N s/m or N m s/rad up to which friction grows with speed
_Z_TO_X = make_transform(Rotation.from_euler("y", -90, degrees=True).as_matrix(), [0, 0, 0])


def pose_to_sapien(transform: FloatArray) -> sapien.Pose:
    """(4, 4) to a SAPIEN pose (quaternion wxyz)."""
    quaternion = Rotation.from_matrix(transform[:3, :3]).as_quat()
    return sapien.Pose(transform[:3, 3], quaternion[[3, 0, 1, 2]])


def sapien_to_pose(pose: sapien.Pose) -> FloatArray:
    """SAPIEN pose to (4, 4), in double precision and exactly orthonormal."""
    return make_transform(Rotation.from_quat(pose.q[[1, 2, 3, 0]]).as_matrix(), pose.p)


def add_object(scene: sapien.Scene, item: SceneObject, render: bool) -> sapien.Entity:
    """Build an object at its initial pose: dynamic, or static where it is fixed."""
    entity = sapien.Entity()
    entity.name = item.name
    body: sapien.physx.PhysxRigidBaseComponent
    if item.fixed:
        body = sapien.physx.PhysxRigidStaticComponent()
    else:
        body = sapien.physx.PhysxRigidDynamicComponent()
    material = sapien.physx.PhysxMaterial(item.friction, item.friction, 0.0)
    density = item.mass / item.geometry.volume
    for part in item.geometry.parts:
        body.attach(_collision_shape(part, material, density))
    entity.add_component(body)
    if render:
        entity.add_component(surface_visual(item.geometry.surface, paint(item.rgb)))
    entity.pose = pose_to_sapien(item.T_world_object)
    scene.add_entity(entity)
    return entity


def add_articulated(
    scene: sapien.Scene, item: SceneObject, render: bool
) -> sapien.physx.PhysxArticulation:
    """Build something that opens at its initial pose: its body fixed, its joint undriven."""
    made = item.mechanism
    builder = scene.create_articulation_builder()
    material = sapien.physx.PhysxMaterial(item.friction, item.friction, 0.0)
    moving = (*made.panel, *made.handle)
    density = item.mass / sum(part.mesh.volume for part in moving)
    body = builder.create_link_builder()
    body.set_name(item.name)
    panel = builder.create_link_builder(body)
    panel.set_name(f"{item.name} panel")
    joint = made.joint
    here = joint.limit * item.opened
    limits = [here, here + 1e-4] if item.locked else [0.0, joint.limit]
    T = pose_to_sapien(joint.T_object_joint)
    panel.set_joint_name(f"{item.name} joint")
    panel.set_joint_properties(joint.kind, [limits], T, T)
    with tempfile.TemporaryDirectory() as folder:  # hulls are read from files
        for link, parts, color in (
            (body, made.body, item.rgb),
            (panel, made.panel, item.rgb),
            (panel, made.handle, HANDLE_COLOR),
        ):
            for part in parts:
                file = Path(folder) / f"{id(part)}.obj"
                _add_part(link, part, file, material, density, paint(color) if render else None)
        built = builder.build(fix_root_link=True)
    # Dry friction: what brakes, as hard as it takes, up to the force of friction. (The engine's
    # own coefficient of joint friction has no effect here.)
    built.get_active_joints()[0].set_drive_properties(0.0, _BRAKE, joint.friction)
    moves = built.get_links()[1]
    moves.set_linear_damping(joint.damping)
    moves.set_angular_damping(joint.damping)
    built.set_root_pose(pose_to_sapien(item.T_world_object))
    return built


def _add_part(
    link: sapien.wrapper.articulation_builder.LinkBuilder,
    part: Part,
    file: Path,
    material: sapien.physx.PhysxMaterial,
    density: float,
    color: sapien.render.RenderMaterial | None,
) -> None:
    """Let a link be touched as a part, and with a ``color`` be seen so; a hull goes to ``file``."""
    if part.kind == "box":
        pose, half = pose_to_sapien(part.T_object_part), np.array(part.size) / 2
        link.add_box_collision(pose, half, material, density)
        if color is not None:
            link.add_box_visual(pose, half, color)
        return
    part.mesh.export(file)  # in the object's frame; a hull, whatever it was
    link.add_convex_collision_from_file(str(file), material=material, density=density)
    if color is not None:
        link.add_visual_from_file(str(file), material=color)


def add_table(scene: sapien.Scene, table: Table, render: bool) -> sapien.Entity:
    """A slab whose top is z = 0."""
    half = [table.size[0] / 2, table.size[1] / 2, TABLE_THICKNESS / 2]
    entity = sapien.Entity()
    entity.name = "table"
    body = sapien.physx.PhysxRigidStaticComponent()
    material = sapien.physx.PhysxMaterial(table.friction, table.friction, 0.0)
    body.attach(sapien.physx.PhysxCollisionShapeBox(half, material))
    entity.add_component(body)
    if render:
        visual = sapien.render.RenderBodyComponent()
        visual.attach(sapien.render.RenderShapeBox(half, wood(table.color, table.size)))
        entity.add_component(visual)
    entity.pose = sapien.Pose([*table.center, -TABLE_THICKNESS / 2])
    scene.add_entity(entity)
    return entity


def _collision_shape(
    part: Part, material: sapien.physx.PhysxMaterial, density: float
) -> sapien.physx.PhysxCollisionShape:
    local, physx = part.T_object_part, sapien.physx
    if part.kind == "box":
        shape = physx.PhysxCollisionShapeBox(np.array(part.size) / 2, material)
    elif part.kind == "sphere":
        shape = physx.PhysxCollisionShapeSphere(part.size[0], material)
    elif part.kind == "convex":
        shape = physx.PhysxCollisionShapeConvexMesh(
            np.asarray(part.vertices, np.float32), [1, 1, 1], material
        )
    else:
        cls = (
            physx.PhysxCollisionShapeCylinder
            if part.kind == "cylinder"
            else physx.PhysxCollisionShapeCapsule
        )
        shape, local = cls(part.size[0], part.size[1] / 2, material), local @ _Z_TO_X
    shape.set_local_pose(pose_to_sapien(local))
    shape.set_density(density)
    return shape


def surface_visual(
    surface: trimesh.Trimesh, material: sapien.render.RenderMaterial
) -> sapien.render.RenderBodyComponent:
    """Mesh with smooth shading, except across edges sharper than 35 degrees."""
    smooth = trimesh.graph.smooth_shade(surface, angle=np.radians(35))
    body = sapien.render.RenderBodyComponent()
    body.attach(
        sapien.render.RenderShapeTriangleMesh(
            np.asarray(smooth.vertices, np.float32),
            np.asarray(smooth.faces, np.uint32),
            np.asarray(smooth.vertex_normals, np.float32),
            np.zeros((len(smooth.vertices), 2), np.float32),
            material,
        )
    )
    return body
