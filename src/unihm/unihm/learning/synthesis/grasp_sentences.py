"""Sentences that ask for a grasp which is there: its labels in many people's words."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from unihm.grasps.chooser import FROM_ABOVE, MOSTLY
from unihm.grasps.parts import find_part
from unihm.learning.datasets.grasp_set import GraspSet, LabelledGrasp
from unihm.learning.datasets.instructions import make_instructions
from unihm.perception.language.manner import PARTS as PLACE_WORDS
from unihm.robots import load_hand
from unihm.types import TaskKind

SIDES = {
    "above": ("from above", "from the top", "from straight above", "with the palm down"),
    "side": ("from the side", "from one side", "sideways", "with the hand level"),
}
BY = ("by the {}", "by its {}", "at the {}", "holding the {}")
PLACES = ("top", "bottom", "middle", "end")  # meanings of words that a cloud alone can tell
COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}
PLAIN = 0.3  # share of the sentences that say nothing of the manner


class GraspSentences:
    """Writes sentences for the grasps of one object."""

    def __init__(self, grasps: GraspSet) -> None:
        self._shape = grasps.object_id.split("-")[0]
        self._tree = cKDTree(grasps.cloud.points)
        self._places = {place: find_part(grasps.cloud, place) for place in PLACES}

    def manners(self, grasp: LabelledGrasp) -> list[list[str]]:
        """What can truly be said of a grasp: ways to say its side, its part, its fingers."""
        said = [list(SIDES["above" if grasp.above > FROM_ABOVE else "side"])]
        parts = [grasp.part] if grasp.part and grasp.part_share >= MOSTLY else []
        contacts = grasp.contacts[np.isfinite(grasp.contacts[:, 0])]
        if len(contacts):
            _, nearest = self._tree.query(contacts)
            for place, where in self._places.items():
                if where is not None and where[nearest].mean() >= MOSTLY:
                    parts += [word for word, meant in PLACE_WORDS.items() if meant == place]
        if parts:
            said.append([way.format(part) for part in dict.fromkeys(parts) for way in BY])
        names = load_hand(grasp.hand).finger_names
        touching = [name for name, force in zip(names, grasp.forces) if np.isfinite(force)]
        if grasp.fingers in COUNTS:
            number = COUNTS[grasp.fingers]
            said.append([f"with {number} fingers", f"using {number} fingers"])
            if len(touching) == len(names):
                said[-1] += ["with the whole hand", "with all fingers"]
            elif len(touching) <= 3:
                said[-1] += [f"with the {', '.join(touching[:-1])} and {touching[-1]} finger"]
        return said

    def write(self, grasp: LabelledGrasp, count: int, rng: np.random.Generator) -> list[str]:
        """``count`` sentences: some plain, most with one or two words of manner."""
        manners = self.manners(grasp)
        found = []
        for request in make_instructions(TaskKind.GRAB, self._shape, "", "", rng, count=count):
            words = [request.rstrip(".")]
            if rng.random() > PLAIN:
                most = min(int(rng.integers(1, 3)), len(manners))
                chosen = rng.choice(len(manners), most, replace=False)
                words += [str(rng.choice(manners[k])) for k in chosen]
            found.append(" ".join(words))
        return found
