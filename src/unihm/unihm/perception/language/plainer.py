"""Ways of saying it that have a plainer one, which the grammar then reads.

A new one is a pattern and what is said instead; both have the words of
:func:`unihm.perception.language.normalize.words_of`, with blanks between words and marks.
"""

from __future__ import annotations

import re

from unihm.perception.language import lexicon

#: Units of what a thing holds, weighs or measures, where they stand before its name.
MEASURES = "ml|cl|l|oz|g|kg|mg|lb|lbs|mm|mil|cm|inch|volt"
_MOVES = r"(?:push|pull|shove|nudge|tug|move|step|shift|way|gap|distance)\b"
_THE = r"(?:the|that|this|my)"
_TABLES = "|".join(lexicon.TABLES)
_SOMEBODY = "(?:it|he|she|they|we|you|i|that|there)"
_END = r"(?= [.,!?]|$)"

_PLAINER = (
    # "The 50 ml tube", "a 10 cm box": of a thing, not of a way.
    (rf"\b(the|an?|this|that|my) (\d+) ({MEASURES}) (?=[a-z])(?!{_MOVES})", r"\1 \2\3 "),
    # Where it is, and where it goes.
    (r"\bbehind of\b", "behind"),
    (r"\bat (left|right) of\b", r"at the \1 of"),
    (rf"\bin the (left|right) of (?={_THE})", r"on the \1 of "),
    (rf"\bfrom the (left|right) side of (?!\w+ (?:{_TABLES})\b)", r"on the \1 side of "),
    (r"\bmore (?:near|close) to\b", "closer to"),
    (
        r"\bto (?:its|the|their) (?:usual |own |proper )?(?:spot|place|home)"
        r"(?= (?:beside|next|near|on|in|by|behind|between|under)\b)",
        "",
    ),
    # "Pull the box closer to me": which way, not which box.
    (
        rf"\bbring ({_THE} (?:\w+ ){{1,6}}?)(?:(?:just )?a (?:little|tad|bit|little bit) )?"
        r"(?=(?:closer|nearer)\b)",
        r"move \1",
    ),
    (
        rf"\b(pull|push|move|slide|drag|draw|shift|scoot|nudge) ({_THE} (?:\w+ ){{1,6}}?)"
        r"(?:closer|nearer) to (?=(?:me|us|you|yourself)\b)",
        r"\1 \2toward ",
    ),
    (r"\ba hands (?:width|breadth)\b", "10 cm"),
    (r"\bback from (?=the (?:edge|end|corner)\b)", "away from "),
    # How it is like, and how it is done.
    (r"\bof (?:the )?colored (?=\w)", "that is "),
    (rf"\b(?:real )?quick{_END}", "quickly"),
    (r"\bnice and (?:easy|gentle|gently|careful|carefully)\b", "gently"),
    (r"\bnice and slow(?:ly)?\b|\bwithout (?:any )?(?:rush|hurry)\b", "slowly"),
    (r"(?: ,)? easy (?:now|does it)(?= and\b| [.,!]|$)", " gently"),
    (rf" and (?:then )?(?:keep holding|keep hold of|hold on to) (?:it|them){_END}", ""),
    (r"\b(?:and )?mind you do it (?=\w+ly\b)", ""),
    (
        r"(?: ,)?(?: (?:and|but))?(?: please)? be (?:very |really |so )?(careful|gentle)"
        rf"(?: with (?:it|them|that))?{_END}",
        r" \1ly",
    ),
    (rf"\bcareful(?: though| tho| now)?{_END}", "carefully"),
    (r"\buse (one|two|three|four|all|your) (fingers?|fingertips) (?:to|and)\b", r"with \1 \2 ,"),
    # What is done.
    (r"\bmake (open|close)\b", r"\1"),
    (r"\bplease to\b", "please"),
    (r"\bafter this\b", "after that"),
    (
        r"\bn (?=(?:put|place|drop|give|take|grab|set|bring|close|open|push|pull|hand|move)\b)",
        "and ",
    ),
    # "Doesn't it?", "won't you?"
    (
        r" , (?:is|are|was|does|do|did|will|would|can|could|has|have) not "
        rf"{_SOMEBODY}{_END}",
        "",
    ),
)


def plainer(line: str) -> str:
    """The line in plainer words."""
    for pattern, replacement in _PLAINER:
        line = re.sub(pattern, replacement, line)
    return line
