"""The generator in use: instruction, trajectory, cloud and initial pose to hand tokens."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Qwen3Config, Qwen3Model

from unihm.config import from_mapping
from unihm.errors import ErrorCode, UnihmError
from unihm.generator.config import GeneratorConfig
from unihm.generator.inputs import View, relative_poses, trajectory_features, view_features
from unihm.generator.model import GeneratorModel
from unihm.generator.text import BackboneText, SentenceEncoderText, TextEncoder
from unihm.paths import weights_file
from unihm.perception.scene import example
from unihm.robots import load_hand
from unihm.tokenizer import Tokenizer
from unihm.transforms import invert
from unihm.types import FloatArray, HandTokens, ObjectCloud, ObjectTrajectory, Task
from unihm.weights import load_weights, read_about, save_weights

FILE = "generator.safetensors"


class Generator:
    """Generates all tokens of a motion in a single forward pass (equation 9).

    Attributes:
        model: the network.
        tokenizer: whose codes it speaks.
    """

    def __init__(self, model: GeneratorModel, tokenizer: Tokenizer, text: TextEncoder) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.text = text

    @classmethod
    def create(cls, config: GeneratorConfig, tokenizer: Tokenizer) -> Generator:
        """An untrained generator; ``config.backbone`` may name a Qwen3 checkpoint on this machine.

        Raises:
            UnihmError: WEIGHTS_MISSING when the named checkpoint is not there or no Qwen3.
        """
        backbone = load_backbone(config.backbone) if config.backbone else None
        return cls._build(config, tokenizer, tokenizer.hands, backbone, Path(config.backbone))

    @classmethod
    def load(cls, preset: str = "tiny", tokenizer: Tokenizer | None = None) -> Generator:
        """Load the weights of a preset, and its tokenizer's unless one is given."""
        folder = weights_file(preset, FILE).parent
        return cls.read(folder, tokenizer or Tokenizer.load(preset))

    @classmethod
    def read(cls, folder: Path, tokenizer: Tokenizer) -> Generator:
        """Read ``generator.json`` and ``generator.safetensors`` of a folder.

        Raises:
            UnihmError: WEIGHTS_MISSING when a file is missing or damaged; CODEBOOK_MISMATCH
                when the generator was trained with the codes of another tokenizer.
        """
        path = folder / FILE
        about = read_about(path, "config", "hands", "codebook_id")
        if about["codebook_id"] != tokenizer.codebook_id:
            raise UnihmError(
                ErrorCode.CODEBOOK_MISMATCH,
                f"The generator in {folder} speaks codebook {about['codebook_id']}, "
                f"the tokenizer {tokenizer.codebook_id}.",
            )
        config = from_mapping(GeneratorConfig, about["config"], path.stem)
        # The folder holds the backbone's weights and vocabulary too: its checkpoint can go.
        backbone = Qwen3Model(Qwen3Config.from_dict(about["backbone"])) if config.backbone else None
        generator = cls._build(
            config, tokenizer, tuple(about["hands"]), backbone, folder / "vocabulary"
        )
        load_weights(path, generator.model)
        return generator

    @classmethod
    def _build(
        cls,
        config: GeneratorConfig,
        tokenizer: Tokenizer,
        hands: tuple[str, ...],
        backbone: Qwen3Model | None,
        vocabulary: Path,
    ) -> Generator:
        text: TextEncoder = SentenceEncoderText()
        if backbone is not None:
            text = BackboneText(backbone.embed_tokens, vocabulary)
        codebook, carry = tokenizer.model.quantizer.codebook, tokenizer.config.carry
        model = GeneratorModel(
            config, codebook, carry, tokenizer.chunk, text.width, hands, backbone
        )
        return cls(model, tokenizer, text)

    def save(self, folder: Path, about: dict[str, Any] | None = None) -> None:
        """Write ``generator.safetensors`` and ``generator.json`` (with ``about`` in it)."""
        description = {
            "codebook_id": self.tokenizer.codebook_id,
            "config": dataclasses.asdict(self.model.config),
            "hands": list(self.model.hands),
        }
        if isinstance(self.text, BackboneText):
            description["backbone"] = self.model.backbone.config.to_dict()
            self.text.tokenizer.save_pretrained(folder / "vocabulary")
        save_weights(folder / FILE, self.model, {**description, **(about or {})})

    def warm_up(self) -> None:
        """Generate once for nothing: the first time takes a second, the next ones a hundredth."""
        self.tokenizer.warm_up()
        hand = load_hand(self.tokenizer.hands[0])
        sides = np.concatenate([np.eye(3), -np.eye(3)])
        self.generate(
            Task("warm-up", "pick up the red box", hand.name),
            example.example_trajectory(),
            ObjectCloud(0.03 * sides, sides),
            hand.open_joints,
            np.eye(4),
        )

    def generate(
        self,
        task: Task,
        trajectory: ObjectTrajectory,
        cloud: ObjectCloud,
        joints: FloatArray,
        T_object_wrist: FloatArray,
    ) -> HandTokens:
        """Tokens of the motion that carries out ``task`` (equation 9).

        Args:
            task: the instruction that is followed, and the hand whose tokens they are; they may be
                decoded for any other hand too.
            trajectory: where the object shall go; it decides the number of tokens.
            cloud: the object's surface in the trajectory's object frame.
            joints: (J,) the hand's independent joints now, radians.
            T_object_wrist: (4, 4) the hand's root link now, in the object frame.

        Raises:
            UnihmError: INVALID_INSTRUCTION for an empty instruction; INVALID_MOTION for a
                trajectory longer than the model allows; UNKNOWN_HAND.
        """
        whole = View(np.eye(4), cloud)
        return self.generate_views(task, trajectory, [whole], joints, T_object_wrist)[0]

    def generate_views(
        self,
        task: Task,
        trajectory: ObjectTrajectory,
        views: Sequence[View],
        joints: FloatArray,
        T_object_wrist: FloatArray,
    ) -> list[HandTokens]:
        """:meth:`generate` for every view of one object, in one batch: a grasp from each.

        Raises:
            UnihmError: as for :meth:`generate`.
        """
        if not task.instruction.strip():
            raise UnihmError(ErrorCode.INVALID_INSTRUCTION, "The instruction is empty.")
        if len(trajectory) > self.model.config.max_chunks * self.tokenizer.chunk:
            raise UnihmError(
                ErrorCode.INVALID_MOTION,
                f"The trajectory has {len(trajectory)} frames; the generator goes up to "
                f"{self.model.config.max_chunks * self.tokenizer.chunk}.",
            )
        hand, joints = self.hand_index(task.hand), np.asarray(joints, float)
        T_0_t = relative_poses(trajectory)
        courses, initials, clouds = [], [], []
        for view in views:
            T_frame_object = invert(view.T_object_frame)
            courses.append(
                trajectory_features(
                    T_frame_object @ T_0_t @ view.T_object_frame,
                    trajectory.phase,
                    self.tokenizer.chunk,
                )
            )
            T_frame_wrist = T_frame_object @ T_object_wrist
            initials.append(self.tokenizer.encode_pose(task.hand, T_frame_wrist, joints))
            # A fixed choice of points: the same input gives the same tokens.
            clouds.append(view_features(view, self.model.config.points, np.random.default_rng(0)))
        words = torch.from_numpy(self.text(task.instruction)).expand(len(views), -1, -1)
        with torch.inference_mode():
            z_hat = self.model(
                text=words,
                text_mask=torch.ones(words.shape[:2], dtype=torch.bool),
                cloud=torch.from_numpy(np.stack(clouds)),
                trajectory=torch.from_numpy(np.stack(courses)),
                chunk_mask=torch.ones(len(views), len(courses[0]), dtype=torch.bool),
                initial=torch.stack(initials),
                hand=hand,
            )
            codes = self.tokenizer.model.quantizer.encode(z_hat).numpy()
        chunk, codebook = self.tokenizer.chunk, self.tokenizer.codebook_id
        return [
            HandTokens(own, chunk, codebook, view.T_object_frame) for own, view in zip(codes, views)
        ]

    def hand_index(self, hand: str) -> int:
        """Number of the hand's own token; 0 in a model without one. Raises UNKNOWN_HAND."""
        if not self.model.config.hand_token:
            return 0
        if hand not in self.model.hands:
            raise UnihmError(
                ErrorCode.UNKNOWN_HAND,
                f"The generator does not know the hand '{hand}'; it knows "
                f"{', '.join(self.model.hands)}.",
            )
        return self.model.hands.index(hand)


def load_backbone(folder: str) -> Qwen3Model:
    """Qwen3 weights (safetensors) of a folder, or of a hub's name that was downloaded before.

    Raises:
        UnihmError: WEIGHTS_MISSING when there is no Qwen3 checkpoint.
    """
    try:
        return Qwen3Model.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise UnihmError(
            ErrorCode.WEIGHTS_MISSING,
            f"No Qwen3 weights at '{folder}'; give a folder with config.json, tokenizer.json "
            f"and model.safetensors, or download the checkpoint first: {error}",
        ) from error
