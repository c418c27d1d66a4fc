"""Instructions as one feature vector per word piece, from a language model that is not trained."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unihm.perception.language import sentence_encoder as text


class TextEncoder(Protocol):
    """Turns a sentence into features (S, ``width``)."""

    width: int

    def __call__(self, sentence: str) -> NDArray[np.float32]:
        """Features (S, ``width``) of a sentence of S tokens."""
        ...


class SentenceEncoderText:
    """Last hidden states of the sentence encoder that the planner uses too."""

    width = text.DIMENSION

    @lru_cache(maxsize=4096)  # noqa: B019
    def __call__(self, sentence: str) -> NDArray[np.float32]:
        """(S, 384)."""
        return text.token_states(sentence)


class BackboneText:
    """Embeddings of a pretrained Qwen3's own byte-pair tokens (C1).

    Args:
        embedding: the backbone's token embedding.
        folder: where its ``tokenizer.json`` is; also a hub's name that was downloaded before.
    """

    def __init__(self, embedding: nn.Embedding, folder: Path) -> None:
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        self.embedding = embedding
        self.width = embedding.embedding_dim

    @lru_cache(maxsize=4096)  # noqa: B019  (one encoder lives as long as its generator)
    def __call__(self, sentence: str) -> NDArray[np.float32]:
        """(S, width)."""
        ids = torch.tensor(self.tokenizer(sentence)["input_ids"])
        with torch.inference_mode():
            return self.embedding(ids).float().numpy()
