"""What a sentence asks for: the data model that every reader fills in and the gate judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any

from unihm.errors import ErrorCode, UnihmError
from unihm.types import TaskKind


class Action(str, Enum):
    """What can be done with a thing; everything else is refused by its name."""

    GRAB = "grab"
    PLACE = "place"
    PUSH = "push"
    PULL = "pull"
    OPEN = "open"
    CLOSE = "close"
    RELEASE = "release"
    HAND_OVER = "hand over"


class SentenceKind(str, Enum):
    """What somebody does by saying a sentence."""

    REQUEST = "request"
    PROHIBITION = "prohibition"
    QUESTION = "question"
    STATEMENT = "statement"
    CORRECTION = "correction"
    STOP = "stop"


@dataclass(frozen=True)
class Relation:
    """How a thing stands to others.

    Attributes:
        name: "on", "in", "under", "front", "behind", "left", "right", "beside", "between",
            "apart" (far from), "of" (a part of), "with" (that has a part; one without a colour
            cannot be looked for), "toward" or "away" (for where it goes).
        things: one other thing; for "between" two, or one of several.
    """

    name: str
    things: tuple[Phrase, ...]


@dataclass(frozen=True)
class Phrase:
    """Words that describe one thing.

    Attributes:
        noun: what is left when the other words are taken away; empty where nothing names a kind.
        colors: names of :data:`unihm.perception.colors.NAMES`.
        not_colors: names that were ruled out.
        not_nouns: kinds that were ruled out.
        sizes: values of ``lexicon.SIZES``.
        shade: "light" or "dark" of a colour; of several that fit it tells which, and no more.
        place: "left", "right", "middle", "near" or "far"; two with a space for a corner; "top" or
            "bottom" of a pile; or empty.
        rank: 2 for "the second box from the left"; 1 for the first, or where nothing was said;
            of drawers and shelves without a place it counts from the top.
        relations: how it stands to other things.
        count: how many were asked for: 1, a number, or 0 for all of them.
        any_will_do: said with "a", "any", "one of".
        pronoun: "it" for what was spoken of before, "held" for what the hand holds, or empty.
        words: the phrase as it was said.
    """

    noun: str = ""
    colors: tuple[str, ...] = ()
    not_colors: tuple[str, ...] = ()
    not_nouns: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    shade: str = ""
    place: str = ""
    rank: int = 1
    relations: tuple[Relation, ...] = ()
    count: int = 1
    any_will_do: bool = False
    pronoun: str = ""
    words: str = ""

    @property
    def says_something(self) -> bool:
        """Whether any word describes the thing."""
        return bool(
            self.noun
            or self.colors
            or self.not_colors
            or self.not_nouns
            or self.sizes
            or self.shade
            or self.place
            or self.relations
        )

    @property
    def signature(self) -> str:
        """Its meaning, without the words' order: ``box{red,left,#2,!blue,beside:cup}``."""
        parts = [*sorted(self.colors), *self.sizes]
        parts += [self.place] if self.place else []
        parts += [f"#{self.rank}"] if self.rank != 1 else []
        parts += [f"!{word}" for word in (*self.not_colors, *self.not_nouns)]
        parts += [
            f"{r.name}:{'&'.join(thing.signature for thing in r.things)}" for r in self.relations
        ]
        if self.count != 1:
            parts.append(f"x{self.count}" if self.count else "all")
        name = self.pronoun or self.noun or "object"
        return f"{name}{{{','.join(parts)}}}" if parts else name


@dataclass(frozen=True)
class Direction:
    """Where something is moved to on the table, from the viewer behind the robot.

    Attributes:
        name: "left", "right", "away", "toward", or two of them with a space.
        distance: metres; None where no amount, or none in numbers, was said.
        words: as it was said.
    """

    name: str
    distance: float | None = None
    words: str = ""


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        action: what.
        target: with which thing.
        source: where it is taken from.
        destination: where it goes: a relation to other things, or "area" with a phrase that has
            only a place.
        direction: which way it is moved.
        manner: words of manner as they were said.
    """

    action: Action
    target: Phrase
    source: Phrase | None = None
    destination: Relation | None = None
    direction: Direction | None = None
    manner: tuple[str, ...] = ()

    @property
    def thing(self) -> Phrase:
        """The target, with its source as one of its relations: what is looked for."""
        if self.source is None:
            return self.target
        relations = (*self.target.relations, Relation("on", (self.source,)))
        return replace(self.target, relations=relations)

    @property
    def kind(self) -> TaskKind:
        """The kind of motion that does it."""
        return {
            Action.PLACE: TaskKind.PICK_AND_PLACE,
            Action.PUSH: TaskKind.PUSH,
            Action.PULL: TaskKind.PUSH,
            Action.OPEN: TaskKind.OPEN_CLOSE,
            Action.CLOSE: TaskKind.OPEN_CLOSE,
        }.get(self.action, TaskKind.GRAB)

    @property
    def signature(self) -> str:
        """Its meaning in one line: ``place mug{red} > in:tray{right}``."""
        line = f"{self.action.value} {self.target.signature}"
        if self.source is not None:
            line += f" < {self.source.signature}"
        if self.destination is not None:
            things = "&".join(thing.signature for thing in self.destination.things)
            line += f" > {self.destination.name}:{things}"
        if self.direction is not None and self.direction.name:  # else an amount alone
            line += f" > {self.direction.name}"
        return line


@dataclass(frozen=True)
class Refusal:
    """Why a sentence is not carried out."""

    code: ErrorCode
    message: str


@dataclass(frozen=True)
class Command:
    """What a sentence was understood as.

    Attributes:
        sentence: as it was said.
        kind: what was done by saying it.
        steps: what is to be done, in order.
        unknown: words that were not understood.
        refusal: why nothing is done; None where the steps are carried out.
    """

    sentence: str
    kind: SentenceKind
    steps: tuple[Step, ...] = ()
    unknown: tuple[str, ...] = ()
    refusal: Refusal | None = None

    @property
    def signature(self) -> str:
        """Its meaning in one line; of a refused one the kind of sentence alone."""
        if self.refusal is not None:
            return f"refuse: {self.kind.value}"
        return "; ".join(step.signature for step in self.steps)

    def accepted(self) -> tuple[Step, ...]:
        """The steps to carry out.

        Raises:
            UnihmError: the refusal.
        """
        if self.refusal is not None:
            raise UnihmError(self.refusal.code, self.refusal.message)
        return self.steps

    def one_step(self) -> Step:
        """The only step, for a stage that does one thing at a time.

        Raises:
            UnihmError: the refusal; INVALID_INSTRUCTION where there are several steps.
        """
        steps = self.accepted()
        if len(steps) > 1:
            raise UnihmError(
                ErrorCode.INVALID_INSTRUCTION,
                f"That are {len(steps)} things to do; ask for one after the other: "
                f"{', then '.join(repr(describe_step(step)) for step in steps)}.",
            )
        return steps[0]

    def to_json(self) -> dict[str, Any]:
        """Plain values under the keys of docs/language.md."""
        refusal = self.refusal
        return {
            "sentence": self.sentence,
            "kind": self.kind.value,
            "steps": [_step_json(step) for step in self.steps],
            "unknown": list(self.unknown),
            "refusal": None
            if refusal is None
            else {"code": refusal.code.name, "message": refusal.message},
        }


def _phrase_json(phrase: Phrase) -> dict[str, Any]:
    return {
        "words": phrase.words,
        "noun": phrase.noun,
        "attributes": [*phrase.colors, *phrase.sizes],
        "shade": phrase.shade,
        "excluded": [*phrase.not_colors, *phrase.not_nouns],
        "place": phrase.place,
        "rank": phrase.rank,
        "relations": [_relation_json(relation) for relation in phrase.relations],
        "count": phrase.count or "all",
        "any": phrase.any_will_do,
        "pronoun": phrase.pronoun,
    }


def _relation_json(relation: Relation) -> dict[str, Any]:
    return {
        "relation": relation.name,
        "references": [_phrase_json(thing) for thing in relation.things],
    }


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "action": step.action.value,
        "target": _phrase_json(step.target),
        "source": _phrase_json(step.source) if step.source else None,
        "destination": _relation_json(step.destination) if step.destination else None,
        "direction": asdict(step.direction) if step.direction else None,
        "manner": list(step.manner),
    }


_PLACE_ADJECTIVES = {
    "left": "left",
    "right": "right",
    "middle": "middle",
    "near": "closest",
    "far": "furthest",
}
_RELATION_WORDS = {
    "on": "on",
    "in": "in",
    "under": "under",
    "front": "in front of",
    "behind": "behind",
    "left": "to the left of",
    "right": "to the right of",
    "beside": "next to",
    "between": "between",
    "apart": "far from",
    "of": "of",
    "with": "with",
    "toward": "towards",
    "away": "away from",
    "behind left": "to the top left side of",
    "behind right": "to the top right side of",
    "front left": "to the bottom left side of",
    "front right": "to the bottom right side of",
}
_DIRECTION_WORDS = {
    "left": "to the left",
    "right": "to the right",
    "away": "forward",
    "toward": "towards me",
}
_SLIDES = {  # to where a thing is pushed
    "left": "to the left side of the table",
    "right": "to the right side of the table",
    "middle": "to the middle of the table",
    "near": "to the bottom center",
    "far": "to the far end of the table",
}
_IN_PILE = {"top": "on top", "bottom": "underneath"}
_PLACES = ("near", "far", "middle", "left", "right", *_IN_PILE)
_SHADES = {"dark": "darker", "light": "brighter"}  # where no colour is said
_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh")


def describe_phrase(phrase: Phrase, within: bool = False) -> str:
    """A phrase in words that are read back with the same meaning.

    Args:
        phrase: what is described.
        within: it stands behind a preposition, and what comes after it might not belong to it.
    """
    if phrase.pronoun:
        return "it" if phrase.pronoun == "it" else "what you hold"
    ranks = sorted(phrase.place.split(), key=_PLACES.index)
    side = ""
    if ranks and ranks[-1] in _IN_PILE:
        side = _IN_PILE[ranks.pop()]
    elif len(ranks) > 1 or (phrase.rank > 1 and ranks and ranks[0] in ("left", "right")):
        side = f"{'from' if phrase.rank > 1 and len(ranks) == 1 else 'on'} the {ranks.pop()}"
    described = [_PLACE_ADJECTIVES[part] for part in ranks]
    shade = phrase.shade if phrase.colors else _SHADES.get(phrase.shade, "")
    described += [*phrase.sizes, *filter(None, [shade]), *phrase.colors]
    described.append(phrase.noun or "object")
    if phrase.rank > 1:
        described.insert(0, _ORDINALS[phrase.rank])
    if phrase.count != 1:
        article = f"the {phrase.count}" if phrase.count else "all the"
        described[-1] += "es" if described[-1].endswith(("s", "x", "ch", "sh")) else "s"
    elif phrase.any_will_do:
        article = "an" if described[0][0] in "aeiou" else "a"
    else:
        article = "the"
    words = [article, *described]
    words += [side] if side else []
    for excluded in phrase.not_colors:
        words.append(f"that is not {excluded}")
    for excluded in phrase.not_nouns:
        words.append(f"that is not a {excluded}")
    words += [describe_relation(r) for r in phrase.relations if r.name == "with"]
    stands = [describe_relation(r) for r in phrase.relations if r.name != "with"]
    beside = bool(phrase.relations) and phrase.relations[0].name in ("left", "right")
    apart = any(r.name not in ("with", "of") for r in phrase.relations)
    if stands and (beside or (within and apart)):
        words.append("that is")  # "hand me the cup to the left of the plate" may be where to
    words += [" and ".join(stands)] if stands else []
    return " ".join(words)


def _is_side(part: str) -> bool:
    return part in ("left", "right")


def describe_relation(relation: Relation) -> str:
    """Where, in words that are read back with the same meaning."""
    if relation.name == "with" and not relation.things[0].colors:
        return f"with {relation.things[0].words}"
    if relation.name == "area":
        parts = relation.things[0].place.split()
        if len(parts) > 1:
            edge = {"far": "top", "near": "bottom"}
            corner = [edge.get(part, part) for part in sorted(parts, key=_is_side)]
            return f"to the {' '.join(corner)} corner"
        return {
            "left": "on the left",
            "right": "on the right",
            "middle": "in the middle",
            "near": "at the front",
            "far": "at the back",
            **_IN_PILE,
        }[parts[0]]
    things = " and ".join(describe_phrase(thing, True) for thing in relation.things)
    return f"{_RELATION_WORDS[relation.name]} {things}"


def describe_step(step: Step) -> str:
    """One step in words that are read back with the same meaning: what a stage is given."""
    parts = [step.action.value]
    if step.action is Action.PLACE:
        parts[0] = "put"
    elif step.action is Action.HAND_OVER:
        parts[0] = "hand me"
    elif step.action is Action.PULL and step.destination is not None:
        parts[0] = "drag"  # "pull the bowl next to the plate" is the one that stands there
    parts.append(describe_phrase(step.target))
    if step.source is not None:
        parts.append(f"from {describe_phrase(step.source, True)}")
    if step.destination is not None:
        slides = step.action in (Action.PUSH, Action.PULL) and step.destination.name == "area"
        place = step.destination.things[0].place
        where = _SLIDES.get(place, "") if slides else ""
        where = where or describe_relation(step.destination)
        if step.source is not None and step.destination.name == "area":
            parts.append(",")  # "from the mug on the left" is another mug
        if step.action is Action.PUSH and step.destination.name in ("in", "on"):
            where = f"{step.destination.name}to{where.removeprefix(step.destination.name)}"
        parts.append(where)
    if step.direction is not None:
        if step.direction.distance is not None:
            parts.append(f"{100 * step.direction.distance:g} cm")
        if step.direction.name:
            parts.append(" and ".join(_DIRECTION_WORDS[p] for p in step.direction.name.split()))
    return " ".join([*parts, *step.manner])


def describe(command: Command) -> str:
    """A command in one sentence for people; a refusal's own sentence where it is refused."""
    if command.refusal is not None:
        return command.refusal.message
    return ", then ".join(describe_step(step) for step in command.steps)


def phrases(step: Step) -> Iterator[Phrase]:
    """Every phrase of a step, those within others too."""
    waiting = [step.target]
    if step.destination is not None:
        waiting += step.destination.things
    if step.source is not None:
        waiting.append(step.source)
    while waiting:
        phrase = waiting.pop()
        yield phrase
        waiting += [thing for relation in phrase.relations for thing in relation.things]
