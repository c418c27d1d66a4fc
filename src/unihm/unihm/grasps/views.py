"""Where an object may be grasped from: the frames that it is shown to the generator in.

The generator answers one picture with one grasp, and always comes to the frame's -y side from
above. The same object in a frame that is turned about the vertical is therefore another grasp. In a
frame that is rolled about y a tall object lies, and the hand that comes from above there comes from
the side here; tilted about x the palm looks more down. A push comes from the one side that it goes
away from; in a frame that is rolled about its way the forearm comes from the left or the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.generator import View
from unihm.perception.scene.frames import (
    SQUARE_RATIO,
    canonical_object_frame,
    horizontal_rectangle,
    is_round,
)
from unihm.robots import Hand
from unihm.transforms import BoolArray, make_transform
from unihm.types import FloatArray, ObjectCloud, ObjectTrajectory, TaskKind

STEEPER = 25.0  # degrees
TALL = 0.09  # m from which on a hand finds room to come from the side
SIDEWAYS = 75.0  # degrees; the little finger's side is then a little lower than the thumb's
#: (turn about the vertical, roll about the way), degrees, of views of a push, the most usual first.
PUSHES = tuple((turn, roll) for roll in (0.0, 30.0, -30.0, 60.0, -60.0) for turn in (0.0, 180.0))


@dataclass(frozen=True)
class GraspView(View):
    """A view and what is other about it than about the first.

    Attributes:
        turn: degrees about the vertical.
        steeper: degrees by which the palm looks down more.
        sideways: degrees by which the fingers come from the side instead of from above.
        roll: degrees about the way of a push.
    """

    turn: float = 0.0
    steeper: float = 0.0
    sideways: float = 0.0
    roll: float = 0.0

    @property
    def words(self) -> str:
        """For people, e.g. "turned by 90, from the side"."""
        parts = [f"turned by {self.turn:.0f}"] if self.turn else []
        parts += ["steeper"] if self.steeper else []
        parts += ["from the side"] if self.sideways else []
        parts += [f"rolled by {self.roll:.0f}"] if self.roll else []
        return ", ".join(parts) or "as generated"


def grasp_views(
    cloud: ObjectCloud,
    trajectory: ObjectTrajectory,
    hand: Hand,
    most: int,
    side: Literal["", "above", "side"] = "",
    part: BoolArray | None = None,
) -> list[GraspView]:
    """At most ``most`` views of an object, those that are most like what was learned first.

    Half turns are the same object for the generator. Quarter turns are so where the outline is
    nearly square, eighths where it is round. A push has the one side to push from, with the forearm
    above it or to either side; a handle has one view.

    Args:
        cloud: in the trajectory's object frame.
        trajectory: where the object goes.
        hand: a left hand comes to the other side.
        most: how many.
        side: where the hand shall come from; empty: from anywhere.
        part: (N,) the points to take hold of: they alone are shown, in a frame of their own.
    """
    if trajectory.kind == TaskKind.OPEN_CLOSE:
        return [GraspView(np.eye(4), cloud)]
    if trajectory.kind == TaskKind.PUSH:
        return [_push_view(cloud, trajectory, *way) for way in PUSHES[:most]]
    T_object_part = np.eye(4)
    if part is not None:
        cloud = ObjectCloud(cloud.points[part], cloud.normals[part])
        T_object_part = canonical_object_frame(cloud.points, 0.0)
    turns = _turns(cloud)
    flat = [(turn, 0.0, SIDEWAYS) for turn in turns]
    if side == "side":
        ways = flat
    else:
        ways = [(turn, 0.0, 0.0) for turn in turns]
        if side == "" and np.ptp(cloud.points[:, 2]) > TALL:
            ways += flat[:4]
        ways += [(turn, STEEPER, 0.0) for turn in turns]
    return [_view(cloud, T_object_part, hand, *way) for way in ways[:most]]


def _turns(cloud: ObjectCloud) -> list[float]:
    """Degrees about the vertical, the most usual first."""
    if is_round(cloud.points):
        return [0.0, 180.0, 90.0, -90.0, 45.0, -45.0]
    _, _, sides = horizontal_rectangle(cloud.points)
    square = sides[0] < SQUARE_RATIO * sides[1]
    return [0.0, 90.0, -90.0, 180.0] if square else [0.0, 180.0, 90.0, -90.0]


def _push_view(
    cloud: ObjectCloud, trajectory: ObjectTrajectory, turn: float, roll: float
) -> GraspView:
    start, end = trajectory.T_world_object[[0, -1]]
    way = start[:3, :3].T @ (end - start)[:3, 3]
    rolled = Rotation.from_rotvec(roll * way / np.linalg.norm(way), degrees=True)
    rotation = rolled * Rotation.from_euler("z", turn, degrees=True)
    T_object_frame = make_transform(rotation.as_matrix(), np.zeros(3))
    return GraspView(T_object_frame, cloud, turn, roll=roll)


def _view(
    cloud: ObjectCloud,
    T_object_part: FloatArray,
    hand: Hand,
    turn: float,
    steeper: float,
    sideways: float,
) -> GraspView:
    side = 1.0 if hand.side == "right" else -1.0
    angles = [turn, -side * sideways, -side * steeper]
    rotation = Rotation.from_euler("ZYX", angles, degrees=True).as_matrix()
    T_object_frame = T_object_part @ make_transform(rotation, np.zeros(3))
    return GraspView(T_object_frame, cloud, turn, steeper, sideways)
