"""CLIPort as published: a ResNet (where) beside a CLIP RN50 with a language U-Net (what).

The layers and their names are those of the checkpoints of Shridhar, Manuelli and Fox (CoRL 2021,
agent "two_stream_clip_lingunet_lat_transporter": map of 320 x 160 pixels of 3.125 mm, crop of 64,
36 rotations, no batch normalisation, language multiplied in), so that their tensors load as they
are. CLIP is stored three times in such a file, once for each semantic stream, and frozen; it is
kept once here.
"""

from __future__ import annotations

import gzip
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from torch import Tensor, nn

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.planner.cliport.config import CliportConfig
from unihm.perception.planner.cliport.model import crop_turned
from unihm.weights import load_weights

# Of the images that the published networks were trained on, colour from 0 to 1 and metres.
TRANSPORTER = ((0.18877631,) * 3, (0.07276466,) * 3, 0.00509261, 0.00903967)
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), 0.0, 1.0)
CONTEXT = 77  # tokens of a sentence
VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"  # of CLIP, beside the weights
FEATURES = 3  # of key and query


@dataclass(frozen=True)
class Sizes:
    """Widths and depths; the defaults are the published ones.

    Attributes:
        base: channels of the ResNet's first layer.
        clip: channels behind CLIP's stem.
        blocks: bottlenecks in the four stages of CLIP's ResNet.
        embedding: of a sentence.
        text, heads, layers: of CLIP's transformer.
        words: of its vocabulary.
    """

    base: int = 64
    clip: int = 64
    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)
    embedding: int = 1024
    text: int = 512
    heads: int = 8
    layers: int = 12
    words: int = 49408


# ------------------------------------------------------------------------------ where


class _Residual(nn.Module):
    """1x1, 3x3, 1x1, and a shortcut: its own convolution where ``widen``, else the input."""

    def __init__(
        self, inputs: int, middle: int, outputs: int, stride: int, widen: bool, final: bool
    ) -> None:
        super().__init__()
        self.final = final
        self.conv1 = nn.Conv2d(inputs, middle, 1, bias=False)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, 1, bias=False)
        self.conv3 = nn.Conv2d(middle, outputs, 1, bias=False)
        if widen:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False))
        self.widen = widen

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        y = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        y = y + (self.shortcut(x) if self.widen else x)
        return F.relu(y) if self.final else y


def _stage(
    inputs: int, middle: int, outputs: int, stride: int = 1, final: bool = True, up: bool = False
) -> nn.Sequential:
    blocks: list[nn.Module] = [
        _Residual(inputs, middle, outputs, stride, True, final),
        _Residual(outputs, middle, outputs, 1, False, final),
    ]
    return nn.Sequential(*blocks, *([nn.UpsamplingBilinear2d(scale_factor=2)] if up else []))


class _SpatialResNet(nn.Module):
    """The stream that sees colour and height (6 channels) and no words."""

    def __init__(self, outputs: int, b: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(6, b, 3, padding=1), nn.Identity(), nn.ReLU())
        self.layer1 = _stage(b, b, b)
        self.layer2 = _stage(b, 2 * b, 2 * b, 2)
        self.layer3 = _stage(2 * b, 4 * b, 4 * b, 2)
        self.layer4 = _stage(4 * b, 8 * b, 8 * b, 2)
        self.layer5 = _stage(8 * b, 16 * b, 16 * b, 2)
        self.layer6 = _stage(16 * b, 8 * b, 8 * b, up=True)
        self.layer7 = _stage(8 * b, 4 * b, 4 * b, up=True)
        self.layer8 = _stage(4 * b, 2 * b, 2 * b, up=True)
        self.layer9 = _stage(2 * b, b, b, up=True)
        self.layer10 = _stage(b, b // 2, b // 2, up=True)
        self.conv2 = _stage(b // 2, b // 4, outputs, final=False)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 6, H, W) -> (B, outputs, H, W), and six decoder features, coarsest first."""
        size = x.shape[-2:]
        x = _normalised(x, TRANSPORTER)
        for layer in (
            self.conv1, self.layer1, self.layer2, self.layer3, self.layer4, self.layer5
        ):  # fmt: skip
            x = layer(x)
        laterals = []
        for layer in (
            self.layer6, self.layer7, self.layer8, self.layer9, self.layer10, self.conv2
        ):  # fmt: skip
            laterals.append(x)
            x = layer(x)
        return F.interpolate(x, size=size, mode="bilinear"), laterals


# ------------------------------------------------------------------------------ CLIP


class _Bottleneck(nn.Module):
    """CLIP's: strides are average pools."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.stride = stride
        self.downsample: nn.Sequential | None = None
        if stride > 1 or inputs != 4 * width:
            self.downsample = nn.Sequential(
                OrderedDict([
                    ("0", nn.Conv2d(inputs, 4 * width, 1, bias=False)),
                    ("1", nn.BatchNorm2d(4 * width)),
                ])
            )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 4 width, H / stride, W / stride)."""
        y = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        if self.stride > 1:
            y, x = F.avg_pool2d(y, self.stride), F.avg_pool2d(x, self.stride)
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class _ClipVision(nn.Module):
    """CLIP's ResNet up to its pooling."""

    def __init__(self, w: int, blocks: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, w // 2, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(w // 2)
        self.conv2 = nn.Conv2d(w // 2, w // 2, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(w // 2)
        self.conv3 = nn.Conv2d(w // 2, w, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(w)
        inputs = w
        for k, count in enumerate(blocks):
            width = w * 2**k
            first = _Bottleneck(inputs, width, 1 if k == 0 else 2)
            rest = [_Bottleneck(4 * width, width, 1) for _ in range(count - 1)]
            setattr(self, f"layer{k + 1}", nn.Sequential(first, *rest))
            inputs = 4 * width

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> features at a quarter, eighth, sixteenth and thirty-second."""
        for conv, norm in (
            (self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)
        ):  # fmt: skip
            x = F.relu(norm(conv(x)))
        x = F.avg_pool2d(x, 2)
        found = []
        for k in range(4):
            x = getattr(self, f"layer{k + 1}")(x)
            found.append(x)
        return found


class _TextBlock(nn.Module):
    """One block of CLIP's transformer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            OrderedDict([
                ("c_fc", nn.Linear(width, 4 * width)),
                ("gelu", _QuickGelu()),
                ("c_proj", nn.Linear(4 * width, width)),
            ])
        )  # fmt: skip
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, L, width) -> the same; ``mask`` (L, L) shuts out what comes later."""
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


class _QuickGelu(nn.Module):
    """The sigmoid approximation that CLIP was trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class _Clip(nn.Module):
    """CLIP RN50 without its image pooling; frozen."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.visual = _ClipVision(sizes.clip, sizes.blocks)
        self.token_embedding = nn.Embedding(sizes.words, sizes.text)
        self.positional_embedding = nn.Parameter(torch.zeros(CONTEXT, sizes.text))
        self.transformer = nn.ModuleDict({
            "resblocks": nn.ModuleList(
                [_TextBlock(sizes.text, sizes.heads) for _ in range(sizes.layers)]
            )
        })  # fmt: skip
        self.ln_final = nn.LayerNorm(sizes.text)
        self.text_projection = nn.Parameter(torch.zeros(sizes.text, sizes.embedding))
        self.requires_grad_(False)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """(B, 77) -> (B, embedding): the state at the end-of-text token, the largest number."""
        length = tokens.shape[1]
        mask = torch.full((length, length), -torch.inf).triu(1)
        x = self.token_embedding(tokens) + self.positional_embedding[:length]
        for block in self.transformer["resblocks"].children():
            x = block(x, mask)
        x = self.ln_final(x)[torch.arange(len(x)), tokens.argmax(dim=1)]
        return x @ self.text_projection

    def train(self, mode: bool = True) -> _Clip:
        """Its statistics stay what they are."""
        return super().train(False)


# ------------------------------------------------------------------------------ what


class _DoubleConv(nn.Module):
    """Two convolutions with batch normalisation."""

    def __init__(self, inputs: int, outputs: int, middle: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(inputs, middle, 3, padding=1),
            nn.BatchNorm2d(middle),
            nn.ReLU(),
            nn.Conv2d(middle, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.double_conv(x)


class _Up(nn.Module):
    """Twice the resolution, joined with a skip connection."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = _DoubleConv(inputs, outputs, inputs // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, inputs / 2, H, W), (B, inputs / 2, 2 H, 2 W) -> (B, outputs, 2 H, 2 W)."""
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        dy, dx = skip.shape[-2] - x.shape[-2], skip.shape[-1] - x.shape[-1]
        x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.conv(torch.cat([skip, x], dim=1))


class _Join(nn.Module):
    """1x1 convolution over two tensors side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.conv(torch.cat([a, b], dim=1))


class _LanguageUNet(nn.Module):
    """The stream that sees colour through CLIP; the sentence is multiplied into its decoder."""

    def __init__(self, outputs: int, sizes: Sizes) -> None:
        super().__init__()
        w, b = sizes.clip, sizes.base
        self.lang_proj1 = nn.Linear(sizes.embedding, 16 * w)
        self.lang_proj2 = nn.Linear(sizes.embedding, 8 * w)
        self.lang_proj3 = nn.Linear(sizes.embedding, 4 * w)
        self.conv1 = nn.Sequential(nn.Conv2d(32 * w, 16 * w, 3, padding=1, bias=False), nn.ReLU())
        self.up1, self.lat_fusion1 = _Up(32 * w, 8 * w), _Join(8 * w + 16 * b, 8 * w)
        self.up2, self.lat_fusion2 = _Up(16 * w, 4 * w), _Join(4 * w + 8 * b, 4 * w)
        self.up3, self.lat_fusion3 = _Up(8 * w, 2 * w), _Join(2 * w + 4 * b, 2 * w)
        self.layer1, self.lat_fusion4 = _stage(2 * w, w, w, up=True), _Join(w + 2 * b, w)
        self.layer2 = _stage(w, w // 2, w // 2, up=True)
        self.lat_fusion5 = _Join(w // 2 + b, w // 2)
        self.layer3 = _stage(w // 2, w // 4, w // 4, up=True)
        self.lat_fusion6 = _Join(w // 4 + b // 2, w // 4)
        self.conv2 = nn.Sequential(nn.Conv2d(w // 4, outputs, 1))

    def forward(
        self, features: list[Tensor], laterals: list[Tensor], words: Tensor, size: torch.Size
    ) -> Tensor:
        """CLIP's features, the other stream's, a sentence (B, E) -> (B, outputs, *size)."""

        def gate(projection: nn.Module) -> Tensor:
            return projection(words)[:, :, None, None]

        quarter, eighth, sixteenth, x = features
        x = self.conv1(x) * gate(self.lang_proj1)
        x = self.lat_fusion1(self.up1(x, sixteenth), laterals[0]) * gate(self.lang_proj2)
        x = self.lat_fusion2(self.up2(x, eighth), laterals[1]) * gate(self.lang_proj3)
        x = self.lat_fusion3(self.up3(x, quarter), laterals[2])
        x = self.lat_fusion4(self.layer1(x), laterals[3])
        x = self.lat_fusion5(self.layer2(x), laterals[4])
        x = self.lat_fusion6(self.layer3(x), laterals[5])
        return F.interpolate(self.conv2(x), size=size, mode="bilinear")


# ------------------------------------------------------------------------------ together


class PublishedCliport(nn.Module):
    """Pick and place affordances of the published networks; see :class:`.model.Cliport`.

    Their map has rows along y and columns along x, both upwards; it is turned on the way in and
    on the way out.
    """

    absence = -torch.inf  # "it is not here" is no answer of theirs

    def __init__(self, config: CliportConfig, sizes: Sizes | None = None) -> None:
        super().__init__()
        sizes = sizes or Sizes()
        self.rotations, self.crop = config.place_rotations, config.crop
        self.clip = _Clip(sizes)
        self.attention = nn.ModuleDict({
            "attn_stream_one": _SpatialResNet(1, sizes.base),
            "attn_stream_two": _LanguageUNet(1, sizes),
        })  # fmt: skip
        self.transport = nn.ModuleDict({
            "key_stream_one": _SpatialResNet(FEATURES, sizes.base),
            "key_stream_two": _LanguageUNet(FEATURES, sizes),
            "query_stream_one": _SpatialResNet(FEATURES, sizes.base),
            "query_stream_two": _LanguageUNet(FEATURES, sizes),
            "fusion_key": _Join(2 * FEATURES, FEATURES),
            "fusion_query": _Join(2 * FEATURES, FEATURES),
        })  # fmt: skip
        self.tokenizer: Tokenizer | None = None

    def words(self, phrases: Sequence[str]) -> NDArray[np.float32]:
        """(N, embedding) of CLIP; raises WEIGHTS_MISSING where its vocabulary was not loaded."""
        if self.tokenizer is None:
            raise UnihmError(
                ErrorCode.WEIGHTS_MISSING, f"CLIP's vocabulary ({VOCABULARY}) was not loaded."
            )
        tokens = torch.zeros(len(phrases), CONTEXT, dtype=torch.long)
        for row, encoding in zip(tokens, self.tokenizer.encode_batch(list(phrases))):
            ids = encoding.ids[: CONTEXT - 2]
            start, end = (self.tokenizer.token_to_id(t) for t in _MARKS)
            row[: len(ids) + 2] = torch.tensor([start, *ids, end])
        with torch.inference_mode():
            return self.clip.encode_text(tokens).numpy()

    def pick(self, maps: Tensor, language: Tensor) -> Tensor:
        """Maps (B, 5, H, W), phrases (B, N, E) -> logits (B, N, 1, H, W)."""
        x = _published_map(maps)
        *_, H, W = x.shape
        side = max(H, W)
        top, left = (side - H) // 2, (side - W) // 2
        x = F.pad(x, [left, side - W - left, top, side - H - top])
        found = []
        for phrase in language.unbind(dim=1):
            one, two = self.streams("attention", "attn", x, phrase)
            found.append((one + two)[:, 0, top : top + H, left : left + W])
        return torch.stack(found, dim=1)[:, :, None].transpose(-1, -2).flip(-2, -1)

    def place(self, maps: Tensor, language: Tensor, picks: Tensor) -> Tensor:
        """Maps (B, 5, H, W), words (B, E), picks (B, 2) -> (B, R, H, W) logits."""
        H, W = maps.shape[-2:]
        pad = self.crop // 2
        x = F.pad(_published_map(maps), [pad] * 4)
        at = torch.stack([W - 1 - picks[:, 1], H - 1 - picks[:, 0]], dim=1) + pad
        results = []
        for image, words, pick in zip(x.split(1), language.split(1), at.split(1)):
            join_key, join_query = (self.transport[f"fusion_{n}"] for n in ("key", "query"))
            key = join_key(*self.streams("transport", "key", image, words))
            crops = crop_turned(image, pick, self.crop, self.rotations)
            query = join_query(*self.streams("transport", "query", crops, words))
            merged = F.conv2d(key, query, padding=pad)
            merged = F.interpolate(merged, size=key.shape[-2:], mode="bilinear")
            results.append(merged[..., pad:-pad, pad:-pad])
        found = torch.cat(results).transpose(-1, -2).flip(-2, -1)
        # Their map is a mirror image: its turns go the other way round.
        return found[:, (-torch.arange(self.rotations)) % self.rotations]

    def streams(self, module: str, name: str, x: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """What the spatial and the semantic stream ``name`` make of ``x`` (B, C, H, W)."""
        streams = getattr(self, module)
        one, laterals = streams[f"{name}_stream_one"](x)
        with torch.no_grad():
            features = self.clip.visual(_normalised(x, CLIP)[:, :3])
        words = words.expand(len(x), -1)
        return one, streams[f"{name}_stream_two"](features, laterals, words, x.shape[-2:])


def _published_map(maps: Tensor) -> Tensor:
    """(B, 5, H, W) of this project -> (B, 6, W, H): colour, and the height three times."""
    height = maps[:, 3:4] / 10.0
    six = torch.cat([maps[:, :3], height, height, height], dim=1)
    return six.flip(-2, -1).transpose(-1, -2)


def _normalised(
    x: Tensor, statistics: tuple[tuple[float, ...], tuple[float, ...], float, float]
) -> Tensor:
    mean, deviation, height_mean, height_deviation = statistics
    means = x.new_tensor([*mean, *[height_mean] * 3])[:, None, None]
    deviations = x.new_tensor([*deviation, *[height_deviation] * 3])[:, None, None]
    return (x - means) / deviations


# ------------------------------------------------------------------------------ files

_MARKS = ("<|startoftext|>", "<|endoftext|>")
_CLIPS = (
    "attention.attn_stream_two.clip_rn50.",
    "transport.key_stream_two.clip_rn50.",
    "transport.query_stream_two.clip_rn50.",
)
# Of CLIP, what the networks do not use.
_UNUSED = ("visual.attnpool.", "logit_scale", "input_resolution", "context_length", "vocab_size")


def rename(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a published checkpoint by the names of :class:`PublishedCliport`.

    CLIP's three copies become one. A file that this project wrote passes unchanged.
    """
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        for prefix in _CLIPS:
            if key.startswith(prefix):
                key = "clip." + key.removeprefix(prefix)
        if not key.removeprefix("clip.").startswith(_UNUSED):
            renamed.setdefault(key, value)
    return renamed


def load_published(
    config: CliportConfig, folder: Path, sizes: Sizes | None = None
) -> PublishedCliport:
    """The networks with weights and vocabulary from ``folder``.

    Raises:
        UnihmError: WEIGHTS_MISSING where either is absent or does not fit.
    """
    path = folder / "cliport.ckpt"
    if not path.is_file():
        path = folder / "cliport.safetensors"
    model = PublishedCliport(config, sizes)
    load_weights(path, model, rename)
    model.tokenizer = load_vocabulary(folder / VOCABULARY)
    return model


def load_vocabulary(path: Path) -> Tokenizer:
    """CLIP's tokenizer from its list of merges (gzip).

    Raises:
        UnihmError: WEIGHTS_MISSING.
    """
    if not path.is_file():
        raise UnihmError(ErrorCode.WEIGHTS_MISSING, f"CLIP's vocabulary is not at {path}.")
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
    pairs = [(m[0], m[1]) for m in merges if len(m) == 2]
    letters = _letters()
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += ["".join(pair) for pair in pairs] + list(_MARKS)
    tokenizer = Tokenizer(
        models.BPE(
            vocab={token: k for k, token in enumerate(dict.fromkeys(tokens))},
            merges=pairs,
            end_of_word_suffix="</w>",
            unk_token=_MARKS[1],
        )
    )
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()
    ])  # fmt: skip
    pattern = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(pattern, "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    return tokenizer


def _letters() -> list[str]:
    """The 256 characters that stand for bytes, printable ones first, as GPT-2 has them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + k) for k in range(len(rest))]
