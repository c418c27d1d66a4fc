"""What "it" stands for: the thing that was spoken of, what it was put in, or what was opened."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from unihm.perception.language import lexicon
from unihm.perception.language.command import Action, Phrase, Relation, Step
from unihm.perception.language.refusals import Refused, the

# What stands on these or in them is moved without them.
_FIXED = lexicon.TABLES | lexicon.HUNG | lexicon.STACKED | set(re.findall(r"\w+", """
    fridge refrigerator freezer oven stove sink microwave dishwasher toaster machine printer rack
    stand peg hook hole slot wall floor ground mat burner scale scales side corner closet bed
    chair sofa ledge windowsill sideboard nightstand dresser spot place
"""))  # fmt: skip
# What is on a thing for good: "put the lid on the pot and push it" moves the pot.
_TOPS = lexicon.UPPER_PARTS | {"stopper", "cork"}
_MOVING = (Action.PUSH, Action.PULL, Action.HAND_OVER, Action.PLACE, Action.GRAB)


def _kind(phrase: Phrase) -> str:
    return phrase.noun.split()[-1] if phrase.noun else ""


def opened(steps: Sequence[Step]) -> Phrase | None:
    """What "close it" is about: "take the cup out of the drawer and close it"."""
    for last in reversed(steps):
        if last.action in (Action.OPEN, Action.CLOSE):
            return last.target
        if last.source is not None:
            return last.source
        if last.destination is not None and last.destination.name == "in":
            return last.destination.things[0]
    return None


def inside(thing: Phrase, steps: Sequence[Step]) -> Phrase:
    """With what was opened before in place of "it": "hand me the stapler that is in it"."""
    last = steps[-1] if steps else None
    if last is None or last.action is not Action.OPEN:
        return thing
    relations = tuple(
        Relation("in", (last.target,))
        if relation.name == "in" and relation.things[0].pronoun == "it"
        else relation
        for relation in thing.relations
    )
    return replace(thing, relations=relations)


def moved_with(last: Step, action: Action) -> Phrase:
    """What "it" is in what is done after a step: the thing, or what it was put in.

    Raises:
        Refused: it may be either: "put the cup on the tray and push it to the left".
    """
    goes = last.destination
    if last.action is not Action.PLACE or action not in _MOVING or goes is None:
        return last.target
    carrier = goes.things[0]
    if goes.name not in ("in", "on") or not carrier.noun or _kind(carrier) in _FIXED:
        return last.target
    if goes.name == "in" or _kind(last.target) in _TOPS:
        return carrier
    raise Refused(f"'it' may be {the(last.target)} or {the(carrier)}; name it.", unknown=("it",))


def referent(thing: Phrase, moved: Phrase, steps: Sequence[Step], said: Step | None) -> Phrase:
    """What a destination "it" means.

    Args:
        thing: the destination.
        moved: what goes there, which is another thing.
        steps: those before.
        said: the last step of what was said before.

    Raises:
        Refused: it may be two things, or is not known.
    """
    if thing.pronoun != "it":
        return thing
    last = steps[-1] if steps else said
    before = last.target if last is not None else None
    if before is not None and before == moved:
        return _beside(thing, moved, steps)
    if before is None:
        raise _unknown(thing)
    goes = steps[-1].destination if steps else None
    other = steps[-1].source if steps else None
    if goes is not None and goes.name != "area":
        other = goes.things[0]
    if other is not None:
        raise Refused(
            f"'{thing.words}' may be {the(before)} or {the(other)}; name it.",
            unknown=(thing.words,),
        )
    return before


def _beside(thing: Phrase, moved: Phrase, steps: Sequence[Step]) -> Phrase:
    """What was opened before, or the one thing by which ``moved`` was told: "drop it in"."""
    found = [step.target for step in steps[:-1] if step.action is Action.OPEN]
    found += [r.things[0] for r in moved.relations if r.name in ("beside", "left", "right")]
    if len(found) != 1 or found[0].pronoun:
        raise _unknown(thing)
    return found[0]


def _unknown(thing: Phrase) -> Refused:
    return Refused(f"I do not know what '{thing.words}' is; name it.", unknown=(thing.words,))
