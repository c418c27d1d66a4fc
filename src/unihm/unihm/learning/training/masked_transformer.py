"""Training of the masked grasp transformer on grasps that lift (equations 5 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from unihm.grasps.masked_transformer import (
    MASK,
    MaskedGraspGenerator,
    MaskedTransformerConfig,
)
from unihm.grasps.part_tokenizer import PARTS, PartTokenizer
from unihm.grasps.part_tokenizer.model import ABSENT
from unihm.learning.datasets.grasp_set import GraspSet
from unihm.learning.synthesis.grasp_sentences import GraspSentences
from unihm.learning.training.grasp_corpus import GraspsOfHand, draw_grasps, grasps_by_hand
from unihm.learning.training.loop import one_cycle, run_steps
from unihm.perception.language import sentence_encoder
from unihm.robots import load_hand
from unihm.robots.fingers import own_joints
from unihm.types import ObjectCloud

EDITED, EDITS = "pick up the object", 4  # sentence, and grasps of each object that are edited
_REPEATS = 4  # times that each held-out grasp is measured, each time masked otherwise


@dataclass(frozen=True)
class AskedGrasps:
    """All grasps of one hand, and the sentences that ask for them.

    Attributes:
        grasps: themselves.
        sentences: (G, S) numbers of their sentences.
    """

    grasps: GraspsOfHand
    sentences: NDArray[np.int64]


@dataclass(frozen=True)
class GraspCorpus:
    """Grasps by hand.

    Attributes:
        clouds: of the objects.
        embeddings: (E, 384) of all sentences.
        hands: by name.
    """

    clouds: list[ObjectCloud]
    embeddings: NDArray[np.float32]
    hands: dict[str, AskedGrasps]


@dataclass(frozen=True)
class MaskedBatch:
    """What a step shows: true codes (B, 6), sentences (B, 384) and clouds (B, N, 6)."""

    codes: Tensor
    sentences: Tensor
    clouds: Tensor


def collect_corpus(
    sets: Sequence[GraspSet], hands: Sequence[str], sentences: int, seed: int
) -> GraspCorpus:
    """All grasps of ``hands``, ``sentences`` sentences for each.

    Raises:
        UnihmError: INVALID_EPISODE for a hand without grasps.
    """
    writers = [GraspSentences(grasps) for grasps in sets]
    randoms = [np.random.default_rng([seed, index]) for index in range(len(sets))]
    numbers: dict[str, int] = {}
    made = {}
    for hand, found in grasps_by_hand(sets, hands).items():
        said = [
            [
                numbers.setdefault(sentence, len(numbers))
                for sentence in writers[i].write(sets[i].grasps[k], sentences, randoms[i])
            ]
            for i, k in zip(found.objects, found.numbers)
        ]
        made[hand] = AskedGrasps(found, np.array(said))
    embeddings = sentence_encoder.encode(list(numbers))
    return GraspCorpus([grasps.cloud for grasps in sets], embeddings, made)


def train_masked_transformer(
    config: MaskedTransformerConfig, tokenizer: PartTokenizer, corpus: GraspCorpus, work: Path
) -> MaskedGraspGenerator:
    """Train; an interrupted call goes on from the last checkpoint in ``work``."""
    settings, hands = config.training, tuple(corpus.hands)
    torch.manual_seed(settings.seed)
    generator = MaskedGraspGenerator.create(config, tokenizer)
    model = generator.model
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=settings.weight_decay)

    def take(step: int, random: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        hand = hands[step % len(hands)]
        batch = draw(corpus, hand, config, tokenizer, random)
        masked = mask(batch.codes, random)
        shown = torch.from_numpy(random.random(len(masked)) >= settings.drop)
        torch.manual_seed(int(random.integers(2**31)))  # of the dropout, resumed or not
        condition = model.condition(batch.sentences, batch.clouds)
        logits = model(masked, tokenizer.model.hands.index(hand), condition, shown)
        asked = masked == MASK
        loss = F.cross_entropy(logits[asked], batch.codes[asked])
        right = float((logits.argmax(-1) == batch.codes)[asked].float().mean())
        return loss, {"right": right}

    run_steps(
        model,
        optimizer,
        take,
        lambda step: settings.learning_rate * one_cycle(step, settings.steps),
        settings.steps,
        settings.seed,
        work,
    )
    return MaskedGraspGenerator(config, model, tokenizer)


def draw(
    corpus: GraspCorpus,
    hand: str,
    config: MaskedTransformerConfig,
    tokenizer: PartTokenizer,
    random: np.random.Generator,
) -> MaskedBatch:
    """Grasps of one hand with their objects, moved alike so that the palms look nearly to +y."""
    settings, asked = config.training, corpus.hands[hand]
    drawn = draw_grasps(asked.grasps, corpus.clouds, config.points, settings, random)
    which = random.integers(asked.sentences.shape[1], size=settings.batch)
    said = asked.sentences[drawn.chosen, which]
    return MaskedBatch(
        torch.from_numpy(tokenizer.encode_rows(hand, drawn.rows)),
        torch.from_numpy(corpus.embeddings[said]),
        torch.from_numpy(drawn.clouds),
    )


def mask(codes: Tensor, random: np.random.Generator) -> Tensor:
    """The codes (B, 6) with ceil(cos(pi tau / 2) n) of each row's n masked, tau drawn evenly."""
    present = codes != ABSENT
    share = np.cos(np.pi / 2 * random.random(len(codes)))
    count = np.ceil(share * present.sum(dim=1).numpy()).clip(1)
    order = random.random(codes.shape)
    order[~present.numpy()] = np.inf
    rank = order.argsort(axis=1).argsort(axis=1)
    return torch.where(torch.from_numpy(rank < count[:, None]) & present, MASK, codes)


@torch.inference_mode()
def validate(
    generator: MaskedGraspGenerator, corpus: GraspCorpus, seed: int = 0
) -> dict[str, dict[str, float]]:
    """By hand: how much conditions help, in nats per code, of grasps of other objects.

    ``nll``: all parts masked, everything shown; ``nll_shuffled_words``: with the sentence of
    another grasp; ``nll_other_cloud``: with the cloud of another; ``nll_nothing``: neither sentence
    nor cloud. ``nll_last_part``: one part masked. ln K is what chance has.
    """
    config, tokenizer = generator.config, generator.tokenizer
    generator.model.eval()
    found: dict[str, dict[str, float]] = {}
    for hand, asked in corpus.hands.items():
        random, rows = np.random.default_rng(seed), []
        for _ in range(max(1, round(_REPEATS * len(asked.grasps.rows) / config.training.batch))):
            batch = draw(corpus, hand, config, tokenizer, random)
            present = batch.codes != ABSENT
            last = torch.from_numpy(np.where(present, random.random(present.shape), -1.0).argmax(1))
            other = torch.from_numpy(random.permutation(len(present)))
            words = replace(batch, sentences=batch.sentences[other])
            thing = replace(batch, clouds=batch.clouds[other])
            rows.append(
                {
                    "nll": _nll(generator, hand, batch, present),
                    "nll_shuffled_words": _nll(generator, hand, words, present),
                    "nll_other_cloud": _nll(generator, hand, thing, present),
                    "nll_nothing": _nll(generator, hand, batch, present, shown=False),
                    "nll_last_part": _nll(
                        generator, hand, batch, torch.arange(len(PARTS)) == last[:, None]
                    ),
                }
            )
        found[hand] = {
            "grasps": len(asked.grasps.rows),
            **{key: round(float(np.mean([row[key] for row in rows])), 3) for key in rows[0]},
            **edit_figures(generator, hand, corpus.clouds),
        }
    return found


def edit_figures(
    generator: MaskedGraspGenerator, hand_name: str, clouds: Sequence[ObjectCloud]
) -> dict[str, float]:
    """Mean degrees by which joints move where one finger is sampled once more (equation 8).

    ``edit_own_deg``: its own; ``edit_others_deg``: all others, as they are given back;
    ``edit_others_decoded_deg``: as the decoder has them.
    """
    hand = load_hand(hand_name)
    moved: dict[str, list[float]] = {}
    for cloud in clouds:
        grasps = generator.sample(hand_name, cloud, EDITED, EDITS)
        for finger, own in zip(hand.finger_names, own_joints(hand)):
            edited = generator.edit(grasps, [finger], cloud, EDITED)
            decoded = generator.tokenizer.decode(hand_name, edited.codes)[1]
            change = np.degrees(np.abs(edited.joints - grasps.joints))
            for key, off in (
                ("edit_own_deg", change[:, own]),
                ("edit_others_deg", np.delete(change, own, axis=1)),
                (
                    "edit_others_decoded_deg",
                    np.degrees(np.abs(np.delete(decoded - grasps.joints, own, axis=1))),
                ),
            ):
                moved.setdefault(key, []).append(float(off.mean()) if off.size else 0.0)
    return {key: round(float(np.mean(values)), 3) for key, values in moved.items()}


def _nll(
    generator: MaskedGraspGenerator,
    hand: str,
    batch: MaskedBatch,
    asked: Tensor,
    shown: bool = True,
) -> float:
    """Nats per code of the parts (B, 6) that are asked for at once."""
    model = generator.model
    logits = model(
        torch.where(asked, MASK, batch.codes),
        generator.tokenizer.model.hands.index(hand),
        model.condition(batch.sentences, batch.clouds),
        torch.full((len(asked),), shown),
    )
    return float(F.cross_entropy(logits[asked], batch.codes[asked]))
