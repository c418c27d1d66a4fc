"""Configuration of SnowflakeNet and of its training."""

from __future__ import annotations

from dataclasses import field

from unihm.config import Count, Natural, Positive, settings

_Widths = tuple[Count, Count]


@settings()
class CompletionTraining:
    """How SnowflakeNet is trained.

    Attributes:
        views: single views of random shapes.
        steps: batches.
        batch: views per step.
        rate: largest learning rate (one cycle: warm-up, then cosine).
        seed: of everything.
    """

    views: Count = 6000
    steps: Natural = 15000
    batch: Count = 8
    rate: Positive = 2e-3
    seed: Natural = 0


@settings()
class SnowflakeConfig:
    """Sizes of the network; the defaults are ``tiny``.

    Attributes:
        partial: points of the seen part that the network reads.
        groups: centres of the two levels of the encoder.
        group_widths: hidden and output width of each of its three levels.
        neighbours: points per group and per attention.
        attention: width of every attention.
        attention_factor: hidden width of the attention's weights, as a multiple of it.
        seeds: points of the seed generator.
        start: points, of seeds and seen part, from which the deconvolutions begin.
        width: of the decoder's features.
        factors: children per point of each snowflake deconvolution.
        radius: each deconvolution moves its points by at most ``radius ** -step``.
        heads: with heads for normals and for the expected error (published weights have none).
        extent: half the longest side of a normalised object.
        y_up: the network's vertical axis is y, as in ShapeNet; else z.
        training: how it is trained.
    """

    partial: Count = 256
    groups: tuple[Count, Count] = (96, 32)
    group_widths: tuple[_Widths, _Widths, _Widths] = ((32, 64), (64, 96), (96, 192))
    neighbours: Count = 8
    attention: Count = 32
    attention_factor: Count = 2
    seeds: Count = 64
    start: Count = 128
    width: Count = 64
    factors: tuple[Count, ...] = (1, 2, 4)
    radius: Positive = 2.0
    heads: bool = True
    extent: Positive = 1.0
    y_up: bool = False
    training: CompletionTraining = field(default_factory=CompletionTraining)
