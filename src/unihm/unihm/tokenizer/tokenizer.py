"""The tokenizer in use: motions of any hand to shared codes and back (equations 1, 2 and 6)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unihm.config import from_mapping
from unihm.errors import ErrorCode, UnihmError
from unihm.paths import weights_file
from unihm.robots import load_hand
from unihm.tokenizer.config import TokenizerConfig
from unihm.tokenizer.features import (
    POSE_FEATURES,
    Features,
    features_motion,
    motion_features,
    to_features,
)
from unihm.tokenizer.model import TokenizerModel
from unihm.tokenizer.pinches import CODEBOOK, decode_pinch
from unihm.types import FloatArray, HandMotion, HandTokens, ObjectTrajectory
from unihm.weights import load_weights, read_about, save_weights

FILE = "tokenizer.safetensors"


class Tokenizer:
    """Encodes and decodes the motions of the hands that ``model`` knows.

    Attributes:
        model: the network, frozen; its codebook is the vocabulary of every token.
    """

    def __init__(self, model: TokenizerModel) -> None:
        self.model = model.eval().requires_grad_(False)
        self.hands = tuple(model.encoders)
        self.codebook_id = model.quantizer.identity

    @property
    def config(self) -> TokenizerConfig:
        """Sizes and training settings of the network."""
        return self.model.config

    @property
    def chunk(self) -> int:
        """Frames per token."""
        return self.config.chunk

    @property
    def levels(self) -> int:
        """Residual levels R per token."""
        return self.config.levels

    @classmethod
    def load(cls, preset: str = "tiny") -> Tokenizer:
        """Load the weights of a preset; see :meth:`read`."""
        return cls.read(weights_file(preset, FILE).parent)

    @classmethod
    def read(cls, folder: Path) -> Tokenizer:
        """Read ``tokenizer.json`` and ``tokenizer.safetensors`` of a folder.

        Raises:
            UnihmError: WEIGHTS_MISSING when a file is missing or damaged; CODEBOOK_MISMATCH
                when the weights do not hold the codebook that the description names.
        """
        path = folder / FILE
        about = read_about(path, "config", "hands", "codebook_id")
        model = TokenizerModel(from_mapping(TokenizerConfig, about["config"], path.stem))
        for name, joints in about["hands"].items():
            model.add_hand(name, POSE_FEATURES + len(joints))
        load_weights(path, model)
        tokenizer = cls(model)
        if tokenizer.codebook_id != about["codebook_id"]:
            raise UnihmError(
                ErrorCode.CODEBOOK_MISMATCH,
                f"{folder} names codebook {about['codebook_id']} but holds "
                f"{tokenizer.codebook_id}.",
            )
        for name, joints in about["hands"].items():
            if list(load_hand(name).joint_names) != joints:
                raise UnihmError(
                    ErrorCode.INVALID_HAND_FILE,
                    f"The tokenizer was trained with other joints of '{name}': {joints}.",
                )
        return tokenizer

    def save(self, folder: Path, about: dict[str, Any] | None = None) -> None:
        """Write ``tokenizer.safetensors`` and ``tokenizer.json`` (with ``about`` in it)."""
        description = {
            "codebook_id": self.codebook_id,
            "config": dataclasses.asdict(self.config),
            "hands": {name: list(load_hand(name).joint_names) for name in self.hands},
        }
        save_weights(folder / FILE, self.model, {**description, **(about or {})})

    def encode(self, motion: HandMotion, levels: int | None = None) -> HandTokens:
        """Codes of a motion (equation 1); a last incomplete chunk is filled with the last frame.

        Args:
            motion: of a hand that the tokenizer knows.
            levels: codes per chunk; None: as many as there are. One is the paper's mode.

        Raises:
            UnihmError: UNKNOWN_HAND for a hand that the tokenizer was not trained for.
        """
        self._check_hand(motion.hand)
        z = self.encode_features(motion.hand, motion_features(motion, load_hand(motion.hand)))
        with torch.inference_mode():
            codes = self.model.quantizer.encode(z, levels)
        return HandTokens(codes.numpy(), self.chunk, self.codebook_id)

    def warm_up(self) -> None:
        """Compile and lay out what encoding needs, while nobody waits for tokens."""
        self.model.quantizer.encode(torch.zeros(1, self.config.latent))

    def decode(self, tokens: HandTokens, hand: str, trajectory: ObjectTrajectory) -> HandMotion:
        """Motion of ``hand`` along ``trajectory`` (equation 2); joints are within their limits.

        Fewer residual levels than the tokenizer has give a coarser motion. Where the configuration
        has a ``carry``, the tokens must have been encoded with as many; they cannot be cut short.

        Raises:
            UnihmError: UNKNOWN_HAND; CODEBOOK_MISMATCH for tokens of another codebook;
                INVALID_MOTION for codes out of range, or too few or too many for the trajectory.
        """
        if tokens.codebook_id == CODEBOOK:
            return decode_pinch(tokens, load_hand(hand), trajectory)
        self._check_hand(hand)
        self.check_tokens(tokens)
        needed = -(-len(trajectory) // self.chunk)
        if len(tokens.codes) != needed:
            raise UnihmError(
                ErrorCode.INVALID_MOTION,
                f"{len(trajectory)} frames need {needed} tokens, not {len(tokens.codes)}.",
            )
        with torch.inference_mode():
            z_q = self.model.quantizer.decode(torch.from_numpy(tokens.codes))
            rows = self.model.decode(hand, z_q[None])[0, : len(trajectory)].numpy()
        motion = features_motion(rows, load_hand(hand), trajectory)
        T_object_wrist = tokens.T_object_frame @ motion.T_object_wrist
        return dataclasses.replace(motion, T_object_wrist=T_object_wrist)

    def translate(self, motion: HandMotion, to: str, levels: int | None = None) -> HandMotion:
        """The same motion on another hand (equation 6), with all or the first ``levels`` codes.

        Raises:
            UnihmError: UNKNOWN_HAND for one of the hands.
        """
        return self.decode(self.encode(motion, levels), to, motion.trajectory)

    def encode_pose(
        self, hand: str, T_object_wrist: FloatArray, joints: FloatArray
    ) -> torch.Tensor:
        """Latent (d,) of a pose held still: (4, 4), (J,). The generator's initial hand pose."""
        self._check_hand(hand)
        row = to_features(T_object_wrist[None], joints[None], load_hand(hand))
        return self.encode_features(hand, row)[0]

    def encode_features(self, hand: str, rows: Features) -> torch.Tensor:
        """Latents (L, d) before quantisation of feature rows (T, F)."""
        missing = -len(rows) % self.chunk
        rows = np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)])
        with torch.inference_mode():
            return self.model.encode(hand, torch.from_numpy(rows)[None])[0]

    def check_tokens(self, tokens: HandTokens) -> None:
        """Raise CODEBOOK_MISMATCH or INVALID_MOTION for tokens that cannot be decoded here."""
        if tokens.codebook_id != self.codebook_id or tokens.chunk != self.chunk:
            raise UnihmError(
                ErrorCode.CODEBOOK_MISMATCH,
                f"The tokens are of codebook {tokens.codebook_id} (chunk {tokens.chunk}), "
                f"the tokenizer of {self.codebook_id} (chunk {self.chunk}).",
            )
        codes = tokens.codes
        if (
            codes.ndim != 2
            or not 1 <= codes.shape[1] <= self.levels
            or (len(codes) and not 0 <= codes.min() <= codes.max() < self.config.codebook_size)
        ):
            raise UnihmError(
                ErrorCode.INVALID_MOTION,
                f"Codes must be (L, 1..{self.levels}) within 0..{self.config.codebook_size - 1}.",
            )

    def random_tokens(self, shape: tuple[int, int], generator: np.random.Generator) -> HandTokens:
        """Codes (L, R) drawn uniformly: the baseline that shows what a generator has learned."""
        codes = generator.integers(0, self.config.codebook_size, shape)
        return HandTokens(codes, self.chunk, self.codebook_id)

    def _check_hand(self, hand: str) -> None:
        if hand not in self.hands:
            raise UnihmError(
                ErrorCode.UNKNOWN_HAND,
                f"The tokenizer does not know the hand '{hand}'; it knows {', '.join(self.hands)}.",
            )
