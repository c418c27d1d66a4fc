"""Understands sentences as a preset says: the rules, and whom they ask where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from unihm.config import load_section
from unihm.paths import weights_file
from unihm.perception.language import endpoint
from unihm.perception.language.command import Command
from unihm.perception.language.config import LanguageConfig
from unihm.perception.language.gate import Dialogue, understand
from unihm.perception.language.normalize import words_of
from unihm.perception.language.retelling import Retelling, judged, may_be_told_again

if TYPE_CHECKING:
    from unihm.perception.language.tagger import Tagger

_CACHE = 256  # answers that are remembered


class LanguageReader:
    """Understands sentences; the gate has the last word, whoever reads.

    Args:
        config: who reads.
        preset: whose weights the learned reader has.
    """

    def __init__(self, config: LanguageConfig | None = None, preset: str = "tiny") -> None:
        self.config = config or LanguageConfig()
        self.preset = preset
        self._answers: dict[tuple[str, tuple[str, ...]], Retelling] = {}

    @property
    def asks(self) -> bool:
        """Whether a language model is asked, which is told what is seen."""
        return self.config.backend == "endpoint"

    @classmethod
    def load(cls, preset: str = "tiny", changes: Iterable[str] = ()) -> LanguageReader:
        """The reader of a preset.

        Args:
            preset: its name.
            changes: ``language.key=value`` each, instead of what the preset says.

        Raises:
            UnihmError: INVALID_CONFIG; WEIGHTS_MISSING for a learned reader without weights.
        """
        reader = cls(load_section(preset, "language", LanguageConfig, changes), preset)
        if reader.config.backend == "learned":
            _ = reader._tagger
        return reader

    def understand(
        self, sentence: str, dialogue: Dialogue | None = None, objects: Sequence[str] = ()
    ) -> Command:
        """What a sentence asks for.

        Args:
            sentence: any text.
            dialogue: what was said before.
            objects: what is seen, in words; a language model is told.
        """
        local = understand(sentence, dialogue)
        if self.config.backend == "rules" or not may_be_told_again(local):
            return local
        retelling = self._retold(sentence, tuple(objects))
        if retelling is None:
            return local
        return judged(sentence, retelling, dialogue) or local

    def _retold(self, sentence: str, objects: tuple[str, ...]) -> Retelling | None:
        """What the other reader says; None where it says nothing of use."""
        if not self.asks:
            from unihm.perception.language.tagger import retold

            return retold(self._tagger, words_of(sentence))
        key = (sentence, objects)
        if key not in self._answers:
            try:
                self._answers[key] = endpoint.ask(self.config, sentence, objects)
            except endpoint.FAILURES:
                return None
            while len(self._answers) > _CACHE:
                del self._answers[next(iter(self._answers))]
        return self._answers[key]

    @cached_property
    def _tagger(self) -> Tagger:
        from unihm.perception.language.tagger import load_tagger

        return load_tagger(weights_file(self.preset, "language.safetensors"), self.config.tagger)
