"""Cautions beside a request: "but don't spill it", "so it doesn't fall", "or it will break".

What shall not happen to a thing while something else is done with it forbids nothing that is
offered; it asks for care. So it is read as words of manner: slowly for what falls or spills, gently
for what breaks or scratches.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from unihm.perception.language import lexicon

# Each as it is said after "do not", "it will", "nothing" and "it gets".
_CARE = {
    "slowly": (
        "spill spills spilt spilled drop drops dropped slip slips fall falls fallen tip tips "
        "topple topples knock knocked shake wobble wobbles jerk slosh splash splashes overturn "
        "lose lost roll rolls slide slides crash crashes bump wet"
    ),
    "gently": (
        "break breaks broken scratch scratched crush crushed damage damaged squeeze squash "
        "squashed smash smashes smashed dent dented bend bent tear tears torn crack cracks cracked "
        "chip chips chipped hurt harm slam slams bang bangs ruin ruined rip rips ripped shatter "
        "shatters snap snaps smear smudge smudged stain stained wreck crumple crumpled"
    ),
}
# By itself before "it" this is done to a thing on purpose: "don't slide it".
_ALSO_DONE = "(?:roll|slide)"
# With its "not": what somebody wants to fall is another thing.
_SPARED = (
    r"(?:(?:it|they|this|that|you|i|we|the \w+) (?:do|does|will|can|could|would|is|are) not|"
    r"(?:nothing|none of it)(?: will| can)?)"
)
_DO_NOT = (
    r"(?:(?:please|just|whatever you do(?: ,)?) )*(?:be (?:very |really )?careful "
    r"(?:not to|(?:that )?you do not)|(?:take care|try) not to|"
    r"make sure (?:not to|(?:that )?you do not)|mind (?:that )?you do not|do not|never)"
)
_IT_DOES_NOT = (
    rf"(?:so (?:that )?|(?:please )?make sure (?:that )?|be careful (?:that )?){_SPARED}"
    r"(?: get| be)?"
)
_IT_MAY = (
    r"(?:or (?:else )?|because )(?:it|they) (?:will|would|might|may|can|could)(?: easily)?"
    r"(?: get| be)?"
)
_NOT_WANTED = r"(?:because |as )?(?:i|we) (?:do|would) not (?:want|like) (?:it|them|the \w+)"
_OBJECT = (
    r"(?: (?:it|them|this|that|any(?:thing)?|any of it|a drop|yourself|the (?:\w+ )?\w+))?"
    r"(?: (?:over|off|down|out|away|open|apart|everywhere|all over|on (?:the (?:floor|ground|way)|"
    r"yourself|me|anything)|off the (?:table|shelf|edge)|too (?:much|hard)))*"
)
_END = r"(?= (?:and|then) |(?: [,.;:!?])|$)"
_BETWEEN = r"(?: [,.;!]| but| and)"
_VERB = re.compile(rf"\b(?:{'|'.join(lexicon.ACTIONS)})\b")


def _patterns() -> list[tuple[re.Pattern[str], str]]:
    found = []
    for manner, harms in _CARE.items():
        harm = "|".join(harms.split())
        done = rf"(?!{_ALSO_DONE} )(?:{harm})"
        for pattern in (
            rf"{_BETWEEN}+ {_DO_NOT} {done}{_OBJECT}{_END}",
            rf"{_BETWEEN}*(?: be careful)? {_IT_DOES_NOT} (?:{harm}){_OBJECT}{_END}",
            rf"{_BETWEEN}* {_IT_MAY} (?:{harm}){_OBJECT}{_END}",
            rf"{_BETWEEN}* {_NOT_WANTED} (?:(?:to )?(?:get |be )?(?:{harm})|{_ing(harms)}){_OBJECT}"
            rf"{_END}",
        ):
            found.append((re.compile(pattern), f" {manner}"))
    found.append((
        re.compile(
            rf"{_BETWEEN}+ (?:please )?(?:mind|watch|watch out for|look out for|beware of|"
            rf"(?:be )?careful (?:of|with)) (?:the|its|my|your) (?:\w+ )?\w+{_END}"
        ),
        " gently",
    ))  # fmt: skip
    grip = r"(?:grip|hold|grab|press|squeeze|take|push|pull|handle) (?:it|them)"
    for ways, manner in (
        ("hard|tight|tightly|firmly|rough|roughly", "gently"),
        ("fast|quick|quickly", "slowly"),
    ):
        be = rf"(?:{_DO_NOT} (?:{grip}|be|do it) )"
        found.append((
            re.compile(rf"{_BETWEEN}* (?:{be}|not )(?:too|so) (?:{ways}){_END}"), f" {manner}"
        ))  # fmt: skip
    return found


def _ing(harms: str) -> str:
    """The words in which it is told that something is happening: "falling"."""
    stems = (re.sub(r"e$", "", harm) for harm in harms.split())
    return rf"(?:{'|'.join(stems)})(?:[bdgmnprt])?ing"


_PATTERNS = _patterns()


def with_care(line: str) -> str:
    """The line with words of manner in place of cautions that follow a request.

    Args:
        line: of :func:`unihm.perception.language.normalize.words_of`, with blanks between words.
    """
    for pattern, manner in _PATTERNS:
        line = pattern.sub(_after_request(line, manner), line)
    return line


def _after_request(line: str, manner: str) -> Callable[[re.Match[str]], str]:
    """What a caution is replaced by: by itself, as "don't drop it", it is a prohibition."""

    def replaced(found: re.Match[str]) -> str:
        return manner if _VERB.search(line[: found.start()]) else found.group(0)

    return replaced
