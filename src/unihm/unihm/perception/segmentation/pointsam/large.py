"""Point-SAM at its published size, a ViT-L of EVA-02 blocks, for the published weights.

The same prompts and answers as :mod:`unihm.perception.segmentation.pointsam.model`, plain torch.
Shapes: B prompt sets on one cloud, N points, G patches of K points, D = 256.

    points, colours -> PatchNet -> 24 blocks of width 1024 -> patch tokens (G, D)
    clicks          -> Fourier features and a sign         -> (B, C, D)
    last mask       -> PatchNet                            -> (B, G, D), added to the patch tokens
    both -> two-way transformer -> four masks (B, 4, N) and their expected IoU (B, 4)
"""

from __future__ import annotations

import re
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unihm.config import Count, settings
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.segmentation.pointsam.model import Masks, farthest_points, gather, nearest


@settings()
class LargeConfig:
    """Sizes; the defaults are those of the published ViT-L checkpoint.

    Attributes:
        patches, neighbours: centres, and points per patch.
        patch_width: of a patch before the transformer.
        patch_hidden: hidden widths of both patch networks.
        width, depth, heads, hidden: of the transformer.
        out: width of the tokens after it.
        decoder_depth, decoder_heads, decoder_hidden: of the two-way transformer.
    """

    patches: Count = 512
    neighbours: Count = 64
    patch_width: Count = 512
    patch_hidden: tuple[Count, Count] = (128, 512)
    width: Count = 1024
    depth: Count = 24
    heads: Count = 16
    hidden: Count = 2730
    out: Count = 256
    decoder_depth: Count = 2
    decoder_heads: Count = 8
    decoder_hidden: Count = 2048


class _PatchNet(nn.Module):
    """Mini-PointNet: (B, G, K, inputs) -> (B, G, outputs)."""

    def __init__(self, inputs: int, hidden: tuple[int, int], outputs: int) -> None:
        super().__init__()
        a, b = hidden
        self.local = nn.Sequential(
            nn.Linear(inputs, a), nn.LayerNorm(a), nn.GELU(), nn.Linear(a, a)
        )
        self.whole = nn.Sequential(
            nn.Linear(2 * a, b), nn.LayerNorm(b), nn.GELU(), nn.Linear(b, outputs)
        )

    def forward(self, patches: Tensor) -> Tensor:
        x = self.local(patches)
        pooled = x.max(dim=-2, keepdim=True).values.expand_as(x)
        return self.whole(torch.cat([pooled, x], dim=-1)).max(dim=-2).values


class _Attention(nn.Module):
    """Attention whose inner width may be smaller; keys may be without bias, as in EVA-02."""

    def __init__(self, width: int, heads: int, inner: int, key_bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.v = nn.Linear(width, inner), nn.Linear(width, inner)
        self.k = nn.Linear(width, inner, bias=key_bias)
        self.out = nn.Linear(inner, width)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        q, k, v = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in (self.q(query), self.k(key), self.v(value))
        )
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class _EvaBlock(nn.Module):
    """Pre-norm transformer block with a gated, normalised feed-forward part."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attend = _Attention(width, heads, width, key_bias=False)
        self.gate, self.value = nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.norm, self.out = nn.LayerNorm(hidden, eps=1e-6), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attend(y, y, y)
        y = self.norm2(x)
        return x + self.out(self.norm(F.silu(self.gate(y)) * self.value(y)))


class _TwoWayBlock(nn.Module):
    """Tokens to themselves, to the patches, feed-forward, then the patches to the tokens."""

    def __init__(self, width: int, heads: int, hidden: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.to_self = _Attention(width, heads, width)
        self.to_patches = _Attention(width, heads, width // 2)
        self.to_tokens = _Attention(width, heads, width // 2)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))

    def forward(
        self, tokens: Tensor, patches: Tensor, places: Tensor, patch_places: Tensor
    ) -> tuple[Tensor, Tensor]:
        if self.first:  # the tokens are still nothing but their places
            tokens = self.to_self(tokens, tokens, tokens)
        else:
            query = tokens + places
            tokens = tokens + self.to_self(query, query, tokens)
        tokens = self.norms[0](tokens)
        key = patches + patch_places
        tokens = self.norms[1](tokens + self.to_patches(tokens + places, key, patches))
        tokens = self.norms[2](tokens + self.mlp(tokens))
        patches = self.norms[3](patches + self.to_tokens(key, tokens + places, tokens))
        return tokens, patches


_FIRST = torch.zeros(1, dtype=torch.long)


def _mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class LargePointSam(nn.Module):
    """The network; :meth:`encode` once per cloud, then :meth:`decode` for every set of clicks."""

    frequencies: Tensor

    def __init__(self, config: LargeConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or LargeConfig()
        d = c.out
        self.patch = _PatchNet(6, c.patch_hidden, c.patch_width)
        self.project = nn.Linear(c.patch_width, c.width)
        self.place = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, c.width))
        self.blocks = nn.ModuleList(_EvaBlock(c.width, c.heads, c.hidden) for _ in range(c.depth))
        self.norm = nn.LayerNorm(c.width, eps=1e-6)
        self.out = nn.Linear(c.width, d)
        self.register_buffer("frequencies", torch.randn(3, d // 2))
        self.sign = nn.ModuleList(nn.Embedding(1, d) for _ in range(2))  # negative, positive
        self.mask_patch = _PatchNet(4, c.patch_hidden, d)
        self.no_mask = nn.Embedding(1, d)
        self.iou_token, self.mask_tokens = nn.Embedding(1, d), nn.Embedding(4, d)
        self.decoder = nn.ModuleList(
            _TwoWayBlock(d, c.decoder_heads, c.decoder_hidden, first=k == 0)
            for k in range(c.decoder_depth)
        )
        self.final = _Attention(d, c.decoder_heads, d // 2)
        self.final_norm = nn.LayerNorm(d)
        self.spread = nn.Sequential(
            nn.Linear(d, d), nn.LayerNorm(d), nn.GELU(), nn.Linear(d, d), nn.GELU()
        )
        self.hyper = nn.ModuleList(_mlp(d, d, d, d) for _ in range(4))
        self.iou = _mlp(d, 256, 256, 4)

    def fourier(self, points: Tensor) -> Tensor:
        """(..., 3) -> (..., D)."""
        phase = 2 * torch.pi * points @ self.frequencies
        return torch.cat([phase.sin(), phase.cos()], dim=-1)

    def encode(self, points: Tensor, colors: Tensor) -> dict[str, Tensor]:
        """Tokens of one cloud.

        Args:
            points: (1, N, 3) within the unit sphere.
            colors: (1, N, 3) in -1 to 1.
        """
        c = self.config
        centers = gather(points, farthest_points(points, min(c.patches, points.shape[1])))
        members = nearest(centers, points, min(c.neighbours, points.shape[1]))[1]
        offsets = gather(points, members) - centers[:, :, None]
        x = self.patch(torch.cat([offsets, gather(colors, members)], dim=-1))
        x = self.project(x) + self.place(centers)
        for block in self.blocks:
            x = block(x)
        square, near = nearest(points, centers, 3)
        weight = 1 / square.clamp(min=1e-8)
        return {
            "points": points,
            "centers": centers,
            "members": members,
            "offsets": offsets,
            "patches": self.out(self.norm(x)),
            "near": near,
            "weight": weight / weight.sum(dim=-1, keepdim=True),
        }

    def decode(
        self, cloud: dict[str, Tensor], clicks: Tensor, signs: Tensor, masks: Tensor | None
    ) -> Masks:
        """Four masks per set of clicks: the single one first, then three for an ambiguous click.

        Args:
            cloud: from :meth:`encode`.
            clicks: (B, C, 3).
            signs: (B, C) 1 positive, 0 negative.
            masks: (B, N) logits of the last mask, or None.
        """
        batch = clicks.shape[0]
        cloud = {k: v.expand(batch, *v.shape[1:]) for k, v in cloud.items()}
        negative, positive = self.sign
        sign = torch.cat([negative(_FIRST), positive(_FIRST)])[signs]
        output = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([output.expand(batch, -1, -1), self.fourier(clicks) + sign], dim=1)
        places, patch_places = tokens, self.fourier(cloud["centers"])
        if masks is None:
            dense = self.no_mask.weight
        else:
            inner = gather(masks[..., None], cloud["members"])
            dense = self.mask_patch(torch.cat([cloud["offsets"], inner], dim=-1))
        patches = cloud["patches"] + dense
        for block in self.decoder:
            tokens, patches = block(tokens, patches, places, patch_places)
        attended = self.final(tokens + places, patches + patch_places, patches)
        tokens = self.final_norm(tokens + attended)
        spread = (gather(patches, cloud["near"]) * cloud["weight"][..., None]).sum(dim=2)
        weights = torch.stack([h(tokens[:, 1 + k]) for k, h in enumerate(self.hyper)], dim=1)
        return Masks(weights @ self.spread(spread).transpose(1, 2), self.iou(tokens[:, 0]))


# Names of the published checkpoint, and this file's, in the order in which they are replaced.
_NAMES = (
    (r"^pc_encoder\.patch_embed\.patch_encoder\.conv1\.", "patch.local."),
    (r"^pc_encoder\.patch_embed\.patch_encoder\.conv2\.", "patch.whole."),
    (r"^mask_encoder\.patch_encoder\.conv1\.", "mask_patch.local."),
    (r"^mask_encoder\.patch_encoder\.conv2\.", "mask_patch.whole."),
    (r"^mask_encoder\.no_mask_embed\.", "no_mask."),
    (r"^pc_encoder\.patch_proj\.", "project."),
    (r"^pc_encoder\.pos_embed\.", "place."),
    (r"^pc_encoder\.transformer\.blocks\.", "blocks."),
    (r"^pc_encoder\.transformer\.fc_norm\.", "norm."),
    (r"^pc_encoder\.out_proj\.", "out."),
    (r"^point_encoder\.pe_layer\.positional_encoding_gaussian_matrix$", "frequencies"),
    (r"^point_encoder\.point_embeddings\.", "sign."),
    (r"^mask_decoder\.transformer\.layers\.", "decoder."),
    (r"^mask_decoder\.transformer\.final_attn_token_to_image\.", "final."),
    (r"^mask_decoder\.transformer\.norm_final_attn\.", "final_norm."),
    (r"^mask_decoder\.output_upscaling\.", "spread."),
    (r"^mask_decoder\.output_hypernetworks_mlps\.", "hyper."),
    (r"^mask_decoder\.iou_prediction_head\.", "iou."),
    (r"^mask_decoder\.(iou_token|mask_tokens)\.", r"\1."),
    (r"\.self_attn\.", ".to_self."),
    (r"\.cross_attn_token_to_image\.", ".to_patches."),
    (r"\.cross_attn_image_to_token\.", ".to_tokens."),
    (r"\.attn\.", ".attend."),
    (r"\.([qkv])_proj\.", r".\1."),
    (r"\.(?:out_proj|proj)\.", ".out."),
    (r"\.mlp\.fc1_g\.", ".gate."),
    (r"\.mlp\.fc1_x\.", ".value."),
    (r"\.mlp\.fc2\.", ".out."),
    (r"^(blocks\.\d+)\.mlp\.norm\.", r"\1.norm."),
    (r"\.mlp\.lin1\.", ".mlp.0."),
    (r"\.mlp\.lin2\.", ".mlp.2."),
)
# Parts of an image transformer that a cloud does not use.
_UNUSED = re.compile(r"^pc_encoder\.transformer\.(cls_token|pos_embed|patch_embed|head|rope)")


def from_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of the published Point-SAM checkpoint under the names of this file.

    Raises:
        UnihmError: WEIGHTS_MISSING for a name that the checkpoint does not have.
    """
    result = {}
    for name, value in state.items():
        if _UNUSED.match(name):
            continue
        ours = name
        for pattern, replacement in _NAMES:
            ours = re.sub(pattern, replacement, ours)
        # Layers are counted with their activations here, and norms from 0.
        ours = re.sub(r"\.layers\.(\d)\.", lambda m: f".{2 * int(m[1])}.", ours)
        ours = re.sub(r"^(decoder\.\d+)\.norm(\d)\.", _norm_name, ours)
        if ours == name:
            raise UnihmError(
                ErrorCode.WEIGHTS_MISSING, f"'{name}' is not in the published Point-SAM."
            )
        result[ours] = value
    return result


def _norm_name(found: re.Match[str]) -> str:
    return f"{found[1]}.norms.{int(found[2]) - 1}."
