"""Random objects on the table: procedural shapes, how they lie, and what a camera could learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation

from unihm.perception.scene.frames import azimuth, canonical_object_frame
from unihm.sim.shapes import Geometry, make_shape
from unihm.transforms import apply, invert, make_transform
from unihm.types import FloatArray, ObjectCloud

CLOUD_POINTS = 2048
COLOURS = (
    "red", "green", "blue", "yellow", "orange", "purple", "pink", "brown", "white", "black",
    "grey", "cyan",
)  # fmt: skip
# Where the arm reaches, in metres from its base.
REACH_X, REACH_Y = (0.36, 0.64), (-0.25, 0.25)
MASS = (0.05, 0.4)  # kg
VESSELS = ("cup", "bowl", "mug")

Measures = dict[str, float]
_LYING = Rotation.from_euler("y", 90, degrees=True)
_UPRIGHT = Rotation.identity()


@dataclass(frozen=True)
class TableObject:
    """One object as it stands on the table.

    Attributes:
        object_id: unique for a shape with its measures.
        shape: name in :data:`unihm.sim.shapes.SHAPES`.
        measures: of the shape, metres.
        T_world_mesh: (4, 4): the frame that the shape is made in, standing on the table (z = 0).
        T_world_object: (4, 4): the canonical frame.
        colour: a word.
        size: ``small``, ``large``, ``tall`` or empty.
        mass: kg.
        cloud: its whole surface in the canonical frame.
        mesh: its surface in the canonical frame.
        solid: likewise, with the hollow of a vessel filled: what a hand grasps from outside.
    """

    object_id: str
    shape: str
    measures: dict[str, float]
    T_world_mesh: FloatArray
    T_world_object: FloatArray
    colour: str
    size: str
    mass: float
    cloud: ObjectCloud
    mesh: trimesh.Trimesh
    solid: trimesh.Trimesh

    @property
    def table_height(self) -> float:
        """z of the table's top in the canonical frame, metres (negative)."""
        return -float(self.T_world_object[2, 3])

    @property
    def top(self) -> FloatArray:
        """(3,) world: the middle of the object's top."""
        return self.T_world_object[:3, 3] + [0.0, 0.0, self.mesh.bounds[1, 2]]


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _box(rng: np.random.Generator) -> Measures:
    width = _between(rng, 0.025, 0.085)
    return {"x": _between(rng, width, 0.20), "y": width, "z": _between(rng, 0.025, 0.20)}


def _ellipsoid(rng: np.random.Generator) -> Measures:
    """On its flattest side, or it would roll over."""
    x, y, z = sorted(rng.uniform([0.05, 0.04, 0.03], [0.12, 0.085, 0.085]), reverse=True)
    return {"x": float(x), "y": float(y), "z": float(z)}


def _bottle(rng: np.random.Generator) -> Measures:
    radius = _between(rng, 0.022, 0.042)
    return {
        "radius": radius,
        "height": _between(rng, 0.12, 0.21),
        "neck": _between(rng, 0.011, 0.6 * radius),
    }


def _cup(rng: np.random.Generator) -> Measures:
    radius = _between(rng, 0.028, 0.044)
    return {
        "radius": radius,
        "height": _between(rng, 0.06, 0.14),
        "base": radius * _between(rng, 0.7, 0.98),
        "wall": _between(rng, 0.002, 0.004),
    }


def _l_block(rng: np.random.Generator) -> Measures:
    width = _between(rng, 0.025, 0.045)
    return {
        "length": _between(rng, 1.7 * width, 0.10),
        "width": width,
        "height": _between(rng, 0.025, 0.07),
    }


@dataclass(frozen=True)
class Recipe:
    """How often a shape comes, with which measures, and how often it lies on its side."""

    weight: float
    measures: Callable[[np.random.Generator], Measures]
    lying: float = 0.0


RECIPES: dict[str, Recipe] = {
    "box": Recipe(24, _box),
    "cylinder": Recipe(
        18,
        lambda r: {"radius": _between(r, 0.0125, 0.044), "height": _between(r, 0.03, 0.20)},
        lying=0.3,
    ),
    "sphere": Recipe(9, lambda r: {"radius": _between(r, 0.018, 0.045)}),
    "capsule": Recipe(
        5, lambda r: {"radius": _between(r, 0.014, 0.04), "length": _between(r, 0.04, 0.14)}
    ),
    "ellipsoid": Recipe(6, _ellipsoid),
    "cone": Recipe(
        3, lambda r: {"radius": _between(r, 0.02, 0.045), "height": _between(r, 0.06, 0.14)}
    ),
    "prism": Recipe(
        5, lambda r: {"radius": _between(r, 0.018, 0.044), "height": _between(r, 0.04, 0.18)}
    ),
    "ring": Recipe(
        3, lambda r: {"radius": _between(r, 0.022, 0.034), "tube": _between(r, 0.010, 0.014)}
    ),
    "bottle": Recipe(8, _bottle, lying=0.3),
    "cup": Recipe(6, _cup),
    "mug": Recipe(
        5,
        lambda r: {
            "radius": _between(r, 0.032, 0.042),
            "height": _between(r, 0.07, 0.11),
            "wall": _between(r, 0.003, 0.005),
        },
    ),
    "hammer": Recipe(
        3, lambda r: {"length": _between(r, 0.14, 0.24), "head": _between(r, 0.07, 0.11)}
    ),
    "screwdriver": Recipe(
        2, lambda r: {"length": _between(r, 0.16, 0.24), "radius": _between(r, 0.012, 0.017)}
    ),
    "l_block": Recipe(3, _l_block),
}


def _pose(rng: np.random.Generator, lying: Rotation, mesh: trimesh.Trimesh) -> FloatArray:
    """T_world_mesh: turned, and standing on the table somewhere within reach."""
    rotation = (Rotation.from_euler("z", rng.uniform(-np.pi, np.pi)) * lying).as_matrix()
    lowest = (mesh.vertices @ rotation.T)[:, 2].min()
    place = [rng.uniform(*REACH_X), rng.uniform(*REACH_Y), -lowest]
    return make_transform(rotation, place)


def sample_object(
    seed: int, index: int, recipes: Mapping[str, Recipe] | None = None
) -> TableObject:
    """Object number ``index`` of the series ``seed``; the same arguments give the same object.

    Args:
        seed, index: of the object.
        recipes: by the name of the shape; None: :data:`RECIPES`.
    """
    rng = np.random.default_rng([seed, index])
    recipes = RECIPES if recipes is None else recipes
    names = list(recipes)
    weights = np.array([recipes[name].weight for name in names])
    shape = names[rng.choice(len(names), p=weights / weights.sum())]
    recipe = recipes[shape]
    measures = recipe.measures(rng)
    geometry = make_shape(shape, measures)
    lying = _LYING if rng.random() < recipe.lying else _UPRIGHT
    T_world_mesh = _pose(rng, lying, geometry.surface)
    points, triangles = trimesh.sample.sample_surface(
        geometry.surface, CLOUD_POINTS, seed=int(rng.integers(2**31))
    )
    points = apply(T_world_mesh, points)
    normals = geometry.surface.face_normals[triangles] @ T_world_mesh[:3, :3].T
    T_world_object = canonical_object_frame(points, azimuth(T_world_mesh[:3, 3]))
    T_object_world = invert(T_world_object)
    T_object_mesh = T_object_world @ T_world_mesh
    mesh = geometry.surface.copy().apply_transform(T_object_mesh)
    extents = mesh.extents
    size = ""
    if extents[2] > max(0.13, 1.6 * extents[0]):
        size = "tall"
    elif extents.max() < 0.065:
        size = "small"
    elif extents.min() > 0.06 or extents.max() > 0.17:
        size = "large"
    return TableObject(
        object_id=f"{shape}-{seed}-{index:06d}",
        shape=shape,
        measures=measures,
        T_world_mesh=T_world_mesh,
        T_world_object=T_world_object,
        colour=str(rng.choice(COLOURS)),
        size=size,
        mass=_between(rng, *MASS),
        cloud=ObjectCloud(apply(T_object_world, points), normals @ T_world_object[:3, :3]),
        mesh=mesh,
        solid=_filled(shape, geometry).apply_transform(T_object_mesh),
    )


def _filled(shape: str, geometry: Geometry) -> trimesh.Trimesh:
    """The surface; that of a vessel without its hollow, whose thin wall a coarse grid misses."""
    if shape not in VESSELS:
        return geometry.surface.copy()
    walls = np.concatenate([p.mesh.vertices for p in geometry.parts if p.kind == "convex"])
    handle = [p.mesh for p in geometry.parts if p.kind != "convex"]
    body = trimesh.convex.convex_hull(walls)
    return trimesh.boolean.union([body, *handle], engine="manifold") if handle else body
