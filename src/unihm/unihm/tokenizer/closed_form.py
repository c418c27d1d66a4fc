"""The best linear tokenizer in closed form: encoders and decoders of all hands at once.

With linear E_h and D_h the errors of section B.2, of a hand's own motion (B7) and of its motion
decoded from what another hand's encoder says (B13, B14), are squares: each encoder given the
decoders, and each decoder given the encoders, is a least-squares solution. A few dozen rounds of
that take seconds where gradient descent takes hours. Latents are scaled so that a squared error
of a latent is the mean squared error of the decoded rows: what a quantiser should minimise.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from unihm.errors import ErrorCode, UnihmError
from unihm.tokenizer.features import Features
from unihm.tokenizer.model import HandDecoder, HandEncoder, ResidualBlock, TokenizerModel
from unihm.types import FloatArray

OWN = 100.0  # weight of a hand's own error against that of a translation
ROUNDS = 60
RIDGE = 1e-6


def solve_networks(model: TokenizerModel, motions: dict[str, list[Features]]) -> None:
    """Set encoders and decoders to the linear solution; residual blocks to the identity.

    Args:
        model: with at least as many hidden channels as a latent and the rows of a chunk have
            values.
        motions: rows (T_i, F_h) of every hand's motions, the same ones of each.

    Raises:
        UnihmError: INVALID_CONFIG for a model whose sizes leave no room for it.
    """
    config = model.config
    rows = {hand: _chunks(some, config.chunk) for hand, some in motions.items()}
    widest = max(config.latent, *(r.shape[1] for r in rows.values()))
    if config.hidden < widest:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"A linear solution needs hidden {widest} or more, not {config.hidden}.",
        )
    means = {hand: r.mean(axis=0, dtype=float) for hand, r in rows.items()}
    centred = {hand: r - means[hand] for hand, r in rows.items()}
    encode, decode = alternate(centred, config.latent)
    with torch.no_grad():
        for hand in rows:
            encoder, decoder = model.encoders[hand], model.decoders[hand]
            assert isinstance(encoder, HandEncoder)
            assert isinstance(decoder, HandDecoder)
            _spread(encoder.patch, range(config.chunk))
            _pass_on(encoder.blocks)
            _set_head(encoder.head, encode[hand], -encode[hand] @ means[hand])
            _spread(decoder.stem, (0, -1, 1))  # with the neighbours, for solve_heads
            _pass_on(decoder.blocks)
            _set_head(decoder.head, decode[hand], means[hand])


def alternate(
    rows: dict[str, FloatArray], latent: int
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Encoders (d, F_h) and decoders (F_h, d) of centred rows (N, F_h)."""
    hands = list(rows)
    count = len(rows[hands[0]])
    second = {(a, b): rows[a].T @ rows[b] / count for a in hands for b in hands}
    together = np.block([[second[a, b] for b in hands] for a in hands])
    directions = np.linalg.eigh(together)[1][:, ::-1][:, :latent]
    ends = np.cumsum([rows[hand].shape[1] for hand in hands])[:-1]
    decode = dict(zip(hands, np.split(directions, ends)))
    encode: dict[str, FloatArray] = {}
    identity = RIDGE * np.eye(latent)
    for _ in range(ROUNDS):
        for hand in hands:
            weights = {other: OWN if other == hand else 1.0 for other in hands}
            normal = sum((w * decode[o].T @ decode[o] for o, w in weights.items()), identity)
            wanted = np.sum([w * decode[o].T @ second[o, hand] for o, w in weights.items()], 0)
            own = second[hand, hand] + RIDGE * np.eye(len(second[hand, hand]))
            encode[hand] = np.linalg.solve(normal, wanted) @ np.linalg.inv(own)
        for hand in hands:
            weights = {other: OWN if other == hand else 1.0 for other in hands}
            normal = identity + sum(
                w * encode[o] @ second[o, o] @ encode[o].T for o, w in weights.items()
            )
            wanted = np.sum([w * second[hand, o] @ encode[o].T for o, w in weights.items()], 0)
            decode[hand] = np.linalg.solve(normal, wanted.T).T
    metric = sum(d.T @ d / d.size * latent for d in decode.values()) / len(hands)
    scale = np.linalg.cholesky(metric + identity).T
    inverse = np.linalg.inv(scale)
    return (
        {hand: scale @ e for hand, e in encode.items()},
        {hand: d @ inverse for hand, d in decode.items()},
    )


def _chunks(motions: list[Features], chunk: int) -> Features:
    """All that ``chunk`` frames of a motion in a row look like: (N, chunk F) of (T_i, F)."""
    windows = [
        np.lib.stride_tricks.sliding_window_view(rows, chunk, axis=0).swapaxes(1, 2)
        for rows in motions
        if len(rows) >= chunk
    ]
    return np.concatenate([w.reshape(len(w), -1) for w in windows])


def _pass_on(blocks: nn.Sequential) -> None:
    """Residual blocks that add nothing."""
    for block in blocks:
        assert isinstance(block, ResidualBlock)
        last = block.layers[-1]
        assert isinstance(last, nn.Conv1d)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)


def _spread(layer: nn.Conv1d, frames: Iterable[int]) -> None:
    """Copy ``frames`` (0 is the first that the layer stands for) into channels, as many as fit."""
    width = layer.in_channels
    first = (layer.kernel_size[0] - layer.stride[0]) // 2  # what comes before is a neighbour
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    taps = [first + frame for frame in frames if 0 <= first + frame < layer.kernel_size[0]]
    for place, tap in enumerate(taps[: layer.out_channels // width]):
        rows = torch.arange(place * width, (place + 1) * width)
        layer.weight[rows, rows - place * width, tap] = 1.0


def _set_head(head: nn.Conv1d, matrix: FloatArray, offset: FloatArray) -> None:
    nn.init.zeros_(head.weight)
    head.weight[:, : matrix.shape[1], 0] = torch.from_numpy(matrix).float()
    assert head.bias is not None
    head.bias.copy_(torch.from_numpy(offset).float())


@torch.no_grad()
def solve_heads(model: TokenizerModel, rows: dict[str, list[Features]]) -> None:
    """Set the last layer of every decoder to what suits the quantised latents best.

    One code and all codes count alike, each relative to its own error. With the ``conv`` backbone
    the neighbours of a chunk help where codes are coarse.

    Args:
        model: with its codebook.
        rows: motions (T, F_h) of every hand.
    """
    model.eval()
    quantizer, levels, chunk = model.quantizer, model.config.levels, model.config.chunk
    for hand, whole in rows.items():
        motions = [motion[: len(motion) // chunk * chunk] for motion in whole]
        decoder = model.decoders[hand]
        assert isinstance(decoder, HandDecoder)
        assert decoder.head.bias is not None
        inputs: dict[int, list[torch.Tensor]] = {level: [] for level in {1, levels}}
        for motion in motions:
            z = model.encode(hand, torch.from_numpy(motion)[None])
            for level in inputs:
                z_q = quantizer.decode(quantizer.encode(z, level))
                hidden = decoder.blocks(decoder.stem(z_q.transpose(1, 2)))[0].T  # (L, hidden)
                inputs[level].append(torch.cat([hidden, hidden.new_ones(len(hidden), 1)], 1))
        truth = torch.from_numpy(np.concatenate(motions)).double()
        truth = truth.reshape(-1, chunk * decoder.features)
        weight = torch.cat([decoder.head.weight[..., 0], decoder.head.bias[:, None]], 1).double()
        normal, wanted = torch.zeros(()), torch.zeros(())
        for parts in inputs.values():
            x = torch.cat(parts).double()
            share = 1.0 / (x @ weight.T - truth).square().mean().clamp(min=1e-9)
            normal = normal + share * x.T @ x / len(x)
            wanted = wanted + share * x.T @ truth / len(x)
        ridge = 1e-6 * normal.diagonal().mean() * torch.eye(len(normal), dtype=normal.dtype)
        # Towards the weights that are there, where the data say nothing.
        solved = torch.linalg.solve(normal + ridge, wanted + ridge @ weight.T).T.float()
        decoder.head.weight[..., 0] = solved[:, :-1]
        decoder.head.bias.copy_(solved[:, -1])
