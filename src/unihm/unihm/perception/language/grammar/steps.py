"""From a clause to the steps that it asks for: what goes where, and which thing is meant."""

from __future__ import annotations

import re
from dataclasses import replace

from unihm.perception.language import lexicon
from unihm.perception.language.command import Action, Direction, Phrase, Relation, Step
from unihm.perception.language.grammar.body import into_or_onto, turned
from unihm.perception.language.grammar.clause import Clause, Found
from unihm.perception.language.grammar.places import join_places
from unihm.perception.language.nouns import NOUNS


def steps_of(clause: Clause) -> list[Step]:
    """The steps that one clause asks for, with as many as it has targets."""
    noun = clause.targets[-1].noun if clause.targets else ""
    named = [
        target if target.noun or target.pronoun else replace(target, noun=noun)
        for target in clause.targets  # "the red and the blue cup"
    ]
    return [_step(clause, target) for target in named] or [_step(clause, Phrase())]


# "Sit down" and "move back" are said to somebody, and let go of nothing.
_DONE_BY_ITSELF = frozenset(
    {
        "sit",
        "stand",
        "rest",
        "settle",
        "move",
        "park",
        "balance",
        "leave",
        "lean",
        "pack",
        "dock",
        "fit",
        "nest",
    }
)
_STRONG = re.compile(r"(?:in|on)to\b|on to|in to\b|to\b|atop")


def _is_somebody(phrase: Phrase, verb: str) -> bool:
    """Whether something is to be given to a person: I hand things to who asks for them."""
    last = phrase.noun.split()[-1] if phrase.noun else ""
    gives = verb in ("give", "hand", "pass")  # things are brought to places too
    named = (
        (gives or len(phrase.words.split()) == 1)
        and last not in NOUNS
        and last not in lexicon.TABLES
    )
    return last in lexicon.PEOPLE or (named and last not in lexicon.HOLLOW) or not last


# Things are moved to these by putting them there: nothing slides into a drawer.
_KEPT_IN = lexicon.STACKED | lexicon.HUNG | {"fridge", "freezer", "oven", "sink", "rack"}


def _is_put_into(thing: Phrase) -> bool:
    return bool({*thing.noun.split()[-1:]} & _KEPT_IN)


def _goes_into(action: Action, found: Found) -> bool:
    """Whether a preposition says where to: "into"; "to the left of" not after "take"."""
    pattern = _INTO if action is Action.GRAB else _STRONG
    return pattern.match(found.preposition) is not None and not found.to_head


_INTO = re.compile(r"(?:in|on)to\b|on to\b|in to\b")


def _is_area_to_go_to(found: Found) -> bool:
    return found.preposition == "to" and found.relation.name == "area" and not found.to_head


def _step(clause: Clause, target: Phrase) -> Step:
    action = clause.action or Action.GRAB
    relations = list(clause.relations)
    destination: Relation | None = None
    direction = clause.direction
    toward = clause.toward
    source = clause.source
    if action is Action.GRAB and source is not None and any(map(_is_area_to_go_to, relations)):
        action = Action.PLACE  # "take it from the tray to the middle of the table"
    to_be_moved = (
        action in (Action.PLACE, Action.PUSH, Action.PULL)
        or toward is not None
        or any(_goes_into(action, f) for f in relations)
    )
    if to_be_moved and relations:
        chosen = _destination_index(relations, Action.PUSH if clause.verb == "drag" else action)
        if chosen is not None:
            before, after = relations[:chosen], relations[chosen + 1 :]
            found = relations[chosen]
            name, things = found.relation.name, found.relation.things
            if after and name != "area":
                things = (attach(things[0], after), *things[1:])
            if found.preposition == "at" and action is Action.PLACE and name != "area":
                name = into_or_onto(things[0])
            if things[0].noun in lexicon.TABLES and things[0].relations:
                destination = things[0].relations[0]  # "on the counter in front of the toaster"
            else:
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
            action, direction = Action.PUSH, turned(direction, "toward", "to me")
        elif destination is not None and destination.name in ("toward", "away"):
            things = destination.things
            if things[0].noun in lexicon.TABLES:
                destination = Relation("on", things)
            elif destination.name == "toward" and (
                source or clause.verb == "transfer" or _is_put_into(things[0])
            ):
                destination = Relation(
                    into_or_onto(things[0]), things
                )  # "from the box to the plate"
            else:
                action = Action.PUSH
    elif action is Action.PLACE and destination is not None and destination.name == "toward":
        thing = destination.things[0]
        on_table = thing.noun in lexicon.TABLES and thing.relations  # "the counter by the stove"
        at_it = Relation(into_or_onto(thing), (thing,))
        destination = thing.relations[0] if on_table else at_it
    elif action is Action.PLACE and clause.to_me and destination is None:
        action = Action.HAND_OVER
    if (
        action is Action.PLACE
        and destination is None
        and (clause.down or clause.back or clause.verb == "drop")
        and (clause.targets or clause.verb not in _DONE_BY_ITSELF)
    ):
        action = Action.RELEASE
    if target.pronoun == "hand":
        if action is not Action.OPEN:
            clause.unknown.append("hand")
        action, target = Action.RELEASE, Phrase(pronoun="held", words=target.words)
    gives = clause.verb in ("give", "hand", "pass", "bring", "fetch")
    if action is Action.PLACE and destination is not None:
        other = destination.things[0]
        person = {*other.noun.split()[-1:]} & lexicon.PEOPLE and destination.name in ("on", "in")
        if person or (gives and _is_somebody(other, clause.verb)):
            clause.unknown.append(other.words)
    if pushes and destination is None and target.noun.split()[-1:] == ["drawer"]:
        pulls = action is Action.PULL
        if direction is None or direction.name == ("toward" if pulls else "away"):
            moved = Action.OPEN if pulls else Action.CLOSE
            if direction is not None and direction.distance is not None:
                manner = (*manner, f"by {100 * direction.distance:g} cm")
            return Step(moved, target, source, manner=manner)
    if pushes and destination is None and (direction is None or not direction.name):
        name = "toward" if action is Action.PULL else ""
        if clause.to_me:
            name = "toward"
        if name:
            direction = Direction(name, direction.distance if direction else None, "")
    return Step(action, target, source, destination, direction, manner)


def _destination_index(relations: list[Found], action: Action) -> int | None:
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


def attach(head: Phrase, relations: list[Found]) -> Phrase:
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
        relations[k - 1] = Found(
            Relation(before.relation.name, things), before.preposition, before.to_head
        )
    return head
