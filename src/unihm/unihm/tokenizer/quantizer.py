"""Vector quantisation over one codebook that all hands share; with residual levels."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

FILL_ITERATIONS = 3  # of k-means, to fill a whole codebook
ROWS = 512  # vectors that are compared with all codes at a time: what fits into the cache


class ResidualQuantizer(nn.Module):
    """Codebook Z of R levels with K codes each; level r quantises what r - 1 levels left over.

    One level is the plain quantisation of equations 1 and 2.
    """

    def __init__(self, levels: int, size: int, latent: int) -> None:
        super().__init__()
        self.codebook = nn.Parameter(torch.randn(levels, size, latent) / latent**0.5)
        self._squares: tuple[int, Tensor] = (-1, torch.empty(0))

    @property
    def identity(self) -> str:
        """Short hash of the codebook: weights and messages carry it, and must agree."""
        values = self.codebook.detach().cpu().contiguous().numpy().astype("<f4")
        return hashlib.sha256(values.tobytes()).hexdigest()[:16]

    def encode(self, z: Tensor, levels: int | None = None) -> Tensor:
        """Nearest codes, level by level (equation 1): (..., d) to (..., levels or R) int64."""
        codes, residual = [], z
        for codes_of_level, squares in zip(self.codebook[:levels], self._square_lengths()):
            code = nearest(residual, codes_of_level, squares)
            residual = residual - codes_of_level[code]
            codes.append(code)
        return torch.stack(codes, dim=-1)

    def decode(self, codes: Tensor) -> Tensor:
        """Sum of the codes' vectors (equation 2): (..., r) int64, r <= R, to (..., d)."""
        levels = torch.arange(codes.shape[-1], device=codes.device)
        return self.codebook[levels, codes].sum(dim=-2)

    def forward(self, z: Tensor, beta: float, levels: int) -> tuple[Tensor, Tensor, Tensor]:
        """Quantise for training with the first ``levels`` levels.

        Args:
            z: (..., d) encoder output.
            beta: commitment weight.
            levels: how many levels to use.

        Returns:
            z_q (..., d), whose gradient passes straight through to z; codes (..., levels);
            and the loss of equation 5, averaged over levels and elements.
        """
        residual, quantised, codes = z, torch.zeros_like(z), []
        loss = z.new_zeros(())
        for codes_of_level, squares in zip(self.codebook[:levels], self._square_lengths()):
            code = nearest(residual.detach(), codes_of_level, squares)
            vector = codes_of_level[code]
            loss = loss + F.mse_loss(vector, residual.detach())  # moves the code
            loss = loss + beta * F.mse_loss(residual, vector.detach())  # moves the encoder
            quantised = quantised + vector.detach()
            residual = residual - vector.detach()
            codes.append(code)
        z_q = z + (quantised - z).detach()
        return z_q, torch.stack(codes, dim=-1), loss / levels

    @torch.no_grad()
    def usage(self, codes: Tensor) -> Tensor:
        """Uses of every code (B9): codes (..., r) to counts (R, K); unused levels count 0."""
        levels, size, _ = self.codebook.shape
        counts = torch.zeros(levels, size, dtype=torch.int64)
        for level in range(codes.shape[-1]):
            counts[level] = torch.bincount(codes[..., level].flatten(), minlength=size)
        return counts

    @torch.no_grad()
    def refresh(self, z: Tensor, counts: Tensor, threshold: int) -> int:
        """Replace the cold codes by k-means centroids of what was encoded (B10, B11).

        Args:
            z: (N, d) encoder outputs since the last refresh.
            counts: (R, K) uses per code.
            threshold: tau_c; codes used less often are cold.

        Returns:
            The number of codes replaced.
        """
        replaced, residual = 0, z
        for codes_of_level, count in zip(self.codebook, counts):
            cold = torch.nonzero(count < threshold).flatten()
            if len(cold):
                centroids = kmeans(residual, len(cold))
                codes_of_level[cold[: len(centroids)]] = centroids
                replaced += len(centroids)
            residual = residual - codes_of_level[nearest(residual, codes_of_level)]
        return replaced

    @torch.no_grad()
    def fill(self, z: Tensor) -> None:
        """All codes by k-means of z (N, d), N >= K, level by level of what is left over."""
        residual = z
        for codes_of_level in tqdm(self.codebook, desc="codebook", leave=False):
            codes_of_level.copy_(kmeans(residual, len(codes_of_level), FILL_ITERATIONS))
            residual = residual - codes_of_level[nearest(residual, codes_of_level)]

    @torch.no_grad()
    def _square_lengths(self) -> Tensor:
        """|e|^2 of every code (R, K); kept where the codebook is frozen."""
        codebook = self.codebook.detach()
        if self.codebook.requires_grad:
            return (codebook**2).sum(dim=-1)
        if self._squares[0] != codebook._version:
            self._squares = (codebook._version, (codebook**2).sum(dim=-1))
        return self._squares[1]


def perplexity(counts: Tensor) -> Tensor:
    """exp of the entropy of code use: (R, K) counts to (R,), between 1 and K."""
    share = counts / counts.sum(dim=-1, keepdim=True).clamp(min=1)
    return torch.exp(-(share * torch.log(share.clamp(min=1e-12))).sum(dim=-1))


@torch.no_grad()
def nearest(vectors: Tensor, codes: Tensor, squares: Tensor | None = None) -> Tensor:
    """Index of the nearest code: (..., d), (K, d) to (...,) int64; |e|^2 (K,) where known."""
    flat = vectors.reshape(-1, vectors.shape[-1])
    if squares is None:
        squares = (codes**2).sum(dim=-1)
    index = []
    for part in flat.split(ROWS):
        # |v - e|^2 without |v|^2, which does not change the order
        distance = torch.addmm(squares, part, codes.T, alpha=-2.0)  # (N, K)
        # numpy finds the smallest of a row five times faster than torch, on the processor
        index.append(torch.from_numpy(distance.numpy().argmin(axis=-1)))
    return torch.cat(index).reshape(vectors.shape[:-1])


def kmeans(points: Tensor, clusters: int, iterations: int = 10) -> Tensor:
    """Lloyd's algorithm from random points: (N, d) to (min(clusters, N), d) centroids."""
    order = torch.randperm(len(points))
    # 8 points a cluster give a fair centroid; more only cost time
    points = points[order[: 8 * clusters]]
    centroids = points[:clusters].clone()
    for _ in range(iterations):
        assigned = nearest(points, centroids)
        counts = torch.bincount(assigned, minlength=len(centroids))[:, None]
        sums = torch.zeros_like(centroids).index_add_(0, assigned, points)
        centroids = torch.where(counts > 0, sums / counts.clamp(min=1), centroids)
    return centroids
