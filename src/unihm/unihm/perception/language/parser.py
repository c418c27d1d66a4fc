"""The reader by rules: clauses, verbs and noun phrases, every word accounted for or reported.

A sentence is cut into clauses. A clause with a verb of action is read from left to right into
phrases, relations, directions and manner; what fits nowhere is kept in ``unknown``. Which of it is
carried out is not decided here but in `unihm.perception.language.gate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache

from unihm.perception import colors
from unihm.perception.language import lexicon
from unihm.perception.language.command import (
    Action,
    Direction,
    Phrase,
    Relation,
    Step,
)
from unihm.perception.language.normalize import is_known, is_plausible
from unihm.perception.language.nouns import NOUNS

_PREFIXES = re.compile(
    r"(?:(?:would|do) you mind |do you think (?:that )?you (?:could|can) (?:please )?"
    r"|it would be (?:great|nice|good|lovely|helpful) if you (?:could|would) "
    r"|i would (?:appreciate it|be (?:glad|happy|grateful)) if you (?:could|would) "
    r"|(?:could|can|would|will) (?:you|we) (?:please )?(?:try to |help me (?:to )?|"
    r"be so kind (?:as to|and|to) |"
    r"be able to |go )?"
    r"|(?:i|we) (?:want|need|would like|would love|expect|ask|asked|order|command|told|"
    r"tell) you to "
    r"|from your (?:perspective|point of view|view|position|side)(?: ,)?(?: |$)|i would (?=(?:pick|"
    r"grab|"
    r"take|lift|choose|select) )|i would (?:like you to|ask (?:you|them|the robot) to|have you|"
    r"tell (?:you|them|it) to) "
    r"|you (?:should|must|can|could|need to|have to|may|will|are to|shall|ought to|want to) "
    r"|(?:we|i) (?:should|need to|must|have to|want to) "
    r"|let us (?:now )?(?:try to )?|help me (?:to )?|try to |make sure (?:to|that you|you) |"
    r"be sure to "
    r"|remember to |your (?:task|job|goal) is to |the (?:task|goal) is to |(?:go|come)(?: ahead|"
    r" on)?(?: and)? "
    r"(?=(?:please )?(?!to |and|there|back|up|down|in|on)\w)|mr robot |dear robot |hey robot |"
    r"the robot (?:should|must|needs to|has to) "
    r"|begin by |start by |proceed to |feel free to |it is time to |use (?:your|the) (?:right|"
    r"left)? ?(?:hand|arm) (?:to|and) "
    r"|use (?:right|left) (?:hand|arm) (?:to|and) )"
)
# "I want the ball", "can I have the ball": it is to be handed over.
_WISHES = re.compile(
    r"(?:(?:can|could|may|might) (?:i|we) (?:please )?(?:just )?(?:have|get|see)|i (?:want|need|"
    r"would like|"
    r"would love|will have|will take|am looking for|could use)(?: to have)?|let me (?:have|get)|"
    r"we (?:want|need|would like))\b(?! to\b)(?: you to)?(?: me)?"
)
_QUESTION = re.compile(
    r"(?:what|who|whom|whose|where|when|why|how|which|is|are|am|was|were|do|does|did|has|"
    r"have you|"
    r"should|shall|could|can|would|will|may|might|any idea|do you)\b"
)
_STATEMENT = re.compile(
    r"(?:(?:this|that|it|there|these|those|i|you|we|he|she|they|my|your|who|everything|nothing|"
    r"here|name)\b|(?:\w+ ){1,6}(?:is|are|was|were|has|have|looks?|feels?|means?|belongs?)\b)"
)
# "That box", "the box that is nearest to you": the name of a thing all the same.
_NAMED = re.compile(
    r"(?:that|this|these|those) \w+(?: \w+)?$|(?:the|a|an) (?:\w+ ){1,4}(?:that|which) (?:is|"
    r"are)\b"
)
_STOP = re.compile(
    r"(?:please )?(?:stop|halt|freeze|abort|cancel|pause|quit|enough|wait|whoa|emergency|"
    r"hold on|hold it|"
    r"stand still|do not|do not move|never mind|nevermind|forget (?:it|that|about it)|leave it|"
    r"leave it "
    r"(?:alone|be|there)|that is enough|no more|cut it out|let it (?:be|alone)|no|no no|nope|"
    r"e stop|estop|"
    r"stay(?: there| still| put)?|do nothing|cease|knock it off|stop (?:it|that|this|now|moving|"
    r"everything|"
    r"right (?:there|now)|immediately|the (?:robot|arm|task|action|motion|hand))|"
    r"cancel (?:it|that|the task|everything|the action|my request)|abort (?:it|that|the task|"
    r"mission)|"
    r"(?:the )?emergency (?:stop|button)|do not (?:do|touch) (?:it|that|anything)|take it easy|"
    r"hold your (?:horses|position)|hang on|not now|stop what you are doing)(?: please| now|"
    r" robot| it)*"
)
_STOP_WORDS = frozenset({"stop", "halt", "freeze", "abort", "emergency", "cease"})
_CORRECTION = re.compile(
    r"(?:no(?: no)*(?: wait)?|wait(?: no)?|sorry|i mean|i meant|actually|or rather|correction|"
    r"scratch that|"
    r"make that|rather|oops|not that(?: one)?|wrong(?: one)?|that is wrong|that is not (?:it|"
    r"right|correct|"
    r"what i (?:meant|said|wanted))|no sorry|no actually)\b"
)
_PROHIBITION = re.compile(
    r"(?:.*\b)?(?:do not|never|must not|should not|may not|can not|shall not|avoid|refrain|"
    r"no need|stay (?:away|off|clear)|keep (?:away|off|your|out|clear)|hands off|not to|"
    r"no one|nobody|nothing|forbidden|not allowed|under no circumstances|does not need|will not|"
    r"is not to|are not to|would not|could not|leave .* (?:alone|be|there|where|as)|quit \w+ing|"
    r"stop \w+ing|did not|does not)\b"
)
_UNIT = "|".join(sorted(lexicon.UNITS, key=len, reverse=True))
_NUMBER = "|".join(lexicon.NUMBERS)
_AMOUNT = re.compile(
    rf"(?:by |about |around |approximately |roughly |exactly |for )*(?:(half an?|a|an|"
    rf"\d+(?:\.\d+)?|{_NUMBER})"
    rf"(?: and a half)? ({_UNIT})\b)"
)
_VAGUE = re.compile(
    r"(?:by |just )*(?:a (?:tiny |little |small )?bit|a little(?: bit)?|a tad|a touch|slightly|"
    r"a short "
    r"(?:distance|way)|a few (?:cm|centimeters|inches)|somewhat|a lot|all the way|"
    r"a small amount|as far as "
    r"(?:you can|possible)|much|diagonally|straight)\b"
)
_HOW_FAR = re.compile(
    r"(?:just |only |about )?(?:all the way|halfway|half way|half|completely|fully|entirely|"
    r"wide open|wide|a (?:tiny |little |small )?bit|a little(?: bit)?|slightly|a crack|"
    r"part of the way|partway|partly|partially|"
    r"as far as (?:it|you) (?:goes|will go|will|can go|can)|"
    r"(?:by )?(?:(?:a |one )(?:third|quarter)|two thirds|three quarters)(?: of the way)?|"
    rf"(?:by |to |about )*(?:\d+(?:\.\d+)?|{_NUMBER}) (?:percent|degrees?))"
    r"(?: open| closed| shut)?\b"
)
_BODY = (
    r"(?:handle|rim|edge|top|side|sides|neck|stem|middle|base|lid|body|blade|end|bottom|"
    r"corner|cap|spout|waist|brim|knob)"
)
_MANNERS = re.compile(
    rf"(?:with|using) (?:(?:your|the|a|one|two|three|four|five|all|only|just|both|some|more|"
    rf"less|great|extra|"
    r"right|left|whole|gentle|firm|light|soft|little|lot|of|index|entire|full|robot|force) )*"
    r"(?:fingers?|hands?|gripper|care|caution|thumb|grip|grasp|fingertips|tips|force|pinch|palm|"
    r"arm|claw|touch)"
    r"(?: and (?:your |the )?(?:thumb|index finger|middle finger))?\b"
    rf"|by (?:the|its|his|her) (?:\w+ )?{_BODY}\b(?: of it)?"
    r"|from (?:above|the top down|its top|its side|the side|overhead|its handle)\b(?! of)"
    r"|in (?:one|a single) (?:motion|go|move)|as (?:gently|slowly|quickly|"
    r"carefully) as (?:possible|you can)"
    r"|very (?:gently|carefully|slowly|quickly|softly)|right side up"
    r"|without (?:spilling|breaking|dropping|crushing|squeezing|damaging|tilting)(?: it|"
    r" anything| them)?\b"
)
_NO_LIFT = re.compile(r"without (?:lifting|raising|picking(?: up)?)(?: it| them)?(?: up)?\b")
_TO_ME = re.compile(
    r"(?:over )?(?:to|into?|in|on|onto) (?:me|us|my (?:hand|hands|palm)|the (?:user|human|"
    r"person))\b"
    r"|(?:back )?to me\b"
)
_FOR_ME = re.compile(r"for (?:me|us)\b")
_IN_HAND = re.compile(
    r"(?:with|in|into|inside) (?:your|the robot|the|its)(?: robot)? (?:hand|hands|gripper|palm|"
    r"fingers|claw)\b"
    r"|(?:up )?(?:in|into) the air\b|off the ground\b"
)
_SUPERLATIVE = re.compile(
    r"(?:the )?(?:one )?(?:(?:most )?(nearest|closest|closer|nearer|near|close|farthest|"
    r"furthest|farther|further|far)"
    r"(?: away)?)(?: (?:to|from|of|by))? (?:me|you|us|the robot|robot|yourself|myself|"
    r"the (?:robot )?arm|the camera|"
    r"the viewer|where you are|your (?:position|location|base|self|body|hand|arm)|"
    r"my (?:position|hand|body))\b"
)
_OF_ME = re.compile(
    r"(?:to|from) (?:me|you|us|the robot|robot|yourself|myself|the arm|the camera|your (?:base|"
    r"position|self|body))\b"
)
_FARTHEST_SIDE = re.compile(
    r"(?:the )?(?:furthest|farthest|most|closest|nearest|furthermost|far|furthur)(?: (?:to|on|"
    r"from|at|over to))?(?: the| your| my|)"
    r" (left|right)(?: handside| hand)?(?: side)?(?: of (?:you|me|the table|the group))?(?= |$)"
)
_PLACE_WORDS = "|".join(sorted(lexicon.PLACES, key=len, reverse=True))
_SIDE_WORDS = "|".join(lexicon.SIDES)
_TABLE_WORDS = "|".join(lexicon.TABLES)
_SIDE = re.compile(
    rf"(on|at|to|in|into|onto|from|toward|towards|along|starting from|near|by)(?: the| your| my|"
    rf" our| its|)"
    rf"(?: very| extreme| direct|)((?: (?:{_PLACE_WORDS})){{1,3}})(?: hand| handside|"
    rf")(?:(?: (?:{_SIDE_WORDS}))*)"
    rf"(?: (?:of|on|in) (?:the |your |my |this )?(?:{_TABLE_WORDS}|you|me|robot|group|picture|"
    rf"image|scene|row|line|cluster|yourself)"
    r"(?: top)?)?(?= (?:and|then|of|located|lying|standing|sitting|placed|directly|from|on|in|"
    r"at|to|that|which|who|with|by|please|for|next|beside|near|is|touching|it|a bit|a little|"
    r"[.,;])|$)"
)
_HAND_SIDE = re.compile(r"(?:on|to|at|from)(?: the| your| my)? (left|right) handside\b")
_RELATION = re.compile(
    rf"(?:(?:{'|'.join(lexicon.DEGREES)}) )*"
    rf"({'|'.join(sorted(lexicon.RELATIONS, key=len, reverse=True))})\b"
)
_TOWARD = re.compile(
    r"(?:closer (?:to|towards?)|nearer (?:to|towards?)|towards?|toward|up to|up against|against|"
    r"to touch|to meet|"
    r"(?:all the way |over )?to)\b"
)
_SOURCE = re.compile(
    r"(?:off of|off|out of|out from|from (?:the )?(?:inside|top|off|within|under|underneath|"
    r"between) of|"
    r"from (?:inside|on top of|within|off|out of)|from)\b"
)
_RELATIVE = re.compile(
    r"(?:,? ?(?:that|which|who|and)(?: is| are| s|'s| has been| was)(?: also)?(?! not)|thats|"
    r"(?:and )?(?:it )?is(?! not)"
    r"|that(?= (?:sits|stands|lies))|,? ?(?:that|which)(?= (?:touches|touching|has)))\b"
)
_EXCLUDE = re.compile(
    r",? ?(?:but )?(?:(?:that|which) (?:is|are) not|that are not|is not|not|except(?: for)?|"
    r"but(?= the | a | an )|"
    r"other than|but not|and not|excluding|"
    r"rather than|instead of)\b"
)
_DIRECTION_WORDS = "|".join(sorted({*lexicon.DIRECTIONS, *lexicon.COMPASS}, key=len, reverse=True))
_DIRECTION = re.compile(
    rf"(?:(?:straight|directly|further|farther|diagonally|over|more|a bit|a little|bit|little|"
    rf"slightly) )*"
    rf"(?:(?:to|towards?|toward|in)(?: the| your| my)? |(?=\w))"
    rf"((?:{_DIRECTION_WORDS})(?: (?:and|and to the|to the|) ?(?:{_DIRECTION_WORDS})\b)?)"
    r"(?:(?: hand| handside|)(?: (?:side|direction|edge|end|corner))?)(?: from (?:me|you|"
    r"the robot))?"
    r"(?= (?:and|then|by|a|about|for|please|of the table|without|gently|slowly|carefully|until|"
    r"on|slightly|all|some|from|half|but|in|next|to me|\d|one|two|three|four|five|six|seven|"
    r"eight|nine|ten|twenty|[.,;])|$)"
)
_AWAY_FROM = re.compile(r"(?:away|further|farther|apart|off) from\b")
_ME_DIRECTION = re.compile(
    r"(?:towards?|closer to|nearer to|near|back to|to|over to)(?: where)? (?:me|us|you|yourself|"
    r"the robot|myself)(?: are| am)?\b"
)
_FROM_ME = re.compile(
    r"(?:away|further away|farther away|farther|further) from (?:me|you|us|yourself|the robot)\b"
)


_HANDS_UP = re.compile(
    r"(?:move|lift|raise|bring|pull) (?:(?:your|the)(?: robot)? (?:hands?|arm|"
    r"gripper) )?(?:to )?up(?:wards?)?$"
)
# What somebody says of himself or of a thing, though with a "not": it forbids nothing.
_TOLD = re.compile(r"(?:i|we|he|she|they|it|this|that|there|you|hello i)\b")
_FORBIDS = re.compile(
    r".*\b(?:want|like|wish|need|allow) you\b|.*\b(?:must|should|may|shall) not\b|.*\b(?:forbid|"
    r"forbidden|not allowed|"
    r"not to be|prohibit|are not to)\b|you (?:do|will|can|are|would) not\b|.*\b(?:and|but|so|"
    r",) (?:do not|never)\b"
)


_PHRASAL = re.compile(
    r"(?:let go|get rid|get hold|take hold|grab hold|catch hold|"
    r"(?:take|get) a (?:firm )?(?:hold|grip|grasp))(?: of| on|)"
)


class Mood(str, Enum):
    """What a clause does beside asking for something."""

    REQUEST = "request"
    PROHIBITION = "prohibition"
    QUESTION = "question"
    STATEMENT = "statement"
    CONDITION = "condition"
    CORRECTION = "correction"
    OTHER = "other"  # an action that is not offered
    THING = "thing"  # the name of a thing alone
    PLACE = "place"  # where to, alone
    EMPTY = "empty"
    UNREAD = "unread"


@dataclass
class Clause:
    """What one clause says."""

    mood: Mood
    verb: str = ""
    action: Action | None = None
    targets: list[Phrase] = field(default_factory=list)
    relations: list[_Found] = field(default_factory=list)
    source: Phrase | None = None
    direction: Direction | None = None
    toward: Relation | None = None
    manner: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    to_me: bool = False
    down: bool = False
    back: bool = False
    no_lift: bool = False
    words: str = ""


@dataclass
class _Found:
    """A relation as it was found: with which words, and whether it belongs to the first thing."""

    relation: Relation
    preposition: str
    to_head: bool = False


class _Cursor:
    """A place in a list of words."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.at = 0

    @property
    def word(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    @property
    def following(self) -> str:
        return self.words[self.at + 1] if self.at + 1 < len(self.words) else ""

    @property
    def rest(self) -> str:
        return " ".join(self.words[self.at :])

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what ``pattern`` matches here, if it does with whole words."""
        found = pattern.match(self.rest)
        if found is None or not found.group(0).strip():
            return None
        tail = self.rest[found.end() :]
        if tail and not tail.startswith(" ") and not found.group(0).endswith(" "):
            return None
        self.at += len(found.group(0).split())
        return found


def sentences_of(words: list[str]) -> list[tuple[list[str], str]]:
    """Words between marks that end a sentence, each with its mark."""
    found: list[tuple[list[str], str]] = []
    current: list[str] = []
    for word in words:
        if word in ".!?;:":
            if current:
                found.append((current, word))
            current = []
        else:
            current.append(word)
    if current:
        found.append((current, ""))
    return found


def is_verb(word: str) -> bool:
    """Whether a request may begin with it."""
    return word in lexicon.ACTIONS or word in lexicon.OTHER


@cache
def gerunds() -> dict[str, str]:
    """-ing forms of the verbs."""
    found: dict[str, str] = {}
    for verb in (*lexicon.ACTIONS, *lexicon.OTHER):
        stem = verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb
        found[f"{stem}ing"] = verb
        if re.search(r"[^aeiou][aeiou][bdgmnprt]$", verb):
            found[f"{verb}{verb[-1]}ing"] = verb
    return found


def clauses_of(words: list[str]) -> list[list[str]]:
    """Cut a sentence before every "and", "then" or comma that a verb follows."""
    found: list[list[str]] = []
    current: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word in ("and", "then", ",", "but", "or", "after") and current:
            ahead = position
            while ahead < len(words) and words[ahead] in (
                "and", "then", ",", "but", "also", "please", "now", "just", "after", "that",
                "finally", "next", "to", "afterwards", "or", "carefully", "gently", "slowly",
            ):  # fmt: skip
                ahead += 1
            verb = words[ahead] if ahead < len(words) else ""
            if word == "or" or (word == "after" and "that" not in words[position:ahead]):
                ahead = position
            negated = verb in ("do", "never") and words[ahead : ahead + 2] != [
                "do",
                "you",
            ]
            starts = (is_verb(verb) or negated or verb in ("release",)) and not (
                verb in NOUNS and words[ahead + 1 : ahead + 2] in ([], [","], ["and"])
            )
            if starts and ahead > position and not _joins_adjectives(current, verb, words, ahead):
                found.append(current)
                keep = [w for w in words[position:ahead] if w in lexicon.MANNER]
                current = keep
                position = ahead
                continue
        current.append(word)
        position += 1
    return [*found, current] if current else found


def _joins_adjectives(current: list[str], verb: str, words: list[str], ahead: int) -> bool:
    """Such as "the left and right ..." or "the open and close button": no new clause."""
    return verb in ("left", "right") or (
        ahead + 1 < len(words) and words[ahead + 1] in ("of", "is") and verb not in ("let",)
    )


def read_clause(words: list[str], mark: str = "") -> Clause:
    """Read one clause.

    Args:
        words: lower case, without the mark that ends the sentence.
        mark: that mark.
    """
    said = " ".join(words)
    polite = False
    cursor = _Cursor(words)
    manner: list[str] = []
    leading: list[_Found] = []
    wished = False
    while True:
        if cursor.word in ("and", "then", ",", "so", "but") or _is_filler(cursor):
            cursor.at += 1
        elif cursor.word in lexicon.MANNER:
            manner.append(cursor.word)
            cursor.at += 1
        elif (found := cursor.match(_MANNERS)) is not None:
            manner.append(found.group(0).strip())
        elif (found := cursor.match(_PREFIXES)) is not None:
            polite = True
            if "mind" in found.group(0) and cursor.word in gerunds():
                cursor.words[cursor.at] = gerunds()[cursor.word]
            if found.group(0).startswith(("begin", "start")) and cursor.word in gerunds():
                cursor.words[cursor.at] = gerunds()[cursor.word]
            if found.group(0).startswith("use "):
                manner.append(" ".join(["with", *found.group(0).split()[1:-1]]))
        else:
            break
    if not cursor.word:
        return Clause(Mood.QUESTION if polite and mark == "?" else Mood.EMPTY, words=said)
    rest = cursor.rest
    if any(word in lexicon.CONDITIONS for word in cursor.words[cursor.at :]):
        return Clause(Mood.CONDITION, words=said)
    if _prohibits(rest) or _prohibits(said):
        return Clause(Mood.PROHIBITION, words=said)
    clause = Clause(Mood.REQUEST, words=said, manner=manner)
    if (found := cursor.match(_WISHES)) is not None and cursor.word:
        clause.verb, clause.action = "give", Action.HAND_OVER
        wished = True
        if is_verb(cursor.word):
            return Clause(Mood.STATEMENT, words=said)
    else:
        if cursor.word in ("from", "in", "on", "at", "of", "to", "inside", "behind"):
            start = cursor.at
            if not _leading_place(cursor, leading):
                cursor.at = start
        if (pair := cursor.match(_PHRASAL)) is not None:
            if pair.group(0).startswith("let go"):
                clause.verb, clause.action = "release", Action.RELEASE
            elif "rid" in pair.group(0):
                return Clause(Mood.OTHER, verb="get rid of", words=said)
            else:
                clause.verb, clause.action = "grab", Action.GRAB
        elif cursor.match(re.compile(r"(?:throw|toss|chuck|put|clear) (?:away|out)\b")) is not None:
            return Clause(Mood.OTHER, verb="throw away", words=said)
        elif cursor.match(re.compile(r"turn (?:on|off)|switch (?:on|off)")) is not None:
            return Clause(Mood.OTHER, verb="switch things on or off", words=said)
        elif cursor.match(_HANDS_UP) is not None:
            clause.verb, clause.action = "lift", Action.GRAB
        elif re.match(
            r"move (?:your|the|a)(?: robot)? (?:hand|hands|arm|gripper)\b(?:.*\bto(?:wards)? |$)",
            rest,
        ):
            found = re.match(
                r"move .*? (?:hand|hands|arm|gripper) (?:to(?:wards)?|to upwards) ",
                rest,
            )
            if found is None:
                return Clause(Mood.OTHER, verb="move my hand by itself", words=said)
            cursor.at += len(found.group(0).split())
            clause.verb, clause.action = "go", None
        elif _approaches(cursor):
            clause.verb, clause.action = cursor.word, None
            cursor.at += 1
            while cursor.word in (
                "to",
                "for",
                "over",
                "towards",
                "up",
                "toward",
                "at",
                "out",
            ):
                cursor.at += 1
        elif cursor.word in lexicon.ACTIONS and not (
            cursor.word in NOUNS and cursor.following in ("", "on", "in", "is", "next")
        ):
            clause.verb = cursor.word
            clause.action = lexicon.ACTIONS[cursor.word]
            cursor.at += 1
        elif polite and cursor.word in lexicon.OTHER:
            return Clause(Mood.OTHER, verb=cursor.word, words=said)
        elif polite and cursor.word not in ("be", "have", "see", "do", "i") and (mark != "?"):
            return Clause(Mood.STATEMENT, words=said)
        elif mark == "?" or _QUESTION.match(rest) or polite:
            return Clause(Mood.QUESTION, words=said)
        elif cursor.word in lexicon.OTHER and not (
            cursor.word in NOUNS and cursor.following in ("", "on", "in", "is", "next")
        ):
            return Clause(Mood.OTHER, verb=cursor.word, words=said)
        elif _STATEMENT.match(rest) and not _NAMED.match(rest):
            return Clause(Mood.STATEMENT, words=said)
        else:
            clause.mood = Mood.THING
    start = cursor.at
    _read_body(cursor, clause)
    clause.relations = leading + clause.relations
    if wished and any(f.relation.name in ("on", "in") for f in clause.relations):
        # "I want the cup on the plate": that one, or there?
        clause.unknown += [f.preposition for f in clause.relations]
    if clause.mood is Mood.THING:
        if not clause.targets and clause.relations:
            clause.mood = Mood.PLACE
        elif not clause.targets or not _names_a_thing(clause, cursor.words[start]):
            clause.mood = Mood.UNREAD
    return clause


def _prohibits(rest: str) -> bool:
    found = _PROHIBITION.match(rest)
    if found is None:
        return False
    return _TOLD.match(rest) is None or _FORBIDS.match(rest) is not None


def _is_filler(cursor: _Cursor) -> bool:
    word = cursor.word
    return word in lexicon.FILLER and not (
        (
            word
            in (
                "you",
                "there",
                "over",
                "up",
                "down",
                "out",
                "back",
                "first",
                "next",
                "ahead",
            )
            and (word in ("you", "there") or cursor.following not in ("", ","))
            and word not in ("first",)
        )
        or (word == "first" and cursor.following not in ("", ",", *lexicon.ACTIONS))
    )


def _approaches(cursor: _Cursor) -> bool:
    """Such as "go to the ball", "reach for the ball", "find the ball": only where it is."""
    word, following = cursor.word, cursor.following
    if word in ("go", "get", "come", "drive", "navigate", "walk"):
        return following in ("to", "over", "towards", "toward") and "to" in cursor.rest.split()[1:3]
    if word in ("reach", "look", "search"):
        return following in ("for", "to", "out", "over", "towards", "at")
    return word in ("find", "locate", "approach")


def _leading_place(cursor: _Cursor, found: list[_Found]) -> bool:
    """Such as "in the cabinet grasp the block", "of the two boxes choose ...": before the verb."""
    side = _side(cursor)
    if side is not None:
        found.append(_Found(Relation("area", (Phrase(place=side[0]),)), side[1], True))
    else:
        relation = cursor.match(_RELATION)
        thing = noun_phrase(cursor) if relation else None
        if relation is None or thing is None:
            return False
        name = lexicon.RELATIONS[relation.group(1)]
        found.append(_Found(Relation(name, (thing,)), relation.group(1), True))
    while cursor.word == ",":
        cursor.at += 1
    if not is_verb(cursor.word):
        found.clear()
        return False
    return True


def _names_a_thing(clause: Clause, first: str) -> bool:
    """Whether a clause without a verb is the name of a thing, as "the red box" is."""
    phrase = clause.targets[0]
    last = phrase.noun.split()[-1] if phrase.noun else ""
    listed = phrase.noun in NOUNS or last in NOUNS
    described = bool(phrase.colors or phrase.sizes or phrase.place)
    determined = first in lexicon.DETERMINERS or first in lexicon.ALL
    return determined and not clause.unknown and (listed or described)


def _read_body(cursor: _Cursor, clause: Clause) -> None:
    """Read what follows the verb into the clause."""
    joined = False  # "and" or a relative clause before what comes next
    while cursor.word:
        word = cursor.word
        moving = clause.action in (Action.PUSH, Action.PULL) or clause.verb in lexicon.MOVES
        if word == "," or (
            word == "over"
            and clause.verb in ("hand", "give", "bring", "pass")
            and not clause.targets
        ):
            cursor.at += 1
        elif cursor.match(_NO_LIFT) is not None:
            clause.no_lift = True
        elif (found := cursor.match(_MANNERS)) is not None:
            clause.manner.append(found.group(0).strip())
        elif word in lexicon.MANNER:
            clause.manner.append(word)
            cursor.at += 1
        elif (
            clause.action in (Action.OPEN, Action.CLOSE)
            and (found := cursor.match(_HOW_FAR) or cursor.match(_AMOUNT)) is not None
        ):
            clause.manner.append(found.group(0).strip())
        elif cursor.match(_FOR_ME) is not None:
            pass
        elif (cursor.match(_TO_ME) is not None and (clause.targets or clause.action)) or (
            clause.verb in ("bring", "fetch", "pass", "hand") and cursor.match(_HERE) is not None
        ):
            clause.to_me = True
        elif (
            word == "off"
            and clause.targets
            and (cursor.following in ("", ",", "and") or clause.verb == "drop")
        ):
            cursor.at += 1
        elif clause.targets and cursor.match(_IN_HAND) is not None:
            pass
        elif clause.action in (Action.GRAB, Action.HAND_OVER) and (
            word in ("me", "us") and not clause.targets
        ):
            clause.to_me = True
            cursor.at += 1
        elif (
            clause.action is Action.PLACE
            and clause.targets
            and word in ("closer", "nearer")
            and cursor.match(_ME_DIRECTION) is not None
        ):
            if moving and clause.no_lift:
                clause.direction = _turned(clause.direction, "toward", "closer")
            else:
                near = Relation("area", (Phrase(place="near", words="closer"),))
                clause.relations.append(_Found(near, "to"))
        elif moving and cursor.match(_FROM_ME) is not None:
            clause.direction = _turned(clause.direction, "away", "away")
        elif moving and (found := cursor.match(_ME_DIRECTION)) is not None:
            clause.direction = _turned(clause.direction, "toward", found.group(0))
        elif (moving or clause.action is None) and cursor.match(_AWAY_FROM) is not None:
            thing = noun_phrase(cursor)
            if thing is None:
                clause.unknown.append("from")
            else:
                clause.toward = Relation("away", (thing,))
        elif moving and (found := cursor.match(_AMOUNT)) is not None:
            _set_amount(clause, found)
        elif (moving or clause.action is Action.GRAB) and cursor.match(_VAGUE) is not None:
            pass
        elif (cut := _corner(cursor, clause)) is not None:
            clause.relations.append(cut)
        elif (
            moving
            and not clause.targets
            and word in ("left", "right", "forward", "back")
            and (cursor.following in lexicon.DETERMINERS)
        ):
            name = lexicon.DIRECTIONS[word]
            clause.direction = _turned(clause.direction, name, word)
            cursor.at += 1
        elif (
            moving
            and clause.targets
            and not joined
            and word in ("closer", "nearer")
            and _take_toward(cursor, clause)
        ):
            pass
        elif moving and (found := cursor.match(_DIRECTION)) is not None:
            _set_direction(clause, found)
        elif (side := _side(cursor)) is not None:
            place = Relation("area", (Phrase(place=side[0], words=side[0]),))
            clause.relations.append(_Found(place, side[1], joined))
            joined = False
        elif word in ("down", "back", "away") and clause.action in (
            Action.PLACE,
            Action.GRAB,
            Action.HAND_OVER,
        ):
            clause.down |= word == "down"
            clause.back |= word == "back"
            cursor.at += 1
        elif _take_relation(cursor, clause, joined):
            joined = False
        elif _take_source(cursor, clause) or _take_toward(cursor, clause):
            pass
        elif clause.targets and cursor.match(_RELATIVE) is not None:
            joined = True
        elif clause.targets and _excludes(cursor, clause):
            pass
        elif word == "and" and clause.targets:
            cursor.at += 1
            joined = bool(clause.relations) or not _more_things(cursor, clause)
            if joined and not _RELATION.match(cursor.rest) and not _SIDE.match(cursor.rest):
                clause.unknown.append("and")
        elif word == "or":
            clause.unknown.append("or")
            cursor.at += 1
        elif clause.targets and word in ("open", "closed", "shut") and clause.action in (
            Action.PULL, Action.PUSH
        ):  # fmt: skip
            clause.action = Action.OPEN if word == "open" else Action.CLOSE
            cursor.at += 1
        elif clause.targets and joined and _predicate(cursor, clause):
            joined = False
        elif not clause.targets and (thing := noun_phrase(cursor)) is not None:
            clause.targets.append(thing)
        elif (
            clause.action is Action.PLACE
            and not clause.relations
            and clause.toward is None
            and word in lexicon.DETERMINERS
            and (thing := noun_phrase(cursor)) is not None
        ):
            # "Place the object the right tray": nothing but a preposition is missing.
            clause.relations.append(_Found(Relation(_goes(thing), (thing,)), "to"))
        elif word in lexicon.FILLER or (word in ("for", "one", "of") and not cursor.following):
            cursor.at += 1
        else:
            clause.unknown.append(word)
            cursor.at += 1
    if not clause.targets and clause.source is not None:  # "take off the lid"
        clause.targets, clause.source = [clause.source], None


_HERE = re.compile(r"(?:over )?here\b")


def _more_things(cursor: _Cursor, clause: Clause) -> bool:
    """Such as "the mug and the bowl"."""
    start = cursor.at
    thing = noun_phrase(cursor)
    if thing is None or not thing.says_something:
        cursor.at = start
        return False
    clause.targets.append(thing)
    return True


def _predicate(cursor: _Cursor, clause: Clause) -> bool:
    """Such as "that is red": words of the relative clause describe the target."""
    start = cursor.at
    while cursor.word in lexicon.STANDING or cursor.word in lexicon.DEGREES:
        cursor.at += 1
    more = noun_phrase(cursor)
    one = clause.targets[-1]
    if more is None or (one.noun and more.noun and more.noun not in one.noun):
        cursor.at = start
        return False
    clause.targets[-1] = merged(clause.targets[-1], more)
    return True


def merged(one: Phrase, more: Phrase) -> Phrase:
    """One thing that two phrases describe."""
    return replace(
        one,
        noun=one.noun or more.noun,
        colors=_unique(one.colors + more.colors),
        not_colors=_unique(one.not_colors + more.not_colors),
        not_nouns=_unique(one.not_nouns + more.not_nouns),
        sizes=_unique(one.sizes + more.sizes),
        place=join_places(one.place, more.place),
        rank=max(one.rank, more.rank),
        relations=one.relations + more.relations,
        words=f"{one.words} {more.words}".strip(),
    )


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def join_places(*places: str) -> str:
    """Places as one value, in alphabetical order: "far left"."""
    return " ".join(sorted({part for place in places for part in place.split()}))


def _turned(direction: Direction | None, name: str, words: str) -> Direction:
    distance = direction.distance if direction else None
    parts = [*(direction.name.split() if direction else []), *name.split()]
    return Direction(" ".join(sorted(set(parts))), distance, words)


def _set_amount(clause: Clause, found: re.Match[str]) -> None:
    number, unit = found.group(1), lexicon.UNITS[found.group(2)]
    if number.startswith("half"):
        count = 0.5
    elif number in ("a", "an"):
        count = 1.0
    else:
        count = float(lexicon.NUMBERS.get(number) or float(number))
    if "and a half" in found.group(0):
        count += 0.5
    name, words = (clause.direction.name, clause.direction.words) if clause.direction else ("", "")
    clause.direction = Direction(name, round(count * unit, 4), f"{words} {found.group(0)}".strip())


def _set_direction(clause: Clause, found: re.Match[str]) -> None:
    names = [
        name
        for word in found.group(1).split()
        for name in (lexicon.COMPASS.get(word) or lexicon.DIRECTIONS.get(word, "")).split()
    ]
    clause.direction = _turned(clause.direction, " ".join(names), found.group(0))


_CORNER = re.compile(
    r"(?:to|in|into|on|at|towards?|toward)(?: the| your|) ((?:top|bottom|upper|lower|far|near|"
    r"back|front|left|right|center|middle|"
    r"centre|northwest|northeast|southwest|southeast)(?: (?:left|right|center|middle|centre))?)"
    r" (corner|center|centre|edge|side|quadrant|middle|half)(?: of (?:the )?(?:table|board|desk|"
    r"workspace))?(?= |$)"
)
_CENTER = re.compile(
    r"(?:to|in|into|at|towards?|on)(?: the| your|) ((?:top|bottom|upper|lower|left|"
    r"right)? ?(?:center|middle|centre))(?: side)?"
    r"(?: of (?:the )?(?:table|board|desk|workspace))?(?= (?:please|and|then|[.,])|$)"
)


def _corner(cursor: _Cursor, clause: Clause) -> _Found | None:
    """Such as "to the top left corner", "to the bottom center": a part of the table to go to."""
    start = cursor.at
    found = cursor.match(_CORNER) or cursor.match(_CENTER)
    if found is None:
        return None
    if cursor.word == "of" and cursor.following != "you":
        cursor.at = start
        return None
    words = found.group(1).split() + ([found.group(2)] if found.re is _CORNER else [])
    parts = {part for word in words for part in lexicon.PLACES.get(word, "").split()}
    if len(parts) > 1:
        parts.discard("middle")
    area = Phrase(place=" ".join(sorted(parts)), words=found.group(0))
    return _Found(Relation("area", (area,)), found.group(0).split()[0])


def _side(cursor: _Cursor) -> tuple[str, str] | None:
    """A place on the table by itself, "on the left side": (place, preposition)."""
    start = cursor.at
    while cursor.word in lexicon.STANDING or (
        cursor.word in lexicon.DEGREES
        and cursor.following in ("on", "to", "at", "in", "the", "way", *lexicon.STANDING)
    ):
        cursor.at += 2 if cursor.following == "way" else 1
    found = cursor.match(_HAND_SIDE)
    if found is not None:
        return lexicon.PLACES[found.group(1)], found.group(0).split()[0]
    found = cursor.match(_SIDE)
    if found is None:
        cursor.at = start
        return None
    if cursor.word == "of":
        cursor.at = start
        return None
    words = found.group(2).split()
    places = [lexicon.PLACES[w] for w in words]
    if words[0] == "far" and len(words) > 1:
        places = places[1:]  # "on the far right" is the rightmost
    elif len(places) > 1 and "middle" in places:
        places = [p for p in places if p != "middle"]
    return join_places(*places), found.group(1)


def _take_relation(cursor: _Cursor, clause: Clause, joined: bool) -> bool:
    start = cursor.at
    while cursor.word in lexicon.STANDING or (
        cursor.word in lexicon.DEGREES and cursor.following in ("lying", "on", "in", "next")
    ):
        cursor.at += 1
    bound = cursor.at > start and cursor.words[cursor.at - 1] in lexicon.STANDING
    found = cursor.match(_RELATION)
    if found is None:
        cursor.at = start
        return False
    name = lexicon.RELATIONS[found.group(1)]
    if found.group(1) in ("next", "at", "by", "along", "before", "nearest") and not cursor.word:
        cursor.at = start
        return False
    if name in ("in", "on") and not cursor.word:
        if found.group(1) in ("inside", "within", "on top", "in"):
            thing: Phrase | None = Phrase(pronoun="it", words="it")
        else:
            cursor.at = start
            return False
    else:
        thing = noun_phrase(cursor)
    if thing is None:
        cursor.at = start
        return False
    things = [thing]
    if name == "between":
        if cursor.word == "and":
            mark = cursor.at
            cursor.at += 1
            other = noun_phrase(cursor)
            if other is None:
                cursor.at = mark
            else:
                if other.noun and not thing.noun:
                    things[0] = replace(thing, noun=other.noun)
                things.append(other)
    elif cursor.word == "and" and name in (
        "beside",
        "on",
        "in",
        "left",
        "right",
        "front",
        "behind",
    ):
        # "Touching both a green block and a yellow block"
        mark = cursor.at
        cursor.at += 1
        other = noun_phrase(cursor) if cursor.word in lexicon.DETERMINERS else None
        if other is not None and name == "beside":
            clause.relations.append(
                _Found(Relation(name, (thing,)), found.group(1), joined or bound)
            )
            clause.relations.append(_Found(Relation(name, (other,)), found.group(1), True))
            return True
        cursor.at = mark
    clause.relations.append(_Found(Relation(name, tuple(things)), found.group(1), joined or bound))
    return True


def _take_source(cursor: _Cursor, clause: Clause) -> bool:
    if not clause.targets and clause.action is not Action.GRAB:
        return False
    start = cursor.at
    if cursor.match(_SOURCE) is None:
        return False
    thing = noun_phrase(cursor)
    if thing is None or clause.source is not None:
        cursor.at = start
        return False
    clause.source = thing
    return True


def _take_toward(cursor: _Cursor, clause: Clause) -> bool:
    if not clause.targets:
        return False
    start = cursor.at
    found = cursor.match(_TOWARD)
    if found is None:
        return False
    thing = noun_phrase(cursor)
    if thing is None:
        cursor.at = start
        return False
    if clause.toward is not None:
        clause.unknown.append(found.group(0))
    clause.toward = Relation("toward", (thing,))
    return True


def _excludes(cursor: _Cursor, clause: Clause) -> bool:
    """Such as "not the red one", "except the mug": ruled out of the target."""
    start = cursor.at
    if cursor.match(_EXCLUDE) is None:
        return False
    if cursor.word in ("from", "on", "in", "at", "to"):
        cursor.at = start
        return False
    thing = noun_phrase(cursor)
    if thing is None or thing.relations or thing.place or thing.sizes:
        cursor.at = start
        return False
    target = clause.targets[-1]
    same = not thing.noun or thing.noun == target.noun
    clause.targets[-1] = replace(
        target,
        not_colors=target.not_colors + thing.colors,
        not_nouns=target.not_nouns + (() if same else (thing.noun,)),
    )
    return True


def noun_phrase(cursor: _Cursor) -> Phrase | None:
    """Read the noun phrase that begins here; None, and the cursor where it was, if none does."""
    start = cursor.at
    phrase = _Builder().read(cursor)
    if phrase is None:
        cursor.at = start
        return None
    return replace(phrase, words=" ".join(cursor.words[start : cursor.at]))


class _Builder:
    """Collects the words of one noun phrase."""

    def __init__(self) -> None:
        self.nouns: list[str] = []
        self.colors: list[str] = []
        self.not_colors: list[str] = []
        self.not_nouns: list[str] = []
        self.sizes: list[str] = []
        self.places: list[str] = []
        self.rank, self.count = 1, 1
        self.any = self.determined = self.generic = False
        self.relations: list[Relation] = []
        self.pronoun = ""

    def read(self, cursor: _Cursor) -> Phrase | None:
        """The phrase, or None where none begins here."""
        if cursor.word == "it" or (
            cursor.word in ("them", "both") and cursor.following in ("", "and", ",", "in", "on")
        ):
            self.count = 1 if cursor.word == "it" else 0
            cursor.at += 1
            return Phrase(pronoun="it", count=self.count)
        if cursor.word in ("this", "that", "these", "those") and (
            cursor.following in ("", ",", "and", "to", "in", "on", "into", "onto", "next", "down")
        ):
            cursor.at += 1
            return Phrase(pronoun="it")
        if cursor.match(_WHAT_IS_HELD) is not None:
            return Phrase(pronoun="held")
        if cursor.match(_HAND_ITSELF) is not None:
            return Phrase(pronoun="hand")
        self._before(cursor)
        chosen = self.sizes or self.places or self.rank > 1
        if not self.nouns and self.determined and chosen and cursor.word in ("of", "from"):
            self.generic = True  # "the smaller of ...", "the second from the left"
        if self.nouns or self.generic:
            self._after(cursor)
        elif not (self.colors or self.sizes or self.places or self.not_colors) or (
            not self.determined and not self.colors and not self.sizes and not self.rank > 1
        ):
            return None
        if self.pronoun and not self.relations:
            return Phrase(pronoun=self.pronoun)
        return self.phrase()

    def phrase(self) -> Phrase:
        """What was collected."""
        return Phrase(
            noun=" ".join(self.nouns).replace("lshaped", "l shaped"),
            colors=_unique(self.colors),
            not_colors=_unique(self.not_colors),
            not_nouns=_unique(self.not_nouns),
            sizes=_unique(self.sizes),
            place=join_places(*self.places),
            rank=self.rank,
            relations=tuple(self.relations),
            count=self.count,
            any_will_do=self.any,
        )

    def _before(self, cursor: _Cursor) -> None:
        """Determiners, adjectives and the noun."""
        while cursor.word:
            word, following = cursor.word, cursor.following
            if self.nouns and word in ("shaped", "colored"):
                pass
            elif word in lexicon.DETERMINERS and not self.nouns and not self.generic:
                if self.determined and (self.colors or self.sizes):
                    return
                self.any |= word in lexicon.ANY
                self.determined = True
            elif word == "both" and following in ("the", "a", "an", "this", "that"):
                pass
            elif word in lexicon.ALL and not self.nouns:
                self.count = 2 if word == "both" else 0
                self.determined = True
                if word == "everything":
                    self.generic = True
            elif (
                word in lexicon.NUMBERS
                and not self.nouns
                and not self.generic
                and (
                    word != "one"
                    or following in ("of", "more")
                    or (not self.determined and following)
                )
            ):
                count = lexicon.NUMBERS[word]
                if word == "one":
                    self.any = True
                elif word in ("couple", "pair") and following == "of":
                    self.any, self.count = False, count
                elif not self.any or count > 1:
                    self.count = count
                self.determined = True
            elif word.isdigit() and not self.nouns and int(word) > 1:
                self.count = int(word)
                self.determined = True
            elif (
                (word == "of" and not self.nouns and not self.generic and self.determined)
                or word in ("colored", "shaped", "color", "solid", "whole", "sized")
                or (word == "side" and _may_be_noun(following))
                or (word == "most" and following in (*lexicon.PLACES, *lexicon.SIZES))
            ):
                pass
            elif word in lexicon.HELD and (self.determined or not self.nouns) and following:
                self.pronoun = "held"
            elif word in ("not", "non") and not self.nouns and following in colors.NAMES:
                cursor.at += 1
                self.not_colors.append(_color(cursor.word))
            elif (word == "and" and self.colors and not self.nouns and _color(following)) or (
                word == "," and self._adjectives() and _is_adjective(following) and not self.nouns
            ):
                pass
            elif word in lexicon.TIERS and _tiered(cursor):
                self.nouns.append(word)
            elif self._adjective(cursor):
                pass
            elif word in lexicon.GENERIC and not self.nouns:
                self.generic = True
                self.any |= word in ("something", "anything")
                if word.endswith("s") and self.count == 1:
                    self.count = 0
                cursor.at += 1
                return
            elif word in lexicon.GENERIC and len(self.nouns) > 0:
                cursor.at += 1
                break
            elif self._noun(cursor):
                if self._noun_ends(cursor):
                    cursor.at += 1
                    break
            else:
                break
            cursor.at += 1
        self._settle()

    def _adjectives(self) -> bool:
        return bool(self.colors or self.sizes or self.places)

    def _adjective(self, cursor: _Cursor) -> bool:
        """Take a colour, size, rank or place before the noun."""
        word, following = cursor.word, cursor.following
        if self.nouns:
            # "The solitary orange block": a colour all the same, where a noun comes after it.
            if (_color(word) and word not in NOUNS) or (
                word == "orange" and self._noun_follows(cursor)
            ):
                self.colors.append(_color(word))
                return self._noun_follows(cursor)
            return False
        if word in lexicon.FRUIT and not self._noun_follows(cursor):
            return False
        if following in lexicon.FOODS and (
            word in lexicon.FRUIT or following in ("pepper", "wine", "tea")
        ):
            return False
        if word in _SHADES and _color(following):
            return True
        if _color(word):
            self.colors.append(_color(word))
        elif word in lexicon.ORDINALS and not self.nouns:
            self.rank = lexicon.ORDINALS[word]
        elif word in lexicon.SIZES:
            self.sizes.append(lexicon.SIZES[word])
        elif word in lexicon.PLACES and (
            self.determined or word.endswith(("most", "est")) or self._noun_follows(cursor)
        ):
            if not self._noun_follows(cursor) and not self.determined:
                return False
            if word in lexicon.TIERS and word != "middle":
                return False  # of a pile, or of the table as on a map: nobody knows
            self.places.append(lexicon.PLACES[word])
            if word == "far" and following in ("left", "right"):
                self.places.pop()
            if following in ("hand", "handside") and cursor.at + 2 < len(cursor.words):
                cursor.at += 1
        else:
            return False
        return True

    def _noun_follows(self, cursor: _Cursor) -> bool:
        """Whether a noun comes after the word here."""
        for word in cursor.words[cursor.at + 1 :]:
            if word in lexicon.GENERIC or word in ("colored", "shaped", "color"):
                return True
            if _color(word) or word in lexicon.SIZES or word in lexicon.ORDINALS or word == "hand":
                continue
            if word in lexicon.PLACES:
                continue
            return _may_be_noun(word) and not (is_verb(word) and word not in NOUNS)
        return False

    def _noun(self, cursor: _Cursor) -> bool:
        word = cursor.word
        before_noun = _may_be_noun(cursor.following)
        if not _may_be_noun(word):
            named = self.nouns and is_known(self.nouns[-1])
            begins = self.determined or self._adjectives() or before_noun
            if named or not begins or not _is_new(word):
                return False
        begins = self.determined or self._adjectives() or before_noun
        if is_verb(word) and word not in NOUNS and (self.nouns or not begins):
            return False
        self.nouns.append(word)
        return True

    def _noun_ends(self, cursor: _Cursor) -> bool:
        return len(self.nouns) >= 4

    def _settle(self) -> None:
        """A plural without a number means all of them."""
        if not self.nouns:
            return
        one = singular(self.nouns[-1])
        if one != self.nouns[-1]:
            self.nouns[-1] = one
            if self.count == 1 and not self.any:
                self.count = 0

    def _after(self, cursor: _Cursor) -> None:
        """What follows the noun and can belong to nothing else."""
        while cursor.word:
            start = cursor.at
            if cursor.word in ("shaped", "colored", "color", "shape") and self.nouns:
                cursor.at += 1
                if cursor.word in lexicon.GENERIC:
                    cursor.at += 1
                continue
            relative = cursor.match(_RELATIVE)
            while cursor.word in lexicon.STANDING or (cursor.word in ("the", "a") and relative):
                cursor.at += 1
            while cursor.word in lexicon.DEGREES and relative:
                cursor.at += 1
            if self._superlative(cursor) or self._ranked_side(cursor):
                continue
            if self.generic and not self.nouns and _is_adjective(cursor.word):
                if _color(cursor.word):
                    self.colors.append(_color(cursor.word))
                else:
                    self.sizes.append(lexicon.SIZES[cursor.word])
                cursor.at += 1
                continue
            if relative and _color(cursor.word) and cursor.following in (
                "", "and", ",", "on", "in", "to", "into", "next", "one", *lexicon.GENERIC
            ):  # fmt: skip
                self.colors.append(_color(cursor.word))
                cursor.at += 1
                if cursor.word in lexicon.GENERIC:
                    cursor.at += 1
                continue
            if relative and self._excluded(cursor):
                continue
            cursor.at = start
            if self._excluded(cursor) or self._part_of(cursor):
                continue
            cursor.at = start
            return

    def _superlative(self, cursor: _Cursor) -> bool:
        """Such as "closest to you", "second furthest from me", "the third to the right"."""
        start = cursor.at
        if {"near", "far"} & set(self.places) and cursor.match(_OF_ME) is not None:
            return True
        rank = lexicon.ORDINALS.get(cursor.word, 0)
        if rank:
            cursor.at += 1
        if cursor.word in lexicon.GENERIC and rank:
            cursor.at += 1
        farthest = cursor.match(_FARTHEST_SIDE)
        found = None if farthest else cursor.match(_SUPERLATIVE)
        if farthest is not None:
            self.places.append(farthest.group(1))
        elif found is not None:
            self.places.append(lexicon.PLACES[found.group(1)])
        elif (rank and cursor.word in lexicon.PLACES and cursor.following in ("", ".", "on")) or (
            cursor.word in ("closest", "nearest", "farthest", "furthest") and not cursor.following
        ):
            self.places.append(lexicon.PLACES[cursor.word])
            cursor.at += 1
        elif rank and (side := _side(cursor)) is not None:
            self.places.append(side[0])
        elif rank:
            if cursor.at == start + 1 and cursor.word == "":
                self.rank = rank
                return True
            cursor.at = start
            return False
        else:
            cursor.at = start
            return False
        if rank:
            self.rank = rank
        return True

    def _ranked_side(self, cursor: _Cursor) -> bool:
        """Such as "from the left" after "the second box"."""
        start = cursor.at
        if cursor.word not in ("from", "starting") and self.rank == 1:
            return False
        if cursor.word == "counting":
            cursor.at += 1
        side = _side(cursor)
        if side is None:
            cursor.at = start
            return False
        self.places.append(side[0])
        return True

    def _excluded(self, cursor: _Cursor) -> bool:
        """Such as "that is not red"."""
        start = cursor.at
        if cursor.match(_EXCLUDE) is None:
            return False
        if cursor.word in ("a", "an", "the"):
            cursor.at += 1
        if _color(cursor.word) and cursor.word not in NOUNS:
            self.not_colors.append(_color(cursor.word))
            cursor.at += 1
            if cursor.word in lexicon.GENERIC or cursor.word == (self.nouns or [""])[-1]:
                cursor.at += 1
            if cursor.word == "or" and _color(cursor.following):
                self.not_colors.append(_color(cursor.following))
                cursor.at += 2
            return True
        if _may_be_noun(cursor.word) and not is_verb(cursor.word):
            self.not_nouns.append(cursor.word)
            cursor.at += 1
            return True
        cursor.at = start
        return False

    def _part_of(self, cursor: _Cursor) -> bool:
        """Such as "the drawer of the cabinet", "a bag of chips"."""
        if cursor.word != "of" or not (self.nouns or self.generic):
            return False
        start = cursor.at
        cursor.at += 1
        other = noun_phrase(cursor)
        if other is None:
            cursor.at = start
            return False
        if not self.nouns:
            # "The smaller of the two boxes": one of these.
            if other.count == 1 or not other.noun:
                cursor.at = start
                return False
            self.nouns = other.noun.split()
            self.colors += other.colors
            self.sizes += other.sizes
            self.places += other.place.split()
            self.relations += other.relations
        elif self.nouns[-1] in _MEASURES and not other.relations:
            self.nouns = [*other.noun.split(), self.nouns[-1]]
            self.colors += other.colors
        else:
            self.relations.append(Relation("of", (other,)))
        return True


# "Dark green" is a green, and not black.
_SHADES = frozenset(
    {"dark", "light", "bright", "pale", "deep", "neon", "pastel", "hot", "metallic"}
)
_WHAT_IS_HELD = re.compile(
    r"(?:what|whatever) (?:is in your (?:hand|gripper)|you (?:are holding|hold|have))\b"
)
_HAND_ITSELF = re.compile(r"(?:your|the) (?:gripper|fist|fingers|claw)\b|your hands?\b")
# Plural in form, one thing in hand.
_ONE = frozenset(re.findall(r"\S+", """
    scissors tongs pliers chips glasses brass lens noodles crackers cheerios keys tweezers cookies
    beans peas headphones earphones earbuds cards matches sunglasses goggles airpods fries rubiks
    grapes nuts news binoculars
"""))  # fmt: skip


def singular(noun: str) -> str:
    """One of what a plural names; the word itself where it is none."""
    if noun in _ONE or noun in NOUNS or not noun.endswith("s") or len(noun) < 4:
        return noun
    if noun.endswith(("ss", "us", "is", "as")):
        return noun
    for ending, instead in (("ies", "y"), ("ves", "fe"), ("xes", "x"), ("shes", "sh"),
                            ("ches", "ch"), ("oes", "o"), ("sses", "ss")):  # fmt: skip
        if noun.endswith(ending) and len(noun) > len(ending) + 1:
            return noun[: -len(ending)] + instead
    return noun[:-1]


_MEASURES = frozenset({
    "bag", "can", "bottle", "cup", "glass", "box", "carton", "bowl", "piece", "pack", "jar",
    "packet", "tube", "slice", "loaf", "bar", "roll", "tin", "kind",
})  # fmt: skip


def _tiered(cursor: _Cursor) -> bool:
    """Whether the word here names a tier: "the top drawer"."""
    return any(w in lexicon.TIERED for w in cursor.words[cursor.at + 1 : cursor.at + 3])


def _color(word: str) -> str:
    name = colors.SYNONYMS.get(word, word)
    return name if name in colors.NAMES else ""


def _is_adjective(word: str) -> bool:
    return bool(_color(word)) or word in lexicon.SIZES


@cache
def _may_be_noun(word: str) -> bool:
    """Whether a word can be the name of a thing: of no closed class, and a word at all."""
    if not word.isalpha() or len(word) < 2:
        return False
    if word in lexicon.NUMBERS:
        return False
    if word in NOUNS:
        return True
    closed = (
        word in lexicon.DETERMINERS
        or word in lexicon.FILLER
        or word in lexicon.PRONOUNS
        or word in lexicon.ME
        or word in lexicon.CONDITIONS
        or word in lexicon.NEGATIONS
        or word in lexicon.MANNER
        or word in lexicon.UNITS
        or word in lexicon.STANDING
        or word in lexicon.DEGREES
        or word in lexicon.SHARES
        or word in lexicon.RELATIONS
        or word in lexicon.ALL
        or word in lexicon.HELD
        or word in lexicon.PLACES
        or word in _NO_NOUNS
        or word in lexicon.DIRECTIONS
    )
    return not closed and not word.endswith("ly") and is_known(word)


@cache
def _is_new(word: str) -> bool:
    """Whether it is the name of something that no list has."""
    return not is_known(word) and is_plausible(word)


_NO_NOUNS = frozenset(re.findall(
    r"\S+",
    """
    and or but of to from off out with for by as than so is are was were be been am has have had do
    does did done will would could should can may might must shall i he she we they who whom whose
    which what where why how s t d ll re ve m am pm via per towards toward within about around
    through across onto into up down more most less least much many few several only even still
    already always ever too very really quite such same other else see want need like know let make
    go going gone got wants needs likes looks feels means belongs called named mine yours hers ours
    theirs him himself itself themselves today now soon tomorrow shaped colored color shape touches
    touch because though although however therefore please rm ls sudo said says say ago until
    upsidedown upright twice thrice times again minute minutes second seconds hour hours anymore
    directly starting counting yourself somewhere anywhere first second third fourth fifth sixth
    seventh last together side apart while group rest
    """,
))  # fmt: skip


def steps_of(clause: Clause) -> list[Step]:
    """The steps that one clause asks for, with as many as it has targets."""
    return [_step(clause, target) for target in clause.targets] or [_step(clause, Phrase())]


_STRONG = re.compile(r"(?:in|on)to|on to|in to|to\b|atop")


def _is_somebody(phrase: Phrase) -> bool:
    """Whether something is to be given to a person: I hand things to who asks for them."""
    last = phrase.noun.split()[-1] if phrase.noun else ""
    named = len(phrase.words.split()) == 1 and last not in NOUNS and last not in lexicon.TABLES
    return last in lexicon.PEOPLE or (named and last not in lexicon.HOLLOW) or not last


def _goes_into(action: Action, found: _Found) -> bool:
    """Whether a preposition says where to: "into"; "to the left of" not after "take"."""
    pattern = _INTO if action is Action.GRAB else _STRONG
    return pattern.match(found.preposition) is not None and not found.to_head


_INTO = re.compile(r"(?:in|on)to|on to|in to|atop")


def _step(clause: Clause, target: Phrase) -> Step:
    action = clause.action or Action.GRAB
    relations = list(clause.relations)
    destination: Relation | None = None
    direction = clause.direction
    toward = clause.toward
    source = clause.source
    to_be_moved = (
        action in (Action.PLACE, Action.PUSH, Action.PULL)
        or toward is not None
        or any(_goes_into(action, f) for f in relations)
    )
    if to_be_moved and relations:
        chosen = _destination_index(relations, action)
        if chosen is not None:
            before, after = relations[:chosen], relations[chosen + 1 :]
            found = relations[chosen].relation
            things = found.things
            if after and found.name != "area":
                things = (attach(things[0], after), *things[1:])
            name = found.name
            if relations[chosen].preposition == "at" and action is Action.PLACE:
                name = _goes(things[0])
            destination = Relation(name, things)
            relations = before
    target = attach(target, relations)
    manner = tuple(clause.manner)
    if toward is not None and destination is None:
        destination = toward
    elif toward is not None:
        clause.unknown.append("to")
    pushes = action in (Action.PUSH, Action.PULL)
    if action is Action.HAND_OVER and destination is not None and not clause.to_me:
        action = Action.PLACE
    if action is Action.GRAB and destination is not None:
        action = Action.PLACE
    if clause.to_me and action in (Action.GRAB, Action.HAND_OVER):
        action = Action.HAND_OVER
    moves = clause.verb in lexicon.MOVES
    if action is Action.PLACE and moves:
        if clause.no_lift or (destination is None and direction is not None and direction.name):
            action = Action.PUSH
        elif clause.to_me and destination is None:
            action, direction = Action.PUSH, _turned(direction, "toward", "to me")
        elif destination is not None and destination.name in ("toward", "away"):
            things = destination.things
            if things[0].noun in lexicon.TABLES:
                destination = Relation("on", things)
            elif destination.name == "toward" and (source or clause.verb == "transfer"):
                destination = Relation(_goes(things[0]), things)  # "from the box to the plate"
            else:
                action = Action.PUSH
    elif action is Action.PLACE and destination is not None and destination.name == "toward":
        thing = destination.things[0]
        destination = Relation(_goes(thing), (thing,))
    elif action is Action.PLACE and clause.to_me and destination is None:
        action = Action.HAND_OVER
    if (
        action is Action.PLACE
        and destination is None
        and (clause.down or clause.back or clause.verb == "drop")
    ):
        action = Action.RELEASE
    if target.pronoun == "hand":
        if action is not Action.OPEN:
            clause.unknown.append("hand")
        action, target = Action.RELEASE, Phrase(pronoun="held", words=target.words)
    if action is Action.PLACE and clause.verb in ("give", "hand", "pass", "bring", "fetch") and (
        destination is not None and _is_somebody(destination.things[0])
    ):  # fmt: skip
        clause.unknown.append(destination.things[0].words)
    if pushes and destination is None and (direction is None or not direction.name):
        name = "toward" if action is Action.PULL else ""
        if clause.to_me:
            name = "toward"
        if name:
            direction = Direction(name, direction.distance if direction else None, "")
    return Step(action, target, source, destination, direction, manner)


def _goes(thing: Phrase) -> str:
    """Into or onto: what "to the tray" means."""
    kind = thing.noun.split()[-1] if thing.noun else ""
    hollow = {"tray", "bowl", "cup", "mug"} & set(NOUNS.get(kind, ())[:2])
    return "in" if (hollow and kind != "plate") or kind in lexicon.HOLLOW else "on"


def _destination_index(relations: list[_Found], action: Action) -> int | None:
    """Which of the relations says where the thing goes."""
    free = [k for k, found in enumerate(relations) if not found.to_head]
    if not free:
        return None
    for k in free:
        if _goes_into(action, relations[k]):
            return k
    if action in (Action.PUSH, Action.PULL):
        names = ("beside", "left", "right", "front", "behind", "between")
        goes = [k for k in free if relations[k].relation.name in names]
        if goes and relations[goes[-1]].preposition not in ("touching",):
            return None if action is Action.PULL else goes[-1]
        return None
    if action not in (Action.PLACE,):
        return None
    things = [k for k in free if relations[k].relation.name != "area"]
    if not things:
        return free[-1]
    if len(things) > 1:
        first, second = (relations[k].relation.name for k in things[:2])
        if first in ("in", "on") and second not in ("in", "on"):
            return things[0]
    return things[-1]


def attach(head: Phrase, relations: list[_Found]) -> Phrase:
    """``head`` with its relations: each describes the thing before it, unless it cannot."""
    for k in range(len(relations) - 1, -1, -1):
        found = relations[k]
        before = relations[k - 1] if k else None
        if before is None or found.to_head or before.relation.name == "area":
            if found.relation.name == "area":
                head = replace(head, place=join_places(head.place, found.relation.things[0].place))
            else:
                head = replace(head, relations=(found.relation, *head.relations))
            continue
        inner = before.relation.things[-1]
        if found.relation.name == "area":
            inner = replace(inner, place=join_places(inner.place, found.relation.things[0].place))
        else:
            inner = replace(inner, relations=(found.relation, *inner.relations))
        things = (*before.relation.things[:-1], inner)
        relations = relations.copy()
        relations[k - 1] = _Found(
            Relation(before.relation.name, things), before.preposition, before.to_head
        )
    return head


def correction_of(words: list[str]) -> list[str]:
    """What comes after "no, I meant" at the beginning; empty where nothing is corrected."""
    rest = [word for word in words if word not in ",.!;:"]
    length = len(rest)
    while rest and (found := _CORRECTION.match(" ".join(rest))) is not None:
        rest = rest[len(found.group(0).split()) :]
    return rest if len(rest) < length else []


def stops(words: list[str]) -> bool:
    """Whether a sentence tells the robot to stop; rather once too often than too seldom."""
    spoken = [w for w in words if w.isalnum()]
    line = " ".join(spoken)
    core = re.sub(r"^(?:(?:hey|ok|okay|robot|please|oh|hello|now|just|no) )+(?=\w)", "", line)
    for candidate in (
        line,
        core,
        re.sub(r"(?: robot| please| now| immediately)+$", "", core),
    ):
        if _STOP.fullmatch(candidate):
            return True
    ends = [
        spoken[0] if spoken else "",
        spoken[-1] if spoken else "",
        (core.split() or [""])[0],
    ]
    negated = re.search(r"\b(?:not|never) (?:\w+ )?(?:stop|halt|freeze|abort)\b", line)
    return any(word in _STOP_WORDS for word in ends) and not negated
