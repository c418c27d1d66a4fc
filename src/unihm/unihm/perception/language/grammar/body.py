"""What follows the verb: things, relations, directions and amounts, sources, manner."""

from __future__ import annotations

import re
from dataclasses import replace

from unihm.perception.language import lexicon
from unihm.perception.language.command import Action, Direction, Phrase, Relation
from unihm.perception.language.grammar.clause import Clause, Found
from unihm.perception.language.grammar.corners import corner_of
from unihm.perception.language.grammar.cursor import Cursor
from unihm.perception.language.grammar.noun_phrases import (
    EXCLUDE,
    RELATIVE,
    merged,
    noun_phrase,
    the_others,
)
from unihm.perception.language.grammar.places import SIDE, join_places, table_side
from unihm.perception.language.grammar.poses import pose_of
from unihm.perception.language.grammar.relations import (
    RELATION,
    SOURCE,
    UNIT,
    describes_last,
)
from unihm.perception.language.nouns import NOUNS

_NUMBER = "|".join(lexicon.NUMBERS)
_AMOUNT = re.compile(
    rf"(?:by |about |around |approximately |roughly |exactly |maybe |perhaps |some |for )*"
    rf"(?:(half an?|a couple of|a|an|"
    rf"\d+(?:\.\d+)?|{_NUMBER})"
    rf"(?: and a half)? ({UNIT})\b)"
)
_VAGUE = re.compile(
    r"(?:by |just )*(?:(?:a (?:little|bit|tad|little bit) |some |a few )(?:more|further|farther)\b"
    r"(?! to\b)|a (?:tiny |little |small )?bit|a little(?: bit)?|a tad(?: bit)?|a touch|"
    r"a (?:wee )?(?:trifle|smidge|smidgen|hair|fraction|notch|whisker|hair s breadth)|slightly|"
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
    r"corner|cap|spout|waist|brim|knob|ring|strap|loop|string|cord|tail|ear|leg|stalk|tab|hook|"
    r"shaft|grip|hilt)"
)
MANNERS = re.compile(
    rf"(?:with|using) (?:(?:your|the|a|one|two|three|four|five|all|only|just|both|some|more|"
    rf"less|great|extra|utmost|extreme|"
    r"right|left|whole|gentle|firm|light|soft|little|lot|of|index|entire|full|robot|force|pinch|"
    r"power|precision) )*"
    r"(?:fingers?|hands?|gripper|care|caution|thumb|grip|grasp|fingertips|tips|force|pinch|palm|"
    r"arm|claw|touch)"
    r"(?: and (?:your |the )?(?:thumb|index finger|middle finger))?\b(?: only)?"
    rf"|by (?:the|its|his|her|their) (?:\w+ )?{_BODY}s?\b(?: of it)?"
    r"|from (?:underneath|beneath|below)\b(?! (?:the|a|my|it|that|this)\b)"
    r"|from (?:above|the top down|its top|its side|the side|overhead|its handle)\b(?! of)"
    rf"|in (?:one|a single) (?:motion|go|move)|as (?:{'|'.join(sorted(lexicon.MANNER))}) as "
    r"(?:possible|you can)"
    r"|very (?:gently|carefully|slowly|quickly|softly)|right side up"
    r"|without (?:spilling|breaking|dropping|crushing|squeezing|damaging|tilting|squashing|"
    r"slamming|scratching|smashing|denting|bending|tearing|cracking|smudging|hurting|shaking|banging|"
    r"making (?:(?:any|a|too much) )?(?:noise|mess|sound))(?: it|"
    r" anything| them)?\b"
)
_NO_LIFT = re.compile(r"without (?:lifting|raising|picking(?: up)?)(?: it| them)?(?: up)?\b")
_TO_ME = re.compile(
    r"(?:over )?(?:to|into?|in|on|onto) (?:me|us|my (?:hand|hands|palm)|the (?:user|human|"
    r"person))\b(?! (?:on|in|at|with|who|next|behind|near|over|by)\b)"
    r"|(?:back )?to me\b"
)
_FOR_ME = re.compile(r"for (?:me|us)\b")
_IN_HAND = re.compile(
    r"(?:with|in|into|inside) (?:your|the robot|the|its)(?: robot)? (?:hand|hands|gripper|palm|"
    r"fingers|claw)\b"
    r"|(?:up )?(?:in|into) the air\b|off the ground\b"
)
_TOWARD = re.compile(
    r"(?:closer (?:to|towards?)|nearer (?:to|towards?)|towards?|toward|up to|up against|against|"
    r"to touch|to meet|"
    r"(?:all the way |over )?to)\b"
)
_DIRECTION_WORDS = "|".join(sorted({*lexicon.DIRECTIONS, *lexicon.COMPASS}, key=len, reverse=True))
_DIRECTION = re.compile(
    rf"(?:(?:straight|directly|further|farther|diagonally|over|across|more|a bit|a little|bit|"
    rf"little|slightly) )*"
    rf"(?:(?:to|towards?|toward|in)(?: the| your| my)? |(?=\w))"
    rf"((?:{_DIRECTION_WORDS})(?: (?:and|and to the|to the|) ?(?:{_DIRECTION_WORDS})\b)?)"
    r"(?:(?: hand| handside|)(?: (?:side|direction|edge|end|corner))?)(?: from (?:me|you|"
    r"the robot))?"
    r"(?= (?:and|then|by|a|about|for|please|pls|plz|asap|now|thanks|thank|with|using|"
    r"of the table|without|gently|slowly|carefully|quickly|until|"
    rf"{'|'.join(sorted(lexicon.FILLER - {'right-now', 'quickly-please'}))}|"
    r"on|slightly|all|some|from|half|but|in|next|to me|\d|one|two|three|four|five|six|seven|"
    r"eight|nine|ten|twenty|[.,;])|$)"
)
_OF_TABLE = re.compile(rf"of the (?:{'|'.join(lexicon.TABLES)})\b")
# Of a thing that is told by how near it is to another; the group is not empty where that is near.
_NEAREST = re.compile(r".*\b(?:(nearest|closest)|farthest|furthest)\b")
_AWAY_FROM = re.compile(
    r"(?:(?:just|a (?:little|bit|little bit)|bit|little|slightly|more) )*"
    r"(?:(?:further|farther) )?(?:away|further|farther|apart|off) from\b"
)
_ME_DIRECTION = re.compile(
    r"(?:towards?|closer to|nearer to|near|back to|to|over to)(?: where)? (?:me|us|you|yourself|"
    r"the robot|myself)(?: are| am)?\b"
)
_FROM_ME = re.compile(
    r"(?:(?:just|a (?:little|bit|tad|little bit)|slightly) )*"
    r"(?:away|further away|farther away|farther|further) from (?:me|you|us|yourself|"
    r"the robots?(?: base)?)\b"
)


def read_body(cursor: Cursor, clause: Clause) -> None:
    """Read what follows the verb into the clause."""
    joined = False  # "and" or a relative clause before what comes next
    end_of_source = end_of_toward = end_of_relation = -1
    while cursor.word:
        word = cursor.word
        at_source = cursor.at == end_of_source
        at_toward = cursor.at == end_of_toward
        moving = clause.action in (Action.PUSH, Action.PULL) or clause.verb in lexicon.MOVES
        at_relation = cursor.at == end_of_relation
        if at_toward and (anchor := _anchor_described(cursor, clause)) is not None:
            clause.toward, end_of_toward = anchor, cursor.at
        elif (at_source or at_relation or at_toward) and describes_last(
            cursor, clause, at_source, at_toward
        ):
            if at_source:
                end_of_source = cursor.at
            elif at_toward:
                end_of_toward = cursor.at
            else:
                end_of_relation = cursor.at
        elif word == "," or (
            word == "over"
            and clause.verb in ("hand", "give", "bring", "pass")
            and not clause.targets
        ):
            cursor.at += 1
        elif cursor.match(_NO_LIFT) is not None:
            clause.no_lift = True
        elif (found := cursor.match(MANNERS)) is not None:
            clause.manner.append(found.group(0).strip())
        elif word in lexicon.MANNER or (word == "flat" and clause.targets):
            clause.manner.append(word)
            cursor.at += 1
        elif (
            clause.action in (Action.OPEN, Action.CLOSE)
            and (found := cursor.match(_HOW_FAR) or cursor.match(_AMOUNT)) is not None
        ):
            clause.manner.append(found.group(0).strip())
        elif cursor.match(_FOR_ME) is not None:
            # "Get it for me" is "get me it"; "get it out for me" is only to be taken out.
            clause.to_me |= clause.verb == "get" and clause.source is None
        elif (cursor.match(_TO_ME) is not None and (clause.targets or clause.action)) or (
            _may_come_here(clause.verb, cursor.rest) and cursor.match(_HERE) is not None
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
                clause.direction = turned(clause.direction, "toward", "closer")
            else:
                near = Relation("area", (Phrase(place="near", words="closer"),))
                clause.relations.append(Found(near, "to"))
        elif moving and cursor.match(_FROM_ME) is not None:
            clause.direction = turned(clause.direction, "away", "away")
        elif moving and (found := cursor.match(_ME_DIRECTION)) is not None:
            clause.direction = turned(clause.direction, "toward", found.group(0))
        elif (moving or clause.action is None) and cursor.match(_AWAY_FROM) is not None:
            thing = noun_phrase(cursor)
            if thing is None:
                clause.unknown.append("from")
            else:
                clause.toward, end_of_toward = Relation("away", (thing,)), cursor.at
        elif moving and (found := cursor.match(_AMOUNT)) is not None:
            _set_amount(clause, found)
        elif (moving or clause.action is Action.GRAB) and cursor.match(_VAGUE) is not None:
            pass
        elif (cut := corner_of(cursor)) is not None:
            clause.relations.append(cut)
        elif (
            moving
            and not clause.targets
            and word in ("left", "right", "forward", "back")
            and (cursor.following in lexicon.DETERMINERS)
        ):
            name = lexicon.DIRECTIONS[word]
            clause.direction = turned(clause.direction, name, word)
            cursor.at += 1
        elif (
            moving
            and clause.targets
            and not joined
            and word in ("closer", "nearer")
            and _take_toward(cursor, clause)
        ):
            end_of_toward = cursor.at
        elif (
            moving
            and _RIGHT_THERE.match(cursor.rest) is None
            and (found := cursor.match(_DIRECTION)) is not None
        ):
            _set_direction(clause, found)
            cursor.match(_OF_TABLE)
        elif at_source and clause.source and (side := table_side(cursor)) is not None:
            where = join_places(clause.source.place, side[0])
            clause.source = replace(clause.source, place=where)
        elif (side := table_side(cursor)) is not None:
            place = Relation("area", (Phrase(place=side[0], words=side[0]),))
            clause.relations.append(Found(place, side[1], joined))
            joined = False
        elif word in ("down", "back", "away") and clause.action in (
            Action.PLACE,
            Action.GRAB,
            Action.HAND_OVER,
        ):
            clause.down |= word == "down"
            clause.back |= word == "back"
            cursor.at += 1
        elif word == "back" and clause.action is None and _BACK_AT.match(cursor.rest):
            clause.back = True  # "milk back in the fridge"
            cursor.at += 1
        elif (word == "back" and moving and clause.targets and _BACK_TO.match(cursor.rest)) or (
            word == "in" and not cursor.following and clause.action is Action.PUSH
        ):
            cursor.at += 1
        elif _measured_from(cursor, clause) or _take_relation(cursor, clause, joined):
            joined, end_of_relation = False, cursor.at
        elif _take_source(cursor, clause):
            end_of_source = cursor.at
        elif _take_toward(cursor, clause):
            end_of_toward = cursor.at
        elif word == "from" and clause.targets and RELATION.match(cursor.rest.partition(" ")[2]):
            cursor.at += 1  # "from beside the lamp"
            joined = True
        elif (
            clause.targets
            and clause.action in (None, Action.GRAB, Action.HAND_OVER)
            and (pose := pose_of(cursor))
        ):
            clause.targets[-1] = merged(clause.targets[-1], Phrase(sizes=(pose,)))
        elif clause.targets and cursor.match(RELATIVE) is not None:
            joined = True
        elif clause.targets and _excludes(cursor, clause):
            pass
        elif word == "and" and clause.targets:
            cursor.at += 1
            joined = bool(clause.relations) or not _more_things(cursor, clause)
            if joined and not RELATION.match(cursor.rest) and not SIDE.match(cursor.rest):
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
            clause.relations.append(Found(Relation(into_or_onto(thing), (thing,)), "to"))
        elif word in lexicon.FILLER or (word in ("for", "one", "of") and not cursor.following):
            cursor.at += 1
        else:
            clause.unknown.append(word)
            cursor.at += 1
    if not clause.targets and clause.source is not None:  # "take off the lid"
        clause.targets, clause.source = [clause.source], None


_HERE = re.compile(r"(?:over )?here\b")


_COME_HERE = re.compile(r"(?:over )?here(?: (?:please|now))*")


def _may_come_here(verb: str, rest: str) -> bool:
    """Whether "here" is to me; "I'd like it here on the left" is read as "give" too."""
    comes = verb in ("bring", "fetch", "pass", "hand")
    return comes or (verb == "give" and _COME_HERE.fullmatch(rest) is not None)


# No direction: "right next to the cup".
_RIGHT_THERE = re.compile(
    r"right (?:in front|in between|between|behind|next to|beside|on top|under|near|against|above|"
    r"by (?:the|my|your|that|this))\b"
)
_BACK_AT = re.compile(r"back (?:in|on|into|onto|inside|to|under|behind|next to) ")
_BACK_TO = re.compile(r"back (?:towards?|to|into|onto|in|on) (?:the|its|my|your|where|me|you|us)\b")


def _more_things(cursor: Cursor, clause: Clause) -> bool:
    """Such as "the mug and the bowl"."""
    start = cursor.at
    thing = noun_phrase(cursor)
    if thing is None or not thing.says_something:
        cursor.at = start
        return False
    clause.targets.append(thing)
    return True


def _predicate(cursor: Cursor, clause: Clause) -> bool:
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


def turned(direction: Direction | None, name: str, words: str) -> Direction:
    """A direction that goes that way too, such as left and forward, as far as before."""
    distance = direction.distance if direction else None
    parts = [*(direction.name.split() if direction else []), *name.split()]
    return Direction(" ".join(sorted(set(parts))), distance, words)


def _set_amount(clause: Clause, found: re.Match[str]) -> None:
    number, unit = found.group(1), lexicon.UNITS[found.group(2)]
    if number.startswith("half"):
        count = 0.5
    elif number in ("a", "an"):
        count = 1.0
    elif number == "a couple of":
        count = 2.0
    else:
        count = float(lexicon.NUMBERS.get(number) or float(number))
    if "and a half" in found.group(0):
        count += 0.5
    name, words = (clause.direction.name, clause.direction.words) if clause.direction else ("", "")
    clause.direction = Direction(name, round(count * unit, 4), f"{words} {found.group(0)}".strip())


def _set_direction(clause: Clause, found: re.Match[str]) -> None:
    said = found.group(1)
    if re.search(r"\bthe (?:very )?back\b", found.group(0)):
        said = said.replace("back", "rear")  # a side of the table, rather than backward
    names = [
        name
        for word in said.split()
        for name in (lexicon.COMPASS.get(word) or lexicon.DIRECTIONS.get(word, "")).split()
    ]
    clause.direction = turned(clause.direction, " ".join(names), found.group(0))


def _take_relation(cursor: Cursor, clause: Clause, joined: bool) -> bool:
    start = cursor.at
    while cursor.word in lexicon.STANDING or (
        cursor.word in lexicon.DEGREES and cursor.following in ("lying", "on", "in", "next")
    ):
        cursor.at += 1
    bound = cursor.at > start and cursor.words[cursor.at - 1] in lexicon.STANDING
    found = cursor.match(RELATION)
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
        thing = (the_others(cursor) if clause.targets else None) or noun_phrase(cursor)
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
                Found(Relation(name, (thing,)), found.group(1), joined or bound)
            )
            clause.relations.append(Found(Relation(name, (other,)), found.group(1), True))
            if clause.action is Action.PLACE:
                clause.unknown.append("and")  # it goes beside one thing
            return True
        cursor.at = mark
    # "Take the cup off the tray and onto the mat": where to, rather than which cup.
    describes = bound or (joined and found.group(1) not in ("onto", "into"))
    clause.relations.append(Found(Relation(name, tuple(things)), found.group(1), describes))
    return True


def _measured_from(cursor: Cursor, clause: Clause) -> bool:
    """Such as "the nearest mug to the box": not into it."""
    if clause.action not in (None, Action.GRAB) or not clause.targets:
        return False
    start, target = cursor.at, clause.targets[-1]
    superlative = _NEAREST.match(target.words) if target.place in ("near", "far") else None
    if superlative is None or cursor.word != ("to" if superlative.group(1) else "from"):
        return False
    cursor.at += 1
    thing = noun_phrase(cursor)
    if thing is None:
        cursor.at = start
        return False
    clause.targets[-1] = replace(target, place="")
    name = "beside" if superlative.group(1) else "apart"
    clause.relations.append(Found(Relation(name, (thing,)), "to", True))
    return True


def _take_source(cursor: Cursor, clause: Clause) -> bool:
    if not clause.targets and clause.action is not Action.GRAB:
        return False
    start = cursor.at
    if cursor.match(SOURCE) is None:
        return False
    thing = noun_phrase(cursor)
    if thing is None or clause.source is not None:
        cursor.at = start
        return False
    clause.source = thing
    return True


def _take_toward(cursor: Cursor, clause: Clause) -> bool:
    if not clause.targets and clause.action is not Action.PLACE:
        return False  # "take the cup and put to the tray" has its thing
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


def _anchor_described(cursor: Cursor, clause: Clause) -> Relation | None:
    """Such as "the cup on the left" and "the cup behind the box" after "toward": which cup."""
    if clause.toward is None or cursor.word in ("into", "onto", "over", "from", "to", "toward"):
        return None
    name, (thing, *_) = clause.toward.name, clause.toward.things
    start = cursor.at
    corner = corner_of(cursor)
    side = (corner.relation.things[0].place, "") if corner else table_side(cursor)
    if side is not None:
        return Relation(name, (replace(thing, place=join_places(thing.place, side[0])),))
    found = cursor.match(RELATION)
    other = noun_phrase(cursor) if found is not None else None
    if found is None or other is None or lexicon.RELATIONS[found.group(1)] == "between":
        cursor.at = start
        return None
    relation = Relation(lexicon.RELATIONS[found.group(1)], (other,))
    return Relation(name, (replace(thing, relations=(*thing.relations, relation)),))


def _excludes(cursor: Cursor, clause: Clause) -> bool:
    """Such as "not the red one", "except the mug": ruled out of the target."""
    start = cursor.at
    excludes = cursor.match(EXCLUDE)
    if excludes is None:
        return False
    # "The cup, but the plastic one" does not rule that one out.
    one = clause.targets[-1].count == 1 and not clause.targets[-1].any_will_do
    unclear = excludes.group(0).endswith("but") and one
    if unclear or cursor.word in ("from", "on", "in", "at", "to"):
        cursor.at = start
        return False
    thing = noun_phrase(cursor)
    goes_on = RELATION.match(cursor.rest) or SIDE.match(cursor.rest)  # "the one next to ..."
    if thing is None or thing.relations or thing.place or thing.sizes or goes_on:
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


def into_or_onto(thing: Phrase) -> str:
    """Into or onto: what "to the tray" means."""
    kind = thing.noun.split()[-1] if thing.noun else ""
    hollow = {"tray", "bowl", "cup", "mug"} & set(NOUNS.get(kind, ())[:2])
    return "in" if (hollow and kind != "plate") or kind in lexicon.HOLLOW else "on"
