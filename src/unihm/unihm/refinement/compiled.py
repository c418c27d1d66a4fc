"""The inner loops of the refinement on numpy arrays, compiled.

The same formulas stand in :mod:`~unihm.refinement.kernel` and
:mod:`~unihm.refinement.torch_backend`, for torch tensors, and are explained there. A frame is a few
dozen numbers: what an array library costs on it is its calls, so here each step is one call for all
sequences. Compiled once per machine, then read from disk; plain
loops compile several times faster than expressions of whole arrays, and run no slower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

_LEAF = 16  # points that a leaf of the tree holds, at the most

njit: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy")


# ------------------------------------------------------------------ energies


@njit
def contact(d, n, outside, inside, alpha, k, deep, at_zero):
    """Residuals (B, P) and their derivatives (B, P, 3) by the probes' positions."""
    r, direction = np.empty(d.shape), np.empty(n.shape)
    for b in range(len(d)):
        for p in range(d.shape[1]):
            value, slope = _residual(d[b, p], alpha, k, deep, at_zero)
            weight = inside[b, p] if d[b, p] < 0.0 else outside[b, p]
            r[b, p] = weight * value
            for i in range(3):
                direction[b, p, i] = weight * slope * n[b, p, i]
    return r, direction


@njit
def _residual(d, alpha, k, deep, at_zero):
    """r and dr/dd of one distance; see :func:`unihm.refinement.kernel.residual`."""
    scale = np.sqrt(alpha)
    if d >= 0.0:
        return scale * d, scale
    depth = -d * k
    near = min(depth, deep)
    excess = depth - near
    grown = np.expm1(near)
    steep = (grown + 1.0) * excess
    root = np.sqrt(2.0 * (grown - near + grown * excess + 0.5 * steep * excess)) / k
    pull = (grown + steep) / k
    return -scale * root, scale * (pull + at_zero) / (root + at_zero)


@njit
def quadratic(y, mean, weights):
    """Energy (B,), gradient (B, D) and matrix (B, D, D) of a quadratic form."""
    count, size = y.shape
    energy, gradient = np.zeros(count), np.zeros((count, size))
    matrix = np.empty((count, size, size))
    for b in range(count):
        for i in range(size):
            gap = y[b, i] - mean[b, i]
            for j in range(size):
                matrix[b, i, j] = weights[i, j]
                gradient[b, j] += gap * weights[i, j]
        for i in range(size):
            energy[b] += 0.5 * (y[b, i] - mean[b, i]) * gradient[b, i]
    return energy, gradient, matrix


@njit
def accumulate(energy, gradient, matrix, r, J):
    """Add 1/2 r.r, J^T r and J^T J of one term, in place."""
    size = J.shape[2]
    used = np.empty(size, np.int64)
    for b in range(len(r)):
        for i in range(r.shape[1]):
            row, value = J[b, i], r[b, i]
            energy[b] += 0.5 * value * value
            count = 0
            for c in range(size):
                if row[c] != 0.0:
                    used[count] = c
                    count += 1
            for m in range(count):
                c = used[m]
                gradient[b, c] += row[c] * value
                for n in range(count):
                    matrix[b, c, used[n]] += row[c] * row[used[n]]


# ------------------------------------------------------------------ nearest points


@njit
def build_tree(cloud):
    """Order (N,) of points (N, 3) in the leaves of a k-d tree, and the boxes (nodes, 2, 3) of all.

    Node j of level l holds the points N j / 2^l to N (j + 1) / 2^l of the order.
    """
    count = len(cloud)
    levels = 0
    while (count >> levels) > _LEAF:
        levels += 1
    order = np.arange(count)
    boxes = np.empty((2 ** (levels + 1) - 1, 2, 3))
    for level in range(levels + 1):
        for j in range(2**level):
            start, end = (count * j) >> level, (count * (j + 1)) >> level
            box = boxes[2**level - 1 + j]
            for i in range(3):
                box[0, i], box[1, i] = np.inf, -np.inf
            for place in range(start, end):
                m = order[place]
                for i in range(3):
                    box[0, i] = min(box[0, i], cloud[m, i])
                    box[1, i] = max(box[1, i], cloud[m, i])
            if level < levels:
                widest = 0
                for i in range(1, 3):
                    if box[1, i] - box[0, i] > box[1, widest] - box[0, widest]:
                        widest = i
                _divide(cloud, widest, order, start, (count * (2 * j + 1)) >> (level + 1), end)
    return order, boxes


@njit
def _divide(cloud, axis, order, start, middle, end):
    """Sort ``order`` from start to end so far that what is below ``middle`` is the lower part.

    Hoare's selection.
    """
    low, high = start, end - 1
    while low < high:
        pivot = cloud[order[(low + high) // 2], axis]
        i, j = low, high
        while i <= j:
            while cloud[order[i], axis] < pivot:
                i += 1
            while cloud[order[j], axis] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@njit
def _distance(box, x, y, z):
    """Squared distance of a point from a box."""
    dx = max(box[0, 0] - x, x - box[1, 0], 0.0)
    dy = max(box[0, 1] - y, y - box[1, 1], 0.0)
    dz = max(box[0, 2] - z, z - box[1, 2], 0.0)
    return dx * dx + dy * dy + dz * dz


@njit
def _search(points, boxes, x, y, z, index, squared, stack, gaps):
    """Fill ``index`` and ``squared`` (K,) with the nearest of ``points`` (N, 3), in that order.

    ``index`` holds what was nearest to a point near this one, or -1; ``stack`` and ``gaps`` are
    room for the nodes to visit.
    """
    count, many = len(points), len(index)
    levels = 0
    while 2 ** (levels + 1) - 1 < len(boxes):
        levels += 1
    # Nothing farther than the farthest of those can be among the nearest.
    worst = np.inf if index[0] < 0 else 0.0
    for place in range(many):
        m = index[place]
        if m >= 0:
            dx, dy, dz = points[m, 0] - x, points[m, 1] - y, points[m, 2] - z
            worst = max(worst, dx * dx + dy * dy + dz * dz)
        squared[place] = np.inf
    worst *= 1.0 + 1e-12
    stack[0], gaps[0], depth = 0, 0.0, 1
    first_leaf = 2**levels - 1
    while depth:
        depth -= 1
        node = stack[depth]
        if gaps[depth] > worst:
            continue
        if node < first_leaf:
            near, far = 2 * node + 1, 2 * node + 2
            to_near, to_far = _distance(boxes[near], x, y, z), _distance(boxes[far], x, y, z)
            if to_far < to_near:
                near, far, to_near, to_far = far, near, to_far, to_near
            stack[depth], gaps[depth] = far, to_far
            stack[depth + 1], gaps[depth + 1] = near, to_near
            depth += 2
            continue
        j = node - first_leaf
        for m in range((count * j) >> levels, (count * (j + 1)) >> levels):
            dx, dy, dz = points[m, 0] - x, points[m, 1] - y, points[m, 2] - z
            gap = dx * dx + dy * dy + dz * dz
            if gap <= worst and gap < squared[many - 1]:
                place = many - 1
                while place and squared[place - 1] > gap:
                    squared[place], index[place] = squared[place - 1], index[place - 1]
                    place -= 1
                squared[place], index[place] = gap, m
                worst = min(worst, squared[many - 1])


@njit
def nearest(x, cloud, last, points, starts, boxes, box_starts):
    """Bring ``last`` (R, K) to the indices of the points nearest to ``x`` (R, 3) in ``cloud`` (R,).

    It holds those of points near by, or -1; the indices of all clouds run on.
    """
    squared = np.empty(last.shape[1])
    stack, gaps = np.empty(64, np.int64), np.empty(64)
    for r in range(len(x)):
        c = cloud[r]
        start, index = starts[c], last[r]
        for m in range(len(index)):
            index[m] = max(index[m] - start, -1)
        _search(
            points[start : starts[c + 1]],
            boxes[box_starts[c] : box_starts[c + 1]],
            x[r, 0],
            x[r, 1],
            x[r, 2],
            index,
            squared,
            stack,
            gaps,
        )
        for m in range(len(index)):
            index[m] += start


@njit
def backed(points, x, y, z, nx, ny, nz, cosine):
    """Whether ``points`` (N, 3) has any in the cone about -n, seen from (x, y, z)."""
    for m in range(len(points)):
        dx, dy, dz = points[m, 0] - x, points[m, 1] - y, points[m, 2] - z
        along = -(dx * nx + dy * ny + dz * nz)
        if along > 0.0 and along * along > cosine * cosine * (dx * dx + dy * dy + dz * dz):
            return True
    return False


@njit
def planes(
    x,
    cloud,
    last,
    points,
    starts,
    boxes,
    box_starts,
    normals,
    spacing,
    doubt,
    bandwidth,
    same_side,
    cosine_behind,
):
    """Tangent planes (R, 3), (R, 3) next to ``x`` (R, 3); see ``Surface.planes``."""
    nearest(x, cloud, last, points, starts, boxes, box_starts)
    many = last.shape[1]
    p, n = np.empty(x.shape), np.empty(x.shape)
    for r in range(len(x)):
        c, first = cloud[r], last[r, 0]
        closest = 0.0
        for i in range(3):
            p[r, i], n[r, i] = points[first, i], normals[first, i]
            closest += (x[r, i] - p[r, i]) ** 2
        if many == 1:
            continue
        total = 0.0
        for i in range(3):
            p[r, i] = n[r, i] = 0.0
        for m in range(many):
            other = last[r, m]
            alike, squared = 0.0, 0.0
            for i in range(3):
                alike += normals[other, i] * normals[first, i]
                squared += (x[r, i] - points[other, i]) ** 2
            if alike > same_side:
                weight = np.exp((closest - squared) * 0.5 / (bandwidth * spacing[c]) ** 2)
                total += weight
                for i in range(3):
                    p[r, i] += weight * points[other, i]
                    n[r, i] += weight * normals[other, i]
        length = np.sqrt(n[r, 0] ** 2 + n[r, 1] ** 2 + n[r, 2] ** 2)
        gap, along = 0.0, 0.0
        for i in range(3):
            p[r, i] /= total
            n[r, i] /= length
            way = x[r, i] - p[r, i]
            gap += way * way
            along += way * n[r, i]
        gap = np.sqrt(gap) + 1e-12
        if along < -doubt[c] and not backed(
            points[starts[c] : starts[c + 1]],
            x[r, 0],
            x[r, 1],
            x[r, 2],
            n[r, 0],
            n[r, 1],
            n[r, 2],
            cosine_behind,
        ):
            along = -along
            for i in range(3):
                n[r, i] = -n[r, i]
        cosine = along / gap
        if cosine < -0.5 or gap < 2.0 * spacing[c]:
            continue
        on_face = min(max(2.5 * cosine - 0.75, 0.0), 1.0)
        length = 0.0
        for i in range(3):
            n[r, i] = on_face * n[r, i] + (1.0 - on_face) * (x[r, i] - p[r, i]) / gap
            length += n[r, i] * n[r, i]
        for i in range(3):
            n[r, i] /= np.sqrt(length)
    return p, n
