"""What a pipeline is without one of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unihm.evaluation.refine_cases import mistaken
from unihm.pipeline import After
from unihm.robots import Hand
from unihm.tokenizer import Tokenizer


@dataclass(frozen=True)
class Ablation:
    """Changes what goes from stage to stage, to show what a stage contributes.

    Attributes:
        hand: whose motions are made.
        tokenizer: of the pipeline.
        random_tokens: the generator's tokens are replaced by random ones.
        mistakes: size of the mistakes that are added to the decoded motion; see
            :func:`unihm.evaluation.refine_cases.mistaken`.
        mistakes_rng: where they come from.
    """

    hand: Hand
    tokenizer: Tokenizer
    random_tokens: bool
    mistakes: float
    mistakes_rng: np.random.Generator

    def hook(self, rng: np.random.Generator) -> After:
        """The hook of one run (``after`` of :meth:`unihm.pipeline.Pipeline.plan`).

        Args:
            rng: where random tokens come from.
        """

        def after(stage: str, value: Any) -> Any:
            if stage == "generator" and self.random_tokens:
                return self.tokenizer.random_tokens(value.codes.shape, rng)
            if stage == "decoder" and self.mistakes:
                return mistaken(value, self.hand, self.mistakes_rng, self.mistakes)
            return value

        return after
