"""Random objects, heaps of them, and cameras that look at them."""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from unihm.learning.synthesis.tables.rendering import Item
from unihm.sim.shapes import make_shape
from unihm.transforms import apply, invert, look_at, make_transform
from unihm.types import FloatArray

# Ranges of the measures of the procedural objects, metres.
SIZES: dict[str, dict[str, tuple[float, float]]] = {
    "box": {"x": (0.03, 0.20), "y": (0.03, 0.12), "z": (0.02, 0.22)},
    "cylinder": {"radius": (0.015, 0.06), "height": (0.03, 0.20)},
    "sphere": {"radius": (0.02, 0.06)},
    "capsule": {"radius": (0.012, 0.035), "length": (0.03, 0.14)},
    "ellipsoid": {"x": (0.04, 0.12), "y": (0.04, 0.08), "z": (0.04, 0.10)},
    "cone": {"radius": (0.02, 0.05), "height": (0.05, 0.14)},
    "prism": {"radius": (0.02, 0.05), "height": (0.04, 0.15)},
    "ring": {"radius": (0.03, 0.07), "tube": (0.008, 0.018)},
    "bottle": {"radius": (0.02, 0.045), "height": (0.12, 0.26), "neck": (0.009, 0.016)},
    "cup": {"radius": (0.030, 0.05), "height": (0.06, 0.13), "base": (0.02, 0.03)},
    "bowl": {"radius": (0.05, 0.10), "height": (0.03, 0.07)},
    "mug": {"radius": (0.03, 0.05), "height": (0.07, 0.11)},
    "hammer": {"length": (0.15, 0.26), "head": (0.06, 0.11)},
    "screwdriver": {"length": (0.12, 0.22), "radius": (0.010, 0.018)},
    "l_block": {"length": (0.08, 0.14), "width": (0.02, 0.05), "height": (0.02, 0.07)},
    "tray": {"x": (0.14, 0.30), "y": (0.10, 0.22), "z": (0.02, 0.06)},
}
# Boxes and cans are what tables are full of.
WEIGHTS = {"box": 5.0, "cylinder": 2.5, "cup": 1.5, "mug": 1.5, "bowl": 1.5, "bottle": 1.5}


def random_shape(rng: np.random.Generator, name: str | None = None) -> tuple[str, trimesh.Trimesh]:
    """A procedural object of random measures and proportions."""
    if name is None:
        names = list(SIZES)
        weights = np.array([WEIGHTS.get(n, 1.0) for n in names])
        name = str(rng.choice(names, p=weights / weights.sum()))
    for _ in range(20):
        measures = {k: float(rng.uniform(*span)) for k, span in SIZES[name].items()}
        try:
            mesh = make_shape(name, measures).surface.copy()
        except Exception:  # measures that contradict each other; draw again
            continue
        if name not in ("box", "sphere") and rng.random() < 0.4:
            mesh.apply_transform(np.diag([*rng.uniform(0.75, 1.3, 3), 1.0]))
        if name == "box" and rng.random() < 0.35:  # a package: large and flat
            scale = rng.permutation([rng.uniform(0.3, 0.6), *rng.uniform(1.0, 1.7, 2)])
            mesh.apply_transform(np.diag([*scale, 1.0]))
        return name, mesh
    raise ValueError(f"no measures of a {name} fit together")


def resting_rotation(
    mesh: trimesh.Trimesh, rng: np.random.Generator, upright: float = 0.65
) -> NDArray[np.float64]:
    """(3, 3): upright with that probability, else on a random facet of the hull; any yaw.

    Some lean, as against a neighbour.
    """
    yaw = Rotation.from_euler("z", rng.uniform(-np.pi, np.pi))
    if rng.random() < 0.08:
        yaw = yaw * Rotation.from_euler("x", rng.uniform(-0.5, 0.5))
    if rng.random() < upright:
        return yaw.as_matrix()
    hull = mesh.convex_hull
    normals, areas = hull.face_normals, hull.area_faces
    facing = normals @ normals.T > 0.995
    area = facing @ areas
    normal = normals[rng.choice(len(normals), p=area * areas / (area * areas).sum())]
    down, _ = Rotation.align_vectors([[0.0, 0.0, -1.0]], [normal])
    return (yaw * down).as_matrix()


def random_view(rng: np.random.Generator, target: FloatArray) -> FloatArray:
    """(4, 4) optical pose of a camera somewhere around and above ``target``."""
    distance = rng.uniform(0.5, 1.15)
    elevation = np.deg2rad(rng.uniform(18, 75))
    direction = rng.uniform(-np.pi, np.pi)
    offset = [
        np.cos(elevation) * np.cos(direction),
        np.cos(elevation) * np.sin(direction),
        np.sin(elevation),
    ]
    aim = target + rng.normal(0, [0.06, 0.06, 0.02])
    return look_at(aim + distance * np.array(offset), aim, rng.normal(0, np.deg2rad(4)))


def random_pile(rng: np.random.Generator, center: FloatArray) -> list[Item]:
    """Objects that stand apart, touch, lean over each other or lie on top of each other.

    Args:
        center: (2,) metres, middle of the heap on the table.
    """
    count = int(rng.integers(1, 10))
    spread = rng.uniform(0.05, 0.18)
    alike = rng.random() < 0.25  # several of one kind, as on a shelf
    kind = random_shape(rng)[0] if alike else None
    palette = rng.random((3, 3)) if rng.random() < 0.3 else None
    items: list[Item] = []
    for _ in range(count):
        name, mesh = random_shape(rng, kind)
        color = rng.random(3) if palette is None else palette[rng.integers(3)]
        rotation = resting_rotation(mesh, rng)
        for _ in range(12):
            xy = center + rng.normal(0, spread, 2)
            placed = _settle(name, mesh, rotation, xy, color, items, rng)
            if placed is not None:
                items.append(placed)
                break
    return items


def _settle(
    name: str,
    mesh: trimesh.Trimesh,
    rotation: FloatArray,
    xy: FloatArray,
    color: FloatArray,
    others: list[Item],
    rng: np.random.Generator,
) -> Item | None:
    """Put an object at ``xy``: on the table, pushed up to a neighbour, or on top of one."""
    z = -float((mesh.vertices @ rotation.T)[:, 2].min())
    item = Item(name, mesh, make_transform(rotation, [*xy, z]), color)
    hits = [o for o in others if _overlap(item, o)]
    if not hits:
        return item
    stackable = ("box", "cylinder", "l_block", "tray", "bowl", "prism")
    if len(hits) == 1 and hits[0].shape in stackable and rng.random() < 0.5:
        below = hits[0].world_mesh.bounds
        if np.all(np.abs(xy - below.mean(axis=0)[:2]) < 0.5 * (below[1] - below[0])[:2]):
            top = below[1, 2] + z
            raised = Item(name, mesh, make_transform(rotation, [*xy, top]), color)
            return None if any(_overlap(raised, o) for o in others) else raised
    # Slide away from what is in the way until it is only touched.
    away = xy - np.mean([o.T_world_item[:2, 3] for o in hits], axis=0)
    away = away / max(float(np.linalg.norm(away)), 1e-6)
    for step in np.arange(0.006, 0.12, 0.006):
        moved = Item(name, mesh, make_transform(rotation, [*(xy + step * away), z]), color)
        if not any(_overlap(moved, o) for o in others):
            return moved
    return None


def _overlap(a: Item, b: Item, allowed: float = 0.004) -> bool:
    """True where the convex hulls of two objects go into each other by more than ``allowed``."""
    for first, second in ((a, b), (b, a)):
        points = apply(first.T_world_item, _proxy(first.mesh)[0])
        _, normals, offsets = _proxy(second.mesh)
        outside = apply(invert(second.T_world_item), points) @ normals.T - offsets
        if (outside.max(axis=1) < -allowed).any():
            return True
    return False


def _proxy(mesh: trimesh.Trimesh) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Coarse convex hull: points on and in it (P, 3), its planes' normals (F, 3) and offsets."""
    if "proxy" not in mesh.metadata:
        directions = np.random.default_rng(0).normal(size=(60, 3))
        corners = mesh.vertices[np.unique((mesh.vertices @ directions.T).argmax(axis=0))]
        hull = trimesh.convex.convex_hull(corners)
        skin = hull.sample(60, seed=0)
        points = np.concatenate([corners, skin, 0.5 * skin + 0.5 * hull.centroid])
        offsets = (hull.face_normals * hull.triangles[:, 0]).sum(axis=1)
        mesh.metadata["proxy"] = points, hull.face_normals, offsets
    return mesh.metadata["proxy"]
