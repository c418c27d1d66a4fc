"""The part-aware tokenizer in use: a grasp to six codes and back."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unihm.config import from_mapping
from unihm.errors import ErrorCode, UnihmError
from unihm.grasps.part_tokenizer.config import PartTokenizerConfig
from unihm.grasps.part_tokenizer.model import PartTokenizerModel
from unihm.grasps.part_tokenizer.points import PARTS, PartPoints
from unihm.paths import weights_file
from unihm.robots import load_hand
from unihm.tokenizer.features import Features, from_features, to_features
from unihm.tokenizer.quantizer import codebook_identity
from unihm.types import FloatArray, IntArray
from unihm.weights import load_weights, read_about, save_weights

FILE = "part_tokenizer.safetensors"


class PartTokenizer:
    """Encodes and decodes grasps of the hands that ``model`` knows.

    A code means the same part on every hand: codes of one hand may be decoded for another.

    Attributes:
        model: the network, frozen.
    """

    def __init__(self, model: PartTokenizerModel) -> None:
        self.model = model.eval().requires_grad_(False)

    @property
    def codebook_id(self) -> str:
        """Identity of the codebooks: what speaks their codes must agree with it."""
        return codebook_identity(self.model.codebook)

    @classmethod
    def create(cls, config: PartTokenizerConfig) -> PartTokenizer:
        """An untrained one; raises UNKNOWN_HAND."""
        joints = {name: load_hand(name).num_joints for name in config.hands}
        return cls(PartTokenizerModel(config, joints))

    @classmethod
    def load(cls, preset: str = "tiny") -> PartTokenizer:
        """Load the weights of a preset; see :meth:`read`."""
        return cls.read(weights_file(preset, FILE).parent)

    @classmethod
    def read(cls, folder: Path) -> PartTokenizer:
        """Read ``part_tokenizer.json`` and ``part_tokenizer.safetensors`` of a folder.

        Raises:
            UnihmError: WEIGHTS_MISSING when a file is missing or damaged.
        """
        about = read_about(folder / FILE, "config")
        tokenizer = cls.create(from_mapping(PartTokenizerConfig, about["config"], FILE))
        load_weights(folder / FILE, tokenizer.model)
        return tokenizer

    def save(self, folder: Path, about: dict[str, Any] | None = None) -> None:
        """Write the weights and their JSON (with ``about`` in it)."""
        config = dataclasses.asdict(self.model.config)
        save_weights(folder / FILE, self.model, {"config": config, **(about or {})})

    @cached_property
    def _points(self) -> dict[str, PartPoints]:
        return {name: PartPoints(name, self.model.config.points) for name in self.model.hands}

    def points(self, hand: str) -> PartPoints:
        """The surface points of a hand; raises UNKNOWN_HAND for one that it was not trained for."""
        if hand not in self.model.hands:
            raise UnihmError(
                ErrorCode.UNKNOWN_HAND,
                f"The part tokenizer does not know the hand '{hand}'; it knows "
                f"{', '.join(self.model.hands)}.",
            )
        return self._points[hand]

    def encode(self, hand: str, T_object_wrist: FloatArray, joints: FloatArray) -> IntArray:
        """Codes (B, 6) of grasps, wrist (B, 4, 4) and joints (B, J); -1 for an absent part."""
        return self.encode_rows(hand, to_features(T_object_wrist, joints, load_hand(hand)))

    def decode(self, hand: str, codes: IntArray) -> tuple[FloatArray, FloatArray]:
        """Wrist (B, 4, 4) and joints (B, J), within their limits, of codes (B, 6).

        Raises:
            UnihmError: UNKNOWN_HAND; INVALID_MOTION for codes out of range.
        """
        return from_features(self.decode_rows(hand, codes), load_hand(hand))

    def encode_rows(self, hand: str, rows: Features) -> IntArray:
        """Codes (B, 6) of feature rows (B, 9 + J)."""
        points = self.points(hand)
        with torch.inference_mode():
            z = self.model.encode(points(torch.from_numpy(np.asarray(rows, np.float32))))
            return self.model.quantise(z, points.present).numpy()

    def decode_rows(self, hand: str, codes: IntArray) -> Features:
        """Feature rows (B, 9 + J) of codes (B, 6); parts that the hand lacks are not looked at."""
        codes, size = np.asarray(codes), self.model.config.codes
        if codes.ndim != 2 or codes.shape[1] != len(PARTS) or codes.max(initial=0) >= size:
            raise UnihmError(
                ErrorCode.INVALID_MOTION,
                f"The codes of a grasp are (B, {len(PARTS)}) numbers below {size}.",
            )
        present = self.points(hand).present.numpy()
        own = torch.from_numpy(np.where(present, codes, -1).astype(np.int64))
        with torch.inference_mode():
            return self.model.decode(hand, self.model.vectors(own)).numpy()
