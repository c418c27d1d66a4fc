"""The network of the part-aware tokenizer: six encoders, six codebooks, one decoder.

Parts mean the same on every hand, so one codebook of a part serves all hands; the part of a finger
that a hand lacks is masked, and the decoder is told which hand it shall speak of.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unihm.grasps.part_tokenizer.config import PartTokenizerConfig
from unihm.grasps.part_tokenizer.points import PARTS
from unihm.tokenizer.features import POSE_FEATURES
from unihm.tokenizer.quantizer import nearest

ABSENT = -1  # code of a part that the hand lacks


class PartTokenizerModel(nn.Module):
    """Equations 1 and 2.

    Args:
        config: sizes.
        joints: J of every hand.

    Attributes:
        codebook: (6, K, d); it follows what is encoded by moving averages, not by gradients.
    """

    codebook: Tensor
    uses: Tensor
    sums: Tensor

    def __init__(self, config: PartTokenizerConfig, joints: dict[str, int]) -> None:
        super().__init__()
        self.config, self.hands = config, tuple(joints)
        d, hidden = config.latent, config.hidden
        self.encoders = nn.ModuleList(PartEncoder(d) for _ in PARTS)
        codes = torch.randn(len(PARTS), config.codes, d) / d**0.5
        self.register_buffer("codebook", codes)
        self.register_buffer("uses", torch.ones(len(PARTS), config.codes))
        self.register_buffer("sums", codes.clone())
        self.hand = nn.Embedding(len(joints), 32)
        self.decoder = nn.Sequential(
            nn.Linear(len(PARTS) * d + 32, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
        )
        self.pose = nn.Linear(hidden, POSE_FEATURES)
        self.joints = nn.ModuleDict({name: nn.Linear(hidden, j) for name, j in joints.items()})

    def encode(self, points: Tensor) -> Tensor:
        """Equation 1: points (B, 6, M, 3) to z (B, 6, d); those of absent parts mean nothing."""
        return torch.stack([e(points[:, i]) for i, e in enumerate(self.encoders)], dim=1)

    def quantise(self, z: Tensor, present: Tensor) -> Tensor:
        """Equation 2: z (B, 6, d) and (6,) bool to codes (B, 6), :data:`ABSENT` where absent."""
        codes = torch.stack([nearest(z[:, i], self.codebook[i]) for i in range(len(PARTS))], 1)
        return torch.where(present, codes, ABSENT)

    def vectors(self, codes: Tensor) -> Tensor:
        """Code vectors (B, 6, d) of codes (B, 6); zero where absent."""
        place = torch.arange(len(PARTS))
        return self.codebook[place, codes.clamp(min=0)] * (codes != ABSENT)[..., None]

    def decode(self, hand: str, z: Tensor) -> Tensor:
        """Feature rows (B, 9 + J) of a hand from z (B, 6, d), zero where a part is absent."""
        who = self.hand.weight[self.hands.index(hand)].expand(len(z), -1)
        hidden = self.decoder(torch.cat([z.flatten(1), who], dim=-1))
        return torch.cat([self.pose(hidden), self.joints[hand](hidden)], dim=-1)

    @torch.no_grad()
    def follow(
        self, z: Tensor, codes: Tensor, reset_below: float, generator: torch.Generator
    ) -> int:
        """Move the codes to the mean of what they stand for, and unused ones to where they are.

        Args:
            z: (B, 6, d) as encoded.
            codes: (B, 6) nearest ones.
            reset_below: uses per step under which a code is put elsewhere; 0: none is.
            generator: of the parts that such codes are put onto.

        Returns:
            how many codes were put elsewhere.
        """
        decay, moved = self.config.training.decay, 0
        for part in range(len(PARTS)):
            own = codes[:, part] != ABSENT
            if not own.any():
                continue
            code, vector = codes[own, part], z[own, part]
            uses = torch.bincount(code, minlength=self.config.codes).float()
            sums = torch.zeros_like(self.sums[part]).index_add_(0, code, vector)
            self.uses[part].mul_(decay).add_(uses, alpha=1 - decay)
            self.sums[part].mul_(decay).add_(sums, alpha=1 - decay)
            cold = torch.nonzero(self.uses[part] < reset_below).flatten()[: len(vector)]
            if len(cold):
                chosen = torch.randperm(len(vector), generator=generator)[: len(cold)]
                self.uses[part, cold] = 1.0
                self.sums[part, cold] = vector[chosen]
                moved += len(cold)
            self.codebook[part] = self.sums[part] / self.uses[part].clamp(min=1e-5)[:, None]
        return moved


class PartEncoder(nn.Module):
    """PointNet: a shared MLP per point, the maximum over the points, linear layers."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.per_point = nn.Sequential(
            nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128)
        )
        self.head = nn.Sequential(nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, latent))

    def forward(self, points: Tensor) -> Tensor:
        """(B, M, 3) to (B, d)."""
        return self.head(self.per_point(points).amax(dim=1))
