"""The contact-aware autoencoder in use: a cloud to many grasps that touch where it foretells."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unihm.config import from_mapping
from unihm.errors import ErrorCode, UnihmError
from unihm.generator import View
from unihm.generator.inputs import view_features
from unihm.grasps.contact_vae.config import ContactVaeConfig
from unihm.grasps.contact_vae.contact_map import adjust
from unihm.grasps.contact_vae.model import ContactVaeModel
from unihm.grasps.part_tokenizer.heading import turned
from unihm.grasps.part_tokenizer.points import PartPoints
from unihm.grasps.sampled import SampledGrasps
from unihm.paths import weights_file
from unihm.refinement import RefinementConfig
from unihm.robots import load_hand
from unihm.tokenizer.features import POSITION_SCALE, from_features, to_features
from unihm.transforms import BoolArray
from unihm.types import FloatArray, ObjectCloud
from unihm.weights import load_weights, read_about, save_weights

FILE = "contact_vae.safetensors"
LIKELY = 0.5  # probability from which on a point is in contact
_ADJUSTMENT = RefinementConfig()


class ContactVae:
    """Draws grasps of the hands that it was trained for.

    Attributes:
        config: as given.
        model: the network.
    """

    def __init__(self, config: ContactVaeConfig, model: ContactVaeModel) -> None:
        self.config = config
        self.model = model.eval()

    @classmethod
    def create(cls, config: ContactVaeConfig) -> ContactVae:
        """An untrained one; raises UNKNOWN_HAND."""
        joints = {name: load_hand(name).num_joints for name in config.hands}
        return cls(config, ContactVaeModel(config, joints))

    @classmethod
    def load(cls, preset: str = "tiny") -> ContactVae:
        """Load the weights of a preset; see :meth:`read`."""
        return cls.read(weights_file(preset, FILE).parent)

    @classmethod
    def read(cls, folder: Path) -> ContactVae:
        """Read ``contact_vae.json`` and ``contact_vae.safetensors`` of a folder.

        Raises:
            UnihmError: WEIGHTS_MISSING when a file is missing or damaged.
        """
        about = read_about(folder / FILE, "config")
        vae = cls.create(from_mapping(ContactVaeConfig, about["config"], FILE))
        load_weights(folder / FILE, vae.model)
        return vae

    def save(self, folder: Path, about: dict[str, Any] | None = None) -> None:
        """Write the weights and their JSON (with ``about`` in it)."""
        config = dataclasses.asdict(self.config)
        save_weights(folder / FILE, self.model, {"config": config, **(about or {})}, half=True)

    def warm_up(self) -> None:
        """Draw once for nothing."""
        sides = np.concatenate([np.eye(3), -np.eye(3)])
        cloud = ObjectCloud(0.03 * np.repeat(sides, 4, 0), np.repeat(sides, 4, 0))
        self.sample(self.config.hands[0], cloud, 1)

    @cached_property
    def _points(self) -> dict[str, PartPoints]:
        return {name: PartPoints(name, self.config.hand_points) for name in self.config.hands}

    def points(self, hand: str) -> PartPoints:
        """The surface points of a hand; raises UNKNOWN_HAND for one that it was not trained for."""
        if hand not in self.config.hands:
            raise UnihmError(
                ErrorCode.UNKNOWN_HAND,
                f"The contact-aware generator does not know the hand '{hand}'; it knows "
                f"{', '.join(self.config.hands)}.",
            )
        return self._points[hand]

    def sample(self, hand: str, cloud: ObjectCloud, count: int, seed: int = 0) -> SampledGrasps:
        """``count`` grasps; the same arguments give the same grasps.

        They come from all around: each is drawn in a frame of its own, and these are turned about
        the vertical in equal steps. Each is adjusted to its contact map; those that agree with it
        best come first.

        Args:
            hand: that it was trained for.
            cloud: the whole surface or the part of it that is seen, object frame, z up.
            count: B.
            seed: of the draws.

        Raises:
            UnihmError: UNKNOWN_HAND.
        """
        self.points(hand)
        turns: FloatArray = np.linspace(0.0, 2 * np.pi, count, endpoint=False, dtype=np.float64)
        frames = turned(turns)
        T, joints, clouds, maps = self._draw(hand, cloud, frames, seed)
        adjusted = [
            adjust(hand, *grasp, self.config.weight, _ADJUSTMENT)
            for grasp in zip(T, joints, clouds, maps)
        ]
        T = np.stack([wrist for wrist, _ in adjusted])
        joints = np.stack([own for _, own in adjusted])
        agreement = np.array(
            [
                contact_agreement(self.touched(hand, wrist, own, seen), wanted)
                for wrist, own, seen, wanted in zip(T, joints, clouds, maps)
            ]
        )
        order = np.argsort(-agreement, kind="stable")
        T_object_wrist = frames @ T
        return SampledGrasps(
            hand, turns[order], T_object_wrist[order], joints[order], agreement[order]
        )

    @torch.inference_mode()
    def _draw(
        self, hand: str, cloud: ObjectCloud, frames: FloatArray, seed: int
    ) -> tuple[FloatArray, FloatArray, list[ObjectCloud], list[BoolArray]]:
        """Wrists (B, 4, 4), joints (B, J), clouds and contact maps, each in its own frame."""
        random = np.random.default_rng(seed)
        seen = np.stack([view_features(View(T, cloud), self.config.points, random) for T in frames])
        noise = torch.Generator().manual_seed(seed)
        z = torch.randn(len(frames), self.config.latent, generator=noise)
        rows, logits = self.model.decode(hand, z, self.model.see(torch.from_numpy(seen)))
        T, joints = from_features(rows.numpy(), load_hand(hand))
        clouds = [ObjectCloud(one[:, :3].astype(float), one[:, 3:].astype(float)) for one in seen]
        return T, joints, clouds, list(logits.sigmoid().numpy() > LIKELY)

    def touched(
        self, hand: str, T_object_wrist: FloatArray, joints: FloatArray, cloud: ObjectCloud
    ) -> BoolArray:
        """(N,) the points of a cloud within ``config.near`` of the hand."""
        row = to_features(T_object_wrist[None], joints[None], load_hand(hand))
        return contact_map(
            self.points(hand),
            torch.from_numpy(row),
            torch.from_numpy(cloud.points[None].astype(np.float32)),
            self.config.near,
        )[0].numpy()


@torch.no_grad()
def contact_map(
    points: PartPoints, rows: torch.Tensor, cloud: torch.Tensor, near: float
) -> torch.Tensor:
    """(B, N) bool: which points (B, N, 3) in metres the hands of rows (B, 9 + J) are near to."""
    surface = POSITION_SCALE * points(rows)[:, points.present].flatten(1, 2)
    return torch.cdist(cloud, surface).amin(dim=2) < near


def contact_agreement(touched: BoolArray, wanted: BoolArray) -> float:
    """Points in contact and foretold to be, of those that are either; 0 where there is none."""
    either = int((touched | wanted).sum())
    return float((touched & wanted).sum()) / either if either else 0.0
