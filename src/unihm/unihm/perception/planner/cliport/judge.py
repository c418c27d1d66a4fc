"""Which object the affordance means, together with what words say for certain."""

from __future__ import annotations

import numpy as np

from unihm.perception.language.nouns import lookup
from unihm.perception.language.parser import Phrase
from unihm.perception.planner.cliport.predictor import Affordances, PickMap
from unihm.perception.planner.cliport.vocabulary import CLAUSES
from unihm.perception.scene.describe import Seen
from unihm.perception.scene.matching import color_fit, kind_fit
from unihm.types import FloatArray, IntArray

# Between objects that the affordance does not tell apart by this factor, shapes are looked at.
UNSURE = 5.0
# Of objects that look the same to the rules (within ALIKE), an affordance this many times weaker
# than the best one is as good: soft-max exaggerates.
EQUAL, ALIKE = 2.0, 0.95
# Share of "it is not here" from which a thing is less and less believed to be there.
DOUBT = 0.75
# Share of a place affordance about its peak from which it is followed.
DECIDED = 0.3


def clause_of(phrase: Phrase) -> str:
    """The words of colour and kind as the network knows them; empty where there are none.

    A kind that it does not know by this name is asked for by the name that it knows.
    """
    if not phrase.colors and not phrase.noun:
        return ""
    known = lookup(phrase.noun)[0] if phrase.noun else "object"
    return " ".join([*phrase.colors, *(known or phrase.noun).split()])


class AffordanceJudge:
    """Says how well objects fit a phrase (a :data:`unihm.perception.scene.matching.Judge`).

    Args:
        affordances: of the image.

    Attributes:
        maps: the pick affordance of every clause that was asked for.
    """

    def __init__(self, affordances: Affordances) -> None:
        self.affordances = affordances
        self.maps: dict[str, PickMap] = {}

    def __call__(self, phrase: Phrase, objects: list[Seen]) -> FloatArray:
        """(N,) from 0 to 1."""
        clause = clause_of(phrase)
        colors = np.array([color_fit(phrase, o) for o in objects])
        if not objects or not phrase.noun:  # of colours alone there is nothing to learn
            self.map_of(clause or "object")
            return colors
        noun, likeness = lookup(phrase.noun)
        if likeness == 0.0:
            return np.zeros(len(objects))  # such a thing stands on no table
        found = self.map_of(clause)
        cells = [self.cells(o, found) for o in objects]
        beyond = np.array([not len(c) for c in cells])  # of the map: judged by rule alone
        # Of two that fit equally the larger one fits no better.
        shares = np.array([c.mean() if len(c) else 0.0 for c in cells])
        ratio = shares / max(float(shares.max()), 1e-9)
        rule, rivals = colors**0.5, ratio > 1.0 / UNSURE
        asked = beyond | (rivals if noun and rivals.sum() > 1 else False)
        for k in np.flatnonzero(asked):
            rule[k] *= kind_fit(phrase, objects[k])
        best = rule[int(np.argmax(ratio * rule**2))]
        alike = np.minimum(rule, best) >= ALIKE * np.maximum(rule, best)
        ratio = np.where(alike, np.minimum(1.0, EQUAL * ratio), ratio)
        present = min(1.0, (1.0 - found.absent) / (1.0 - DOUBT))
        return rule * np.where(beyond, 1.0, ratio * present) ** 0.5

    @property
    def asked(self) -> PickMap | None:
        """The map of what was asked for first: the target."""
        return next(iter(self.maps.values()), None)

    def map_of(self, clause: str) -> PickMap:
        """Pick affordance of a clause."""
        if clause not in self.maps:
            self.maps[clause] = self.affordances.pick(clause)[0]
        return self.maps[clause]

    def cells(self, thing: Seen, found: PickMap) -> FloatArray:
        """(C,) shares of the cells of the map that show an object."""
        rows, columns = self.cells_of(thing).T
        return found.shares[rows, columns].astype(float)

    def cells_of(self, thing: Seen) -> IntArray:
        """(C, 2) rows and columns of the cells that an object covers."""
        shape = self.affordances.heightmap.height.shape
        cells = np.rint(self.affordances.heightmap.to_pixel(thing.cluster.points[:, :2]))
        inside = (cells >= 0).all(axis=1) & (cells < shape).all(axis=1)
        covered = np.zeros(shape, bool)
        covered[tuple(cells[inside].astype(np.int64).T)] = True
        return np.argwhere(covered)

    def way(self, word: str, pick_point: FloatArray) -> FloatArray | None:
        """(2,) metres from a picked point (3,) to where a front goes that is to "open" or "close".

        None where the network has not decided on a place.
        """
        pick = self.affordances.heightmap.to_pixel(pick_point[:2])
        place = self.affordances.place(CLAUSES[word], np.rint(pick))
        if place.decision < DECIDED:
            return None
        return self.affordances.heightmap.to_world(place.best[0]) - pick_point[:2]

    def best_point(self, thing: Seen, phrase: Phrase) -> FloatArray:
        """(3,) the seen point of an object in the best of its cells."""
        clause = clause_of(phrase) or "object"
        points, cells = thing.cluster.points, self.cells_of(thing)
        if not len(cells):
            middle = np.median(points, axis=0)
        else:
            shares = self.map_of(clause).shares[cells[:, 0], cells[:, 1]]
            at = self.affordances.heightmap.to_world(cells[int(shares.argmax())].astype(float))
            near = points[np.linalg.norm(points[:, :2] - at, axis=1) < 0.008]
            middle = np.median(near, axis=0) if len(near) else np.array([*at, points[:, 2].max()])
        return points[int(np.linalg.norm(points - middle, axis=1).argmin())]
