"""Settings of the unified hand tokenizer: what it is made of, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from unihm.errors import ErrorCode, UnihmError


@dataclass(frozen=True)
class TokenizerTraining:
    """How the tokenizer is trained (section B.2 of the paper).

    Attributes:
        solve: take the best linear networks and a k-means codebook of all hands instead of the
            epochs below (``linear.py``); hands that are added later are trained by the epochs.
        warmup_epochs: epochs of the reference hand without quantisation; the codebook is then
            filled by k-means, as if every code were cold.
        reference_epochs: further epochs of the reference hand, with its codebook.
        align_epochs: epochs in which another hand's encoder is aligned (B13).
        tune_epochs: epochs of all hands together (B14).
        refresh_every: epochs between two refreshes of the cold codes (B11).
        cold_threshold: tau_c, uses per epoch under which a code is cold (B10).
        beta: commitment weight of equation 5.
        distill_weight: lambda_distill of B14.
        translation_weight: weight of the new decoder's error on the reference hand's codes.
        level_dropout: share of the batches that use a random number of residual levels, so
            that fewer codes than all give a coarser motion instead of a wrong one.
        blend: largest share of another episode's motion that is mixed into a crop.
        frame_shift: metres, standard deviation of a random shift of the object frame.
        frame_turn: radians, standard deviation of a random turn of it about z; a third as much
            about x and y.
        far_share: share of the crops that are moved far instead (0.15 m, 1.5 radians about z),
            since recordings begin where they like.
        window: frames of a random crop.
        batch: crops per step.
        crops: least crops of a hand per epoch; where there are fewer motions, each is cropped
            several times.
        learning_rate: peak of a cosine schedule.
        codebook_rate: the codebook's, as a share of it. AdamW's steps do not shrink with what they
            move, and the codes of the last of many levels are small.
        seed: of everything random.
    """

    solve: bool = False
    warmup_epochs: int = 10
    reference_epochs: int = 40
    align_epochs: int = 10
    tune_epochs: int = 40
    refresh_every: int = 10
    cold_threshold: int = 1
    beta: float = 0.25
    distill_weight: float = 0.1
    translation_weight: float = 1.0
    level_dropout: float = 0.25
    blend: float = 0.5
    frame_shift: float = 0.006
    frame_turn: float = 0.12
    far_share: float = 0.0
    window: int = 40
    batch: int = 16
    crops: int = 0
    learning_rate: float = 3e-3
    codebook_rate: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class TokenizerConfig:
    """Shape of the tokenizer; it travels with the weights.

    Attributes:
        backbone: ``conv`` (1D convolutions over time) or ``mlp`` (every chunk for itself).
        chunk: frames per token.
        levels: R, residual levels per token; 1 is the paper's plain quantisation.
        codebook_size: K, codes per level.
        latent: d_z, size of a code.
        carry: how much of the chunk before a code adds to (predictive quantisation, 0 to 1);
            0: every code stands for itself, as in the paper.
        hidden: channels of the encoders and decoders.
        depth: residual blocks in an encoder and in a decoder.
        reference: the hand that the codebook is learned on.
        hands: every hand, the reference among them.
        training: how to train.
    """

    backbone: Literal["conv", "mlp"] = "conv"
    chunk: int = 1
    levels: int = 1
    codebook_size: int = 8192
    latent: int = 64
    carry: float = 0.0
    hidden: int = 128
    depth: int = 2
    reference: str = "shadow"
    hands: tuple[str, ...] = ("shadow",)
    training: TokenizerTraining = field(default_factory=TokenizerTraining)

    def __post_init__(self) -> None:
        sizes = (self.chunk, self.levels, self.codebook_size, self.latent, self.hidden)
        if min(sizes) < 1 or self.depth < 0:
            raise UnihmError(ErrorCode.INVALID_CONFIG, f"Tokenizer sizes must be positive: {self}.")
        if not 0.0 <= self.carry <= 1.0:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG, f"carry must be within 0 and 1, not {self.carry}."
            )
        if self.backbone not in ("conv", "mlp"):
            raise UnihmError(
                ErrorCode.INVALID_CONFIG, f"No backbone '{self.backbone}': conv or mlp."
            )
        if self.reference not in self.hands:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"The reference hand '{self.reference}' is not among the hands {self.hands}.",
            )
        if self.training.window % self.chunk:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"window {self.training.window} is no multiple of chunk {self.chunk}.",
            )
