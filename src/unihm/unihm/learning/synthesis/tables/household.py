"""Things of a household that no primitive looks like, of random measures: CLIPort learns them.

Each is a mesh in its own frame, z up as it mostly lies or stands, in metres. Their parts may go
into each other: they are rendered, never simulated. A new thing is a function in
:data:`HOUSEHOLD`, and what it is called in
:data:`unihm.perception.planner.cliport.vocabulary.KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import trimesh

from unihm.transforms import from_xyz_rpy
from unihm.types import FloatArray

_AROUND = 24  # corners of a round section


def make_household(name: str, rng: np.random.Generator) -> trimesh.Trimesh:
    """One of :data:`HOUSEHOLD`, closed, in metres and its own frame.

    Raises:
        KeyError: for a name that is not there.
    """
    return HOUSEHOLD[name](rng)


def _joined(*parts: trimesh.Trimesh) -> trimesh.Trimesh:
    mesh = trimesh.util.concatenate(list(parts))
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh


def _box(size: list[float], xyz: list[float], pitch: float = 0.0) -> trimesh.Trimesh:
    box = trimesh.creation.box(size)
    return box.apply_transform(from_xyz_rpy(xyz, [0.0, pitch, 0.0]))


def _ellipsoid(size: list[float], xyz: list[float]) -> trimesh.Trimesh:
    """Of full axes ``size``."""
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.5)
    return ball.apply_scale(size).apply_translation(xyz)


def _turned(profile: list[tuple[float, float]]) -> trimesh.Trimesh:
    """A surface of revolution about z through radii and heights."""
    return trimesh.creation.revolve(np.array(profile), sections=_AROUND)


def _swept(centers: FloatArray, across: FloatArray, up: FloatArray) -> trimesh.Trimesh:
    """Elliptic sections (S,) along a line: half axes ``across`` and ``up``, both (S, 3)."""
    angle = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)
    ring = (
        np.cos(angle)[None, :, None] * across[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    )
    vertices = (centers[:, None] + ring).reshape(-1, 3)
    s, a = np.mgrid[0 : len(centers) - 1, 0:_AROUND]
    here, next_ = s * _AROUND + a, s * _AROUND + (a + 1) % _AROUND
    quads = np.stack([here, next_, next_ + _AROUND, here + _AROUND], axis=-1).reshape(-1, 4)
    ends = [[0, k + 1, k] for k in range(1, _AROUND - 1)]
    last = len(vertices) - _AROUND
    ends += [[last, last + k, last + k + 1] for k in range(1, _AROUND - 1)]
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]], np.array(ends)])
    return trimesh.Trimesh(vertices, faces, process=False)


def _tipped(mesh: trimesh.Trimesh, rng: np.random.Generator, upright: float) -> trimesh.Trimesh:
    """Lying along x instead of standing, but for a share of ``upright``."""
    if rng.random() < upright:
        return mesh
    return mesh.apply_transform(from_xyz_rpy([0, 0, 0], [0.0, np.pi / 2, 0.0]))


def banana(rng: np.random.Generator) -> trimesh.Trimesh:
    """A bent rod with pointed ends, lying on its side."""
    length, radius = rng.uniform(0.14, 0.21), rng.uniform(0.014, 0.021)
    bend = rng.uniform(0.7, 1.9)
    t = np.linspace(-1.0, 1.0, 17)
    angle, large = t * bend / 2, length / bend
    radial = np.stack([np.cos(angle), np.sin(angle), np.zeros(17)], axis=1)
    centers = large * radial - [large, 0, 0]
    half = radius * np.maximum(1.0 - np.abs(t) ** rng.uniform(3, 6), 0.18)
    return _swept(centers, -half[:, None] * radial, np.outer(half, [0.0, 0.0, 1.0]))


def wineglass(rng: np.random.Generator) -> trimesh.Trimesh:
    """A foot, a stem and a bowl."""
    height, foot = rng.uniform(0.12, 0.20), rng.uniform(0.026, 0.038)
    stem, radius = rng.uniform(0.25, 0.5) * height, rng.uniform(0.028, 0.043)
    rim, wall = radius * rng.uniform(0.7, 1.05), 0.002
    belly = stem + rng.uniform(0.3, 0.5) * (height - stem)
    outer = [(0.0, 0.0), (foot, 0.0), (foot, 0.003), (0.005, 0.01), (0.004, stem)]
    outer += [(0.75 * radius, (stem + belly) / 2), (radius, belly), (rim, height)]
    inner = [(rim - wall, height), (radius - wall, belly)]
    inner += [(0.75 * radius - wall, (stem + belly) / 2 + wall), (0.0, stem + 2 * wall)]
    return _tipped(_turned(outer + inner), rng, upright=0.85)


def bulb(rng: np.random.Generator) -> trimesh.Trimesh:
    """A light bulb: a screw base and a glass, standing on either, or lying."""
    radius, base = rng.uniform(0.024, 0.042), rng.uniform(0.011, 0.018)
    neck = rng.uniform(0.018, 0.035)
    angle = np.linspace(-np.arccos(min(base / radius, 0.95)), np.pi / 2, 12)
    middle = neck + radius * rng.uniform(0.9, 1.5)
    glass = [(radius * np.cos(a), middle + radius * np.sin(a)) for a in angle]
    mesh = _turned([(0.0, 0.0), (base, 0.0), (base, neck), *glass[:-1], (0.0, glass[-1][1])])
    if rng.random() < 0.5:
        mesh.apply_transform(from_xyz_rpy([0, 0, 0], [np.pi, 0.0, 0.0]))
    return _tipped(mesh, rng, upright=0.5)


def tube(rng: np.random.Generator) -> trimesh.Trimesh:
    """A squeezed tube, as of toothpaste: round at the cap and flat at the other end."""
    length, radius = rng.uniform(0.09, 0.18), rng.uniform(0.013, 0.026)
    full = rng.uniform(0.0, 0.5)  # from here on it flattens
    t = np.linspace(0.0, 1.0, 9)
    flat = np.clip((t - full) / (1.0 - full), 0.0, 1.0)
    thick = radius * (1.0 - flat) + 0.0015 * flat
    wide = radius * (1.0 + rng.uniform(0.2, 0.55) * flat)
    centers = np.outer(length * t, [1.0, 0, 0])
    body = _swept(centers, np.outer(wide, [0, 1.0, 0]), np.outer(thick, [0, 0, 1.0]))
    cap = trimesh.creation.cylinder(radius * rng.uniform(0.5, 1.0), rng.uniform(0.012, 0.03))
    cap.apply_transform(from_xyz_rpy([-cap.extents[2] / 2, 0, 0], [0.0, np.pi / 2, 0.0]))
    mesh = _joined(body, cap)
    if rng.random() < 0.4:  # standing on its cap
        mesh.apply_transform(from_xyz_rpy([0, 0, 0], [0.0, -np.pi / 2, 0.0]))
    return mesh


def flashlight(rng: np.random.Generator) -> trimesh.Trimesh:
    """A rod with a wider head."""
    length, radius = rng.uniform(0.10, 0.20), rng.uniform(0.012, 0.020)
    head = radius * rng.uniform(1.25, 1.9)
    start = length * rng.uniform(0.6, 0.8)
    profile = [(0.0, 0.0), (radius, 0.0), (radius, start), (head, start + 0.02), (head, length)]
    return _tipped(_turned([*profile, (0.0, length)]), rng, upright=0.35)


def phone(rng: np.random.Generator) -> trimesh.Trimesh:
    """A slab with a little step on it: a telephone, a remote control."""
    x, y, z = rng.uniform(0.11, 0.18), rng.uniform(0.045, 0.085), rng.uniform(0.008, 0.026)
    step = [x * rng.uniform(0.2, 0.6), y * rng.uniform(0.4, 0.9), z]
    return _joined(_box([x, y, z], [0, 0, 0]), _box(step, [0.15 * x, 0, 0.12 * z]))


def camera(rng: np.random.Generator) -> trimesh.Trimesh:
    """A box with a lens at its front and a bump on top."""
    x, y, z = rng.uniform(0.09, 0.14), rng.uniform(0.03, 0.055), rng.uniform(0.055, 0.09)
    lens = trimesh.creation.cylinder(z * rng.uniform(0.28, 0.42), rng.uniform(0.02, 0.06))
    out = y / 2 + lens.extents[2] / 2
    lens.apply_transform(from_xyz_rpy([rng.uniform(-0.15, 0.1) * x, -out, 0], [np.pi / 2, 0, 0]))
    bump = [x * rng.uniform(0.25, 0.5), 0.8 * y, z * rng.uniform(0.1, 0.3)]
    at = [rng.uniform(-0.2, 0.2) * x, 0, z / 2 + bump[2] / 2]
    return _joined(_box([x, y, z], [0, 0, 0]), lens, _box(bump, at))


def duck(rng: np.random.Generator) -> trimesh.Trimesh:
    """A toy animal: body, head, beak and tail."""
    x, y, z = rng.uniform(0.07, 0.12), rng.uniform(0.05, 0.08), rng.uniform(0.04, 0.07)
    head = rng.uniform(0.55, 0.8) * y
    front, up = x * rng.uniform(0.2, 0.35), 0.4 * z + 0.38 * head
    beak = _ellipsoid([0.5 * head, 0.5 * head, 0.2 * head], [front + 0.55 * head, 0, up])
    tail = _ellipsoid([0.35 * x, 0.4 * y, 0.3 * z], [-0.5 * x, 0, 0.2 * z])
    body = _ellipsoid([x, y, z], [0, 0, 0])
    return _joined(body, _ellipsoid([head] * 3, [front, 0, up]), beak, tail)


def stapler(rng: np.random.Generator) -> trimesh.Trimesh:
    """A foot and an arm that opens a little."""
    length, width = rng.uniform(0.10, 0.16), rng.uniform(0.022, 0.04)
    foot, arm = rng.uniform(0.008, 0.016), rng.uniform(0.014, 0.028)
    pitch = -rng.uniform(0.05, 0.35)
    rise = foot + arm / 2 + 0.45 * length * np.sin(-pitch)
    lower = _box([length, width, foot], [0, 0, foot / 2])
    upper = _box([0.95 * length, 0.9 * width, arm], [0, 0, rise], pitch)
    hinge = _box([0.2 * length, width, 1.5 * arm], [-0.42 * length, 0, foot + 0.5 * arm])
    return _joined(lower, upper, hinge)


def mouse(rng: np.random.Generator) -> trimesh.Trimesh:
    """A flat-bottomed bump: a computer's mouse, a piece of soap."""
    size = [rng.uniform(0.08, 0.125), rng.uniform(0.045, 0.07), rng.uniform(0.05, 0.09)]
    mesh = _ellipsoid(size, [0, 0, 0])
    mesh.vertices = np.maximum(mesh.vertices, [-1.0, -1.0, -rng.uniform(0.0, 0.12) * size[2]])
    return mesh


def clock(rng: np.random.Generator) -> trimesh.Trimesh:
    """An alarm clock: a thick disc on its edge, with feet, and sometimes with bells."""
    radius, thick = rng.uniform(0.03, 0.055), rng.uniform(0.025, 0.055)
    disc = trimesh.creation.cylinder(radius, thick)
    parts = [disc.apply_transform(from_xyz_rpy([0, 0, 0], [np.pi / 2, 0, 0]))]
    for side in (-1.0, 1.0):
        foot = [side * 0.6 * radius, 0, -0.9 * radius]
        parts.append(_box([0.012, thick * 0.5, 0.3 * radius], foot))
    if rng.random() < 0.6:
        for side in (-1.0, 1.0):
            at = [side * 0.55 * radius, 0, 0.95 * radius]
            parts.append(_ellipsoid([0.8 * radius, 0.7 * radius, 0.6 * radius], at))
    return _joined(*parts)


HOUSEHOLD: dict[str, Callable[[np.random.Generator], trimesh.Trimesh]] = {
    "banana": banana,
    "wineglass": wineglass,
    "bulb": bulb,
    "tube": tube,
    "flashlight": flashlight,
    "phone": phone,
    "camera": camera,
    "duck": duck,
    "stapler": stapler,
    "mouse": mouse,
    "clock": clock,
}
