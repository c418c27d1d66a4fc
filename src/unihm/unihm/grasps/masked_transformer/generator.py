"""The masked transformer in use: a cloud and a sentence to grasps, and grasps to edited ones."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unihm.config import from_mapping
from unihm.errors import ErrorCode, UnihmError
from unihm.generator import View
from unihm.generator.inputs import view_features
from unihm.grasps.masked_transformer.config import MaskedTransformerConfig
from unihm.grasps.masked_transformer.model import MASK, MaskedTransformerModel
from unihm.grasps.part_tokenizer import PARTS, PartTokenizer
from unihm.grasps.part_tokenizer.heading import turned
from unihm.grasps.part_tokenizer.model import ABSENT
from unihm.grasps.sampled import SampledGrasps
from unihm.paths import weights_file
from unihm.perception.language import sentence_encoder
from unihm.robots import load_hand
from unihm.robots.fingers import own_joints
from unihm.types import FloatArray, IntArray, ObjectCloud
from unihm.weights import load_weights, read_about, save_weights

FILE = "masked_transformer.safetensors"
_PART_WORDS = {**dict.fromkeys(PARTS, ""), "pinky": "little", "wrist": "palm"}


@dataclass(frozen=True)
class CodedGrasps(SampledGrasps):
    """Grasps with the codes that they were decoded from, which may be edited.

    Attributes:
        codes: (B, 6) of the part tokenizer; -1 for a finger that the hand lacks.
        confidence: (B,) mean logarithm of the probability of the codes that were filled in.
    """

    codes: IntArray


class MaskedGraspGenerator:
    """Samples grasps of the hands that the part tokenizer knows (section 3.3).

    Attributes:
        model: the network.
        tokenizer: of parts, whose codes it speaks.
    """

    def __init__(
        self,
        config: MaskedTransformerConfig,
        model: MaskedTransformerModel,
        tokenizer: PartTokenizer,
    ) -> None:
        self.config = config
        self.model = model.eval()
        self.tokenizer = tokenizer

    @classmethod
    def create(
        cls, config: MaskedTransformerConfig, tokenizer: PartTokenizer
    ) -> MaskedGraspGenerator:
        """An untrained one."""
        spoken = tokenizer.model
        model = MaskedTransformerModel(config, spoken.codebook, len(spoken.hands))
        return cls(config, model, tokenizer)

    @classmethod
    def load(cls, preset: str = "tiny") -> MaskedGraspGenerator:
        """Load the weights of a preset, and its part tokenizer's; see :meth:`read`."""
        return cls.read(weights_file(preset, FILE).parent, PartTokenizer.load(preset))

    @classmethod
    def read(cls, folder: Path, tokenizer: PartTokenizer) -> MaskedGraspGenerator:
        """Read ``masked_transformer.json`` and ``masked_transformer.safetensors`` of a folder.

        Raises:
            UnihmError: WEIGHTS_MISSING when a file is missing or damaged; CODEBOOK_MISMATCH when
                it was trained with the codes of another part tokenizer.
        """
        about = read_about(folder / FILE, "config", "codebook_id")
        if about["codebook_id"] != tokenizer.codebook_id:
            raise UnihmError(
                ErrorCode.CODEBOOK_MISMATCH,
                f"The masked transformer in {folder} speaks codebook {about['codebook_id']}, the "
                f"part tokenizer {tokenizer.codebook_id}.",
            )
        config = from_mapping(MaskedTransformerConfig, about["config"], FILE)
        generator = cls.create(config, tokenizer)
        load_weights(folder / FILE, generator.model)
        return generator

    def save(self, folder: Path, about: dict[str, Any] | None = None) -> None:
        """Write the weights and their JSON (with ``about`` in it)."""
        description = {
            "codebook_id": self.tokenizer.codebook_id,
            "config": dataclasses.asdict(self.config),
        }
        save_weights(folder / FILE, self.model, {**description, **(about or {})}, half=True)

    def warm_up(self) -> None:
        """Sample once for nothing: the sentence encoder takes seconds the first time."""
        sides = np.concatenate([np.eye(3), -np.eye(3)])
        self.sample(self.tokenizer.model.hands[0], ObjectCloud(0.03 * sides, sides), "take it", 1)

    def sample(
        self, hand: str, cloud: ObjectCloud, instruction: str, count: int, seed: int = 0
    ) -> CodedGrasps:
        """``count`` grasps from an empty canvas; the same arguments give the same grasps.

        They come from all around: each is written in a frame of its own, and these are turned
        about the vertical in equal steps.

        Args:
            hand: that the part tokenizer knows.
            cloud: the whole surface or the part of it that is seen, object frame, z up.
            instruction: the sentence.
            count: B.
            seed: of the draws.

        Raises:
            UnihmError: UNKNOWN_HAND.
        """
        present = self.tokenizer.points(hand).present
        empty = torch.where(present, MASK, ABSENT).expand(count, -1)
        turns: FloatArray = np.linspace(0.0, 2 * np.pi, count, endpoint=False, dtype=np.float64)
        codes, confidence = self._fill(hand, empty, turns, cloud, instruction, seed)
        order = np.argsort(-confidence, kind="stable")
        return self._grasps(hand, codes[order], turns[order], confidence[order])

    def _grasps(
        self, hand: str, codes: IntArray, turns: FloatArray, confidence: FloatArray
    ) -> CodedGrasps:
        T_frame_wrist, joints = self.tokenizer.decode(hand, codes)
        T_object_wrist = turned(turns) @ T_frame_wrist
        return CodedGrasps(hand, turns, T_object_wrist, joints, confidence, codes)

    def edit(
        self,
        grasps: CodedGrasps,
        parts: Sequence[str],
        cloud: ObjectCloud,
        instruction: str,
        seed: int = 0,
    ) -> CodedGrasps:
        """The same grasps with other codes of some parts (equation 8), which all of them change.

        The decoder is shared, so that other codes of a finger move wrist and other fingers a
        little; of what it says the joints of the named fingers alone are taken, and the wrist
        where the palm is named. Joints that move several fingers stay.

        Args:
            grasps: to edit.
            parts: of :data:`~unihm.grasps.part_tokenizer.PARTS`.
            cloud: as for :meth:`sample`.
            instruction: the new sentence.
            seed: of the draws.

        Raises:
            UnihmError: INVALID_INSTRUCTION for parts that the hand does not have.
        """
        present = self.tokenizer.points(grasps.hand).present.numpy()
        edited = np.isin(PARTS, list(parts))
        if not edited.any() or (edited & ~present).any():
            raise UnihmError(
                ErrorCode.INVALID_INSTRUCTION,
                f"Of the hand '{grasps.hand}' I can move "
                f"{', '.join(np.array(PARTS)[present])}, not {', '.join(parts) or 'nothing'}.",
            )
        old = torch.from_numpy(grasps.codes)
        masked = torch.where(torch.from_numpy(edited), MASK, old)
        codes, confidence = self._fill(
            grasps.hand, masked, grasps.turns, cloud, instruction, seed, without=old
        )
        said = self._grasps(grasps.hand, codes, grasps.turns, confidence)
        hand, joints = load_hand(grasps.hand), grasps.joints.copy()
        for name, own in zip(hand.finger_names, own_joints(hand)):
            if edited[PARTS.index(name)]:
                joints[:, own] = said.joints[:, own]
        palm = said if edited[PARTS.index("palm")] else grasps
        return replace(said, T_object_wrist=palm.T_object_wrist, joints=joints)

    @torch.inference_mode()
    def _fill(
        self,
        hand: str,
        codes: Tensor,
        turns: FloatArray,
        cloud: ObjectCloud,
        instruction: str,
        seed: int,
        without: Tensor | None = None,
    ) -> tuple[IntArray, FloatArray]:
        """Iterative masked sampling of the codes (B, 6) that are MASK, the same ones in all rows.

        After iteration t of T the ceil(cos(pi t / 2T) n) least sure of n are asked for again.

        Returns:
            codes (B, 6), and the mean logarithm of the probability of each row's new ones (B,).
        """
        config, random = self.config, torch.Generator().manual_seed(seed)
        batch, asked = len(codes), codes == MASK
        clouds = np.stack(
            [
                view_features(View(T, cloud), config.points, np.random.default_rng(seed))
                for T in turned(turns)
            ]
        )
        sentence = torch.from_numpy(sentence_encoder.encode([instruction])).expand(batch, -1)
        condition = self.model.condition(sentence, torch.from_numpy(clouds)).repeat(2, 1, 1)
        shown = torch.arange(2 * batch) < batch
        number = self.tokenizer.model.hands.index(hand)
        count = int(asked[0].sum())
        certainty = torch.full(codes.shape, torch.inf)
        steps = min(config.iterations, count)
        for t in range(1, steps + 1):
            masked = codes == MASK
            logits = self.model(codes.repeat(2, 1), number, condition, shown)
            with_it, without_it = logits[:batch], logits[batch:]
            guided = (1 + config.guidance) * with_it - config.guidance * without_it  # equation 7
            if without is not None:
                guided = guided.scatter(2, without.clamp(min=0)[..., None], -torch.inf)
            log_p = (guided / config.temperature).log_softmax(dim=-1)
            drawn = torch.multinomial(log_p.exp().flatten(0, 1), 1, generator=random)
            drawn = drawn.reshape(codes.shape)
            said = log_p.gather(2, drawn[..., None])[..., 0]
            codes = torch.where(masked, drawn, codes)
            certainty = torch.where(masked, said, certainty)
            again = int(np.ceil(np.cos(np.pi * t / (2 * steps)) * count - 1e-9))
            again = min(again, int(masked[0].sum()) - 1)  # one more is known each time
            doubtful = torch.where(masked, certainty, torch.inf).argsort(dim=1)[:, :again]
            codes = codes.scatter(1, doubtful, MASK)
        confidence = torch.where(asked, certainty, 0.0).sum(dim=1) / count
        return codes.numpy(), confidence.double().numpy()


def named_parts(sentence: str) -> list[str]:
    """The parts of a hand that a sentence names, e.g. "move only the thumb"."""
    words = re.findall(r"[a-z]+", sentence.lower())
    return [_PART_WORDS[word] or word for word in words if word in _PART_WORDS]
