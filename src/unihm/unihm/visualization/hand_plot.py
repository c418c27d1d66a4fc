"""Draw a hand from its collision shapes, without any graphics driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unihm.robots.kinematics import Hand
from unihm.robots.surface import surface_points
from unihm.transforms import apply, invert
from unihm.visualization.palette import INK, LINK, LINK_PAD, NORMAL, PAPER

if TYPE_CHECKING:
    from PIL.Image import Image

Picture = NDArray[np.uint8]

#: View name -> image right and up in the palm frame (x to the fingers, z out of the palm).
VIEWS = {
    "palm": ([0.0, -1.0, 0.0], [1.0, 0.0, 0.0]),
    "side": ([0.0, 0.0, 1.0], [1.0, 0.0, 0.0]),
}


def draw(
    hand: Hand,
    q: ArrayLike,
    view: str,
    size: int = 320,
    scale: float = 900.0,
    middle: ArrayLike = (0.03, 0.0, 0.0),
) -> Picture:
    """Orthographic picture (size, size, 3) at ``scale`` pixels per metre about ``middle``.

    ``middle`` is in the palm frame; links that carry pads are blue, the pads' normals red.
    """
    axes = np.array(VIEWS[view])
    axes = np.vstack([axes, np.cross(axes[0], axes[1])])  # right, up, towards the eye
    points, normals, links = surface_points(hand, q, 0.4 / scale)
    pads = [tip.link for tip in hand.spec.fingertips]
    colour = np.where(np.isin(links, pads)[:, None], LINK_PAD, LINK).astype(float)
    light = axes.T @ [0.3, 0.5, 0.81]
    normals = normals @ hand.T_wrist_palm[:3, :3]
    colour *= 0.45 + 0.55 * np.clip(normals @ light, 0.0, 1.0)[:, None]
    tips, tip_normals = hand.fingertips(q)
    along = np.arange(0.0, 0.02, 0.4 / scale)
    arrows = (tips[:, None] + along[:, None] * tip_normals[:, None]).reshape(-1, 3)
    colour = np.concatenate([colour, np.tile(NORMAL, (len(arrows), 1))])
    seen = apply(invert(hand.T_wrist_palm), np.concatenate([points, arrows]))
    seen -= np.asarray(middle, float)
    seen = seen @ axes.T * scale
    column = np.rint(size / 2 + seen[:, 0]).astype(int)
    row = np.rint(size / 2 - seen[:, 1]).astype(int)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    order = np.flatnonzero(inside)[np.argsort(seen[inside, 2])]  # the nearest is drawn last
    picture = np.full((size, size, 3), PAPER, np.uint8)
    picture[row[order], column[order]] = colour[order].astype(np.uint8)
    return picture


def draw_sheet(hand: Hand, poses: Sequence[tuple[str, ArrayLike]], size: int = 320) -> Image:
    """One column per named pose, one row per view, with captions; all of the hand in sight."""
    from PIL import Image, ImageDraw

    extent = np.concatenate([surface_points(hand, q, 0.01)[0] for _, q in poses])
    extent = apply(invert(hand.T_wrist_palm), extent)
    low, high = extent.min(axis=0), extent.max(axis=0)
    scale = 0.88 * size / float((high - low).max())
    rows = [
        np.concatenate([draw(hand, q, view, size, scale, (low + high) / 2) for _, q in poses], 1)
        for view in VIEWS
    ]
    sheet = Image.fromarray(np.concatenate(rows, 0))
    pen = ImageDraw.Draw(sheet)
    for i, (name, _) in enumerate(poses):
        for j, view in enumerate(VIEWS):
            pen.text((i * size + 8, j * size + 6), f"{hand.name}: {name}, {view}", fill=INK)
    return sheet
