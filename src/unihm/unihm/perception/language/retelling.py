"""What another reader says a sentence asks for, and whether it is believed.

A language model or the learned reader says a request again in plain steps. The rules read those,
the gate judges them, and they are believed only where they are made of the sentence's own words,
with every word that says something in it. So a reader can untangle a sentence, and cannot invent a
thing, a place, an action or a permission. What forbids, asks, stops, depends on something or names
an action that is not offered is never told again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unihm.perception import colors
from unihm.perception.language import gate, grammar, lexicon
from unihm.perception.language.command import Action, Command, SentenceKind
from unihm.perception.language.normalize import NotWords, words_of
from unihm.perception.language.nouns import NOUNS

_NEVER = lexicon.NEGATIONS | lexicon.CONDITIONS | lexicon.OTHER
# What may be added to make a sentence of a step, and changes nothing.
_ADDED = frozenset({"the", "a", "an", "it", ",", ".", "and", "then"})
# What may be left out.
_EMPTY = (
    lexicon.FILLER
    | lexicon.DETERMINERS
    | lexicon.PRONOUNS
    | lexicon.DEGREES
    | frozenset(re.findall(r"\S+", "me you us robot and then of to from in on at is are be which i "
                                   "one , . ! ? ; :"))
)  # fmt: skip


@dataclass(frozen=True)
class Retelling:
    """A request said again.

    Attributes:
        steps: a plain sentence each.
        left_out: words that the reader is sure say nothing of the request.
    """

    steps: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def may_be_told_again(local: Command) -> bool:
    """Whether the rules may have refused a sentence for want of understanding alone."""
    if local.refusal is None or local.kind not in (SentenceKind.REQUEST, SentenceKind.STATEMENT):
        return False
    try:
        return not _forbids(words_of(local.sentence))
    except NotWords:
        return False


def judged(
    sentence: str, retelling: Retelling, dialogue: gate.Dialogue | None = None
) -> Command | None:
    """The steps as a command of the sentence, where they say what it says; None where not."""
    if not retelling.steps:
        return None
    again = gate.understand(", then ".join(retelling.steps), dialogue)
    try:
        words = words_of(sentence)
        told_words = [word for step in retelling.steps for word in words_of(step)]
    except NotWords:
        return None
    left_out = set(retelling.left_out) - _EMPTY - set(_ADDED)
    said = content(word for word in words if word not in left_out)
    told = content(told_words)
    believed = (
        again.refusal is None
        and not _forbids(words)
        and not left_out & set(told_words)
        and not any(says_something(word) for word in left_out)
        and _invented(words, told_words) == set()
        and set(said) == set(told)
        and _things(said) == _things(told)
    )
    return Command(sentence, SentenceKind.REQUEST, again.steps) if believed else None


def _forbids(words: Sequence[str]) -> bool:
    """Whether any word negates, makes a condition or is another action; "the tape" is a thing."""
    adjectives = {*lexicon.DETERMINERS, *lexicon.SIZES, *colors.NAMES, *colors.SYNONYMS}
    return any(
        word in _NEVER and not (before in adjectives and grammar.singular(word) in NOUNS)
        for before, word in zip(["", *words], words)
    )


def _invented(said: Sequence[str], told: Sequence[str]) -> set[str]:
    """Words of the told that nobody said; a verb may be another of the same action."""
    known = {*said, *_ADDED, *content(said)}
    actions = {action.value for action in Action}
    return {
        word for word, meaning in zip(told, _meanings(told), strict=True)
        if word not in known and not (meaning in actions and meaning in known)
    } - {"over"}  # of "hand over"  # fmt: skip


def _meanings(words: Sequence[str]) -> list[str]:
    """Every word, or what it stands for: the action of a verb, the name of a colour or a place."""
    to_me = not {"me", "us"}.isdisjoint(words)
    found = []
    for word in words:
        action = lexicon.ACTIONS.get(word)
        if action is Action.GRAB and to_me:  # "get me the cup"
            action = Action.HAND_OVER
        meaning = action.value if action is not None else colors.SYNONYMS.get(word)
        found.append(meaning or lexicon.PLACES.get(word) or grammar.singular(word))
    return found


def content(words: Iterable[str]) -> list[str]:
    """What the words mean that say something: things, colours, places, numbers and actions."""
    words = list(words)
    meanings = zip(words, _meanings(words), strict=True)
    return [meaning for word, meaning in meanings if word not in _EMPTY]


def _things(content: Sequence[str]) -> list[str]:
    """The names of things in the order in which they come first: who goes where."""
    described = {
        *colors.NAMES, *lexicon.PLACES.values(), *lexicon.SIZES, *lexicon.ORDINALS,
        *lexicon.NUMBERS, *(action.value for action in Action),
    }  # fmt: skip
    return list(dict.fromkeys(word for word in content if word not in described))


def says_something(word: str) -> bool:
    """Whether the rules know a meaning of a word that a request could have."""
    one = grammar.singular(word)
    return word != "here" and (
        word in _NEVER
        or word in lexicon.REPORTS
        or word in lexicon.ACTIONS
        or word in grammar.gerunds()
        or word in colors.SYNONYMS
        or word in colors.NAMES
        or one in NOUNS
        or {word, one} & lexicon.NAMES_OF_THINGS != frozenset()
        or any(
            word in known
            for known in (
                lexicon.PLACES, lexicon.SIZES, lexicon.DIRECTIONS, lexicon.COMPASS,
                lexicon.ORDINALS, lexicon.NUMBERS, lexicon.UNITS, lexicon.MANNER, lexicon.ALL,
                lexicon.EXCLUDING, lexicon.STANDING, lexicon.HELD, lexicon.GENERIC,
            )
        )
    )  # fmt: skip
