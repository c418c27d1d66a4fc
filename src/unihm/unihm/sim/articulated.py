"""Procedural things that open: a body that stands, a part that moves on a joint, and its handle.

One is a function of its measures in metres, given a name by :func:`articulated`. In its frame, the
centre of the bounding box of the closed thing, z is up and the front looks along +x.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import trimesh
from numpy.typing import ArrayLike

from unihm.errors import ErrorCode, UnihmError
from unihm.sim.shapes import Geometry, Part
from unihm.transforms import FloatArray, from_xyz_rpy, make_transform

ArticulatedFunction = Callable[..., "Articulated"]

ARTICULATED: dict[str, ArticulatedFunction] = {}
"""What opens, by name; :func:`articulated` adds to them."""

_WALL = 0.006  # m
_SLIT = 0.003  # m between a front and the body behind it


@dataclass(frozen=True)
class PartJoint:
    """How the moving part moves; 0 is closed, and what opens it is positive.

    Attributes:
        kind: along or about its axis.
        axis: (3,) unit, object frame.
        origin: (3,) metres, object frame, on the axis.
        limit: metres or radians, all the way open.
        friction: dry friction, N or N m.
        damping: 1/s: the share of its speed that it loses.
    """

    kind: Literal["prismatic", "revolute"]
    axis: tuple[float, float, float]
    origin: tuple[float, float, float]
    limit: float
    friction: float
    damping: float

    @property
    def T_object_joint(self) -> FloatArray:
        """(4, 4): x along the axis."""
        x = np.asarray(self.axis, float)
        helper = np.eye(3)[np.abs(x).argmin()]
        y = np.cross(helper, x)
        y /= np.linalg.norm(y)
        return make_transform(np.stack([x, y, np.cross(x, y)], axis=1), self.origin)


@dataclass(frozen=True)
class Articulated:
    """A thing that opens, closed, in the object frame.

    Attributes:
        body: parts that stand.
        panel: parts that move: a drawer, a door, a lid.
        handle: parts that move with them and are taken hold of.
        joint: how they move.
    """

    body: tuple[Part, ...]
    panel: tuple[Part, ...]
    handle: tuple[Part, ...]
    joint: PartJoint

    @property
    def works_like(self) -> str:
        """Which of :data:`ARTICULATED` opens the same way."""
        if self.joint.kind == "prismatic":
            return "drawer"
        return "cabinet" if abs(self.joint.axis[2]) > 0.7 else "lidded_box"

    @property
    def geometry(self) -> Geometry:
        """What is seen of it while it is closed."""
        parts = (*self.body, *self.panel, *self.handle)
        surface = trimesh.util.concatenate([part.mesh for part in parts])
        assert isinstance(surface, trimesh.Trimesh)
        return Geometry(surface, parts)


def articulated(name: str) -> Callable[[ArticulatedFunction], ArticulatedFunction]:
    """Decorator: scenes may ask for the decorated function as ``articulated: name``.

    Its arguments are measures (metres, radians, newtons), each with a default; it returns an
    :class:`Articulated` (anywhere, :func:`make_articulated` moves it to its frame) and raises
    ValueError with a few words where the measures contradict each other.
    """

    def register(function: ArticulatedFunction) -> ArticulatedFunction:
        ARTICULATED[name] = function
        return function

    return register


def make_articulated(name: str, size: dict[str, float]) -> Articulated:
    """Build ``name`` with the measures ``size``, in the frame of its bounding box.

    Raises:
        UnihmError: INVALID_SCENE for an unknown name or measure, or one that makes no sense.
    """
    if name not in ARTICULATED:
        known = ", ".join(sorted(ARTICULATED))
        raise UnihmError(ErrorCode.INVALID_SCENE, f"Nothing is called '{name}'. Known: {known}.")
    measures = inspect.signature(ARTICULATED[name]).parameters
    for key, value in size.items():
        if key not in measures:
            raise UnihmError(
                ErrorCode.INVALID_SCENE,
                f"A {name} has no measure '{key}'; it has {', '.join(measures)}.",
            )
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 100:
            raise UnihmError(
                ErrorCode.INVALID_SCENE, f"The {key} of a {name} must be positive, not {value!r}."
            )
    try:
        made = ARTICULATED[name](**size)
    except ValueError as error:
        raise UnihmError(ErrorCode.INVALID_SCENE, f"Impossible {name}: {error}.") from error
    return centred(made)


def centred(made: Articulated) -> Articulated:
    """The same in the frame of its bounding box."""
    shift = -made.geometry.surface.bounds.mean(axis=0)

    def moved(parts: Sequence[Part]) -> tuple[Part, ...]:
        T = make_transform(np.eye(3), shift)
        return tuple(replace(part, T_object_part=T @ part.T_object_part) for part in parts)

    x, y, z = np.asarray(made.joint.origin) + shift
    joint = replace(made.joint, origin=(float(x), float(y), float(z)))
    return Articulated(moved(made.body), moved(made.panel), moved(made.handle), joint)


def _box(low: ArrayLike, high: ArrayLike) -> Part:
    """Cuboid from corner to corner."""
    size, middle = np.subtract(high, low, dtype=float), np.add(low, high, dtype=float) / 2
    if (size <= 0).any():
        raise ValueError("there is no room left between its walls")
    return Part(
        "box", (float(size[0]), float(size[1]), float(size[2])), from_xyz_rpy(middle, [0] * 3)
    )


def _handle(
    at: FloatArray, out: FloatArray, along: FloatArray, length: float, thick: float, gap: float
) -> tuple[Part, ...]:
    """A bar before a surface, on two feet; a knob on one where it is not longer than thick.

    Args:
        at: (3,) the middle of where it is fastened.
        out: (3,) unit normal of the surface; ``along``: (3,) unit, of the bar. Both are axes.
        length, thick, gap: of the bar, and between it and the surface.
    """

    def piece(middle: FloatArray, along_bar: float, outwards: float, across: float) -> Part:
        half = (
            np.abs(along) * along_bar
            + np.abs(out) * outwards
            + np.abs(np.cross(along, out)) * across
        ) / 2
        return _box(middle - half, middle + half)

    bar = piece(at + (gap + thick / 2) * out, max(length, thick), thick, thick)
    foot = 0.6 * thick
    spread = max(0.0, length - thick) / 2
    offsets = [-spread, spread] if spread > thick else [0.0]
    feet = [piece(at + o * along + gap / 2 * out, foot, gap, foot) for o in offsets]
    return (bar, *feet)


def _case(width: float, depth: float, height: float) -> tuple[Part, ...]:
    """Chest that is open at its front, the plane x = 0."""
    w, h, t = width / 2, height, _WALL
    return (
        _box([-depth, -w, 0], [0, w, t]),
        _box([-depth, -w, h - t], [0, w, h]),
        _box([-depth, -w, t], [0, -w + t, h - t]),
        _box([-depth, w - t, t], [0, w, h - t]),
        _box([-depth, -w + t, t], [-depth + t, w - t, h - t]),
    )


X, Y, Z = np.eye(3)


@articulated("drawer")
def drawer(
    width: float = 0.24,
    depth: float = 0.22,
    height: float = 0.16,
    travel: float = 0.15,
    handle: float = 0.10,
    thick: float = 0.012,
    gap: float = 0.032,
    friction: float = 1.5,
    damping: float = 2.0,
) -> Articulated:
    """Chest of one drawer; a level bar, ``handle`` long, in the middle of its front."""
    if travel > depth - 0.03:
        raise ValueError("it travels further than it is deep")
    w, h, t = width / 2, height, _WALL
    inner, low, high = w - t - _SLIT, t + _SLIT, 0.6 * h
    back = -depth + t + _SLIT
    panel = (
        _box([_SLIT, -w, 0.004], [_SLIT + 0.012, w, h]),
        _box([back, -inner, low], [_SLIT, inner, low + t]),
        _box([back, -inner, low + t], [_SLIT, -inner + t, high]),
        _box([back, inner - t, low + t], [_SLIT, inner, high]),
        _box([back, -inner + t, low + t], [back + t, inner - t, high]),
    )
    bar = _handle(np.array([_SLIT + 0.012, 0, 0.55 * h]), X, Y, handle, thick, gap)
    joint = PartJoint("prismatic", (1, 0, 0), (0, 0, 0), travel, friction, damping)
    return Articulated(_case(width, depth, height), panel, bar, joint)


@articulated("cabinet")
def cabinet(
    width: float = 0.22,
    depth: float = 0.16,
    height: float = 0.22,
    swing: float = 1.7,
    handle: float = 0.09,
    thick: float = 0.012,
    gap: float = 0.032,
    friction: float = 0.1,
    damping: float = 2.0,
) -> Articulated:
    """Cabinet whose door hangs on the left, seen from the front; an upright bar on the right."""
    w, h = width / 2, height
    panel = (_box([_SLIT, -w, 0.004], [_SLIT + 0.012, w, h]),)
    # Looking at the front, that is along -x, the left side is at -y.
    at = np.array([_SLIT + 0.012, w - 0.03, 0.58 * h])
    bar = _handle(at, X, Z, handle, thick, gap)
    joint = PartJoint("revolute", (0, 0, -1), (_SLIT, -w, 0), swing, friction, damping)
    return Articulated(_case(width, depth, height), panel, bar, joint)


@articulated("lidded_box")
def lidded_box(
    width: float = 0.20,
    depth: float = 0.16,
    height: float = 0.10,
    swing: float = 1.9,
    handle: float = 0.08,
    thick: float = 0.012,
    gap: float = 0.030,
    friction: float = 0.3,
    damping: float = 2.0,
) -> Articulated:
    """Box whose lid hangs at the back, with a bar on the lid near its front edge."""
    w, d, h, t = width / 2, depth / 2, height, _WALL
    body = (
        _box([-d, -w, 0], [d, w, t]),
        _box([-d, -w, t], [d, -w + t, h]),
        _box([-d, w - t, t], [d, w, h]),
        _box([-d, -w + t, t], [-d + t, w - t, h]),
        _box([d - t, -w + t, t], [d, w - t, h]),
    )
    top = h + _SLIT + 0.010
    panel = (_box([-d, -w, h + _SLIT], [d, w, top]),)
    bar = _handle(np.array([d - 0.03, 0, top]), Z, Y, handle, thick, gap)
    joint = PartJoint("revolute", (0, -1, 0), (-d, 0, h + _SLIT), swing, friction, damping)
    return Articulated(body, panel, bar, joint)
