"""Many grasps of one object: from all sides, at every part, with two, three or all fingers.

The solver knows one template, which comes down on what lies along x. In a frame that is turned,
tilted or rolled over, or that lies about one part alone, the same template is another grasp.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.control.grasp_motion import APPROACH_DISTANCE, Attempt
from unihm.learning.synthesis.grasps.distance_field import DistanceField
from unihm.learning.synthesis.grasps.grasp_solver import ContactTargets, Grasp, GraspSolver
from unihm.learning.synthesis.grasps.hand_points import hand_points
from unihm.learning.synthesis.grasps.object_grasps import (
    LOWEST_CONTACT,
    OPENING,
    TILTS,
    template_pose,
    usual_targets,
)
from unihm.learning.synthesis.objects import TableObject
from unihm.perception.scene.frames import canonical_object_frame
from unihm.robots import Hand
from unihm.robots.collision import lowest_of_hand
from unihm.transforms import apply, invert, make_transform
from unihm.types import FloatArray

SIDEWAYS = (0.0, 0.0, 40.0, 75.0)  # degrees by which the hand comes from the side
STEEPER = (0.0, 0.0, 25.0)  # degrees by which the palm looks down more
TURNS = np.arange(-180.0, 180.0, 30.0)  # degrees about the vertical
NO_TABLE = -1.0  # m, where the frame's z is not the vertical
DEEPEST = -0.004  # m below the table that a hand may begin at; fingers yield on it
LEAST_SHARE = 0.03  # of an object's surface that a part has which can be grasped


@dataclass(frozen=True)
class GraspKind:
    """How an object shall be taken.

    Attributes:
        part: the name of the part; empty: wherever the template leads to.
        turn, steeper, sideways: degrees, of the frame that the template is put in.
        tilt: degrees that the palm looks below the horizon there.
        using: fingers that shall touch, thumb first; 0: all.
    """

    part: str
    turn: float
    steeper: float
    sideways: float
    tilt: float
    using: int

    @property
    def words(self) -> str:
        """For the table of yields, e.g. "handle, 75 from the side, 2 fingers"."""
        fingers = f"{self.using} fingers" if self.using else "all fingers"
        return f"{self.part or 'anywhere'}, {self.sideways:.0f} from the side, {fingers}"


def random_kind(parts: list[str], rng: np.random.Generator) -> GraspKind:
    """One of all kinds; every other one at a named part, where there are any."""
    return GraspKind(
        part=str(rng.choice(parts)) if parts and rng.random() < 0.5 else "",
        turn=float(rng.choice(TURNS)),
        steeper=float(rng.choice(STEEPER)),
        sideways=float(rng.choice(SIDEWAYS)),
        tilt=float(rng.choice(TILTS)),
        using=int(rng.choice([0, 0, 2, 3])),
    )


class KindSolver:
    """Solves grasps of one object of any kind.

    Args:
        item: the object.
        names: (N,) the part that each point of its cloud belongs to.
    """

    def __init__(self, item: TableObject, names: np.ndarray) -> None:
        self.item = item
        self.names = names
        self.parts = sorted(
            str(name) for name in np.unique(names) if name and (names == name).mean() > LEAST_SHARE
        )

    def solve(self, hand: Hand, kind: GraspKind) -> tuple[Grasp, Attempt] | None:
        """A grasp in the frame of its kind, and how to carry it out; None where it is not sound."""
        points, item = hand_points(hand.name), self.item
        T_object_frame = self._frame(kind, 1.0 if hand.side == "right" else -1.0)
        T_frame_object = invert(T_object_frame)
        part = self.names == kind.part if kind.part else np.ones(len(self.names), bool)
        seen = apply(T_frame_object, item.cloud.points[part])
        targets = self._targets(kind, seen)
        field = DistanceField(apply(T_frame_object, item.solid.vertices), item.solid.faces)
        using = kind.using or len(hand.finger_names)
        centre = apply(T_frame_object, item.cloud.points.mean(axis=0)[None])[0]
        solver = GraspSolver(points, field, centre, using=using)
        top = float(seen[:, 2].max())
        start = template_pose(points, np.deg2rad(kind.tilt), top + 0.03, targets.x)
        joints = np.array(hand.pregrasp_joints, float)
        for chain in points.chains[using:]:  # those that are not asked for stay out of the way
            joints[chain] = hand.open_joints[chain]
        grasp = solver.solve(start, joints, targets)
        if not self._sound(grasp, hand, using, T_object_frame):
            return None
        turned = T_object_frame[:3, :3]
        attempt = Attempt(
            T_object_wrist=T_object_frame @ grasp.T_object_wrist,
            approach=turned @ [0.0, 0.0, APPROACH_DISTANCE],
            open_joints=solver.opened(grasp, OPENING),
            joints=grasp.joints,
        )
        return grasp, attempt

    def _frame(self, kind: GraspKind, side: float) -> FloatArray:
        """T_object_frame (4, 4); a left hand comes from the other side."""
        angles = [kind.turn, -side * kind.sideways, -side * kind.steeper]
        turn = make_transform(Rotation.from_euler("ZYX", angles, degrees=True).as_matrix(), [0] * 3)
        if not kind.part:
            return turn
        points = self.item.cloud.points[self.names == kind.part]
        return canonical_object_frame(points, 0.0) @ turn

    def _targets(self, kind: GraspKind, seen: FloatArray) -> ContactTargets:
        """Where to touch, in the frame of the kind."""
        if not (kind.part or kind.steeper or kind.sideways):
            return usual_targets(self.item)
        low, high = seen[:, 2].min(), seen[:, 2].max()
        height, table = float(low + high) / 2, NO_TABLE
        if not (kind.steeper or kind.sideways):  # a part, from above
            T_part_object = invert(self._frame(kind, 1.0))
            table = self.item.table_height + float(T_part_object[2, 3])
            height = max(height, table + LOWEST_CONTACT)
        return ContactTargets(float(seen[:, 0].mean()), height, height, table)

    def _sound(self, grasp: Grasp, hand: Hand, using: int, T_object_frame: FloatArray) -> bool:
        """Thumb and others touch, nothing enters the object or the table."""
        T_world_wrist = self.item.T_world_object @ T_object_frame @ grasp.T_object_wrist
        lowest = float(lowest_of_hand(hand, T_world_wrist[None], grasp.joints[None]).min())
        return bool(
            grasp.touching[0]
            and grasp.touching.sum() >= min(using, 3, len(grasp.touching))
            and grasp.penetration < 0.004
            and lowest > DEEPEST
        )
