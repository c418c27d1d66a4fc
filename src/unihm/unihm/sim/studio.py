"""The room around the table: physics settings, lights, floor."""

from __future__ import annotations

import sapien

from unihm.errors import ErrorCode, UnihmError
from unihm.sim.materials import paint

FLOOR = -0.75  # m: the table is that high


def make_scene(render: bool) -> sapien.Scene:
    """Empty SAPIEN scene with the physics settings under which grasps hold.

    Raises:
        UnihmError: MISSING_DEPENDENCY where ``render`` finds no usable Vulkan driver.
    """
    # Without persistent contacts fewer round bases rock until they fall, but grasps slip (2 of 18
    # that hold with them) and a mesh does not come to rest.
    sapien.physx.set_scene_config(enable_pcm=True, enable_tgs=True, cpu_workers=0)
    sapien.physx.set_body_config(solver_position_iterations=10, solver_velocity_iterations=1)
    sapien.physx.set_shape_config(contact_offset=0.01, rest_offset=0.0)
    systems: list[sapien.System] = [sapien.physx.PhysxCpuSystem()]
    if render:
        try:
            systems.append(sapien.render.RenderSystem())
        except RuntimeError as error:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                "No Vulkan driver can render. Run 'make setup' and 'source env.sh' (they bring a "
                f"software driver), or install your graphics card's driver. ({error})",
            ) from error
    return sapien.Scene(systems)


def add_floor(scene: sapien.Scene, render: bool) -> None:
    """The floor of the room, where objects end that are pushed off the table."""
    floor = sapien.Entity()
    floor.name = "floor"
    half = [30.0, 30.0, 0.05]
    body = sapien.physx.PhysxRigidStaticComponent()
    body.attach(
        sapien.physx.PhysxCollisionShapeBox(half, sapien.physx.PhysxMaterial(0.8, 0.8, 0.0))
    )
    floor.add_component(body)
    if render:
        visual = sapien.render.RenderBodyComponent()
        visual.attach(sapien.render.RenderShapeBox(half, paint((0.62, 0.64, 0.67), 0.95)))
        floor.add_component(visual)
    floor.set_pose(sapien.Pose([0.5, 0.0, FLOOR - half[2]]))
    scene.add_entity(floor)


def light(scene: sapien.Scene) -> None:
    """One lamp with shadows, and a weak one from the other side."""
    scene.set_ambient_light([0.30, 0.31, 0.33])
    scene.add_directional_light(
        [-0.5, 0.35, -1.0], [1.9, 1.85, 1.75], shadow=True,
        position=[1.0, -0.7, 2.0], shadow_scale=1.3, shadow_near=0.1, shadow_far=40.0,
        shadow_map_size=2048,
    )  # fmt: skip
    scene.add_directional_light([0.6, -0.8, -0.7], [0.5, 0.53, 0.6])
