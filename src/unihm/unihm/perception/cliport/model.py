"""CLIPort, small: what (a semantic stream with language) and where (a spatial one), twice.

After Shridhar, Manuelli and Fox, "CLIPort: What and Where Pathways for Robotic Manipulation"
(CoRL 2021): :class:`Attention` gives the pick affordance, :class:`Transport` carries a crop about
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

from unihm.perception import text
from unihm.perception.cliport.config import CliportConfig
from unihm.perception.colors import NAMES, name_pixels
from unihm.perception.text import DIMENSION

CHANNELS = 5  # red, green, blue, height, seen; the names of colours come behind them
NAMED = len(NAMES)
COLOR_LOGIT = 4.0  # that the right colour is worth before training
STANDING = 0.05  # in units of 10 cm: what is lower is table


class Block(nn.Module):
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


class Encoder(nn.Module):
    """Features at half, quarter and eighth resolution of the map."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList([
            Block(4 * inputs, width),
            Block(width, 2 * width, 2),
            nn.Sequential(Block(2 * width, 3 * width, 2), Block(3 * width, 3 * width)),
        ])  # fmt: skip

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> the three levels, finest first."""
        x = F.pixel_unshuffle(x, 2)  # (B, 4 C, H / 2, W / 2): nothing is lost, half the work
        found = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        return found


class SpatialStream(nn.Module):
    """Where: shape and height, no words. Its decoder's features go to the semantic stream."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.encoder = Encoder(CHANNELS, width)
        self.up = nn.ModuleList([Block(5 * width, 2 * width), Block(3 * width, width)])
        self.out = nn.Conv2d(width, 4 * outputs, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 17, H, W) -> (B, outputs, H, W), and the decoder's features, coarsest first."""
        *skips, x = self.encoder(x[:, :CHANNELS])
        laterals = []
        for block, skip in zip(self.up, reversed(skips)):
            x = block(torch.cat([_doubled(x), skip], dim=1))
            laterals.append(x)
        return F.pixel_shuffle(self.out(x), 2), laterals


class SemanticStream(nn.Module):
    """What: colours, and the words multiplied into the features at every level.

    The twelve named colours go straight to the last product, where a word for a colour finds its
    own at once; what colours do not say has to be learned through the levels.
    """

    def __init__(self, width: int, outputs: int, language: int) -> None:
        super().__init__()
        self.encoder = Encoder(3, width)
        self.words = nn.Sequential(nn.Linear(DIMENSION, language), nn.ReLU(inplace=True))
        sizes = (3 * width, 2 * width, width + NAMED)
        self.gates = nn.ModuleList([nn.Linear(language, size) for size in sizes])
        self.up = nn.ModuleList([Block(7 * width, 2 * width), Block(4 * width, width)])
        self.out = nn.Conv2d(width + NAMED, 4 * outputs, 1)

    def forward(self, maps: Tensor, laterals: list[Tensor], language: Tensor) -> Tensor:
        """Maps (B, 17, H, W), laterals and N phrases each (B, N, 384) -> (B * N, outputs, H, W).

        The image is encoded once, whatever the number of phrases.
        """
        B, N, _ = language.shape
        *skips, x = (_repeated(level, N) for level in self.encoder(maps[:, :3]))
        words = self.words(language.reshape(B * N, -1))
        gates = [gate(words)[:, :, None, None] for gate in self.gates]
        for block, gate, skip, lateral in zip(self.up, gates, reversed(skips), laterals):
            x = torch.cat([_doubled(x * gate), skip, _repeated(lateral, N)], dim=1)
            x = block(x)
        names = maps[:, CHANNELS:]
        if maps[:, 3].any():  # of what stands on the table; without depth, of everything
            names = names * (maps[:, 3:4] > STANDING)
        names = _repeated(F.avg_pool2d(names, 2), N)
        x = torch.cat([x, names], dim=1)
        return F.pixel_shuffle(self.out(x * gates[-1]), 2)

    @torch.no_grad()
    def teach_colors(self, phrases: Sequence[str], colors: NDArray[np.float64]) -> None:
        """Solve the last gate so that the word for a colour lets that colour through.

        A product of two unknown factors is learned slowly from nothing; one of them is linear in
        what the sentence encoder says, and known.

        Args:
            phrases: (N,) with and without a colour.
            colors: (N, 12) 1 for the colour of each phrase, all 0 without one.
        """
        words = self.words(torch.from_numpy(text.encode(phrases))).double().numpy()
        words = np.column_stack([words, np.ones(len(words))])
        square = words.T @ words + 1e-3 * len(words) * np.eye(words.shape[1])
        weights = np.linalg.solve(square, words.T @ colors)
        gate = self.gates[-1]
        assert isinstance(gate, nn.Linear)
        gate.weight[-NAMED:] = torch.from_numpy(weights[:-1].T).float()
        gate.bias[-NAMED:] = torch.from_numpy(weights[-1]).float()
        self.out.weight[:, -NAMED:] = COLOR_LOGIT


class TwoStreams(nn.Module):
    """Both streams, added."""

    def __init__(self, config: CliportConfig, outputs: int) -> None:
        super().__init__()
        self.spatial = SpatialStream(config.width, outputs)
        self.semantic = SemanticStream(config.width, outputs, config.language)

    def forward(self, maps: Tensor, language: Tensor) -> Tensor:
        """Maps (B, 17, H, W) and phrases (B, N, 384) -> (B * N, outputs, H, W)."""
        where, laterals = self.spatial(maps)
        what = self.semantic(maps, laterals, language)
        return what + _repeated(where, language.shape[1])


class Attention(nn.Module):
    """The pick affordance."""

    def __init__(self, config: CliportConfig) -> None:
        super().__init__()
        self.rotations = config.pick_rotations
        self.streams = TwoStreams(config, 1)

    def forward(self, maps: Tensor, language: Tensor) -> Tensor:
        """Maps (B, 17, H, W), phrases (B, N, 384) -> logits (B, N, R, H, W).

        Turn r is about the vertical by 2 pi r / R, counter-clockwise on the map.
        """
        B, N, _ = language.shape
        logits = []
        for r in range(self.rotations):
            turned = rotate(maps, _angles(maps, r, self.rotations))
            found = self.streams(turned, language)
            logits.append(rotate(found, -_angles(found, r, self.rotations)))
        return torch.cat(logits, dim=1).reshape(B, N, self.rotations, *maps.shape[-2:])


class Transport(nn.Module):
    """The place affordance: how well the surroundings of the pick would fit everywhere else."""

    def __init__(self, config: CliportConfig) -> None:
        super().__init__()
        self.rotations, self.crop = config.place_rotations, config.crop
        self.key = TwoStreams(config, config.features)
        self.query = TwoStreams(config, config.features)
        self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self, maps: Tensor, language: Tensor, picks: Tensor) -> Tensor:
        """Maps (B, 17, H, W), words (B, 384), picks (B, 2) row and column -> (B, R, H, W) logits.

        Turn r places the picked thing turned by 2 pi r / R, counter-clockwise on the map.
        """
        B, _, H, W = maps.shape
        words = language[:, None]
        key = self.key(maps, words)  # (B, F, H, W)
        crops = crop_turned(maps, picks, self.crop, self.rotations)  # (B * R, 17, c, c)
        query = self.query(crops, words.repeat_interleave(self.rotations, dim=0))
        query = query.reshape(B * self.rotations, -1, self.crop, self.crop)
        half = self.crop // 2
        # One group per map: each is correlated with its own queries.
        merged = F.conv2d(key.reshape(1, -1, H, W), query, padding=half, groups=B)
        # A crop of even side has its pick just behind the middle.
        return self.scale * merged.reshape(B, self.rotations, H + 1, W + 1)[..., :H, :W]


class Cliport(nn.Module):
    """Pick and place affordances.

    Attributes:
        absence: logit of "it is not here", against which the pixels compete.
    """

    absence = 0.0

    def __init__(self, config: CliportConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.transport = Transport(config)

    def words(self, phrases: Sequence[str]) -> NDArray[np.float32]:
        """(N, 384) embeddings of phrases."""
        return text.encode(phrases)

    def pick(self, maps: Tensor, language: Tensor) -> Tensor:
        """See :class:`Attention`."""
        return self.attention(maps, language)

    def place(self, maps: Tensor, language: Tensor, picks: Tensor) -> Tensor:
        """See :class:`Transport`."""
        return self.transport(maps, language, picks)


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
    names = (index[None] == np.arange(NAMED)[:, None, None]) & seen
    layers = [rgb.transpose(2, 0, 1), 10.0 * height[None], seen[None], names]
    return torch.from_numpy(np.concatenate(layers).astype(np.float32))


def rotate(images: Tensor, angles: Tensor, centers: Tensor | None = None) -> Tensor:
    """Turn images (B, C, H, W) by ``angles`` (B,) radians, counter-clockwise as one looks at them.

    Args:
        centers: (B, 2) row and column that stay where they are; the middle by default.
    """
    B, _, H, W = images.shape
    if not angles.any():
        return images
    if centers is None:
        centers = images.new_tensor([(H - 1) / 2, (W - 1) / 2]).expand(B, 2)
    rows = torch.arange(H, dtype=images.dtype)[:, None].expand(H, W)
    columns = torch.arange(W, dtype=images.dtype)[None].expand(H, W)
    return _sample(images, angles, centers, rows, columns)


def crop_turned(maps: Tensor, picks: Tensor, size: int, rotations: int) -> Tensor:
    """Squares about picks (B, 2), each in every turn: (B, C, H, W) -> (B * R, C, size, size)."""
    B = len(maps)
    angles = torch.arange(rotations, dtype=maps.dtype) * (2 * torch.pi / rotations)
    offset = torch.arange(size, dtype=maps.dtype) - size // 2
    rows = offset[:, None].expand(size, size)
    columns = offset[None].expand(size, size)
    centers = picks.to(maps.dtype).repeat_interleave(rotations, dim=0)
    return _sample(
        maps.repeat_interleave(rotations, dim=0),
        angles.repeat(B),
        centers,
        rows + centers[:, :1, None],
        columns + centers[:, 1:, None],
    )


def _sample(
    images: Tensor, angles: Tensor, centers: Tensor, rows: Tensor, columns: Tensor
) -> Tensor:
    """Images turned about ``centers`` (B, 2) by ``angles`` (B,), read at rows and columns."""
    H, W = images.shape[-2:]
    # A pixel of the turned image comes from the position turned back.
    dy, dx = rows - centers[:, :1, None], columns - centers[:, 1:, None]
    cos, sin = torch.cos(angles)[:, None, None], torch.sin(angles)[:, None, None]
    y = centers[:, :1, None] + cos * dy + sin * dx
    x = centers[:, 1:, None] - sin * dy + cos * dx
    grid = torch.stack([2 * x / (W - 1) - 1, 2 * y / (H - 1) - 1], dim=-1)
    return F.grid_sample(images, grid, align_corners=True)


def _angles(images: Tensor, turn: int, turns: int) -> Tensor:
    return images.new_full((len(images),), 2 * torch.pi * turn / turns)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _repeated(x: Tensor, times: int) -> Tensor:
    return x if times == 1 else x.repeat_interleave(times, dim=0)


def with_absence(logits: Tensor, absence: float = 0.0) -> Tensor:
    """Logits (B, R, H, W) flat, and that of "it is not here" behind them: (B, R * H * W + 1)."""
    return F.pad(logits.flatten(1), (0, 1), value=absence)


def affordance_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the soft-max over all pixels and turns (CLIPort, section 4.3).

    Args:
        logits: (B, R, H, W).
        target: (B, R, H, W) distribution that sums to one; all zero where it is not here.
    """
    absent = 1.0 - target.flatten(1).sum(dim=1, keepdim=True)
    wanted = torch.cat([target.flatten(1), absent], dim=1)
    return -(wanted * F.log_softmax(with_absence(logits), dim=1)).sum(dim=1).mean()
