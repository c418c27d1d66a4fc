"""The learned reader: which words of a sentence say what, and which say nothing of the request.

The upper layers of the sentence encoder are trained further, with two linear heads: one says what
kind of sentence it is, the other tags every word. Spans of one tag, put into a plain order, are
what :mod:`unihm.perception.language.retelling` judges; the network itself permits nothing.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from unihm.perception.language import lexicon
from unihm.perception.language import sentence_encoder as text
from unihm.perception.language.config import TaggerConfig
from unihm.perception.language.retelling import Retelling
from unihm.weights import load_weights

INTENTS = ("request", "prohibition", "question", "statement", "other", "stop")
#: What a word can be part of; each has a tag for the word that begins a span and for those inside.
SPANS = (
    "action", "recipient", "target", "anchor", "source", "destination", "direction", "amount",
    "excluded", "pronoun", "manner", "repair", "border",
)  # fmt: skip
TAGS = ("nothing", *(f"{place} {span}" for span in SPANS for place in ("begin", "inside")))


class Tagger(nn.Module):
    """Upper layers of the encoder and the two heads; the layers below are the encoder's own.

    Args:
        config: sizes.
    """

    def __init__(self, config: TaggerConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                text.DIMENSION, 12, 4 * text.DIMENSION, 0.1, "gelu", 1e-12, batch_first=True
            )
            for _ in range(config.layers)
        )
        self.tags = nn.Linear(text.DIMENSION, len(TAGS))
        self.intent = nn.Linear(text.DIMENSION, len(INTENTS))

    def start_from_encoder(self) -> None:
        """Begin with the layers of the encoder."""
        for layer, state in zip(self.layers, text.upper_layers(self.config.layers), strict=True):
            layer.load_state_dict(state)

    def forward(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of tags and of the intent.

        Args:
            states: (B, L, 384) after the encoder's lower layers.
            mask: (B, L) true where there is a word piece.

        Returns:
            (B, L, len(TAGS)) and (B, len(INTENTS)).
        """
        for layer in self.layers:
            states = layer(states, src_key_padding_mask=~mask)  # (B, L, 384)
        return self.tags(states), self.intent(states[:, 0])  # the first piece is [CLS]


@dataclass(frozen=True)
class Span:
    """Words of one tag that stand together.

    Attributes:
        kind: one of :data:`SPANS`.
        start, end: of its words, the end not included.
    """

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Tagged:
    """A tagged sentence.

    Attributes:
        intent: one of :data:`INTENTS`.
        sure: its probability.
        spans: from left to right.
        nothing: words that belong to none, each with the probability of that.
    """

    intent: str
    sure: float
    spans: tuple[Span, ...]
    nothing: tuple[tuple[int, float], ...]


def load_tagger(path: Path, config: TaggerConfig) -> Tagger:
    """The network with its weights; raises WEIGHTS_MISSING."""
    tagger = Tagger(config)
    load_weights(path, tagger)
    return tagger


@torch.inference_mode()
def tag(tagger: Tagger, words: Sequence[str]) -> Tagged:
    """Tag the words of one sentence, at most those that the encoder has room for."""
    pieces = text.encode_words([words])
    states, mask = text.lower_states(pieces, tagger.config.layers)
    tags, intent = tagger(states, mask)
    first = first_pieces(pieces[0].word_ids)
    chances = tags[0, [first[k] for k in sorted(first)]].softmax(-1)  # (W, len(TAGS))
    kinds = intent[0].softmax(-1)
    best = int(kinds.argmax())
    chosen = chances.argmax(-1).tolist()
    nothing = [(k, float(chances[k, 0])) for k, tag in enumerate(chosen) if tag == 0]
    # What the encoder had no room for is no part of anything, and nothing that may be left out.
    nothing += [(k, 0.0) for k in range(len(chosen), len(words))]
    return Tagged(INTENTS[best], float(kinds[best]), spans_of(chosen), tuple(nothing))


# In which order the words of a step are said again.
_ORDER = ("recipient", "target", "excluded", "anchor", "source", "destination", "amount",
          "direction", "manner")  # fmt: skip
_BOUNDARIES = frozenset({*",.!?;:", "so", "and", "but"})


def retold(tagger: Tagger, words: Sequence[str]) -> Retelling | None:
    """A request in a plain order, without what is said before it; None where it is none for sure.

    What is left out ends with a mark, or "so", "and", "but": "I am starving, give me the banana";
    after the request it is thanks alone.
    What stands directly before a verb is said again with it, so that the rules refuse "my friend
    would grab the cup"; any other word that is part of nothing who judges has to account for.
    """
    tagged = tag(tagger, words)
    spans, sure = tagged.spans, tagger.config.sure
    repaired = any(span.kind == "repair" for span in spans)
    if tagged.intent != "request" or tagged.sure < sure or repaired or not spans:
        return None
    free = dict(tagged.nothing)
    begin = spans[0].start
    while begin and words[begin - 1] not in _BOUNDARIES:
        begin -= 1
    left_out = [k for k in range(begin) if words[k].isalnum()]
    if any(free[k] < sure for k in left_out):
        return None
    thanks = [k for k in range(spans[-1].end, len(words)) if words[k].isalnum()]
    if all(words[k] in lexicon.COURTESY for k in thanks):
        left_out += thanks
    steps: list[list[Span]] = [[]]
    for span in spans:
        if span.kind == "border":
            steps.append([])
        else:
            steps[-1].append(span)
    plain = [_plain(words, step, free) for step in steps if step]
    if "" in plain:
        return None
    return Retelling(tuple(plain), tuple(words[k] for k in left_out))


def _plain(words: Sequence[str], spans: Sequence[Span], free: Container[int]) -> str:
    """One step as a sentence; empty where it has no verb."""
    said = {
        kind: [" ".join(words[s.start : s.end]) for s in spans if s.kind == kind] for kind in SPANS
    }
    verb = next((span.start for span in spans if span.kind == "action"), 0)
    if not said["action"]:
        return ""
    before = verb
    while before - 1 in free and words[before - 1] not in _BOUNDARIES:
        before -= 1
    if not said["target"]:
        said["target"] = said["pronoun"][:1]
    also = said["target"][1:]  # "the tomato, the red one": the same thing
    said["target"] = said["target"][:1]
    step = [*words[before:verb], *said["action"]]
    step += [span for kind in _ORDER for span in said[kind]]
    return " . ".join([" ".join(step), *also])


def first_pieces(word_ids: Sequence[int | None]) -> dict[int, int]:
    """The position of every word's first piece."""
    found: dict[int, int] = {}
    for position, word in enumerate(word_ids):
        if word is not None:
            found.setdefault(word, position)
    return found


def spans_of(tags: Sequence[int]) -> tuple[Span, ...]:
    """Spans of a row of tags; an inside without a beginning begins one."""
    found: list[Span] = []
    for k, number in enumerate(tags):
        if number == 0:
            continue
        place, kind = TAGS[number].split()
        last = found[-1] if found else None
        if place == "inside" and last is not None and last.end == k and last.kind == kind:
            found[-1] = Span(kind, last.start, k + 1)
        else:
            found.append(Span(kind, k, k + 1))
    return tuple(found)
