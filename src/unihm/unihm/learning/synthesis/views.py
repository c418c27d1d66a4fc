"""What a camera and the completion make of an object: the input that a generator really gets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation

from unihm.errors import UnihmError
from unihm.learning.datasets.episode import EpisodeView
from unihm.learning.synthesis.tables.rendering import packed_rays, raycaster
from unihm.perception.scene.completion import complete
from unihm.perception.scene.frames import azimuth, canonical_object_frame
from unihm.sim.camera import add_noise
from unihm.sim.scene import Camera
from unihm.transforms import apply, invert
from unihm.types import FloatArray, ObjectCloud

EYE_SPREAD, TARGET_SPREAD = 0.15, 0.05  # m, around the usual camera
ABOVE_TABLE = 0.005  # m; lower points are taken for the table
POINTS = 1024
MAX_TURN, MAX_SHIFT = np.deg2rad(30), 0.03  # rad, m


def random_camera(rng: np.random.Generator) -> Camera:
    """The usual camera, elsewhere by some centimetres, with either kind of noise."""
    usual = Camera()
    return replace(
        usual,
        eye=tuple(np.array(usual.eye) + rng.uniform(-EYE_SPREAD, EYE_SPREAD, 3)),
        target=tuple(np.array(usual.target) + rng.uniform(-TARGET_SPREAD, TARGET_SPREAD, 3)),
        noise="tof" if rng.choice(["stereo", "tof"]) == "tof" else "stereo",
    )


def seen_points(
    mesh: trimesh.Trimesh, T_world_object: FloatArray, camera: Camera, rng: np.random.Generator
) -> FloatArray:
    """World points (N, 3) of an object alone on a table, from a noisy depth image of it.

    Args:
        mesh: in the object frame.
        T_world_object: (4, 4).
        camera: where it is seen from.
        rng: of the noise.
    """
    vertices = apply(T_world_object, mesh.vertices)
    T_camera_world = invert(camera.T_world_camera)
    pixels = apply(T_camera_world, vertices) @ camera.K.T
    pixels = pixels[:, :2] / pixels[:, 2:]
    low = np.maximum(pixels.min(axis=0).astype(int) - 8, 0)
    high = np.minimum(pixels.max(axis=0).astype(int) + 9, [camera.width, camera.height])
    columns, rows = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    local = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(camera.K).T
    rays = local @ camera.T_world_camera[:3, :3].T  # z = 1 along the axis: t is the depth
    eye = camera.T_world_camera[:3, 3]
    scene = raycaster([trimesh.Trimesh(vertices, mesh.faces, process=False)])
    hit = scene.cast_rays(packed_rays(eye, rays), nthreads=1)["t_hit"].numpy()
    table = -eye[2] / rays[..., 2]
    depth = np.where(np.isfinite(hit), hit, table).astype(np.float32)
    noisy = add_noise(camera.noise, depth, float(camera.K[0, 0]), rng)
    points = eye + noisy[..., None] * rays
    return points[np.isfinite(hit) & (noisy > 0) & (points[..., 2] > ABOVE_TABLE)]


def view(
    mesh: trimesh.Trimesh, T_world_object: FloatArray, rng: np.random.Generator
) -> EpisodeView | None:
    """One random look at an object; None where its frame comes out as quite another one."""
    camera = random_camera(rng)
    points = seen_points(mesh, T_world_object, camera, rng)
    try:
        whole = complete(points, camera.T_world_camera[:3, 3])
    except UnihmError:
        return None
    centre = points.mean(axis=0)
    T_world_view = canonical_object_frame(whole.points, azimuth(centre))
    T_object_view = invert(T_world_object) @ T_world_view
    turn = Rotation.from_matrix(T_object_view[:3, :3]).magnitude()
    if turn > MAX_TURN or np.linalg.norm(T_object_view[:3, 3]) > MAX_SHIFT:
        return None
    kept = rng.permutation(len(whole.points))[:POINTS]
    cloud = ObjectCloud(
        points=apply(invert(T_world_view), whole.points[kept]),
        normals=whole.normals[kept] @ T_world_view[:3, :3],
        confidence=whole.confidence,
        observed=whole.observed[kept],
    )
    return EpisodeView(cloud, T_object_view)
