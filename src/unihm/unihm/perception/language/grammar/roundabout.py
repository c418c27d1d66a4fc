"""Ways round a verb, and the plain verb that they stand for: "slide open", "let the pen go"."""

from __future__ import annotations

import re

from unihm.perception.language.grammar.words import participles

_DETERMINER = "(?:the|that|this|my|your|our|a|an|his|her)"
_THING = rf"(?P<thing>{_DETERMINER} [^,]+?)"
_PLACE = (
    r"(?:in|on|into|onto|to|at|by|next|beside|behind|between|under|inside|near|over|towards?|away|"
    r"back|in front|closer|from|off|out)\b"
)
# With these something is opened or closed that turns, slides or hangs.
_SWINGS = (
    "(?:slide|pull|push|swing|flip|pry|prise|ease|pop|lift|yank|tug|drag|draw|haul|shove|nudge|"
    "force|throw|roll|crack)"
)
_OPENED = (
    r"(?P<thing>(?:(?!(?:and|then|but|or)\b)\w+ ){0,5}?(?:door|drawer|lid|window|gate|hatch|flap|"
    r"cabinet|cupboard|box|fridge|oven|curtains?|compartment|locker|panel)\b)"
)
_FISH = "(?:fish|dig|pull|slide|draw|drag|tug|yank|ease|pop|haul|scoop)"
_HAS_LID = (
    "(?:pot|pan|saucepan|casserole|dish|jar|tub|bowl|skillet|wok|kettle|teapot|box|bin|crock)"
)
_SEE_TO_IT = "(?:make sure|see to it|see|ensure)(?: that)?(?: to (?:have|get))?"
# What is told of as done: "I want the binder moved to the shelf".
_TO_BE = re.compile(
    rf"^(?:(?:could|would)|(?:i|we) (?:would like|should like|would love|want|need)(?: to "
    rf"(?:have|get|see))?|have|{_SEE_TO_IT}) "
    rf"{_THING} (?:(?:is|gets?|are) )?(?:(?:please )?(?:to )?be )?(?P<done>\w+) (?=(?:(?:right|"
    rf"just|directly|safely) )?"
    rf"{_PLACE})"
)
_ENDS_UP = re.compile(
    rf"^{_SEE_TO_IT} {_THING} (?:goes|gets|ends up|lands|winds up|is)(?: back)? (?={_PLACE})"
)
_STATES = frozenset({"left", "held", "got", "gotten", "taken", "kept", "caught", "chosen", "stuck"})
_ROUNDABOUT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), plainer)
    for pattern, plainer in (
        (
            rf"\bgive {_THING} an? (?:(?:little|small|slight|tiny|gentle|soft|light|good) )?"
            r"(?P<verb>push|shove|nudge|pull|tug)\b",
            r"\g<verb> \g<thing>",
        ),
        (rf"\b{_SEE_TO_IT} {_THING} is open$", r"open \g<thing>"),
        (rf"\b{_SEE_TO_IT} {_THING} is (?:closed|shut)$", r"close \g<thing>"),
        # "Slide open the door", "swing the door shut".
        (rf"\b{_SWINGS} open {_OPENED}", r"open \g<thing>"),
        (rf"\b{_SWINGS} (?:shut|closed) {_OPENED}", r"close \g<thing>"),
        (
            rf"\bpull {_THING} (?P<far>halfway|half way|all the way|partly|fully) open$",
            r"open \g<thing> \g<far>",
        ),
        (rf"\b(?!push|pull){_SWINGS} {_THING} open\b", r"open \g<thing>"),
        (rf"\b(?!push|pull){_SWINGS} {_THING} (?:closed|shut)\b", r"close \g<thing>"),
        # What is on a thing: its lid, its cap.
        (rf"\buncap {_THING}$", r"take the cap off \g<thing>"),
        (rf"\buncork {_THING}$", r"take the cork off \g<thing>"),
        (
            rf"\b(?:uncover|unlid) (?P<thing>{_DETERMINER} (?:\w+ ){{0,3}}?{_HAS_LID})$",
            r"take the lid off \g<thing>",
        ),
        (
            rf"\bcover (?:up )?{_THING} with (?P<cover>{_DETERMINER} .+)$",
            r"put \g<cover> on \g<thing>",
        ),
        (
            r"\bcover (?:up )?"
            rf"(?P<thing>{_DETERMINER} (?:\w+ ){{0,3}}?(?:pot|pan|saucepan|casserole|skillet|"
            rf"wok))$",
            r"put the lid on \g<thing>",
        ),
        (rf"\b(?:recap|cap) {_THING}$", r"put the cap on \g<thing>"),
        # "Fish my phone out of the bag", "dig out the keys".
        (
            rf"\b{_FISH} (?P<thing>(?:it|{_DETERMINER} (?:(?!drawer)[^, ]+ )*?[^, ]+)) "
            r"(?:out(?: of| from)|from inside(?: of)?) (?=\w)(?!the way\b)",
            r"take \g<thing> out of ",
        ),
        (
            rf"\b(?:fish|dig|root|ferret) (?:out|up) {_THING}(?P<rest> (?:from|out of) .+|$)",
            r"take \g<thing>\g<rest>",
        ),
        (rf"\b(?:pass|send) along (?={_DETERMINER} )(?!.* to )", "hand me "),
        # To whom it goes.
        (rf"\breach (?P<who>me|us) (?:(?:over|down|across) )?{_THING}$", r"hand me \g<thing>"),
        (rf"\breach {_THING} (?:(?:over |across |down )?to|for) (?:me|us)$", r"hand me \g<thing>"),
        (rf"\b(?:provide|supply) (?:me|us) with {_THING}$", r"hand me \g<thing>"),
        (
            rf"\b(?:find|slide|slip|shove|pop|send) (?:me|us) (?:over |across )?(?={_DETERMINER} )",
            "hand me ",
        ),
        # What is held.
        (rf"\blet {_THING} go$", r"release \g<thing>"),
        (
            rf"\b(?:loosen|relax|release) your (?:grip|hold|grasp) (?:on|of) {_THING}$",
            r"release \g<thing>",
        ),
        # Off a table, off at a place.
        (rf"\bdrop off {_THING} (?=(?:at|on|in|by) )", r"put \g<thing> "),
        (
            rf"\b(?:let us )?have {_THING} over (?=(?:by|next to|beside|on|in|near) )",
            r"put \g<thing> ",
        ),
    )
)
_SHOULD_GO = re.compile(
    rf"^{_THING} (?:should|needs to|has to|must|is to|ought to|is supposed to|wants to) "
    r"(?:go|be put|be placed|be moved|be set|be stored|be kept)(?: back)? "
    r"(?=(?:in|on|into|onto|between|next|beside|under|behind|to|inside) )"
)
_NEEDS_PUTTING = re.compile(
    rf"^{_THING} (?:needs|wants) (?:putting|placing|moving|setting)(?: back)? (?={_PLACE})"
)


def with_plain_verb(line: str, asked: bool) -> str:
    """A clause with its plain verb.

    Args:
        line: its words.
        asked: a question mark ends it: "the box should go on the shelf?" asks for nothing.
    """
    line = _ENDS_UP.sub(r"put \g<thing> ", _TO_BE.sub(_active, line))
    for pattern, plainer in _ROUNDABOUT:
        line = pattern.sub(plainer, line)
    if not asked:
        line = _NEEDS_PUTTING.sub(r"put \g<thing> ", _SHOULD_GO.sub(r"put \g<thing> ", line))
    return line


def _active(found: re.Match[str]) -> str:
    """Such as "move the binder to the shelf" of "I want the binder moved to the shelf"."""
    verb = "" if found["done"] in _STATES else participles().get(found["done"], "")
    verb = "put" if verb in ("move", "set") else verb
    return f"{verb} {found['thing']} " if verb else found.group(0)
