"""Places on the table by themselves: "on the left side", "to the top left corner"."""

from __future__ import annotations

import re

from unihm.perception.language import lexicon
from unihm.perception.language.grammar.cursor import Cursor

_PLACE_WORDS = "|".join(sorted(lexicon.PLACES, key=len, reverse=True))
_NEAR = r"near(?= (?:left|right|side|end|edge|middle|center)\b)"
_SIDE_WORDS = "|".join(lexicon.SIDES)
# Of these "far left" is said of both ways; of a side it is the leftmost one.
_PARTS = re.compile(r"\b(?:region|area|quadrant)\b")
_TABLE_WORDS = "|".join(lexicon.TABLES)
_OF_TABLE = re.compile(rf"far (?:left|right) of (?:the |your |my |this )?(?:{_TABLE_WORDS})\b")
SIDE = re.compile(
    rf"(on|at|to|in|into|onto|from|toward|towards|along|starting from|near|by)(?: the| your| my|"
    rf" our| its|)"
    rf"(?: very| extreme| direct|)((?: (?:{_PLACE_WORDS}|{_NEAR})){{1,3}})(?: hand| handside|"
    rf")(?:(?: (?:{_SIDE_WORDS}))*)"
    rf"(?: (?:of|on|in) (?:the |your |my |this )?(?:{_TABLE_WORDS}|you|me|robot|group|picture|"
    rf"image|scene|row|line|cluster|yourself)"
    r"(?: top)?)?(?= (?:(?:and|then|of|located|lying|standing|sitting|placed|directly|from|on|in|"
    r"at|to|towards?|that|which|who|with|by|behind|under|between|into|onto|inside|please|for|"
    r"next|beside|near|is|touching|it|a bit|a little|out|off|away|here|now|would|could|"
    r"open|closed|shut|all the way|halfway|\w+ly|with|using|without)\b|"
    r"[.,;])|$)"
)
# On others or under them, rather than at an edge of what is seen.
PILE = r"(?:the|that|this) (?:\w+ )?(?:pile|stack|heap|tower)\b"
_END = r"(?= (?:and|then|please|from|off|,)|$)"
_IN_PILE = {
    "top": re.compile(
        rf"(?:on|to|at)(?: the)?(?: very)? top of {PILE}|(?:on(?: the)?|at the very) top{_END}"
    ),
    "bottom": re.compile(
        rf"(?:on|at)(?: the)?(?: very)? bottom of {PILE}|at the very bottom{_END}|"
        rf"(?:underneath|beneath|below){_END}"
    ),
}
_HAND_SIDE = re.compile(r"(?:on|to|at|from)(?: the| your| my)? (left|right) handside\b")


def join_places(*places: str) -> str:
    """Places as one value, in alphabetical order: "far left"."""
    return " ".join(sorted({part for place in places for part in place.split()}))


def table_side(cursor: Cursor) -> tuple[str, str] | None:
    """A place on the table by itself, "on the left side": (place, preposition)."""
    start = cursor.at
    while cursor.word in lexicon.STANDING or (
        cursor.word in lexicon.DEGREES
        and cursor.following in ("on", "to", "at", "in", "the", "way", *lexicon.STANDING)
    ):
        cursor.at += 2 if cursor.following == "way" else 1
    for place, pattern in _IN_PILE.items():
        if cursor.match(pattern) is not None:
            return place, "on"
    found = cursor.match(_HAND_SIDE)
    if found is not None:
        return lexicon.PLACES[found.group(1)], found.group(0).split()[0]
    found = cursor.match(SIDE)
    if found is None:
        cursor.at = start
        return None
    if cursor.word == "of":
        cursor.at = start
        return None
    words = found.group(2).split()
    places = [{"near": "near", **lexicon.PLACES}[w] for w in words]
    if words[0] == "far" and len(words) > 1 and not _PARTS.search(found.group(0)):
        # Of the whole table it is a corner: people say "near left" of it as well.
        if _OF_TABLE.search(found.group(0)):
            return join_places(*places), found.group(1)
        places = places[1:]  # "on the far right" is the rightmost
    elif len(places) > 1 and "middle" in places:
        places = [p for p in places if p != "middle"]
    return join_places(*places), found.group(1)
