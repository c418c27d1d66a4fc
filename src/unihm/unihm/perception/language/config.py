"""Who reads sentences, and the learned reader's sizes and training."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Literal

from unihm.config import Count, Natural, Positive, settings


@settings()
class TaggerTraining:
    """How the learned reader is trained.

    Attributes:
        steps: batches; every sentence is a new one.
        batch: sentences per step.
        rate: largest learning rate (one cycle: warm-up, then cosine).
        seed: of everything.
    """

    steps: Natural = 1600
    batch: Count = 32
    rate: Positive = 3e-4
    seed: Natural = 0


@settings()
class TaggerConfig:
    """Sizes of the learned reader, and when it is believed.

    Attributes:
        layers: upper layers of the encoder that are trained further; the others stay as they are.
        sure: probability that the kind of sentence and every word left out must have.
        training: how it is trained.
    """

    layers: Count = 2
    sure: Positive = 0.9
    training: TaggerTraining = field(default_factory=TaggerTraining)


@settings()
class LanguageConfig:
    """Who reads sentences.

    Attributes:
        backend: ``rules``; ``learned`` or ``endpoint``: a network of this project, or a language
            model, is asked where the rules do not understand, and judged by them.
        url: of the endpoint, up to and without ``/chat/completions``.
        model: its name there.
        timeout: seconds after which the rules alone answer.
        tagger: the learned reader.
    """

    backend: Literal["rules", "learned", "endpoint"] = "rules"
    url: str = ""
    model: str = ""
    timeout: Positive = 4.0
    tagger: TaggerConfig = field(default_factory=TaggerConfig)

    def __post_init__(self) -> None:
        if self.backend == "endpoint" and not re.match(r"https?://[^/\s]+", self.url):
            raise ValueError(
                "url must begin with http:// or https:// where the backend is endpoint"
            )
