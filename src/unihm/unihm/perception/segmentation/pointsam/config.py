"""Configuration of Point-SAM and of its training."""

from __future__ import annotations

from dataclasses import field

from unihm.config import Count, Natural, Positive, Share, settings


@settings()
class SegmentationTraining:
    """How Point-SAM is trained.

    Attributes:
        scenes: rendered heaps.
        steps: batches.
        batch: clouds per step.
        rate: largest learning rate (one cycle: warm-up, then cosine).
        clicks: rounds per cloud and step; the first click is ambiguous, the others correct it.
        proposals: share of the first rounds that begin with a piece of the surface as mask prompt.
        refinements: share of the second rounds that bring no new click, only the last mask.
        seed: of everything.
    """

    scenes: Count = 240
    steps: Natural = 560
    batch: Count = 4
    rate: Positive = 2e-3
    clicks: Count = 3
    proposals: Share = 0.4
    refinements: Share = 0.25
    seed: Natural = 0


@settings()
class PointSamConfig:
    """Sizes of the network.

    Attributes:
        features: values per point besides its position.
        dense: values per point of the dense prompt.
        surface: width of the graph network over neighbouring points.
        surface_depth: its layers.
        patches: centres chosen by farthest point sampling.
        neighbours: points per patch.
        width: of the tokens.
        depth: blocks of the encoder.
        heads: of every attention.
        patch_width: hidden widths of the patch encoder.
        mask_width: of the features that masks are read from.
        decoder_depth: two-way blocks.
        training: how it is trained.
    """

    features: Count = 6
    dense: Count = 7
    surface: Count = 32
    surface_depth: Count = 3
    patches: Count = 96
    neighbours: Count = 24
    width: Count = 64
    depth: Count = 2
    heads: Count = 4
    patch_width: tuple[Count, Count] = (32, 64)
    mask_width: Count = 32
    decoder_depth: Count = 2
    training: SegmentationTraining = field(default_factory=SegmentationTraining)
