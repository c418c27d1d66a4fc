"""The tokenizer network: an encoder and a decoder per hand around one shared codebook.

A motion enters as frame features (``features.py``) and becomes one latent vector per chunk of
frames. With the ``mlp`` backbone every kernel has width 1, so that a chunk knows only itself.
"""

from __future__ import annotations

from torch import Tensor, nn

from unihm.tokenizer.config import TokenizerConfig
from unihm.tokenizer.quantizer import ResidualQuantizer


class TokenizerModel(nn.Module):
    """Encoders E_h, decoders D_h and the codebook Z (section 3.2).

    Args:
        config: sizes; ``config.hands`` is not read, hands are added one by one.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        self.quantizer = ResidualQuantizer(
            config.levels, config.codebook_size, config.latent, config.carry
        )
        self.encoders = nn.ModuleDict()
        self.decoders = nn.ModuleDict()

    def add_hand(self, name: str, features: int) -> None:
        """Add an untrained encoder and decoder for a hand of ``features`` values per frame."""
        self.encoders[name] = HandEncoder(self.config, features)
        self.decoders[name] = HandDecoder(self.config, features)

    def features_of(self, hand: str) -> int:
        """Values per frame of a hand."""
        decoder = self.decoders[hand]
        assert isinstance(decoder, HandDecoder)
        return decoder.features

    def encode(self, hand: str, x: Tensor) -> Tensor:
        """z_e = E_h(x) (B3): (B, T, F) with T a multiple of the chunk to (B, L, d)."""
        return self.encoders[hand](x)

    def decode(self, hand: str, z_q: Tensor) -> Tensor:
        """x = D_h(z_q) (B6): (B, L, d) to (B, T, F), T = L * chunk."""
        return self.decoders[hand](z_q)


class HandEncoder(nn.Module):
    """Frames to chunk latents: a strided convolution, then residual blocks at chunk rate."""

    def __init__(self, config: TokenizerConfig, features: int) -> None:
        super().__init__()
        overlap = 1 if config.backbone == "conv" else 0
        self.patch = nn.Conv1d(
            features,
            config.hidden,
            kernel_size=config.chunk + 2 * overlap,
            stride=config.chunk,
            padding=overlap,
            padding_mode="replicate",
        )
        self.blocks = nn.Sequential(*(ResidualBlock(config) for _ in range(config.depth)))
        self.head = nn.Conv1d(config.hidden, config.latent, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, F) to (B, L, d)."""
        y = self.patch(x.transpose(1, 2))  # (B, hidden, L)
        return self.head(self.blocks(y)).transpose(1, 2)


class HandDecoder(nn.Module):
    """Chunk latents to frames: residual blocks at chunk rate, then a chunk's frames at once."""

    def __init__(self, config: TokenizerConfig, features: int) -> None:
        super().__init__()
        width = _width(config)
        self.features = features
        self.stem = nn.Conv1d(
            config.latent,
            config.hidden,
            kernel_size=width,
            padding=width // 2,
            padding_mode="replicate",
        )
        self.blocks = nn.Sequential(*(ResidualBlock(config) for _ in range(config.depth)))
        self.head = nn.Conv1d(config.hidden, config.chunk * features, kernel_size=1)

    def forward(self, z: Tensor) -> Tensor:
        """(B, L, d) to (B, T, F)."""
        y = self.head(self.blocks(self.stem(z.transpose(1, 2))))  # (B, chunk * F, L)
        return y.transpose(1, 2).reshape(len(z), -1, self.features)


class ResidualBlock(nn.Module):
    """y = x + conv1(gelu(conv(gelu(x))))."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        width = _width(config)
        self.layers = nn.Sequential(
            nn.GELU(),
            nn.Conv1d(
                config.hidden,
                config.hidden,
                kernel_size=width,
                padding=width // 2,
                padding_mode="replicate",
            ),
            nn.GELU(),
            nn.Conv1d(config.hidden, config.hidden, kernel_size=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, hidden, L) to the same."""
        return x + self.layers(x)


def _width(config: TokenizerConfig) -> int:
    return 3 if config.backbone == "conv" else 1
