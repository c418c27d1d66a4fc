"""Staged training of the tokenizer: the reference hand with the codebook, then every other hand.

First E_ref, D_ref and the codebook Z are trained on the reference hand (B7 to B12). Then every
other hand's encoder is aligned with E_ref on paired motions (B13). Last, all are trained together
(B14), since what the hands do differently must find room in the codebook too. A hand that is
added to finished weights is aligned and trained against a codebook that stays as it is, so that
nothing that was there before changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode
from unihm.learning.training.checkpoint import (
    load_checkpoint,
    log_line,
    read_progress,
    save_checkpoint,
)
from unihm.retargeting.retargeter import Retargeter
from unihm.robots import Hand, load_hand
from unihm.robots.torch_kinematics import TorchHand
from unihm.tokenizer.closed_form import solve_heads, solve_networks
from unihm.tokenizer.config import TokenizerConfig
from unihm.tokenizer.features import (
    Features,
    blend_rows,
    motion_features,
    move_rows,
    small_motions,
    to_features,
)
from unihm.tokenizer.metrics import row_errors, summarise
from unihm.tokenizer.model import TokenizerModel
from unihm.tokenizer.quantizer import perplexity
from unihm.tokenizer.tokenizer import Tokenizer
from unihm.transforms import apply
from unihm.types import FloatArray, HandMotion, IntArray

VALIDATE_EVERY = 5  # epochs
RETARGET_BATCH = 32  # motions
HEAD_MOTIONS = 100  # to solve the last layers with: a hundred unknowns need no more
LATENTS = 30  # per code, to find the codebook from
FAR_SHIFT, FAR_TURN = 0.15, 1.5  # m and radians, see ``far_share``
HUMAN = "human"


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
    """Feature rows of every motion of every hand.

    A hand that no episode has is retargeted from the human's motions (B1), so that a tokenizer
    can be trained for any hand; where there is no human motion either, it is left out.
    """
    hands = list(dict.fromkeys(hands))
    rows: dict[str, list[Features]] = {name: [] for name in hands}
    index: dict[str, list[int]] = {name: [] for name in hands}
    keypoints: dict[int, FloatArray] = {}
    for number, episode in enumerate(tqdm(episodes, desc="episodes", leave=False)):
        for name, motion in episode.motions.items():
            if name in rows:
                rows[name].append(motion_features(motion, load_hand(name)))
                index[name].append(number)
        if episode.keypoints is not None:
            keypoints[number] = episode.keypoints
        elif HUMAN in episode.motions:
            keypoints[number] = human_keypoints(episode.motions[HUMAN])
    for name in hands:
        if not rows[name] and keypoints:
            rows[name] = retargeted_rows(list(keypoints.values()), load_hand(name))
            index[name] = list(keypoints)
    return {name: MotionSet(r, np.array(index[name])) for name, r in rows.items() if r}


def human_keypoints(motion: HandMotion) -> FloatArray:
    """Keypoints of a motion of the human hand, in the object frame: (T, 21, 3) metres."""
    kinematics = TorchHand(load_hand(motion.hand), torch.float64)
    points = kinematics.keypoints(torch.from_numpy(np.asarray(motion.joints, float)))
    return apply(motion.T_object_wrist, points.numpy())


def retargeted_rows(keypoints: list[FloatArray], hand: Hand) -> list[Features]:
    """Feature rows of ``hand`` after keypoints in the object frame, a batch at a time."""
    retargeter, rows = Retargeter(hand), []
    parts = [keypoints[i : i + RETARGET_BATCH] for i in range(0, len(keypoints), RETARGET_BATCH)]
    for part in tqdm(parts, desc=f"retarget to {hand.name}", leave=False):
        for result in retargeter.retarget_many(part):
            rows.append(to_features(result.T_world_wrist, result.joints, hand))
    return rows


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
    added = [hand for hand in config.hands if hand not in kept]
    if not added:
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"The weights have {', '.join(kept)} already.")
    for hand in dict.fromkeys((config.reference, *added)):
        if hand not in train:
            raise UnihmError(ErrorCode.INVALID_EPISODE, f"No episode has a motion of '{hand}'.")

    torch.manual_seed(config.training.seed)
    model = TokenizerModel(config)
    if base is not None:
        for hand in kept:
            model.add_hand(hand, base.model.features_of(hand))
        model.load_state_dict(base.model.state_dict())
    for hand in added:
        model.add_hand(hand, train[hand].rows[0].shape[1])
    if config.training.solve and base is None:
        _solve(model, train, config.hands)
        return Tokenizer(model)
    stages = _stages(model, train, validation, added, learn_codebook=base is None)

    checkpoint, settings = work / "checkpoint.safetensors", repr((config, added))
    progress = read_progress(checkpoint, settings)
    first_stage, first_epoch = 0, 0
    if progress is not None:
        first_stage, first_epoch = progress["stage"], progress["epoch"]
        load_checkpoint(checkpoint, model, stages[first_stage].optimizer)

    for number, stage in enumerate(stages[first_stage:], first_stage):
        start = first_epoch if number == first_stage else 0
        bar = tqdm(range(start, stage.epochs), f"tokenizer {stage.name}", initial=start)
        for epoch in bar:
            seed = (config.training.seed, number, epoch)  # resuming is exact
            torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
            figures = stage.run_epoch(epoch, np.random.default_rng(seed))
            bar.set_postfix({key: f"{value:.3g}" for key, value in figures.items()})
            log_line(work / "metrics.jsonl", {"stage": stage.name, "epoch": epoch, **figures})
            save_checkpoint(
                checkpoint,
                model,
                stage.optimizer,
                {"settings": settings, "stage": number, "epoch": epoch + 1},
            )
    return Tokenizer(model)


def _stages(
    model: TokenizerModel,
    train: dict[str, MotionSet],
    validation: dict[str, MotionSet],
    added: list[str],
    learn_codebook: bool,
) -> list[TrainingStage]:
    """Reference with codebook; alignment of every other hand; then all of them together."""
    settings, reference = model.config.training, model.config.reference

    def stage(
        name: str, hands: list[str], epochs: int, plain: int, codebook: bool
    ) -> TrainingStage:
        motions = {hand: paired(train, hand, reference, settings.window) for hand in hands}
        return TrainingStage(model, name, motions, validation, epochs, plain, codebook)

    stages = []
    if reference in added:
        epochs, plain = settings.reference_epochs, settings.warmup_epochs
        stages.append(stage("reference", [reference], epochs + plain, plain, True))
    for hand in added:
        if hand != reference:
            epochs = settings.align_epochs
            stages.append(stage(f"align {hand}", [hand], epochs, epochs, False))
    if stages[0].name != "reference" or len(stages) > 1:
        stages.append(stage("all hands", added, settings.tune_epochs, 0, learn_codebook))
    return stages


def _solve(model: TokenizerModel, train: dict[str, MotionSet], hands: Sequence[str]) -> None:
    """Linear networks, the codebook of what all of them say of varied motions, then the heads."""
    settings, reference = model.config.training, model.config.reference
    shared = train[reference].episodes
    for hand in hands:
        shared = np.intersect1d(shared, train[hand].episodes)
    if not len(shared):
        raise UnihmError(ErrorCode.INVALID_EPISODE, "No episode has motions of all the hands.")
    rows = {}
    for hand in hands:
        where = {episode: i for i, episode in enumerate(train[hand].episodes)}
        rows[hand] = [train[hand].rows[where[episode]] for episode in shared]
    solve_networks(model, rows)
    pairs = {hand: paired(train, hand, reference, settings.window) for hand in hands}
    stage = TrainingStage(model, "solve", pairs, {}, 1, 1, True)
    random, latents = np.random.default_rng(settings.seed), []
    with torch.no_grad(), tqdm(total=LATENTS * model.config.codebook_size, desc="latents") as bar:
        while bar.n < bar.total:
            for hand, chosen in stage.batches(random):
                x, _ = stage.crops(pairs[hand], chosen, random)
                latents.append(model.encode(hand, x))
                bar.update(latents[-1][..., 0].numel())
    model.quantizer.fill(torch.cat(latents))
    if not model.config.carry:  # there, the frames after put right what a code leaves over
        solve_heads(model, {hand: some[:HEAD_MOTIONS] for hand, some in rows.items()})


@dataclass(frozen=True)
class Pairs:
    """Motions of a hand and, of the same episodes, of the reference: (N, T, F), (N, T, F')."""

    x: Features
    x_reference: Features
    lengths: IntArray


def paired(train: dict[str, MotionSet], hand: str, reference: str, window: int) -> Pairs:
    """Motions of the episodes that have both hands; raises INVALID_EPISODE where none has."""
    _, mine, theirs = np.intersect1d(
        train[hand].episodes, train[reference].episodes, return_indices=True
    )
    if not len(mine):
        raise UnihmError(
            ErrorCode.INVALID_EPISODE,
            f"No episode has both '{hand}' and the reference '{reference}'.",
        )
    x, lengths = train[hand].padded(window, mine)
    return Pairs(x, train[reference].padded(window, theirs)[0], lengths)


class TrainingStage:
    """Some epochs of some hands, with one optimizer.

    Args:
        plain: epochs at the beginning in which nothing is quantised on the way to the decoder:
            the reference's warm-up, another hand's alignment.
        learn_codebook: False leaves the codebook as it is.
    """

    def __init__(
        self,
        model: TokenizerModel,
        name: str,
        motions: dict[str, Pairs],
        validation: dict[str, MotionSet],
        epochs: int,
        plain: int,
        learn_codebook: bool,
    ) -> None:
        self.model, self.name, self.motions = model, name, motions
        self.validation = {hand: validation[hand] for hand in motions if hand in validation}
        self.epochs, self.plain, self.learn_codebook = epochs, plain, learn_codebook
        self.settings = model.config.training
        networks: list[nn.Parameter] = []
        for hand in motions:
            networks += model.encoders[hand].parameters()
            networks += model.decoders[hand].parameters()
        groups = [{"params": networks, "share": 1.0}]
        if learn_codebook:
            codebook = {"params": [model.quantizer.codebook], "share": self.settings.codebook_rate}
            groups.insert(0, codebook)
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.0, fused=True)

    def run_epoch(self, epoch: int, random: np.random.Generator) -> dict[str, float]:
        """One pass of random crops over all motions; returns losses and validation figures."""
        self.model.train()
        quantizer = self.model.quantizer
        sums: dict[str, list[float]] = {}
        latents, counts = [], torch.zeros_like(quantizer.codebook[..., 0]).long()
        refresh = self.learn_codebook and self._refresh_after(epoch)
        batches = self.batches(random)
        for number, (hand, chosen) in enumerate(batches):
            self._set_rate((epoch + number / len(batches)) / self.epochs)
            x, x_reference = self.crops(self.motions[hand], chosen, random)
            z_e = self.model.encode(hand, x)
            if hand == self.model.config.reference:
                losses = self._reference_losses(hand, x, z_e, epoch < self.plain)
            else:
                losses = self._other_losses(hand, x, z_e, x_reference, epoch < self.plain)
            loss = torch.stack(list(losses.values())).sum()
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            for key, value in losses.items():
                sums.setdefault(key, []).append(value.item())
            if refresh:
                latents.append(z_e.detach().flatten(0, 1))
                if epoch >= self.plain:  # before, every code is cold
                    counts += quantizer.usage(quantizer.encode(latents[-1]))
        figures = {key: float(np.mean(values)) for key, values in sums.items()}
        if refresh:
            threshold = self.settings.cold_threshold
            figures["refreshed"] = quantizer.refresh(torch.cat(latents), counts, threshold)
        if epoch % VALIDATE_EVERY == VALIDATE_EVERY - 1:
            for hand, motions in self.validation.items():
                errors = validate(self.model, hand, motions, epoch >= self.plain)
                figures |= {f"{hand}/{key}": value for key, value in errors.items()}
        return figures

    def _reference_losses(
        self, hand: str, x: Tensor, z_e: Tensor, plain: bool
    ) -> dict[str, Tensor]:
        """B7 and B8; without quantisation in the warm-up."""
        if plain:
            return {"rec": F.mse_loss(self.model.decode(hand, z_e), x)}
        z_q, _, vq = self.model.quantizer(z_e, self.settings.beta, self._levels())
        return {"rec": F.mse_loss(self.model.decode(hand, z_q), x), "vq": vq}

    def _other_losses(
        self, hand: str, x: Tensor, z_e: Tensor, x_reference: Tensor, plain: bool
    ) -> dict[str, Tensor]:
        """B13 while aligning, then B14; the decoder learns to read the reference's codes too."""
        quantizer, settings = self.model.quantizer, self.settings
        levels = self._levels()
        with torch.no_grad():
            z_reference = self.model.encode(self.model.config.reference, x_reference)
            z_q_reference = quantizer.decode(quantizer.encode(z_reference, levels))
        distill = F.mse_loss(z_e, z_reference)
        read = F.mse_loss(self.model.decode(hand, z_q_reference), x)
        losses = {"translation": settings.translation_weight * read}
        if plain:
            return {"distill": distill, **losses}
        z_q, _, vq = quantizer(z_e, settings.beta, levels)
        rec = F.mse_loss(self.model.decode(hand, z_q), x)
        return {"rec": rec, "vq": vq, "distill": settings.distill_weight * distill, **losses}

    def _levels(self) -> int:
        if torch.rand(()) < self.settings.level_dropout:
            return int(torch.randint(1, self.model.config.levels + 1, ()))
        return self.model.config.levels

    def _refresh_after(self, epoch: int) -> bool:
        """At the end of a warm-up, then every few epochs but not where nothing follows."""
        done, every = epoch + 1 - self.plain, self.settings.refresh_every
        if done == 0:
            return True
        return 0 < done <= self.epochs - self.plain - every and done % every == 0

    def _set_rate(self, progress: float) -> None:
        rate = self.settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]

    def batches(self, random: np.random.Generator) -> list[tuple[str, IntArray]]:
        """Every motion equally often, a batch of one hand at a time, in random order."""
        batches = []
        for hand, pairs in self.motions.items():
            rounds = max(1, math.ceil(self.settings.crops / len(pairs.x)))
            order = np.concatenate([random.permutation(len(pairs.x)) for _ in range(rounds)])
            parts = math.ceil(len(order) / self.settings.batch)
            batches += [(hand, part) for part in np.array_split(order, parts)]
        return [batches[i] for i in random.permutation(len(batches))]

    def crops(
        self, pairs: Pairs, chosen: IntArray, random: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """The same random windows of this hand's and the reference hand's motions, varied alike.

        Blended with another episode's, and moved, since the object frame is never exact.
        """
        settings = self.settings
        other = random.integers(len(pairs.x), size=len(chosen))
        share = random.uniform(0.0, settings.blend, len(chosen))
        start = random.integers(pairs.lengths[chosen] - settings.window + 1)
        frames = start[:, None] + np.arange(settings.window)
        T = small_motions(len(chosen), settings.frame_shift, settings.frame_turn, random)
        far = random.random(len(chosen)) < settings.far_share
        T[far] = small_motions(int(far.sum()), FAR_SHIFT, FAR_TURN, random)
        x, x_reference = (
            blend_rows(m[chosen[:, None], frames], m[other[:, None], frames], share)
            for m in (pairs.x, pairs.x_reference)
        )
        return torch.from_numpy(move_rows(x, T)), torch.from_numpy(move_rows(x_reference, T))


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
        figures["code_usage"] = float((counts > 0).double().mean())
        figures["perplexity"] = float(perplexity(counts).mean())
    return figures
