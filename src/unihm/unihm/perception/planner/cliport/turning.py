"""Maps and crops of them, turned about the vertical."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


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
