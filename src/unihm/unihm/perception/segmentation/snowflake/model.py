"""SnowflakeNet in plain torch: from a partial cloud to a whole one (arXiv 2108.04444).

One network, two sizes. Shapes: B clouds, N points, K neighbours, D width, F global feature.

    partial cloud (B, N, 3) -> Encoder (set abstraction and attention, three levels) -> (B, F)
    (B, F)                  -> SeedGenerator                                         -> seeds
    seeds and partial cloud -> farthest points -> Deconvolution x 3: every point splits into
                               children, guided by a skip transformer              -> whole cloud

Two small heads are not in the paper: the normal of every point, and the error to expect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.segmentation.pointsam.model import farthest_points, gather, nearest
from unihm.perception.segmentation.snowflake.config import SnowflakeConfig


class Clouds(NamedTuple):
    """Clouds (B, N_i, 3) from the seeds to the finest; the finest one's normals (B, N, 3).

    ``log_error`` (B,): logarithm of the expected Chamfer distance, in the network's unit.
    Normals and error are None without the heads.
    """

    stages: list[Tensor]
    normals: Tensor | None
    log_error: Tensor | None


def layers(*widths: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    result: list[nn.Module] = []
    for a, b in pairwise(widths):
        result += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*result[:-1])


class _ChannelNorm(nn.BatchNorm1d):
    """Batch norm of the last axis."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, -2)).reshape(x.shape)


class _Residual(nn.Module):
    """Two layers and a linear shortcut."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, outputs)
        self.shortcut = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu()) + self.shortcut(x)


class _NeighbourAttention(nn.Module):
    """Vector attention of every point to its neighbours, by features and relative position."""

    def __init__(self, inputs: int, width: int, config: SnowflakeConfig) -> None:
        super().__init__()
        self.neighbours = config.neighbours
        self.key, self.query, self.value = (nn.Linear(inputs, width) for _ in range(3))
        self.place = nn.Sequential(
            nn.Linear(3, 64), _ChannelNorm(64), nn.ReLU(), nn.Linear(64, width)
        )
        hidden = config.attention_factor * width
        self.weigh = nn.Sequential(
            nn.Linear(width, hidden), _ChannelNorm(hidden), nn.ReLU(), nn.Linear(hidden, width)
        )

    def forward(self, points: Tensor, key: Tensor, query: Tensor, value: Tensor) -> Tensor:
        """(B, N, inputs) each -> (B, N, width)."""
        near = nearest(points, points, min(self.neighbours, points.shape[1]))[1]  # (B, N, K)
        place = self.place(points[:, :, None] - gather(points, near))  # (B, N, K, width)
        relation = self.query(query)[:, :, None] - gather(self.key(key), near)
        weight = self.weigh(relation + place).softmax(dim=2)
        return (weight * (self.value(value)[:, :, None] + place)).sum(dim=2)


class _EncoderAttention(nn.Module):
    """:class:`_NeighbourAttention` of a level's features to themselves, with a residual."""

    def __init__(self, inputs: int, config: SnowflakeConfig) -> None:
        super().__init__()
        width = config.attention
        self.start, self.end = nn.Linear(inputs, width), nn.Linear(width, inputs)
        self.attend = _NeighbourAttention(width, width, config)

    def forward(self, x: Tensor, points: Tensor) -> Tensor:
        inner = self.start(x)
        return x + self.end(self.attend(points, inner, inner, inner))


class _Encoder(nn.Module):
    """Global feature (B, F) of a partial cloud (B, N, 3)."""

    def __init__(self, config: SnowflakeConfig) -> None:
        super().__init__()
        self.centers, self.neighbours = config.groups, config.neighbours
        first, second, third = config.group_widths
        self.groups = nn.ModuleList(
            [layers(6, *first), layers(3 + first[-1], *second), layers(3 + second[-1], *third)]
        )
        self.attentions = nn.ModuleList(_EncoderAttention(w[-1], config) for w in (first, second))

    def forward(self, points: Tensor) -> Tensor:
        """(B, N, 3) -> (B, F)."""
        x = points
        for count, group, attend in zip(self.centers, self.groups, self.attentions):
            chosen = gather(points, farthest_points(points, min(count, points.shape[1])))
            near = nearest(chosen, points, min(self.neighbours, points.shape[1]))[1]
            offsets = gather(points, near) - chosen[:, :, None]
            x = group(torch.cat([offsets, gather(x, near)], dim=-1)).max(dim=2).values
            points = chosen
            x = attend(x, points)
        return self.groups[2](torch.cat([points, x], dim=-1)).max(dim=1).values


class _SeedGenerator(nn.Module):
    """A coarse whole cloud (B, S, 3) from the global feature (B, F)."""

    def __init__(self, feature: int, seeds: int, width: int) -> None:
        super().__init__()
        self.spread = nn.ConvTranspose1d(feature, width, seeds)
        self.mix = nn.ModuleList(
            [
                _Residual(feature + width, width, width),
                _Residual(width, width // 2, width),
                _Residual(feature + width, width, width),
            ]
        )
        self.out = layers(width, width // 2, 3)

    def forward(self, feature: Tensor) -> Tensor:
        x = self.spread(feature[..., None]).transpose(1, 2)  # (B, S, D)
        whole = feature[:, None].expand(-1, x.shape[1], -1)
        x = self.mix[0](torch.cat([x, whole], dim=-1))
        x = self.mix[1](x)
        x = self.mix[2](torch.cat([x, whole], dim=-1))
        return self.out(x)


class _SkipTransformer(nn.Module):
    """Shape context of every point, from its own features and the last step's displacements."""

    def __init__(self, config: SnowflakeConfig) -> None:
        super().__init__()
        width = config.width
        self.value = _Residual(2 * width, width, width)
        self.attend = _NeighbourAttention(width, config.attention, config)
        self.end = nn.Linear(config.attention, width)

    def forward(self, points: Tensor, key: Tensor, query: Tensor) -> Tensor:
        value = self.value(torch.cat([key, query], dim=-1))
        return value + self.end(self.attend(points, key, query, value))


class _Deconvolution(nn.Module):
    """Snowflake point deconvolution: every point splits into ``factor`` children."""

    def __init__(self, config: SnowflakeConfig, factor: int, reach: float) -> None:
        super().__init__()
        d, feature = config.width, config.group_widths[-1][-1]
        self.factor, self.reach = factor, reach
        self.embed = layers(3, d // 2, d)
        self.mix = layers(2 * d + feature, 2 * d, d)
        self.context = _SkipTransformer(config)
        self.narrow = layers(d, d // 2, d // 4)
        self.split = nn.ConvTranspose1d(d // 4, d, factor, factor, bias=False)
        self.displacement = _Residual(2 * d, d, d)
        self.delta = layers(d, d // 2, 3)

    def forward(
        self, points: Tensor, feature: Tensor, displacement: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """(B, N, 3), (B, F), (B, N, D) or None -> children (B, N * factor, 3), (.., D)."""
        x = self.embed(points)
        pooled = x.max(dim=1, keepdim=True).values.expand_as(x)
        whole = feature[:, None].expand(-1, x.shape[1], -1)
        query = self.mix(torch.cat([x, pooled, whole], dim=-1))
        context = self.context(points, query if displacement is None else displacement, query)
        children = self.split(self.narrow(context).transpose(1, 2)).transpose(1, 2)
        parents = context.repeat_interleave(self.factor, dim=1)
        displacement = self.displacement(torch.cat([children, parents], dim=-1))
        delta = self.delta(displacement.relu()).tanh() * self.reach
        return points.repeat_interleave(self.factor, dim=1) + delta, displacement


class SnowflakeNet(nn.Module):
    """The network; see the head of this file."""

    def __init__(self, config: SnowflakeConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or SnowflakeConfig()
        feature = c.group_widths[-1][-1]
        self.encoder = _Encoder(c)
        self.seeds = _SeedGenerator(feature, c.seeds, c.width)
        self.steps = nn.ModuleList(
            _Deconvolution(c, factor, c.radius**-k) for k, factor in enumerate(c.factors)
        )
        if c.heads:
            self.normal = layers(c.width + 3, c.width, 3)
            self.error = layers(feature, c.width // 2, 1)

    def forward(self, partial: Tensor) -> Clouds:
        """Complete clouds (B, N, 3) in normalised coordinates."""
        feature = self.encoder(partial)
        points = self.seeds(feature)
        stages = [points]
        both = torch.cat([points, partial], dim=1)
        points = gather(both, farthest_points(both, self.config.start))
        displacement: Tensor | None = None
        for step in self.steps:
            points, displacement = step(points, feature, displacement)
            stages.append(points)
        if not self.config.heads or displacement is None:
            return Clouds(stages, None, None)
        normals = self.normal(torch.cat([displacement.relu(), points], dim=-1))
        normals = nn.functional.normalize(normals, dim=-1)
        return Clouds(stages, normals, self.error(feature.detach())[:, 0])


# Names of the published checkpoints, and this file's.
_PUBLISHED: Sequence[tuple[str, str]] = (
    (r"^feat_extractor\.sa_module_(\d)\.mlp_conv\.(\d)\.conv\.", "encoder.groups.<1>.{2}."),
    (r"^feat_extractor\.transformer_(\d)\.linear_", "encoder.attentions.<1>."),
    (r"^feat_extractor\.transformer_(\d)\.", "encoder.attentions.<1>.attend."),
    (r"^decoder\.decoder_coarse\.ps\.", "seeds.spread."),
    (r"^decoder\.decoder_coarse\.mlp_4\.", "seeds.out."),
    (r"^decoder\.decoder_coarse\.mlp_(\d)\.", "seeds.mix.<1>."),
    (r"^decoder\.uppers\.(\d)\.mlp_1\.mlp\.", "steps.(1).embed."),
    (r"^decoder\.uppers\.(\d)\.mlp_2\.mlp\.", "steps.(1).mix."),
    (r"^decoder\.uppers\.(\d)\.mlp_ps\.mlp\.", "steps.(1).narrow."),
    (r"^decoder\.uppers\.(\d)\.mlp_delta\.mlp\.", "steps.(1).delta."),
    (r"^decoder\.uppers\.(\d)\.mlp_delta_feature\.", "steps.(1).displacement."),
    (r"^decoder\.uppers\.(\d)\.ps\.", "steps.(1).split."),
    (r"^decoder\.uppers\.(\d)\.skip_transformer\.mlp_v\.", "steps.(1).context.value."),
    (r"^decoder\.uppers\.(\d)\.skip_transformer\.conv_end\.", "steps.(1).context.end."),
    (r"^decoder\.uppers\.(\d)\.skip_transformer\.", "steps.(1).context.attend."),
)
_INNER = (
    ("conv_shortcut.", "shortcut."), ("conv_1.", "first."), ("conv_2.", "second."),
    ("conv_key.", "key."), ("conv_query.", "query."), ("conv_value.", "value."),
    ("pos_mlp.", "place."), ("attn_mlp.", "weigh."),
)  # fmt: skip


def from_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a published SnowflakeNet checkpoint under the names of this file.

    Raises:
        UnihmError: WEIGHTS_MISSING for a name that no published checkpoint has.
    """
    result = {}
    for name, value in state.items():
        if ".mlp_conv." in name and ".bn." in name:  # made but never used
            continue
        ours = _our_name(name)
        if name.endswith("weight") and value.ndim > 2 and not re.search(r"\.ps\.", name):
            value = value.flatten(1)  # a convolution of size 1 is a linear layer
        result[ours] = value
    return result


def _our_name(name: str) -> str:
    for pattern, ours in _PUBLISHED:
        found = re.match(pattern, name)
        if found:
            numbers = found.groups()
            head = ours
            if "<1>" in head:  # counted from 1 there
                head = head.replace("<1>", str(int(numbers[0]) - 1))
            if "(1)" in head:
                head = head.replace("(1)", numbers[0])
            if "{2}" in head:  # activations are entries of a Sequential here
                head = head.replace("{2}", str(2 * int(numbers[1])))
            rest = name[found.end() :]
            for theirs, inner in _INNER:
                rest = rest.replace(theirs, inner)
            return head + rest
    raise UnihmError(
        ErrorCode.WEIGHTS_MISSING, f"'{name}' is in no published SnowflakeNet checkpoint."
    )
