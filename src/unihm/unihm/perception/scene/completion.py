"""The whole surface of an object from the part that one camera sees, without weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unihm.errors import ErrorCode, UnihmError
from unihm.geometry import estimate_normals
from unihm.perception.camera.points import radius_inliers, statistical_inliers
from unihm.perception.scene.clusters import voxelise
from unihm.perception.scene.frames import robust_range
from unihm.perception.scene.lying import LyingCylinder, fit_lying_cylinder
from unihm.perception.scene.primitives import (
    Box,
    HeightField,
    SurfaceOfRevolution,
    fit_box,
    fit_height_field,
    fit_surface_of_revolution,
)
from unihm.types import FloatArray

Primitive = Box | SurfaceOfRevolution | LyingCylinder | HeightField


@dataclass(frozen=True)
class Completion:
    """A whole surface in the frame of the points it was made from.

    Attributes:
        points: (N, 3) metres.
        normals: (N, 3) unit, outward.
        observed: (N,) seen by the camera.
        confidence: 0 to 1.
    """

    points: FloatArray
    normals: FloatArray
    observed: NDArray[np.bool_]
    confidence: float


@dataclass(frozen=True)
class Fit:
    """The primitive that explains best what is seen of an object.

    Attributes:
        seen: (M, 3) thinned points, metres above the table.
        normals: (M, 3) towards the camera.
        shape: the primitive.
        revolution: the best surface of revolution, whether or not it is the shape.
        box_error, revolution_error, lying_error: misfits in metres of the box, of the surface of
            revolution and of the cylinder on its side, which is only looked at where neither fits.
        handle: (M,) points that stick out of the surface of revolution sideways.
        confidence: 0 to 1.
        table_height: metres, world.
    """

    seen: FloatArray
    normals: FloatArray
    shape: Primitive
    revolution: SurfaceOfRevolution
    box_error: float
    revolution_error: float
    lying_error: float
    handle: NDArray[np.bool_]
    confidence: float
    table_height: float

    @property
    def misfit(self) -> float:
        """Metres on the average that the best of the primitives is off."""
        return min(self.box_error, self.revolution_error, self.lying_error)

    @property
    def round_misfit(self) -> float:
        """Metres that the surface of revolution is off where a handle too has to be on it."""
        return max(self.revolution_error, _misfit(self.revolution, self.seen))

    @property
    def whole_misfit(self) -> float:
        """:attr:`misfit` where a handle too has to be on the surface of revolution."""
        return min(self.box_error, self.round_misfit, self.lying_error)

    @property
    def has_handle(self) -> bool:
        """True where what sticks out of the surface of revolution is on one side of it."""
        if not self.handle.any():
            return False
        x, y = (self.seen[self.handle, :2] - self.revolution.center).T
        return bool(np.abs(np.exp(1j * np.arctan2(y, x)).mean()) > _ONE_SIDED)

    def complete(self, count: int = 2048, seed: int = 0) -> Completion:
        """The seen points, and the primitive where nothing was seen.

        Args:
            count: points of the result.
            seed: of the sampling; the same input gives the same output.
        """
        rng = np.random.default_rng(seed)
        model, model_normals = self.shape.sample(2 * count, rng)
        # Model points where the camera saw the object are replaced by what it saw.
        far = cKDTree(self.seen).query(model)[0] > 0.007
        normals = self.normals
        if not isinstance(self.shape, HeightField):
            # Where what is seen agrees with the model, the model's normals have no noise.
            distance, nearest = cKDTree(model).query(self.seen)
            normals = np.where((distance < 0.004)[:, None], model_normals[nearest], normals)
        hidden, hidden_normals = model[far], model_normals[far]
        if self.shape is self.revolution and self.handle.any():
            # Of a handle the near side is seen; its far side is about a finger's width behind.
            outward = normals[self.handle]
            back = self.seen[self.handle] - _HANDLE_THICKNESS * outward
            hidden = np.concatenate([hidden, back, back])
            hidden_normals = np.concatenate([hidden_normals, -outward, -outward])
        share = np.clip(1 - far.mean(), 0.15, 0.95)
        number = round(float(share) * count) if len(hidden) else count
        pick = spread(len(self.seen), number, rng)
        fill = spread(len(hidden), count - number, rng)
        points = np.concatenate([self.seen[pick], hidden[fill]])
        return Completion(
            points=points + np.array([0.0, 0.0, self.table_height]),
            normals=np.concatenate([normals[pick], hidden_normals[fill]]),
            observed=np.arange(count) < number,
            confidence=self.confidence,
        )


def fit(
    points: FloatArray,
    camera: FloatArray,
    table_height: float = 0.0,
    cut: bool = False,
    voxel: float = 0.003,
) -> Fit:
    """Fit a box and a surface of revolution to an object on the table; the better one is taken.

    Where neither fits, what is seen is let down to the table and the confidence is low.

    Args:
        points: (N, 3) metres, world; seen points of one object.
        camera: (3,) position of the camera, world.
        table_height: metres, world.
        cut: the object goes on beyond the border of the image.
        voxel: metres, to which the points are thinned.

    Raises:
        UnihmError: INVALID_CLOUD for fewer than 20 points.
    """
    base = np.array([0.0, 0.0, table_height])
    seen, normals = thin(np.asarray(points, float) - base, np.asarray(camera, float) - base, voxel)
    box, revolution = fit_box(seen, normals), fit_surface_of_revolution(seen, normals)
    box_error = _misfit(box, seen)
    handle = _handle(revolution, seen)
    if handle.mean() > 0.3:  # that much is no handle: the surface is wrong
        handle = np.zeros(len(seen), bool)
    revolution_error = _misfit(revolution, seen[~handle]) if _is_round(revolution, seen) else _WORST
    error = min(box_error, revolution_error)
    shape: Primitive = box if box_error < revolution_error else revolution
    lying_error = _WORST
    if error > _EXPLAINED:
        lying = fit_lying_cylinder(seen, normals)
        lying_error = _misfit(lying, seen)
        if lying_error < error:
            shape, error = lying, lying_error
    if error > _UNEXPLAINED:
        shape = fit_height_field(seen)
    coverage = min(1.0, len(seen) * (voxel / 0.003) ** 2 / 150)
    confidence = float(np.clip(1.15 - error / 0.008, 0.1, 1.0) * coverage)
    return Fit(
        seen=seen,
        normals=normals,
        shape=shape,
        revolution=revolution,
        box_error=box_error,
        revolution_error=revolution_error,
        lying_error=lying_error,
        handle=handle,
        confidence=confidence * (CUT if cut else 1.0),
        table_height=table_height,
    )


def complete(
    points: FloatArray,
    camera: FloatArray,
    table_height: float = 0.0,
    cut: bool = False,
    count: int = 2048,
    seed: int = 0,
) -> Completion:
    """:func:`fit`, then :meth:`Fit.complete`."""
    return fit(points, camera, table_height, cut).complete(count, seed)


def seen_part(
    points: FloatArray, camera: FloatArray, confidence: float, count: int = 2048, seed: int = 0
) -> Completion:
    """Nothing but what was seen, thinned: for a completion that is not to be trusted."""
    seen, normals = thin(points, camera)
    pick = spread(len(seen), count, np.random.default_rng(seed))
    return Completion(seen[pick], normals[pick], np.ones(count, bool), confidence)


#: Points that a normal of a seen cloud comes from.
NEIGHBOURS = 14
_HANDLE_THICKNESS = 0.010
# Length of the mean direction of a handle's points from the axis: 1 where all are one way.
_ONE_SIDED = 0.9
# What remains of the confidence where a part of the object is outside the image.
CUT = 0.5
# The misfit of a shape that is nowhere near.
_WORST = 0.026
# How much wider than the diagonal of what is seen a round object may be.
_WIDER = 1.1
# Mean distance in metres of the seen points from a shape above which it is not believed.
_UNEXPLAINED = 0.0065
# And below which a box or a surface of revolution is believed without looking for a third shape.
_EXPLAINED = 0.003


def _is_round(revolution: SurfaceOfRevolution, seen: FloatArray) -> bool:
    """False for one much wider than what is seen: an arc, as of a banana, is no disc."""
    low, high = robust_range(seen[:, :2])
    return 2 * float(revolution.radii.max()) < _WIDER * float(np.linalg.norm(high - low))


def _handle(revolution: SurfaceOfRevolution, seen: FloatArray) -> NDArray[np.bool_]:
    """(N,) points well outside a surface of revolution, below its rim: a handle or a spout."""
    radius = np.linalg.norm(seen[:, :2] - revolution.center, axis=1)
    expected = np.interp(seen[:, 2], revolution.heights, revolution.radii)
    return (radius > expected + 0.007) & (seen[:, 2] > 0.1 * revolution.height)


def _misfit(shape: Primitive, seen: FloatArray) -> float:
    distance = np.minimum(shape.distance(seen), _WORST / 1.3)
    return float(distance.mean() + 0.3 * np.percentile(distance, 95))


def thin(
    points: FloatArray, camera: FloatArray, voxel: float = 0.003
) -> tuple[FloatArray, FloatArray]:
    """One point per voxel without specks, and the normals towards the camera.

    Averaging over a voxel takes most of the sensor's noise away.

    Returns:
        points (M, 3), normals (M, 3) unit.
    """
    if len(points) >= 20:
        _, points = voxelise(points, voxel)
        points = points[radius_inliers(points, 3 * voxel, 3)]
    if len(points) >= 20:
        points = points[statistical_inliers(points, ratio=3.0)]
    if len(points) < 20:
        raise UnihmError(
            ErrorCode.INVALID_CLOUD, "Too little of the object is seen to know its shape."
        )
    return points, estimate_normals(points, camera, NEIGHBOURS)


def spread(available: int, wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``wanted`` indices below ``available``, each used equally often."""
    if available == 0 or wanted == 0:
        return np.zeros(0, np.int64)
    rounds = -(-wanted // available)
    return np.concatenate([rng.permutation(available) for _ in range(rounds)])[:wanted]
