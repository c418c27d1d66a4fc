"""Draw a hand from its collision shapes, without any graphics driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.hands.kinematics import Hand
from unihm.hands.urdf import Primitive, resolve_path
from unihm.transforms import Array, apply, invert

if TYPE_CHECKING:
    from PIL.Image import Image

Picture = NDArray[np.uint8]

#: View name -> image right and up in the palm frame (x to the fingers, z out of the palm).
VIEWS = {
    "palm": ([0.0, -1.0, 0.0], [1.0, 0.0, 0.0]),
    "side": ([0.0, 0.0, 1.0], [1.0, 0.0, 0.0]),
}
LINK, PAD, NORMAL, SHADE = (196, 201, 210), (60, 92, 140), (214, 96, 60), (250, 250, 248)


def surface_points(hand: Hand, q: ArrayLike, spacing: float) -> tuple[Array, Array, NDArray]:
    """Points (P, 3) and outward normals (P, 3) on the hand's shapes, wrist frame; names (P,) of
    their links. ``spacing`` is the distance between neighbours, metres."""
    poses = hand.link_poses(q)
    points, normals, links = [], [], []
    for link, shape in hand.shapes:
        local, local_normals = _sample(hand, shape, spacing)
        T = poses[link] @ shape.T_link_shape
        points.append(apply(T, local))
        normals.append(local_normals @ T[:3, :3].T)
        links += [link] * len(local)
    return np.concatenate(points), np.concatenate(normals), np.array(links)


def draw(hand: Hand, q: ArrayLike, view: str, size: int = 320, scale: float = 900.0) -> Picture:
    """Orthographic picture (size, size, 3) at ``scale`` pixels per metre; pads and their normals
    are coloured. The palm's knuckles are in the middle."""
    right, up = (np.array(axis) for axis in VIEWS[view])
    to_palm = invert(hand.T_wrist_palm)
    camera = np.stack([right, up, np.cross(right, up)]) @ to_palm[:3, :3]
    points, normals, links = surface_points(hand, q, 0.6 / scale)
    pads = {tip.link for tip in hand.spec.fingertips}
    colour = np.where(np.isin(links, list(pads))[:, None], PAD, LINK).astype(float)
    tips, tip_normals = hand.fingertips(q)
    along = np.arange(0.0, 0.02, 0.4 / scale)
    arrows = (tips[:, None] + along[:, None] * tip_normals[:, None]).reshape(-1, 3)
    light = camera.T @ [0.3, 0.5, 0.81]
    brightness = 0.45 + 0.55 * np.clip(normals @ light, 0.0, 1.0)
    colour = np.concatenate([colour * brightness[:, None], np.tile(NORMAL, (len(arrows), 1))])
    seen = apply(to_palm, np.concatenate([points, arrows])) @ np.stack(
        [right, up, np.cross(right, up)]
    ).T
    middle = np.array([0.0, 0.03, 0.0]) if hand.num_joints > 1 else np.zeros(3)
    column = np.rint((seen[:, 0] - middle[0]) * scale + size / 2).astype(int)
    row = np.rint(size / 2 - (seen[:, 1] - middle[1]) * scale).astype(int)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    order = np.argsort(seen[inside, 2], kind="stable")  # far to near: the nearest is kept
    picture = np.full((size, size, 3), SHADE, np.uint8)
    picture[row[inside][order], column[inside][order]] = colour[inside][order].astype(np.uint8)
    return picture


def draw_sheet(hand: Hand, poses: Sequence[tuple[str, ArrayLike]], size: int = 320) -> Image:
    """One column per named pose, one row per view, with captions."""
    from PIL import Image, ImageDraw

    rows = [np.concatenate([draw(hand, q, view, size) for _, q in poses], 1) for view in VIEWS]
    sheet = Image.fromarray(np.concatenate(rows, 0))
    pen = ImageDraw.Draw(sheet)
    for i, (name, _) in enumerate(poses):
        for j, view in enumerate(VIEWS):
            pen.text((i * size + 8, j * size + 6), f"{hand.name}: {name}, {view}", fill=(40, 40, 40))
    return sheet


def _sample(hand: Hand, shape: Primitive, spacing: float) -> tuple[Array, Array]:
    import trimesh

    if shape.kind == "box":
        mesh = trimesh.creation.box(shape.size)
    elif shape.kind == "sphere":
        mesh = trimesh.creation.icosphere(radius=shape.size[0])
    elif shape.kind == "cylinder":
        mesh = trimesh.creation.cylinder(shape.size[0], shape.size[1])
    elif shape.kind == "capsule":
        mesh = trimesh.creation.capsule(shape.size[1], shape.size[0])
        mesh.apply_translation(-mesh.bounds.mean(axis=0))
    else:
        path = resolve_path(shape.filename.removeprefix("file://"), hand.urdf_path.parent)
        try:
            mesh = trimesh.load(path, force="mesh")
        except (OSError, ValueError) as error:
            raise UnihmError(
                ErrorCode.INVALID_HAND_FILE, f"The mesh {path} cannot be read: {error}."
            ) from error
        mesh.apply_scale(shape.size)
    count = max(64, int(mesh.area / spacing**2))
    points, faces = trimesh.sample.sample_surface(mesh, count, seed=0)
    return np.asarray(points), np.asarray(mesh.face_normals[faces])
