"""What stands in front of what: how far the pixels are from the camera says it."""

from __future__ import annotations

import numpy as np

from unihm.types import FloatArray, IntArray

# Metres by which what hides a thing is nearer, and pixels beside its outline within which that is
# seen: stereo knows no depth in the shadow of an edge.
_NEARER, _SHADOW = 0.015, 12
_SAMPLES = 24  # along the line from one piece to the other
# Share of what is seen between two pieces that has to be in front of both, and share that may be
# behind them.
_COVERED, _OPEN = 0.6, 0.1


def ranges_from(points: FloatArray, camera: FloatArray) -> FloatArray:
    """(H, W) metres of points (H, W, 3) from the camera (3,); NaN where depth is missing."""
    return np.linalg.norm(points - camera, axis=-1)


def hidden_share(pixels: IntArray, ranges: FloatArray) -> float:
    """Share from 0 to 1 of the outline of a thing (flat pixels) beyond which it may go on hidden.

    Args:
        pixels: (N,) flat indices of the thing.
        ranges: (H, W) of the image.
    """
    rows, columns = np.divmod(pixels, ranges.shape[1])
    inside = np.zeros(ranges.shape)
    inside[rows, columns] = 1.0
    outline = hidden = 0
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        edge = _looked_up(inside, rows + down, columns + right, 1.0) == 0.0
        outline += int(edge.sum())
        r, c = rows[edge], columns[edge]
        own = ranges[r, c]
        undecided = np.ones(len(r), bool)
        for step in range(1, _SHADOW + 1):
            beside = _looked_up(ranges, r + step * down, c + step * right, np.nan)
            known = undecided & np.isfinite(beside)
            # The first pixels are blurred over the edge.
            nearer = known & (beside < own - _NEARER)
            hidden += int(nearer.sum())
            undecided &= ~nearer
            if step > 2:
                undecided &= ~known
    return hidden / max(outline, 1)


def is_parted(one: IntArray, other: IntArray, ranges: FloatArray) -> bool:
    """True where something in front is all that is seen between two pieces (flat pixels)."""
    width = ranges.shape[1]
    ends = [np.stack(np.divmod(pixels, width), axis=1) for pixels in (one, other)]
    line = np.linspace(ends[0].mean(axis=0), ends[1].mean(axis=0), _SAMPLES)
    at = tuple(np.rint(line).astype(int).T)
    first, last = (float(np.nanmedian(ranges.ravel()[pixels])) for pixels in (one, other))
    near = np.linspace(first, last, _SAMPLES)
    flat = at[0] * width + at[1]
    between = ~np.isin(flat, np.concatenate([one, other]))
    seen = between & np.isfinite(ranges[at])
    if seen.sum() < 2:
        return False
    ahead = ranges[at] - near
    return bool(
        (ahead[seen] < -_NEARER).mean() > _COVERED and (ahead[seen] > _NEARER).mean() < _OPEN
    )


def _looked_up(image: FloatArray, rows: IntArray, columns: IntArray, outside: float) -> FloatArray:
    """Values of an image (H, W) at pixels; ``outside`` beyond its border."""
    height, width = image.shape
    within = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    values = image[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]
    return np.where(within, values, outside)
