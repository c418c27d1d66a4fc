"""Training of the learned reader on sentences that a grammar writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from unihm.learning.synthesis.sentences import SaidSentence, sentence
from unihm.learning.training.loop import one_cycle, run_steps
from unihm.perception.language import sentence_encoder as text
from unihm.perception.language.config import LanguageConfig
from unihm.perception.language.tagger import INTENTS, TAGS, Tagger, first_pieces

_HELD_OUT = 2000  # sentences
_IGNORE = -100  # no tag: the word's further pieces, and sentences that ask for nothing
_TAG_OF = {name: number for number, name in enumerate(TAGS)}


def targets(
    sentences: Sequence[SaidSentence], layers: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the network sees of sentences and shall say of them.

    Tags are learned from requests alone: nothing is ever read from the others.

    Args:
        sentences: of the grammar.
        layers: how many of the encoder's are the network's.

    Returns:
        states (B, L, 384), mask (B, L), tags (B, L) and intents (B,).
    """
    pieces = text.encode_words([s.words for s in sentences])
    states, mask = text.lower_states(pieces, layers)
    tags = torch.full(mask.shape, _IGNORE)
    for row, (said, piece) in enumerate(zip(sentences, pieces, strict=True)):
        if said.intent == "request":
            for word, position in first_pieces(piece.word_ids).items():
                tags[row, position] = _TAG_OF[said.tags[word]]
    intents = torch.tensor([INTENTS.index(s.intent) for s in sentences])
    return states, mask, tags, intents


def train_tagger(config: LanguageConfig, work: Path) -> tuple[Tagger, dict[str, Any]]:
    """Write sentences, train and validate; goes on from ``work`` where it was interrupted.

    Returns:
        the network, and its figures on sentences that it was not trained on.
    """
    training, layers = config.tagger.training, config.tagger.layers
    torch.manual_seed(training.seed)
    model = Tagger(config.tagger)
    model.start_from_encoder()

    def take(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        batch = [sentence(rng) for _ in range(training.batch)]
        torch.manual_seed(int(rng.integers(2**31)))  # of the dropout, resumed or not
        states, mask, tags, intents = targets(batch, layers)
        of_tags, of_intent = model(states, mask)
        tag_loss = F.cross_entropy(of_tags.flatten(0, 1), tags.flatten(), ignore_index=_IGNORE)
        intent_loss = F.cross_entropy(of_intent, intents)
        right = float((of_intent.argmax(-1) == intents).float().mean())
        return tag_loss + intent_loss, {"tags": float(tag_loss.detach()), "intent": right}

    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)

    def rate(step: int) -> float:
        return training.rate * one_cycle(step, training.steps)

    run_steps(model, optimizer, take, rate, training.steps, training.seed, work)
    figures = validate(model, config.tagger.sure, training.seed)
    return model, {"sentences": training.steps * training.batch, "held_out": figures}


@torch.inference_mode()
def validate(model: Tagger, sure: float, seed: int) -> dict[str, float]:
    """Figures on sentences of the grammar that no step has."""
    model.eval()
    rng = np.random.default_rng([seed, 2**31])
    said = [sentence(rng) for _ in range(_HELD_OUT)]
    right = sentences = words = right_words = taken = others = 0
    whole = 0
    for start in range(0, len(said), 50):
        batch = said[start : start + 50]
        states, mask, tags, intents = targets(batch, model.config.layers)
        of_tags, of_intent = model(states, mask)
        right += int((of_intent.argmax(-1) == intents).sum())
        known = tags != _IGNORE
        same = (of_tags.argmax(-1) == tags) & known
        words, right_words = words + int(known.sum()), right_words + int(same.sum())
        requests = intents == 0
        sentences += int(requests.sum())
        whole += int(((same | ~known).all(-1) & requests).sum())
        others += int((~requests).sum())
        taken += int(((of_intent.softmax(-1)[:, 0] > sure) & ~requests).sum())
    model.train()
    return {
        "intent": round(right / len(said), 4),
        "others_taken_for_requests": round(taken / max(others, 1), 4),
        "words_tagged_right": round(right_words / max(words, 1), 4),
        "requests_tagged_right_as_a_whole": round(whole / max(sentences, 1), 4),
        "sentences": len(said),
    }
