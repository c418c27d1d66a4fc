"""How well sentences are understood: against annotations, and against prohibitions without end."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.statistics import spread, wilson_interval
from unihm.perception.language import Command, SentenceKind, understand

REFUSE, STOP = "refuse", "stop"


@dataclass(frozen=True)
class Sentence:
    """One sentence and what it asks for.

    Attributes:
        key: its number or name in the file.
        text: the words.
        expected: signatures of commands that are right, ``refuse`` or ``stop``.
    """

    key: str
    text: str
    expected: tuple[str, ...] = ()


def read_sentences(path: Path) -> list[Sentence]:
    """Sentences of a file: one a line, or a YAML list of texts or of maps with ``text``.

    Maps may have ``id`` and ``expect``.

    Raises:
        UnihmError: INVALID_CONFIG where the file cannot be read as such.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} cannot be read: {error}.") from error
    if path.suffix not in (".yaml", ".yml"):
        lines = [line for line in content.splitlines() if line.strip()]
        return [Sentence(str(number), line) for number, line in enumerate(lines)]
    try:
        entries = yaml.safe_load(content) or []
    except yaml.YAMLError as error:
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} is no YAML: {error}.") from error
    if not isinstance(entries, list):
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} is no list of sentences.")
    found = []
    for number, entry in enumerate(entries):
        if isinstance(entry, Mapping) and "text" in entry:
            found.append(
                Sentence(
                    str(entry.get("id", number)),
                    str(entry["text"]),
                    _alternatives(entry.get("expect", ())),
                )
            )
        elif isinstance(entry, (str, int, float)):
            found.append(Sentence(str(number), str(entry)))
        else:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"Entry {number} of {path} is neither a text nor a map with 'text'.",
            )
    return found


def _alternatives(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def annotate(sentences: Sequence[Sentence], path: Path) -> list[Sentence]:
    """Those sentences that a file of annotations has by their key, with what it says of them."""
    annotations = {
        str(key): _alternatives(value)
        for key, value in (yaml.safe_load(path.read_text()) or {}).items()
    }
    return [Sentence(s.key, s.text, annotations[s.key]) for s in sentences if s.key in annotations]


def normal(signature: str) -> str:
    """A signature that does not depend on the order of what stands in braces."""

    def ordered(match: re.Match[str]) -> str:
        return "<" + ",".join(sorted(match.group(1).split(","))) + ">"

    before = ""
    while before != signature:
        before, signature = signature, re.sub(r"\{([^{}]*)\}", ordered, signature)
    return signature


@dataclass
class Score:
    """Counts of one set of sentences."""

    right: int = 0
    to_do: int = 0
    to_refuse: int = 0
    accepted_wrongly: list[str] = field(default_factory=list)
    misunderstood: list[str] = field(default_factory=list)
    refused_wrongly: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Sentences in all."""
        return self.to_do + self.to_refuse

    def figures(self) -> dict[str, Any]:
        """Shares with their intervals, and which sentences failed."""
        return {
            "sentences": self.total,
            "right": self.right / max(self.total, 1),
            "right_interval": wilson_interval(self.right, self.total),
            "accepted_though_to_be_refused": len(self.accepted_wrongly) / max(self.to_refuse, 1),
            "misunderstood_and_accepted": len(self.misunderstood) / max(self.to_do, 1),
            "wrongly_refused": len(self.refused_wrongly) / max(self.to_do, 1),
            "to_do": self.to_do,
            "to_refuse": self.to_refuse,
            "failures": {
                "accepted_though_to_be_refused": self.accepted_wrongly,
                "misunderstood_and_accepted": self.misunderstood,
                "wrongly_refused": self.refused_wrongly,
            },
            "seconds": spread(self.seconds),
        }


def judge(command: Command, expected: Sequence[str]) -> str:
    """``right``, ``accepted_wrongly``, ``misunderstood`` or ``refused_wrongly``."""
    refused = command.refusal is not None
    to_do = [normal(e) for e in expected if e not in (REFUSE, STOP)]
    if refused:
        if STOP in expected:
            return "right" if command.kind is SentenceKind.STOP else "refused_wrongly"
        return "right" if REFUSE in expected else "refused_wrongly"
    if normal(command.signature) in to_do:
        return "right"
    return "misunderstood" if to_do else "accepted_wrongly"


def measure(sentences: Iterable[Sentence], read: Callable[[str], Command] = understand) -> Score:
    """Understand every sentence by itself and compare.

    Args:
        sentences: with what they ask for.
        read: who reads; the rules.
    """
    score = Score()
    for sentence in sentences:
        began = time.perf_counter()
        command = read(sentence.text)
        score.seconds.append(time.perf_counter() - began)
        if any(e not in (REFUSE, STOP) for e in sentence.expected):
            score.to_do += 1
        else:
            score.to_refuse += 1
        result = judge(command, sentence.expected)
        if result == "right":
            score.right += 1
        else:
            getattr(score, result).append(sentence.key)
    return score


_FORBID = (
    "do not {base} {thing}{rest}",
    "don't {base} {thing}{rest}",
    "dont {base} {thing}{rest}",
    "please do not {base} {thing}{rest}",
    "never {base} {thing}{rest}",
    "you must not {base} {thing}{rest}",
    "you should never {base} {thing}{rest}",
    "I don't want you to {base} {thing}{rest}",
    "under no circumstances {base} {thing}{rest}",
    "whatever you do, don't {base} {thing}{rest}",
    "avoid {gerund} {thing}{rest}",
    "refrain from {gerund} {thing}{rest}",
    "stop {gerund} {thing}{rest}",
    "could you please not {base} {thing}{rest}",
    "it is forbidden to {base} {thing}{rest}",
    "nobody should {base} {thing}{rest}",
    "make sure not to {base} {thing}{rest}",
    "be careful not to {base} {thing}{rest}",
    "there is no need to {base} {thing}{rest}",
    "you can't {base} {thing}{rest}",
    "try not to {base} {thing}{rest}",
    "robot, don't you dare {base} {thing}{rest}",
    "you are not allowed to {base} {thing}{rest}",
    "leave {thing} alone",
    "leave {thing} where it is",
    "keep your hands off {thing}",
    "stay away from {thing}",
    "hands off {thing}",
)
_VERBS = (
    ("touch", "touching", ""), ("grab", "grabbing", ""), ("pick up", "picking up", ""),
    ("take", "taking", ""), ("lift", "lifting", ""), ("move", "moving", ""),
    ("push", "pushing", " to the left"), ("slide", "sliding", " forward"),
    ("put", "putting", " in the bowl"), ("place", "placing", " on the plate"),
    ("pull", "pulling", " towards you"), ("open", "opening", ""), ("drop", "dropping", ""),
)  # fmt: skip
_THINGS = (
    "the red mug", "the blue box on the left", "the banana", "that bottle", "the green cup",
    "any of the boxes", "the drawer", "the smallest ball", "my phone", "the knife", "it",
    "the two cans", "the bowl next to the plate", "a pear",
)  # fmt: skip


def prohibitions(count: int, seed: int) -> list[str]:
    """Different sentences that forbid something."""
    every = [
        template.format(base=base, gerund=gerund, thing=thing, rest=rest)
        for template, (base, gerund, rest), thing in itertools.product(_FORBID, _VERBS, _THINGS)
    ]
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(list(dict.fromkeys(every)))
    return [str(sentence) for sentence in chosen[:count]]
