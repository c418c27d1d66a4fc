"""Grasps from a cloud and a sentence by masked part tokens (MaskDexGrasp, sections 3.2, 3.3)."""

from unihm.grasps.masked_transformer.config import (
    MaskedTransformerConfig,
    MaskedTransformerTraining,
)
from unihm.grasps.masked_transformer.generator import (
    CodedGrasps,
    MaskedGraspGenerator,
    named_parts,
)
from unihm.grasps.masked_transformer.model import MASK, MaskedTransformerModel

__all__ = [
    "MASK",
    "CodedGrasps",
    "MaskedGraspGenerator",
    "MaskedTransformerConfig",
    "MaskedTransformerModel",
    "MaskedTransformerTraining",
    "named_parts",
]
