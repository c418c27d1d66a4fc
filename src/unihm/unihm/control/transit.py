"""The arm's way from one posture to another, past what stands there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy.spatial import cKDTree

from unihm.control.config import ControlConfig
from unihm.control.rrt_connect import connect
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.robots.collision import CollisionModel
from unihm.transforms import apply, interpolate, minimum_snap
from unihm.types import FloatArray, ObjectCloud, ObjectTrajectory

CLOSE = 1e-3  # rad below which a transit is not worth a move
_STEP = 0.06  # rad between two postures that are looked at
_ENOUGH = 0.015  # m between arm or hand and what is seen
_SLACK = 1e-3  # m


class PathPlanner(Protocol):
    """Finds ways for the arm of one robot."""

    def path(
        self, start: FloatArray, goal: FloatArray, q_hand: FloatArray, things: FloatArray
    ) -> list[FloatArray]:
        """Arm paths [(K, n), ...] rad from ``start`` (n,) to ``goal`` (n,).

        Each begins where the one before ends, at rest. Two postures are a straight line in joint
        space; more are evenly timed, rest to rest. Empty where the arm is there.

        Args:
            start: (n,) rad.
            goal: (n,) rad.
            q_hand: (J,) rad, of the hand on the way.
            things: (N, 3) metres, world: what is seen and must not be touched.

        Raises:
            UnihmError: UNREACHABLE where none is found.
        """
        ...


class TransitPlanner:
    """Up, across at a safe height, and down; where something stands there, any way around it.

    Args:
        arm: whose base stands on the table.
        hand: at its flange.
        config: of the control stage.
    """

    def __init__(self, arm: Arm, hand: Hand, config: ControlConfig) -> None:
        self.arm, self.hand, self.config = arm, hand, config
        self._model = CollisionModel(arm, hand)

    def path(
        self, start: FloatArray, goal: FloatArray, q_hand: FloatArray, things: FloatArray
    ) -> list[FloatArray]:
        """See :meth:`PathPlanner.path`.

        Things near the ends of the way are let alone (:func:`obstacles`).
        """
        if np.abs(goal - start).max() < CLOSE:
            return []
        ways = self._ways(start, goal, q_hand)
        things = obstacles(self._model, start, goal, q_hand, things)
        if not len(things):
            return next(ways)
        is_free = self._judge(start, goal, q_hand, cKDTree(things))
        for way in ways:
            if is_free(_along(way)):
                return way
        limits = self.arm.limits
        found = connect(start, goal, limits.lower, limits.upper, lambda a, b: is_free(line(a, b)))
        if found is None:
            raise UnihmError(
                ErrorCode.UNREACHABLE, "The arm finds no way there past what stands on the table."
            )
        return [np.stack(leg) for leg in pairwise(found)]

    def _ways(
        self, start: FloatArray, goal: FloatArray, q_hand: FloatArray
    ) -> Iterator[list[FloatArray]]:
        """Up, across and down at a safe height.

        Where a full safe height is out of reach, or the way across sags on it, lower heights and
        the way through the home posture are tried; the last is straight in joint space.
        """
        points = hand_points(self.hand, q_hand)
        T_flange_wrist = self.hand.T_flange_wrist
        T_start, T_goal = (self.arm.forward(q) @ T_flange_wrist for q in (start, goal))
        for height in self.config.safe_height * np.array([1.0, 0.75, 0.5]):
            try:
                up = self._upwards(start, T_start, _rise(T_start, points, height))
                down = self._upwards(goal, T_goal, _rise(T_goal, points, height))[::-1]
            except UnihmError:
                continue
            for between in ([up[-1], down[0]], [up[-1], self.arm.home, down[0]]):
                legs = [np.stack(leg) for leg in pairwise(between)]
                if all(self._lowest(leg, points) > 0.7 * height for leg in legs):
                    yield [path for path in (up, *legs, down) if len(path) > 1]
        yield [np.stack([start, goal])]

    def _upwards(self, q: FloatArray, T_world_wrist: FloatArray, rise: float) -> FloatArray:
        """(K, n) from ``q`` straight up by ``rise`` metres, evenly timed, rest to rest."""
        if rise < 1e-3:
            return q[None]
        top = T_world_wrist.copy()
        top[2, 3] += rise
        fractions = minimum_snap(np.linspace(0.0, 1.0, max(6, int(np.ceil(rise / 0.02)))))
        return self.arm.track(interpolate(T_world_wrist, top, fractions), self.hand, q)

    def _lowest(self, leg: FloatArray, points: FloatArray) -> float:
        """World z in metres of the lowest point of arm and hand on a straight leg (2, n)."""
        heights = []
        for share in np.linspace(0.0, 1.0, 12):
            q = leg[0] + share * (leg[1] - leg[0])
            T_world_wrist = self.arm.forward(q) @ self.hand.T_flange_wrist
            heights += [apply(T_world_wrist, points)[:, 2].min(), self.arm.lowest_point(q)]
        return float(min(heights))

    def _judge(
        self, start: FloatArray, goal: FloatArray, q_hand: FloatArray, tree: cKDTree
    ) -> Callable[[FloatArray], bool]:
        """What says of postures (N, n) whether all are free.

        Table and links may be as near as at either end.
        """

        def gaps(postures: FloatArray) -> FloatArray:
            near = self._model.clearance(postures, np.tile(q_hand, (len(postures), 1)))
            return np.stack([near.table_arm, near.table_hand, near.itself]).min(axis=1)

        least = np.minimum(gaps(np.stack([start, goal])), 0.0) - _SLACK

        def is_free(postures: FloatArray) -> bool:
            room = self._model.room(postures, q_hand, tree)
            return bool(room.min() >= _ENOUGH and (gaps(postures) >= least).all())

        return is_free


def obstacles(
    model: CollisionModel,
    start: FloatArray,
    goal: FloatArray,
    q_hand: FloatArray,
    things: FloatArray,
) -> FloatArray:
    """The things (M, 3) of which the robot can be kept clear from ``start`` to ``goal`` (n,).

    What arm or hand is nearer to than :data:`_ENOUGH` where it begins or ends is what is to be
    grasped, has been put down, or is the robot's own.
    """
    for q in (start, goal):
        if len(things):
            things = things[model.distances(q, q_hand, things) > _ENOUGH]
    return things


def what_stands(trajectory: ObjectTrajectory, cloud: ObjectCloud | None, frame: int) -> FloatArray:
    """(N, 3) metres, world: the object where it is at ``frame``, and what is seen around it.

    Args:
        trajectory: of the object.
        cloud: of the object; None: nothing is known.
        frame: of the trajectory.
    """
    if cloud is None:
        return np.zeros((0, 3))
    around = apply(trajectory.T_world_object[0], cloud.around)
    return np.concatenate([apply(trajectory.T_world_object[frame], cloud.points), around])


def hand_points(hand: Hand, joints: FloatArray) -> FloatArray:
    """(M, 3) m in the wrist frame: points whose lowest one stands for the hand's lowest point."""
    pads = hand.fingertips(joints)[0]
    return np.vstack([pads, hand.T_wrist_palm[:3, 3][None], np.zeros((1, 3))])


def _rise(T_world_wrist: FloatArray, points: FloatArray, height: float) -> float:
    """Metres to go up until the hand's lowest point is at ``height``; 0 where it is higher."""
    return max(0.0, height - float(apply(T_world_wrist, points)[:, 2].min()))


def _along(way: list[FloatArray]) -> FloatArray:
    """Postures (M, n) of a whole way, so near each other that nothing fits between."""
    return np.concatenate([line(*leg) for path in way for leg in pairwise(path)])


def line(start: FloatArray, end: FloatArray) -> FloatArray:
    """Postures (M, n) in a straight line of joints, both ends included."""
    count = max(2, int(np.ceil(np.abs(end - start).max() / _STEP)) + 1)
    return start + np.linspace(0.0, 1.0, count)[:, None] * (end - start)
