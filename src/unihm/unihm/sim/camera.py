"""The simulated RGB-D camera and what its depth suffers from."""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np
import sapien
from numpy.typing import NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.sim.bodies import pose_to_sapien
from unihm.transforms import FloatArray, make_transform

DepthImage = NDArray[np.float32]

# Optical axes (x right, y down, z forward) in SAPIEN's camera (x forward, y left, z up).
_T_SAPIEN_OPTICAL = make_transform([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], [0, 0, 0])
NEAR, FAR = 0.05, 10.0
_AT_ONCE = 0.005  # s
_STILL = 2e-4  # m or rad that something may have moved by and looks the same: a fifth of a pixel
_RGBA = "R8G8B8A8Unorm"
_WINDOW = np.ones((3, 3), np.uint8)  # a pixel and its neighbours


class RenderCamera:
    """Camera of a SAPIEN scene, posed in optical coordinates.

    Args:
        scene: a scene with a render system.
        width, height: pixels.
        fov: vertical field of view, radians; pixels are square, the axis is in the middle.
    """

    def __init__(self, scene: sapien.Scene, width: int, height: int, fov: float) -> None:
        self._scene = scene
        self._camera = scene.add_camera("camera", width, height, fov, NEAR, FAR)
        # What glossy surfaces reflect of their surroundings: SAPIEN computes this table before the
        # first image, 20 s of processor time with a software driver, and multiplies it with the
        # environment's light. Our scenes are lit by lamps alone; the environment is black.
        self._camera.set_texture(
            "BRDFLUT", sapien.render.RenderTexture(np.zeros((1, 1, 4), np.uint8), 2, _RGBA)
        )
        self._began = 0.0  # s, the last capture
        self._takes = 0.0  # s, from a capture to its images, as far as is known
        self._taken = 0  # images that were read
        self._read = True
        self._shown = np.zeros(0)  # what the last capture shows

    def capture(self, T_world_camera: FloatArray, state: FloatArray | None = None) -> None:
        """Begin to render from (4, 4) optical pose ``T_world_camera``; then read rgb, depth, ids.

        The renderer works in threads of its own. Whoever reads before it has finished waits, and
        keeps every other thread of Python waiting: where there are some, ask :attr:`is_ready`.

        Args:
            T_world_camera: where from.
            state: (n,) m and rad of all that can move in the scene. Where it hardly differs from
                that of the last capture from there, the images are kept: they would be the same.
                Not so the first ones, which do not say how long one takes.
        """
        shown = np.zeros(0) if state is None else np.concatenate([T_world_camera.ravel(), state])
        alike = len(shown) == len(self._shown) > 0 and np.abs(shown - self._shown).max() < _STILL
        if alike and self._taken > 1:
            return
        self._shown = shown
        pose = T_world_camera @ np.linalg.inv(_T_SAPIEN_OPTICAL)
        self._camera.entity.set_pose(pose_to_sapien(pose))
        self._scene.update_render()
        self._camera.take_picture()
        self._began, self._read = time.monotonic(), False

    @property
    def is_ready(self) -> bool:
        """The images of the last capture are probably there: it took no longer before."""
        return time.monotonic() - self._began >= self._takes

    def rgb(self) -> NDArray[np.uint8]:
        """(H, W, 3) sRGB of the last capture."""
        color = self._picture("Color")[..., :3]
        return (np.clip(color, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)

    def depth(self) -> DepthImage:
        """(H, W) metres along the optical axis; 0 where nothing was hit."""
        return np.ascontiguousarray(-self._picture("Position")[..., 2], np.float32)

    def entity_ids(self) -> NDArray[np.int64]:
        """(H, W) ``per_scene_id`` of the entity at each pixel; 0 for the background."""
        return self._picture("Segmentation")[..., 1].astype(np.int64)

    def _picture(self, name: str) -> NDArray[Any]:
        asked = time.monotonic()
        picture = self._camera.get_picture(name)
        if not self._read:
            self._read = True
            self._taken += 1
            # SAPIEN doesn't say when an image is there: ask later where it had to be waited for,
            # sooner where it had not. The first one compiles shaders, and one that took long says
            # little.
            now = time.monotonic()
            takes = now - self._began
            if self._taken == 2:
                self._takes = takes
            elif now - asked <= _AT_ONCE:
                self._takes *= 0.95
            elif self._taken > 2:
                self._takes = min(takes, max(2.0 * self._takes, _AT_ONCE))
        return picture


def add_noise(kind: str, depth: DepthImage, focal: float, rng: np.random.Generator) -> DepthImage:
    """Depth (H, W) in metres as a real sensor of ``kind`` would give it; 0 where it sees nothing.

    Args:
        kind: ``none``; ``stereo``: error grows with the square of the distance, is smooth over
            a few pixels, and edges are ragged and half occluded; ``tof``: independent noise per
            pixel, and flying pixels between an edge's two sides.
        depth: exact depth, 0 where nothing was hit.
        focal: pixels.
        rng: the source of randomness.
    """
    if kind == "none":
        return depth
    if kind not in ("stereo", "tof"):
        raise UnihmError(ErrorCode.INVALID_SCENE, f"There is no depth noise '{kind}'.")
    noisy = _stereo(depth, focal, rng) if kind == "stereo" else _time_of_flight(depth, rng)
    return np.where(depth > 0, noisy, 0).astype(np.float32)


def _noise(shape: tuple[int, int], rng: np.random.Generator) -> DepthImage:
    """(H, W) of unit variance, every pixel for itself."""
    return rng.standard_normal(shape, np.float32)


def _smooth_noise(shape: tuple[int, int], grain: int, rng: np.random.Generator) -> DepthImage:
    """(H, W) of about unit variance, correlated over ``grain`` pixels."""
    coarse = _noise((-(-shape[0] // grain) + 3, -(-shape[1] // grain) + 3), rng)
    size = coarse.shape[1] * grain, coarse.shape[0] * grain
    return cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]] * 1.3


def _edges(depth: DepthImage) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(H, W) twice: the near and the far side of the jumps between neighbouring pixels."""
    step = 0.02 + 0.02 * depth
    return cv2.dilate(depth, _WINDOW) - depth > step, depth - cv2.erode(depth, _WINDOW) > step


def _stereo(depth: DepthImage, focal: float, rng: np.random.Generator) -> DepthImage:
    baseline, subpixel, resolution = 0.12, 0.12, 1 / 16  # metres, pixels, pixels
    shape = depth.shape[0], depth.shape[1]
    # Each pixel sees what its match, a pixel or two beside it, sees.
    cols, rows = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in shape[::-1]))
    for place in (rows, cols):
        place += cv2.GaussianBlur(_noise(shape, rng), (9, 9), 1.0) * 1.4
    border = cv2.BORDER_REPLICATE
    ragged = cv2.remap(depth, cols, rows, interpolation=cv2.INTER_NEAREST, borderMode=border)
    disparity = focal * baseline / np.maximum(ragged, 1e-3)
    disparity += subpixel * (0.8 * _smooth_noise(shape, 6, rng) + 0.6 * _noise(shape, rng))
    disparity = np.rint(disparity / resolution) * resolution
    noisy = focal * baseline / np.maximum(disparity, 1e-3)
    near, far = _edges(depth)
    chance = rng.random(shape, np.float32)
    lost = (far & (chance < 0.6)) | (near & (chance < 0.15))  # one of the eyes is occluded
    lost |= _smooth_noise(shape, 10, rng) > 3.6  # patches without texture to match
    return np.where(lost | (ragged == 0), np.float32(0), noisy)


def _time_of_flight(depth: DepthImage, rng: np.random.Generator) -> DepthImage:
    shape = depth.shape[0], depth.shape[1]
    noisy = depth + _noise(shape, rng) * (0.001 + 0.0015 * depth**2)
    near, _ = _edges(depth)
    behind = cv2.dilate(depth, _WINDOW) - depth
    mixed = depth + rng.random(shape, np.float32) * behind
    flying = near & (rng.random(shape, np.float32) < 0.35)
    lost = near & ~flying & (rng.random(shape, np.float32) < 0.3)
    return np.where(lost, np.float32(0), np.where(flying, mixed, noisy))
