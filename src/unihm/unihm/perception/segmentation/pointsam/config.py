"""Configuration of Point-SAM and of its training."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
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

    scenes: int = 240
    steps: int = 560
    batch: int = 4
    rate: float = 2e-3
    clicks: int = 3
    proposals: float = 0.4
    refinements: float = 0.25
    seed: int = 0


@dataclass(frozen=True)
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

    features: int = 6
    dense: int = 7
    surface: int = 32
    surface_depth: int = 3
    patches: int = 96
    neighbours: int = 24
    width: int = 64
    depth: int = 2
    heads: int = 4
    patch_width: tuple[int, int] = (32, 64)
    mask_width: int = 32
    decoder_depth: int = 2
    training: SegmentationTraining = field(default_factory=SegmentationTraining)
