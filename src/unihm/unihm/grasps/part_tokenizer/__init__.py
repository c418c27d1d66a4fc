"""A grasp as six tokens, one for the palm and one for each finger (MaskDexGrasp, section 3.1)."""

from unihm.grasps.part_tokenizer.config import PartTokenizerConfig, PartTokenizerTraining
from unihm.grasps.part_tokenizer.model import PARTS, PartTokenizerModel
from unihm.grasps.part_tokenizer.points import PartPoints
from unihm.grasps.part_tokenizer.tokenizer import PartTokenizer

__all__ = [
    "PARTS",
    "PartPoints",
    "PartTokenizer",
    "PartTokenizerConfig",
    "PartTokenizerModel",
    "PartTokenizerTraining",
]
