"""Point-SAM in plain torch: masks of a point cloud from clicks (arXiv 2406.17741).

One network, two sizes. Shapes: B clouds, N points, G patches of K points, Q output tokens, D width.

    points, features -> SurfaceNet over neighbouring points -> (B, N, S)
                     -> PatchEncoder -> Encoder (ViT) -> patch tokens (B, G, D)
                     -> bonds (B, N, K): do two neighbouring points belong to one object?
    clicks           -> PromptEncoder                 -> prompt tokens (B, C, D)
    last mask, click distances -> dense prompt, added to the patch tokens
    both -> MaskDecoder (two-way transformer) -> masks (B, 3 or 1, N), predicted IoU

SurfaceNet and the bonds are not in the paper: depth steps, creases and print that separate objects
are finer than a patch, and a small network learns them far sooner where it is told of every edge.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unihm.perception.segmentation.pointsam.config import PointSamConfig


class Masks(NamedTuple):
    """Four mask logits (B, 4, N), and the IoU (B, 4 or 5) that the network expects of each.

    The fifth is what it thinks of the mask prompt as it is.
    """

    logits: Tensor
    iou: Tensor


_MATRIX_POINTS = 1024  # up to here all distances at once are faster than row by row


def farthest_points(points: Tensor, count: int) -> Tensor:
    """(B, count) indices of points (B, N, 3), each the farthest from those before it."""
    batch, number, _ = points.shape
    chosen = torch.zeros(batch, count, dtype=torch.long, device=points.device)
    distance = torch.full((batch, number), torch.inf, device=points.device)
    current = torch.zeros(batch, dtype=torch.long, device=points.device)
    rows = torch.arange(batch, device=points.device)
    with torch.no_grad():
        matrix = torch.cdist(points, points) if number <= _MATRIX_POINTS else None
        for k in range(count):
            chosen[:, k] = current
            if matrix is not None:
                new = matrix[rows, current]
            else:
                new = ((points - points[rows, current][:, None]) ** 2).sum(dim=-1)
            distance = torch.minimum(distance, new)
            current = distance.argmax(dim=1)
    return chosen


def nearest(query: Tensor, points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Squared distances and indices (B, Q, count) of the nearest of ``points`` (B, N, 3)."""
    square = (query**2).sum(-1)[..., None] + (points**2).sum(-1)[:, None]
    distance = square - 2 * query @ points.transpose(1, 2)
    values, indices = distance.topk(count, dim=-1, largest=False)
    return values.clamp(min=0), indices


def gather(values: Tensor, index: Tensor) -> Tensor:
    """(B, N, D) at (B, ...) indices -> (B, ..., D)."""
    batch, number, width = values.shape
    start = number * torch.arange(batch, device=values.device)
    flat = (index.flatten(1) + start[:, None]).flatten()
    return values.reshape(-1, width).index_select(0, flat).reshape(*index.shape, width)


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers with GELU between them."""
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.GELU()]
    return nn.Sequential(*layers[:-1])


EDGE_VALUES = 7


def edge_values(points: Tensor, features: Tensor, neighbours: Tensor) -> Tensor:
    """What lies between each point and its neighbours, the same in both directions.

    Args:
        points: (B, N, 3).
        features: (B, N, 6) colour in -1 to 1, unit normal.
        neighbours: (B, N, K) indices.

    Returns:
        (B, N, K, 7): distance over the median one, concavity, turn of the normal, contrast of
        each colour, mean height.
    """
    step = gather(points, neighbours) - points[:, :, None]
    distance = step.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    median = distance.flatten(1).median(dim=1).values[:, None, None, None]
    change = gather(features, neighbours) - features[:, :, None]
    concavity = (change[..., 3:] * step / distance).sum(dim=-1, keepdim=True)
    turn = change[..., 3:].norm(dim=-1, keepdim=True)
    height = points[:, :, None, 2:] + step[..., 2:] / 2
    gap = (distance / median - 1).clamp(max=8)
    return torch.cat([gap, concavity, turn, change[..., :3].abs(), height], dim=-1)


class _SurfaceNet(nn.Module):
    """Every point learns from its neighbours what surface it is on: a few rounds of messages."""

    def __init__(self, inputs: int, width: int, depth: int) -> None:
        super().__init__()
        self.embed = mlp(inputs + 1, width, width)
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.other = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.edge = nn.ModuleList(nn.Linear(EDGE_VALUES, width) for _ in range(depth))
        self.out = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(depth))
        self.norm = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))

    def forward(self, points: Tensor, features: Tensor, near: Tensor, edges: Tensor) -> Tensor:
        x = self.embed(torch.cat([features, points[..., 2:]], dim=-1))  # (B, N, S)
        for own, other, edge, out, norm in zip(
            self.own, self.other, self.edge, self.out, self.norm, strict=True
        ):
            message = F.gelu(own(x)[:, :, None] + gather(other(x), near) + edge(edges))
            pooled = torch.cat([message.max(dim=2).values, message.mean(dim=2)], dim=-1)
            x = norm(x + out(pooled))
        return x


class _PatchEncoder(nn.Module):
    """Mini-PointNet: the points of a patch, relative to its centre, become one token."""

    def __init__(self, inputs: int, hidden: tuple[int, int], width: int) -> None:
        super().__init__()
        first, second = hidden
        self.local = nn.Sequential(
            nn.Linear(inputs, first), nn.LayerNorm(first), nn.GELU(), nn.Linear(first, second)
        )
        self.whole = nn.Sequential(
            nn.Linear(2 * second, width), nn.LayerNorm(width), nn.GELU(), nn.Linear(width, width)
        )

    def forward(self, patches: Tensor) -> Tensor:
        x = self.local(patches)  # (B, G, K, second)
        pooled = x.max(dim=2, keepdim=True).values.expand_as(x)
        return self.whole(torch.cat([x, pooled], dim=-1)).max(dim=2).values  # (B, G, D)


class _Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = mlp(width, 4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, length, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, H, G, D/H)
        attended = F.scaled_dot_product_attention(q, k, v)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm2(x))


class _Attention(nn.Module):
    """Attention of queries (B, Q, D) to keys and values (B, G, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        def split(x: Tensor) -> Tensor:
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        attended = F.scaled_dot_product_attention(
            split(self.q(query)), split(self.k(key)), split(self.v(value))
        )
        return self.out(attended.transpose(1, 2).flatten(2))


class _TwoWayBlock(nn.Module):
    """Tokens attend to themselves and to the patches, then the patches to the tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attention = _Attention(width, heads)
        self.to_patches = _Attention(width, heads)
        self.to_tokens = _Attention(width, heads)
        self.mlp = mlp(width, 2 * width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))

    def forward(
        self, tokens: Tensor, patches: Tensor, token_places: Tensor, patch_places: Tensor
    ) -> tuple[Tensor, Tensor]:
        query = tokens + token_places
        tokens = self.norms[0](tokens + self.self_attention(query, query, tokens))
        key = patches + patch_places
        tokens = self.norms[1](tokens + self.to_patches(tokens + token_places, key, patches))
        tokens = self.norms[2](tokens + self.mlp(tokens))
        patches = self.norms[3](patches + self.to_tokens(key, tokens + token_places, tokens))
        return tokens, patches


class PointSam(nn.Module):
    """The network; :meth:`encode` once per cloud, then :meth:`decode` for every set of clicks."""

    frequencies: Tensor

    def __init__(self, config: PointSamConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or PointSamConfig()
        self.surface = _SurfaceNet(c.features, c.surface, c.surface_depth)
        self.known = nn.Linear(c.surface + c.width, c.surface)
        self.bond = mlp(2 * c.surface + EDGE_VALUES, c.surface, 1)
        self.patch_encoder = _PatchEncoder(3 + c.features + c.surface, c.patch_width, c.width)
        self.patch_place = mlp(3, c.width, c.width)
        self.blocks = nn.ModuleList(_Block(c.width, c.heads) for _ in range(c.depth))
        self.norm = nn.LayerNorm(c.width)
        # Random Fourier features of positions, shared by clicks and patches.
        self.register_buffer("frequencies", torch.randn(3, c.width // 2))
        self.sign = nn.Embedding(2, c.width)  # negative, positive click
        self.dense = mlp(c.dense, c.mask_width, c.width)
        self.tokens = nn.Embedding(5, c.width)  # IoU, one mask, three masks
        self.decoder = nn.ModuleList(_TwoWayBlock(c.width, c.heads) for _ in range(c.decoder_depth))
        self.final = _Attention(c.width, c.heads)
        self.final_norm = nn.LayerNorm(c.width)
        self.point_features = mlp(
            c.width + c.surface + 3 + c.features + c.dense, c.width, c.mask_width
        )
        self.hyper = nn.ModuleList(mlp(c.width, c.width, c.mask_width) for _ in range(4))
        self.iou = mlp(2 * c.width + 2 * c.mask_width + 3, c.width, 1)

    def fourier(self, points: Tensor) -> Tensor:
        """(..., 3) -> (..., D) sines and cosines of random projections."""
        phase = 2 * torch.pi * points @ self.frequencies
        return torch.cat([phase.sin(), phase.cos()], dim=-1)

    def encode(self, points: Tensor, features: Tensor, neighbours: Tensor) -> dict[str, Tensor]:
        """Tokens of a cloud.

        Args:
            points: (B, N, 3) within the unit sphere.
            features: (B, N, features).
            neighbours: (B, N, K) indices of nearby points.
        """
        c = self.config
        edges = edge_values(points, features, neighbours)
        surface = self.surface(points, features, neighbours, edges)  # (B, N, S)
        described = torch.cat([features, surface], dim=-1)
        centers = gather(points, farthest_points(points, min(c.patches, points.shape[1])))
        _, members = nearest(centers, points, min(c.neighbours, points.shape[1]))  # (B, G, K)
        offsets = gather(points, members) - centers[:, :, None]
        x = self.patch_encoder(torch.cat([4 * offsets, gather(described, members)], dim=-1))
        x = x + self.patch_place(centers)
        for block in self.blocks:
            x = block(x)
        # Every point reads its patches by inverse squared distance.
        square, near = nearest(points, centers, 3)
        weight = 1 / (square + 1e-4)
        weight = weight / weight.sum(dim=-1, keepdim=True)
        patches = self.norm(x)
        context = (gather(patches, near) * weight[..., None]).sum(dim=2)
        known = self.known(torch.cat([surface, context], dim=-1))
        own, other = known[:, :, None], gather(known, neighbours)
        pairs = torch.cat([(own - other).abs(), own * other, edges], dim=-1)
        return {
            "points": points,
            "described": described,
            "neighbours": neighbours,
            "bonds": self.bond(pairs)[..., 0],  # (B, N, K) logits
            "centers": centers,
            "members": members,
            "patches": patches,
            "near": near,
            "weight": weight,
        }

    def decode(
        self, cloud: dict[str, Tensor], clicks: Tensor, signs: Tensor, dense: Tensor
    ) -> Masks:
        """Masks for clicks.

        Args:
            cloud: from :meth:`encode`.
            clicks: (B, C, 3) positions.
            signs: (B, C) 1 positive, 0 negative, -1 padding.
            dense: (B, N, dense) what each point knows of the clicks and of the last mask.

        Returns:
            four masks: the single one first, then three for an ambiguous click.
        """
        prompt = self.fourier(clicks) + self.sign(signs.clamp(min=0))
        prompt = prompt * (signs >= 0)[..., None]
        batch = clicks.shape[0]
        output = self.tokens.weight[None].expand(batch, -1, -1)
        tokens = torch.cat([output, prompt], dim=1)  # (B, 5 + C, D)
        places = tokens
        pooled = self.dense(gather(dense, cloud["members"]).mean(dim=2))  # (B, G, D)
        patches, patch_places = cloud["patches"] + pooled, self.fourier(cloud["centers"])
        for block in self.decoder:
            tokens, patches = block(tokens, patches, places, patch_places)
        attended = self.final(tokens + places, patches + patch_places, patches)
        tokens = self.final_norm(tokens + attended)
        spread = (gather(patches, cloud["near"]) * cloud["weight"][..., None]).sum(dim=2)
        features = self.point_features(
            torch.cat([spread, cloud["points"], cloud["described"], dense], dim=-1)
        )  # (B, N, mask_width)
        weights = torch.stack([h(tokens[:, 1 + k]) for k, h in enumerate(self.hyper)], dim=1)
        logits = weights @ features.transpose(1, 2)  # (B, 4, N)
        # The IoU is judged from the tokens, from what lies inside each mask and outside it, and
        # from whether the mask's border is where objects end.
        prompt = (dense[..., -1:] > 0).float().transpose(1, 2)
        inside = torch.cat([logits.detach().sigmoid(), prompt], dim=1)  # (B, 5, N)
        seen = features.detach()
        means = [w @ seen / w.sum(dim=-1, keepdim=True).clamp(min=1) for w in (inside, 1 - inside)]
        own, whole = tokens[:, [1, 2, 3, 4, 1]], tokens[:, :1].expand(-1, 5, -1)
        judged = torch.cat([own, whole, *means, border_values(cloud, inside)], dim=-1)
        return Masks(logits, self.iou(judged)[..., 0])


def border_values(cloud: dict[str, Tensor], inside: Tensor) -> Tensor:
    """(B, M, 3) of masks (B, M, N): bonds at the border, broken bonds inside, share of points."""
    batch, count, _ = inside.shape
    bonds = cloud["bonds"].detach().sigmoid()[:, None]  # (B, 1, N, K)
    index = cloud["neighbours"].flatten(1)[:, None].expand(-1, count, -1)
    other = inside.gather(2, index).reshape(batch, count, *cloud["neighbours"].shape[1:])
    own = inside[..., None]
    border, within = (own - other).abs(), own * other
    kept = (border * bonds).sum((2, 3)) / border.sum((2, 3)).clamp(min=1)
    broken = (within * (1 - bonds)).sum((2, 3)) / within.sum((2, 3)).clamp(min=1)
    return torch.stack([kept, 10 * broken, inside.mean(dim=2)], dim=-1)


def mask_loss(masks: Masks, truth: Tensor, choose: Tensor) -> Tensor:
    """Focal + 2 dice + squared error of the IoU, of the best of the chosen masks per cloud.

    Args:
        masks: logits (B, 4, N).
        truth: (B, N) 0 or 1.
        choose: (4,) which outputs take part: the single mask, or the three.
    """
    logits, target = masks.logits, truth[:, None].expand_as(masks.logits)
    probability = logits.sigmoid()
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    hit = probability * target + (1 - probability) * (1 - target)
    focal = (cross * (1 - hit) ** 2).mean(dim=-1)
    overlap = (probability * target).sum(-1)
    dice = 1 - (2 * overlap + 1) / (probability.sum(-1) + target.sum(-1) + 1)
    predicted = logits > 0
    union = (predicted | (target > 0.5)).sum(-1).clamp(min=1)
    iou = (predicted & (target > 0.5)).sum(-1) / union
    loss = 10 * focal + 2 * dice
    best = torch.where(choose, loss.detach(), torch.inf).argmin(dim=1, keepdim=True)
    score = ((masks.iou[:, :4] - iou) ** 2 * choose).sum(dim=1) / choose.sum()
    return (loss.gather(1, best)[:, 0] + score).mean()


def prompt_loss(masks: Masks, prompt: Tensor, truth: Tensor) -> Tensor:
    """Squared error of the IoU that is expected of the mask prompts themselves.

    Args:
        prompt: (B, N) logits; clouds without any above 0 have no prompt.
        truth: (B, N) 0 or 1.
    """
    inside, target = prompt > 0, truth > 0.5
    iou = (inside & target).sum(-1) / (inside | target).sum(-1).clamp(min=1)
    return ((masks.iou[:, 4] - iou) ** 2 * inside.any(dim=1)).mean()


def bond_loss(bonds: Tensor, labels: Tensor, neighbours: Tensor, border: float = 3.0) -> Tensor:
    """Cross-entropy of the bonds; those between objects are rare and weigh ``border``.

    Args:
        bonds: (B, N, K) logits.
        labels: (B, N) object of each point.
        neighbours: (B, N, K).
    """
    index = neighbours.flatten(1)
    other = labels.gather(1, index).reshape(neighbours.shape)
    same = (labels[..., None] == other).float()
    weight = torch.where(same > 0, 1.0, border)
    return F.binary_cross_entropy_with_logits(bonds, same, weight=weight)
