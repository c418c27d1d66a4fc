"""What words of place mean on the table: directions, sides, areas, free room."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unihm.types import FloatArray

# As a person behind the robot sees the table, who looks along +x.
DIRECTIONS = {
    "left": (0.0, 1.0),
    "right": (0.0, -1.0),
    "away": (1.0, 0.0),
    "toward": (-1.0, 0.0),
}
SIDES = {"left": "left", "right": "right", "front": "toward", "behind": "away"}
AREAS = {
    "left": (0.50, 0.25),
    "right": (0.50, -0.25),
    "middle": (0.50, 0.0),
    "near": (0.38, 0.0),
    "far": (0.62, 0.0),
}
GAP = 0.03  # m between two things that stand side by side
CLEAR = 0.01  # m that a thing needs round it
RANGE = (0.30, 0.78)  # m from the arm's base within which things are put down
ALIGNED = 1.5  # long side over short side from which a thing is laid along its container
_BESIDE = 0.03  # m further away than it need be that a thing still is next to another
_SIDEWAYS = 0.8  # cosine: within 37 degrees of a side
OBLONG = 1.15  # long side over short side from which a container has a direction


def area_center(place: str) -> FloatArray:
    """(2,) metres: the middle of a part of the table, "far left" for a corner."""
    parts = np.array([AREAS[part] for part in place.split()])
    middle = np.array(AREAS["middle"])
    return middle + (parts - middle).sum(axis=0)


def side_axis(relation: str) -> FloatArray | None:
    """(2,) unit: where "left" or "behind left" of a thing is; None for a relation without side."""
    parts = relation.split()
    if not all(part in SIDES for part in parts):
        return None
    axis = np.sum([DIRECTIONS[SIDES[part]] for part in parts], axis=0)
    return axis / np.linalg.norm(axis)


def aligning_turn(
    yaw: float, sides: FloatArray, holder_yaw: float, holder_sides: FloatArray
) -> float:
    """Radians by which a long thing is turned to lie along its container; 0 for others.

    Args:
        yaw, sides: direction of the long side in radians; long and short side in metres.
        holder_yaw, holder_sides: the same of the container.
    """
    if sides[0] < ALIGNED * sides[1] or holder_sides[0] < OBLONG * holder_sides[1]:
        return 0.0
    return float((holder_yaw - yaw + np.pi / 2) % np.pi - np.pi / 2)


def is_free(spot: FloatArray, half: float, others: list[tuple[FloatArray, float]]) -> bool:
    """True where a thing of ``half`` a length fits at ``spot`` (2,) between the others.

    Args:
        others: (x, y) and half the length of everything that stands there.
    """
    return all(np.linalg.norm(spot - center[:2]) > half + o + CLEAR for center, o in others)


def nearest_free(
    center: FloatArray,
    half: float,
    others: list[tuple[FloatArray, float]],
    allowed: Callable[[FloatArray], bool] = lambda spot: True,
) -> FloatArray | None:
    """(2,) the place nearest to ``center`` where nothing is in the way; None if there is none.

    Args:
        center: (2,) metres, world.
        half: m, half the length of what is put there.
        others: middle and half the length of everything that stands there.
        allowed: whether a place (2,) is as it was asked for.
    """
    steps = np.arange(-0.25, 0.2501, 0.025)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    for offset in grid[np.argsort(np.linalg.norm(grid, axis=1), kind="stable")]:
        spot = np.asarray(center) + offset
        within = RANGE[0] <= np.hypot(*spot) <= RANGE[1]
        if within and is_free(spot, half, others) and allowed(spot):
            return spot
    return None


def is_beside(spot: FloatArray, anchor: FloatArray, gap: float, axis: FloatArray | None) -> bool:
    """Whether a thing at ``spot`` is next to one at ``anchor``, on the side that was said.

    Args:
        spot, anchor: (2,) metres, world: middles.
        gap: m between the middles of two that stand side by side.
        axis: (2,) unit: the side; None: any.
    """
    offset = spot - anchor
    distance = float(np.linalg.norm(offset))
    along = distance if axis is None else float(offset @ axis)
    return distance <= gap + _BESIDE and along >= _SIDEWAYS * distance
