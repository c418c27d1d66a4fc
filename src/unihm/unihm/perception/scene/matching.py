"""Which of the objects on the table a phrase means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.colors import NAMES, SIMILARITY
from unihm.perception.language import Phrase, Relation
from unihm.perception.language.nouns import NOUNS, VAGUE, lookup
from unihm.perception.scene.describe import MEASURES, SHAPE_WORDS, DetectedObject
from unihm.types import FloatArray

# An object whose words fit less than this is not what was meant.
FOUND = 0.22
# Two objects whose scores differ by less than this share are told apart by nobody.
TIE = 0.8
# Later shape classes of a noun count a little less than its first.
_CLASS_DECAY = 0.85
# A kind that does not look right, beside a colour that does: shapes are often misjudged.
_COLORED_MISFIT = 0.3
# An object with less than this share of the best colour fit is not what was meant.
_COLOR_CHANCE = 0.1
# Where so little of the best one has the colours that were said, whatever fits at least this share
# as well is as likely: an orange box is not "the red box" because the others are still less red.
_PALE, _PALE_TIE = 0.4, 0.4
# Of two that fit equally the one with less than this share of the other's points, and no farther
# from it than this, in metres, is a piece of it.
_PIECE, _PARTED = 0.6, 0.012
# A word that is not understood beside words that are: fits everything, a little; one for what there
# are toys of less, so that the colour must be right.
_UNKNOWN_NOUN, _TOY = 0.6, 0.3

# Viewer behind the robot, looking along +x: left is +y, near is small x.
AXES = {"left": (0.0, 1.0), "right": (0.0, -1.0), "near": (-1.0, 0.0), "far": (1.0, 0.0)}
_RELATION_AXES = {**AXES, "front": AXES["near"], "behind": AXES["far"]}


# How well each object fits the words of colour and kind: (N,) from 0 to 1.
Scorer = Callable[[Phrase, list[DetectedObject]], FloatArray]


class AmbiguousPhrase(UnihmError):
    """OBJECT_AMBIGUOUS, with what the words may mean.

    Attributes:
        candidates: two or more.
    """

    def __init__(self, message: str, candidates: list[DetectedObject]) -> None:
        super().__init__(ErrorCode.OBJECT_AMBIGUOUS, message)
        self.candidates = candidates


def score_by_geometry(phrase: Phrase, objects: list[DetectedObject]) -> FloatArray:
    """Colours by name, and kinds by the primitive that fits: no weights.

    Fitting takes time, so that it is done only for objects whose colour may be meant.
    """
    scores = np.array([color_fit(phrase, o) for o in objects])
    for k in np.flatnonzero(scores >= _COLOR_CHANCE * scores.max(initial=0.0)):
        scores[k] *= kind_fit(phrase, objects[k])
    return scores


def find(
    phrase: Phrase,
    objects: list[DetectedObject],
    scorer: Scorer = score_by_geometry,
    clicked: DetectedObject | None = None,
) -> DetectedObject:
    """The object that ``phrase`` means.

    Words of colour and kind must fit; words of size and place compare the objects that do.
    Where several fit equally, "a box" or "any box" is the one nearest to the robot, and
    "the box" is an error, because guessing wrong moves the wrong thing.

    Args:
        phrase: what was said.
        objects: what is there.
        scorer: says how well colours and kinds fit.
        clicked: one of the objects, which a person has pointed at: of several that fit the words it
            is the one, and no other than it.

    Raises:
        UnihmError: OBJECT_NOT_FOUND.
        AmbiguousPhrase: the words fit several.
    """
    scores = score(phrase, objects, scorer)
    if clicked is not None:
        if scores[[one is clicked for one in objects]].max() >= FOUND:
            return clicked
        raise UnihmError(
            ErrorCode.OBJECT_NOT_FOUND,
            f"What was clicked is {where(clicked)}; it is no '{phrase.words.strip()}'.",
        )
    best = float(scores.max(initial=0.0))
    if best < FOUND:
        there = ", ".join(o.words for o in objects) or "nothing"
        raise UnihmError(
            ErrorCode.OBJECT_NOT_FOUND,
            f"There is no '{phrase.words.strip()}' on the table; there is {there}.",
        )
    is_pale = color_fit(phrase, objects[int(scores.argmax())]) < _PALE
    tie = _PALE_TIE if phrase.colors and is_pale else TIE
    tied = _without_pieces([o for o, s in zip(objects, scores) if s >= tie * best])
    if len(tied) > 1 and not phrase.any_will_do:
        raise AmbiguousPhrase(
            f"'{phrase.words.strip()}' fits {len(tied)} objects ({', '.join(map(where, tied))}); "
            "add a colour, a size or a place such as 'left' or 'nearest', or say 'any'.",
            tied,
        )
    return min(tied, key=lambda o: float(np.hypot(*o.center[:2])))


def _without_pieces(things: list[DetectedObject]) -> list[DetectedObject]:
    """Without what is rather a piece of a larger one, parted from it by its own shadow or gap."""

    def is_piece(one: DetectedObject, other: DetectedObject) -> bool:
        small, large = one.cluster.points, other.cluster.points
        if one is other or len(small) > _PIECE * len(large):
            return False
        return float(cKDTree(large).query(small)[0].min()) < _PARTED

    return [one for one in things if not any(is_piece(one, other) for other in things)]


def score(
    phrase: Phrase, objects: list[DetectedObject], scorer: Scorer = score_by_geometry
) -> FloatArray:
    """(N,) from 0 to 1: how well each object fits the phrase."""
    if not objects:
        return np.zeros(0)
    scores = scorer(phrase, objects)
    for relation in phrase.relations:
        scores = scores * _related(relation, objects, scorer)
    # Comparatives choose among the objects that the other words leave.
    rivals = scores >= max(0.5 * scores.max(), FOUND)
    counts = [phrase.rank if k == 0 and not phrase.place else 1 for k in range(len(phrase.sizes))]
    for word, rank in zip(phrase.sizes, counts):
        if word in SHAPE_WORDS:
            scores = scores * [max(o.shapes[s] for s in SHAPE_WORDS[word]) ** 0.5 for o in objects]
        else:
            values = np.array([MEASURES[word](o.extents) for o in objects])
            scores = scores * _preference(values, rivals, 0.004, rank)
    if phrase.place:
        positions = np.stack([o.center[:2] for o in objects])
        values, rivals = _along(phrase.place, positions, rivals)
        scores = np.where(rivals, scores, 0.5 * scores)
        scores = scores * _preference(values, rivals, 0.015, phrase.rank)
    return scores


def color_fit(phrase: Phrase, thing: DetectedObject) -> float:
    """Share of the object that has the colours, near colours counting in part."""
    factor = 1.0
    if phrase.colors:
        shares = [float(SIMILARITY[NAMES.index(c)] @ thing.colors) for c in phrase.colors]
        # Each of several colours need only cover its part of the object.
        needed = 0.75 / len(phrase.colors)
        factor = float(np.mean([min(1.0, share / needed) for share in shares]))
    for name in phrase.not_colors:
        factor *= 1.0 - float(thing.colors[NAMES.index(name)])
    for noun in phrase.not_nouns:
        factor *= 1.0 - kind_fit(Phrase(noun=noun), thing)
    return factor


def kind_fit(phrase: Phrase, thing: DetectedObject) -> float:
    """How well the shape fits the noun; 0 for a thing that stands on no table."""
    if not phrase.noun:
        return 1.0
    noun, similarity = lookup(phrase.noun)
    if not noun:
        described = phrase.colors or phrase.sizes or phrase.place
        if not described or similarity == 0.0:
            return 0.0
        return _UNKNOWN_NOUN if similarity >= 0.5 else _TOY
    classes = NOUNS[noun]
    # How a thing lies says little of one that surely is of another class: no long box is a banana.
    other = max(value for shape, value in thing.shapes.items() if shape not in (*classes, *VAGUE))
    fit = max(
        _CLASS_DECAY**rank * thing.shapes[shape] * (1.0 - other if shape in VAGUE else 1.0)
        for rank, shape in enumerate(classes)
    )
    floor = _COLORED_MISFIT if phrase.colors else 0.05
    return similarity * (floor + (1.0 - floor) * fit**0.5)


def _along(
    place: str, positions: FloatArray, rivals: NDArray[np.bool_]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """How far each object (N, 2) is the way of a place, and which are compared.

    Of two words, "far left", the one of side says which half is meant.
    """
    span = positions[rivals] if rivals.any() else positions
    middle = (span.min(axis=0) + span.max(axis=0)) / 2
    sides = [part for part in place.split() if part in ("left", "right")]
    others = [part for part in place.split() if part not in sides]
    if sides and others:
        half = (positions - middle) @ np.array(AXES[sides[0]]) > 0
        rivals = rivals & half if (rivals & half).any() else rivals
    way = (others or sides)[0]
    if way == "middle":
        return -np.linalg.norm(positions - middle, axis=1), rivals
    if way == "near":
        return -np.linalg.norm(positions, axis=1), rivals
    return positions @ np.array(AXES[way]), rivals


def _related(relation: Relation, objects: list[DetectedObject], scorer: Scorer) -> FloatArray:
    """(N,) how well each object stands in the relation to what it names; 0 where that is absent."""
    anchors: list[int] = []
    count = 2 if relation.name == "between" else 1
    for thing in relation.things:
        fits = score(thing, objects, scorer)
        order = [int(k) for k in np.argsort(-fits, kind="stable") if int(k) not in anchors]
        chosen = order[: count if len(relation.things) == 1 else 1]
        if not chosen or fits[chosen[-1]] < FOUND:
            return np.zeros(len(objects))
        anchors += chosen
    centers = np.stack([o.center for o in objects])
    offsets = centers - centers[anchors].mean(axis=0)
    distance = np.linalg.norm(offsets[:, :2], axis=1)
    if relation.name in ("beside", "on", "in", "of", "under", "between"):
        fit = np.exp(-distance / 0.15)
    elif relation.name == "apart":
        fit = distance.copy()
    else:
        axis = np.sum([_RELATION_AXES[part] for part in relation.name.split()], axis=0)
        along = offsets[:, :2] @ (axis / np.linalg.norm(axis))
        fit = np.where(along > 0.01, along / np.maximum(distance, 1e-6), 0.0)
        fit = fit * np.exp(-distance / 0.8)
    fit[anchors] = 0.0
    return fit / max(fit.max(), 1e-6)


def _preference(values: FloatArray, rivals: np.ndarray, tie: float, rank: int = 1) -> FloatArray:
    """(N,) 1 for the largest value among the rivals, 0.5 behind it by more than ``tie``.

    With a rank, 1 for the second, third, ... largest alone; all 0 where there are not so many.
    """
    if not rivals.any():
        return np.ones(len(values))
    if rank > 1:
        ordered = np.flatnonzero(rivals)[np.argsort(-values[rivals], kind="stable")]
        if len(ordered) < rank:
            return np.zeros(len(values))
        return np.where(np.arange(len(values)) == ordered[rank - 1], 1.0, 0.5)
    behind = values[rivals].max() - values
    return np.where(behind <= tie, 1.0, 0.5)


def where(thing: DetectedObject) -> str:
    """Such as "a red box 0.52 m away on the left", for people."""
    side = "left" if thing.center[1] > 0 else "right"
    return f"a {thing.words} {np.hypot(*thing.center[:2]):.2f} m away on the {side}"
