"""The bidirectional masked transformer over the six part tokens of a grasp (section 3.2).

The sequence is: the hand, the sentence, patches of the cloud, then one position per part that
holds its code or the mask. Shapes: B grasps, N points, P patches, W width, K codes of a part, d
width of a code.

    hand; sentence (B, 384), cloud (B, N, 6) -> condition (B, 1 + P, W)
    codes (B, 6), condition                  -> logits (B, 6, K)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unihm.grasps.masked_transformer.config import MaskedTransformerConfig
from unihm.grasps.part_tokenizer.model import ABSENT
from unihm.grasps.part_tokenizer.points import PARTS
from unihm.perception.language.sentence_encoder import DIMENSION
from unihm.perception.segmentation.pointsam.model import farthest_points, gather, mlp, nearest
from unihm.tokenizer.features import POSITION_SCALE

MASK = -2  # code of a part that is to be filled in


class MaskedTransformerModel(nn.Module):
    """p(s_i | S_M, C) of equation 6.

    Args:
        config: sizes.
        codebook: (6, K, d) of the part tokenizer; kept frozen.
        hands: how many the part tokenizer knows.
    """

    codebook: Tensor

    def __init__(self, config: MaskedTransformerConfig, codebook: Tensor, hands: int) -> None:
        super().__init__()
        width, latent = config.width, codebook.shape[-1]
        # Codes that lie near each other are alike: they come in and go out by where they lie.
        spread = codebook.std(dim=1, keepdim=True).clamp(min=1e-6)
        unit = (codebook - codebook.mean(dim=1, keepdim=True)) / spread
        self.register_buffer("codebook", unit.detach().clone(), persistent=False)
        self.known = nn.Linear(latent, width)
        self.mask = nn.Parameter(0.02 * torch.randn(width))
        self.part = nn.Parameter(0.02 * torch.randn(len(PARTS), width))
        self.hand = nn.Embedding(hands, width)
        self.sentence = nn.Linear(DIMENSION, width)
        self.cloud = PatchTokens(config)
        self.nothing = nn.Parameter(0.02 * torch.randn(width))
        layer = nn.TransformerEncoderLayer(
            width,
            config.heads,
            4 * width,
            config.dropout,
            "gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(
            layer, config.layers, nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.head = nn.Linear(width, latent)
        self.frequency = nn.Parameter(torch.zeros(len(PARTS), codebook.shape[1]))

    def condition(self, sentence: Tensor, cloud: Tensor) -> Tensor:
        """C without the hand, (B, 1 + P, W), of (B, 384) and (B, N, 6) metres and normals.

        The action [TASK] is the same for all grasps; the hand stands in its place.
        """
        return torch.cat([self.sentence(sentence)[:, None], self.cloud(cloud)], dim=1)

    def forward(self, codes: Tensor, hand: int, condition: Tensor, shown: Tensor) -> Tensor:
        """Logits (B, 6, K).

        Args:
            codes: (B, 6); :data:`MASK` where asked for, ``ABSENT`` where the hand has no such part.
            hand: its number.
            condition: (B, 1 + P, W).
            shown: (B,) bool: whether the condition is seen, or nothing in its place.
        """
        batch = len(codes)
        vectors = self.codebook[torch.arange(len(PARTS)), codes.clamp(min=0)]  # (B, 6, d)
        parts = torch.where((codes >= 0)[..., None], self.known(vectors), self.mask) + self.part
        seen = torch.where(shown[:, None, None], condition, self.nothing)
        who = self.hand.weight[hand].expand(batch, 1, -1)
        tokens = torch.cat([who, seen, parts], dim=1)  # (B, 2 + P + 6, W)
        before = codes.new_zeros(batch, tokens.shape[1] - len(PARTS), dtype=torch.bool)
        padding = torch.cat([before, codes == ABSENT], dim=1)
        hidden = self.layers(tokens, src_key_padding_mask=padding)[:, -len(PARTS) :]
        alike = torch.einsum("bpd,pkd->bpk", self.head(hidden), self.codebook)
        return alike / self.codebook.shape[-1] ** 0.5 + self.frequency


class PatchTokens(nn.Module):
    """A small PointNet of each of P patches about points far from each other; (B, P, W)."""

    def __init__(self, config: MaskedTransformerConfig) -> None:
        super().__init__()
        self.patches, self.neighbours = config.patches, config.neighbours
        self.per_point = mlp(6, 64, 128)
        self.per_patch = mlp(128 + 6, config.width, config.width)

    def forward(self, cloud: Tensor) -> Tensor:
        """(B, N, 6) points in metres and unit normals, object frame."""
        points, normals = cloud[..., :3] / POSITION_SCALE, cloud[..., 3:]
        chosen = farthest_points(points, self.patches)  # (B, P)
        centres = gather(points, chosen)
        _, near = nearest(centres, points, self.neighbours)  # (B, P, K)
        offsets = 5.0 * (gather(points, near) - centres[:, :, None])  # of order one
        local = self.per_point(torch.cat([offsets, gather(normals, near)], dim=-1)).amax(dim=2)
        return self.per_patch(torch.cat([local, centres, gather(normals, chosen)], dim=-1))
