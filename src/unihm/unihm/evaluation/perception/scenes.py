"""Rendered scenes with instructions: how good is the surface of the object that was meant?"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import trimesh
from scipy.spatial import cKDTree
from tqdm import tqdm

from unihm.errors import UnihmError
from unihm.evaluation.statistics import mean, median
from unihm.geometry import chamfer
from unihm.learning.synthesis.tables.piles import random_shape
from unihm.learning.synthesis.tables.rendering import Frame, Item, RaycastScene, Sensor
from unihm.perception.planner import Planner
from unihm.perception.segmentation import Segmenter
from unihm.sim.scene import COLORS
from unihm.transforms import apply, from_xyz_rpy, look_at
from unihm.types import FloatArray, ObjectCloud

K = np.array([[568.0, 0, 320], [0, 568, 240], [0, 0, 1]])
SIZE = (480, 640)
EYE, TARGET = np.array([1.10, 0.0, 0.72]), np.array([0.48, 0.0, 0.02])
# A good stereo camera at about a metre.
SENSOR = Sensor(random=0.0008, smooth=0.0012, step=0.0006, edge_loss=0.5, flying=0.05, holes=0.003)

SHAPES = ("box", "cylinder", "sphere", "bottle", "cup", "mug", "bowl", "cone")
PLAIN_NOUNS = {"sphere": "ball", "cylinder": "can"}
PLAIN_SENTENCES = ("pick up the {}", "grab the {}", "please lift the {}", "hand me the {}")
# Names of colours that a scene draws from.
PALETTE = ("red", "green", "blue", "yellow", "purple", "cyan", "pink")


@dataclass
class SceneFigures:
    """Counts over scenes; shares and medians are read from them."""

    chamfer_ratio: list[float] = field(default_factory=list)
    normals_within_20: list[float] = field(default_factory=list)
    center_error: list[float] = field(default_factory=list)
    segmenter_ms: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Name to figure: shares from 0 to 1, metres, milliseconds."""
        return {
            "center_error_median_m": median(self.center_error),
            "chamfer_partial_over_completed": median(self.chamfer_ratio),
            "normals_within_20_deg": mean(self.normals_within_20),
            "segmenter_ms_median": median(self.segmenter_ms),
        }


@dataclass(frozen=True)
class NamedScene:
    """A frame, and for each object its name."""

    frame: Frame
    plain: list[str]


def named_scene(seed: int, count: int = 4, meshes: list[Path] | None = None) -> NamedScene:
    """Objects of distinct kinds and colours; from mesh files where there are any."""
    rng = np.random.default_rng([seed, 77])
    colors = rng.permutation(list(PALETTE))[:count]
    items, plain = [], []
    positions = draw_places(rng, count + 1)
    kinds = rng.permutation([str(m) for m in meshes] if meshes else list(SHAPES))[:count]
    for kind, color, xy in zip(kinds, colors, positions):
        items.append(draw_item(rng, str(kind), str(color), xy, from_file=bool(meshes)))
        plain.append(f"{color} {name_of(str(kind))}")
    items.append(draw_tray(rng, positions[-1]))
    scene = RaycastScene(items, rng, textured=0.0)
    frame = scene.render(K, SIZE, look_at(EYE, TARGET), SENSOR)
    return NamedScene(frame, plain)


def name_of(kind: str) -> str:
    """What people call a procedural kind, or the thing in a mesh file."""
    return PLAIN_NOUNS.get(kind, Path(kind).stem)


def draw_item(
    rng: np.random.Generator, kind: str, color: str, xy: FloatArray, from_file: bool
) -> Item:
    """A shape that a hand can hold, or a mesh file, standing at (x, y) in metres, any yaw."""
    if from_file:
        mesh = trimesh.load_mesh(kind)
        mesh.apply_translation(-mesh.bounds.mean(axis=0))
    else:
        mesh = _grasp_sized(rng, kind)
    pose = from_xyz_rpy([*xy, -mesh.bounds[0, 2]], [0, 0, rng.uniform(-np.pi, np.pi)])
    return Item(kind, mesh, pose, np.array(COLORS[color]))


def draw_tray(rng: np.random.Generator, xy: FloatArray) -> Item:
    """A grey tray of 22 by 17 cm at (x, y) in metres."""
    tray = random_shape(rng, "tray")[1].copy()
    tray.apply_scale([0.22, 0.17, 0.035] / tray.extents)
    tray.apply_translation(-tray.bounds.mean(axis=0))
    pose = from_xyz_rpy([*xy, -tray.bounds[0, 2]], [0, 0, 0.2])
    return Item("tray", tray, pose, np.array(COLORS["grey"]))


def _grasp_sized(rng: np.random.Generator, kind: str) -> trimesh.Trimesh:
    """A shape that a hand can hold."""
    while True:
        mesh = random_shape(rng, kind)[1]
        if 0.03 < np.sort(mesh.extents)[1] < 0.10 and mesh.extents.max() < 0.2:
            return mesh


def draw_places(rng: np.random.Generator, count: int) -> list[FloatArray]:
    """(x, y) places within reach, well apart; the last, for the tray, has more room."""
    while True:
        places = rng.uniform([0.34, -0.30], [0.66, 0.30], (count, 2))
        gaps = np.linalg.norm(places[:, None] - places[None], axis=2)
        gaps[-1, :] -= 0.08
        gaps[:, -1] -= 0.08
        np.fill_diagonal(gaps, 1.0)
        if gaps.min() > 0.125:
            return list(places)


def measure_scenes(
    planner: Planner,
    segmenter: Segmenter,
    scenes: int,
    seed: int,
    meshes: list[Path] | None = None,
) -> SceneFigures:
    """Plan and segment for every object of ``scenes`` scenes; what was not found is not counted."""
    figures = SceneFigures()
    for k in tqdm(range(scenes), desc="scenes"):
        scene = named_scene(seed * 100_003 + k, meshes=meshes)
        rng = np.random.default_rng([seed, k])
        surfaces = surfaces_of(scene.frame)
        for index, plain in enumerate(scene.plain):
            sentence = str(rng.choice(PLAIN_SENTENCES)).format(plain)
            _measure_grab(planner, segmenter, scene.frame, surfaces, index, sentence, figures)
    return figures


def surfaces_of(frame: Frame) -> list[FloatArray]:
    """Points (4000, 3) of the surface of every item, world."""
    return [np.asarray(item.world_mesh.sample(4000, seed=0)) for item in frame.items]


def nearest_surface(surfaces: list[FloatArray], point: FloatArray) -> tuple[int, float]:
    """The item whose surface is nearest to a point, and how near in metres."""
    distances = [float(cKDTree(surface).query(point)[0]) for surface in surfaces]
    nearest = int(np.argmin(distances))
    return nearest, distances[nearest]


def _measure_grab(
    planner: Planner,
    segmenter: Segmenter,
    frame: Frame,
    surfaces: list[FloatArray],
    index: int,
    sentence: str,
    figures: SceneFigures,
) -> None:
    observation = frame.observation
    try:
        trajectory = planner.plan(observation, sentence).trajectory
    except UnihmError:
        return
    if nearest_surface(surfaces, trajectory.pick_point)[0] != index:
        return
    start = time.perf_counter()
    try:
        cloud = segmenter.segment(observation, trajectory).cloud
    except UnihmError:
        return
    figures.segmenter_ms.append(1e3 * (time.perf_counter() - start))
    _measure_cloud(frame, index, cloud, trajectory.T_world_object[0], figures)


def _measure_cloud(
    frame: Frame, index: int, cloud: ObjectCloud, T_world_object: FloatArray, figures: SceneFigures
) -> None:
    mesh = frame.items[index].world_mesh
    surface, triangles = mesh.sample(8000, return_index=True, seed=0)
    points = apply(T_world_object, cloud.points)
    assert cloud.observed is not None
    partial = points[cloud.observed]
    figures.chamfer_ratio.append(chamfer(partial, surface) / chamfer(points, surface))
    truth = mesh.face_normals[triangles][cKDTree(surface).query(points)[1]]
    normals = cloud.normals @ T_world_object[:3, :3].T
    agree = (normals * truth).sum(axis=1) > np.cos(np.deg2rad(20))
    figures.normals_within_20.append(float(agree.mean()))
    middle = mesh.bounds.mean(axis=0)
    figures.center_error.append(float(np.linalg.norm(T_world_object[:3, 3] - middle)))
