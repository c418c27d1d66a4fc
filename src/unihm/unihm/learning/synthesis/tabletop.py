"""Random table-top scenes, rendered by ray casting: colour, noisy depth, instance labels, shapes.

The images train and measure perception. Ray casting on the CPU gives tens of frames a second
without any graphics driver; looks come from random materials, light and sensors rather than from
fidelity, so that nothing can be learned by heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import open3d as o3d
import trimesh
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter, zoom
from scipy.spatial.transform import Rotation

from unihm.sim.shapes import make_shape
from unihm.transforms import apply, invert, make_transform
from unihm.types import FloatArray, RgbdObservation

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


@dataclass(frozen=True)
class Item:
    """One object of a rendered scene; ``mesh`` is in its own frame."""

    shape: str
    mesh: trimesh.Trimesh
    T_world_item: FloatArray
    color: FloatArray  # (3,) main colour, sRGB 0 to 1

    @property
    def world_mesh(self) -> trimesh.Trimesh:
        return self.mesh.copy().apply_transform(self.T_world_item)


@dataclass(frozen=True)
class Frame:
    """A rendered scene.

    Attributes:
        observation: what the camera gives, noise included.
        labels: (H, W) int16: 0 is table and background, k is ``items[k - 1]``.
        depth: (H, W) float32 exact depth in metres.
        items: the objects.
    """

    observation: RgbdObservation
    labels: NDArray[np.int16]
    depth: NDArray[np.float32]
    items: tuple[Item, ...]


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


class Scene:
    """Objects on a table, ready to be seen from any camera.

    Args:
        items: the objects in their poses.
        rng: decides about materials, light, table and surroundings.
        table: (x, y) size in metres, None for an endless one.
    """

    def __init__(
        self,
        items: list[Item],
        rng: np.random.Generator,
        table: tuple[float, float] | None = None,
        textured: float = 0.6,
    ) -> None:
        self.items = tuple(items)
        self._rng = rng
        self._caster = o3d.t.geometry.RaycastingScene(nthreads=1)
        size = table or (4.0, 4.0)
        slab = trimesh.creation.box([*size, 0.04])
        slab.apply_translation([0.5, 0, -0.02])
        floor = trimesh.creation.box([8, 8, 0.02])
        floor.apply_translation([0, 0, -rng.uniform(0.4, 0.8)])
        meshes = [i.world_mesh for i in items] + [slab, floor]
        for mesh in meshes:
            self._caster.add_triangles(
                o3d.core.Tensor.from_numpy(np.ascontiguousarray(mesh.vertices, np.float32)),
                o3d.core.Tensor.from_numpy(np.ascontiguousarray(mesh.faces, np.uint32)),
            )
        self._T = [invert(i.T_world_item) for i in items] + [np.eye(4)] * 2
        self._smooth = [i.shape not in ("box", "prism", "l_block", "tray") for i in items]
        self._smooth += [False, False]
        self._materials = [Material(rng, i.color, textured=rng.random() < textured) for i in items]
        wood = rng.uniform(0.25, 0.95) * np.array([1.0, rng.uniform(0.8, 1), rng.uniform(0.6, 1)])
        self._materials += [
            Material(rng, np.clip(wood, 0, 1), textured=rng.random() < 0.6, scale=4.0),
            Material(rng, rng.uniform(0.1, 0.7, 3), textured=rng.random() < 0.5, scale=4.0),
        ]
        sun = rng.normal([0.0, 0.0, 1.2], 0.6)
        self._sun = sun / np.linalg.norm(sun)
        self._ambient = rng.uniform(0.35, 0.75)
        self._tint = rng.uniform(0.9, 1.1, 3)
        self._exposure = rng.uniform(0.75, 1.15)

    def render(
        self, K: FloatArray, size: tuple[int, int], T_world_camera: FloatArray, sensor: Sensor
    ) -> Frame:
        """See the scene.

        Args:
            K: (3, 3) intrinsics in pixels.
            size: height, width.
            T_world_camera: (4, 4) optical.
            sensor: what the depth image suffers from.
        """
        height, width = size
        u, v = np.meshgrid(np.arange(width), np.arange(height))
        rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(size)], -1)
        directions = rays @ T_world_camera[:3, :3].T
        origin = np.broadcast_to(T_world_camera[:3, 3], directions.shape)
        packed = np.concatenate([origin, directions], axis=-1).astype(np.float32)
        hit = self._caster.cast_rays(o3d.core.Tensor.from_numpy(packed))
        depth = hit["t_hit"].numpy()
        depth = np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)
        ids = hit["geometry_ids"].numpy().astype(np.int64)
        seen = depth > 0
        points = (origin + depth[..., None] * directions)[seen]
        normals = hit["primitive_normals"].numpy()[seen].astype(float)
        normals *= np.where((normals * directions[seen]).sum(-1) > 0, -1.0, 1.0)[:, None]
        rgb = np.zeros((*size, 3))
        rgb[seen] = self._shade(points, normals, -directions[seen], ids[seen])
        rgb = np.clip(rgb * self._tint * self._exposure, 0, 1)
        rgb = gaussian_filter(rgb, (0.5, 0.5, 0)) + self._rng.normal(0, 0.012, rgb.shape)
        labels = np.where(seen & (ids < len(self.items)), ids + 1, 0).astype(np.int16)
        observation = RgbdObservation(
            rgb=(np.clip(rgb, 0, 1) * 255).astype(np.uint8),
            depth=sensor.corrupt(depth, K[0, 0], rgb.mean(axis=-1), self._rng),
            K=K,
            T_world_camera=T_world_camera,
        )
        return Frame(observation, labels, depth, self.items)

    def _shade(
        self, points: FloatArray, normals: FloatArray, to_eye: FloatArray, ids: NDArray[np.int64]
    ) -> FloatArray:
        """(N, 3) colours: ambient and one sun with shadows, a highlight on glossy materials."""
        start = points + 1e-3 * normals
        sun = np.broadcast_to(self._sun, points.shape)
        packed = np.concatenate([start, sun], axis=1).astype(np.float32)
        dark = self._caster.test_occlusions(o3d.core.Tensor.from_numpy(packed)).numpy()
        lambert = np.clip(normals @ self._sun, 0, 1) * np.where(dark, 0.15, 1.0)
        sky = 0.75 + 0.25 * normals[:, 2]
        light = self._ambient * sky + (1 - self._ambient) * 1.3 * lambert
        half = self._sun + to_eye / np.linalg.norm(to_eye, axis=1, keepdims=True)
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        shine = np.clip((normals * half).sum(axis=1), 0, 1) ** 40 * ~dark
        colors = np.zeros_like(points)
        for index, material in enumerate(self._materials):
            mine = ids == index
            if mine.any():
                T = self._T[index]
                local = apply(T, points[mine])
                base = material(local, normals[mine] @ T[:3, :3].T)
                colors[mine] = base * light[mine, None] + material.gloss * shine[mine, None]
        return colors


class Material:
    """A solid texture: one colour, or several of them in stripes, patches, grain or print."""

    def __init__(
        self, rng: np.random.Generator, color: FloatArray, textured: bool, scale: float = 1.0
    ) -> None:
        self.gloss = float(rng.choice([0.0, 0.1, 0.35]))
        kinds = ("stripes", "patches", "grain", "print", "print", "bands", "faces")
        self._kind = str(rng.choice(kinds)) if textured else ""
        self._colors = np.concatenate([[color], rng.random((4, 3))])
        if rng.random() < 0.4:  # black, white and shades of one colour, as print often has
            self._colors[1:] = np.outer([0.05, 0.95, 0.6, 0.3], np.ones(3)) * rng.uniform(0.8, 1, 3)
        if scale > 1.0:  # a table's pattern stays near its main colour
            self._colors[1:] = np.clip(color + rng.normal(0, 0.10, (4, 3)), 0, 1)
        self._directions = rng.normal(size=(3, 3))
        self._directions /= np.linalg.norm(self._directions, axis=1, keepdims=True)
        self._period = scale * rng.uniform(0.015, 0.08, 3)
        self._offset = rng.uniform(-0.1, 0.1, 3)
        self._cells = rng.integers(0, 5, 997)
        self._main = rng.uniform(0.3, 0.8)
        if textured and rng.random() < 0.6:
            self._directions = np.eye(3)
        if self._kind == "bands":  # caps, labels, rims: few and wide
            self._directions = np.eye(3)[[2, 0, 1]]
            self._period = rng.uniform(0.03, 0.09, 3)

    def __call__(self, points: FloatArray, normals: FloatArray) -> FloatArray:
        """(N, 3) colours at points (N, 3) of the surface with normals (N, 3), own frame."""
        if not self._kind:
            return np.broadcast_to(self._colors[0], points.shape)
        along = (points @ self._directions.T + self._offset) / self._period  # (N, 3)
        if self._kind == "grain":
            wave = np.sin(along[:, 0] + 2.0 * np.sin(0.6 * along[:, 1]) + 7.0 * along[:, 2])
            blend = (0.5 + 0.5 * wave)[:, None] * 0.7
            return self._colors[0] * (1 - blend) + self._colors[1] * blend
        cell = np.floor(along).astype(np.int64)
        if self._kind in ("stripes", "bands"):
            index = self._cells[cell[:, 0] % 997] % 3
        elif self._kind == "faces":  # each side of a package has its own colour
            face = np.argmax(np.abs(normals), axis=1)
            index = self._cells[2 * face + (normals[np.arange(len(face)), face] > 0)]
        else:
            if self._kind == "print":  # every face of a package is printed in its own way
                cell = cell + 31 * np.argmax(np.abs(normals), axis=1)[:, None]
                fine = np.floor(along * 4.0).astype(np.int64)
                letters = self._cells[(fine @ [7, 131, 523]) % 997] == 1
            key = self._cells[(cell @ [73, 193, 389]) % 997]
            index = np.where(self._cells[(cell @ [11, 57, 211]) % 997] < 5 * self._main, 0, key)
            if self._kind == "print":
                index = np.where(letters & (key > 1), 4, index)
        return self._colors[index]


@dataclass(frozen=True)
class Sensor:
    """Errors of a depth camera.

    Attributes:
        random: metres of independent noise per pixel at 1 m (grows with the square of depth).
        smooth: metres at 1 m of noise correlated over ``grain`` pixels.
        grain: pixels.
        step: metres at 1 m between two depth values that the sensor can tell apart.
        ragged: pixels by which edges wander.
        edge_loss: share of the pixels at edges that are lost.
        flying: share of the pixels at edges that hang between the two sides.
        shadow: pixels lost beside a nearer surface (the second camera does not see them).
        holes: share of area lost in patches; dark surfaces lose more.
        averaging: pixels over which matching blurs the depth.
    """

    random: float = 0.001
    smooth: float = 0.0015
    grain: int = 6
    step: float = 0.0005
    ragged: float = 0.7
    edge_loss: float = 0.4
    flying: float = 0.1
    shadow: int = 0
    holes: float = 0.01
    averaging: float = 0.0

    @staticmethod
    def draw(rng: np.random.Generator) -> Sensor:
        """A random sensor: stereo, structured light or time of flight of any quality."""
        return Sensor(
            random=rng.uniform(0, 0.003),
            smooth=rng.uniform(0, 0.004),
            grain=int(rng.integers(3, 14)),
            step=rng.uniform(0.0002, 0.003),
            ragged=rng.uniform(0, 1.8),
            edge_loss=rng.uniform(0, 0.9),
            flying=rng.uniform(0, 0.3),
            shadow=int(rng.integers(0, 14)) if rng.random() < 0.6 else 0,
            holes=rng.uniform(0, 0.04),
            averaging=rng.uniform(0, 1.6) if rng.random() < 0.5 else 0.0,
        )

    def corrupt(
        self,
        depth: NDArray[np.float32],
        focal: float,
        brightness: FloatArray,
        rng: np.random.Generator,
    ) -> NDArray[np.float32]:
        """Noisy depth (H, W) in metres, 0 where lost.

        Args:
            depth: exact, 0 where nothing was hit.
            focal: pixels.
            brightness: (H, W) 0 to 1.
        """
        shape = depth.shape
        noisy = depth.astype(float)
        if self.ragged:
            wander = gaussian_filter(rng.normal(0, 2.5 * self.ragged, (2, *shape)), (0, 1, 1))
            rows, cols = np.rint(np.indices(shape) + wander).astype(int)
            noisy = noisy[np.clip(rows, 0, shape[0] - 1), np.clip(cols, 0, shape[1] - 1)]
        edges = maximum_filter(depth, 3) - minimum_filter(depth, 3) > 0.02
        if self.averaging:
            weight = gaussian_filter((noisy > 0).astype(float), self.averaging)
            blurred = gaussian_filter(noisy, self.averaging) / np.maximum(weight, 1e-3)
            noisy = np.where(np.abs(blurred - noisy) < 0.02, blurred, noisy)
        square = noisy**2
        noisy += self.random * square * rng.standard_normal(shape)
        noisy += self.smooth * square * smooth_noise(shape, self.grain, rng)
        step = np.maximum(self.step * square, 1e-5)
        noisy = np.rint(noisy / step) * step
        mixed = edges & (rng.random(shape) < self.flying)
        far = maximum_filter(depth, 3)
        noisy = np.where(mixed, depth + rng.random(shape) * (far - depth), noisy)
        lost = edges & (rng.random(shape) < self.edge_loss)
        if self.shadow:
            # A second eye to the left misses what stands just left of a nearer surface.
            nearer = np.zeros(shape, bool)
            for shift in range(1, self.shadow + 1):
                ahead = np.roll(depth, -shift, axis=1)
                ahead[:, -shift:] = np.inf
                disparity = 0.05 * focal * (1 / np.maximum(ahead, 0.1) - 1 / np.maximum(depth, 0.1))
                nearer |= (ahead > 0) & (disparity > shift)
            lost |= nearer
        patches = smooth_noise(shape, 12, rng)
        threshold = np.quantile(patches, 1 - self.holes) if self.holes else np.inf
        lost |= patches - 1.5 * np.clip(brightness - 0.12, -0.12, 0) * 4 > threshold
        lost |= (depth == 0) | (noisy <= 0)
        return np.where(lost, 0.0, noisy).astype(np.float32)


def smooth_noise(shape: tuple[int, int], grain: int, rng: np.random.Generator) -> FloatArray:
    """(H, W) of about unit variance, correlated over ``grain`` pixels."""
    coarse = rng.standard_normal([-(-side // grain) + 2 for side in shape])
    return zoom(coarse, grain, order=1)[: shape[0], : shape[1]] * 1.4


def look_at(eye: FloatArray, target: FloatArray, roll: float = 0.0) -> FloatArray:
    """(4, 4) optical camera pose at ``eye`` with ``target`` on its axis."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
    return make_transform(rotation @ Rotation.from_euler("z", roll).as_matrix(), eye)


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
