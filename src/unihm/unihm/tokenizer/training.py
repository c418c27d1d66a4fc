"""Staged training of the tokenizer: the reference hand with the codebook, then every other hand.

Stage 1 trains E_ref, D_ref and the codebook Z on the reference hand (B7 to B12). Each further
stage adds one hand: its encoder is aligned with E_ref on paired motions (B13), then encoder and
decoder are tuned with the codebook frozen (B14). Hands are therefore independent of each other,
and one that is added later changes nothing that was there before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from unihm.checkpoint import load_checkpoint, log_line, read_progress, save_checkpoint
from unihm.data.episode import Episode
from unihm.errors import ErrorCode, UnihmError
from unihm.hands import load_hand
from unihm.tokenizer.config import TokenizerConfig
from unihm.tokenizer.features import Features, motion_features, move_rows, small_motions
from unihm.tokenizer.metrics import row_errors, summarise
from unihm.tokenizer.model import TokenizerModel
from unihm.tokenizer.quantizer import perplexity
from unihm.tokenizer.tokenizer import Tokenizer
from unihm.types import IntArray


@dataclass(frozen=True)
class MotionSet:
    """Feature rows of one hand's motions.

    Attributes:
        rows: N arrays (T_i, F).
        episodes: (N,) which episode each motion is of: equal numbers pair motions of two hands.
    """

    rows: list[Features]
    episodes: IntArray

    def padded(self, window: int, chosen: np.ndarray | None = None) -> tuple[Features, IntArray]:
        """Rows (N, T, F) of equal length, T >= window, the last frame repeated; lengths (N,)."""
        rows = self.rows if chosen is None else [self.rows[i] for i in chosen]
        longest = max(window, max(len(r) for r in rows))
        padded = [np.pad(r, ((0, longest - len(r)), (0, 0)), mode="edge") for r in rows]
        return np.stack(padded), np.array([max(window, len(r)) for r in rows])


def collect_motions(episodes: Iterable[Episode], hands: Iterable[str]) -> dict[str, MotionSet]:
    """Feature rows of every motion of every hand; hands that no episode has are left out."""
    rows: dict[str, list[Features]] = {name: [] for name in hands}
    index: dict[str, list[int]] = {name: [] for name in rows}
    for number, episode in enumerate(tqdm(episodes, desc="episodes", leave=False)):
        for name, motion in episode.motions.items():
            if name in rows:
                rows[name].append(motion_features(motion, load_hand(name)))
                index[name].append(number)
    return {name: MotionSet(r, np.array(index[name])) for name, r in rows.items() if r}


def train_tokenizer(
    config: TokenizerConfig,
    train: dict[str, MotionSet],
    validation: dict[str, MotionSet],
    work: Path,
    base: Tokenizer | None = None,
) -> Tokenizer:
    """Train a tokenizer, or add hands to one; an interrupted call goes on where it stopped.

    Args:
        config: sizes and schedule.
        train: motions by hand, the reference's among them; those of other hands are used where
            the same episode has the reference hand too.
        validation: motions of other episodes, for the figures in ``work/metrics.jsonl``.
        work: folder of the checkpoint and the log; delete it to start over.
        base: a trained tokenizer whose codebook and hands are kept bit by bit.

    Raises:
        UnihmError: INVALID_EPISODE when a hand has no motions, or none paired with the
            reference's; INVALID_CONFIG when ``work`` holds a training of other settings.
    """
    kept = () if base is None else base.hands
    hands = [config.reference, *(h for h in config.hands if h != config.reference)]
    stages = [hand for hand in hands if hand not in kept]
    for hand in dict.fromkeys((config.reference, *stages)):
        if hand not in train:
            raise UnihmError(ErrorCode.INVALID_EPISODE, f"No episode has a motion of '{hand}'.")

    torch.manual_seed(config.training.seed)
    model = TokenizerModel(config)
    for hand in kept:
        model.add_hand(hand, base.model.decoders[hand].features)
    if base is not None:
        model.load_state_dict(base.model.state_dict())
    for hand in stages:
        model.add_hand(hand, train[hand].rows[0].shape[1])

    checkpoint, settings = work / "checkpoint.safetensors", repr((config, stages))
    progress = read_progress(checkpoint)
    first_stage, first_epoch = 0, 0
    if progress is not None:
        if progress["settings"] != settings:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"{work} holds a training with other settings; delete it to start over.",
            )
        first_stage, first_epoch = progress["stage"], progress["epoch"]

    for number, hand in enumerate(stages):
        if number < first_stage:
            continue
        stage = _Stage(model, config, hand, train, validation)
        if progress is not None and number == first_stage:
            load_checkpoint(checkpoint, model, stage.optimizer)
        start = first_epoch if number == first_stage else 0
        bar = tqdm(range(start, stage.epochs), desc=f"tokenizer {hand}", initial=start)
        for epoch in bar:
            torch.manual_seed(config.training.seed + 10_000 * number + epoch)  # resuming is exact
            random = np.random.default_rng((config.training.seed, number, epoch))
            figures = stage.run_epoch(epoch, random)
            bar.set_postfix({key: f"{value:.3g}" for key, value in figures.items()})
            log_line(work / "metrics.jsonl", {"hand": hand, "epoch": epoch, **figures})
            save_checkpoint(
                checkpoint,
                model,
                stage.optimizer,
                {"settings": settings, "stage": number, "epoch": epoch + 1},
            )
    return Tokenizer(model)


class _Stage:
    """The epochs of one hand; the reference hand's also train the codebook."""

    def __init__(
        self,
        model: TokenizerModel,
        config: TokenizerConfig,
        hand: str,
        train: dict[str, MotionSet],
        validation: dict[str, MotionSet],
    ) -> None:
        self.model, self.config, self.settings, self.hand = model, config, config.training, hand
        self.is_reference = hand == config.reference
        self.validation = validation.get(hand)
        parameters = [*model.encoders[hand].parameters(), *model.decoders[hand].parameters()]
        window, reference = self.settings.window, train[config.reference]
        if self.is_reference:
            parameters.append(model.quantizer.codebook)
            self.warmup, later = self.settings.warmup_epochs, self.settings.reference_epochs
            self.x, self.lengths = reference.padded(window)
            self.x_reference = self.x
        else:
            self.warmup, later = self.settings.distill_epochs, self.settings.hand_epochs
            _, mine, theirs = np.intersect1d(
                train[hand].episodes, reference.episodes, return_indices=True
            )
            if not len(mine):
                raise UnihmError(
                    ErrorCode.INVALID_EPISODE,
                    f"No episode has both '{hand}' and the reference '{config.reference}'.",
                )
            self.x, self.lengths = train[hand].padded(window, mine)
            self.x_reference, _ = reference.padded(window, theirs)
        self.epochs = self.warmup + later
        self.optimizer = torch.optim.AdamW(parameters, weight_decay=0.0)

    def run_epoch(self, epoch: int, random: np.random.Generator) -> dict[str, float]:
        """One pass of random crops over all motions; returns losses and validation figures."""
        self.model.train()
        sums: dict[str, float] = {}
        latents, counts = [], torch.zeros_like(self.model.quantizer.codebook[..., 0]).long()
        refresh = self.is_reference and self._refresh_after(epoch)
        batches = torch.randperm(len(self.x)).split(self.settings.batch)
        for number, chosen in enumerate(batches):
            self._set_rate((epoch + number / len(batches)) / self.epochs)
            x, x_reference = self._crops(chosen.numpy(), random)
            if self.is_reference:
                losses, z_e, codes = self._reference_losses(x, epoch < self.warmup)
                if refresh:
                    latents.append(z_e.detach().flatten(0, 1))
                    counts += self.model.quantizer.usage(codes)
            else:
                losses = self._new_hand_losses(x, x_reference, epoch < self.warmup)
            loss = torch.stack(list(losses.values())).sum()
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            for key, value in losses.items():
                sums[key] = sums.get(key, 0.0) + value.item() / len(batches)
        if refresh:
            sums["refreshed"] = self.model.quantizer.refresh(
                torch.cat(latents), counts, self.settings.cold_threshold
            )
        if self.validation is not None:
            sums |= validate(self.model, self.hand, self.validation, epoch >= self.warmup)
        return sums

    def _reference_losses(
        self, x: Tensor, warmup: bool
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """B7 and B8; without quantisation in the warm-up, after which every code is cold."""
        z_e = self.model.encode(self.hand, x)
        if warmup:
            losses = {"rec": F.mse_loss(self.model.decode(self.hand, z_e), x)}
            return losses, z_e, torch.empty(0, 0, dtype=torch.int64)
        z_q, codes, vq = self.model.quantizer(z_e, self.settings.beta, self._levels())
        rec = F.mse_loss(self.model.decode(self.hand, z_q), x)
        return {"rec": rec, "vq": vq}, z_e, codes

    def _new_hand_losses(self, x: Tensor, x_reference: Tensor, align: bool) -> dict[str, Tensor]:
        """B13 while aligning, then B14; the decoder learns to read the reference's codes too."""
        quantizer, settings = self.model.quantizer, self.settings
        levels = self._levels()
        with torch.no_grad():
            z_reference = self.model.encode(self.config.reference, x_reference)
            z_q_reference = quantizer.decode(quantizer.encode(z_reference)[..., :levels])
        z_e = self.model.encode(self.hand, x)
        distill = F.mse_loss(z_e, z_reference)
        read = F.mse_loss(self.model.decode(self.hand, z_q_reference), x)
        losses = {"translation": settings.translation_weight * read}
        if align:
            return {"distill": distill, **losses}
        z_q, _, vq = quantizer(z_e, settings.beta, levels)
        rec = F.mse_loss(self.model.decode(self.hand, z_q), x)
        return {"rec": rec, "vq": vq, "distill": settings.distill_weight * distill, **losses}

    def _levels(self) -> int:
        if torch.rand(()) < self.settings.level_dropout:
            return int(torch.randint(1, self.config.levels + 1, ()))
        return self.config.levels

    def _refresh_after(self, epoch: int) -> bool:
        """At the end of the warm-up, then every few epochs but not where nothing follows."""
        done = epoch + 1 - self.warmup
        every = self.settings.refresh_every
        return done == 0 or (0 < done <= self.epochs - self.warmup - every and done % every == 0)

    def _set_rate(self, progress: float) -> None:
        rate = self.settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _crops(self, chosen: IntArray, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The same random windows of this hand's and the reference hand's motions, both moved
        alike: the object frame is never exact, and the codes must cover what is near."""
        settings = self.settings
        start = random.integers(self.lengths[chosen] - settings.window + 1)
        frames = start[:, None] + np.arange(settings.window)
        T = small_motions(len(chosen), settings.frame_shift, settings.frame_turn, random)
        x, x_reference = (
            torch.from_numpy(move_rows(motions[chosen[:, None], frames], T))
            for motions in (self.x, self.x_reference)
        )
        return x, x_reference


@torch.inference_mode()
def validate(
    model: TokenizerModel, hand: str, motions: MotionSet, quantise: bool = True
) -> dict[str, float]:
    """Reconstruction of whole motions and use of the codes, on motions not trained on."""
    model.eval()
    chunk, counts = model.config.chunk, torch.zeros_like(model.quantizer.codebook[..., 0]).long()
    errors = []
    x, _ = motions.padded(chunk * math.ceil(max(map(len, motions.rows)) / chunk))
    z = model.encode(hand, torch.from_numpy(x))
    if quantise:
        codes = model.quantizer.encode(z)
        counts += model.quantizer.usage(codes)
        z = model.quantizer.decode(codes)
    rebuilt = model.decode(hand, z).numpy()
    for rows, decoded in zip(motions.rows, rebuilt):
        errors.append(row_errors(decoded[: len(rows)], rows, load_hand(hand)))
    figures = summarise(errors)
    if quantise:
        figures["perplexity"] = float(perplexity(counts).mean())
    return figures
