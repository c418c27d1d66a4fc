"""Ways of saying it that have a plainer one, which the grammar then reads.

A new one is a pattern and what is said instead; both have the words of
:func:`unihm.perception.language.normalize.words_of`, with blanks between words and marks.
"""

from __future__ import annotations

import re

from unihm.perception.language import lexicon
from unihm.perception.language.cautions import with_care
from unihm.perception.language.command import Action

#: Units of what a thing holds, weighs or measures, where they stand before its name.
MEASURES = "ml|cl|l|oz|g|kg|mg|lb|lbs|mm|mil|cm|inch|volt"
_MOVES = r"(?:push|pull|shove|nudge|tug|move|step|shift|way|gap|distance)\b"
_THE = r"(?:the|that|this|my)"
_TABLES = "|".join(lexicon.TABLES)
_UNITS = "|".join(lexicon.UNITS)
_TAKE = r"\b(?:grab|take|pick up|need|(?:hand|give|pass|bring|get|fetch) me)"
_SOMEBODY = "(?:it|he|she|they|we|you|i|that|there)"
_END = r"(?= [.,!?]|$)"
_VERBS = "(?:" + "|".join(lexicon.ACTIONS) + ")(?: (?:me|us|up))*"
_PUT = "(?:" + "|".join(v for v, action in lexicon.ACTIONS.items() if action is Action.PLACE) + ")"
_LINKS = (
    "and|or|but|then|in|on|into|onto|at|to|of|from|with|by|near|next|beside|behind|under|between|"
    "off|out|over|that|which|is|are|not|it|them|when|while|if|before|after|instead"
)
# A thing by its article, adjectives and noun, with no word that links it to another.
_NAMED = rf"{_THE}(?: (?!(?:{_LINKS})\b)\w+){{1,4}}?"
_INTO = "(?:in|on|into|onto|inside|on top of)"
_BESIDE = "(?:next to|beside|behind|under|between|to the (?:left|right) of|in front of)"
_ADVERBS = "(?:usually|always|never|normally|often|sometimes|only|rarely|not|generally|also)"
_UNFORBIDDEN = r"^((?!.*\b(?:not|never|nobody|avoid|without)\b).*?)"
_GRASP = r"\b(?:execute|perform|do|make|carry out|attempt) an?"
_ON = r"(?:grasp|grip|pick|pickup|pick up|lift) (?:on|of|at) "

_PLAINER = (
    # "The 50 ml tube", "a 10 cm box": of a thing, not of a way.
    (rf"\b(the|an?|this|that|my) (\d+) ({MEASURES}) (?=[a-z])(?!{_MOVES})", r"\1 \2\3 "),
    (rf"(^|[.!;] |{_TAKE} )(\d+) ({MEASURES}) (?=[a-z])(?!{_MOVES})", r"\1\2\3 "),
    # Where it is, and where it goes.
    (r"\bbehind of\b", "behind"),
    (r"\bat (left|right) of\b", r"at the \1 of"),
    (rf"\bin the (left|right) of (?={_THE})", r"on the \1 of "),
    (rf"\bfrom the (left|right) side of (?!\w+ (?:{_TABLES})\b)", r"on the \1 side of "),
    (r"\bmore (?:near|close) to\b", "closer to"),
    (r"\bnear (?:from|of)\b", "near"),
    (r"\badjacent to\b", "next to"),
    (r"\bsomewhere (?=(?:in|on|at|near|by|beside|next|behind)\b)", ""),
    (r"\b(?:over )?(?:to|towards?) my side(?! of)\b", "toward me"),
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
    (rf"\bget ({_NAMED})(?: further| farther)? away from\b", r"move \1 away from"),
    # "Beside the plate, on its left".
    (
        rf"\b(?:at the side of|by the side of|next to|beside|by) ({_NAMED})(?: ,)? "
        r"(?:on|at|to) (?:its (left|right)(?: handside| side| hand)?|the (left|right)"
        r"(?: handside| side)? (?:of|from) it)\b",
        r"to the \2\3 of \1",
    ),
    (r"\b(?:to|in|into)(?: the)? direction (?:of |to )?(?:the )?(left|right)\b", r"to the \1"),
    (
        rf"\b(push|pull|slide|move|shove|nudge|drag|shift) ({_NAMED}) (?:in|to|into)(?: the)? "
        rf"direction of (?={_THE})",
        r"\1 \2 towards ",
    ),
    (rf"\bto the (left|right) from (?={_THE})", r"to the \1 of "),
    (r"\ba (?:wee|teeny|teensy|tiny) (?:bit|little bit)\b", "a little bit"),
    (r"(?<!a )\blittle bit\b", "a little bit"),
    (
        r"\b(\d+(?:\.\d+)?) in (?=(?:to|towards?|left|right|forward|forwards|back|backwards|away|"
        r"closer|nearer|up|down|further|farther)\b)",
        r"\1 inches ",
    ),
    (r"\blike (?=(?:\d+|an?|" + "|".join(lexicon.NUMBERS) + rf") (?:{_UNITS})\b)", "about "),
    # How it is like, and how it is done.
    (r"\bof (?:the )?colored (?=\w)", "that is "),
    # "To the right fast": no thing, and it is to the right.
    (
        r"(?<!too )(?<!so )(?<!as )(?<!not )\b(?:real )?(?:quick|fast)(?= (?:[.,!?]|please)|$)",
        "quickly",
    ),
    (
        rf"\b(?:really|real|super|extra|pretty|ever so|quite) (?=(?:{'|'.join(lexicon.MANNER)})\b)",
        "",
    ),
    (r"(?<= as you) possibly (?=can\b)", " "),
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
    (rf"(?: ,)? but (?=(?:please )?(?:(?:very|really) )?\w+ly{_END})", " "),
    (rf"\bwithout (\w+ing) (?:any(?: of it)?|a drop){_END}", r"without \1 anything"),
    # "Execute a top-down grasp on the brick".
    (rf"{_GRASP}(?: stable| secure| simple| good)? {_ON}", "grab "),
    (rf"{_GRASP} (?:top down|overhead|vertical) {_ON}", "grab from above "),
    (rf"{_GRASP} (?:side|lateral|sideways) {_ON}", "grab from the side "),
    (rf"{_GRASP} (?:pinch|precision|fingertip|two finger) {_ON}", "grab with two fingers "),
    (rf"{_GRASP} (soft|careful|slow|quick|firm) {_ON}", r"\1ly grab "),
    (rf"{_GRASP} gentle {_ON}", "gently grab "),
    (r"\buse (one|two|three|four|all|your) (fingers?|fingertips) (?:to|and)\b", r"with \1 \2 ,"),
    # Which one, and not which.
    (
        rf"(^|[.;] )instead of ({_NAMED})(?: ,)? ({_VERBS} {_NAMED})(?= (?:{_LINKS})\b| [.,!?]|$)",
        r"\1\3 instead of \2",
    ),
    (
        rf"\b({_VERBS}) not ({_NAMED})(?: ,)? but ({_NAMED})(?= (?:{_LINKS})\b| [.,!?]|$)",
        r"\1 \3 instead of \2",
    ),
    (rf" instead{_END}", ""),
    (
        rf"^not ({_NAMED})(?: ,)?(?: but)? ({_NAMED}) [:,] ({_VERBS}) (?:it|that|this)\b",
        r"\3 \2 instead of \1",
    ),
    (
        rf"^(?:no , )?(?:i|we) do not (?:want|need) (?={_NAMED} ,(?: but)? {_VERBS} )",
        "do not give me ",
    ),
    # "The lemon goes in the bowl": who says it so wants it there, unless it is asked or explained.
    (
        rf"(^|[,.;:] |\band )({_THE}(?: (?!(?:{_LINKS}|{_ADVERBS})\b)\w+){{1,4}}?) goes"
        rf"(?: back)? (?=(?:{_INTO}|{_BESIDE}) )(?!.*\?)",
        r"\1put \2 ",
    ),
    (
        rf"^({_INTO} {_THE}(?: (?!goes)\w+){{1,7}}) goes ({_NAMED})(?= [.,!]| please|$)",
        r"put \2 \1",
    ),
    # In English of India things are kept where they shall be; on a table they are already.
    (
        rf"(^|[,.;] |\b(?:and|then|please|kindly) )keep (it|{_NAMED}) "
        rf"(?=(?:{_INTO}|{_BESIDE})\b(?! {_THE} (?:{_TABLES})\b| *$))",
        r"\1put \2 ",
    ),
    # "Pass me the tongs, then the salt"; "put the fork in the box and the cup on the tray".
    (
        rf"{_UNFORBIDDEN}\b({_VERBS}) ({_NAMED})(?: please)?(?: ,)?(?: and)? (?:then|after that) "
        rf"(?={_NAMED}"
        rf"(?: {_INTO} .*)?{_END})",
        r"\1\2 \3 and then \2 ",
    ),
    (
        rf"{_UNFORBIDDEN}\b({_PUT}) ({_NAMED} {_INTO} {_NAMED})(?: ,)?"
        rf"(?: and| and then|(?<=,) then) (?={_NAMED} {_INTO} {_THE} )",
        r"\1\2 \3 and then \2 ",
    ),
    # What is done.
    (r" for (?:a|one|just a) (?:moment|second|sec|minute|while)(?= ,| and\b| then\b| [.!]|$)", ""),
    # Toys are "him" and "her" to children.
    (
        rf"\b({_PUT}|grab|take|push|pull) (?:him|her)(?= (?:{_INTO}|{_BESIDE}|back|down|up|to)\b)",
        r"\1 it",
    ),
    (rf"\b({_VERBS}) (?:only|just) (?={_THE} )", r"\1 "),
    (r"\bmake (open|close)\b", r"\1"),
    (r"\bpretty please\b", "please"),
    (r"\bplease (?:to\b|you (?=" + _VERBS + r"\b))", "please "),
    (r"\bafter this\b", "after that"),
    (rf"\bn (?={_VERBS}\b)", "and "),
    # A battery or a bottle, and nothing hollow.
    (rf" , (?:it|that) is (?:almost |nearly |already |completely )?empty{_END}", ""),
    # "Would you?", "doesn't it?", "won't you?"
    (r" , (?:would|will|could|can) you(?: please)?(?= ,| but\b| and\b| \w+ly\b)", ""),
    (
        r" , (?:is|are|was|does|do|did|will|would|can|could|has|have) not "
        rf"{_SOMEBODY}{_END}",
        "",
    ),
)


def plainer(line: str) -> str:
    """The line in plainer words."""
    line = with_care(line)
    for pattern, replacement in _PLAINER:
        line = re.sub(pattern, replacement, line)
    return line
