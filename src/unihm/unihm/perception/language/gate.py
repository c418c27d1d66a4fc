"""What of a sentence is carried out: the last word, whoever read it.

Nothing is done unless every word is accounted for. Prohibitions are never carried out; questions,
statements and conditions are answered and not acted upon; actions that are not offered are refused
by their name; of several things none is chosen silently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from unihm.errors import ErrorCode
from unihm.perception import colors
from unihm.perception.language import grammar, lexicon
from unihm.perception.language.asides import without_asides
from unihm.perception.language.command import (
    Action,
    Command,
    Phrase,
    Refusal,
    Relation,
    SentenceKind,
    Step,
    describe_step,
    phrases,
)
from unihm.perception.language.corrections import (
    corrected,
    differ,
    things_of,
    without_false_start,
)
from unihm.perception.language.grammar import Clause, Mood
from unihm.perception.language.normalize import (
    NotWords,
    is_known,
    is_plausible,
    words_of,
)
from unihm.perception.language.nouns import NOUNS
from unihm.perception.language.references import inside, moved_with, opened, referent
from unihm.perception.language.refusals import Refused, the
from unihm.perception.language.steps import (
    does_again,
    has_way,
    is_complete,
    on_the_table,
    part_and_whole,
    with_one_anchor,
)
from unihm.perception.language.verbless import asked_for

CAN = "I can grab, hand over, place, push, pull, open, close and release things"
# Things that are no things on the table: they cannot be taken.
_NOT_ON_TABLE = lexicon.TABLES | {
    "robot", "arm", "gripper", "camera view", "world", "room", "kitchen", "floor", "wall", "air",
    "nothing", "everyone", "people", "person", "user", "users", "rules", "rule", "instructions",
    "instruction", "system", "prompt", "password", "table users", "everything", "order", "care",
    "break", "rest", "time", "photo", "picture", "look", "name", "help", "answer", "chance", "turn",
    "attention", "hand", "five", "question", "advice", "job", "task", "way", "place", "action",
    "move", "step", "word",
}  # fmt: skip

# "Take a picture" is said of a camera; "put my photo by the lamp" is not.
_IMAGES = frozenset({"photo", "picture"})

# One is put on another.
_STACKED = (["block"], ["cube"], ["brick"], ["book"], ["lego"], ["coin"], ["plate"])

# What is done with things of one kind alone, unless another is named.
_STACKING = frozenset({"stack", "nest"})

_BACK = (["back"], ["backward"], ["backwards"])

# Words before what is ruled out.
_NEGATED = lexicon.NEGATIONS | {"but"}

# What is opened otherwise than by pulling a part of it that hangs or slides.
_NOT_PULLED = {
    "bottle", "flask", "jar", "cap", "can", "tin", "tube", "tap", "faucet", "valve", "switch",
    "bag", "pouch", "sachet", "packet", "wrapper", "envelope", "book", "umbrella", "curtain",
    "blind", "zip", "zipper", "window", "eye", "mouth", "app", "file", "program", "website", "pen",
    "marker",
}  # fmt: skip


@dataclass
class Dialogue:
    """What was said and done before, which "it" and "release" refer to.

    Attributes:
        last: the last step that was carried out; None where none is known.
        held: what the hand holds; None where it is empty or not known.
    """

    last: Step | None = None
    held: Phrase | None = None

    def remember(self, step: Step) -> None:
        """Keep what later sentences may refer to."""
        self.last = step
        holds = step.action in (Action.GRAB, Action.HAND_OVER)
        self.held = step.target if holds else None


def understand(sentence: str, dialogue: Dialogue | None = None) -> Command:
    """What a sentence asks for, or why nothing is done.

    Args:
        sentence: any text.
        dialogue: what was said before; None where nothing was.
    """
    return decide(sentence, dialogue or Dialogue())


def decide(sentence: str, dialogue: Dialogue) -> Command:
    """Read by rule, and judge."""
    try:
        words = words_of(sentence)
    except NotWords as reason:
        return _refuse(sentence, SentenceKind.STATEMENT, str(reason))
    if grammar.stops(words):
        message = "Stopped: nothing is done."
        return _refuse(sentence, SentenceKind.STOP, message, code=ErrorCode.CANCELLED)
    command = _Judge(sentence, words, dialogue).command()
    if command.refusal is not None and (plain := without_asides(words)) != words:
        again = _Judge(sentence, plain, dialogue).command()
        command = command if again.refusal is not None else again
    if not all(_is_told_alike(step) for step in command.steps):
        message = "I am not sure that I understand what goes where; say it in simpler words."
        return _refuse(sentence, SentenceKind.REQUEST, message)
    return command


def _is_told_alike(step: Step) -> bool:
    """Whether the words in which stages are told of a step mean that step."""
    told = describe_step(step)
    try:
        again = _Judge(told, words_of(told), Dialogue()).command()
    except NotWords:
        return False
    return [s.signature for s in again.steps] == [step.signature]


def _refuse(
    sentence: str,
    kind: SentenceKind,
    message: str,
    unknown: tuple[str, ...] = (),
    code: ErrorCode = ErrorCode.INVALID_INSTRUCTION,
) -> Command:
    return Command(sentence, kind, (), unknown, Refusal(code, message))


class _Judge:
    """Puts the clauses of one sentence together."""

    def __init__(self, sentence: str, words: list[str], dialogue: Dialogue) -> None:
        self.sentence = sentence
        self.said = " ".join(sentence.split())[:80]
        self.words = words
        self.dialogue = dialogue
        self.steps: list[Step] = []
        self.seen: Phrase | None = None  # where a clause went to: "go to the ball and ..."
        self.excluded: Phrase | None = None  # "don't take the red one, take ..."

    def command(self) -> Command:
        """The whole sentence's."""
        try:
            self._other_thing()
            if not self.steps:
                self._compose(self._clauses())
            self._check_steps()
        except Refused as refused:
            return _refuse(self.sentence, refused.kind, str(refused), refused.unknown)
        return Command(self.sentence, SentenceKind.REQUEST, tuple(self.steps))

    def _other_thing(self) -> None:
        """Take "no, I meant the blue one" for the last step with another thing."""
        found = grammar.correction_of(self.words)
        last = self.dialogue.last
        if not found or last is None:
            return
        clause = grammar.read_clause(found)
        if clause.mood in (Mood.THING, Mood.UNREAD) and clause.targets and not clause.unknown:
            thing = grammar.attach(clause.targets[0], clause.relations)
            if not thing.noun:
                thing = replace(thing, noun=last.target.noun)
            self.steps = [replace(last, target=thing)]

    def _clauses(self) -> list[Clause]:
        """The clauses; a sentence that takes back what it said before loses that."""
        found: list[Clause] = []
        manner: list[str] = []  # "with a soft grip, take ..."
        for words, mark in grammar.sentences_of(self.words):
            words, corrected = without_false_start(words)
            for part in grammar.clauses_of(words):
                clause = grammar.read_clause(list(part), mark)
                if clause.mood is Mood.EMPTY:
                    manner += clause.manner
                else:
                    found.append(replace(clause, manner=[*manner, *clause.manner]))
                    manner = []
            if corrected:
                found += self._correction(corrected, mark, found)
        if manner and found:  # "take the cup. Gently!"
            found[-1] = replace(found[-1], manner=[*found[-1].manner, *manner])
        return found

    def _correction(self, words: list[str], mark: str, before: list[Clause]) -> list[Clause]:
        """What comes after "no, wait": it stands in place of what it corrects."""
        # "Can you take the cup, I mean the mug?" asks for the mug, and about nothing.
        clauses = [
            grammar.read_clause(list(part), mark if number else "")
            for number, part in enumerate(grammar.clauses_of(words))
        ]
        if not clauses or not before:
            return clauses
        last, new = before[-1], clauses[0]
        if new.mood is Mood.REQUEST and new.action is not None:
            before.pop()
            return clauses
        if last.action is None:
            raise Refused(
                f"I do not know what '{' '.join(words)}' corrects.",
                SentenceKind.CORRECTION,
            )
        after = corrected(last, new)
        if after is None:
            raise Refused(
                f"I did not understand the correction '{' '.join(words)}'.",
                SentenceKind.CORRECTION,
            )
        before[-1] = after
        return clauses[1:]

    def _compose(self, clauses: list[Clause]) -> None:
        clauses = _with_places(clauses)
        if not clauses:
            raise Refused(
                f"'{self.said}' does not ask to do anything with an object.",
                SentenceKind.STATEMENT,
            )
        self._ask_to_put(clauses)
        if len(clauses) == 1:
            self._ask_for(clauses[0])
        prohibited = [c for c in clauses if c.mood is Mood.PROHIBITION]
        requests = [c for c in clauses if c.mood is Mood.REQUEST]
        for clause in clauses:
            self._judge_mood(clause, clauses)
        if prohibited:
            self._allow(prohibited, requests, clauses)
        for number, clause in enumerate(clauses):
            if clause.mood is Mood.THING and self.steps and _adds_to(clause, self.steps[-1]):
                described = grammar.attach(clause.targets[0], clause.relations)
                target = grammar.merged(self.steps[-1].target, described)
                self.steps[-1] = replace(self.steps[-1], target=target)
            elif clause.mood in (Mood.REQUEST, Mood.THING):
                self._add(clause, clauses[number + 1 :])
        if not self.steps:
            raise Refused(f"'{self.said}' does not say what to do with an object.")

    def _ask_for(self, clause: Clause) -> None:
        """Take "the white bowl, please" for a request: who asks for a thing so wants it taken."""
        names = clause.mood in (Mood.THING, Mood.UNREAD) and len(clause.targets) == 1
        if names and not clause.unknown and _PLEASE.search(self.said.lower()):
            thing = clause.targets[0]
            known = thing.noun and thing.noun.split()[-1] in {*NOUNS, *lexicon.NAMES_OF_THINGS}
            if known and not thing.not_nouns:
                clause.mood, clause.action = Mood.REQUEST, Action.GRAB

    def _ask_to_put(self, clauses: list[Clause]) -> None:
        """Take "torch into toolbox" and "onion on the board" for requests to put them there.

        With no verb at all; "the onion on the board" only says which one, and so does what is
        asked or spoken of with "it".
        """
        asked = [(clause, asked_for(clause)) for clause in clauses]
        others = [clause for clause, action in asked if action is None]
        whole = all(c.mood is Mood.REQUEST and not self._refers(c) for c in others)
        if "?" not in self.words and whole:
            for clause, action in asked:
                if action is not None:
                    clause.mood, (clause.verb, clause.action) = Mood.REQUEST, action

    def _judge_mood(self, clause: Clause, clauses: list[Clause]) -> None:
        """Refuse a clause that is no request."""
        said = clause.words
        if clause.mood is Mood.QUESTION:
            raise Refused(
                f"'{said}' is a question; I only do what I am asked to. {CAN}.",
                SentenceKind.QUESTION,
            )
        if clause.mood is Mood.CONDITION:
            raise Refused(
                f"'{said}' depends on something that I cannot judge; ask when it shall be done.",
            )
        if clause.mood is Mood.STATEMENT:
            if _DESCRIBES.match(said) and _complete_in_itself(clauses):
                return
            hint = self._nearest(clauses)
            kind = SentenceKind.STATEMENT
            if re.match(r"(?:no|wrong|that is (?:not|wrong)|this is (?:not|wrong))\b", said):
                kind = SentenceKind.CORRECTION
            raise Refused(f"'{said}' tells me something and asks for nothing.{hint}", kind)
        if clause.mood is Mood.OTHER:
            raise Refused(f"I cannot {clause.verb}; {CAN[2:]}.".replace("; can", "; I can"))
        if clause.mood is Mood.PLACE:
            raise Refused(f"'{said}' says a place, and not what to do there.")
        if clause.mood is Mood.UNREAD:
            first = said.split()[0]
            if grammar.correction_of(said.split()):
                raise Refused(
                    "I do not know what to correct; say the whole request again.",
                    SentenceKind.CORRECTION,
                )
            if clause.targets and not clause.unknown and not clause.targets[0].pronoun:
                thing = grammar.attach(clause.targets[0], clause.relations)
                if not thing.relations:
                    raise Refused(
                        f"'{self.said}' does not say what to do. Did you mean "
                        f"'{describe_step(Step(Action.GRAB, thing))}'?",
                        SentenceKind.STATEMENT,
                    )
            unknown = tuple(clause.unknown) or (first,)
            raise Refused(
                f"'{self.said}' does not ask to do anything with an object that I know; {CAN}.",
                SentenceKind.STATEMENT,
                unknown,
            )

    def _allow(
        self, prohibited: list[Clause], requests: list[Clause], clauses: list[Clause]
    ) -> None:
        """Let "don't take the red one, take the blue one" be a request, and nothing else."""
        # "Don't open the box and take the cup" forbids both.
        words = prohibited[0].words
        line = " ".join(self.words)
        both = {"not", "never"} & {*words.split()} and re.search(
            rf"{re.escape(words)}(?: ,)? and\b", line
        )
        first = clauses[0].mood is Mood.PROHIBITION and len(prohibited) == 1 and not both
        if first and requests and not any(self._refers(r) for r in requests):
            ruled_out = things_of(prohibited[0].words)
            if ruled_out is not None and all(
                differ(ruled_out, target) for request in requests for target in request.targets
            ):
                return
        hint = self._nearest(requests)
        raise Refused(f"Not done: '{words}' forbids it.{hint}", SentenceKind.PROHIBITION)

    @staticmethod
    def _refers(clause: Clause) -> bool:
        return not clause.targets or any(t.pronoun for t in clause.targets)

    def _nearest(self, clauses: list[Clause]) -> str:
        """The nearest reading, as a question; empty where there is none."""
        for clause in clauses:
            if _NEGATED & set(" ".join(clause.unknown).split()):
                return ""  # the reading without it would be what was ruled out
            if clause.mood is Mood.REQUEST and clause.action and clause.targets:
                clause.unknown = []
                step = grammar.steps_of(clause)[0]
                if not step.target.pronoun and is_complete(step):
                    return f" Did you mean '{describe_step(step)}'?"
        return ""

    def _add(self, clause: Clause, later: list[Clause]) -> None:
        """Put a clause to the steps before it."""
        if not later and re.search(r"\breach (?:out )?for\b", clause.words):
            clause.action = Action.GRAB
        if clause.action is None and clause.mood is Mood.REQUEST:
            self._approach(clause, later)
            return
        if clause.unknown:
            unknown = tuple(dict.fromkeys(clause.unknown))
            raise Refused(
                f"I did not understand '{' '.join(unknown)}'.{self._nearest([clause])}",
                unknown=unknown,
            )
        if self._rises(clause):
            return
        resolved = []  # all before any is added: "put the pen and the ruler in it" has one "it"
        for step in grammar.steps_of(clause):
            if clause.unknown:
                raise Refused(
                    f"I did not understand '{' '.join(clause.unknown)}'.",
                    unknown=tuple(clause.unknown),
                )
            step = self._of_its_kind(step, clause.verb in _STACKING)
            known = self._known(on_the_table(with_one_anchor(step)))
            resolved.append(self._resolved(known, clause))
        for step in resolved:
            self._append(step)

    def _rises(self, clause: Clause) -> bool:
        """Such as "... and move up", "then lift it up": what grabbing does anyway."""
        last = self.steps[-1] if self.steps else None
        if last is None or last.action not in (Action.GRAB, Action.HAND_OVER):
            return False
        refers = not clause.targets or clause.targets[0].pronoun
        up = clause.direction is not None and clause.direction.words.split()[-1:] in (
            ["up"], ["upwards"], ["upward"]
        )  # fmt: skip
        stays = not clause.relations and clause.source is None and not clause.to_me
        if clause.action is Action.GRAB and refers and stays:
            self._with_manner(clause)
            return True
        return bool(clause.verb == "move" and refers and up and not clause.relations)

    def _with_manner(self, clause: Clause) -> None:
        last = self.steps[-1]
        self.steps[-1] = replace(last, manner=(*last.manner, *clause.manner))

    def _approach(self, clause: Clause, later: list[Clause]) -> None:
        """Such as "go to the ball": only with a clause after it that says what to do there."""
        follows = later and later[0].mood is Mood.REQUEST and later[0].action is not None
        elsewhere = follows and later[0].targets and not later[0].targets[0].pronoun
        if elsewhere and not clause.unknown and not clause.targets:
            return  # "reach out and grab the cup"
        if not follows or not clause.targets or clause.unknown:
            verb = {"go": "go places", "look": "look for things"}.get(clause.verb, clause.verb)
            raise Refused(f"I cannot only {verb}; {CAN[2:]}.".replace("; can", "; I can"))
        self.seen = grammar.attach(clause.targets[0], clause.relations)

    def _resolved(self, step: Step, clause: Clause) -> Step:
        """With what "it" stands for."""
        target = step.target
        if not target.says_something and target.pronoun != "held" and target.words != "the object":
            before = self._before()
            if self.seen is None and self.steps and target.pronoun == "it":
                before = moved_with(self.steps[-1], step.action)
            if step.action in (Action.OPEN, Action.CLOSE):
                before = opened(self.steps) or before
            refers = target.pronoun == "it" or not target.words
            if refers and before is not None:
                pair = before.noun.endswith("s")  # "the scissors": put them down
                if target.count != 1 and before.count == 1 and target.pronoun and not pair:
                    raise Refused("I do not know what 'them' are; name one thing.")
                step = replace(step, target=before)
            elif refers and self.dialogue.held is not None:
                step = replace(step, target=self.dialogue.held)
            elif refers and self.dialogue.last is not None:
                step = replace(step, target=self.dialogue.last.target)
            elif refers and (
                step.action is Action.RELEASE or (clause.down and target.words == "it")
            ):
                step = replace(step, target=Phrase(pronoun="held", words=target.words))
            elif refers and target.pronoun:
                word = target.words.split()[0] if target.words else "it"
                raise Refused(f"I do not know what '{word}' is; name the thing.", unknown=(word,))
            elif refers:
                raise Refused(f"'{self.said}' does not say which object to {step.action.value}.")
        step = replace(step, target=inside(step.target, self.steps))
        if step.source is not None:
            step = replace(step, source=self._emptied(step.source))
        if step.destination is not None:
            moved = step.target
            things = tuple(self._referent(thing, moved) for thing in step.destination.things)
            step = replace(step, destination=Relation(step.destination.name, things))
        return step

    def _emptied(self, source: Phrase) -> Phrase:
        """What something is taken out of: "open the box and take the cup out of it"."""
        last = self.steps[-1] if self.steps else None
        opens = last is not None and last.action is Action.OPEN and source.pronoun == "it"
        return last.target if opens and last is not None else self._referent(source, Phrase())

    def _referent(self, thing: Phrase, moved: Phrase) -> Phrase:
        return referent(thing, moved, self.steps, self.dialogue.last)

    def _known(self, step: Step) -> Step:
        """With "that block" replaced by the block that the clause before was about."""
        before = self._before()
        if before is None:
            return step

        whole = opened(self.steps)
        if step.action in (Action.OPEN, Action.CLOSE) and whole is not None:
            alone = step.target.words == f"the {step.target.noun}"
            if alone and whole.noun.split()[-1:] == [step.target.noun]:
                return replace(step, target=whole)  # "close the drawer" that was opened

        def meant(phrase: Phrase) -> Phrase:
            if phrase.words.split()[:1] in (["that"], ["this"]) and phrase.noun == before.noun:
                return before
            relations = tuple(
                Relation(r.name, tuple(meant(thing) for thing in r.things))
                for r in phrase.relations
            )
            return replace(phrase, relations=relations)

        return replace(step, target=meant(step.target))

    def _of_its_kind(self, step: Step, stacks: bool = False) -> Step:
        """With "the green one" as a cup: beside a cup, or where all that is named is cups."""
        kinds = {
            kind
            for word in self.words
            if (kind := grammar.singular(word)) in NOUNS
            and word not in lexicon.TABLES
            and word not in colors.SYNONYMS
            and word not in colors.NAMES
        }

        def meant(phrase: Phrase, kind: str) -> Phrase:
            bears = any(  # "the one in the tray" is no tray
                relation.name in ("in", "on", "under", "with") and thing.noun == kind
                for relation in phrase.relations
                for thing in relation.things
            )
            if not phrase.noun and not bears and _THE_ONE.match(phrase.words):
                # "The foam brick next to the blue one": a brick; a coffee mug is a kind.
                kind = kind if kind in NOUNS else kind.split()[-1] if kind else ""
                phrase = replace(phrase, noun=kind)
            relations = (beside(relation, phrase.noun) for relation in phrase.relations)
            return replace(phrase, relations=tuple(relations))

        def beside(relation: Relation, kind: str) -> Relation:
            # "Put the apple on the red one": a plate, perhaps.
            stacked = relation.name == "on" and kind.split()[-1:] in _STACKED
            stacked |= stacks and relation.name in ("on", "in") and bool(kind)
            if relation.name in ("in", "on", "under", "of") and not stacked:
                kind = ""
            return Relation(relation.name, tuple(meant(thing, kind) for thing in relation.things))

        target = meant(step.target, *kinds) if len(kinds) == 1 else meant(step.target, "")
        before = self._before() if target.pronoun == "it" else None
        kind, goes = (before or target).noun, step.destination
        return replace(
            step, target=target, destination=None if goes is None else beside(goes, kind)
        )

    def _before(self) -> Phrase | None:
        """What the clause before was about."""
        if self.seen is not None:
            return self.seen
        return self.steps[-1].target if self.steps else None

    def _append(self, step: Step) -> None:
        """Add a step, or make one of it and the step before it."""
        last = self.steps[-1] if self.steps else None
        self.seen = None
        if last is not None and does_again(last, step) and "again" not in self.words:
            return
        opens = step.action in (Action.OPEN, Action.CLOSE)
        if (
            last is not None
            and last.target == step.target
            and (last.action in (Action.GRAB, Action.HAND_OVER) or not is_complete(last))
            and step.action is not Action.RELEASE
        ):
            source, manner = step.source or last.source, (*last.manner, *step.manner)
            self.steps.pop()
            step = replace(step, source=source, manner=manner)
        part = part_and_whole(step.target) if opens else None
        if part is not None:
            step = replace(step, target=part[1], manner=(*step.manner, f"by the {part[0]}"))
        self.steps.append(step)

    def _check_direction(self, step: Step) -> None:
        """Refuse what goes two ways, or one that may be two."""
        if step.direction is None:
            return
        ways = set(step.direction.name.split())
        if {"left", "right"} <= ways or {"away", "toward"} <= ways:
            raise Refused(f"'{self.said}' goes two ways; say one.")
        words = step.direction.words.split()  # "toward the back" is a side of the table
        back = step.action is Action.PUSH and ways == {"toward"} and words[:1] in _BACK
        if back and step.destination is None:
            raise Refused("'Back' may be towards you or away from you; say which.")

    def _check_steps(self) -> None:
        """Refuse what is incomplete, about several things, or about nothing that can be taken."""
        for step in self.steps:
            if step.source is not None and step.source.count != 1:
                raise Refused(f"'{step.source.words}' are several things; name one.")
            for phrase in phrases(step):
                self._check_phrase(phrase)
            target = step.target
            self._check_direction(step)
            if target.count != 1:
                many = f"{target.count} things" if target.count else "several things"
                one = replace(target, count=1, any_will_do=True)
                raise Refused(
                    f"'{target.words or self.said}' asks for {many}, and I take one at a time. "
                    f"Did you mean '{describe_step(replace(step, target=one))}'?"
                )
            head = target.noun.split()[-1] if target.noun else ""
            compound = head == "board" and target.noun != head  # "the circuit board"
            compound |= head in _IMAGES and _is_taken_by_hand(step)
            if head in _NOT_ON_TABLE and not compound and not {head, target.noun} & NOUNS.keys():
                raise Refused(f"I cannot {step.action.value} the {target.noun}.", unknown=(head,))
            if step.action in (Action.OPEN, Action.CLOSE) and head in _NOT_PULLED:
                raise Refused(
                    f"I cannot {step.action.value} a {head}: I open and close drawers, doors and "
                    "lids by a handle that I can see.",
                    unknown=(head,),
                )
            if not target.says_something and not target.pronoun and not target.words:
                raise Refused(f"'{self.said}' does not say which object to {step.action.value}.")
            goes = step.destination
            two = goes is not None and goes.name == "between" and len(goes.things) == 1
            if goes is not None and two and (goes.things[0].count != 2 or not goes.things[0].noun):
                raise Refused(f"'between {goes.things[0].words}': name both of them.")
            if goes is not None and not two and any(thing.count != 1 for thing in goes.things):
                raise Refused(f"'{goes.things[0].words}' are several things; name one.")
            if goes is not None and any(t.words.startswith("the other") for t in goes.things):
                raise Refused(f"I do not know which '{goes.things[0].words}' is; name it.")
            if goes is not None and goes.name in ("under", "apart", "of"):
                raise Refused(f"I cannot {step.action.value} things {goes.name} others.")
            if (
                goes is not None
                and goes.name == "area"
                and (goes.things[0].place in ("top", "bottom"))
            ):
                raise Refused(f"'{self.said}' does not say on top of what, or under it.")
            if step.action is Action.PLACE and goes is None:
                raise Refused(f"'{self.said}' does not say where to put {the(target)}.")
            if step.action is Action.PUSH and step.destination is None and not has_way(step):
                raise Refused(
                    f"'{self.said}' does not say which way to push {the(target)}: left, right, "
                    "forward, backward or towards another thing."
                )
        takes = [s for s in self.steps if s.action in (Action.GRAB, Action.HAND_OVER)]
        if (
            len(takes) > 1
            and all(s.action is Action.GRAB for s in takes[:-1])
            and len(takes) == len(self.steps)
        ):
            raise Refused(
                "I have one hand and can hold one thing at a time. Did you mean "
                f"'{describe_step(self.steps[0])}'?"
            )

    def _check_phrase(self, phrase: Phrase) -> None:
        for relation in phrase.relations:
            several = [t for t in relation.things if t.count != 1]
            if relation.name == "with":
                continue
            pair = relation.name == "between" and len(relation.things) == 1
            mass = relation.name == "of" and not any(t.count for t in several)  # "a dish of mints"
            if several and not pair and not mass:
                raise Refused(f"'{several[0].words}' are several things; name one.")
            if relation.name == "between" and len(relation.things) == 1 and not several:
                raise Refused(f"'between {relation.things[0].words}' does not say what else.")
            for thing in relation.things:
                if thing.pronoun == "it":
                    raise Refused(f"I do not know what '{thing.words}' is; name it.")
        ranked = {*phrase.words.split()} & {*lexicon.ORDINALS} - {*phrase.noun.split()}
        stacked = phrase.noun.split()[-1:] and phrase.noun.split()[-1] in lexicon.STACKED
        if ranked and not phrase.place and not phrase.sizes and not stacked:
            raise Refused(
                f"'{phrase.words}' does not say from where to count; say for example "
                f"'the {sorted(ranked)[0]} {phrase.noun or 'one'} from the left'."
            )
        for word in phrase.noun.split():
            if not is_known(word) and not is_plausible(word):
                raise Refused(f"I do not know the word '{word}'.", unknown=(word,))


# "The one", "the blue one", "the one with the washers".
_THE_ONE = re.compile(r"(?:\w+ ){1,4}?ones?(?: with .*)?$")
_PLEASE = re.compile(r"\b(?:please|pls|plz)\W*$|^\W*(?:please|pls|plz)\b")
# What stands there, or more about the thing: the request beside it must be whole without it.
_DESCRIBES = re.compile(
    r"(?:there (?:is|are)|th(?:is|at) \w+ is)\b(?!.*\b(?:not|no|never|if|do)\b)"
)


def _complete_in_itself(clauses: list[Clause]) -> bool:
    """Whether what is asked for is named without a word such as "it", "that" or "the one"."""
    requests = [c for c in clauses if c.mood is Mood.REQUEST]
    named = [t for c in requests for t in c.targets]
    others = [f.relation.things for c in requests for f in c.relations]
    pointing = {"that", "this", "those", "these", "them", "it", "group"}
    return bool(named) and all(
        phrase.noun and not phrase.pronoun and not pointing & set(phrase.words.split())
        for phrase in [*named, *(t for things in others for t in things if not t.place)]
    )


def _with_places(clauses: list[Clause]) -> list[Clause]:
    """With a place that is said first, "on the board, put the cheese", beside what is done."""
    found: list[Clause] = []
    for clause in clauses:
        before = found[-1] if found else None
        if before is not None and _is_place(before) and _lacks_place(clause):
            manner = [*before.manner, *clause.manner]
            found[-1] = replace(clause, relations=before.relations, manner=manner)
        else:
            found.append(clause)
    return found


def _is_taken_by_hand(step: Step) -> bool:
    """Whether what is done to a picture cannot be meant of a camera."""
    moved = step.action in (Action.PLACE, Action.PUSH, Action.PULL, Action.HAND_OVER)
    return moved and not step.target.any_will_do


def _is_place(clause: Clause) -> bool:
    return clause.mood is Mood.PLACE and not clause.unknown


def _lacks_place(clause: Clause) -> bool:
    """Whether something shall be taken or put that is named, and not where."""
    named = len(clause.targets) == 1 and not clause.targets[0].pronoun
    acts = clause.action in (Action.PLACE, Action.GRAB, Action.HAND_OVER)
    return named and acts and not clause.relations


def _adds_to(clause: Clause, step: Step) -> bool:
    """Such as "pick up the box. The red one": the second sentence describes the same thing."""
    thing = clause.targets[0]
    return not thing.noun and step.action in (Action.GRAB, Action.HAND_OVER)
