"""Settings of the masked grasp transformer; section ``masked_transformer`` of a preset."""

from __future__ import annotations

from dataclasses import field

from unihm.config import Count, NotNegative, Positive, Share, settings
from unihm.grasps.config import GraspTraining


@settings()
class MaskedTransformerTraining(GraspTraining):
    """How it is trained (sections 3.2, 3.3 and 5.1 of MaskDexGrasp).

    Attributes:
        steps: batches, each of one hand.
        batch: grasps per step.
        learning_rate: peak of a warm-up and half a cosine.
        weight_decay: of AdamW.
        drop: share of the grasps that are shown without their condition (p_uncond).
        sentences: different ones for each grasp.
    """

    steps: Count = 254000
    batch: Count = 128
    learning_rate: Positive = 2e-4
    weight_decay: NotNegative = 0.01
    drop: Share = 0.1
    sentences: Count = 4


@settings()
class MaskedTransformerConfig:
    """Shape of the network, and how it is sampled; it travels with the weights.

    Attributes:
        layers, heads, width: of the transformer.
        dropout: within it, while it is trained.
        points: of a cloud that are looked at.
        patches: local tokens of a cloud.
        neighbours: points of each.
        iterations: T of the sampling.
        guidance: s of equation 7.
        temperature: of the drawn codes; the less, the likelier ones and the less diverse.
        training: how to train.
    """

    layers: Count = 9
    heads: Count = 16
    width: Count = 512
    dropout: Share = 0.1
    points: Count = 1024
    patches: Count = 64
    neighbours: Count = 32
    iterations: Count = 6
    guidance: NotNegative = 1.0
    temperature: Positive = 1.0
    training: MaskedTransformerTraining = field(default_factory=MaskedTransformerTraining)

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        if self.neighbours > self.points or self.patches > self.points:
            raise ValueError("there are fewer points than patches or neighbours")
