"""What a sentence asks for, and how near two names of things are."""

from unihm.perception.language.nouns import lookup
from unihm.perception.language.parser import Command, Phrase, parse
from unihm.perception.language.sentence_encoder import encode

__all__ = ["Command", "Phrase", "encode", "lookup", "parse"]
