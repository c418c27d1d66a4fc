"""A few boxes on a table without physics, as a camera sees them: for drivers that are mocks.

Light enough for a process of its own; :class:`~unihm.sim.world.World` is the simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np

from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.transforms import apply, invert, look_at
from unihm.types import FloatArray

SIZE = (240, 320)  # rows, columns
K = np.array([[285.0, 0, 160], [0, 285.0, 120], [0, 0, 1.0]])
T_WORLD_CAMERA = look_at((1.10, 0.0, 0.72), (0.48, 0.0, 0.02))

_CLOSED = 0.25  # share of the hand's way to its fist from which on it may hold something
_OPEN = 0.15  # and up to which it has let go
_NEAR = 0.14  # m between the palm and the middle of what a closing hand takes hold of


@dataclass(frozen=True)
class StillBox:
    """An upright box: ``centre`` and ``half`` (3,) m in the world, ``colour`` (3,) 0 to 255."""

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    colour: tuple[int, int, int]

    def moved(self, step: FloatArray | Sequence[float]) -> StillBox:
        """The same box ``step`` (3,) m further."""
        x, y, z = np.add(self.centre, step).tolist()
        return replace(self, centre=(x, y, z))


RED_BOX = StillBox((0.45, 0.10, 0.05), (0.025, 0.025, 0.05), (200, 30, 30))
FAR_BLUE_BOX = StillBox((0.45, -0.15, 0.04), (0.03, 0.03, 0.04), (30, 50, 200))


def see_boxes(boxes: Sequence[StillBox] = (RED_BOX, FAR_BLUE_BOX)) -> tuple[np.ndarray, np.ndarray]:
    """Image (H, W, 3) and depth (H, W) in m of boxes on a table, by casting rays.

    The camera is at ``T_WORLD_CAMERA`` with the intrinsics ``K``. It takes about a millisecond: a
    mock that renders for longer is late with its images.
    """
    eye = T_WORLD_CAMERA[:3, 3]
    rays, table, far_away = _empty_table()
    rgb, depth = table.copy(), far_away.copy()
    for box in boxes:
        window = _window(box)
        with np.errstate(divide="ignore", invalid="ignore"):
            half = np.array(box.half)
            ends = [(np.add(box.centre, s * half) - eye) / rays[window] for s in (-1, 1)]
        near = np.minimum(*ends).max(axis=-1)
        far = np.maximum(*ends).min(axis=-1)
        behind = depth[window]
        hit = (near < far) & (near > 0) & ((near < behind) | (behind == 0))
        heights = eye[2] + near[hit] * rays[window][hit][:, 2]
        shade = np.where(heights < box.centre[2] + box.half[2] - 1e-6, 0.8, 1.0)
        rgb[window][hit] = (shade[:, None] * box.colour).astype(np.uint8)
        behind[hit] = near[hit]
    return rgb, depth.astype(np.float32)


@cache
def _empty_table() -> tuple[FloatArray, np.ndarray, FloatArray]:
    """Rays (H, W, 3) in the world, of depth 1 along the optical axis; the table's rgb and depth."""
    height, width = SIZE
    v, u = np.mgrid[:height, :width]
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(SIZE)], axis=-1)
    rays = rays @ T_WORLD_CAMERA[:3, :3].T
    eye = T_WORLD_CAMERA[:3, 3]
    depth = np.where(rays[..., 2] < 0, -eye[2] / rays[..., 2], np.inf)
    place = eye + depth[..., None] * rays
    on_table = (np.abs(place[..., 0] - 0.35) < 0.55) & (np.abs(place[..., 1]) < 0.75)
    rgb = np.where(on_table[..., None], (185, 160, 130), (90, 90, 90)).astype(np.uint8)
    return rays, rgb, np.where(on_table, depth, 0.0)


def _window(box: StillBox) -> tuple[slice, slice]:
    """Rows and columns of the image that a box may be in; all where it is beside the camera."""
    signs = np.array(list(product((-1, 1), repeat=3)))
    corners = apply(invert(T_WORLD_CAMERA), np.add(box.centre, signs * box.half))
    if corners[:, 2].min() < 0.01:
        return slice(None), slice(None)
    pixels = (corners @ K.T)[:, :2] / corners[:, 2:]
    low, high = pixels.min(axis=0) - 1, pixels.max(axis=0) + 2
    (left, top), (right, bottom) = (np.clip(x, 0, SIZE[::-1]).astype(int) for x in (low, high))
    return slice(top, bottom), slice(left, right)


class StillScene:
    """Boxes on the table, of which one goes with a hand that closes about it.

    Args:
        hand, arm: that may take hold of one.
        boxes: at the beginning.

    Attributes:
        boxes: where they are now.
        held: number of the box in the hand; None: none.
    """

    def __init__(
        self, hand: Hand, arm: Arm, boxes: Sequence[StillBox] = (RED_BOX, FAR_BLUE_BOX)
    ) -> None:
        self._hand, self._arm, self._first = hand, arm, tuple(boxes)
        self.reset()

    def reset(self) -> None:
        """Every box to its place, the hand empty."""
        self.boxes = list(self._first)
        self.held: int | None = None
        self._offset = np.zeros(3)

    def move(self, q_arm: FloatArray, q_hand: FloatArray) -> bool:
        """The robot is at these joints now; True where a box has moved."""
        share = self._hand.closed_share(q_hand)
        palm = (self._arm.forward(q_arm) @ self._hand.T_flange_wrist @ self._hand.T_wrist_palm)[
            :3, 3
        ]
        if self.held is None:
            gaps = [np.linalg.norm(np.subtract(box.centre, palm)) for box in self.boxes]
            nearest = int(np.argmin(gaps))
            if share > _CLOSED and gaps[nearest] < _NEAR:
                self.held = nearest
                self._offset = np.subtract(self.boxes[nearest].centre, palm)
            return False
        box = self.boxes[self.held]
        step = palm + self._offset - box.centre
        if share < _OPEN:
            self.held = None
            step = np.array([0.0, 0.0, box.half[2] - box.centre[2]])
        if np.abs(step).max() < 1e-4:
            return False
        self.boxes[self.boxes.index(box)] = box.moved(step)
        return True
