"""Table-top scenes rendered by ray casting: colour, noisy depth, instance labels.

The images train and measure perception. Ray casting on the CPU gives tens of frames a second
without any graphics driver; looks come from random materials, light and sensors rather than from
fidelity, so that nothing can be learned by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import open3d as o3d
import trimesh
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter, zoom

from unihm.transforms import apply, invert
from unihm.types import FloatArray, RgbdObservation


@dataclass(frozen=True)
class Item:
    """One object of a rendered scene; ``mesh`` is in its own frame."""

    shape: str
    mesh: trimesh.Trimesh
    T_world_item: FloatArray
    color: FloatArray  # (3,) main colour, sRGB 0 to 1

    @property
    def world_mesh(self) -> trimesh.Trimesh:
        """The mesh where the scene has it, world frame."""
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


def as_tensor(values: ArrayLike) -> o3d.core.Tensor:
    """Single-precision tensor of Open3D."""
    return o3d.core.Tensor.from_numpy(np.ascontiguousarray(values, np.float32))


def packed_rays(origins: FloatArray, directions: FloatArray) -> o3d.core.Tensor:
    """Rays (..., 6) as Open3D casts them; ``origins`` and ``directions`` broadcast to (..., 3)."""
    return as_tensor(np.concatenate(np.broadcast_arrays(origins, directions), axis=-1))


def raycaster(meshes: Sequence[trimesh.Trimesh]) -> o3d.t.geometry.RaycastingScene:
    """Meshes to cast rays at, in one thread; ``geometry_ids`` are their places in the list."""
    caster = o3d.t.geometry.RaycastingScene(nthreads=1)
    for mesh in meshes:
        faces = o3d.core.Tensor.from_numpy(np.ascontiguousarray(mesh.faces, np.uint32))
        caster.add_triangles(as_tensor(mesh.vertices), faces)
    return caster


class RaycastScene:
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
        size = table or (4.0, 4.0)
        slab = trimesh.creation.box([*size, 0.04])
        slab.apply_translation([0.5, 0, -0.02])
        floor = trimesh.creation.box([8, 8, 0.02])
        floor.apply_translation([0, 0, -rng.uniform(0.4, 0.8)])
        self._caster = raycaster([i.world_mesh for i in items] + [slab, floor])
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
        hit = self._caster.cast_rays(packed_rays(origin, directions))
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
        dark = self._caster.test_occlusions(packed_rays(start, self._sun)).numpy()
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
