"""The kinematic tree of a hand on numpy arrays, compiled; torch's twin is in ``torch_kinematics``.

A pose is a few dozen numbers: what an array library costs on it is its calls, so here each step is
one call for all poses. Compiled once per machine, then read from disk. No function is called from a
compiled function of another module: numba's cache would not notice a change of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

_TINY = 1e-14  # rad^2, added to a squared angle so that it can be divided by

njit: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy")


@njit
def forward(y, R_reference, coefficients, axis, revolute, parent, expansion, offset):
    """Bodies (B, 1 + M, 4, 4) and screws (B, 6 + M, 6); see ``FloatingHand.forward``."""
    count, moving = len(y), len(parent)
    bodies = np.zeros((count, 1 + moving, 4, 4))
    screws = np.zeros((count, 6 + moving, 6))
    local = np.empty((3, 4))
    for b in range(count):
        rotation, left = _exponential(y[b, 3], y[b, 4], y[b, 5])
        for i in range(3):
            screws[b, i, 3 + i] = 1.0
            bodies[b, 0, i, 3] = y[b, i]
            for j in range(3):
                for m in range(3):
                    bodies[b, 0, i, j] += R_reference[b, i, m] * rotation[m, j]
                    screws[b, 3 + j, i] += R_reference[b, i, m] * left[m, j]
        bodies[b, 0, 3, 3] = 1.0
        for c in range(3, 6):
            _moment(bodies[b, 0], screws[b, c])
        for joint in range(moving):
            q = offset[joint]
            for j in range(expansion.shape[1]):
                q += expansion[joint, j] * y[b, 6 + j]
            sine, cosine = np.sin(q), np.cos(q)
            C = coefficients[joint]
            for i in range(3):
                for j in range(4):
                    local[i, j] = (
                        C[0, i, j] + sine * C[1, i, j] + cosine * C[2, i, j] + q * C[3, i, j]
                    )
            before, body, screw = (
                bodies[b, parent[joint]],
                bodies[b, 1 + joint],
                screws[b, 6 + joint],
            )
            for i in range(3):
                for j in range(4):
                    body[i, j] = (
                        before[i, 0] * local[0, j]
                        + before[i, 1] * local[1, j]
                        + before[i, 2] * local[2, j]
                    )
                body[i, 3] += before[i, 3]
            body[3, 3] = 1.0
            first = 0 if revolute[joint] else 3
            for i in range(3):
                for m in range(3):
                    screw[first + i] += body[i, m] * axis[joint, m]
            if revolute[joint]:
                _moment(body, screw)
    return bodies, screws


@njit
def _moment(body, screw):
    """Fill in v = position x a of a turn about an axis through a body's origin."""
    x, y, z = body[0, 3], body[1, 3], body[2, 3]
    screw[3] = y * screw[2] - z * screw[1]
    screw[4] = z * screw[0] - x * screw[2]
    screw[5] = x * screw[1] - y * screw[0]


@njit
def _exponential(x, y, z):
    """exp(phi) and the left Jacobian of SO(3)."""
    squared = x * x + y * y + z * z + _TINY
    angle = np.sqrt(squared)
    sine, half = np.sin(angle), np.sin(0.5 * angle)
    versine = 2.0 * half * half / squared
    K = np.zeros((3, 3))
    K[0, 1], K[0, 2], K[1, 2] = -z, y, -x
    K[1, 0], K[2, 0], K[2, 1] = z, -y, x
    rotation, left = np.zeros((3, 3)), np.zeros((3, 3))
    a, c = sine / angle, (angle - sine) / (squared * angle)
    for i in range(3):
        for j in range(3):
            KK = K[i, 0] * K[0, j] + K[i, 1] * K[1, j] + K[i, 2] * K[2, j]
            rotation[i, j] = a * K[i, j] + versine * KK
            left[i, j] = versine * K[i, j] + c * KK
        rotation[i, i] += 1.0
        left[i, i] += 1.0
    return rotation, left


@njit
def points(bodies, row, place):
    """Positions (B, P, 3) of points at ``place`` (B, P, 3) on bodies, flat rows (B P,)."""
    count, many = place.shape[:2]
    x = np.empty((count, many, 3))
    for b in range(count):
        for p in range(many):
            flat = row[b * many + p]
            body = bodies[flat // bodies.shape[1], flat % bodies.shape[1]]
            for i in range(3):
                x[b, p, i] = (
                    body[i, 0] * place[b, p, 0]
                    + body[i, 1] * place[b, p, 1]
                    + body[i, 2] * place[b, p, 2]
                    + body[i, 3]
                )
    return x


@njit
def rows(screws, x, direction, moved_by, starts, columns, values, size):
    """Derivatives (B, P, D); row c of the sparse (starts, columns, values) leads from a screw."""
    count, many = x.shape[:2]
    found = np.zeros((count, many, size))
    for b in range(count):
        for p in range(many):
            nx, ny, nz = direction[b, p, 0], direction[b, p, 1], direction[b, p, 2]
            if nx == 0.0 and ny == 0.0 and nz == 0.0:
                continue
            px, py, pz = x[b, p, 0], x[b, p, 1], x[b, p, 2]
            mx, my, mz = py * nz - pz * ny, pz * nx - px * nz, px * ny - py * nx
            for c in range(screws.shape[1]):
                if moved_by[b, p, c] == 0.0:
                    continue
                s = screws[b, c]
                speed = s[0] * mx + s[1] * my + s[2] * mz + s[3] * nx + s[4] * ny + s[5] * nz
                for e in range(starts[c], starts[c + 1]):
                    found[b, p, columns[e]] += values[e] * speed
    return found


@njit
def fixed_points(bodies, body, place):
    """Positions (B, N, 3) of points at ``place`` (N, 3) on ``body`` (N,)."""
    count, many = len(bodies), len(body)
    x = np.empty((count, many, 3))
    for b in range(count):
        for n in range(many):
            T = bodies[b, body[n]]
            for i in range(3):
                x[b, n, i] = (
                    T[i, 0] * place[n, 0] + T[i, 1] * place[n, 1] + T[i, 2] * place[n, 2] + T[i, 3]
                )
    return x


@njit
def add_jacobian(out, screws, x, point, joint, column, gain):
    """Add d(x)/dq to ``out`` (B, J, N, 3).

    Joint ``joint`` moves point ``point`` ``gain`` times as fast as coordinate ``column``; (pairs,)
    each.
    """
    for b in range(len(x)):
        for pair in range(len(point)):
            n, s = point[pair], screws[b, 6 + joint[pair]]
            px, py, pz = x[b, n, 0], x[b, n, 1], x[b, n, 2]
            to = out[b, column[pair], n]
            to[0] += gain[pair] * (s[1] * pz - s[2] * py + s[3])
            to[1] += gain[pair] * (s[2] * px - s[0] * pz + s[4])
            to[2] += gain[pair] * (s[0] * py - s[1] * px + s[5])
