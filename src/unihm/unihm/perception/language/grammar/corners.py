"""Parts of the table to go to: "to the top left corner", "in the middle of the table"."""

from __future__ import annotations

import re

from unihm.perception.language import lexicon
from unihm.perception.language.command import Phrase, Relation
from unihm.perception.language.grammar.clause import Found
from unihm.perception.language.grammar.cursor import Cursor

_CORNER = re.compile(
    r"(?:over )?(?:to|in|into|on|at|towards?|toward)(?: the| your|) "
    r"((?:top|bottom|upper|lower|far|near|back|front|left|right|center|middle|"
    r"centre|northwest|northeast|southwest|southeast)(?: (?:left|right|center|middle|centre))?)"
    r" (corner|center|centre|edge|side|quadrant|middle|half)"
    rf"(?: of (?:(?:the|my|this|that|your) )?(?:{'|'.join(sorted(lexicon.TABLES))}))?(?= |$)"
)
_CENTER = re.compile(
    r"(?:over )?(?:to|in|into|at|towards?|on)(?: the| your|) ((?:top|bottom|upper|lower|left|"
    r"right)? ?(?:center|middle|centre))(?: side)?"
    rf"(?: of (?:(?:the|my|this|that|your) )?(?:{'|'.join(sorted(lexicon.TABLES))}))?"
    r"(?= (?:please|and|then|[.,])|$)"
)


def corner_of(cursor: Cursor) -> Found | None:
    """Such as "to the top left corner", "to the bottom center": a part of the table to go to."""
    start = cursor.at
    found = cursor.match(_CORNER) or cursor.match(_CENTER)
    if found is None:
        return None
    if cursor.word == "of" and cursor.following != "you":
        cursor.at = start
        return None
    words = found.group(1).split() + ([found.group(2)] if found.re is _CORNER else [])
    named = {"near": "near", **lexicon.PLACES}
    parts = {part for word in words for part in named.get(word, "").split()}
    if len(parts) > 1:
        parts.discard("middle")
    area = Phrase(place=" ".join(sorted(parts)), words=found.group(0))
    first = found.group(0).removeprefix("over ").split()[0]
    return Found(Relation("area", (area,)), "to" if first.startswith("toward") else first)
