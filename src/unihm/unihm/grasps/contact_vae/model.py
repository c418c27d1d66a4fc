"""The conditional variational autoencoder, and the module that foretells the contact map.

Shapes: B grasps, N points of the object, M of each of the six parts of the hand, W width, Z latent
numbers, J joints.

    object (B, N, 6)            -> of each point (B, N, 128), of the whole (B, W)
    hand (B, 6, M, 3), object   -> mu, log sigma^2 (B, Z)
    z (B, Z), object            -> feature rows (B, 9 + J)
    z (B, Z), object            -> logits of contact (B, N)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unihm.grasps.contact_vae.config import ContactVaeConfig
from unihm.grasps.part_tokenizer.points import PARTS
from unihm.perception.segmentation.pointsam.model import mlp
from unihm.tokenizer.features import POSE_FEATURES, POSITION_SCALE

_LOCAL, _WHO = 128, 32


@dataclass(frozen=True)
class SeenObject:
    """What is known of the objects: of each point (B, N, 128), and of the whole (B, W)."""

    local: Tensor
    whole: Tensor


class ContactVaeModel(nn.Module):
    """p(grasp, contact map | cloud, z).

    Args:
        config: sizes.
        joints: J of every hand.
    """

    def __init__(self, config: ContactVaeConfig, joints: dict[str, int]) -> None:
        super().__init__()
        width, latent = config.width, config.latent
        self.hands = tuple(joints)
        self.object_points = mlp(6, 64, _LOCAL)
        self.object_whole = mlp(_LOCAL, width)
        self.hand_points = mlp(3 + len(PARTS), 64, _LOCAL)
        self.hand_whole = mlp(_LOCAL, width)
        self.encoder = mlp(2 * width + _WHO, width, 2 * latent)
        self.who = nn.Embedding(len(joints), _WHO)
        self.decoder = nn.Sequential(
            mlp(latent + width + _WHO, config.hidden, config.hidden), nn.GELU()
        )
        self.pose = nn.Linear(config.hidden, POSE_FEATURES)
        self.joints = nn.ModuleDict(
            {name: nn.Linear(config.hidden, j) for name, j in joints.items()}
        )
        self.contact_of_grasp = nn.Linear(latent + width + _WHO, _LOCAL)
        self.contact = nn.Sequential(nn.GELU(), mlp(_LOCAL, _LOCAL, 1))

    def see(self, cloud: Tensor) -> SeenObject:
        """Of clouds (B, N, 6), points in metres and unit normals."""
        scaled = torch.cat([cloud[..., :3] / POSITION_SCALE, cloud[..., 3:]], dim=-1)
        local = self.object_points(scaled)
        return SeenObject(local, self.object_whole(local.amax(dim=1)))

    def encode(self, hand: str, points: Tensor, seen: SeenObject) -> tuple[Tensor, Tensor]:
        """Mean and log variance (B, Z) of a hand's surface points (B, 6, M, 3) / 0.1 m."""
        part = torch.eye(len(PARTS))[:, None].expand(*points.shape[:3], -1)
        features = self.hand_points(torch.cat([points, part], dim=-1)).flatten(1, 2).amax(dim=1)
        known = torch.cat([self.hand_whole(features), seen.whole, self._who(hand, seen)], dim=-1)
        mean, log_variance = self.encoder(known).chunk(2, dim=-1)
        return mean, log_variance.clamp(-8.0, 8.0)

    def decode(self, hand: str, z: Tensor, seen: SeenObject) -> tuple[Tensor, Tensor]:
        """Feature rows (B, 9 + J), and logits (B, N) of which points are in contact."""
        known = torch.cat([z, seen.whole, self._who(hand, seen)], dim=-1)
        hidden = self.decoder(known)
        rows = torch.cat([self.pose(hidden), self.joints[hand](hidden)], dim=-1)
        logits = self.contact(seen.local + self.contact_of_grasp(known)[:, None])[..., 0]
        return rows, logits

    def _who(self, hand: str, seen: SeenObject) -> Tensor:
        return self.who.weight[self.hands.index(hand)].expand(len(seen.whole), -1)
