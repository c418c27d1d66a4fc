"""Do grasps obey the words of manner? Judged by what touches in physics, and where."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from unihm.errors import UnihmError
from unihm.evaluation.grasps.attempts import attempt_of
from unihm.grasps import GraspChooser
from unihm.grasps.chooser import FROM_ABOVE, MOSTLY
from unihm.learning.synthesis.grasp_sets import labelled, part_names
from unihm.learning.synthesis.grasps.trial import TOUCH, Trial
from unihm.learning.synthesis.objects import TableObject
from unihm.perception.trajectory import make_trajectory
from unihm.pipeline import wrist_at_home
from unihm.robots import load_hand
from unihm.types import FloatArray, Task, TaskKind

#: Parts that are asked for by their name where an object has one of them, the first one found.
THIN = ("handle", "stem", "neck")
COUNTS = {"two": 2, "three": 3}


def manners(names: np.ndarray) -> list[str]:
    """The eight manners that an object with parts (N,) is asked for in."""
    thin = next(part for part in THIN if part in names)
    return [
        "from above",
        "from the side",
        f"by the {thin}",
        "by the top",
        "by the base",
        "by the middle",
        "with two fingers",
        "with three fingers",
    ]


@dataclass(frozen=True)
class Asked:
    """One object, asked for in one manner.

    Attributes:
        object: its name.
        hand: file in ``config/hands``.
        words: of manner.
        refused: the sentence, where there was no such grasp.
        lifted: whether it lifted in physics.
        obeyed: whether what touched, and where, was as asked.
        others: share of the other seven manners that the same grasp obeys: shuffled words.
        fingers, part, above: what was measured.
    """

    object: str
    hand: str
    words: str
    refused: str = ""
    lifted: bool = False
    obeyed: bool = False
    others: float = 0.0
    fingers: int = 0
    part: str = ""
    above: float = 0.0


def ask(chooser: GraspChooser, item: TableObject, hand_name: str) -> list[Asked]:
    """Ask for one object in eight manners, and try what is chosen."""
    hand, names = load_hand(hand_name), part_names(item)
    trajectory = make_trajectory(TaskKind.GRAB, item.T_world_object, item.top)
    trial, rows = Trial(hand_name, item), []
    for words in manners(names):
        task = Task("", f"pick up the object {words}", hand_name)
        try:
            chosen = chooser.choose(
                task, trajectory, item.cloud, hand.open_joints, wrist_at_home(hand)
            )
        except UnihmError as error:
            rows.append(Asked(item.object_id, hand_name, words, refused=error.message))
            continue
        attempt = attempt_of(chosen.motion)
        held = trial.holds(attempt)
        if held is None:
            rows.append(Asked(item.object_id, hand_name, words))
            continue
        label = labelled(hand, attempt, held, item, names)
        touching = held.fingers > TOUCH
        contacts = held.points[touching]
        others = [w for w in manners(names) if w != words]
        facts = (contacts, int(touching.sum()), label.above, item, names)
        rows.append(
            Asked(
                item.object_id,
                hand_name,
                words,
                lifted=True,
                obeyed=obeys(words, *facts),
                others=float(np.mean([obeys(w, *facts) for w in others])),
                fingers=int(touching.sum()),
                part=label.part,
                above=label.above,
            )
        )
    return rows


def obeys(
    words: str,
    contacts: FloatArray,
    fingers: int,
    above: float,
    item: TableObject,
    names: np.ndarray,
) -> bool:
    """Whether a grasp is as the words ask for.

    Args:
        words: of :func:`manners`.
        contacts: (C, 3) object frame, of the fingers that press.
        fingers: how many do.
        above: degrees above the horizon at which the palm is seen from the contacts.
        item: the object.
        names: (N,) the part of each point of its cloud.
    """
    if words.startswith("from"):
        return bool((above > FROM_ABOVE) == (words == "from above"))
    if words.startswith("with"):
        return fingers == COUNTS[words.split()[1]]
    if len(contacts) == 0:
        return False
    part = words.split()[-1]
    low, high = item.cloud.points.min(axis=0), item.cloud.points.max(axis=0)
    share = (contacts - low) / (high - low)
    if part == "top":
        there = share[:, 2] > 0.6
    elif part == "base" and "base" not in names:
        there = share[:, 2] < 0.4
    elif part == "middle":
        axis = int(np.argmax(high - low))
        there = np.abs(share[:, axis] - 0.5) < 0.25
    else:
        _, nearest = cKDTree(item.cloud.points).query(contacts)
        there = names[nearest] == part
    return bool(there.mean() >= MOSTLY)


def as_rows(asked: list[Asked]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(row) for row in asked]
