"""Prepositions, and relative clauses that say where the thing named last is."""

from __future__ import annotations

import re
from dataclasses import replace

from unihm.perception.language import lexicon
from unihm.perception.language.command import Phrase, Relation
from unihm.perception.language.grammar.clause import Clause
from unihm.perception.language.grammar.cursor import Cursor
from unihm.perception.language.grammar.noun_phrases import noun_phrase
from unihm.perception.language.grammar.places import join_places, table_side

UNIT = "|".join(sorted(lexicon.UNITS, key=len, reverse=True))
# By how little: a thing is put close beside another anyway.
_NEARLY = (
    r"(?:just |only )?(?:a (?:tiny |little |wee )?(?:bit|tad|touch|smidge|hair|little)|"
    rf"(?:a few|a couple(?: of)?|some) (?:{UNIT})|a (?:short|small) (?:way|distance))"
    r"(?: (?:further|farther|more))? "
)
RELATION = re.compile(
    rf"(?:{_NEARLY}(?=(?:to the (?:left|right)|(?:left|right) of|behind|in front)\b))?"
    rf"(?:(?:{'|'.join(lexicon.DEGREES)}) )*"
    rf"({'|'.join(sorted(lexicon.RELATIONS, key=len, reverse=True))})\b"
)
SOURCE = re.compile(
    r"(?:off of|off|out of|out from|from (?:the )?(?:inside|top|off|within|under|underneath|"
    r"between) of|"
    r"from (?:inside|on top of|within|off|out of)|from)\b"
)
_ONE = re.compile(r"(?:the|that|this) ones?")
_WHICH = re.compile(r",? ?(?:that|which|what)(?: is| are| was| has been)?(?! not)\b")


def relative_place(cursor: Cursor, thing: Phrase) -> Relation | None:
    """Where ``thing`` is by a relative clause; None, and the cursor where it was, if none begins.

    Of the table nothing is told so: "the cup on the table that is next to the bowl" is a cup.
    "The one in the bowl" goes without "that is".
    """
    start = cursor.at
    alone = _ONE.fullmatch(thing.words) is not None
    named = bool(thing.noun) and thing.noun.split()[-1] not in lexicon.TABLES
    if not (alone or named) or (cursor.match(_WHICH) is None and not alone):
        return None
    while cursor.word in lexicon.STANDING or (
        cursor.word in lexicon.DEGREES and RELATION.match(cursor.rest) is None
    ):
        cursor.at += 1
    side = table_side(cursor)
    if side is not None:
        return Relation("area", (Phrase(place=side[0], words=side[0]),))
    found = cursor.match(RELATION)
    other = noun_phrase(cursor) if found is not None else None
    name = lexicon.RELATIONS[found.group(1)] if found is not None else ""
    if other is None or other.pronoun or name == "between":
        cursor.at = start
        return None
    return Relation(name, (other,))


def described(thing: Phrase, relation: Relation) -> Phrase:
    """The thing with where it is."""
    if relation.name == "area":
        return replace(thing, place=join_places(thing.place, relation.things[0].place))
    return replace(thing, relations=(*thing.relations, relation))


def describes_last(cursor: Cursor, clause: Clause, source: bool, toward: bool) -> bool:
    """Such as "in the pot which is in the sink": more about the thing that was named last."""
    if source and clause.source is not None:
        relation = relative_place(cursor, clause.source)
        if relation is not None:
            clause.source = described(clause.source, relation)
        return relation is not None
    last = clause.toward if toward else clause.relations[-1].relation if clause.relations else None
    relation = None if last is None else relative_place(cursor, last.things[-1])
    if last is None or relation is None:
        return False
    things = (*last.things[:-1], described(last.things[-1], relation))
    if toward:
        clause.toward = replace(last, things=things)
    else:
        clause.relations[-1] = replace(clause.relations[-1], relation=replace(last, things=things))
    return True
