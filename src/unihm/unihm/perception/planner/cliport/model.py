"""CLIPort, small: what (a semantic stream with language) and where (a spatial one), twice.

After Shridhar, Manuelli and Fox, "CLIPort: What and Where Pathways for Robotic Manipulation"
(CoRL 2021): :class:`_Attention` gives the pick affordance, :class:`Transport` carries a crop about
the pick over the map in several turns and gives the place affordance. Its streams are a CLIP
ResNet-50 and a ResNet-43; these here are small enough to be trained from nothing on a CPU. One
thing is added: a soft-max over the pixels *and one more option*, "it is not here".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from unihm.perception.colors import NAMES, name_pixels
from unihm.perception.language import sentence_encoder as text
from unihm.perception.language.sentence_encoder import DIMENSION
from unihm.perception.planner.cliport.config import CliportConfig
from unihm.perception.planner.cliport.turning import crop_turned, rotate
from unihm.perception.planner.cliport.vocabulary import KINDS, clause_samples, name_samples

CHANNELS = 5  # red, green, blue, height, seen; the names of colours come behind them
COLORS = len(NAMES)
KIND_NAMES = tuple(KINDS)
RIDGE = 1e-4  # on the weights of words, relative to the number of phrases
CHOSEN_LOGIT = 6.0  # of a cell that has both the colour and the kind, before training


class _Block(nn.Module):
    """Two convolutions with a shortcut; the first may halve the resolution."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1),
            nn.GroupNorm(4, outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1),
            nn.GroupNorm(4, outputs),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        return F.relu(self.body(x) + self.shortcut(x))


class _Encoder(nn.Module):
    """Features at half, quarter and eighth resolution of the map."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList([
            _Block(4 * inputs, width),
            _Block(width, 2 * width, 2),
            nn.Sequential(_Block(2 * width, 3 * width, 2), _Block(3 * width, 3 * width)),
        ])  # fmt: skip

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> the three levels, finest first."""
        x = F.pixel_unshuffle(x, 2)  # (B, 4 C, H / 2, W / 2): nothing is lost, half the work
        found = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        return found


class _SpatialStream(nn.Module):
    """Where: shape and height, no words. Its decoder's features go to the semantic stream."""

    def __init__(self, width: int, outputs: int, inputs: int = CHANNELS) -> None:
        super().__init__()
        self.encoder = _Encoder(inputs, width)
        self.up = nn.ModuleList([_Block(5 * width, 2 * width), _Block(3 * width, width)])
        self.out = nn.Conv2d(width, 4 * outputs, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, inputs, H, W) -> (B, outputs, H, W), and the decoder's features, coarsest first."""
        *skips, x = self.encoder(x)
        laterals = []
        for block, skip in zip(self.up, reversed(skips)):
            x = block(torch.cat([_doubled(x), skip], dim=1))
            laterals.append(x)
        return F.pixel_shuffle(self.out(x), 2), laterals


class _KindStream(nn.Module):
    """What kind of thing every cell shows: one of :data:`KIND_NAMES`, or nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stream = _SpatialStream(width, len(KIND_NAMES) + 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, 17, H, W) -> logits (B, 29, H, W); the last is that of nothing."""
        return self.stream(maps[:, :CHANNELS])[0]


class _Choice(nn.Module):
    """Which names words mean: those of colours, and those of kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Linear(DIMENSION, COLORS + len(KIND_NAMES))

    def forward(self, maps: Tensor, language: Tensor) -> Tensor:
        """Maps (B, 45, H, W), phrases (B, N, 384) -> (B, N, H, W), 1 where colour and kind fit."""
        weights = self.words(language)
        colors = torch.einsum("bchw,bnc->bnhw", maps[:, CHANNELS : CHANNELS + COLORS],
                              weights[..., :COLORS])  # fmt: skip
        kinds = torch.einsum("bchw,bnc->bnhw", maps[:, CHANNELS + COLORS :], weights[..., COLORS:])
        return colors * kinds

    @torch.no_grad()
    def teach(self, phrases: Sequence[str], names: NDArray[np.float64]) -> None:
        """Solve for the weights with which phrases (N,) choose ``names`` (N, 40).

        A product of two unknown factors is learned slowly from nothing; one of them is linear in
        what the sentence encoder says, and known.
        """
        words = text.encode(phrases).astype(np.float64)
        middle, mean = words.mean(axis=0), names.mean(axis=0)
        words = words - middle
        square = words.T @ words + RIDGE * len(words) * np.eye(DIMENSION)
        weights = np.linalg.solve(square, words.T @ (names - mean))
        self.words.weight.copy_(torch.from_numpy(weights.T))
        self.words.bias.copy_(torch.from_numpy(mean - middle @ weights))


class _SemanticStream(nn.Module):
    """What: colours, and the words multiplied into the features at every level."""

    def __init__(self, width: int, outputs: int, language: int) -> None:
        super().__init__()
        self.encoder = _Encoder(3, width)
        self.words = nn.Sequential(nn.Linear(DIMENSION, language), nn.ReLU(inplace=True))
        self.gates = nn.ModuleList([nn.Linear(language, k * width) for k in (3, 2, 1)])
        self.up = nn.ModuleList([_Block(7 * width + 1, 2 * width), _Block(4 * width + 1, width)])
        self.out = nn.Conv2d(width, 4 * outputs, 1)

    def forward(
        self, maps: Tensor, laterals: list[Tensor], language: Tensor, chosen: Tensor
    ) -> Tensor:
        """What the map shows of what the words say: (B * N, outputs, H, W).

        The image is encoded once, whatever the number of phrases.

        Args:
            maps: (B, 45, H, W).
            laterals: of the spatial stream.
            language: (B, N, 384) phrases.
            chosen: (B, N, H, W) the cells whose names the phrases choose.
        """
        B, N, _ = language.shape
        *skips, x = (_repeated(level, N) for level in self.encoder(maps[:, :3]))
        words = self.words(language.reshape(B * N, -1))
        gates = [gate(words)[:, :, None, None] for gate in self.gates]
        chosen = chosen.flatten(0, 1)[:, None]
        for block, gate, skip, lateral in zip(self.up, gates, reversed(skips), laterals):
            cells = F.avg_pool2d(chosen, chosen.shape[-1] // skip.shape[-1])
            x = torch.cat([_doubled(x * gate), skip, _repeated(lateral, N), cells], dim=1)
            x = block(x)
        return F.pixel_shuffle(self.out(x * gates[-1]), 2)


class _TwoStreams(nn.Module):
    """Both streams, added, and what the words choose."""

    def __init__(self, config: CliportConfig, outputs: int, further: int = 0) -> None:
        super().__init__()
        self.spatial = _SpatialStream(config.width, outputs, CHANNELS + further)
        self.semantic = _SemanticStream(config.width, outputs, config.language)
        self.choice = _Choice()

    def forward(
        self, maps: Tensor, language: Tensor, further: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Features (B * N, outputs, H, W), and (B * N, 1, H, W) where colour and kind fit: about 1.

        Args:
            maps: (B, 45, H, W).
            language: (B, N, 384) phrases.
            further: (B, further, H, W) what else the spatial stream shall see.
        """
        seen = maps[:, :CHANNELS]
        where, laterals = self.spatial(seen if further is None else torch.cat([seen, further], 1))
        chosen = self.choice(maps, language)
        what = self.semantic(maps, laterals, language, chosen)
        return what + _repeated(where, language.shape[1]), chosen.flatten(0, 1)[:, None]


class _Attention(nn.Module):
    """The pick affordance."""

    def __init__(self, config: CliportConfig) -> None:
        super().__init__()
        self.rotations = config.pick_rotations
        self.streams = _TwoStreams(config, 1)
        self.sharpness = nn.Parameter(torch.tensor(CHOSEN_LOGIT))

    def forward(self, maps: Tensor, language: Tensor) -> Tensor:
        """Maps (B, 45, H, W), phrases (B, N, 384) -> logits (B, N, R, H, W).

        Turn r is about the vertical by 2 pi r / R, counter-clockwise on the map.
        """
        B, N, _ = language.shape
        logits = []
        for r in range(self.rotations):
            turned = rotate(maps, _angles(maps, r, self.rotations))
            found, chosen = self.streams(turned, language)
            found = found + self.sharpness * (2.0 * chosen - 1.0)
            logits.append(rotate(found, -_angles(found, r, self.rotations)))
        return torch.cat(logits, dim=1).reshape(B, N, self.rotations, *maps.shape[-2:])


class Transport(nn.Module):
    """The place affordance: how well the surroundings of the pick would fit everywhere else.

    "To the left" is neither a thing on the map nor a look of it: the key is told where every cell
    lies on the table and from the pick, and one more feature says how good a place is for anything.
    """

    def __init__(self, config: CliportConfig) -> None:
        super().__init__()
        self.rotations, self.crop = config.place_rotations, config.crop
        self.key = _TwoStreams(config, config.features + 1, further=4)
        self.query = _TwoStreams(config, config.features)
        self.scale = nn.Parameter(torch.tensor(0.01))

    def forward(self, maps: Tensor, language: Tensor, picks: Tensor) -> Tensor:
        """Maps (B, 45, H, W), words (B, 384), picks (B, 2) row and column -> (B, R, H, W) logits.

        Turn r places the picked thing turned by 2 pi r / R, counter-clockwise on the map.
        """
        B, _, H, W = maps.shape
        words = language[:, None]
        key, _ = self.key(maps, words, _positions(maps, picks))
        anything, key = key[:, :1], key[:, 1:]  # (B, 1, H, W), (B, F, H, W)
        crops = crop_turned(maps, picks, self.crop, self.rotations)  # (B * R, 34, c, c)
        query, _ = self.query(crops, words.repeat_interleave(self.rotations, dim=0))
        query = query.reshape(B * self.rotations, -1, self.crop, self.crop)
        half = self.crop // 2
        # One group per map: each is correlated with its own queries.
        merged = F.conv2d(key.reshape(1, -1, H, W), query, padding=half, groups=B)
        # A crop of even side has its pick just behind the middle.
        merged = merged.reshape(B, self.rotations, H + 1, W + 1)[..., :H, :W]
        return anything + self.scale * merged


class Cliport(nn.Module):
    """Pick and place affordances.

    Attributes:
        absence: logit of "it is not here", against which the pixels compete.
    """

    absence = 0.0

    def __init__(self, config: CliportConfig) -> None:
        super().__init__()
        self.kinds = _KindStream(config.kind_width)
        self.attention = _Attention(config)
        self.transport = Transport(config)

    def words(self, phrases: Sequence[str]) -> NDArray[np.float32]:
        """(N, 384) embeddings of phrases."""
        return text.encode(phrases)

    def name(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Add what every cell shows: (B, 17, H, W) -> (B, 45, H, W), and logits (B, 29, H, W)."""
        logits = self.kinds(maps)
        return torch.cat([maps, torch.softmax(logits, dim=1)[:, :-1]], dim=1), logits

    def pick(self, maps: Tensor, language: Tensor) -> Tensor:
        """See :class:`_Attention`."""
        return self.attention(maps, language)

    def place(self, maps: Tensor, language: Tensor, picks: Tensor) -> Tensor:
        """See :class:`Transport`."""
        return self.transport(maps, language, picks)

    def teach(self) -> None:
        """What words choose, from the vocabulary of the training sentences."""
        self.attention.streams.choice.teach(*name_samples())
        for streams in (self.transport.key, self.transport.query):
            streams.choice.teach(*clause_samples())


def map_layers(
    rgb: NDArray[np.float32], height: NDArray[np.float32], seen: NDArray[np.bool_]
) -> Tensor:
    """What the networks see of a map: (17, H, W).

    Args:
        rgb: (H, W, 3) 0 to 1.
        height: (H, W) metres.
        seen: (H, W).

    Returns:
        colour, height in units of 10 cm, where anything is seen, and one layer for each of
        :data:`unihm.perception.colors.NAMES`.
    """
    index = name_pixels((255 * rgb).astype(np.uint8).reshape(-1, 3)).reshape(seen.shape)
    names = (index[None] == np.arange(COLORS)[:, None, None]) & seen
    layers = [rgb.transpose(2, 0, 1), 10.0 * height[None], seen[None], names]
    return torch.from_numpy(np.concatenate(layers).astype(np.float32))


def _positions(maps: Tensor, picks: Tensor) -> Tensor:
    """(B, 4, H, W): rows and columns from the middle of the maps, and from the picks (B, 2)."""
    B, _, H, W = maps.shape
    rows, columns = torch.meshgrid(
        torch.arange(H, dtype=maps.dtype), torch.arange(W, dtype=maps.dtype), indexing="ij"
    )
    cells = torch.stack([rows, columns]).expand(B, 2, H, W)
    middle = maps.new_tensor([H / 2, W / 2])[:, None, None]
    return torch.cat([cells - middle, cells - picks.to(maps)[:, :, None, None]], dim=1) / 20.0


def _angles(images: Tensor, turn: int, turns: int) -> Tensor:
    return images.new_full((len(images),), 2 * torch.pi * turn / turns)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _repeated(x: Tensor, times: int) -> Tensor:
    return x if times == 1 else x.repeat_interleave(times, dim=0)


def with_absence(logits: Tensor, absence: float = 0.0) -> Tensor:
    """Logits (B, R, H, W) flat, and that of "it is not here" behind them: (B, R * H * W + 1)."""
    return F.pad(logits.flatten(1), (0, 1), value=absence)


def kind_loss(logits: Tensor, kinds: Tensor) -> Tensor:
    """Cross-entropy of what every cell shows.

    Args:
        logits: (B, 29, H, W).
        kinds: (B, H, W) numbers of kinds; 28 is nothing, -1 is not known.
    """
    weights = logits.new_ones(logits.shape[1])
    weights[-1] = 0.1  # most cells show nothing
    return F.cross_entropy(logits, kinds, weights, ignore_index=-1)


def affordance_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the soft-max over all pixels and turns (CLIPort, section 4.3).

    Args:
        logits: (B, R, H, W).
        target: (B, R, H, W) distribution that sums to one; all zero where it is not here.
    """
    absent = 1.0 - target.flatten(1).sum(dim=1, keepdim=True)
    wanted = torch.cat([target.flatten(1), absent], dim=1)
    return -(wanted * F.log_softmax(with_absence(logits), dim=1)).sum(dim=1).mean()
