"""What can be said of a grasp before it is tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from unihm.refinement import RefinementReport
from unihm.refinement.chain import chain_of
from unihm.robots import load_hand
from unihm.transforms import apply
from unihm.types import FloatArray, HandMotion, ObjectCloud, Phase, TaskKind

FORCE = 60.0  # N
_FREE = 0.05  # m; what is farther away is of no interest
_STRIDE = 2  # frames
_FOOT = 0.2  # share of an object's height that is its foot
_TOUCH = 0.006  # m behind the first point of a hand that touches, which other points touch as well


@dataclass(frozen=True)
class GraspMeasures:
    """Figures of one grasp.

    Attributes:
        fingers: pads that touch the object.
        thumb: whether the thumb is one of them.
        force: N, the normal forces that carry the object whichever way is down; may be infinite.
        penetration: m, of the deepest point of the hand in the object.
        table: m between the lowest point of the hand and the table until it holds; negative where
            it presses on it.
        around: m between the hand and what else was seen, all along; 0.05 at the most.
        dip: degrees below the horizon in which the fingers point when they touch.
        look: degrees below the horizon in which the palm looks.
        above: degrees above the horizon at which the palm is seen from the contacts.
        moved: m by which the refinement had to move the wrist.
        pads: how many are to touch: as many as the hand has, or as were asked for.
        pushes: whether it only leans on the object, which needs no thumb and carries nothing.
        topples: m by which the lowest contact of a push is above what the object would slide by
            rather than fall over; 0 where it is not.
    """

    fingers: int
    thumb: bool
    force: float
    penetration: float
    table: float
    around: float
    dip: float
    look: float
    above: float
    moved: float
    pads: int
    pushes: bool = False
    topples: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether nothing speaks against it."""
        return self.cost < 1.0

    @property
    def collides(self) -> bool:
        """Whether the hand runs into what else was seen, as far as balls can tell."""
        return self.around < 0.0

    @property
    def cost(self) -> float:
        """The less, the likelier it holds.

        Each term is 1 where it alone makes a failure about as likely as a success (tried on
        objects of the project's own in physics).
        """
        lacking = max(0, min(3, self.pads) - self.fingers)
        loose = 0.0 if self.pushes else min(self.force / FORCE, 1.0) + 1.0 * (not self.thumb)
        return float(
            loose
            + np.clip((self.penetration - 0.002) / 0.004, 0.0, 2.0)
            + np.clip((-self.table - 0.012) / 0.015, 0.0, 2.0)
            + np.clip((self.moved - 0.012) / 0.02, 0.0, 1.0)
            + np.clip((0.008 - self.around) / 0.008, 0.0, 3.0)
            + np.clip(self.topples / 0.012, 0.0, 2.0)
            + 0.5 * lacking
        )


def measure(
    motion: HandMotion,
    report: RefinementReport,
    cloud: ObjectCloud,
    T_world_wrist: FloatArray,
    table_height: float = 0.0,
    fingers: int = 0,
) -> GraspMeasures:
    """Figures of a refined motion.

    Args:
        motion: from the refinement.
        report: likewise.
        cloud: of the object.
        T_world_wrist: (T, 4, 4): where the wrist will really be brought.
        table_height: m, world.
        fingers: as many were asked for; 0: any number.
    """
    hand, trajectory = load_hand(motion.hand), motion.trajectory
    chain, contact = chain_of(hand), trajectory.contact
    frames = np.append(np.arange(0, len(motion.joints), _STRIDE), contact)
    x = chain.placed(T_world_wrist[frames], motion.joints[frames])  # (F, S, 3)
    until = x[frames <= contact]
    around = _FREE
    if len(cloud.around):
        things = cKDTree(apply(trajectory.T_world_object[0], cloud.around))
        distance, _ = things.query(x.reshape(-1, 3), distance_upper_bound=2 * _FREE)
        gap = distance.reshape(x.shape[:2]) - chain.body.radius
        around = float(min(_FREE, gap.min()))
    T_world_palm = T_world_wrist[contact] @ hand.T_wrist_palm
    dip, look = np.degrees(np.arcsin(np.clip(-T_world_palm[2, [0, 2]], -1.0, 1.0)))
    middle = cloud.points.mean(axis=0) if report.grasp is None else report.grasp.points.mean(axis=0)
    to_palm = T_world_palm[:3, 3] - apply(trajectory.T_world_object[contact], middle[None])[0]
    return GraspMeasures(
        fingers=len(report.fingers),
        thumb="thumb" in report.fingers,
        force=report.grasp.normal_force if report.grasp is not None else np.inf,
        penetration=report.after.penetration_max,
        table=float((until[..., 2] - chain.body.radius).min()) - table_height,
        around=around,
        dip=float(dip),
        look=float(look),
        above=float(np.degrees(np.arctan2(to_palm[2], np.linalg.norm(to_palm[:2])))),
        moved=report.wrist_shift,
        pads=min(len(chain.pads), fingers or len(chain.pads)),
        pushes=trajectory.kind == TaskKind.PUSH,
        topples=_topples(motion, cloud, T_world_wrist),
    )


def _topples(motion: HandMotion, cloud: ObjectCloud, T_world_wrist: FloatArray) -> float:
    """Metres by which a push is too high; see :attr:`GraspMeasures.topples`.

    Pushed at a height h against the friction mu of the table, what reaches b ahead of its middle
    falls over where h > b / mu. The table is taken for a rough one, mu = 1.
    """
    trajectory = motion.trajectory
    if trajectory.kind != TaskKind.PUSH:
        return 0.0
    begin = int(np.flatnonzero(trajectory.phase == Phase.HOLD)[0])
    points = apply(trajectory.T_world_object[begin], cloud.points)
    way = (trajectory.T_world_object[-1] - trajectory.T_world_object[0])[:2, 3]
    along = points[:, :2] @ (way / np.linalg.norm(way))
    low, high = points[:, 2].min(), points[:, 2].max()
    foot = along[points[:, 2] < low + _FOOT * (high - low)]
    chain = chain_of(load_hand(motion.hand))
    x = chain.placed(T_world_wrist[[begin]], motion.joints[[begin]])[0]
    distance, nearest = cKDTree(points).query(x)
    gap = distance - chain.body.radius
    height = points[nearest[gap < gap.min() + _TOUCH], 2].min() - low
    return max(0.0, float(height - (foot.max() - along.mean())))
