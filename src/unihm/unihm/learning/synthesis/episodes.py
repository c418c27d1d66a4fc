"""Makes episodes: a random object, a human grasp of it, the same grasp by robot hands, physics.

For one object, first the human hand is solved from the template; then every robot hand, aiming at
the human's contacts. A robot's grasp is kept where it lifts the object in physics, also with the
object displaced; of those that do, the one nearest to the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unihm.control.grasp_motion import Attempt, grasp_motion
from unihm.learning.datasets.episode import Episode, EpisodeView
from unihm.learning.datasets.instructions import make_instructions
from unihm.learning.synthesis.grasps.hand_points import hand_points
from unihm.learning.synthesis.grasps.object_grasps import ObjectGrasps, human_targets, reachable
from unihm.learning.synthesis.grasps.push import push_motion, solve_push
from unihm.learning.synthesis.grasps.trial import Trial
from unihm.learning.synthesis.objects import REACH_X, REACH_Y, TableObject, sample_object
from unihm.learning.synthesis.views import view
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.types import FloatArray, HandMotion, ObjectTrajectory, TaskKind

DEFAULT_HANDS = ("human", "xhand", "inspire")
PUSH_EVERY = 3  # objects
VIEWS = 2  # of each object


@dataclass(frozen=True)
class Rejection:
    """Why an object gave no episode, in a word or two for the statistics."""

    object_id: str
    reason: str


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
        info["quality"]["human"] = _finite(grasp.quality)
        targets = human_targets(grasp, targets)
    for hand in hands:
        if hand == "human":
            continue
        found = grasps.robot(hand, targets)
        if found is not None:
            grasp, attempts[hand], info["lifted"][hand] = found
            info["quality"][hand] = _finite(grasp.quality)
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


def _finite(quality: float) -> float | None:
    """JSON knows no infinity."""
    return quality if np.isfinite(quality) else None


def grab_trajectory(item: TableObject, rng: np.random.Generator) -> ObjectTrajectory:
    """Up by about 15 cm."""
    return make_trajectory(
        TaskKind.GRAB,
        item.T_world_object,
        item.top,
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
        item.top,
        place_position=np.array([*place, height]),
        lift=rng.uniform(0.12, 0.18),
        description=f"{item.colour} {item.shape}",
    )


def _push_episode(
    grasps: ObjectGrasps,
    hands: Sequence[str],
    info: dict[str, Any],
    views: tuple[EpisodeView, ...],
    rng: np.random.Generator,
) -> Episode | None:
    """The object pushed to one of four sides, by the hands that manage it; None if no robot."""
    item = grasps.item
    angle = rng.integers(4) * np.pi / 2
    direction = np.array([np.cos(angle), np.sin(angle), 0.0])
    distance = rng.uniform(0.08, 0.12)
    trajectory = make_trajectory(
        TaskKind.PUSH,
        item.T_world_object,
        item.top,
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
    if set(motions) <= {"human"} and set(hands) != {"human"}:
        return None
    return _episode(item, trajectory, motions, info, views, rng, direction)


def _episode(
    item: TableObject,
    trajectory: ObjectTrajectory,
    motions: dict[str, HandMotion],
    info: dict[str, Any],
    views: tuple[EpisodeView, ...],
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
