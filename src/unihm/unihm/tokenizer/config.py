"""Settings of the unified hand tokenizer: what it is made of, and how it is trained."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from unihm.config import Count, Natural, NotNegative, Positive, Share, settings


@settings()
class TokenizerTraining:
    """How the tokenizer is trained (section B.2 of the paper).

    Attributes:
        solve: take the best linear networks and a k-means codebook of all hands instead of the
            epochs below (``closed_form.py``); hands that are added later are trained by the epochs.
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
    warmup_epochs: Natural = 10
    reference_epochs: Natural = 40
    align_epochs: Natural = 10
    tune_epochs: Natural = 40
    refresh_every: Count = 10
    cold_threshold: Natural = 1
    beta: NotNegative = 0.25
    distill_weight: NotNegative = 0.1
    translation_weight: NotNegative = 1.0
    level_dropout: Share = 0.25
    blend: Share = 0.5
    frame_shift: NotNegative = 0.006
    frame_turn: NotNegative = 0.12
    far_share: Share = 0.0
    window: Count = 40
    batch: Count = 16
    crops: Natural = 0
    learning_rate: Positive = 3e-3
    codebook_rate: Positive = 1.0
    seed: Natural = 0


@settings()
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
    chunk: Count = 1
    levels: Count = 1
    codebook_size: Count = 8192
    latent: Count = 64
    carry: Share = 0.0
    hidden: Count = 128
    depth: Natural = 2
    reference: str = "shadow"
    hands: tuple[str, ...] = ("shadow",)
    training: TokenizerTraining = field(default_factory=TokenizerTraining)

    def __post_init__(self) -> None:
        if self.reference not in self.hands:
            raise ValueError(
                f"the reference hand '{self.reference}' is not among the hands "
                f"{', '.join(self.hands)}"
            )
        if self.training.window % self.chunk:
            raise ValueError(f"window {self.training.window} is no multiple of chunk {self.chunk}")
