"""Words for what was found: colours, shape, size and place of every object on the table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unihm.perception.colors import Light, color_shares, dominant_color
from unihm.perception.language.nouns import SHAPES
from unihm.perception.scene.clusters import Cluster, voxelise
from unihm.perception.scene.completion import Fit, fit
from unihm.perception.scene.frames import horizontal_rectangle, robust_range
from unihm.perception.scene.primitives import SurfaceOfRevolution
from unihm.types import FloatArray

# Measures of sizes that words compare, from the extents (long, short, height).
MEASURES = {
    "large": lambda e: float(np.prod(e) ** (1 / 3)),
    "small": lambda e: -float(np.prod(e) ** (1 / 3)),
    "tall": lambda e: float(e[2]),
    "short": lambda e: -float(e[2]),
    "long": lambda e: float(e[0]),
    "wide": lambda e: float(e[1]),
    "thin": lambda e: -float(e[1]),
    "standing": lambda e: float(e[2] / max(e[0], 1e-3)),
    "lying": lambda e: -float(e[2] / max(e[0], 1e-3)),
}
# Share of the seen points that a mug's handle has.
_HANDLE_SHARE = 0.03
# Upward part of the normal of a flat top; how surely what shows none is open.
_FLAT_TOP, _OPEN = 0.9, 0.6
_TALLEST_CUP = 0.19  # metres; what is taller and looks hollow, as glass does, is a bottle
# Words of size that are rather words of shape.
SHAPE_WORDS = {
    "round": ("cylinder", "ball", "egg", "cup", "mug", "bowl", "bottle", "cone", "ring"),
    "angular": ("box", "tray", "prism"),
    "hollow": ("cup", "mug", "bowl", "tray"),
    "flat": ("flat",),
    "ball": ("ball",),
    "cylinder": ("cylinder",),
    "inverted": ("egg", "ball", "cone", "prism", "cylinder"),
}


@dataclass(frozen=True)
class DetectedObject:
    """One object on the table; what is asked of it is worked out when it is first asked.

    Attributes:
        cluster: its pixels and points.
        camera: (3,) where it was seen from, world.
        table_height: metres, world.
        cut: the image's border cuts it off.
        voxel: metres to which its points are thinned.
        light: that it is seen in, where that is known.
        hidden: share from 0 to 1 of its outline beyond which it may go on, behind other things.
    """

    cluster: Cluster
    camera: FloatArray
    table_height: float = 0.0
    cut: bool = False
    voxel: float = 0.004
    light: Light | None = None
    hidden: float = 0.0

    @cached_property
    def fit(self) -> Fit:
        """The primitive that explains it."""
        return fit(self.cluster.points, self.camera, self.table_height, self.cut, self.voxel)

    @cached_property
    def surface(self) -> FloatArray:
        """(600, 3) points of its whole surface, world."""
        return self.fit.complete(600).points

    @cached_property
    def _box(self) -> tuple[FloatArray, FloatArray]:
        return _bounding_box(self.surface, None)

    @property
    def center(self) -> FloatArray:
        """(3,) middle of its bounding box, world."""
        return self._box[0]

    @property
    def extents(self) -> FloatArray:
        """(3,) long side, short side, height in metres."""
        return self._box[1]

    @cached_property
    def outline(self) -> tuple[FloatArray, FloatArray]:
        """Centre and extents of what is seen of it, down to the table: quick, for obstacles."""
        return _bounding_box(self.cluster.points[::4], self.table_height)

    @cached_property
    def seen_area(self) -> float:
        """Square metres of it that are seen, from any side."""
        return len(voxelise(self.cluster.points, self.voxel)[1]) * self.voxel**2

    @cached_property
    def colors(self) -> FloatArray:
        """(12,) share of each named colour."""
        return color_shares(self.cluster.rgb, self.light)

    def colors_between(self, low: float, high: float) -> FloatArray:
        """(12,) likewise of what is between two shares of its height; of all where that is none."""
        bottom, top = (float(z) for z in robust_range(self.cluster.points[:, 2]))
        height = (self.cluster.points[:, 2] - bottom) / max(top - bottom, 1e-6)
        inside = (height >= low) & (height <= high)
        return color_shares(self.cluster.rgb[inside], self.light) if inside.any() else self.colors

    @cached_property
    def brightness(self) -> float:
        """From 0 to 1, in the median of what is seen of it."""
        return float(np.median(self.cluster.rgb.max(axis=1))) / 255.0

    @cached_property
    def shapes(self) -> dict[str, float]:
        """Score from 0 to 1 of each class in :data:`unihm.perception.language.nouns.SHAPES`."""
        return _shape_scores(self.fit, self.extents, self.voxel)

    @property
    def words(self) -> str:
        """Such as "red box", for people."""
        return f"{dominant_color(self.colors)} {max(self.shapes, key=self.shapes.__getitem__)}"


def _bounding_box(points: FloatArray, bottom: float | None) -> tuple[FloatArray, FloatArray]:
    """Centre (3,) and extents (3,): long side, short side, height."""
    _, center, sides = horizontal_rectangle(points)
    low, high = (float(z) for z in robust_range(points[:, 2]))
    if bottom is not None:
        low = bottom
    return np.array([*center, (low + high) / 2]), np.array([*sides, high - low])


def _above(value: float, middle: float, width: float) -> float:
    """Smooth step from 0 to 1 around ``middle``."""
    return float(1.0 / (1.0 + np.exp(-np.clip((value - middle) / width, -50, 50))))


def _shape_scores(fit: Fit, extents: FloatArray, voxel: float) -> dict[str, float]:
    """Score of each class from the fits of the primitives, the profile and the proportions."""
    long, short, height = extents
    box_error, revolution_error = fit.box_error, fit.revolution_error
    boxy = _above(revolution_error - box_error, 0.0, 0.0008) * _above(0.007, box_error, 0.0015)
    turned = _above(box_error - revolution_error, 0.0, 0.0008)
    turned *= _above(0.008, revolution_error, 0.0015)
    lying = _above(min(box_error, revolution_error) - fit.lying_error, 0.0, 0.0008)
    lying *= _above(0.007, fit.lying_error, 0.0015)
    boxy, turned = boxy * (1 - lying), turned * (1 - lying)
    scores = dict.fromkeys(SHAPES, 0.0)
    scores["box"] = boxy
    # What surely is a box is nothing else that a fit in doubt would allow.
    unsure = 1 - max(boxy, lying)
    scores["irregular"] = 0.25 * unsure + 0.65 * _above(fit.misfit, 0.006, 0.001)
    scores["long"] = _above(long / max(short, 1e-3), 2.3, 0.25) * _above(0.8 * long, height, 0.01)
    scores["flat"] = _above(0.45 * short, height, 0.006)
    revolution = fit.revolution
    handle = min(1.0, float(fit.handle.mean()) / _HANDLE_SHARE) if fit.has_handle else 0.0
    hollow = 1.0 if revolution.hollow else 0.0
    squat = _above(1.15 * revolution.radii.max(), height, 0.006)
    scores["bowl"] = hollow * squat * max(turned, 0.3 * unsure)
    vessel = hollow * (1 - squat) * max(turned, 0.4 * unsure)
    profiles = _profiles(revolution, height)
    if not hollow:  # from low down neither a lid nor the inside is seen: it may be a cup as well
        vessel = _OPEN * turned * _above(0.25, _lid(fit, voxel), 0.03) * (1 - profiles["egg"])
    tall = hollow * _above(height, _TALLEST_CUP, 0.01)
    bottle, vessel = vessel * tall, vessel * (1 - tall)
    scores["cup"] = vessel * (1 - 0.5 * handle)
    scores["mug"] = vessel * (0.35 + 0.65 * handle)
    scores["tray"] = max(hollow * scores["flat"], boxy * hollow) * _above(long, 0.12, 0.01)
    solid = turned * (1 - hollow)
    for name, likeness in profiles.items():
        scores[name] = solid * likeness
    scores["cylinder"] = max(scores["cylinder"], lying)
    scores["bottle"] = max(scores["bottle"], bottle)
    scores["prism"] = 0.55 * max(solid * scores["cylinder"], 0.6 * boxy)
    scores["prism"] = max(scores["prism"], solid * _above(revolution_error, 0.0028, 0.0004))
    scores["ring"] = hollow * _above(0.6 * revolution.radii.max(), height, 0.005)
    return {name: float(np.clip(score, 0.02, 1.0)) for name, score in scores.items()}


def _lid(fit: Fit, voxel: float) -> float:
    """Share of a flat top, as wide as the surface of revolution, that is seen."""
    top = (fit.normals[:, 2] > _FLAT_TOP) & (fit.seen[:, 2] > 0.85 * fit.revolution.height)
    return float(top.sum()) * voxel**2 / (np.pi * max(fit.revolution.radii.max(), 1e-3) ** 2)


def _profiles(revolution: SurfaceOfRevolution, height: float) -> dict[str, float]:
    """How much the profile of a solid of revolution is like each of the round classes."""
    z = np.linspace(0.05, 0.95, 19)
    radius = np.interp(z * revolution.height, revolution.heights, revolution.radii)
    widest = max(radius.max(), 1e-3)
    ball = np.sqrt(1 - (2 * z - 1) ** 2)
    # The lowest third is hidden from a camera above, so it says nothing.
    seen = z > 0.3
    off_ball = float(np.abs(radius / widest - ball)[seen].mean())
    off_cylinder = float(np.abs(radius / np.median(radius) - 1)[seen].mean())
    aspect = height / (2 * widest)
    neck = radius[-3:].mean() / np.median(radius[(z > 0.15) & (z < 0.55)])
    # The profile of a can is near enough to a ball's, and nearer to its own.
    rounded = _above(0.16, off_ball, 0.02) * _above(off_cylinder, off_ball, 0.02)
    sphere = rounded * _above(0.16, abs(aspect - 1.0), 0.03)
    linear = float(np.abs(radius / widest - np.linspace(1.0, 0.2, 19))[seen].mean())
    cone = _above(0.12, linear, 0.02) * _above(0.45, neck, 0.05)
    bottle = _above(0.72, neck, 0.05) * _above(aspect, 1.4, 0.12) * (1 - 0.7 * cone)
    return {
        "ball": sphere,
        "egg": rounded * (1 - 0.6 * sphere) * _above(0.7, abs(aspect - 1.0), 0.1),
        "cylinder": _above(0.13, off_cylinder, 0.02) * (1 - rounded) * (1 - bottle),
        "cone": cone,
        # No egg is so tall.
        "bottle": bottle * (1 - 0.8 * rounded * _above(1.6, aspect, 0.08)),
    }
