"""Pictures for people: what was said, seen, planned and done, side by side; and videos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from unihm.robots import load_hand
from unihm.robots.surface import surface_points
from unihm.transforms import apply, invert
from unihm.types import (
    FloatArray,
    HandMotion,
    ObjectCloud,
    ObjectTrajectory,
    Phase,
    RgbdObservation,
)
from unihm.visualization.palette import (
    BAD,
    COMPLETED,
    FAINT,
    FAINT_ON_INK,
    GOOD,
    GRASP,
    INK,
    PAPER,
    PATH,
    SEEN,
    Color,
)

Picture = NDArray[np.uint8]
PANEL = (480, 360)  # pixels, width and height


@dataclass(frozen=True)
class Story:
    """One instruction from sentence to outcome.

    Attributes:
        instruction: what was said.
        hand: which hand was mounted.
        observation: what the camera saw.
        cloud, trajectory, motion: what the stages made of it.
        grasp_view, result_view: (H, W, 3) pictures of the grasp and of the end.
        success: the simulator's verdict.
        outcome: the verdict as a short sentence, e.g. ``held at 15 cm``.
    """

    instruction: str
    hand: str
    observation: RgbdObservation
    trajectory: ObjectTrajectory
    cloud: ObjectCloud
    motion: HandMotion
    grasp_view: Picture
    result_view: Picture
    success: bool
    outcome: str


def picture_strip(stories: Sequence[Story]) -> Picture:
    """One row per story: camera image, object found, plan, grasp, result."""
    return np.concatenate([_row(story) for story in stories])


def _row(story: Story) -> Picture:
    observation = _enlarged(story.observation)
    window = _window(observation, story.trajectory, story.cloud)
    panels = (
        ("the camera sees", _fit(observation.rgb)),
        (
            "the object it means",
            _fit(draw_cloud(observation, story.trajectory, story.cloud), window),
        ),
        ("the plan", _fit(draw_plan(observation, story.motion), window)),
        ("the grasp", _fit(story.grasp_view)),
        ("the result", _fit(story.result_view)),
    )
    gap, head, foot = 16, 64, 40
    width = gap + len(panels) * (PANEL[0] + gap)
    sheet = Image.new("RGB", (width, head + PANEL[1] + foot), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((gap, 18), f"“{story.instruction}”", INK, font=_font(32))
    mark, tint = ("✓", GOOD) if story.success else ("✗", BAD)
    right = f"{story.hand}:  {story.outcome}"
    length = pen.textlength(right, font=_font(26))
    pen.text((width - gap - length, 22), right, tint, font=_font(26))
    _draw_mark(pen, width - gap - length - 34, 24, mark, tint)
    for number, (title, image) in enumerate(panels):
        left = gap + number * (PANEL[0] + gap)
        sheet.paste(Image.fromarray(image), (left, head))
        pen.text((left, head + PANEL[1] + 6), f"{number + 1}  {title}", FAINT, font=_font(22))
    return np.asarray(sheet)


def draw_cloud(
    observation: RgbdObservation, trajectory: ObjectTrajectory, cloud: ObjectCloud
) -> Picture:
    """The camera's image with the target's points: seen ones red, completed ones yellow."""
    points = apply(trajectory.T_world_object[0], cloud.points)
    observed = np.ones(len(points), bool) if cloud.observed is None else cloud.observed
    colors = np.where(observed[:, None], SEEN, COMPLETED)
    grey = observation.rgb.mean(axis=2, keepdims=True)
    pale = (0.55 * np.broadcast_to(grey, observation.rgb.shape) + 0.45 * 235).astype(np.uint8)
    return splat(pale, observation, points, colors, radius=3)


def draw_plan(observation: RgbdObservation, motion: HandMotion) -> Picture:
    """The camera's image with the hand as it will grasp and the way the object will go."""
    trajectory = motion.trajectory
    contact = int(np.flatnonzero(trajectory.phase <= Phase.GRASP)[-1])
    hand = load_hand(motion.hand)
    points, normals, _ = surface_points(hand, motion.joints[contact], 0.0007)
    T_world_wrist = motion.T_world_wrist
    points = apply(T_world_wrist[contact], points)
    normals = normals @ T_world_wrist[contact, :3, :3].T
    towards = observation.T_world_camera[:3, 3] - points
    facing = np.einsum("ij,ij->i", normals, towards) / np.linalg.norm(towards, axis=1)
    front = facing > 0
    shade = np.clip(0.35 + 0.65 * facing[front], 0, 1)[:, None]
    image = splat(observation.rgb, observation, points[front], shade * GRASP, radius=1, opacity=0.8)
    image = _line(image, observation, T_world_wrist[: contact + 1, :3, 3], GRASP, 3)
    return _line(image, observation, trajectory.T_world_object[:, :3, 3], PATH, 7, arrow=True)


def splat(
    image: Picture,
    observation: RgbdObservation,
    points: FloatArray,
    colors: ArrayLike,
    radius: int = 1,
    opacity: float = 0.9,
) -> Picture:
    """Draw world points (N, 3) as discs of ``radius`` pixels over an image, the nearest on top.

    Points behind what the camera saw are drawn fainter.
    """
    pixels, depth = project(observation, points)
    colors = np.broadcast_to(np.asarray(colors, float), (len(points), 3))
    height, width = image.shape[:2]
    nearest = np.full((height, width), np.inf)
    layer = np.zeros((height, width, 3))
    order = np.argsort(-depth)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dx * dx + dy * dy > radius * radius + 1:
                continue
            column, row = np.rint(pixels[order] + np.array([dx, dy])).astype(int).T
            inside = (
                (column >= 0) & (column < width) & (row >= 0) & (row < height) & (depth[order] > 0)
            )
            row, column, chosen = row[inside], column[inside], order[inside]
            closer = depth[chosen] <= nearest[row, column]
            row, column, chosen = row[closer], column[closer], chosen[closer]
            nearest[row, column] = depth[chosen]  # ordered far to near: the last one stays
            layer[row, column] = colors[chosen]
    seen = np.isfinite(nearest)
    surface = np.where(observation.depth > 0, observation.depth, np.inf)
    alpha = np.where(nearest > surface + 0.02, 0.45 * opacity, opacity) * seen
    return (image * (1 - alpha[..., None]) + layer * alpha[..., None]).astype(np.uint8)


def project(observation: RgbdObservation, points: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Pixels (N, 2) and depths (N,) of world points (N, 3)."""
    local = apply(invert(observation.T_world_camera), points)
    rays = local @ observation.K.T
    return rays[:, :2] / np.maximum(rays[:, 2:], 1e-6), local[:, 2]


def _line(
    image: Picture,
    observation: RgbdObservation,
    points: FloatArray,
    color: Color,
    width: int,
    arrow: bool = False,
) -> Picture:
    """Polyline through world points, drawn four times as large for smooth edges."""
    pixels, depth = project(observation, points)
    scale = 4
    size = (image.shape[1] * scale, image.shape[0] * scale)
    layer = Image.new("RGBA", size, (*color, 0))
    pen = ImageDraw.Draw(layer)
    track = [tuple(p) for p in pixels[depth > 0] * scale]
    pen.line(track, fill=(*color, 255), width=width * scale, joint="curve")
    if arrow:
        _draw_arrow_head(pen, np.array(track), (*color, 255), 5.0 * width * scale)
    layer = layer.resize((image.shape[1], image.shape[0]), Image.Resampling.LANCZOS)
    base = Image.fromarray(image).convert("RGBA")
    return np.asarray(Image.alpha_composite(base, layer).convert("RGB"))


def _draw_arrow_head(
    pen: ImageDraw.ImageDraw, track: FloatArray, fill: tuple[int, ...], size: float
) -> None:
    """Triangle at the end of a track of pixels (N, 2)."""
    apart = np.linalg.norm(track - track[-1], axis=1)
    if not (apart > size).any():
        return
    tail = track[np.flatnonzero(apart > size)[-1]]
    along = (track[-1] - tail) / np.linalg.norm(track[-1] - tail)
    across = np.array([-along[1], along[0]]) * size / 2.2
    tip = track[-1] + along * size / 2
    base = tip - along * size
    pen.polygon([tuple(tip), tuple(base + across), tuple(base - across)], fill=fill)


def _draw_mark(pen: ImageDraw.ImageDraw, left: float, top: float, mark: str, tint: Color) -> None:
    """A tick or a cross; the built-in font has neither."""
    ticks = {"✓": [[(2, 14), (10, 22), (24, 4)]], "✗": [[(4, 4), (22, 22)], [(22, 4), (4, 22)]]}
    for stroke in ticks[mark]:
        pen.line([(left + x, top + y) for x, y in stroke], fill=tint, width=4, joint="curve")


def _window(
    observation: RgbdObservation, trajectory: ObjectTrajectory, cloud: ObjectCloud
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part of the image that the task is about."""
    start, end = trajectory.T_world_object[[0, -1]]
    points = np.concatenate([apply(start, cloud.points), apply(end, cloud.points)])
    pixels, _ = project(observation, points)
    full_height, full_width = observation.depth.shape
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    middle, size = (low + high) / 2, (high - low) * 1.2 + 0.25 * full_height
    height = min(float(full_height), max(size[1], size[0] * PANEL[1] / PANEL[0]))
    width = min(float(full_width), height * PANEL[0] / PANEL[1])
    left = float(np.clip(middle[0] - width / 2, 0, full_width - width))
    top = float(np.clip(middle[1] - height / 2, 0, full_height - height))
    return int(left), int(top), int(left + width), int(top + height)


def _enlarged(observation: RgbdObservation, factor: int = 2) -> RgbdObservation:
    """The same view with more pixels, so that what is drawn on it has smooth edges."""
    height, width = observation.depth.shape
    picture = Image.fromarray(observation.rgb)
    K = observation.K * factor
    K[:2, 2] += (factor - 1) / 2  # pixel centres are whole numbers
    K[2, 2] = 1.0
    return RgbdObservation(
        np.asarray(picture.resize((width * factor, height * factor), Image.Resampling.LANCZOS)),
        observation.depth.repeat(factor, axis=0).repeat(factor, axis=1),
        K,
        observation.T_world_camera,
        observation.stamp,
    )


def _fit(image: Picture, window: tuple[int, int, int, int] | None = None) -> Picture:
    """Crop to ``window``, then to the panel's shape, and scale to its size."""
    picture = Image.fromarray(image)
    if window:
        picture = picture.crop(window)
    width, height = picture.size
    wanted = min(width, height * PANEL[0] / PANEL[1])
    tall = wanted * PANEL[1] / PANEL[0]
    left, top = (width - wanted) / 2, (height - tall) / 2
    box = (left, top, left + wanted, top + tall)
    return np.asarray(picture.resize(PANEL, Image.Resampling.LANCZOS, box=box))


def caption(image: Picture, text: str, note: str = "") -> Picture:
    """An image with a dark bar below: ``text`` at the left, ``note`` at the right."""
    height, width = image.shape[:2]
    bar = max(28, height // 11)
    sheet = Image.new("RGB", (width, height + bar + (height + bar) % 2), INK)
    sheet.paste(Image.fromarray(image), (0, 0))
    pen = ImageDraw.Draw(sheet)
    font = _font(int(0.5 * bar))
    pen.text((0.4 * bar, height + 0.22 * bar), text, PAPER, font=font)
    length = pen.textlength(note, font=font)
    pen.text((width - length - 0.4 * bar, height + 0.22 * bar), note, FAINT_ON_INK, font=font)
    return np.asarray(sheet)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def write_picture(path: Path, image: Picture) -> Path:
    """Write a PNG; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, optimize=True)
    return path


def write_video(path: Path, images: Iterable[Picture], fps: float) -> Path:
    """Write frames of even width and height: an MP4 (H.264), or a GIF where the name says so."""
    import imageio.v2 as imageio

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gif":
        options: dict[str, Any] = {"duration": 1000.0 / fps, "loop": 0}
    else:
        options = {"fps": fps, "codec": "libx264", "quality": 7, "macro_block_size": 2}
    writer: Any
    with imageio.get_writer(path, **options) as writer:
        for image in images:
            writer.append_data(image)
    return path
