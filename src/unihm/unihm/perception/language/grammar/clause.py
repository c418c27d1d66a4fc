"""What one clause says."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from unihm.perception.language.command import Action, Direction, Phrase, Relation


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
    relations: list[Found] = field(default_factory=list)
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
class Found:
    """A relation as it was found: with which words, and whether it belongs to the first thing."""

    relation: Relation
    preposition: str
    to_head: bool = False
