"""Which object the affordance means, together with what words say for certain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unihm.perception.language.command import Phrase
from unihm.perception.language.nouns import lookup
from unihm.perception.planner.cliport.heightmap import Heightmap
from unihm.perception.planner.cliport.predictor import Affordances, CliportPredictor, PickMap
from unihm.perception.planner.selection import middle_of
from unihm.perception.scene import DetectedObject, TableScene
from unihm.perception.scene.matching import FOUND, color_fit, kind_fit
from unihm.types import FloatArray, IntArray, RgbdObservation

# Exponents of the network's share for an object, relative to the best one and not below LEAST, and
# of its fit in kind, beside that of its colour: what is right most often on rendered tables and
# recorded frames together. The network alone is too sure of itself on real images (with this LEAST
# it breaks no tie of `matching.TIE`), and its word that a thing is not there told nothing.
WEIGHT, KIND_WEIGHT, LEAST = 0.25, 0.7, 0.5
# What the network prefers fits by colour and shape at least this well, relative to the best.
AGREEMENT = 0.9
# Fit by colour and shape from which on there is no doubt.
CERTAIN = 0.85
# Share of the best score below which an object's shape is not looked at.
UNLIKELY = 0.1


def clause_of(phrase: Phrase) -> str:
    """The words of colour and kind as the network knows them; empty where there are none.

    A kind that it does not know by this name is asked for by the name that it knows.
    """
    if not phrase.colors and not phrase.noun:
        return ""
    known = lookup(phrase.noun)[0] if phrase.noun else "object"
    return " ".join([*phrase.colors, *(known or phrase.noun).split()])


@dataclass(frozen=True)
class PickAffordance:
    """Where the thing that was asked for may be picked.

    Attributes:
        heightmap: the table from above.
        shares: (H, W) of the soft-max, one for each of its cells.
    """

    heightmap: Heightmap
    shares: NDArray[np.float32]


class CliportScorers:
    """The trained network as the planner's back end.

    It is a :class:`unihm.perception.planner.selection.ScorerBackend`.
    """

    def __init__(self, predictor: CliportPredictor) -> None:
        self._predictor = predictor

    @classmethod
    def load(cls, weights: str) -> CliportScorers:
        """The network of a preset; raises WEIGHTS_MISSING."""
        return cls(CliportPredictor.load(weights))

    def scorer(self, observation: RgbdObservation, scene: TableScene) -> AffordanceScorer:
        """The affordances of one image."""
        return AffordanceScorer(
            self._predictor.predict(observation, scene.points, scene.table.offset)
        )


class AffordanceScorer:
    """Says how well objects fit a phrase, by the affordances of one image.

    It is a :class:`unihm.perception.planner.selection.ReferenceScorer`.

    Args:
        affordances: of the image.
    """

    def __init__(self, affordances: Affordances) -> None:
        self._affordances = affordances
        self._maps: dict[str, PickMap] = {}

    def __call__(self, phrase: Phrase, objects: list[DetectedObject]) -> FloatArray:
        """(N,) from 0 to 1."""
        found = self._map_of(clause_of(phrase) or "object")
        colors = np.array([color_fit(phrase, o) for o in objects])
        if not objects or not phrase.noun:  # of colours alone there is nothing to learn
            return colors
        cells = [self._cells(o, found) for o in objects]
        # Of two that fit equally the larger one fits no better.
        shares = np.array([c.mean() if len(c) else np.nan for c in cells])  # NaN beyond the map
        ratio = np.ones(len(objects))
        if np.nansum(shares) > 0:
            ratio = shares / np.nanmax(shares)
            ratio = np.maximum(np.nan_to_num(ratio, nan=float(np.nanmedian(ratio))), LEAST)
        scores, rule = colors * ratio**WEIGHT, colors.copy()
        for k in np.flatnonzero(scores >= UNLIKELY * scores.max()):
            kind = kind_fit(phrase, objects[k])
            scores[k] *= kind**KIND_WEIGHT
            rule[k] *= kind
        # What hardly fits by colour and shape is not meant, whatever the network says; what fits
        # for certain, it does not doubt.
        scores = np.where(rule < FOUND, np.minimum(scores, rule), scores)
        scores = np.where(rule >= CERTAIN, np.maximum(scores, rule), scores)
        chosen, other = int(scores.argmax()), int(rule.argmax())
        if rule[chosen] < AGREEMENT * rule[other]:  # one says this, the other that: a tie
            scores[other] = scores[chosen]
        return scores

    @property
    def affordance(self) -> PickAffordance | None:
        """Of what was asked for first: the target."""
        first = next(iter(self._maps.values()), None)
        if first is None:
            return None
        return PickAffordance(self._affordances.heightmap, first.shares)

    def _map_of(self, clause: str) -> PickMap:
        """Pick affordance of a clause."""
        if clause not in self._maps:
            self._maps[clause] = self._affordances.pick(clause)[0]
        return self._maps[clause]

    def _cells(self, thing: DetectedObject, found: PickMap) -> FloatArray:
        """(C,) shares of the cells of the map that show an object."""
        rows, columns = self._cells_of(thing).T
        return found.shares[rows, columns].astype(float)

    def _cells_of(self, thing: DetectedObject) -> IntArray:
        """(C, 2) rows and columns of the cells that an object covers."""
        shape = self._affordances.heightmap.height.shape
        cells = np.rint(self._affordances.heightmap.to_pixel(thing.cluster.points[:, :2]))
        inside = (cells >= 0).all(axis=1) & (cells < shape).all(axis=1)
        covered = np.zeros(shape, bool)
        covered[tuple(cells[inside].astype(np.int64).T)] = True
        return np.argwhere(covered)

    def pick_point(self, target: DetectedObject, phrase: Phrase) -> FloatArray:
        """(3,) as :func:`middle_of`: the network's best cell is often at a rim or a border."""
        return middle_of(target)
