"""Sentences without end, each with what it does and what every word of it is part of.

A grammar writes requests as people say them (openings, closings, slips of the tongue, things named
before the verb, two steps) and what sounds like them and asks for nothing that can be done. Words
of open classes are partly drawn from the encoder's vocabulary, so that where a word stands is
learned and not which words there are. Words are lower case, contractions written out: as
`unihm.perception.language.normalize` gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from unihm.learning.synthesis import sentence_parts as parts
from unihm.perception import colors
from unihm.perception.language import sentence_encoder as text
from unihm.perception.language.lexicon import (
    CONDITIONS,
    NAMES_OF_THINGS,
    NEGATIONS,
    OTHER,
    RELATIONS,
    SIZES,
)
from unihm.perception.language.nouns import NOUNS

_LONGEST = 32  # words; a batch is as long as its longest sentence
Words = list[tuple[str, str]]  # each word with its tag
Rng = np.random.Generator


@dataclass(frozen=True)
class SaidSentence:
    """A sentence of the grammar.

    Attributes:
        words: lower case, marks too.
        tags: of :data:`unihm.perception.language.tagger.TAGS`, one each.
        intent: of :data:`unihm.perception.language.tagger.INTENTS`.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    intent: str


def sentence(rng: Rng) -> SaidSentence:
    """A sentence; the same for the same state of ``rng``."""
    while len((found := _any_sentence(rng)).words) > _LONGEST:
        pass
    return found


def _any_sentence(rng: Rng) -> SaidSentence:
    kinds: Sequence[tuple[float, str, Callable[[Rng], Words]]] = (
        (0.58, "request", _request),
        (0.09, "prohibition", _prohibition),
        (0.09, "question", _question),
        (0.10, "statement", _statement),
        (0.12, "other", _other),
        (0.02, "stop", _stop),
    )
    number = rng.choice(len(kinds), p=[share for share, _, _ in kinds])
    _, intent, write = kinds[number]
    said = write(rng)
    if intent != "stop" and rng.random() < 0.35:
        said = _slip(rng, said)
    if rng.random() < 0.08:
        said = _mistype(rng, said)
    return SaidSentence(tuple(w for w, _ in said), tuple(t for _, t in said), intent)


def _say(words: str, span: str = "") -> Words:
    """The words as one span, or as words that say nothing."""
    if not span:
        return [(word, "nothing") for word in words.split()]
    return [(w, f"{'inside' if k else 'begin'} {span}") for k, w in enumerate(words.split())]


def _pick(rng: Rng, choices: Sequence[str]) -> str:
    return str(choices[int(rng.integers(len(choices)))])


def _maybe(rng: Rng, chance: float, choices: Sequence[str]) -> str:
    return _pick(rng, choices) if rng.random() < chance else ""


@cache
def _vocabulary() -> tuple[str, ...]:
    """Words of the encoder that mean nothing special to the rules."""
    special = {w for r in RELATIONS for w in r.split()} | CONDITIONS | NEGATIONS | OTHER
    special |= {
        w
        for v in (*parts.ANY_VERBS, *parts.GIVE, *parts.PUT, *parts.PUSH, *parts.OPEN)
        for w in v.split()
    }
    found = text.tokenizer().get_vocab()
    return tuple(sorted(w for w in found if w.isalpha() and 4 <= len(w) <= 10 and w not in special))


@cache
def _nouns() -> tuple[str, ...]:
    return tuple(sorted({*NOUNS, *NAMES_OF_THINGS}))


@cache
def _adjectives() -> tuple[str, ...]:
    return tuple(sorted({*colors.NAMES, *SIZES}))


def _noun(rng: Rng) -> str:
    chance = rng.random()
    if chance < 0.65:
        return _pick(rng, _nouns())
    if chance < 0.85:
        return _pick(rng, _vocabulary())
    return _pick(rng, ("one", "object", "thing", "block", "cube", "item", "piece", "drawer", "box"))


def _adjective(rng: Rng) -> str:
    return _pick(rng, _adjectives() if rng.random() < 0.8 else _vocabulary())


def _fill(rng: Rng, words: str) -> str:
    """With nouns and adjectives in place of ``{noun}`` and ``{adj}``."""
    while "{" in words:
        words = words.replace("{noun}", _noun(rng), 1).replace("{adj}", _adjective(rng), 1)
    return words


def _thing(rng: Rng, plain: bool = False) -> str:
    """A noun phrase without what follows it."""
    said = [_pick(rng, parts.DETERMINERS[:7] if plain else parts.DETERMINERS)]
    said += [_pick(rng, ("second", "third", "first", "other", "last"))] * (rng.random() < 0.06)
    said += [_adjective(rng) for _ in range(rng.choice(3, p=(0.45, 0.42, 0.13)))]
    said += [_pick(rng, ("colored", "shaped"))] * (rng.random() < 0.03)
    return " ".join([*said, _noun(rng)]).strip()


def _relation(rng: Rng) -> str:
    """Where a thing is, beside another or on the table."""
    chance = rng.random()
    if chance < 0.2:
        preposition = _pick(rng, ("on", "to", "at", "in"))
        return f"{preposition} {_pick(rng, ('the', 'your', 'my'))} {_pick(rng, parts.SIDES)}"
    if chance < 0.3:
        return f"between {_thing(rng, True)} and {_thing(rng, True)}"
    return f"{_pick(rng, tuple(RELATIONS))} {_thing(rng, True)}"


def _anchor(rng: Rng) -> str:
    if rng.random() < 0.4:
        return _fill(rng, _pick(rng, parts.CLAUSES))
    return f"{_pick(rng, parts.STANDING)} {_relation(rng)}".strip()


def _target(rng: Rng, anchors: float = 0.35) -> Words:
    """A thing and what is said of it."""
    if rng.random() < 0.07:
        return _say(_pick(rng, ("it", "them", "that", "this", "that one", "both")), "pronoun")
    said = _say(_thing(rng), "target")
    if rng.random() < anchors:
        said += _say(_anchor(rng), "anchor")
        if rng.random() < 0.2:
            said += _say(f"{_maybe(rng, 0.5, ('and',))} {_anchor(rng)}", "anchor")
    if rng.random() < 0.06:
        ruled = _pick(rng, ("not {}", "but not {}", "that is not {}", "except {}", "other than {}"))
        said += _say(ruled.format(_thing(rng, True)), "excluded")
    return said


def _source(rng: Rng) -> Words:
    preposition = _pick(rng, ("from", "off", "out of", "from inside", "off of", "from the top of"))
    return _say(f"{preposition} {_thing(rng, True)}", "source")


def _destination(rng: Rng) -> Words:
    chance = rng.random()
    if chance < 0.12:
        where = f"{_pick(rng, ('to', 'on', 'in'))} the {_pick(rng, parts.SIDES)}"
        return _say(where + _maybe(rng, 0.4, (" of the table", " corner", " of the board")),
                    "destination")  # fmt: skip
    prepositions = ("in", "on", "into", "onto", "next to", "to", "inside", "beside", "behind",
                    "on top of", "in front of", "to the left of", "near", "by", "towards",
                    "away from", "to the right of", "over to", "close to", "under")  # fmt: skip
    said = f"{_pick(rng, prepositions)} {_thing(rng, True)}"
    if rng.random() < 0.15:
        said += f" {_anchor(rng)}"
    return _say(said, "destination")


def _step(rng: Rng) -> Words:
    """One thing to do, in one of many orders."""
    kind = rng.choice(5, p=(0.33, 0.2, 0.27, 0.14, 0.06))
    manner = _say(_fill(rng, _maybe(rng, 0.14, parts.MANNERS)), "manner")
    if rng.random() < 0.04:
        manner = _say(f"by {_pick(rng, ('the', 'its'))} {_pick(rng, parts.PARTS)}", "manner")
    verb, after, thing = "", [], _target(rng)
    if kind == 0:
        verb = _pick(rng, parts.ANY_VERBS)
        after = _source(rng) if rng.random() < 0.15 else []
    elif kind == 1:
        verb = _pick(rng, parts.GIVE)
        after = _source(rng) if rng.random() < 0.15 else []
        if rng.random() < 0.65:
            thing = _say(_pick(rng, ("me", "us")), "recipient") + thing
        else:
            after += _say(_pick(rng, ("to me", "over to me", "here", "over here")), "recipient")
    elif kind == 2:
        verb, after = _pick(rng, parts.PUT), _destination(rng)
        after = (_source(rng) if rng.random() < 0.1 else []) + after
    elif kind == 3:
        verb, after = _pick(rng, parts.PUSH), _say(_pick(rng, parts.WAYS), "direction")
        if rng.random() < 0.25:
            amount = _say(_pick(rng, parts.AMOUNTS), "amount")
            after = after + amount if rng.random() < 0.5 else amount + after
    else:
        verb, thing = _pick(rng, parts.OPEN), _target(rng)
    return _ordered(rng, verb, thing, after, manner)


def _ordered(rng: Rng, verb: str, thing: Words, after: Words, manner: Words) -> Words:
    """Mostly verb, thing, rest; the thing or its place before the verb now and then."""
    chance = rng.random()
    said = verb.split()
    if len(said) == 2 and said[1] in ("up", "down", "out", "open", "shut") and rng.random() < 0.4:
        action, particle = _say(said[0], "action"), _say(said[1], "action")
        body = action + thing + particle
    else:
        action = _say(verb, "action")
        body = action + thing
    named = thing[0][1] == "begin target"
    front = manner if rng.random() < 0.4 else []
    tail = [] if front else manner
    polite = _say(_maybe(rng, 0.4, parts.POLITE))
    if named and chance < 0.09:  # "the red mug on the left, could you grab it"
        if rng.random() < 0.3 and not after:
            thing = thing + _say(_maybe(rng, 0.5, (",",))) + _say(f"the {_adjective(rng)} one",
                                                                  "target")  # fmt: skip
        it = _say(_pick(rng, ("it", "that", "that one", "this one")), "pronoun")
        opening = _say(_pick(rng, ("", "", "you see", "see", "i mean", "the next thing is",
                                   "what i want is", "look for", "there is")))  # fmt: skip
        return (
            opening
            + thing
            + _say(_maybe(rng, 0.5, (",", ".", "please")))
            + polite
            + front
            + (action + it + after + tail)
        )
    if after and chance < 0.13 and after[0][1] in ("begin destination", "begin source"):
        return after + _say(_maybe(rng, 0.5, (",",))) + polite + front + body + tail
    if after and rng.random() < 0.04 and named:  # "put in the tray the red mug"
        return polite + front + action + after + thing + tail
    return polite + front + body + (after + tail if rng.random() < 0.85 else tail + after)


def _request(rng: Rng) -> Words:
    said = _opening(rng)
    said += _step(rng)
    if rng.random() < 0.15:
        joint = _pick(rng, ("and", "and then", "then", ", then", "after that", ". then", ", and",
                            "and afterwards", ". next", "and when you are done with that",
                            "and once that is done"))  # fmt: skip
        said += _say(joint, "border") + _step(rng)
    elif rng.random() < 0.05:
        said = _repair(rng, said)
    return said + _closing(rng)


def _opening(rng: Rng) -> Words:
    said: Words = []
    if rng.random() < 0.3:
        said += _say(_pick(rng, parts.CALLS)) + _say(_maybe(rng, 0.3, (",",)))
    if rng.random() < 0.22:
        said += _say(_fill(rng, _pick(rng, parts.CHATTER)))
        said += _say(_pick(rng, ("", ",", ".", "so", ", so", "and so", "and", "!", "but")))
    return said


def _closing(rng: Rng) -> Words:
    said: Words = []
    if rng.random() < 0.28:
        said += _say(_maybe(rng, 0.35, (",", "."))) + _say(_fill(rng, _pick(rng, parts.ENDS)))
    return said + _say(_maybe(rng, 0.3, (".", ".", "!", "?")))


def _repair(rng: Rng, said: Words) -> Words:
    """Such as "... no wait the blue one": what corrects is a repair, and never left out."""
    sign = _pick(
        rng, ("no", "no wait", "i mean", "sorry", "no sorry", "actually", "rather", "oops")
    )
    return said + _say(_maybe(rng, 0.4, (",",))) + _say(f"{sign} {_thing(rng)}", "repair")


def _nothing(words: Words) -> Words:
    """The words without their tags: nothing is asked for, so that they are part of nothing."""
    return [(word, "nothing") for word, _ in words]


def _prohibition(rng: Rng) -> Words:
    if rng.random() < 0.2:
        shapes = ("leave {} alone", "leave {} where it is", "keep your hands off {}",
                  "{} stays put", "hands off {}", "stay away from {}",
                  "{} must not be moved", "not {}",
                  "{} is not to be touched", "let {} be", "anything but {}")  # fmt: skip
        said = _say(_pick(rng, shapes).format(_thing(rng)))
    else:
        said = _say(_pick(rng, parts.FORBIDS)) + _nothing(_step(rng))
    if rng.random() < 0.15:
        said += _say(_pick(rng, ("and", "but", ","))) + _nothing(_step(rng))
    return _opening(rng) + said + _closing(rng)


def _shaped(rng: Rng, shapes: Sequence[str]) -> Words:
    shape = _pick(rng, shapes)
    if "{step}" in shape:
        shape = shape.replace("{step}", " ".join(word for word, _ in _step(rng)))
    return _say(_fill(rng, shape.replace("{}", _thing(rng))))


def _question(rng: Rng) -> Words:
    return _opening(rng) + _shaped(rng, parts.ASKS) + _say(_maybe(rng, 0.6, ("?",)))


def _statement(rng: Rng) -> Words:
    return _opening(rng) + _shaped(rng, parts.TELLS) + _say(_maybe(rng, 0.4, (".", "!")))


def _other(rng: Rng) -> Words:
    """An action that is not offered, alone or beside one that is; or one that is not meant now."""
    if rng.random() < 0.4:
        return _opening(rng) + _shaped(rng, parts.OTHER_STARTS) + _closing(rng)
    verb = _pick(rng, sorted(OTHER)) if rng.random() < 0.75 else _pick(rng, _vocabulary())
    said = _say(_maybe(rng, 0.4, parts.POLITE)) + _say(f"{verb} {_thing(rng)}")
    if rng.random() < 0.5:
        said += _nothing(_destination(rng) if rng.random() < 0.5 else _say(_anchor(rng)))
    if rng.random() < 0.25:
        step = _nothing(_step(rng))
        joint = _say(_pick(rng, ("and", "and then", ", then")))
        said = said + joint + step if rng.random() < 0.5 else step + joint + said
    return _opening(rng) + said + _closing(rng)


def _stop(rng: Rng) -> Words:
    return _say(_pick(rng, ("stop", "stop it", "halt", "hold on", "wait", "freeze", "cancel that",
                            "never mind", "abort", "forget it", "no stop", "stop right there",
                            "enough", "hang on", "robot stop", "emergency stop")))  # fmt: skip


def _slip(rng: Rng, said: Words) -> Words:
    """With a word said twice, or a sound of hesitation."""
    for _ in range(int(rng.integers(1, 3))):
        at = int(rng.integers(len(said)))
        word, tag = said[at]
        if rng.random() < 0.5:
            filler = _pick(rng, ("um", "uh", "er", "hmm", "like", "you know", "well", "ah"))
            if not tag.startswith("inside"):
                said = [*said[:at], *_say(filler), *said[at:]]
        elif word.isalpha() and tag.startswith(("begin", "nothing")):
            said = [*said[:at], (word, "nothing"), *said[at:]]
    return said


def _mistype(rng: Rng, said: Words) -> Words:
    """With two letters of one word swapped, one left out or one said twice."""
    at = int(rng.integers(len(said)))
    word, tag = said[at]
    if len(word) < 4 or not word.isalpha():
        return said
    k = int(rng.integers(1, len(word) - 1))
    how = rng.integers(3)
    wrong = (
        word[:k] + word[k + 1] + word[k] + word[k + 2 :],
        word[:k] + word[k + 1 :],
        word[:k] + word[k] + word[k:],
    )[how]
    return [*said[:at], (wrong, tag), *said[at + 1 :]]
