"""The grasps of one object: solved from one template for every hand, tried in physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unihm.control.grasp_motion import APPROACH_DISTANCE, Attempt, grasp_motion
from unihm.errors import UnihmError
from unihm.learning.synthesis.grasps.distance_field import DistanceField
from unihm.learning.synthesis.grasps.grasp_solver import ContactTargets, Grasp, GraspSolver
from unihm.learning.synthesis.grasps.hand_points import HandPoints, hand_points
from unihm.learning.synthesis.grasps.trial import Trial, disturbances
from unihm.learning.synthesis.objects import TableObject
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.transforms import make_transform
from unihm.types import FloatArray, HandMotion, TaskKind

#: How far the palm looks below the horizon in the template, and what is tried next; degrees.
TILTS = (50.0, 40.0, 60.0, 25.0)
#: Heights of the contacts above the usual one that are tried, metres.
RAISES = (0.0, -0.01, 0.012)
OPENING = 0.025  # m between pads and surface before the fingers close
CONTACT_HEIGHT = 0.4  # of the object's height
LOWEST_CONTACT = 0.018  # m above the table
GOOD_QUALITY = 8.0  # N/N; below it a human grasp needs no second template
NEEDED = 0.6  # share of the trials that must lift the object: two of the three


def usual_targets(item: TableObject) -> ContactTargets:
    """Where any hand should touch: under the middle of the object, as low as the table lets it."""
    low, high = item.mesh.bounds[:, 2]
    height = max(low + LOWEST_CONTACT, low + CONTACT_HEIGHT * (high - low))
    middle = float(item.cloud.points[:, 0].mean())  # about the centre of mass
    return ContactTargets(middle, height, height, item.table_height)


def template_pose(points: HandPoints, tilt: float, height: float, x: float) -> FloatArray:
    """T_object_wrist (4, 4) of the hand above the object, before it is solved.

    The fingers come down on the -y side and the thumb on the +y side, a right hand's thumb
    towards +x; the palm looks ``tilt`` radians below the horizon.
    """
    side = 1.0 if points.hand.side == "right" else -1.0
    normal = np.array([0.0, side * np.cos(tilt), -np.sin(tilt)])
    approach = np.array([0.0, -side * np.sin(tilt), -np.cos(tilt)])
    R_object_palm = np.stack([approach, np.cross(normal, approach), normal], axis=1)
    rotation = R_object_palm @ points.hand.T_wrist_palm[:3, :3].T
    pads, _ = points.hand.fingertips(points.hand.pregrasp_joints)
    between = (pads[0] + pads[1 : min(len(pads), 3)].mean(axis=0)) / 2
    return make_transform(rotation, np.array([x, 0.0, height]) - rotation @ between)


def human_targets(grasp: Grasp, usual: ContactTargets) -> ContactTargets:
    """The human's contacts as wishes for another hand, not lower than that hand may go."""
    thumb, fingers = grasp.contacts[0], grasp.contacts[1:]
    return ContactTargets(
        x=float((thumb[0] + fingers[:, 0].mean()) / 2),
        finger_height=max(float(fingers[:, 2].mean()), usual.table + LOWEST_CONTACT),
        thumb_height=max(float(thumb[2]), usual.table + LOWEST_CONTACT),
        table=usual.table,
    )


class ObjectGrasps:
    """Solves and tries the grasps of one object."""

    def __init__(self, item: TableObject) -> None:
        self.item = item
        self.field = DistanceField(item.solid.vertices, item.solid.faces)
        self.usual = usual_targets(item)

    def solve(self, hand: str, targets: ContactTargets, tilt: float) -> tuple[Grasp, Attempt]:
        """The grasp of one hand from one template, and how to carry it out."""
        points = hand_points(hand)
        solver = GraspSolver(points, self.field, self.item.cloud.points.mean(axis=0))
        top = float(self.item.mesh.bounds[1, 2])
        start = template_pose(points, np.deg2rad(tilt), top + 0.03, targets.x)
        grasp = solver.solve(start, points.hand.pregrasp_joints, targets)
        attempt = Attempt(
            T_object_wrist=grasp.T_object_wrist,
            approach=np.array([0.0, 0.0, APPROACH_DISTANCE]),
            open_joints=solver.opened(grasp, OPENING),
            joints=grasp.joints,
        )
        return grasp, attempt

    def human(self, hand: str) -> tuple[Grasp, Attempt] | None:
        """A sound grasp of a hand that is not simulated: the first good one, or the best."""
        best: tuple[Grasp, Attempt] | None = None
        for tilt in TILTS:
            found = self.solve(hand, self.usual, tilt)
            grasp = found[0]
            if sound(grasp) and (best is None or grasp.quality < best[0].quality):
                best = found
            if best is not None and best[0].quality < GOOD_QUALITY:
                break
        return best

    def robot(self, hand: str, targets: ContactTargets) -> tuple[Grasp, Attempt, float] | None:
        """The grasp nearest to the template that lifts the object every time, or nearly.

        Returns:
            grasp, how to carry it out, and the share of disturbed trials that lifted the object;
            None where no template reached ``NEEDED``.
        """
        trial = None
        best: tuple[Grasp, Attempt, float] | None = None
        for raised in RAISES:
            for tilt in TILTS:
                aimed = replace(
                    targets,
                    finger_height=targets.finger_height + raised,
                    thumb_height=targets.thumb_height + raised,
                )
                grasp, attempt = self.solve(hand, aimed, tilt)
                if not sound(grasp) or not self.reaches(hand, attempt):
                    continue
                trial = trial or Trial(hand, self.item)
                share = tried(trial, attempt, NEEDED if best is None else best[2] + 0.01)
                if best is None or share > best[2]:
                    best = (grasp, attempt, share)
                if share == 1.0:
                    return best
        return best if best is not None and best[2] >= NEEDED else None

    def reaches(self, hand: str, attempt: Attempt) -> bool:
        """Whether the arm can bring the hand there where the object stands, and lift it."""
        trajectory = make_trajectory(TaskKind.GRAB, self.item.T_world_object, self.item.top)
        return reachable(grasp_motion(load_hand(hand), attempt, trajectory))


def reachable(motion: HandMotion) -> bool:
    """Whether the arm can carry the hand along the whole motion."""
    arm = load_arm()
    try:
        arm.solve_path(motion.T_world_wrist[::3], load_hand(motion.hand), arm.home)
    except UnihmError:
        return False
    return True


def sound(grasp: Grasp) -> bool:
    """Thumb and two fingers touch, and nothing enters the object or the table.

    The closure quality is no condition: on narrow objects it refuses grasps that hold in physics.
    """
    return bool(
        grasp.touching[0]
        and grasp.touching.sum() >= min(3, len(grasp.touching))
        and grasp.penetration < 0.004
        and grasp.table_clearance > -0.002
    )


def tried(trial: Trial, attempt: Attempt, needed: float) -> float:
    """Share of the disturbed trials that lift; given up as soon as ``needed`` is out of reach."""
    cases = disturbances()
    lifted = 0
    for done, disturbance in enumerate(cases, start=1):
        lifted += trial.lifts(attempt, disturbance)
        if lifted + len(cases) - done < needed * len(cases):
            break
    return lifted / len(cases)
