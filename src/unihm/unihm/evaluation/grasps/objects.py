"""What grasps are measured on: mesh files, or procedural shapes that nothing was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh

from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation import unseen_part_shapes, unseen_shapes
from unihm.files import natural_order
from unihm.learning.synthesis.objects import CLOUD_POINTS, TableObject, sample_object
from unihm.learning.synthesis.part_objects import Ranges, recipes_of
from unihm.meshes import FORMATS
from unihm.perception.scene.frames import azimuth, canonical_object_frame
from unihm.sim.scene import SceneObject
from unihm.transforms import apply, invert, make_transform
from unihm.types import FloatArray, ObjectCloud

PLACE = (0.5, 0.0)  # m, world: where a mesh stands


@dataclass(frozen=True)
class Standing:
    """An object on the table and its complete cloud.

    Attributes:
        name: for people.
        body: for the simulator.
        T_object_body: (4, 4): the simulator's frame of it in the canonical one.
        T_world_object: (4, 4): the canonical frame.
        cloud: the whole surface in the canonical frame.
    """

    name: str
    body: SceneObject
    T_object_body: FloatArray
    T_world_object: FloatArray
    cloud: ObjectCloud

    @property
    def top(self) -> FloatArray:
        """(3,) world: the middle of its top."""
        return self.T_world_object[:3, 3] + [0.0, 0.0, self.cloud.points[:, 2].max()]


def unseen_objects(count: int, seed: int) -> list[Standing]:
    """Procedural objects, each kind in turn; nothing was trained or tuned on them."""
    sizes = {**unseen_shapes.SIZES, **unseen_part_shapes.SIZES}
    return [standing(item) for item in _in_turn(sizes, count, seed)]


def part_objects(count: int, seed: int) -> list[TableObject]:
    """Unseen objects with named parts, each kind in turn."""
    return _in_turn(unseen_part_shapes.SIZES, count, seed)


def _in_turn(sizes: dict[str, Ranges], count: int, seed: int) -> list[TableObject]:
    kinds = list(recipes_of(sizes).items())
    return [sample_object(seed, i, dict([kinds[i % len(kinds)]])) for i in range(count)]


def mesh_objects(folder: Path) -> list[Standing]:
    """All meshes of a folder (metres, z up), or the one of a file.

    Raises:
        UnihmError: INVALID_SCENE where there is none, or one cannot be read.
    """
    paths = [folder] if folder.is_file() else sorted(folder.glob("*"), key=natural_order)
    paths = [path for path in paths if path.suffix.lower() in FORMATS]
    if not paths:
        raise UnihmError(ErrorCode.INVALID_SCENE, f"There is no mesh in {folder}.")
    return [_mesh(path) for path in paths]


def _mesh(path: Path) -> Standing:
    body = SceneObject("object", mesh=str(path))
    surface = body.geometry.surface
    points, triangles = trimesh.sample.sample_surface(surface, CLOUD_POINTS, seed=0)
    T_world_body = make_transform(np.eye(3), [*PLACE, surface.extents[2] / 2])
    world = apply(T_world_body, points)
    T_world_object = canonical_object_frame(world, azimuth(PLACE))
    T_object_body = invert(T_world_object) @ T_world_body
    normals = surface.face_normals[triangles] @ T_object_body[:3, :3].T
    cloud = ObjectCloud(apply(T_object_body, points), normals)
    return Standing(path.stem, body, T_object_body, T_world_object, cloud)


def standing(item: TableObject) -> Standing:
    """A procedural object as it stands."""
    body = SceneObject("object", shape=item.shape, size=item.measures, mass=item.mass)
    T_object_body = invert(item.T_world_object) @ item.T_world_mesh
    return Standing(item.object_id, body, T_object_body, item.T_world_object, item.cloud)
