"""Grasps from a cloud and a sentence by masked part tokens (MaskDexGrasp, sections 3.2, 3.3)."""

from unihm.grasps.masked_transformer.config import (
    MaskedTransformerConfig,
    MaskedTransformerTraining,
)
from unihm.grasps.masked_transformer.generator import (
    MaskedGraspGenerator,
    SampledGrasps,
    named_parts,
)
from unihm.grasps.masked_transformer.model import MASK, MaskedTransformerModel

__all__ = [
    "MASK",
    "MaskedGraspGenerator",
    "MaskedTransformerConfig",
    "MaskedTransformerModel",
    "MaskedTransformerTraining",
    "SampledGrasps",
    "named_parts",
]
