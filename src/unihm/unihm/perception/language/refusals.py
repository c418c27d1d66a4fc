"""Why a sentence is not carried out."""

from __future__ import annotations

from unihm.perception.language.command import Phrase, SentenceKind


class Refused(Exception):
    """The reason, the kind of sentence and the words that were not understood."""

    def __init__(
        self,
        message: str,
        kind: SentenceKind = SentenceKind.REQUEST,
        unknown: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.unknown = unknown


def the(phrase: Phrase) -> str:
    """The thing, for people."""
    return "it" if phrase.pronoun else phrase.words or f"the {phrase.noun or 'object'}"
