"""Procedural objects: a surface to look at and convex parts to touch.

A shape is a function of its measures in metres, given a name by :func:`shape`; one of your own
file can be used in scenes as soon as the file is imported. The object frame has its origin at the
centre of the bounding box, z up as the object stands.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unihm.errors import ErrorCode, UnihmError
from unihm.meshes import sample_surface
from unihm.transforms import apply, from_xyz_rpy

Kind = Literal["box", "cylinder", "sphere", "capsule", "convex"]
ShapeFunction = Callable[..., "Geometry"]
SEGMENTS = 24  # sides of a round wall
NAME_SPACING = 0.002  # m between points that tell which part is where

SHAPES: dict[str, ShapeFunction] = {}
"""The shapes by name; :func:`shape` adds to them."""


@dataclass(frozen=True)
class Part:
    """One convex piece of an object.

    Attributes:
        kind: the primitive, or ``convex`` for the hull of ``vertices``.
        size: box (x, y, z); cylinder (radius, height along z); sphere (radius,);
            capsule (radius, length of the axis along z); empty for ``convex``.
        T_object_part: (4, 4).
        vertices: (V, 3) in the part frame, for ``convex`` alone.
        name: what people call what it belongs to, e.g. "handle"; empty where it has no name.
    """

    kind: Kind
    size: tuple[float, ...] = ()
    T_object_part: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    vertices: NDArray[np.float64] | None = None
    name: str = ""

    @cached_property
    def mesh(self) -> trimesh.Trimesh:
        """Closed surface in the object frame."""
        if self.kind == "box":
            mesh = trimesh.creation.box(self.size)
        elif self.kind == "cylinder":
            mesh = trimesh.creation.cylinder(self.size[0], self.size[1], sections=48)
        elif self.kind == "sphere":
            mesh = trimesh.creation.icosphere(subdivisions=4, radius=self.size[0])
        elif self.kind == "capsule":
            mesh = trimesh.creation.capsule(self.size[1], self.size[0], count=[32, 32])
            if mesh.bounds is None:  # its corners were merged into one
                raise ValueError("it is too small")
            mesh.apply_translation(-mesh.bounds.mean(axis=0))
        else:
            mesh = trimesh.convex.convex_hull(np.asarray(self.vertices))
        return mesh.apply_transform(self.T_object_part)


@dataclass(frozen=True)
class Geometry:
    """An object's shape: ``surface`` is what is seen, ``parts`` is what is touched."""

    surface: trimesh.Trimesh
    parts: tuple[Part, ...]

    @property
    def extents(self) -> NDArray[np.float64]:
        """(3,) size of the bounding box in metres."""
        return self.surface.extents

    @property
    def volume(self) -> float:
        """Cubic metres, from the parts (a user's surface need not be closed)."""
        return float(sum(part.mesh.volume for part in self.parts))

    def names_at(self, points: NDArray[np.float64]) -> NDArray[np.str_]:
        """(N,) the name of the part whose surface is nearest to each of (N, 3), object frame."""
        samples, owners = [], []
        for part in self.parts:
            found, _ = sample_surface(part.mesh, NAME_SPACING)
            samples.append(found)
            owners += [part.name] * len(found)
        _, nearest = cKDTree(np.concatenate(samples)).query(points)
        return np.array(owners, str)[nearest]


def shape(name: str) -> Callable[[ShapeFunction], ShapeFunction]:
    """Decorator: scenes may ask for the decorated function as ``shape: name``.

    Its arguments are the measures in metres, each with a default; it returns a :class:`Geometry`
    (anywhere, :func:`make_shape` moves it to its frame) and raises ValueError with a few words
    where the measures contradict each other.

    Raises:
        UnihmError: INVALID_SCENE where another function has that name.
    """

    def register(function: ShapeFunction) -> ShapeFunction:
        known = SHAPES.get(name)
        if known is not None and known.__module__ != function.__module__:
            raise UnihmError(
                ErrorCode.INVALID_SCENE, f"There is a shape '{name}' in {known.__module__} already."
            )
        SHAPES[name] = function
        return function

    return register


def make_shape(name: str, size: dict[str, float]) -> Geometry:
    """Build the shape ``name`` with the measures ``size``.

    Raises:
        UnihmError: INVALID_SCENE for an unknown shape or measure, or one that is not positive.
    """
    if name not in SHAPES:
        known = ", ".join(sorted(SHAPES))
        raise UnihmError(ErrorCode.INVALID_SCENE, f"There is no shape '{name}'. Known: {known}.")
    measures = inspect.signature(SHAPES[name]).parameters
    for key, value in size.items():
        if key not in measures:
            raise UnihmError(
                ErrorCode.INVALID_SCENE,
                f"A {name} has no measure '{key}'; it has {', '.join(measures)}.",
            )
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 2:
            raise UnihmError(
                ErrorCode.INVALID_SCENE,
                f"The {key} of a {name} must be between 0 and 2 metres, not {value!r}.",
            )
    try:
        geometry = SHAPES[name](**size)
        if geometry.surface.bounds is None:
            raise ValueError("it is too small")
    except ValueError as error:
        raise UnihmError(ErrorCode.INVALID_SCENE, f"Impossible {name}: {error}.") from error
    return centred(geometry.surface, geometry.parts)


def centred(surface: trimesh.Trimesh, parts: tuple[Part, ...]) -> Geometry:
    """Move the origin to the centre of the bounding box of the surface."""
    shift = np.eye(4)
    shift[:3, 3] = -surface.bounds.mean(axis=0)
    surface = surface.copy().apply_transform(shift)
    moved = tuple(replace(p, T_object_part=shift @ p.T_object_part) for p in parts)
    return Geometry(surface, moved)


def union(parts: Sequence[Part]) -> Geometry:
    """Solid that is the union of its convex parts."""
    if len(parts) == 1:
        return Geometry(parts[0].mesh, tuple(parts))
    return Geometry(trimesh.boolean.union([p.mesh for p in parts], engine="manifold"), tuple(parts))


def hull(points: NDArray[np.float64], name: str = "") -> Part:
    """The convex hull of points (V, 3) as a part."""
    return Part("convex", vertices=np.asarray(points, float), name=name)


def _rings(profile: list[tuple[float, float]], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (len(profile) * len(angles), 3) of a profile of (radius, height) turned about z."""
    radius, height = np.array(profile).T
    x = radius[:, None] * np.cos(angles)
    y = radius[:, None] * np.sin(angles)
    return np.stack([x, y, np.broadcast_to(height[:, None], x.shape)], -1).reshape(-1, 3)


def revolution(
    profile: list[tuple[float, float]], names: Sequence[tuple[float, str]] = ()
) -> Geometry:
    """Solid of revolution of (radius, height) from the axis at the bottom to that at the top.

    Consecutive rings of the profile bound one convex frustum each; it has the first of the
    ``names`` whose height, that of its upper end, is not below the frustum's middle.
    """
    angles = np.linspace(0, 2 * np.pi, SEGMENTS, endpoint=False)
    rings = [(r, h) for r, h in profile if r > 0]
    parts = []
    for low, high in pairwise(rings):
        middle = (low[1] + high[1]) / 2
        name = next((word for top, word in names if middle <= top), "")
        if low[1] < high[1]:
            parts.append(hull(_rings([low, high], angles), name))
    return Geometry(_revolve(profile), tuple(parts))


def _revolve(profile: list[tuple[float, float]]) -> trimesh.Trimesh:
    surface = trimesh.creation.revolve(profile, sections=48)
    trimesh.repair.fix_normals(surface)
    return surface


def vessel(inner: list[tuple[float, float]], outer: list[tuple[float, float]]) -> Geometry:
    """Open vessel between two profiles of equal length, both from the bottom to the rim.

    The floor is one convex disc, the wall one piece per sector and profile step; all are "body".
    """
    if any(not 0 < i[0] < o[0] for i, o in zip(inner, outer)):
        raise ValueError("the wall is thicker than the vessel")
    floor, base = inner[0], outer[0]
    surface = _revolve([(0.0, base[1]), *outer, *reversed(inner), (0.0, floor[1])])
    angles = np.linspace(0, 2 * np.pi, SEGMENTS + 1)
    radius_at_floor = np.interp(floor[1], [h for _, h in outer], [r for r, _ in outer])
    brim = (float(radius_at_floor), floor[1])
    parts = [hull(_rings([base, brim], angles[:-1]), "body")]
    outside = [brim, *outer[1:]]  # the disc alone stands on the table
    for step in range(len(outer) - 1):
        wall = [inner[step], inner[step + 1], outside[step], outside[step + 1]]
        parts += [hull(_rings(wall, angles[i : i + 2]), "body") for i in range(SEGMENTS)]
    return Geometry(surface, tuple(parts))


@shape("box")
def box(x: float = 0.05, y: float = 0.05, z: float = 0.10) -> Geometry:
    """Cuboid."""
    return union([Part("box", (x, y, z))])


@shape("cylinder")
def cylinder(radius: float = 0.03, height: float = 0.12) -> Geometry:
    """Upright cylinder, such as a can."""
    return union([Part("cylinder", (radius, height))])


@shape("sphere")
def sphere(radius: float = 0.035) -> Geometry:
    """Ball."""
    return union([Part("sphere", (radius,))])


@shape("capsule")
def capsule(radius: float = 0.025, length: float = 0.08) -> Geometry:
    """Lying capsule; ``length`` is that of its axis, along x."""
    return union([Part("capsule", (radius, length), from_xyz_rpy([0, 0, 0], [0, np.pi / 2, 0]))])


@shape("ellipsoid")
def ellipsoid(x: float = 0.08, y: float = 0.06, z: float = 0.05) -> Geometry:
    """Egg with the given diameters, lying along x."""
    smooth = trimesh.creation.icosphere(subdivisions=4)
    smooth.apply_scale([x / 2, y / 2, z / 2])
    # The hull has a flat side below, or it would tip from facet to facet.
    along = np.array([-1.0, -0.87, -0.65, -0.4, -0.13, 0.13, 0.4, 0.65, 0.87, 1.0])
    angles = (np.arange(16) + 0.5) * np.pi / 8
    across = np.sqrt(1 - along**2)[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    ring_points = np.concatenate([np.repeat(along, 16)[:, None], across.reshape(-1, 2)], axis=1)
    return Geometry(smooth, (hull(ring_points * np.array([x, y, z]) / 2),))


@shape("cone")
def cone(radius: float = 0.04, height: float = 0.10) -> Geometry:
    """Upright cone with a blunt tip."""
    return revolution([(0.0, 0.0), (radius, 0.0), (0.15 * radius, height), (0.0, height)])


@shape("prism")
def prism(radius: float = 0.035, height: float = 0.10) -> Geometry:
    """Upright prism over a regular hexagon."""
    angles = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    return union([hull(_rings([(radius, 0.0), (radius, height)], angles))])


@shape("ring")
def ring(radius: float = 0.05, tube: float = 0.014) -> Geometry:
    """Torus lying flat; ``radius`` is that of the circle through the middle of the tube."""
    if tube >= radius:
        raise ValueError("the tube is thicker than the ring")
    surface = trimesh.creation.torus(radius, tube, major_sections=48, minor_sections=24)
    angles = np.linspace(0, 2 * np.pi, SEGMENTS + 1)
    section = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    profile = [(radius + tube * np.cos(a), tube * np.sin(a)) for a in section]
    parts = [hull(_rings(profile, angles[i : i + 2])) for i in range(SEGMENTS)]
    return Geometry(surface, tuple(parts))


@shape("bottle")
def bottle(radius: float = 0.032, height: float = 0.18, neck: float = 0.013) -> Geometry:
    """Bottle with a shoulder, a neck and a cap."""
    if neck >= radius:
        raise ValueError("the neck is wider than the body")
    body, shoulder, cap = 0.58 * height, 0.80 * height, 0.90 * height
    return revolution(
        [
            (0.0, 0.0),
            (0.92 * radius, 0.0),
            (radius, 0.03 * height),
            (radius, body),
            (0.85 * radius + 0.15 * neck, 0.66 * height),
            (neck, shoulder),
            (neck, cap),
            (1.25 * neck, cap),
            (1.25 * neck, height),
            (0.0, height),
        ],
        [(body, "body"), (shoulder, ""), (cap, "neck"), (height, "cap")],
    )


@shape("cup")
def cup(
    radius: float = 0.038, height: float = 0.10, base: float = 0.028, wall: float = 0.003
) -> Geometry:
    """Beaker without a handle, wider at the rim."""
    return vessel(
        [(base - wall, 2 * wall), (radius - wall, height)], [(base, 0.0), (radius, height)]
    )


@shape("bowl")
def bowl(radius: float = 0.065, height: float = 0.05, wall: float = 0.004) -> Geometry:
    """Round bowl on a flat foot."""
    outer = [(0.45 * radius, 0.0)] + [
        (radius * np.sin(a), height * (1 - np.cos(a))) for a in np.linspace(0.7, np.pi / 2, 4)
    ]
    inner = [(r - wall, h + wall * (1 - h / height)) for r, h in outer]
    inner[0] = (inner[0][0], 1.5 * wall)
    return vessel(inner, outer)


@shape("mug")
def mug(radius: float = 0.038, height: float = 0.09, wall: float = 0.004) -> Geometry:
    """Mug whose handle points along +x."""
    body = vessel(
        [(radius - wall, 2 * wall), (radius - wall, height)], [(radius, 0.0), (radius, height)]
    )
    thickness, reach = 0.0055, 0.30 * height
    bends = np.linspace(-np.pi / 2, np.pi / 2, 8)
    arc = np.stack(
        [
            radius + thickness - wall + reach * np.cos(bends),
            np.zeros(8),
            height / 2 + reach * np.sin(bends),
        ],
        axis=-1,
    )
    handle = [bar(a, b, thickness, "handle") for a, b in pairwise(arc)]
    surface = trimesh.boolean.union([body.surface, *(p.mesh for p in handle)], engine="manifold")
    return Geometry(surface, (*body.parts, *handle))


def bar(
    start: NDArray[np.float64], end: NDArray[np.float64], radius: float, name: str = ""
) -> Part:
    """Capsule from point to point."""
    axis = trimesh.geometry.align_vectors([0, 0, 1], end - start)
    axis[:3, 3] = (start + end) / 2
    return Part("capsule", (radius, float(np.linalg.norm(end - start))), axis, name=name)


@shape("hammer")
def hammer(length: float = 0.22, head: float = 0.09) -> Geometry:
    """Hammer lying on its side, its handle along x."""
    thick = 0.26 * head
    lying = from_xyz_rpy([0, 0, 0], [0, np.pi / 2, 0])
    across = from_xyz_rpy([length / 2, 0, 0], [np.pi / 2, 0, 0])
    return union(
        [
            Part("cylinder", (0.42 * thick, length), lying, name="handle"),
            Part("cylinder", (thick / 2, head), across, name="head"),
        ]
    )


@shape("screwdriver")
def screwdriver(length: float = 0.20, radius: float = 0.014) -> Geometry:
    """Screwdriver lying along x: a thick grip and a thin shaft."""
    grip = 0.45 * length
    return union(
        [
            Part(
                "capsule",
                (radius, grip - 2 * radius),
                from_xyz_rpy([grip / 2, 0, 0], [0, np.pi / 2, 0]),
                name="handle",
            ),
            Part(
                "cylinder",
                (0.28 * radius, 0.56 * length),
                from_xyz_rpy([0.72 * length, 0, 0], [0, np.pi / 2, 0]),
                name="blade",
            ),
        ]
    )


@shape("l_block")
def l_block(length: float = 0.10, width: float = 0.04, height: float = 0.05) -> Geometry:
    """Building block shaped like the letter L, lying flat."""
    if width >= length:
        raise ValueError("the width exceeds the length")
    foot = from_xyz_rpy([(width - length) / 2, (length - width) / 2, 0], [0, 0, 0])
    return union([Part("box", (length, width, height)), Part("box", (width, length, height), foot)])


@shape("tray")
def tray(x: float = 0.26, y: float = 0.20, z: float = 0.035, wall: float = 0.006) -> Geometry:
    """Open rectangular tray or bin."""
    if 2 * wall >= min(x, y) or wall >= z:
        raise ValueError("the wall is thicker than the tray")

    def at(size: tuple[float, float, float], xyz: tuple[float, float, float]) -> Part:
        return Part("box", size, from_xyz_rpy(xyz, [0, 0, 0]))

    return union(
        [
            at((x, y, wall), (0, 0, wall / 2)),
            at((wall, y, z), ((x - wall) / 2, 0, z / 2)),
            at((wall, y, z), ((wall - x) / 2, 0, z / 2)),
            at((x, wall, z), (0, (y - wall) / 2, z / 2)),
            at((x, wall, z), (0, (wall - y) / 2, z / 2)),
        ]
    )


def stacking_height(geometry: Geometry, rotation: NDArray[np.float64]) -> float:
    """Height of the origin above a plane that the object, turned by ``rotation``, stands on."""
    turned = np.eye(4)
    turned[:3, :3] = rotation
    return -float(apply(turned, geometry.surface.vertices)[:, 2].min())
