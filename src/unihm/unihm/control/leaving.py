"""Between the arm's home and a place before something that opens, which must not be pushed.

Whoever comes goes the way that leads home from there, backwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from unihm.control.transit import line
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.robots.collision import CollisionModel, cover_hand
from unihm.transforms import FloatArray, apply
from unihm.types import IntArray, ObjectCloud, ObjectTrajectory

_ENOUGH = 0.02  # m between the hand and what stands there
_TABLE = 0.01  # m that the hand stays above the table
_APART = 0.005  # m between links of the arm
_SAME = 1e-3  # m
_ASIDE = (-0.5, 0.5, -0.8, 0.8)  # rad


def way_home(
    arm: Arm,
    hand: Hand,
    q_arm: FloatArray,
    q_hand: FloatArray,
    things: FloatArray,
) -> list[FloatArray]:
    """Postures (7,) rad from ``q_arm`` to the arm's home, in a straight line of joints each.

    Of several ways the first on which the hand, as it is, stays clear of what is seen is taken, or
    the one that comes least near.

    Args:
        arm: at ``q_arm`` (7,) rad.
        hand: with ``q_hand`` (J,).
        things: (N, 3) metres, world: what stands there.
    """
    ways = list(_ways(arm, q_arm))
    if not len(things):
        return ways[0]
    tree = cKDTree(things)
    centres, radii = cover_hand(hand, q_hand)
    model = CollisionModel(arm, hand)

    def room(postures: FloatArray) -> tuple[float, float]:
        """Metres between the hand and things, and above the table; none where links touch."""
        flanges = np.stack([arm.forward(q) for q in postures])
        balls = apply(flanges @ hand.T_flange_wrist, centres)
        itself = model.clearance(postures, np.tile(q_hand, (len(postures), 1))).itself.min()
        if itself < _APART:
            return -np.inf, -np.inf
        return float((tree.query(balls)[0] - radii).min()), float((balls[..., 2] - radii).min())

    # Where the hand is nearer already it may stay so.
    here, low = room(q_arm[None])
    enough, above = min(_ENOUGH, here) - _SAME, min(_TABLE, low) - _SAME
    rooms = []
    for way in ways:
        least, height = room(np.concatenate([line(*leg) for leg in pairwise([q_arm, *way])]))
        if least >= enough and height >= above:
            return way
        rooms.append(least if height >= above else -np.inf)
    return ways[int(np.argmax(rooms))]


def things_about(
    trajectory: ObjectTrajectory, cloud: ObjectCloud | None, frames: IntArray
) -> FloatArray:
    """(N, 3) metres, world: what stands where a part is that is moved, as far as it was seen.

    What moved drags its walls along: all that is around is where it was, and where it would be.

    Args:
        trajectory: of the part.
        cloud: of the part, with what is around; None: nothing is known to be there.
        frames: where it may be now; the last one is where it is.
    """
    if cloud is None:
        return np.zeros((0, 3))
    poses = trajectory.T_world_object[frames]
    around = [apply(T, cloud.around) for T in poses]
    return np.concatenate([apply(poses[-1], cloud.points), *around])


def _ways(arm: Arm, start: FloatArray) -> Iterator[list[FloatArray]]:
    """At once; shoulder and elbow before the wrist; aside about the base first."""
    yield [arm.home]
    lifted = np.array(start)
    lifted[:4] = arm.home[:4]
    yield [lifted, arm.home]
    for angle in _ASIDE:
        aside = np.array(start)
        aside[0] = np.clip(start[0] + angle, arm.limits.lower[0], arm.limits.upper[0])
        yield [aside, arm.home]
