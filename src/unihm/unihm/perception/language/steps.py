"""What a step says, apart from the sentence that it was read from."""

from __future__ import annotations

from dataclasses import replace

from unihm.perception.language import lexicon
from unihm.perception.language.command import Action, Phrase, Relation, Step

_PARTS = ("handle", "knob", "lid", "edge", "rim", "grip")
_BESIDES = ("behind", "front", "left", "right", "beside", "between", "apart")


def is_table(phrase: Phrase) -> bool:
    """Whether it means the table itself, which everything stands on."""
    return phrase.signature in lexicon.TABLES


def on_the_table(step: Step) -> Step:
    """Without "on the table" and "off the table", which everything is."""

    def bare(phrase: Phrase) -> Phrase:
        kept = tuple(
            r
            for r in phrase.relations
            if not (r.name in ("on", "beside") and is_table(r.things[0]))
        )
        return replace(phrase, relations=kept)

    source = None if step.source is not None and is_table(step.source) else step.source
    return replace(step, target=bare(step.target), source=source)


def does_again(last: Step, step: Step) -> bool:
    """Such as "set it down and let go", "get it away from the edge. Push it."."""
    same = last.target == step.target and last.action == step.action
    pushed = step.action is Action.PUSH and step.destination is None and not has_way(step)
    return same and (step.action is Action.RELEASE or pushed)


def with_one_anchor(step: Step) -> Step:
    """With "the books" as one place, where something stands or goes beside them."""

    def beside(relation: Relation) -> Relation:
        pair = relation.name == "between" and len(relation.things) == 1
        one = relation.name in _BESIDES and not pair
        return Relation(relation.name, tuple(anchor(t, one) for t in relation.things))

    def anchor(phrase: Phrase, one: bool) -> Phrase:
        several = phrase.count == 0 and not phrase.pronoun and phrase.noun
        if one and several and lexicon.ALL.isdisjoint(phrase.words.split()):
            phrase = replace(phrase, count=1, any_will_do=True)
        return replace(phrase, relations=tuple(map(beside, phrase.relations)))

    return replace(
        step,
        target=anchor(step.target, False),
        source=None if step.source is None else anchor(step.source, False),
        destination=None if step.destination is None else beside(step.destination),
    )


def has_way(step: Step) -> bool:
    """Whether it says which way something is pushed."""
    return step.direction is not None and bool(step.direction.name)


def is_complete(step: Step) -> bool:
    """Whether it says where to, where something has to go anywhere."""
    return not (
        (step.action is Action.PLACE and step.destination is None)
        or (step.action is Action.PUSH and step.destination is None and not has_way(step))
    )


def part_and_whole(phrase: Phrase) -> tuple[str, Phrase] | None:
    """Such as "the handle of the drawer", "the drawer handle": the part, and the drawer."""
    words = phrase.noun.split()
    if not words or words[-1] not in _PARTS:
        return None
    if len(words) > 1:
        return words[-1], replace(phrase, noun=" ".join(words[:-1]))
    for relation in phrase.relations:
        if relation.name in ("of", "on"):
            return words[-1], relation.things[0]
    return None
