"""A fast way to a near code, for codes that have to be found one after another.

With ``carry`` each frame waits for the codes of the frame before, so that no product of matrices
can compare many frames with all codes at once, and one frame alone spends its time on fetching
the codebook from memory. Here the codes of a level lie in small groups of neighbours, and only
those of the groups next to a vector are compared, a few hundred of thousands. What is found is
mostly the nearest code and else one nearly as near; decoding knows no difference.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

GROUP = 32  # codes, at the most
COMPARED = 512  # codes, at the least, on the last level; those before it need fewer
_SPREAD = 0.2  # how much nearer a group counts for being wide; tried on recorded motions
_TRIES = 20  # to find how many groups that are
_PARTS = 8  # into which a large group falls
_ROUNDS = 4  # of k-means

Vectors = NDArray[np.float32]
Index = NDArray[np.int64]

# Sums may be taken in any order, or they would not vectorise; NaN stays NaN.
njit: Callable[..., Any] = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"}
)


class CodeGroups:
    """The codes (R, K, d) of a codebook, in groups of neighbours."""

    def __init__(self, codebook: Vectors) -> None:
        levels, size, width = codebook.shape
        members = [_grouped(codes, np.arange(size)) for codes in codebook]
        most = max(map(len, members)) + 3 & ~3  # four at a time
        self._order = np.stack([np.concatenate(groups) for groups in members])
        self._codes = np.take_along_axis(codebook, self._order[..., None], axis=1)
        self._squares = (self._codes**2).sum(axis=-1)
        # Levels with fewer groups end in empty ones, which are never next to anything.
        self._starts = np.full((levels, most + 1), size)
        self._centres = np.zeros((levels, width, most), np.float32)
        self._offsets = np.full((levels, most), np.inf, np.float32)
        for level, groups in enumerate(members):
            sizes = np.array([len(group) for group in groups])
            self._starts[level, : len(groups) + 1] = np.cumsum([0, *sizes])
            begin = self._starts[level, : len(groups)]
            centres = np.add.reduceat(self._codes[level], begin, axis=0) / sizes[:, None]
            self._centres[level, :, : len(groups)] = centres.T
            squares = np.add.reduceat(self._squares[level], begin) / sizes
            spread = squares - (centres**2).sum(axis=-1)
            self._offsets[level, : len(groups)] = (centres**2).sum(axis=-1) - _SPREAD * spread

    def follow(self, z: Vectors, carry: float, levels: int) -> Index:
        """Codes (N, L, levels) of N sequences of vectors (N, L, d), each of which adds to the last.

        The codes of a frame quantise z(t) - carry z_q(t - 1).
        """
        return _follow(
            np.ascontiguousarray(z, np.float32),
            np.float32(carry),
            levels,
            self._centres,
            self._offsets,
            np.diff(self._starts).astype(np.float32),
            self._starts,
            self._codes,
            self._squares,
            self._order,
        )


def _grouped(codes: Vectors, index: Index) -> list[Index]:
    """``index`` (N,) of codes (K, d) in groups, by k-means and k-means of what is too large.

    One k-means would not do: where codes lie dense, about zero, a cluster holds thousands.
    """
    if len(index) <= GROUP:
        return [index]
    own = codes[index]
    parts = min(_PARTS, 1 + len(index) // GROUP)
    start = own[np.linspace(0, len(own) - 1, parts).astype(int)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of the clusters is empty")
        _, nearest = kmeans2(own, start, _ROUNDS, minit="matrix")
    found = np.unique(nearest)
    if len(found) == 1:  # equal codes
        return [index[i : i + GROUP] for i in range(0, len(index), GROUP)]
    return [group for part in found for group in _grouped(codes, index[nearest == part])]


@njit
def _follow(z, carry, levels, centres, offsets, sizes, starts, codes, squares, order):
    count, length, size = z.shape
    found = np.empty((count, length, levels), np.int64)
    before, left = np.empty(size, np.float32), np.empty(size, np.float32)
    gaps = np.empty(offsets.shape[1], np.float32)
    widths = np.empty(levels, np.float32)
    for b in range(count):
        before[:] = 0.0
        widths[:] = 1.0
        for t in range(length):
            for i in range(size):
                before[i] *= carry
                left[i] = z[b, t, i] - before[i]
            for level in range(levels):
                _measure(left, centres[level], offsets[level], gaps)
                # What a level misses, the next ones still tell.
                compared = COMPARED * (level + 2) // (levels + 1)
                least, widths[level] = _widest(gaps, sizes[level], compared, widths[level])
                limit = least + widths[level]
                place = _near(left, gaps, limit, starts[level], codes[level], squares[level])
                found[b, t, level] = order[level, place]
                for i in range(size):
                    left[i] -= codes[level, place, i]
                    before[i] += codes[level, place, i]
    return found


@njit
def _measure(v, centres, offsets, gaps):
    """Squared distances ``gaps`` (G,) of ``v`` (d,) from ``centres`` (d, G), less |v|^2.

    Four coordinates in one pass: the sums are read and written less often.
    """
    size, groups = len(v), len(gaps)
    for g in range(groups):
        gaps[g] = offsets[g]
    whole = size - size % 4
    for i in range(0, whole, 4):
        a, b = np.float32(-2.0) * v[i], np.float32(-2.0) * v[i + 1]
        c, d = np.float32(-2.0) * v[i + 2], np.float32(-2.0) * v[i + 3]
        for g in range(groups):
            gaps[g] += (
                a * centres[i, g] + b * centres[i + 1, g]
                + c * centres[i + 2, g] + d * centres[i + 3, g]
            )  # fmt: skip
    for i in range(whole, size):
        twice = np.float32(-2.0) * v[i]
        for g in range(groups):
            gaps[g] += twice * centres[i, g]


@njit
def _widest(gaps, sizes, compared, width):
    """How far above the least of ``gaps`` (G,) groups of about ``compared`` codes lie.

    Found by doubling and halving from ``width`` on, which was right for the vector before.
    """
    a = b = c = d = np.float32(np.inf)
    for g in range(0, len(gaps), 4):  # four at a time: each waits for the one before it
        a, b = min(a, gaps[g]), min(b, gaps[g + 1])
        c, d = min(c, gaps[g + 2]), min(d, gaps[g + 3])
    least = min(min(a, b), min(c, d))
    low, high = np.float32(0.0), np.float32(np.inf)
    for _ in range(_TRIES):
        limit, codes = least + width, np.float32(0.0)
        for g in range(len(gaps)):
            codes += sizes[g] if gaps[g] <= limit else np.float32(0.0)
        if codes < compared:
            low = width
        elif codes < np.float32(1.3) * compared:
            break
        else:
            high = width
        width = np.float32(2.0) * width if high == np.inf else np.float32(0.5) * (low + high)
    return least, width


@njit
def _near(v, gaps, limit, starts, codes, squares):
    """Place of the code nearest to ``v`` (d,) in the groups with ``gaps`` up to ``limit``."""
    best, place = np.float32(np.inf), 0
    for g in range(len(gaps)):
        if gaps[g] <= limit:
            for k in range(starts[g], starts[g + 1]):
                along = np.float32(0.0)
                for i in range(len(v)):
                    along += codes[k, i] * v[i]
                gap = squares[k] - np.float32(2.0) * along
                if gap < best:
                    best, place = gap, k
    return place
