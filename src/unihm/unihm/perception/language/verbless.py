"""Requests without a verb: "torch into toolbox", "milk back in the fridge", "lid off the pot"."""

from __future__ import annotations

import re

from unihm.perception.language import lexicon
from unihm.perception.language.command import Action
from unihm.perception.language.grammar import Clause, Mood, singular
from unihm.perception.language.nouns import NOUNS

# A part of the table that is named as such; "the cup to the left" says which cup.
_PART_OF_TABLE = re.compile(r"\b(?:middle|center|centre|corner|side|edge|end|front|back)\b")


def asked_for(clause: Clause) -> tuple[str, Action] | None:
    """The verb that a clause of a thing and where it goes stands for; None where it only names."""
    one = clause.mood in (Mood.THING, Mood.UNREAD) and len(clause.targets) == 1
    if not one or clause.unknown or not clause.targets[0].noun or clause.targets[0].count != 1:
        return None
    if _is_put_somewhere(clause):
        return "put", Action.PLACE
    bare = clause.words.split()[0] not in lexicon.DETERMINERS
    if clause.source is not None and not clause.relations and clause.toward is None:
        comes = re.search(r"\b(?:off|out)(?: of)? ", clause.words) is not None
        return ("take", Action.GRAB) if bare and comes and _is_known(clause) else None
    return None


def _is_put_somewhere(clause: Clause) -> bool:
    thing, bare = clause.targets[0], clause.words.split()[0] not in lexicon.DETERMINERS
    if clause.toward is not None:  # "bolt to the tray"
        return not clause.relations and f" to {clause.toward.things[0].words}" in clause.words
    goes = clause.relations[-1] if clause.relations else None
    if goes is None or goes.to_head:
        return False
    if goes.relation.name == "area":
        part = _PART_OF_TABLE.search(goes.relation.things[0].words) is not None
        return part and bare and goes.preposition in ("to", "into", "onto", "in")
    moved = clause.back or clause.source is not None
    if goes.preposition in ("into", "onto", "in to", "on to"):
        return True
    if goes.relation.name not in ("in", "on"):
        return moved and bare
    return moved or (bare and (_is_known(clause) or bool(thing.colors or thing.sizes)))


def _is_known(clause: Clause) -> bool:
    kind = clause.targets[0].noun.split()[-1]
    known = {*NOUNS, *lexicon.NAMES_OF_THINGS}
    return not known.isdisjoint({kind, singular(kind), kind.removesuffix("s")})
