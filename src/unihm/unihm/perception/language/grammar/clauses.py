"""From a sentence to its clauses, and whether a clause asks, forbids, tells or only names."""

from __future__ import annotations

import re
from dataclasses import replace

from unihm.perception.language import lexicon
from unihm.perception.language.command import Action, Phrase, Relation
from unihm.perception.language.grammar.body import MANNERS, read_body
from unihm.perception.language.grammar.clause import Clause, Found, Mood
from unihm.perception.language.grammar.cursor import Cursor
from unihm.perception.language.grammar.noun_phrases import noun_phrase
from unihm.perception.language.grammar.places import table_side
from unihm.perception.language.grammar.relations import RELATION, SOURCE
from unihm.perception.language.grammar.roundabout import with_plain_verb
from unihm.perception.language.grammar.words import gerunds, is_offered, is_verb, participles
from unihm.perception.language.nouns import NOUNS

_PREFIXES = re.compile(
    r"(?:(?:would|do) you (?:terribly |awfully )?mind "
    r"(?:awfully |terribly |very much |just )?|(?:mind|how about|what about|try) (?=\w+ing )"
    r"|(?:do you )?(?:think|suppose|reckon) (?:that )?(?:you|we) (?:could|can|might) (?:please )?"
    r"|(?:is there )?any (?:chance|way) (?:that )?you (?:could|can|would|might) "
    r"|(?:it|that) would be (?:\w+ ){0,2}(?:great|nice|good|lovely|helpful|kind|wonderful|"
    r"awesome|amazing|fantastic|kind of you|good of you) if you (?:could |would )?"
    r"|(?:i|we) (?:would|should) (?:(?:really|very much|so|greatly|certainly) )*"
    r"(?:appreciate it|love it|like it|be (?:(?:ever so|so|very|most|really|much|awfully) )*"
    r"(?:glad|happy|grateful|thankful|obliged|delighted|pleased)) if you (?:could |would )?"
    r"(?:please |kindly |just )?"
    r"|(?:i|we) (?:want|would like|need|wish|would prefer|ask) that you "
    r"|how about you |(?:would|will) you (?:care|like|be willing) to "
    r"|(?:could|can|would|will|might) (?:you|we|someone|somebody|anyone|anybody) "
    r"(?:(?:please|possibly|perhaps|maybe|kindly|just) )*"
    r"(?:to (?=[a-z]+ (?:the|a|my|it|that|this)\b)|try to |help me (?:to )?|be so kind (?:as to|"
    r"and|to) |be able to |manage to |go )?"
    r"|(?:i|we) (?:want|need|would like|would love|expect|ask|asked|order|command|told|"
    r"tell) you to "
    r"|from your (?:perspective|point of view|view|position|side)(?: ,)?(?: |$)|i would (?=(?:pick|"
    r"grab|"
    r"take|lift|choose|select) )|i would (?:like you to|ask (?:you|them|the robot) to|have you|"
    r"tell (?:you|them|it) to) "
    r"|you (?:should|must|can|could|might|need to|have to|may|will|are to|shall|ought to|want to) "
    r"(?:(?:possibly|perhaps|maybe|kindly|just) )*"
    r"|(?:we|i) (?:should(?! (?:like|love)\b)|need to|must|have to|want to(?! have)) "
    r"|let us (?:now )?(?:try to )?|help me (?:to )?|try (?:to|and) |make sure (?:to|that you|"
    r"you) |"
    r"be sure to "
    r"|remember to |your (?:task|job|goal) is to |the (?:task|goal) is to |(?:go|come)(?: ahead|"
    r" on)?(?: and)? "
    r"(?=(?:please )?(?!to |and|there|back|up|down|in|on)\w)|mr robot |dear robot |hey robot |"
    r"the robot (?:should|must|needs to|has to) "
    r"|begin by |start by |proceed to |feel free to |it is time to "
    r"|use (?:your |the )?(?:own |robot |robotic |right |left )*(?:hand|arm|gripper|fingers|claw|"
    r"robot) (?:to|and) )"
)
_BEFORE_GERUNDS = ("begin", "start", "try", "how about", "what about")
# "I want the ball", "can I have the ball": it is to be handed over.
_WISHES = re.compile(
    r"(?:(?:can|could|may|might) (?:i|we) (?:(?:please|just|possibly|perhaps) )*(?:have|get|see|"
    r"borrow)|"
    r"i (?:want|need|"
    r"would like|would need|would require|require|will need|am needing|would be (?:grateful|"
    r"glad|thankful) for|would appreciate(?! it)|am in need of|am after|"
    r"could do with|"
    r"would love|should (?:like|love)|shall have|shall take|will have|will take|am looking for|"
    r"could use)(?: to have)?|let me (?:have|get|borrow|see)|(?:is there )?any chance of(?: "
    r"getting| having)?|(?:what|all) (?:i|we) (?:want|need) is|"
    r"(?:can|could|may|might) i (?:(?:please|possibly|perhaps|just) )*"
    r"(?:trouble|bother|ask) you for|"
    r"we (?:want|need|would like))\b(?! to\b)(?: you to)?(?: me)?"
)
_QUESTION = re.compile(
    r"(?:what|who|whom|whose|where|when|why|how|which|is|are|am|was|were|do|does|did|has|"
    r"have you|"
    r"should|shall|could|can|would|will|may|might|any idea|do you)\b"
)
_STATEMENT = re.compile(
    r"(?:(?:this|that|it|there|these|those|i|you|we|he|she|they|my|your|who|everything|nothing|"
    r"here|name)\b|(?:\w+ ){1,12}?(?<!that )(?<!which )(?<!who )(?<!what )"
    r"(?:is|are|was|were|has|have|looks?|feels?|means?|belongs?|lies|sits|stands|rests|lives|"
    r"goes|needs|fell|went)\b)"
)
# "That box", "the box that is nearest to you": the name of a thing all the same.
_NAMED = re.compile(
    r"(?:that|this|these|those) \w+(?: \w+)?(?: over there| here)?(?: ,)?$|"
    r"(?:the|a|an) (?:\w+ ){1,4}(?:that|which) (?:is|are|has|have|lies|sits|stands|rests|the|"
    r"another)\b|"
    r"my (?!.*\b(?:is|are|was|were|has|have|looks?|needs?)\b)"
)
# "The small box, the one behind the cup": told in two goes.
THE_ONE = re.compile(
    r" , (?:the )?ones? (?=(?:that|which|is|with|on|in|at|to|next|behind|beside|under|near|lying|"
    r"standing|sitting|resting|laid|placed|facing|closest|nearest|furthest|farthest)\b)"
)
_PROHIBITION = re.compile(
    r"(?:.*\b)?(?:do not|never|must not|should not|may not|can not|shall not|avoid|refrain|"
    r"no need|stay (?:away|off|clear)|keep (?:away|off|your|out|clear)|hands off|not to|"
    r"no one|nobody|nothing|forbidden|not allowed|under no circumstances|does not need|will not|"
    r"is not to|are not to|would not|could not|leave .* (?:alone|be|there|where|as)|just leave|"
    rf"leave (?:the|that|this|my|your|those) (?:(?!and|then)\w+ )+on the "
    rf"(?:{'|'.join(sorted(lexicon.TABLES))})$|"
    r"quit \w+ing|"
    r"stop \w+ing|did not|does not)\b"
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
    r"(?:let (?:it |that |this )?go|get rid|get hold|take hold|grab hold|catch hold|"
    r"(?:take|get) a (?:firm )?(?:hold|grip|grasp))(?: of| on|)"
)


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


_AMONG = re.compile(
    r"(?:of|out of|from|from among|among|amongst|between)\b(?= (?:all )?(?:the|these|those|my) )"
)


def clauses_of(words: list[str]) -> list[list[str]]:
    """Cut a sentence before every "and", "then" or comma that a verb follows."""
    words = _in_order(words)
    parts = " ".join(words).split(" , ")
    if len(parts) > 1 and all(map(_VERBLESS.fullmatch, parts)):
        return [part.split() for part in parts]
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
            # "Of the three cups, take ..."
            in_group = _AMONG.match(" ".join(current)) and len(current) < 9
            in_group = in_group and not any(map(is_offered, current))
            starts = (
                not in_group
                and (is_verb(verb) or negated or _lets_go(words[ahead:]))
                and not (verb in NOUNS and words[ahead + 1 : ahead + 2] in ([], [","], ["and"]))
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


# "Knife on the board, fork in the sink": each part by itself says what goes where.
_VERBLESS = re.compile(
    rf"(?!(?:{'|'.join(lexicon.DETERMINERS | set(lexicon.RELATIONS))})\b)"
    rf"(?:(?!(?:{'|'.join(sorted({*lexicon.ACTIONS} - NOUNS.keys()))}|and|or|not)\b)\w+ ){{1,4}}"
    r"(?:in|into|on|onto|to) [^,]+"
)


def _lets_go(words: list[str]) -> bool:
    """Whether "let go" or "let it go" begins here."""
    return words[:2] == ["let", "go"] or (words[:1] == ["let"] and words[2:3] == ["go"])


_TIMES = ("after", "before", "once")


def _in_order(words: list[str]) -> list[str]:
    """With "after opening the box, ..." and "before you take the cup, ..." as one after the other.

    So too "..., but first open the box" and "... before you close it". The same words where there
    is none of that, or where one of the two is no action that is offered.
    """
    line = " ".join(words)
    if not lexicon.NEGATIONS.isdisjoint(words):
        return words
    if (found := _BUT_FIRST.fullmatch(line)) is not None:
        return [*found["first"].split(), ",", "then", *found["second"].split()]
    for at, word in enumerate(words):
        if word not in _TIMES or not (done := _done(words[at + 1 :])):
            continue
        comma = done.index(",") if "," in done else len(done)
        request = words[:at] or done[comma + 1 :]
        request = request[:-1] if request[-1:] == [","] else request
        ends = bool(words[:at]) != bool(done[comma:])  # after the request, or before its comma
        if not ends or not any(map(is_offered, request)):
            return words
        aside = done[:comma]
        if word == "before":
            request = request if words[:at] else _with_thing(request, aside)
            return [*request, ",", "then", *aside]
        return [*aside, ",", "then", *request]
    return words


_BUT_FIRST = re.compile(
    rf"(?P<second>(?:{'|'.join(lexicon.ACTIONS)}) .+?) (?:(?:, )?but first|, first) "
    rf"(?P<first>(?:{'|'.join(lexicon.ACTIONS)}) [^,]+)"
)


def _done(words: list[str]) -> list[str]:
    """What is to have been done, from its verb in its plain form; empty where that is no action."""
    told = words[:1] == ["you"] or words[:1] == ["we"]
    rest = words[1:] if told else words
    forms = gerunds()
    while told and rest[:1] in (["have"], ["already"], ["are"], ["done"], ["finished"]):
        forms = {**gerunds(), **participles()}
        rest = rest[1:]
    if not rest:
        return []
    verb = forms.get(rest[0], rest[0] if told else "")
    if told and not is_offered(verb):
        verb = participles().get(rest[0], "")  # "after you opened the box"
    return [verb, *rest[1:]] if is_offered(verb) else []


def _with_thing(request: list[str], aside: list[str]) -> list[str]:
    """The request with the thing of an aside that is said first in place of "it"."""
    cursor = Cursor(aside[1:])
    thing = noun_phrase(cursor)
    one = request.count("it") == 1 and {"and", "then", ","}.isdisjoint(request)
    if thing is None or thing.pronoun or cursor.word or not one:
        return request  # "take the cup and put it in the sink" has a thing of its own
    at = request.index("it")
    return [*request[:at], *aside[1:], *request[at + 1 :]]


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
    plain = THE_ONE.sub(" ", said)
    plain = with_plain_verb(plain, mark == "?")
    cursor = Cursor(plain.split())
    manner: list[str] = []
    leading: list[Found] = []
    wished = False
    while True:
        if cursor.word in ("and", "then", ",", "so", "but") or _is_filler(cursor):
            cursor.at += 1
        elif cursor.word in lexicon.MANNER:
            manner.append(cursor.word)
            cursor.at += 1
        elif (found := cursor.match(MANNERS)) is not None:
            manner.append(found.group(0).strip())
        elif (found := cursor.match(_PREFIXES)) is not None:
            polite = True
            doing = "mind" in found.group(0) or found.group(0).startswith(_BEFORE_GERUNDS)
            if doing and cursor.word in gerunds():
                cursor.words[cursor.at] = gerunds()[cursor.word]
            if found.group(0).startswith("use "):
                manner.append(" ".join(["with", *found.group(0).split()[1:-1]]))
        else:
            break
    if not cursor.word:
        mood = Mood.QUESTION if polite and mark == "?" else Mood.EMPTY
        return Clause(mood, manner=manner, words=said)
    rest = cursor.rest
    if any(word in lexicon.CONDITIONS for word in cursor.words[cursor.at :]):
        return Clause(Mood.CONDITION, words=said)
    if _prohibits(rest) or _prohibits(said):
        return Clause(Mood.PROHIBITION, words=said)
    clause = Clause(Mood.REQUEST, words=said, manner=manner)
    group = ""
    if (found := cursor.match(_WISHES)) is not None and cursor.word:
        clause.verb, clause.action = "give", Action.HAND_OVER
        wished = True
        if is_verb(cursor.word):
            return Clause(Mood.STATEMENT, words=said)
    else:
        if cursor.word in (
            "from",
            "out",
            "off",
            "in",
            "on",
            "at",
            "of",
            "to",
            "inside",
            "behind",
            "among",
            "amongst",
            "between",
        ):
            group = _of_several(cursor)
            start = cursor.at
            if not _leading_place(cursor, leading):
                cursor.at = start
                clause.source = _leading_source(cursor)
        if (pair := cursor.match(_PHRASAL)) is not None:
            if pair.group(0).startswith("let "):
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
        elif cursor.word in lexicon.ACTIONS and not _is_name(cursor):
            clause.verb = cursor.word
            clause.action = lexicon.ACTIONS[cursor.word]
            cursor.at += 1
        elif polite and cursor.word in lexicon.OTHER:
            return Clause(Mood.OTHER, verb=cursor.word, words=said)
        elif polite and cursor.word not in ("be", "have", "see", "do", "i") and (mark != "?"):
            return Clause(Mood.STATEMENT, words=said)
        elif mark == "?" or _QUESTION.match(rest) or polite:
            return Clause(Mood.QUESTION, words=said)
        elif cursor.word in lexicon.OTHER and not _is_name(cursor):
            return Clause(Mood.OTHER, verb=cursor.word, words=said)
        elif _STATEMENT.match(rest) and not _NAMED.match(rest):
            return Clause(Mood.STATEMENT, words=said)
        else:
            clause.mood = Mood.THING
    start = cursor.at
    read_body(cursor, clause)
    if clause.action is Action.PLACE and not clause.relations:
        leading = [replace(found, to_head=False) for found in leading]  # "in the tray put the cup"
    clause.relations = leading + clause.relations
    if group and clause.targets and not clause.targets[0].noun:
        clause.targets[0] = replace(clause.targets[0], noun=group)
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


def _is_filler(cursor: Cursor) -> bool:
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


# Things that have another before their name: "tape dispenser", "drill bit".
_HEADS = frozenset(
    {"dispenser", "holder", "measure", "bit", "case", "stand", "rack", "gun", "file"}
)


def _is_name(cursor: Cursor) -> bool:
    """Whether the verb here is the name of a thing: "hammer into the crate"."""
    named = cursor.word in NOUNS or cursor.word in lexicon.NAMES_OF_THINGS
    goes = ("", "on", "in", "into", "onto", "to", "is", "next", "back", "off", "out")
    compound = cursor.following in _HEADS and cursor.rest.split()[2:3] in ([g] for g in goes[1:])
    return named and (cursor.following in goes or compound)


def _approaches(cursor: Cursor) -> bool:
    """Such as "go to the ball", "reach for the ball", "find the ball": only where it is."""
    word, following = cursor.word, cursor.following
    if word in ("go", "get", "come", "drive", "navigate", "walk"):
        return following in ("to", "over", "towards", "toward") and "to" in cursor.rest.split()[1:3]
    if word in ("reach", "look", "search"):
        return following in ("for", "to", "out", "over", "towards", "at")
    return word in ("find", "locate", "approach")


_BEFORE_YOU = re.compile(
    r"(?:(?:that are |which are )?(?:in front of|before|near) (?:you|me|us)|there|here|over there|"
    r"on (?:the|your|my|this) (?:table|desk|counter|bench))\b"
)


def _of_several(cursor: Cursor) -> str:
    """Take "of the three cups, ..." before a verb: which noun the thing has."""
    start = cursor.at
    if cursor.match(_AMONG) is None:
        return ""
    several = noun_phrase(cursor)
    cursor.match(_BEFORE_YOU)
    while cursor.word == ",":
        cursor.at += 1
    if several is None or several.count == 1 or not several.noun or not is_verb(cursor.word):
        cursor.at = start
        return ""
    return several.noun


def _leading_place(cursor: Cursor, found: list[Found]) -> bool:
    """Such as "in the cabinet grasp the block", "of the two boxes choose ...": before the verb."""
    side = table_side(cursor)
    if side is not None:
        found.append(Found(Relation("area", (Phrase(place=side[0]),)), side[1], True))
    else:
        relation = cursor.match(RELATION)
        thing = noun_phrase(cursor) if relation else None
        if relation is None or thing is None:
            return False
        name = lexicon.RELATIONS[relation.group(1)]
        found.append(Found(Relation(name, (thing,)), relation.group(1), True))
    while cursor.word == ",":
        cursor.at += 1
    if not is_verb(cursor.word):
        found.clear()
        return False
    return True


def _leading_source(cursor: Cursor) -> Phrase | None:
    """Such as "from the bag bring me ..."; None, and the cursor where it was, if none is there."""
    start = cursor.at
    thing = noun_phrase(cursor) if cursor.match(SOURCE) is not None else None
    while cursor.word == ",":
        cursor.at += 1
    if thing is None or thing.pronoun or not is_offered(cursor.word):
        cursor.at = start
        return None
    return thing


def _names_a_thing(clause: Clause, first: str) -> bool:
    """Whether a clause without a verb is the name of a thing, as "the red box" is."""
    phrase = clause.targets[0]
    last = phrase.noun.split()[-1] if phrase.noun else ""
    listed = phrase.noun in NOUNS or last in NOUNS
    described = bool(phrase.colors or phrase.sizes or phrase.place or phrase.not_colors)
    determined = first in lexicon.DETERMINERS or first in lexicon.ALL
    return determined and not clause.unknown and (listed or described)
