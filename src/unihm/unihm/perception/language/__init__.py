"""What a sentence asks for, and how near two names of things are."""

from unihm.perception.language.command import (
    Action,
    Command,
    Direction,
    Phrase,
    Relation,
    SentenceKind,
    Step,
    describe,
    describe_phrase,
    describe_relation,
    describe_step,
)
from unihm.perception.language.config import LanguageConfig
from unihm.perception.language.gate import Dialogue, understand
from unihm.perception.language.nouns import lookup
from unihm.perception.language.reader import LanguageReader
from unihm.perception.language.sentence_encoder import encode
from unihm.perception.language.steps import is_table

__all__ = [
    "Action",
    "Command",
    "Dialogue",
    "Direction",
    "LanguageConfig",
    "LanguageReader",
    "Phrase",
    "Relation",
    "SentenceKind",
    "Step",
    "describe",
    "describe_phrase",
    "describe_relation",
    "describe_step",
    "encode",
    "is_table",
    "lookup",
    "understand",
]
