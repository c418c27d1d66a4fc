"""What takes the place of what was said before: "no, the blue one", "not the mug but the cup"."""

from __future__ import annotations

import re
from dataclasses import replace

from unihm.perception.language import grammar, lexicon
from unihm.perception.language.command import Action, Phrase, SentenceKind
from unihm.perception.language.grammar import Clause, Mood
from unihm.perception.language.refusals import Refused, the

_FALSE_START = re.compile(
    r"^(?P<before>\w.*?) (?:, )?(?:or |oh )?(?:no wait|no no|no sorry|wait no|wait|no i mean|"
    r"no i meant|i mean|i meant|sorry i mean|"
    r"sorry|actually|(?:hang|hold) on(?= , (?:the|my|that|no|not)\b)|or rather|scratch that|"
    r"make that|correction|oops|whoops|no|nah|nope|"
    r"my mistake|my bad|pardon|"
    r"rather) (?:, )?(?:(?:i mean|i meant|actually|rather|sorry|wait|(?:hang|hold) on(?= ,)|"
    r"make (?:that|it)|(?:scratch|forget|strike) that|"
    r"my (?:mistake|bad|fault)|pardon(?: me)?|excuse me) (?:, )?)*"
    r"(?:not (?:that|this)(?: one)?(?! ones?\b) (?:, )?(?:but )?|"
    r"not (?:the|that|this) (?:(?!(?:the|that|my)\b)[^, ]+ )+(?:, |but )+|"
    r"not (?:the|that|this) \w+ (?=(?:the|that|my) \w+))?"
    r"(?P<after>\w.*?)(?: i (?:mean|meant))?$"
)
# "My hands are no longer what they were".
_NO_CORRECTION = re.compile(
    r"\b(?:there is|is|are|am|was|were|has|have|had|with|if|but) no\b|\bno longer\b"
)


def corrected(last: Clause, new: Clause) -> Clause | None:
    """What a clause asks for after a correction; None where that is not understood.

    Args:
        last: the clause that is corrected, which is changed.
        new: what was said in place of a part of it.
    """
    new = _with_noun(new, last)
    again = grammar.read_clause([last.verb, *new.words.split()])
    whole = bool(again.targets and last.targets) and not again.unknown
    if whole and new.relations and (last.direction or last.toward):
        return again  # "pull the bowl to the left, no, the plate to the right"
    if _corrects_place(last, new):
        return last
    if new.mood is Mood.THING or (new.mood is Mood.UNREAD and new.targets and not new.unknown):
        _take_instead(last, new)
        return last
    said = last.relations or last.toward or last.direction or last.source
    if whole and new.targets and not said:  # "pull the bowl, oops, the plate towards me"
        again.targets[0] = _of_that_kind(again.targets[0], last.targets[0])
        return again
    goes = grammar.read_clause([last.verb, "it", *new.words.split()])
    if not goes.unknown and (goes.relations or goes.toward or goes.direction):
        last.relations, last.toward, last.direction = goes.relations, goes.toward, goes.direction
        return last
    if not goes.unknown and goes.source is not None and last.source is not None:
        last.source = goes.source  # "out of the bowl, sorry, out of the basket"
        return last
    return None


def _with_noun(new: Clause, last: Clause) -> Clause:
    """With "the bottom drawer" in place of "the bottom one"."""
    words, old = new.words.split(), last.targets[0].noun if last.targets else ""
    if words[-1:] not in (["one"], ["ones"]) or not old or len(words) < 3:
        return new
    named = grammar.read_clause([*words[:-1], old.split()[-1]])
    return named if named.targets and not named.unknown else new


def _corrects_place(last: Clause, new: Clause) -> bool:
    """Whether another thing of the kind to which it goes was said: "no, the lower shelf"."""
    if not new.targets or new.unknown or new.relations or not last.relations:
        return False
    found, thing = last.relations[-1], new.targets[0]
    kinds = [{*phrase.noun.split()[-1:]} for phrase in (*found.relation.things, *last.targets)]
    if len(kinds) != 2 or kinds[0] == kinds[1] or {*thing.noun.split()[-1:]} != kinds[0]:
        return False
    last.relations[-1] = replace(found, relation=replace(found.relation, things=(thing,)))
    return True


def _of_that_kind(thing: Phrase, old: Phrase) -> Phrase:
    """With the noun of what it takes the place of, where it is "the deep one" or has none."""
    if thing.noun and old.noun and thing.words.split()[-1:] in (["one"], ["ones"]):
        return replace(thing, noun=f"{thing.noun} {old.noun.split()[-1]}")
    return thing if thing.noun else replace(thing, noun=old.noun)


def _take_instead(last: Clause, new: Clause) -> None:
    """Put the thing of a correction in place of the target, where it is that which it corrects."""
    thing = new.targets[0]
    old = last.targets[0] if last.targets else Phrase()
    other = thing.noun and thing.noun.split()[-1:] != old.noun.split()[-1:]
    goes = [t for found in last.relations for t in found.relation.things]
    both = any(thing.noun and t.noun == thing.noun == old.noun for t in goes)
    if (other or both) and last.action is Action.PLACE and last.relations and not new.relations:
        raise Refused(
            f"I do not know whether {the(thing)} is to be moved, or something goes there.",
            SentenceKind.CORRECTION,
        )
    if other and last.source is not None and new.source is None:
        raise Refused(
            f"I do not know whether {the(thing)} is to be taken, or something is taken from it.",
            SentenceKind.CORRECTION,
        )
    thing = _of_that_kind(thing, old)
    if not last.targets and lexicon.NEGATIONS.isdisjoint(last.unknown):
        last.unknown = []  # "the first, no, the second cup"
    last.targets = [thing]
    last.relations = new.relations or last.relations


def without_false_start(words: list[str]) -> tuple[list[str], list[str]]:
    """Such as "the red, no, the blue box": (what was said first, what it was corrected to)."""
    line = " ".join(words)
    found = _FALSE_START.match(line)
    if found is None or re.search(
        r"\b(?:there is|is|are|am|was|were|has|have|had|with|if|but) no\b|\bno longer\b", line
    ):
        return words, []
    before = found["before"].strip(" ,").split()
    if not any(grammar.is_verb(w) for w in before) or re.search(r"\brather than\b", line):
        return words, []
    after = found["after"].strip(" ,")
    while (again := _FALSE_START.match(after)) is not None:  # corrected more than once
        after = again["after"].strip(" ,")
    return before, after.split()


_NAME = r"(?:the|that|this|my) (?:(?!(?:and|or|but|not|is|are|it|do)\b)\w+ ){0,4}?\w+"
_VERBS = "|".join(lexicon.ACTIONS)
# "Not the white pill box, the blue one. Give it to me": what is ruled out, and what is wanted.
_RULED_OUT_FIRST = re.compile(
    rf"(?:(?:no|oh|wait|nope|nah|sorry|well)(?: ,| \.)? )*(?:(?P<said>{_NAME})(?: ,)? )?"
    rf"not (?P<ruled>{_NAME}|that one|this one)(?: [,.:]| but)+ (?:(?P<wanted>{_NAME})(?: "
    rf"[,.:])+ )?"
    rf"(?P<request>(?:(?:please|so|can you|could you) )*(?:{_VERBS}) .+)"
)


def without_ruled_out(line: str) -> str:
    """The request alone behind "the fork, not the spoon, ...", with the thing in place of "it".

    What is ruled out is another thing than that which is asked for, so nothing is lost by it.
    """
    found = _RULED_OUT_FIRST.fullmatch(line)
    if found is None:
        return line
    wanted, ruled = found["wanted"] or found["said"], found["ruled"]
    wanted = None if wanted is None else _with_kind(wanted, ruled)
    request = found["request"].split()
    named = [
        at
        for at, word in enumerate(request)
        if word == "it" or (word == "that" and request[at + 1 :] in ([], ["."], ["please"]))
    ]
    if wanted == ruled or (named and (wanted is None or len(named) > 1)):
        return line
    if named and wanted is not None:
        return " ".join([*request[: named[0]], wanted, *request[named[0] + 1 :]])
    kind = {(wanted or ruled).split()[-1], ruled.split()[-1]}
    return found["request"] if kind & {*request} and ruled not in found["request"] else line


# "Do not worry about the mess, just ...", "forget the spoon. Open ..."
_OF_NO_MATTER = re.compile(
    r"(?:(?:oh|no|please|hey|ok|well)(?: ,)? )*(?:do not (?:worry|bother|mind|fuss)(?: about| "
    r"with)?|"
    rf"never mind(?: about)?|forget(?: about)?|ignore|skip) (?P<thing>{_NAME})(?: [,.;]| and| "
    rf"but)+ "
    rf"(?P<request>(?:(?:please|just|instead|can you|could you|so) )*(?:{_VERBS}) .+)"
)


def without_what_does_not_matter(line: str) -> str:
    """The request alone behind "forget the spoon, ...", where it is about another thing."""
    found = _OF_NO_MATTER.fullmatch(line)
    if found is None:
        return line
    other = found["thing"].split()[-1] not in found["request"].split()
    points = lexicon.PRONOUNS | {"one", "ones", "there"}
    return found["request"] if other and points.isdisjoint(found["request"].split()) else line


def _with_kind(wanted: str, ruled: str) -> str:
    """Such as "the blue pill box" of "the blue one", after "the white pill box"."""
    if wanted.split()[-1] != "one" or ruled.split()[-1] == "one":
        return wanted
    thing = grammar.noun_phrase(grammar.Cursor(ruled.split()))
    return f"{wanted.removesuffix('one')}{thing.noun}" if thing is not None else wanted


def things_of(words: str) -> Phrase | None:
    """The thing that a prohibition is about."""
    rest = re.sub(r"^.*?\b(?:not|never|avoid) ", "", words).split()
    if not rest or not grammar.is_verb(rest[0]):
        return None
    cursor = grammar.Cursor(rest[1:])
    while cursor.word in ("up", "down", "me", "us"):
        cursor.at += 1
    thing = grammar.noun_phrase(cursor)
    return thing if thing is not None and not cursor.word.strip(",") else None


_OPPOSITES = (
    ("large", "small"), ("tall", "short"), ("long", "short"), ("wide", "thin"), ("left", "right"),
    ("near", "far"), ("top", "bottom"),
)  # fmt: skip


def differ(one: Phrase, other: Phrase) -> bool:
    """Whether two phrases certainly mean different things."""
    if one.colors and other.colors and not set(one.colors) & set(other.colors):
        return True
    first, second = ({*phrase.sizes, *phrase.place.split()} for phrase in (one, other))
    if any({a, b} <= first ^ second and (a in first) != (b in first) for a, b in _OPPOSITES):
        return True
    if not one.noun or not other.noun or other.relations:
        return False
    # A paring knife is a knife, and no blunt knife.
    short, long = sorted((one.noun, other.noun), key=len)
    return not f" {long}".endswith(f" {short}")
