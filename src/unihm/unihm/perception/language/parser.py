"""What a sentence asks for: the task, the words for the target, and where it shall go."""

from __future__ import annotations

import re
from dataclasses import dataclass

from unihm.errors import ErrorCode, UnihmError
from unihm.perception import colors
from unihm.perception.language import _lexicon as lexicon
from unihm.perception.language import sentence_encoder as text
from unihm.perception.language.nouns import lookup
from unihm.types import TaskKind

_POLITE_TAIL = re.compile(
    r"\b(for me|to me|please|right now|immediately|carefully|gently|slowly|thanks|thank you)\b"
)
# "can you ...", unlike "the can".
_MODAL_CAN = re.compile(r"\bcan (?=(?:you|i|we|u)\b)")
# "get hold of ...": what is held comes after.
_GET_HOLD = re.compile(
    r"\b(?:get|take|catch|grab) (?:a )?(?:firm )?(?:hold|grip|grasp) (?:of|on)\b"
)


@dataclass(frozen=True)
class Phrase:
    """Words that describe one thing.

    Attributes:
        noun: what is left when the other words are taken away; empty where nothing names a kind.
        colors: names of :data:`unihm.perception.colors.NAMES`.
        not_colors: names that were ruled out.
        sizes: values of ``lexicon.SIZES``.
        place: value of ``lexicon.PLACES``, or empty.
        rank: 2 for "the second box from the left"; 1 for the first, or where nothing was said.
        relation: (value of ``lexicon.RELATIONS``, the other thing), or None.
        any_will_do: said with "a", "any", "one of".
        words: the phrase as it was said.
    """

    noun: str = ""
    colors: tuple[str, ...] = ()
    not_colors: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    place: str = ""
    relation: tuple[str, Phrase] | None = None
    any_will_do: bool = False
    words: str = ""
    rank: int = 1

    @property
    def says_something(self) -> bool:
        """Whether any word describes the thing."""
        return bool(self.noun or self.colors or self.sizes or self.place or self.relation)


@dataclass(frozen=True)
class Command:
    """One instruction, understood.

    Attributes:
        kind: the task.
        target: what to take.
        relation: where to put it, a value of ``lexicon.RELATIONS``, or "area" (a part of the
            table).
        reference: relative to what.
        area: "left", "right", "middle", "near" or "far" part of the table.
        direction: of a push: "left", "right", "away", "toward"; or "" for towards ``reference``.
        closing: of OPEN_CLOSE.
    """

    kind: TaskKind
    target: Phrase
    relation: str = ""
    reference: Phrase | None = None
    area: str = ""
    direction: str = ""
    closing: bool = False


def parse(instruction: str) -> Command:
    """Understand an instruction.

    Raises:
        UnihmError: INVALID_INSTRUCTION where it is empty, gibberish, or names nothing to act on.
    """
    sentence = re.sub(r"[^a-z0-9'\- ]+", " ", instruction.lower().replace("-", " "))
    words = sentence.replace("'", " ").split()
    if not words:
        raise UnihmError(ErrorCode.INVALID_INSTRUCTION, "The instruction is empty.")
    if sum(w in colors.SYNONYMS or text.is_word(w) for w in words) < 0.6 * len(words):
        raise UnihmError(
            ErrorCode.INVALID_INSTRUCTION,
            f"'{instruction.strip()[:80]}' is not a sentence that can be understood.",
        )
    sentence = " ".join(_POLITE_TAIL.sub(" ", " ".join(words)).split())
    sentence = _GET_HOLD.sub("grab", _MODAL_CAN.sub(" ", sentence))
    command = _interpret(sentence)
    known_action = any(w in lexicon.VERBS for w in words)
    if not command.target.says_something and not (known_action and _refers(sentence)):
        raise UnihmError(
            ErrorCode.INVALID_INSTRUCTION,
            f"'{instruction.strip()[:80]}' does not say which object to take.",
        )
    if not known_action:
        _require_thing(instruction, command.target)
    return command


def _refers(sentence: str) -> bool:
    return any(word in lexicon.GENERIC for word in sentence.split())


def _require_thing(instruction: str, target: Phrase) -> None:
    """A sentence without a verb of action must be the name of a thing: "the red box"."""
    named = lookup(target.noun)[1] >= 0.75 if target.noun else bool(target.colors or target.sizes)
    if not named:
        raise UnihmError(
            ErrorCode.INVALID_INSTRUCTION,
            f"'{instruction.strip()[:80]}' does not ask to do anything with an object.",
        )


def _interpret(sentence: str) -> Command:
    words = sentence.split()
    verb = next((w for w in words if w in lexicon.VERBS), "")
    if verb in lexicon.OPEN:
        target = _phrase(_after(sentence, verb))
        return Command(TaskKind.OPEN_CLOSE, target, closing=verb != "open")
    push = next((w for w in words if w in lexicon.PUSH), "")
    if push and (push not in lexicon.PLACE or "without lifting" in sentence):
        return _push(sentence, push)
    place = next((w for w in words if w in lexicon.PLACE), "")
    if place:
        command = _place(sentence, place)
        if command is not None:
            return command
        if push:
            return _push(sentence, push)
    grab = next((w for w in words if w in lexicon.GRAB), "")
    return Command(TaskKind.GRAB, _phrase(_after(sentence, grab) if grab else sentence))


def _after(sentence: str, verb: str) -> str:
    """What follows the last verb of a chain such as "reach for ... and lift it"."""
    tail = re.split(rf"\b{verb}\b", sentence, maxsplit=1)[1]
    head = re.split(r"\b(?:and|then)\b", tail, maxsplit=1)[0]
    return head if _phrase(head).says_something else tail


def _place(sentence: str, verb: str) -> Command | None:
    """'put X <relation> Y', 'take X and put it <relation> Y'; None without a destination."""
    before, after = re.split(rf"\b{verb}\b", sentence, maxsplit=1)
    source = before if re.search(r"\b(and|then)\s*$", before.strip()) else ""
    after = re.sub(r"^\s*(down|away|back)\b", "", after)
    if not source and re.search(r"\b(?:and|then)\b", after):
        # "carry X over and leave it in Y": the last clause has the destination.
        first, rest = re.split(r"\b(?:and|then)\b", after, maxsplit=1)
        source, after = first, rest
    splits = list(_relations(after))
    for start, end, relation in reversed(splits):
        head = source or after[:start]
        thing, goal = _phrase(_strip_verbs(head)), after[end:].strip()
        if not thing.says_something and not _refers(head):
            continue
        area = _area(goal)
        if area and relation in ("on", "in", "beside"):
            return Command(TaskKind.PICK_AND_PLACE, thing, relation="area", area=area)
        if relation in lexicon.SIDE_AREAS and all(word in lexicon.FILLER for word in goal.split()):
            # "on the left side of the table"
            side = lexicon.SIDE_AREAS[relation]
            return Command(TaskKind.PICK_AND_PLACE, thing, relation="area", area=side)
        reference = _phrase(goal)
        if reference.noun or reference.colors or reference.sizes:
            return Command(TaskKind.PICK_AND_PLACE, thing, relation, reference)
    match = re.search(
        r"\bto the (left|right|middle|centre|center|front|back)\b\s*(side)?\s*$", after
    )
    if match and verb not in lexicon.PUSH:
        head = source or after[: match.start()]
        return Command(
            TaskKind.PICK_AND_PLACE,
            _phrase(_strip_verbs(head)),
            relation="area",
            area=lexicon.PLACES[match.group(1)],
        )
    return None


def _area(goal: str) -> str:
    """'the left', 'the middle of the table' -> a part of the table, or empty."""
    words = [w for w in goal.split() if w not in lexicon.FILLER]
    return lexicon.PLACES[words[0]] if len(words) == 1 and words[0] in lexicon.PLACES else ""


def _strip_verbs(part: str) -> str:
    return " ".join(w for w in part.split() if w not in lexicon.VERBS)


def _push(sentence: str, verb: str) -> Command:
    tail = re.split(rf"\b{verb}\b", sentence, maxsplit=1)[1]
    tail = tail.replace("without lifting it", " ")
    toward = re.search(r"\b(?:towards?|against|to|into)\s+(the .+|a .+)$", tail)
    direction, head, reference = "", tail, None
    if toward and not set(toward.group(1).split()) & set(lexicon.DIRECTIONS):
        reference = _phrase(toward.group(1))
        head = tail[: toward.start()]
    if reference is None:
        found = [w for w in tail.split() if w in lexicon.DIRECTIONS]
        if found:
            direction = lexicon.DIRECTIONS[found[-1]]
            cut = tail.rindex(found[-1])
            head = re.sub(r"\b(to|the|a|bit|little|towards?)\s*$", "", tail[:cut].strip())
            head = re.sub(r"\b(to the|to|a bit|a little)\s*$", "", head.strip())
        else:
            direction = "toward" if verb in lexicon.PULL else "away"
    return Command(TaskKind.PUSH, _phrase(head), reference=reference, direction=direction)


def _relations(part: str) -> list[tuple[int, int, str]]:
    """(start, end, relation) of every relation word in ``part``, longest first at each place."""
    found: list[tuple[int, int, str]] = []
    for expression in sorted(lexicon.RELATIONS, key=len, reverse=True):
        for match in re.finditer(rf"\b{expression}\b", part):
            if all(match.end() <= s or match.start() >= e for s, e, _ in found):
                found.append((match.start(), match.end(), lexicon.RELATIONS[expression]))
    return sorted(found)


def _phrase(part: str) -> Phrase:
    """Sort the words of a noun phrase into colours, sizes, place and kind."""
    part = re.sub(r"^(?:(?:up|down|out|over|off|of) )+", "", part.strip())
    for start, end, relation in _relations(part):
        head, tail = part[:start], part[end:]
        other = _phrase(tail)
        if (other.noun or other.colors) and _phrase(head).says_something | _refers(head):
            inner = _phrase(head)
            return Phrase(
                inner.noun, inner.colors, inner.not_colors, inner.sizes, inner.place,
                (relation, other), inner.any_will_do, part, inner.rank,
            )  # fmt: skip
    words = part.split()
    found_colors: list[str] = []
    excluded: list[str] = []
    sizes: list[str] = []
    nouns: list[str] = []
    place, negated, rank = "", False, 1
    for word in words:
        color = colors.SYNONYMS.get(word, word)
        if word == "not":
            negated = True
        elif color in colors.NAMES:
            (excluded if negated else found_colors).append(color)
            negated = False
        elif word in lexicon.ORDINALS:
            rank = lexicon.ORDINALS[word]
        elif word in lexicon.SIZES and not (word == "little" and "a little" in part):
            sizes.append(lexicon.SIZES[word])
        elif word in lexicon.PLACES:
            place = lexicon.PLACES[word]
        elif (
            word not in lexicon.FILLER
            and word not in lexicon.GENERIC
            and word not in lexicon.RELATIONS
        ):
            nouns.append(word)
    if words and words[-1] in lexicon.FRUIT and not nouns and "one" not in words:
        # "the plum", unlike "the plum mug".
        nouns.append(words[-1])
        color = colors.SYNONYMS.get(words[-1], words[-1])
        if color in found_colors:
            found_colors.remove(color)
    return Phrase(
        noun=" ".join(nouns),
        colors=tuple(found_colors),
        not_colors=tuple(excluded),
        sizes=tuple(sizes),
        place=place,
        any_will_do=bool(words) and words[0] in lexicon.ANY,
        words=part,
        rank=rank,
    )
