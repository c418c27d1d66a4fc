"""Whole shapes and the part of them that one depth camera sees: what completion learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from unihm.learning.synthesis.tables.household import HOUSEHOLD, make_household
from unihm.learning.synthesis.tables.piles import random_shape, resting_rotation
from unihm.learning.synthesis.tables.rendering import Sensor, as_tensor, packed_rays, raycaster
from unihm.transforms import look_at, make_transform
from unihm.types import FloatArray

_SIMPLE = ("box", "cylinder", "sphere", "capsule", "ellipsoid", "cone", "prism")
_SURFACE = 4096  # points that stand for the whole surface


@dataclass(frozen=True)
class WholeShape:
    """A shape of one or several watertight parts that may go into each other; own frame."""

    parts: tuple[trimesh.Trimesh, ...]

    def moved(self, T: FloatArray) -> WholeShape:
        """The shape moved by ``T`` (4, 4)."""
        return WholeShape(tuple(p.copy().apply_transform(T) for p in self.parts))

    @property
    def vertices(self) -> FloatArray:
        """All parts' vertices (V, 3)."""
        return np.concatenate([p.vertices for p in self.parts])

    def surface(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Points (count, 3) and outward normals of the outside, evenly spread."""
        areas = np.array([p.area for p in self.parts])
        points, normals = [], []
        share = np.ceil(2 * count * areas / areas.sum()).astype(int)
        for part, number in zip(self.parts, share):
            sample, faces = part.sample(number, return_index=True, seed=int(rng.integers(2**31)))
            outside = np.ones(number, bool)
            for other in self.parts:
                if other is not part:
                    outside &= raycaster([other]).compute_occupancy(as_tensor(sample)).numpy() < 0.5
            points.append(np.asarray(sample)[outside])
            normals.append(part.face_normals[faces][outside])
        order = rng.permutation(sum(len(p) for p in points))[:count]
        return np.concatenate(points)[order], np.concatenate(normals)[order]


@dataclass(frozen=True)
class PartialView:
    """One view of a shape on a table at z = 0.

    Attributes:
        seen: (M, 3) what the depth camera gives, noise included; world.
        camera: (3,) position, world.
        cut: a part was cut off by something in front or by the border of the image.
        points, normals: (4096, 3) the whole surface, world.
    """

    seen: FloatArray
    camera: FloatArray
    cut: bool
    points: FloatArray
    normals: FloatArray


def random_whole_shape(rng: np.random.Generator) -> WholeShape:
    """A procedural object, plain, bent or tapered, or one put together of several."""
    kind = rng.random()
    if kind < 0.25:
        return WholeShape((random_shape(rng)[1],))
    if kind < 0.45:
        thing = make_household(str(rng.choice(list(HOUSEHOLD))), rng)
        return WholeShape(tuple(thing.split(only_watertight=False)))
    if kind < 0.7:
        return WholeShape((_warped(random_shape(rng)[1], rng),))
    parts: list[trimesh.Trimesh] = []
    for k in range(int(rng.integers(2, 5))):
        part = random_shape(rng, str(rng.choice(_SIMPLE)))[1]
        part.apply_scale(rng.uniform(0.4, 1.0))
        if rng.random() < 0.4:
            part = _warped(part, rng)
        turn = Rotation.random(random_state=int(rng.integers(2**31)))
        if rng.random() < 0.6:  # mostly along each other's axes, as things are made
            turn = Rotation.from_euler("xyz", np.pi / 2 * rng.integers(0, 4, 3))
        anchor = np.zeros(3)
        if k:
            vertices = parts[int(rng.integers(k))].vertices
            anchor = vertices[int(rng.integers(len(vertices)))] * rng.uniform(0.5, 1.0)
        parts.append(part.apply_transform(make_transform(turn.as_matrix(), anchor)))
    return WholeShape(tuple(parts))


def _warped(mesh: trimesh.Trimesh, rng: np.random.Generator) -> trimesh.Trimesh:
    """Tapered and bent along its longest axis, scaled at random."""
    size = float(mesh.extents.max())
    vertices, faces = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, size / 8)
    axis = int(np.argmax(mesh.extents))
    order = [(axis + 1) % 3, (axis + 2) % 3, axis]
    p = (vertices - mesh.bounds.mean(axis=0))[:, order] * rng.uniform(0.75, 1.3, 3)
    along = p[:, 2] / size  # -0.65 to 0.65
    p[:, :2] *= np.clip(1 + rng.uniform(-0.9, 0.9) * along + rng.uniform(-1, 1) * along**2, 0.2, 2)[
        :, None
    ]
    bend = rng.uniform(0, 2.0) if rng.random() < 0.5 else 0.0
    if bend > 0.2:
        radius = size / bend
        angle = p[:, 2] / radius
        r = radius + p[:, 0]
        p[:, 0], p[:, 2] = r * np.cos(angle) - radius, r * np.sin(angle)
    q = np.empty_like(p)
    q[:, order] = p
    # A cyclic order of the axes keeps the faces' orientation.
    return trimesh.Trimesh(q, faces, process=False)


def random_partial_view(
    shape: WholeShape, rng: np.random.Generator, sensor: Sensor | None = None
) -> PartialView | None:
    """Put a shape on the table and look at it; None where next to nothing is seen of it.

    Args:
        sensor: the camera; None draws one, good or bad.
    """
    hull = trimesh.convex.convex_hull(shape.vertices)
    rotation = resting_rotation(hull, rng)
    z = -float((shape.vertices @ rotation.T)[:, 2].min())
    if rng.random() < 0.08:  # on top of something
        z += rng.uniform(0.02, 0.12)
    shape = shape.moved(make_transform(rotation, [0.0, 0.0, z]))
    bounds = np.stack([shape.vertices.min(axis=0), shape.vertices.max(axis=0)])
    middle = bounds.mean(axis=0)
    elevation = np.deg2rad(rng.uniform(20, 75))
    offset = np.array([np.cos(elevation), 0.0, np.sin(elevation)])
    turn = Rotation.from_euler("z", rng.uniform(-np.pi, np.pi)).as_matrix()
    eye = middle + rng.uniform(0.45, 1.1) * turn @ offset
    seen, cut = _look(shape, eye, middle, rng, sensor or Sensor.draw(rng))
    if len(seen) < 120:
        return None
    points, normals = shape.surface(_SURFACE, rng)
    if len(points) < _SURFACE:
        return None
    return PartialView(seen, eye, cut, points, normals)


def _look(
    shape: WholeShape, eye: FloatArray, target: FloatArray, rng: np.random.Generator, sensor: Sensor
) -> tuple[FloatArray, bool]:
    """Noisy points (M, 3) of the shape from ``eye``, and whether a part was cut away."""
    T = look_at(eye, target, rng.normal(0, 0.05))
    focal = rng.uniform(380, 620)
    local = (shape.vertices - eye) @ T[:3, :3]
    pixels = focal * local[:, :2] / local[:, 2:]
    low, high = np.floor(pixels.min(axis=0)) - 6, np.ceil(pixels.max(axis=0)) + 6
    u, v = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    rays = np.stack([u / focal, v / focal, np.ones_like(u)], axis=-1)
    slab = trimesh.creation.box([4, 4, 0.02])
    slab.apply_translation([0, 0, -0.01])
    directions = rays @ T[:3, :3].T
    hit = raycaster([slab, *shape.parts]).cast_rays(packed_rays(eye, directions))
    depth = hit["t_hit"].numpy()
    depth = np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)
    mask = (hit["geometry_ids"].numpy() > 0) & (depth > 0)
    mask &= hit["geometry_ids"].numpy() <= len(shape.parts)
    noisy = sensor.corrupt(depth, focal, np.full(depth.shape, 0.5), rng)
    cut = False
    if rng.random() < 0.25:  # behind something, or beyond the border
        direction = rng.normal(size=2)
        side = np.stack([u, v], axis=-1) @ direction
        mask = _cut_off(mask, side, rng.uniform(0.1, 0.45))
        cut = True
    world = eye + noisy[..., None] * directions
    seen = world[mask & (noisy > 0)]
    seen = seen[seen[:, 2] > rng.uniform(0.001, 0.006)]
    near = np.abs(seen - target).max(axis=1) < 0.5 * np.ptp(shape.vertices, axis=0).max() + 0.03
    return seen[near], cut


def _cut_off(mask: NDArray[np.bool_], side: FloatArray, share: float) -> NDArray[np.bool_]:
    """The mask without the ``share`` of it that lies farthest to one side."""
    return mask & (side < np.quantile(side[mask], 1 - share)) if mask.any() else mask
