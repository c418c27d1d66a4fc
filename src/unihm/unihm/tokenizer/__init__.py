"""Stage: one codebook for all hands, with an encoder and a decoder for each (section 3.2)."""

from unihm.tokenizer.config import TokenizerConfig, TokenizerTraining
from unihm.tokenizer.tokenizer import Tokenizer

__all__ = ["Tokenizer", "TokenizerConfig", "TokenizerTraining"]
