"""What can be opened, from one image: flat panels with a handle, and which way each may move.

A handle is what sticks out of a flat face within its outline, thin and compact. A front moves along
its normal or turns about the edge that is farthest from its handle; a lid turns about such an edge.
What stands behind or below the panel says how far it is open now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from unihm.errors import ErrorCode, UnihmError
from unihm.geometry import estimate_normals
from unihm.perception.camera import world_points
from unihm.perception.scene.clusters import Cluster, group_points, link, voxelise
from unihm.perception.scene.describe import DetectedObject
from unihm.perception.scene.frames import horizontal_rectangle, robust_range
from unihm.perception.scene.reader import TableScene, in_workspace
from unihm.perception.scene.table import Plane, fit_plane
from unihm.transforms import make_transform
from unihm.types import FloatArray, IntArray, RgbdObservation

Kind = Literal["drawer", "door", "lid"]

_PLANES = 6  # of one thing that are looked at
_FLAT = 0.006  # m within which a point belongs to a plane
_FEWEST = 250  # points of a panel
_PIECE = 60  # pixels of a piece of its body
_GRAIN = 0.003  # m between points in which planes are looked for
_ALONG = 0.85  # cosine between the normals of a panel and of its points
_HIDDEN = 0.06  # m between a panel and its body that may be hidden
_OUT, _FAR_OUT = 0.014, 0.085  # m that a handle sticks out
_SHORTEST, _LONGEST, _THICKEST = 0.015, 0.22, 0.05  # m of a handle
_HANDLE_POINTS = 25
_AT = 0.03  # m from a handle's middle
_BAR_GRAIN = 0.003  # m between points of a bar's surface
_SAME = 0.015  # m between points of one handle
_BAR = 1.8  # times as long as thick: from there on its direction is known
_UPWARD = 0.75  # cosine of a normal from which a closed panel is a lid
_LEVEL = 0.35  # and up to which it is a front
_OFF_CENTRE = 0.2  # of the width that a door's handle is off the middle
_NEAR_TOP = 0.025  # m below the highest points of a body that belong to its top
_PANEL = 0.008  # m that a drawer's front is thick, about
_BEHIND = 0.02  # m before its body's face where a front counts as closed


@dataclass(frozen=True)
class Screw:
    """How a part moves: along an axis, or about it.

    Attributes:
        axis: (3,) unit, world; what opens is positive.
        origin: (3,) metres, world, on the axis.
        turns: it turns about the axis.
    """

    axis: FloatArray
    origin: FloatArray
    turns: bool

    def motion(self, amount: float) -> FloatArray:
        """(4, 4) world: what a part's poses are multiplied by when it moves so far."""
        if not self.turns:
            return make_transform(np.eye(3), amount * self.axis)
        R = Rotation.from_rotvec(amount * self.axis).as_matrix()
        return make_transform(R, self.origin - R @ self.origin)


@dataclass(frozen=True)
class Opening:
    """A panel with a handle, as it is seen now.

    Attributes:
        thing: all that is seen of what it belongs to.
        panel: (N, 3) metres, world: points of the flat face.
        handle: (M, 3) points of what sticks out of it.
        T_world_handle: (4, 4): the middle of the handle's bar; x out of the panel, y along the bar.
        size: (3,) metres of the bar along these axes.
        gap: metres between bar and panel.
        corner: (3,) metres, world: a corner of the panel's outline.
        sides: (2, 3) metres, world: from there along its sides, the first one along the bar.
    """

    thing: DetectedObject
    panel: FloatArray
    handle: FloatArray
    T_world_handle: FloatArray
    size: FloatArray
    gap: float
    corner: FloatArray
    sides: FloatArray

    @property
    def normal(self) -> FloatArray:
        """(3,) out of the panel."""
        return self.T_world_handle[:3, 0]

    @property
    def is_bar(self) -> bool:
        """Whether the handle has a direction, unlike a knob."""
        return bool(self.size[1] > _BAR * self.size[2])

    def handle_surface(self) -> tuple[FloatArray, FloatArray]:
        """Points and outward normals (S, 3) of the whole bar, in the handle's own frame."""
        points, normals = [], []
        for k, sign in product(range(3), (-1.0, 1.0)):
            a, b = (axis for axis in range(3) if axis != k)
            grids = [
                np.linspace(-0.5, 0.5, max(3, int(self.size[axis] / _BAR_GRAIN))) * self.size[axis]
                for axis in (a, b)
            ]
            one, other = (grid.ravel() for grid in np.meshgrid(*grids))
            side, normal = np.zeros((len(one), 3)), np.zeros(3)
            side[:, a], side[:, b], side[:, k] = one, other, sign * self.size[k] / 2
            normal[k] = sign
            points.append(side)
            normals.append(np.tile(normal, (len(one), 1)))
        return np.concatenate(points), np.concatenate(normals)

    @property
    def part(self) -> FloatArray:
        """(K, 3) all that is seen of what moves."""
        return np.concatenate([self.panel, self.handle])

    @property
    def body(self) -> FloatArray:
        """(B, 3) what is seen of the rest."""
        points = voxelise(self.thing.cluster.points, 0.005)[1]
        return points[cKDTree(self.part).query(points)[0] > 0.012]

    def looks_like(self) -> Kind | None:
        """What it seems to be; None where nothing tells a drawer from a door."""
        if self.normal[2] > _UPWARD:
            return "lid"
        if abs(self.normal[2]) > _LEVEL:
            return "lid" if self.normal[2] > 0 else None
        off, width = self._off_centre()
        if off > _OFF_CENTRE * width:
            return "door"
        return "drawer"

    def _off_centre(self) -> tuple[float, float]:
        """Metres, along the level side of a front: of the handle from its middle; its width."""
        side = self.sides[np.abs(self.sides[:, 2]).argmin()]
        width = float(np.linalg.norm(side))
        middle = self.corner + self.sides.sum(axis=0) / 2
        return abs(float((self.T_world_handle[:3, 3] - middle) @ side)) / width, width

    def screw(self, kind: Kind) -> Screw:
        """How it moves if it is a ``kind``."""
        n, center = self.normal, self.T_world_handle[:3, 3]
        if kind == "drawer":
            level = n * [1.0, 1.0, 0.0]
            return Screw(level / np.linalg.norm(level), center, False)
        middle = self.corner + self.sides.sum(axis=0) / 2
        along = [0, 1]
        if kind == "door":  # hinges are upright, those of a lid level
            along = [int(np.abs(self.sides[:, 2]).argmax())]
        elif self.is_bar:
            along = [0]
        best, hinge, reach = along[0], middle, -np.inf
        for k in along:
            across = self.sides[1 - k]
            for sign in (-0.5, 0.5):
                edge = middle + sign * across
                away = float((center - edge) @ across / np.linalg.norm(across))
                if abs(away) > reach:
                    best, hinge, reach = k, edge, abs(away)
        axis = self.sides[best] / np.linalg.norm(self.sides[best])
        if kind == "door":
            axis = np.array([0.0, 0.0, 1.0])
        # Opening takes the handle out along the normal.
        if np.cross(axis, center - hinge) @ n < 0:
            axis = -axis
        return Screw(axis, hinge, True)

    def opened(self, kind: Kind) -> float:
        """Metres or radians that it is open now, as far as what stands behind it tells."""
        screw = self.screw(kind)
        if kind == "drawer":
            body = self.body
            if len(body) < _FEWEST / 5:
                return 0.0
            top = body[body[:, 2] > np.quantile(body[:, 2], 0.98) - _NEAR_TOP]
            front = float(np.median(self.panel @ screw.axis))
            top = top[top @ screw.axis < front - _BEHIND]  # without the front's own upper edge
            if not len(top):
                return 0.0
            out = front - float(np.quantile(top @ screw.axis, 0.98)) - _PANEL
            return out if out > _BEHIND else 0.0
        arm = self.T_world_handle[:3, 3] - screw.origin
        arm = arm - (arm @ screw.axis) * screw.axis
        arm = arm - (arm @ self.normal) * self.normal
        arm = arm / np.linalg.norm(arm)
        if kind == "lid":
            return float(max(0.0, np.arctan2(arm[2], self.normal[2])))
        return self._door_angle(screw, arm)

    def _door_angle(self, screw: Screw, arm: FloatArray) -> float:
        """Radians by which a door stands off the side of its body that it closes."""
        body = self.body
        if len(body) < _FEWEST / 5:
            return 0.0
        yaw, _, _ = horizontal_rectangle(
            body[body[:, 2] > np.quantile(body[:, 2], 0.98) - _NEAR_TOP]
        )
        middle = body.mean(axis=0) - screw.origin
        best, angle = -np.inf, 0.0
        for quarter in range(4):
            closed = np.array(
                [np.cos(yaw + quarter * np.pi / 2), np.sin(yaw + quarter * np.pi / 2), 0]
            )
            turn = float(np.arctan2(-closed @ self.normal, closed @ arm))
            if not -0.2 < turn < 2.2:
                continue
            front = Rotation.from_rotvec(-turn * screw.axis).as_matrix() @ self.normal
            fit = min(float(middle @ closed), float(-middle @ front))
            if fit > best:
                best, angle = fit, turn
        return max(0.0, angle)

    @property
    def depth(self) -> float:
        """Metres that its body goes back behind the panel, as far as is seen."""
        back = self.thing.cluster.points @ self.normal
        low, _ = robust_range(back)
        return float(np.median(self.panel @ self.normal) - low)


def find_openings(scene: TableScene, observation: RgbdObservation) -> list[Opening]:
    """Every panel with a handle in an image, of which ``scene`` was read.

    All pixels are looked at, for a handle has few; the pixels of ``thing.cluster`` are the image's.
    """
    camera, rgb = observation.T_world_camera[:3, 3], observation.rgb
    points = world_points(observation, scene.workspace.capture, 1)
    flat = points.reshape(-1, 3)
    inside = in_workspace(points, scene.workspace).reshape(-1)
    with np.errstate(invalid="ignore"):
        inside &= scene.table.height(flat) > scene.workspace.clusters.min_height
    pixels = np.flatnonzero(inside)
    if len(pixels) < _FEWEST:
        return []
    label = group_points(flat[pixels], scene.workspace.clusters)
    groups = [pixels[label == k] for k in np.flatnonzero(np.bincount(label) >= _PIECE)]
    height = scene.table.height
    groups = [g for g in groups if height(flat[g]).min() <= scene.workspace.clusters.hover]

    def thing(own: IntArray) -> DetectedObject:
        cluster = Cluster(own, flat[own], rgb.reshape(-1, 3)[own])
        return DetectedObject(cluster, camera, scene.table.offset)

    found = []
    for group in groups:
        if len(group) >= _FEWEST:
            for opening in _openings(thing(group), camera):
                whole = _with_body(opening, group, groups, flat)
                found.append(opening if whole is group else replace(opening, thing=thing(whole)))
    return found


def _with_body(
    opening: Opening, own: IntArray, groups: list[IntArray], flat: FloatArray
) -> IntArray:
    """The pixels of a panel's group and of what stands behind it, piece by piece.

    What is between an open drawer's front and its chest may be hidden by the front.
    """
    rest = [group for group in groups if group is not own]
    across = opening.sides / np.linalg.norm(opening.sides, axis=1, keepdims=True)
    low, high = (np.quantile(opening.panel @ across.T, q, axis=0) for q in (0.02, 0.98))
    face = float(np.median(opening.panel @ opening.normal))
    whole = own
    grown = True
    while grown:
        grown = False
        tree = cKDTree(flat[whole][::4])
        for group in rest:
            points = flat[group]
            level = points @ across.T
            inside = ((level > low - 0.03) & (level < high + 0.03)).all(axis=1)
            behind = points @ opening.normal < face + 0.01
            if (inside & behind).mean() < 0.8 or tree.query(points[::4])[0].min() > _HIDDEN:
                continue
            whole, grown = np.concatenate([whole, group]), True
            rest = [other for other in rest if other is not group]
            break
    return whole


def _openings(thing: DetectedObject, camera: FloatArray) -> list[Opening]:
    rest = voxelise(thing.cluster.points, _GRAIN)[1]
    facing = estimate_normals(rest, camera)
    found: list[Opening] = []
    for _ in range(_PLANES):
        if len(rest) < _FEWEST:
            break
        try:
            plane = fit_plane(rest, camera - rest.mean(axis=0), np.pi / 2 - 0.1, _FLAT)
        except UnihmError:
            break
        on = np.abs(plane.height(rest)) < _FLAT
        flat = on & (np.abs(facing @ plane.normal) > _ALONG)
        if flat.sum() >= _FEWEST:
            found += _handles(thing, plane, rest[flat])
        rest, facing = rest[~on], facing[~on]
    return found


def _handles(thing: DetectedObject, plane: Plane, panel: FloatArray) -> list[Opening]:
    """Openings of one panel: one for every handle that is on it."""
    panel = _largest(panel, 0.012)
    if len(panel) < _FEWEST:
        return []
    n = plane.normal
    # In the plane: level, and up as far as it goes.
    u = np.cross([0.0, 0.0, 1.0], n)
    if np.linalg.norm(u) < 0.3:
        u = np.array([1.0, 0.0, 0.0]) - n[0] * n
    u = u / np.linalg.norm(u)
    axes = np.stack([u, np.cross(n, u)])
    if abs(n[2]) > _UPWARD:
        yaw, _, _ = horizontal_rectangle(panel @ axes.T)
        turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
        axes = turn @ axes
    low, high = robust_range(panel @ axes.T)
    points = thing.cluster.points
    out, flat = plane.height(points), points @ axes.T
    near = (out > _OUT) & ((flat > low + 0.005) & (flat < high - 0.005)).all(axis=1)
    if near.sum() < _HANDLE_POINTS:
        return []
    found = []
    candidates = points[near]
    linked = link(candidates, _SAME)
    for k in range(linked.max() + 1):
        handle = candidates[linked == k]
        if len(handle) >= _HANDLE_POINTS and plane.height(handle).max() < _FAR_OUT:
            opening = _opening(thing, plane, panel, handle, axes, low, high)
            if opening is not None:
                found.append(opening)
    return found


def _opening(
    thing: DetectedObject,
    plane: Plane,
    panel: FloatArray,
    handle: FloatArray,
    axes: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> Opening | None:
    """With the handle measured; None where it is too large to be one."""
    n, out = plane.normal, plane.height(handle)
    top = float(np.quantile(out, 0.95))
    bar = handle[out > top - 0.012]
    flat = bar @ axes.T
    spans = np.ptp(np.stack(robust_range(flat)), axis=0)
    length, thick = float(spans.max()), float(spans.min())
    if not _SHORTEST < length < _LONGEST or thick > _THICKEST or len(bar) < _HANDLE_POINTS // 2:
        return None
    along = int(spans.argmax())  # level or upright, as handles mostly are
    middle = np.mean(robust_range(flat), axis=0)
    thick = float(np.clip(thick, 0.006, 0.04))
    deep = min(thick, 0.016)
    height = top - deep / 2
    center = middle @ axes + (plane.offset + height) * n
    y = axes[along]
    T = make_transform(np.stack([n, y, np.cross(n, y)], axis=1), center)
    sides = np.stack([(high - low)[k] * axes[k] for k in (along, 1 - along)])
    corner = low @ axes + plane.offset * n
    size = np.array([deep, length, thick])
    return Opening(thing, panel, handle, T, size, max(0.0, top - deep), corner, sides)


def _largest(points: FloatArray, gap: float) -> FloatArray:
    """The points (N, 3) of the largest group."""
    voxel_of, centres = voxelise(points, 0.005)
    labels = link(centres, gap)[voxel_of]
    return points[labels == np.bincount(labels).argmax()]


def opening_at(openings: list[Opening], point: FloatArray) -> Opening:
    """The one whose handle is at ``point`` (3,), metres, world.

    Raises:
        UnihmError: OBJECT_NOT_FOUND where there is none within 3 cm.
    """
    for opening in openings:
        if np.linalg.norm(opening.T_world_handle[:3, 3] - point) < _AT:
            return opening
    x, y, z = point
    raise UnihmError(
        ErrorCode.OBJECT_NOT_FOUND, f"There is no handle at ({x:.2f}, {y:.2f}, {z:.2f}) m."
    )
