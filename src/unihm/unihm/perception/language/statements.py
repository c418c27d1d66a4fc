"""Statements that name the thing of a request behind them, as "my pen is behind the lamp" does.

The request is read with the thing, and where it is, in place of "it"; the line stays as it is where
anything negates or makes a condition, or where "it" is said twice.
"""

from __future__ import annotations

import re

from unihm.perception.language import lexicon
from unihm.perception.language.command import Action

_WORD = r"(?!(?:and|or|but|that|which|is|are|not|it|they|them|so|if|in|on|at)\b)\w+"
_NAME = rf"(?:(?:the|that|this|my|our) )?(?:{_WORD} ){{0,3}}?{_WORD}"
_PREPOSITION = (
    "(?:in front of|in|on|into|onto|under|underneath|behind|beside|next to|near|between|by|inside|"
    "at|close to|to the (?:left|right) of)"
)
_PLACE = rf"{_PREPOSITION} (?:(?!(?:it|so|and|but)\b)\w+ ?)+?"
_MARK = r"(?: (?:[,.;:!]|so|and|but))+"
_POLITELY = r"(?:(?:please|just|now|then|can you|could you|would you|will you) )*"
_PUT = "|".join(verb for verb, action in lexicon.ACTIONS.items() if action is Action.PLACE)
_VERBS = "|".join(lexicon.ACTIONS)
# "The knife belongs on the board, so put it there".
_BELONGS = re.compile(
    rf"(?P<thing>{_NAME}) (?:belongs?|goes|go|lives?|should (?:go|be)|(?:has|needs|ought) to "
    rf"(?:go|be))"
    rf"(?: back)? (?P<place>{_PLACE}){_MARK} {_POLITELY}(?:{_PUT}) (?:it|them|that)"
    r"(?: (?:back|right|in|on|there|inside|where (?:it|they) belongs?))+(?P<please> please)?"
)
# "I can't reach my phone. It's next to the lamp.", "I left my book on the shelf".
_LOST = re.compile(
    r"(?:(?:oh|sorry|oops|hey)(?: ,)? )?(?:"
    r"(?:i|we) (?:(?:just|have|had|really|still) )*(?:can not (?:quite |really )?(?:reach|get|find|"
    r"see|get to)|dropped|lost|misplaced|left|forgot|put|saw|am looking for|are looking for) "
    rf"(?P<thing>{_NAME})(?: (?P<where>{_PLACE}))?"
    rf"|(?:i|we) (?:(?:am|are) (?:done|finished|through) with|do not need) (?P<done>{_NAME})"
    r"(?: (?:anymore|any more|any longer|now))?"
    rf"|(?P<gone>{_NAME}) (?:is|are) (?:gone|missing|lost|out of reach|too far(?: away)?)"
    rf"){_MARK} (?:(?:i think )?(?:it|they) (?:is|are|must be|should be|lies?)(?: (?:just|right|"
    rf"over "
    rf"there|there|lying|standing|sitting))* (?P<place>{_PLACE}){_MARK} )?(?P<request>{_POLITELY}"
    rf"(?:{_VERBS}) .+)"
)
_NEVER = lexicon.NEGATIONS | lexicon.CONDITIONS | lexicon.REPORTS


def with_thing_named(line: str) -> str:
    """The request with the thing that a statement before it names; the line where there is none."""
    line = line.strip()
    end = re.search(r"(?: [.!?,])+$", line)
    said = line[: end.start()] if end else line
    found = _BELONGS.fullmatch(said)
    if found is not None and _NEVER.isdisjoint(said.split()):
        return f"put {_the(found['thing'])} {found['place']}"
    found = _LOST.fullmatch(said)
    if found is None:
        return line
    request, places = found["request"].split(), [p for p in (found["where"], found["place"]) if p]
    pronouns = [at for at, word in enumerate(request) if word in ("it", "them")]
    told = " ".join([*request, *places]).split()
    if len(pronouns) != 1 or len(places) > 1 or not _NEVER.isdisjoint(told):
        return line
    where = f" that is {places[0].strip()}" if places else ""
    thing = f"{_the(found['thing'] or found['gone'] or found['done'])}{where}"
    at = pronouns[0]
    return " ".join([*request[:at], thing, *request[at + 1 :]])


def _the(thing: str) -> str:
    return f"the {re.sub('^(?:the|that|this|my|our) ', '', thing)}"
