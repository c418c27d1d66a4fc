"""Vector quantisation over one codebook that all hands share; with residual levels."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from unihm.tokenizer.search import CodeGroups

FILL_ITERATIONS = 8  # of k-means, to fill a whole codebook
POINTS = 40  # of a cluster, at the most: they give a fair centroid, more only cost time
ALONE_ROUNDS = 4  # in which the first level learns what it meets when it is alone
ROWS = 512  # vectors that are compared with all codes at a time: what fits into the cache


def codebook_identity(codebook: Tensor) -> str:
    """Short hash of a codebook: what speaks its codes carries it, and must agree."""
    values = codebook.detach().cpu().contiguous().numpy().astype("<f4")
    return hashlib.sha256(values.tobytes()).hexdigest()[:16]


class ResidualQuantizer(nn.Module):
    """Codebook Z of R levels with K codes each; level r quantises what r - 1 levels left over.

    One level is the plain quantisation of equations 1 and 2. With ``carry`` c > 0 a code says how
    the latent changes (predictive quantisation): z_q(t) = c z_q(t - 1) + e(t), and the codes of a
    frame quantise z(t) - c z_q(t - 1), so that what they leave over is not lost but comes to the
    next frame. Codes then belong to the frames and to the number of levels that they were made for.
    """

    def __init__(self, levels: int, size: int, latent: int, carry: float = 0.0) -> None:
        super().__init__()
        self.carry = carry
        self.codebook = nn.Parameter(torch.randn(levels, size, latent) / latent**0.5)
        self._groups: tuple[int, CodeGroups] | None = None

    @property
    def identity(self) -> str:
        """Short hash of the codebook: weights and messages carry it, and must agree."""
        return codebook_identity(self.codebook)

    def encode(self, z: Tensor, levels: int | None = None) -> Tensor:
        """Nearest codes, level by level (equation 1): (..., L, d) to (..., L, levels or R) int64.

        The axis before the last is time, and matters only with ``carry``; the codes are then very
        near ones, not always the nearest (``search.py``).
        """
        if self.carry:
            flat = z.detach().cpu().reshape(-1, *z.shape[-2:]).numpy()
            codes = self._grouped().follow(flat, self.carry, levels or len(self.codebook))
            return torch.from_numpy(codes).reshape(*z.shape[:-1], -1).to(z.device)
        found, residual = [], z
        for vectors in self.codebook.detach()[:levels]:
            code = nearest(residual, vectors)
            residual = residual - vectors[code]
            found.append(code)
        return torch.stack(found, dim=-1)

    def decode(self, codes: Tensor) -> Tensor:
        """Sum of the codes' vectors (equation 2): (..., L, r) int64, r <= R, to (..., L, d)."""
        z_q = self._sum(codes)
        if self.carry:
            frames = list(z_q.unbind(-2))
            for t in range(1, len(frames)):
                frames[t] = frames[t] + self.carry * frames[t - 1]
            z_q = torch.stack(frames, dim=-2)
        return z_q

    def expected(self, z_q: Tensor) -> Tensor:
        """What the frame before says of every frame, to which its codes add: (..., L, d)."""
        return self.carry * F.pad(z_q[..., :-1, :], (0, 0, 1, 0))

    def forward(self, z: Tensor, beta: float, levels: int) -> tuple[Tensor, Tensor, Tensor]:
        """Quantise for training with the first ``levels`` levels.

        Args:
            z: (..., L, d) encoder output.
            beta: commitment weight.
            levels: how many levels to use.

        Returns:
            z_q (..., L, d), whose gradient passes straight through to z; codes (..., L, levels);
            and the loss of equation 5, averaged over levels and elements.
        """
        codes = self.encode(z.detach(), levels)
        quantised = self.decode(codes).detach()
        residual = z - self.expected(quantised)
        loss = z.new_zeros(())
        for codes_of_level, code in zip(self.codebook, codes.unbind(-1)):
            vector = codes_of_level[code]
            loss = loss + F.mse_loss(vector, residual.detach())  # moves the code
            loss = loss + beta * F.mse_loss(residual, vector.detach())  # moves the encoder
            residual = residual - vector.detach()
        z_q = z + (quantised - z).detach()
        return z_q, codes, loss / levels

    def _sum(self, codes: Tensor) -> Tensor:
        levels = torch.arange(codes.shape[-1], device=codes.device)
        return self.codebook[levels, codes].sum(dim=-2)

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
        """All codes by k-means of z (N, L, d), N L >= K, level by level of what is left over."""
        size = self.codebook.shape[1]
        left = (z - self.expected(z)).flatten(0, 1)  # after frames that were told well
        bar = tqdm(self.codebook, desc="codebook", leave=False)
        for level, codes_of_level in enumerate(bar):
            codes_of_level.copy_(kmeans(left, size, FILL_ITERATIONS))
            if self.carry and level == 0:
                self._suit_alone(z, left)
            left = left - codes_of_level[nearest(left, codes_of_level)]

    def _suit_alone(self, z: Tensor, left: Tensor) -> None:
        """Move the first level's codes to what they meet, too, where they are the only ones."""
        codes_of_level = self.codebook[0]
        for _ in tqdm(range(ALONE_ROUNDS), desc="first level", leave=False):
            alone = z - self.expected(self.decode(self.encode(z, 1)))
            met = torch.cat([alone.flatten(0, 1), left])
            codes_of_level.copy_(kmeans(met, len(codes_of_level), 1, codes_of_level))

    def _grouped(self) -> CodeGroups:
        """The codebook in groups; made again only after it was written to."""
        codebook = self.codebook.detach()
        if self._groups is None or self._groups[0] != codebook._version:
            self._groups = codebook._version, CodeGroups(codebook.cpu().numpy())
        return self._groups[1]


def perplexity(counts: Tensor) -> Tensor:
    """exp of the entropy of code use: (R, K) counts to (R,), between 1 and K."""
    share = counts / counts.sum(dim=-1, keepdim=True).clamp(min=1)
    return torch.exp(-(share * torch.log(share.clamp(min=1e-12))).sum(dim=-1))


@torch.no_grad()
def nearest(vectors: Tensor, codes: Tensor) -> Tensor:
    """Index of the nearest code: (..., d), (K, d) to (...,) int64."""
    flat = vectors.reshape(-1, vectors.shape[-1])
    squares = (codes**2).sum(dim=-1)
    index = []
    for part in flat.split(ROWS):
        # |v - e|^2 without |v|^2, which does not change the order
        distance = torch.addmm(squares, part, codes.T, alpha=-2.0)  # (N, K)
        # numpy finds the smallest of a row five times faster than torch, on the processor
        index.append(torch.from_numpy(distance.numpy().argmin(axis=-1)))
    return torch.cat(index).reshape(vectors.shape[:-1])


def kmeans(
    points: Tensor, clusters: int, iterations: int = 10, start: Tensor | None = None
) -> Tensor:
    """Lloyd's algorithm: (N, d) to (min(clusters, N), d) centroids.

    The centroids are those of ``scipy.cluster.vq.kmeans2``, which takes 1.5 times as long for as
    many codes as a codebook has.

    Args:
        points: what to find clusters of.
        clusters: how many.
        iterations: rounds.
        start: (clusters, d) first centroids; None: random points.
    """
    points = points[torch.randperm(len(points))[: POINTS * clusters]]
    centroids = (points[:clusters] if start is None else start).clone()
    for _ in range(iterations):
        assigned = nearest(points, centroids)
        counts = torch.bincount(assigned, minlength=len(centroids))[:, None]
        sums = torch.zeros_like(centroids).index_add_(0, assigned, points)
        centroids = torch.where(counts > 0, sums / counts.clamp(min=1), centroids)
    return centroids
