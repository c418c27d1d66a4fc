"""Which of the objects on the table a phrase means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unihm.errors import ErrorCode, UnihmError
from unihm.geometry import covers
from unihm.perception.colors import NAMES, SIMILARITY, VIVID
from unihm.perception.language import Phrase, Relation, lexicon
from unihm.perception.language.nouns import COLORS, NOUNS, SIZES, THICKNESS, VAGUE, lookup
from unihm.perception.scene.certainty import LEAST_SURE, confidence
from unihm.perception.scene.describe import MEASURES, SHAPE_WORDS, DetectedObject
from unihm.perception.scene.frames import robust_range
from unihm.perception.scene.lying import LyingCylinder
from unihm.types import FloatArray

# An object whose words fit less than this is not what was meant.
FOUND = 0.22
# Two objects whose scores differ by less than this share are told apart by nobody.
TIE = 0.8
# Words of size and place compare what fits at least this share as well as the best.
_RIVAL = 0.6
# Later shape classes of a noun count a little less than its first.
_CLASS_DECAY = 0.85
# A kind that does not look right, beside a colour that does: shapes are often misjudged.
_COLORED_MISFIT = 0.3
# An object with less than this share of the best colour fit is not what was meant.
_COLOR_CHANCE = 0.1
# So much that is vivid names a thing whose rest is white, grey or black, a little less surely.
_NOTICED, _ACCENT = 0.3, 0.7
_UNSEEN = 0.5  # share of what is hidden by which two are told apart less
# Where so little of the best one has the colours that were said, whatever fits at least this share
# as well is as likely: an orange box is not "the red box" because the others are still less red.
_PALE, _PALE_TIE = 0.4, 0.4
# Of two that fit equally the one with less than this share of the other's points, and no farther
# from it than this, in metres, is a piece of it.
_PIECE, _PARTED = 0.6, 0.012
# A word that is not understood beside words that are: fits everything, a little; one for what there
# are toys of less, so that the colour must be right.
_UNKNOWN_NOUN, _TOY = 0.6, 0.3

# Share of the way from the middle between two things to either that is between them, and what the
# fit of "on" is where one is no higher than the other.
_INSIDE, _LEVEL = 0.45, 0.4
# Candidates that are named where the choice is not sure.
_LISTED = 3
# Square metres seen of a thing from which on it has a name; less is a sliver of something else.
_SLIVER = 0.0005
# How much smaller and larger than usual a thing may seem to be, the share of it that has the colour
# of its kind, and what remains of the fit of one that is not like its kind at all.
_SMALLER, _LARGER, _TYPICAL, _CONTRADICTED = 0.85, 1.2, 0.4, 0.15
_NOISE = 0.01  # m by which a thin thing may seem thicker
# Of a thing that is named by its kind alone the shape fits at least this well.
_ALONE = 0.5
# Share of a thing, and of a place on it, from which on its colour is surely that of a part there,
# and from which on it is rather that of the thing, which fits so well.
_PART, _MOST_OF_PART, _MOST_OF_IT, _ALL_OVER = 0.15, 0.5, 0.6, 0.6
# Share of its height from which on a lid begins, and to which a base reaches.
_UPPER, _LOWER = 0.75, 0.25
# Difference of brightness, of 1, that tells a light colour from a dark one.
_SHADE = 0.06
# Difference in height over length by which one stands rather, and the other lies.
_POSED = 0.35
# Metres from what is seen of a thing to the middle of one that stands on it; and between the foot
# of one and the top of the other, where no more than its edge is seen.
_CARRIED, _FOOT = 0.05, 0.02
# Metres from the middle of a thing within which something is on it or in it, if it is not larger.
_WITHIN = 0.15

# Viewer behind the robot, looking along +x: left is +y, near is small x.
AXES = {"left": (0.0, 1.0), "right": (0.0, -1.0), "near": (-1.0, 0.0), "far": (1.0, 0.0)}
_RELATION_AXES = {**AXES, "front": AXES["near"], "behind": AXES["far"]}


# How well each object fits the words of colour and kind: (N,) from 0 to 1.
Scorer = Callable[[Phrase, list[DetectedObject]], FloatArray]


class UnclearPhrase(UnihmError):
    """OBJECT_AMBIGUOUS or LOW_CONFIDENCE, with what the words may mean.

    Attributes:
        candidates: the likeliest first.
    """

    def __init__(self, code: ErrorCode, message: str, candidates: list[DetectedObject]) -> None:
        super().__init__(code, message)
        self.candidates = candidates


@dataclass(frozen=True)
class Match:
    """What words mean.

    Attributes:
        thing: the object.
        confidence: probability from 0 to 1 that it is the one; 1 where a person has pointed at it.
    """

    thing: DetectedObject
    confidence: float


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
) -> Match:
    """The object that ``phrase`` means, and how sure that is.

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
        UnclearPhrase: the words fit several, or hardly fit what they fit best.
    """
    scores = score(phrase, objects, scorer)
    if clicked is not None:
        enough = FOUND if clicked.seen_area > _SLIVER else _CONTRADICTED * FOUND
        if scores[[one is clicked for one in objects]].max() >= enough:
            return Match(clicked, 1.0)
        raise UnihmError(
            ErrorCode.OBJECT_NOT_FOUND,
            f"What was clicked is {where(clicked)}; it is no '{phrase.words.strip()}'.",
        )
    best = float(scores.max(initial=0.0))
    if best < FOUND:
        there = ", ".join(o.words for o in objects) or "nothing"
        words = phrase.words.strip()  # without those of place
        raise UnihmError(
            ErrorCode.OBJECT_NOT_FOUND,
            f"No '{words}' is where you say; there is {there}."
            if phrase.place or phrase.relations
            else f"There is no '{words}' on the table; there is {there}.",
        )
    is_pale = color_fit(phrase, objects[int(scores.argmax())]) < _PALE
    tie = _PALE_TIE if phrase.colors and is_pale else TIE
    if untold := [r.things[0].words for r in phrase.relations if _is_untold(r)]:
        tie = FOUND / best
    # By its kind alone nobody knows whether what is partly hidden would not fit as well.
    described = phrase.colors or phrase.sizes or phrase.place or phrase.relations
    unseen = 0.0 if described else _UNSEEN
    tied = _without_pieces(
        [o for o, s in zip(objects, scores) if s >= tie * (1.0 - unseen * o.hidden) * best]
    )
    if len(tied) > 1 and untold:
        raise UnclearPhrase(
            ErrorCode.OBJECT_AMBIGUOUS,
            f"Which of {len(tied)} ({', '.join(map(where, tied))}) has {untold[0]} I cannot see; "
            "add a colour, a size or a place, or point at it.",
            tied,
        )
    if len(tied) > 1 and not phrase.any_will_do:
        raise UnclearPhrase(
            ErrorCode.OBJECT_AMBIGUOUS,
            f"'{phrase.words.strip()}' fits {len(tied)} objects ({', '.join(map(where, tied))}); "
            "add a colour, a size or a place such as 'left' or 'nearest', or say 'any'.",
            tied,
        )
    others = [s for o, s in zip(objects, scores) if not any(o is one for one in tied)]
    sure = confidence([best, *others])
    if sure < LEAST_SURE:
        likeliest = [objects[k] for k in np.argsort(-scores)[:_LISTED] if scores[k] > 0.0]
        raise UnclearPhrase(
            ErrorCode.LOW_CONFIDENCE,
            f"'{phrase.words.strip()}' may mean {where(likeliest[0])}, but that is not sure "
            f"({100 * sure:.0f} %); add what else you see of it, or point at it.",
            likeliest,
        )
    return Match(min(tied, key=lambda o: float(np.hypot(*o.center[:2]))), sure)


def find_several(
    phrase: Phrase, objects: list[DetectedObject], scorer: Scorer = score_by_geometry
) -> list[DetectedObject]:
    """The objects that "the two plates" means: as many as were said, and no more that fit.

    Raises:
        UnihmError: OBJECT_NOT_FOUND where there are fewer.
        UnclearPhrase: OBJECT_AMBIGUOUS where there are more.
    """
    scores = score(phrase, objects, scorer)
    least = max(FOUND, TIE * float(scores.max(initial=0.0)))
    fit = _without_pieces([o for o, s in zip(objects, scores) if s >= least])
    if len(fit) < phrase.count:
        raise UnihmError(
            ErrorCode.OBJECT_NOT_FOUND,
            f"'{phrase.words.strip()}' fits {len(fit)} of what is on the table.",
        )
    if len(fit) > phrase.count:
        raise UnclearPhrase(
            ErrorCode.OBJECT_AMBIGUOUS,
            f"'{phrase.words.strip()}' fits {len(fit)} objects ({', '.join(map(where, fit))}); "
            "name both.",
            fit,
        )
    return fit


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
    scores = scores * [1.0 if o.seen_area > _SLIVER else _CONTRADICTED for o in objects]
    for relation in phrase.relations:
        scores = scores * _related(relation, objects, scorer)
    # Comparatives choose among the objects that the other words leave.
    rivals = scores >= max(_RIVAL * scores.max(), FOUND)
    counts = [phrase.rank if k == 0 and not phrase.place else 1 for k in range(len(phrase.sizes))]
    for word, rank in zip(phrase.sizes, counts):
        if word in SHAPE_WORDS:
            scores = scores * [max(o.shapes[s] for s in SHAPE_WORDS[word]) ** 0.5 for o in objects]
        else:
            values = np.array([MEASURES[word](o.extents) for o in objects])
            tie = _POSED if word in ("standing", "lying") else 0.004
            scores = scores * _preference(values, rivals, tie, rank)
    if phrase.shade:
        values = np.array(
            [o.brightness if phrase.shade == "light" else -o.brightness for o in objects]
        )
        scores = scores * _preference(values, rivals, _SHADE)
    if phrase.place:
        is_pile = not {"top", "bottom"}.isdisjoint(phrase.place.split())
        if is_pile:
            piled = _piled(objects)
            rivals = rivals & piled
            scores = scores * np.where(piled, 1.0, _CONTRADICTED)
        values, rivals = _along(phrase.place, objects, rivals)
        scores = np.where(rivals, scores, 0.5 * scores)
        fits = _preference(values, rivals, 0.015, phrase.rank)
        # What carries another is not on top of it, however well it fits otherwise.
        scores = scores * np.where(is_pile & (fits < 1.0), _CONTRADICTED, fits)
    return scores


def color_fit(phrase: Phrase, thing: DetectedObject) -> float:
    """Share of the object that has the colours, near colours counting in part."""
    factor = 1.0
    if phrase.colors:
        # Each of several colours need only cover its part of the object.
        needed = 0.75 / len(phrase.colors)
        shares = [_color_share(c, thing.colors) for c in phrase.colors]
        factor = float(np.mean([min(1.0, share / needed) for share in shares]))
    for name in phrase.not_colors:
        factor *= 1.0 - float(thing.colors[NAMES.index(name)])
    for noun in phrase.not_nouns:
        factor *= 1.0 - kind_fit(Phrase(noun=noun), thing)
    return factor


def _color_share(name: str, colors: FloatArray) -> float:
    """How much of an object of these colours (12,) has one; of what is vivid, where it is that.

    A white box with a red lid is "the red one" where nothing else on it has a colour.
    """
    similarity = SIMILARITY[NAMES.index(name)]
    share = float(similarity @ colors)
    if not VIVID[NAMES.index(name)]:
        return share
    vivid = float(colors[VIVID].sum())
    accent = _ACCENT * float(similarity[VIVID] @ colors[VIVID]) / max(vivid, 1e-9)
    return max(share, min(1.0, vivid / _NOTICED) * accent)


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
    similarity *= _looks_like(noun, phrase, thing)
    classes = NOUNS[noun]
    if "inverted" in phrase.sizes:
        classes = SHAPE_WORDS["inverted"]
        similarity *= _CONTRADICTED if isinstance(thing.fit.shape, LyingCylinder) else 1.0
    # How a thing lies says little of one that surely is of another class: no long box is a banana.
    other = max(value for shape, value in thing.shapes.items() if shape not in (*classes, *VAGUE))
    # Of what is half hidden nobody knows whether it is long or flat.
    certain = (1.0 - other) * (1.0 - thing.hidden) ** 2
    fit = max(
        _CLASS_DECAY**rank * thing.shapes[shape] * (certain if shape in VAGUE else 1.0)
        for rank, shape in enumerate(classes)
    )
    floor = _COLORED_MISFIT if phrase.colors else 0.05
    like = similarity * (floor + (1.0 - floor) * fit**0.5)
    return like if phrase.colors or like >= _ALONE else _CONTRADICTED * like


def _looks_like(noun: str, phrase: Phrase, thing: DetectedObject) -> float:
    """1 where size and colour are those of the kind, little where they are others."""
    fit = 1.0
    if noun in SIZES:
        least, most, second = SIZES[noun]
        sides = sorted(thing.outline[1])
        least *= max(_SMALLER - thing.hidden, 0.0)  # of what is partly hidden less is seen
        if sides[2] < least or sides[2] > most * _LARGER or sides[1] > second * _LARGER:
            fit = _CONTRADICTED
    if noun in THICKNESS:
        low, high = robust_range(thing.cluster.points[:, 2])
        if high - low > THICKNESS[noun] * _LARGER + _NOISE:
            fit = _CONTRADICTED
    if noun in COLORS and not phrase.colors:
        share = sum(float(thing.colors[NAMES.index(c)]) for c in COLORS[noun])
        fit *= max(min(1.0, share / _TYPICAL), _CONTRADICTED)
    return fit


def _along(
    place: str, objects: list[DetectedObject], rivals: NDArray[np.bool_]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(N,) how far each object is the way of a place, and which of them are compared.

    Of two words, "far left", the one of side says which half is meant.
    """
    positions = np.stack([o.center[:2] for o in objects])
    span = positions[rivals] if rivals.any() else positions
    middle = (span.min(axis=0) + span.max(axis=0)) / 2
    sides = [part for part in place.split() if part in ("left", "right")]
    others = [part for part in place.split() if part not in sides]
    if sides and others:
        half = (positions - middle) @ np.array(AXES[sides[0]]) > 0
        rivals = rivals & half if (rivals & half).any() else rivals
    way = (others or sides)[0]
    if way in ("top", "bottom"):
        tops = np.array([robust_range(o.cluster.points[:, 2])[1] for o in objects])
        return (tops if way == "top" else -tops), rivals
    if way == "middle":
        return -np.linalg.norm(positions - middle, axis=1), rivals
    if way == "near":
        return -np.linalg.norm(positions, axis=1), rivals
    return positions @ np.array(AXES[way]), rivals


def _related(relation: Relation, objects: list[DetectedObject], scorer: Scorer) -> FloatArray:
    """(N,) how well each object stands in the relation to what it names; 0 where that is absent.

    What is named may be one of several: each object is judged by the one that suits it.
    """
    if _is_untold(relation):
        return np.ones(len(objects))  # nobody can look whether it is so: :func:`find` asks
    if relation.name == "with":
        return np.array([_has_part(relation.things[0], o) for o in objects])
    choices: list[list[int]] = []
    for thing in relation.things:
        fits = score(thing, objects, scorer)
        likely = np.flatnonzero(fits >= max(FOUND, TIE * fits.max()))
        if relation.name == "between" and len(relation.things) == 1:  # two of one kind
            likely = np.flatnonzero(fits >= FOUND)
            choices.append(likely.tolist())
        choices.append(likely.tolist())
    best = np.zeros(len(objects))
    for anchors in product(*choices):
        if len(set(anchors)) == len(anchors):
            best = np.maximum(best, _stands(relation.name, objects, list(anchors)))
    # Of what is in or on nothing near enough the nearest is none the more.
    within = np.exp(-1.0) if relation.name in ("on", "in") else 0.0
    return best / max(best.max(), within, 1e-6)


def _is_untold(relation: Relation) -> bool:
    """Whether nobody can look if a thing stands so: "with the roses"."""
    return relation.name == "with" and not relation.things[0].colors


def _has_part(part: Phrase, thing: DetectedObject) -> float:
    """From 0 to 1: how well a thing's colours are those of one that has a part of that colour."""
    colors, needed = thing.colors, _PART
    if isinstance(thing.fit.shape, LyingCylinder):
        pass  # nobody knows which end is up
    elif part.noun in lexicon.UPPER_PARTS:
        colors, needed = thing.colors_between(_UPPER, 1.0), _MOST_OF_PART
    elif part.noun in lexicon.LOWER_PARTS:
        colors, needed = thing.colors_between(0.0, _LOWER), _MOST_OF_PART
    has, all_over = (
        min(float(SIMILARITY[NAMES.index(color)] @ shares) for color in part.colors)
        for shares in (colors, thing.colors)
    )
    return min(1.0, has / needed) * (1.0 if all_over < _MOST_OF_IT else _ALL_OVER)


def _stands(name: str, objects: list[DetectedObject], anchors: list[int]) -> FloatArray:
    """(N,) from 0 to 1: how well each object stands in a relation to some of them."""
    centers = np.stack([o.center for o in objects])
    offsets = centers - centers[anchors].mean(axis=0)
    distance = np.linalg.norm(offsets[:, :2], axis=1)
    if name == "apart":
        fit = distance.copy()
    elif name in ("beside", "on", "in", "of", "under", "between"):
        fit = np.exp(-distance / 0.15)
        if name == "between":
            span = centers[anchors[-1], :2] - centers[anchors[0], :2]
            along = offsets[:, :2] @ span / max(float(span @ span), 1e-9)
            fit = fit * (np.abs(along) < _INSIDE)
        elif name in ("on", "in"):
            reach = max(_WITHIN, objects[anchors[0]].extents[0] / 2)
            fit = fit * np.where(distance < reach, 1.0, _CONTRADICTED)
        if name in ("on", "under"):
            above = np.array([_stands_on(o, objects[anchors[0]]) for o in objects])
            fit = fit * np.where(above == (name == "on"), 1.0, _LEVEL)
    else:
        axis = np.sum([_RELATION_AXES[part] for part in name.split()], axis=0)
        along = offsets[:, :2] @ (axis / np.linalg.norm(axis))
        fit = np.where(along > 0.01, along / np.maximum(distance, 1e-6), 0.0)
        fit = fit * np.exp(-distance / 0.8)
    fit[anchors] = 0.0
    return fit


def _stands_on(one: DetectedObject, other: DetectedObject) -> bool:
    """True where one is seen higher than most of the other."""
    return bool(
        np.percentile(one.cluster.points[:, 2], 10) > np.percentile(other.cluster.points[:, 2], 60)
    )


def _piled(objects: list[DetectedObject]) -> NDArray[np.bool_]:
    """(N,) which of them carry another or are carried by one."""
    piled = np.zeros(len(objects), bool)
    for (i, one), (j, other) in permutations(enumerate(objects), 2):
        if not (piled[i] and piled[j]) and _stands_on(one, other):
            piled[[i, j]] |= _is_carried(one, other)
    return piled


def _is_carried(one: DetectedObject, other: DetectedObject) -> bool:
    """Whether one of two things, which is higher, stands on the other."""
    above, under = one.cluster.points, other.cluster.points
    middle = np.median(above[:, :2], axis=0)
    away = np.linalg.norm(under[:, :2] - middle, axis=1).min()
    if away < _CARRIED or covers(under[:, :2], middle[None])[0]:  # it is seen round it
        return True
    foot, top = robust_range(above[:, 2])[0], robust_range(under[:, 2])[1]
    gap = cKDTree(under[:, :2]).query(above[:, :2])[0].min()
    return bool(abs(foot - top) < _FOOT and gap < _FOOT)


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
