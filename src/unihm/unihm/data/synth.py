"""Makes episodes: a random object, a human grasp of it, the same grasp by robot hands, physics.

For one object, first the human hand is solved from the template; then every robot hand, aiming at
the human's contacts. A robot's grasp is kept where it lifts the object in physics, also with the
object displaced; of those that do, the one nearest to the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unihm.control.arm import load_arm
from unihm.data.distance_field import DistanceField
from unihm.data.episode import Episode, View
from unihm.data.grasp_motion import APPROACH_DISTANCE, Attempt, grasp_motion
from unihm.data.grasp_solver import Grasp, GraspSolver, Targets
from unihm.data.hand_points import HandPoints, hand_points
from unihm.data.instructions import make_instructions
from unihm.data.objects import REACH_X, REACH_Y, TableObject, sample_object
from unihm.data.push import push_motion, solve_push
from unihm.data.trial import Trial, disturbances
from unihm.data.views import view
from unihm.errors import UnihmError
from unihm.hands import load_hand
from unihm.perception.trajectory import make_trajectory
from unihm.transforms import make_transform
from unihm.types import FloatArray, HandMotion, ObjectTrajectory, TaskKind

DEFAULT_HANDS = ("human", "xhand", "inspire")
#: How far the palm looks below the horizon in the template, and what is tried next; degrees.
TILTS = (50.0, 40.0, 60.0, 25.0)
#: Heights of the contacts above the usual one that are tried, metres.
RAISES = (0.0, -0.01, 0.012)
OPENING = 0.025  # m between pads and surface before the fingers close
CONTACT_HEIGHT = 0.4  # of the object's height
LOWEST_CONTACT = 0.018  # m above the table
GOOD_QUALITY = 8.0  # N/N; below it a human grasp needs no second template

PUSH_EVERY = 3  # objects
VIEWS = 2  # of each object
NEEDED = 0.6  # share of the disturbed trials that must lift the object


@dataclass(frozen=True)
class Rejection:
    """Why an object gave no episode, in a word or two for the statistics."""

    object_id: str
    reason: str


def usual_targets(item: TableObject) -> Targets:
    """Where any hand should touch: under the middle of the object, as low as the table lets it."""
    low, high = item.mesh.bounds[:, 2]
    height = max(low + LOWEST_CONTACT, low + CONTACT_HEIGHT * (high - low))
    middle = float(item.cloud.points[:, 0].mean())  # about the centre of mass
    return Targets(middle, height, height, item.table_height)


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


class ObjectGrasps:
    """Solves and tries the grasps of one object."""

    def __init__(self, item: TableObject) -> None:
        self.item = item
        self.field = DistanceField(item.solid.vertices, item.solid.faces)
        self.usual = usual_targets(item)

    def solve(self, hand: str, targets: Targets, tilt: float) -> tuple[Grasp, Attempt]:
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

    def robot(self, hand: str, targets: Targets) -> tuple[Grasp, Attempt, float] | None:
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
        trajectory = make_trajectory(TaskKind.GRAB, self.item.T_world_object, _top(self.item))
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


def synthesise(
    seed: int, index: int, hands: Sequence[str] = DEFAULT_HANDS
) -> list[Episode] | Rejection:
    """Episodes with object ``index`` of series ``seed``, one per task.

    Robot hands that find no grasp are left out; the object is rejected where none does.
    """
    item = sample_object(seed, index)
    grasps = ObjectGrasps(item)
    info: dict[str, Any] = {
        "shape": item.shape,
        "measures": item.measures,
        "colour": item.colour,
        "mass": item.mass,
        "quality": {},
        "lifted": {},
    }
    attempts: dict[str, Attempt] = {}
    targets = grasps.usual
    if "human" in hands:
        human = grasps.human("human")
        if human is None:
            return Rejection(item.object_id, "no human grasp")
        grasp, attempts["human"] = human
        info["quality"]["human"] = grasp.quality
        targets = human_targets(grasp, targets)
    for hand in hands:
        if hand == "human":
            continue
        found = grasps.robot(hand, targets)
        if found is not None:
            grasp, attempts[hand], info["lifted"][hand] = found
            info["quality"][hand] = grasp.quality
    if not info["lifted"] and set(hands) != {"human"}:
        return Rejection(item.object_id, "no robot grasp")

    rng = np.random.default_rng([seed, index, 1])
    looks = (view(item.mesh, item.T_world_object, rng) for _ in range(VIEWS))
    views = tuple(look for look in looks if look is not None)
    episodes = []
    for trajectory in (grab_trajectory(item, rng), place_trajectory(item, rng)):
        motions = {
            hand: grasp_motion(load_hand(hand), attempt, trajectory)
            for hand, attempt in attempts.items()
        }
        episodes.append(_episode(item, trajectory, motions, info, views, rng))
    if index % PUSH_EVERY == 0:
        pushed = _push_episode(grasps, hands, info, views, rng)
        if pushed is not None:
            episodes.append(pushed)
    return episodes


def human_targets(grasp: Grasp, usual: Targets) -> Targets:
    """The human's contacts as wishes for another hand, not lower than that hand may go."""
    thumb, fingers = grasp.contacts[0], grasp.contacts[1:]
    return Targets(
        x=float((thumb[0] + fingers[:, 0].mean()) / 2),
        finger_height=max(float(fingers[:, 2].mean()), usual.table + LOWEST_CONTACT),
        thumb_height=max(float(thumb[2]), usual.table + LOWEST_CONTACT),
        table=usual.table,
    )


def grab_trajectory(item: TableObject, rng: np.random.Generator) -> ObjectTrajectory:
    """Up by about 15 cm."""
    return make_trajectory(
        TaskKind.GRAB,
        item.T_world_object,
        _top(item),
        lift=rng.uniform(0.13, 0.18),
        description=f"{item.colour} {item.shape}",
    )


def place_trajectory(item: TableObject, rng: np.random.Generator) -> ObjectTrajectory:
    """To another place on the table, or on something up to 5 cm high."""
    place = item.T_world_object[:2, 3]
    while np.linalg.norm(place - item.T_world_object[:2, 3]) < 0.12:
        place = np.array([rng.uniform(*REACH_X), rng.uniform(*REACH_Y)])
    height = rng.choice([0.0, 0.01, rng.uniform(0.0, 0.05)])
    return make_trajectory(
        TaskKind.PICK_AND_PLACE,
        item.T_world_object,
        _top(item),
        place_position=np.array([*place, height]),
        lift=rng.uniform(0.12, 0.18),
        description=f"{item.colour} {item.shape}",
    )


def _top(item: TableObject) -> FloatArray:
    """(3,) world: the middle of the object's top."""
    return item.T_world_object[:3, 3] + [0.0, 0.0, item.mesh.bounds[1, 2]]


def _push_episode(
    grasps: ObjectGrasps,
    hands: Sequence[str],
    info: dict[str, Any],
    views: tuple[View, ...],
    rng: np.random.Generator,
) -> Episode | None:
    """The object pushed to one of four sides, by the hands that manage it; None if none does."""
    item = grasps.item
    angle = rng.integers(4) * np.pi / 2
    direction = np.array([np.cos(angle), np.sin(angle), 0.0])
    distance = rng.uniform(0.08, 0.12)
    trajectory = make_trajectory(
        TaskKind.PUSH,
        item.T_world_object,
        _top(item),
        push_direction=direction,
        push_distance=distance,
        description=f"{item.colour} {item.shape}",
    )
    motions = {}
    for hand in hands:
        push = solve_push(
            hand_points(hand),
            grasps.field,
            item.T_world_object[:3, :3].T @ direction,
            item.cloud.points.mean(axis=0),
            item.table_height,
        )
        motion = push_motion(load_hand(hand), push, trajectory)
        if hand == "human" or (
            reachable(motion) and Trial(hand, item).pushes(push, direction, distance)
        ):
            motions[hand] = motion
    if set(motions) <= {"human"}:
        return None
    return _episode(item, trajectory, motions, info, views, rng, direction)


def _episode(
    item: TableObject,
    trajectory: ObjectTrajectory,
    motions: dict[str, HandMotion],
    info: dict[str, Any],
    views: tuple[View, ...],
    rng: np.random.Generator,
    direction: FloatArray | None = None,
) -> Episode:
    return Episode(
        episode_id=f"{item.object_id}-{trajectory.kind.name.lower()}",
        source="synth",
        object_id=item.object_id,
        instructions=make_instructions(
            trajectory.kind, item.shape, item.colour, item.size, rng, direction
        ),
        trajectory=trajectory,
        cloud=item.cloud,
        motions=motions,
        vertices=np.asarray(item.mesh.vertices, float),
        faces=np.asarray(item.mesh.faces, np.int64),
        timestamps=np.arange(len(trajectory), dtype=float) * trajectory.dt,
        views=views,
        info=info,
    )
