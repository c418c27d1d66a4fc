"""What a fixed camera shows of an object's place: that it has gone, is in the hand, or has come.

All of it compares images with a surface that is known and the colours that it was seen in; nothing
is recognised anew. Where something else is in front there is no say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.spatial.transform import Rotation

from unihm.perception.scene.clusters import color_features
from unihm.transforms import apply, invert, make_transform
from unihm.types import FloatArray, IntArray, ObjectCloud, RgbdObservation

MIN_PIXELS = 30  # of the object's place that must be in view for the camera to have a say
_ON_WAY = 1500  # points of a part that are looked for along its way
_FRONT, _COARSE = 400, 100  # points of a front that are compared with an image; at first
_FACING = 0.25  # cosine between normal and view from which a point is looked for
_IN_VIEW = 0.3  # share of a front that nothing may hide
_STEP, _FINE_STEP = 0.01, 0.0025  # m, of the search
_SLIPPED = 0.07  # m that a thing may have moved in the hand
# (K, 3, 3) how it may have swung there: upright, then by 14 and 26 degrees to every side.
_TILTS = np.concatenate(
    [
        np.eye(3)[None],
        *(
            Rotation.from_euler(
                "ZYZ", [[about, swing, -about] for about in np.arange(8) * np.pi / 4]
            ).as_matrix()
            for swing in (0.25, 0.45)
        ),
    ]
)
_PATCH, _PATCHES = 3, 8  # pixels across, and how many of them show that something moves
_PALETTE = 12  # colours by which an object is known
_ALIKE = 0.08  # distance of colours, as `color_features` has them, that light may make


@dataclass(frozen=True)
class Sighting:
    """Where an object was found that was looked for at a place.

    Attributes:
        shift: (3,) m from there to where it is.
        share: of its front in view that is seen where it should be.
    """

    shift: FloatArray
    share: float


def left_behind(
    before: RgbdObservation,
    after: RgbdObservation,
    points_world: FloatArray,
    tolerance: float,
) -> float | None:
    """Share of the object's pixels that look as far away as before; None where too few are seen.

    Pixels that something has come in front of (the hand, the arm) have no say.
    """
    rows, columns = own_pixels(before, points_world, 2 * tolerance)
    first, second = before.depth[rows, columns], after.depth[rows, columns]
    seen = np.isfinite(second) & (second > 0)
    same = seen & (np.abs(second - first) < tolerance)
    gone = seen & (second - first >= tolerance)
    if same.sum() + gone.sum() < MIN_PIXELS:
        return None
    return float(same.sum() / (same.sum() + gone.sum()))


def is_still(first: RgbdObservation, second: RgbdObservation, tolerance: float) -> bool:
    """Whether nothing moves: two images of a fixed camera, taken shortly one after the other.

    What moves changes whole patches; noise, which grows with the square of the distance, does not.

    Args:
        tolerance: m by which depth counts as the same, up to 1 m away.
    """
    if first.depth.shape != second.depth.shape:
        return False
    depths = [without_edges(image.depth, tolerance) for image in (first, second)]
    seen = (depths[0] > 0) & (depths[1] > 0)
    noise = tolerance * np.maximum(depths[0], 1.0) ** 2
    changed = seen & (np.abs(depths[1] - depths[0]) >= noise)
    return int(minimum_filter(changed, _PATCH).sum()) < _PATCHES


def without_edges(depth: NDArray[np.float32], tolerance: float) -> NDArray[np.float32]:
    """(H, W) m, 0 where neighbours are at other depths: which of them is seen there is chance.

    Args:
        tolerance: m between neighbours of one surface.
    """
    seen = np.where(np.isfinite(depth) & (depth > 0), depth, np.inf)
    with np.errstate(invalid="ignore"):
        steps = maximum_filter(seen, 3) - minimum_filter(seen, 3)
    return np.where(steps < tolerance, depth, np.float32(0.0))


def alike(
    before: RgbdObservation, after: RgbdObservation, points_world: FloatArray, tolerance: float
) -> NDArray[np.bool_] | None:
    """(H, W): what in ``after`` has a colour of an object; None where it was not seen ``before``.

    Args:
        before, after: images of the same fixed camera.
        points_world: (N, 3) the object's surface where it stood before.
        tolerance: m by which its depth may differ.
    """
    rows, columns = own_pixels(before, points_world, tolerance)
    if len(rows) < MIN_PIXELS:
        return None
    own = color_features(before.rgb[rows, columns])
    # Colours that it has much of: neither a shine nor what shimmers through at its edge.
    own = own[np.argsort(np.linalg.norm(own - np.median(own, axis=0), axis=1))]
    own = own[: int(0.9 * len(own))]
    palette = own[np.linspace(0, len(own) - 1, _PALETTE).astype(int)]
    features = color_features(after.rgb.reshape(-1, 3))
    nearest = np.full(len(features), np.inf)
    for color in palette:
        np.minimum(nearest, ((features - color) ** 2).sum(axis=1), out=nearest)
    return (nearest < _ALIKE**2).reshape(after.depth.shape)


def own_pixels(
    observation: RgbdObservation, points_world: FloatArray, tolerance: float
) -> tuple[IntArray, IntArray]:
    """Rows and columns where a surface (N, 3), world, is itself seen: its front, unhidden."""
    camera = apply(invert(observation.T_world_camera), points_world)
    camera = camera[camera[:, 2] > 0.05]
    pixels = np.round((camera @ observation.K.T)[:, :2] / camera[:, 2:]).astype(int)
    height, width = observation.depth.shape
    inside = ((pixels >= 0) & (pixels < [width, height])).all(axis=1)
    columns, rows = pixels[inside].T
    depth = observation.depth[rows, columns]
    seen = np.isfinite(depth) & (depth > 0) & (np.abs(depth - camera[inside, 2]) < tolerance)
    return rows[seen], columns[seen]


@dataclass(frozen=True)
class WayPoint:
    """How far a part has gone along its way.

    Attributes:
        moved: share of the way, 1 at its end.
        share: of what was seen of it that is seen there again.
    """

    moved: float
    share: float


def locate_along(
    observation: RgbdObservation, part: FloatArray, T_world_part: FloatArray, tolerance: float
) -> WayPoint | None:
    """Where on its way a part is seen.

    Args:
        observation: to look at.
        part: (N, 3) metres, world: what was seen of it at the beginning of the way.
        T_world_part: (T, 4, 4) its way; a screw motion, which is also looked along beyond its end.
        tolerance: m by which depth counts as the same.

    Returns:
        the place where most of it is seen; None where too little of every place is in view.
    """
    some = part[:: max(1, len(part) // _ON_WAY)]
    whole = T_world_part[-1] @ invert(T_world_part[0])
    turn = Rotation.from_matrix(whole[:3, :3]).as_rotvec()
    angle = float(np.linalg.norm(turn))
    best = None
    for share in np.arange(-0.2, 1.41, 0.025):
        R = Rotation.from_rotvec(share * turn).as_matrix()
        if angle < 1e-3:
            T = make_transform(np.eye(3), share * whole[:3, 3])
        else:
            # The axis' point nearest to the world's origin: (I - R) c = p.
            c = np.linalg.lstsq(np.eye(3) - whole[:3, :3], whole[:3, 3], rcond=1e-6)[0]
            T = make_transform(R, c - R @ c)
        same, through = _compare(observation, apply(T, some), np.zeros((1, 3)), tolerance)
        if same[0] + through[0] < _IN_VIEW * len(some):
            continue
        seen = float(same[0] / (same[0] + through[0])) * float(same[0] / len(some)) ** 0.25
        if best is None or seen > best.share:
            best = WayPoint(float(share), seen)
    return best


def locate(
    observation: RgbdObservation,
    cloud: ObjectCloud,
    T_world_object: FloatArray,
    reach: float,
    rise: float,
    tolerance: float,
    colored: NDArray[np.bool_] | None = None,
) -> Sighting | None:
    """Look for an object near a place where it is expected to stand.

    Of all shifts the one is taken under which most of its front is seen where it should be, and
    through the least of it something behind.

    Args:
        observation: to look at.
        cloud: the object's surface.
        T_world_object: (4, 4) where it is expected; it is looked for with that rotation.
        reach: m round that place, horizontally.
        rise: m above and below it.
        tolerance: m by which depth counts as the same.
        colored: (H, W) what has its colours, from :func:`alike`.

    Returns:
        where it is; None where too little of every place is in view.
    """
    front = _front(observation, cloud, T_world_object)
    if len(front) < MIN_PIXELS:
        return None
    heights = np.arange(-rise, rise + 1e-9, 1.5 * _STEP) if rise > 0 else np.zeros(1)
    best = None
    some = front[:: max(1, len(front) // _COARSE)]
    for step, around, looked in ((_STEP, reach, some), (_FINE_STEP, _STEP, front)):
        steps = np.arange(-around, around + 1e-9, step)
        flat = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        flat = flat[np.linalg.norm(flat, axis=1) <= around + 1e-9]
        middle = np.zeros(3) if best is None else best.shift
        levels = heights if best is None else np.zeros(1)
        shifts = middle + np.concatenate(
            [np.column_stack([flat, np.full(len(flat), level)]) for level in levels]
        )
        same, through = _compare(observation, looked, shifts, tolerance, colored)
        said = same + through >= _IN_VIEW * len(looked)
        if not said.any():
            return best
        # Of equals the one nearest to where it is expected.
        worth = np.where(said, same - through, -len(looked)) - np.linalg.norm(shifts, axis=1)
        k = int(worth.argmax())
        best = Sighting(shifts[k], float(same[k] / (same[k] + through[k])))
    return best


def share_in_hand(
    observation: RgbdObservation,
    cloud: ObjectCloud,
    T_world_object: FloatArray,
    tolerance: float,
    colored: NDArray[np.bool_] | None,
    enough: float,
) -> float | None:
    """Share of a held object's front that is seen where it hangs; None where nobody can see there.

    What is held by its rim or its handle slips and swings: it is looked for round its place, and
    tilted.

    Args:
        observation, cloud, tolerance, colored: as of :func:`locate`.
        T_world_object: (4, 4) where it would be, had it not moved in the hand.
        enough: share at which no more is looked for.
    """
    best = None
    for tilt in _TILTS:
        tilted = T_world_object.copy()
        tilted[:3, :3] = tilt @ T_world_object[:3, :3]
        seen = locate(observation, cloud, tilted, _SLIPPED, _SLIPPED, tolerance, colored)
        if seen is not None:
            best = seen.share if best is None else max(best, seen.share)
            if best >= enough:
                break
    return best


def share_at(
    observation: RgbdObservation,
    cloud: ObjectCloud,
    T_world_object: FloatArray,
    tolerance: float,
    colored: NDArray[np.bool_] | None = None,
) -> float:
    """Share of an object's front that is seen where it would be at a pose (4, 4); 0 if hidden.

    Args as of :func:`locate`.
    """
    front = _front(observation, cloud, T_world_object)
    if len(front) == 0:
        return 0.0
    same, through = _compare(observation, front, np.zeros((1, 3)), tolerance, colored)
    return float(same[0] / max(same[0] + through[0], 1))


def _front(
    observation: RgbdObservation, cloud: ObjectCloud, T_world_object: FloatArray
) -> FloatArray:
    """(M, 3) world: some points of the surface that look towards the camera."""
    points = apply(T_world_object, cloud.points)
    normals = cloud.normals @ T_world_object[:3, :3].T
    view = observation.T_world_camera[:3, 3] - points
    facing = (normals * view).sum(axis=1) > _FACING * np.linalg.norm(view, axis=1)
    front = points[facing]
    return front[:: max(1, len(front) // _FRONT)]


def _compare(
    observation: RgbdObservation,
    front: FloatArray,
    shifts: FloatArray,
    tolerance: float,
    colored: NDArray[np.bool_] | None = None,
) -> tuple[IntArray, IntArray]:
    """(S,) twice, of points (M, 3) under shifts (S, 3): how many are seen, and how many are not.

    Where the depth is right and the colour is another's, something else is there.
    """
    T_camera_world = invert(observation.T_world_camera)
    camera = apply(T_camera_world, front)[None] + (shifts @ T_camera_world[:3, :3].T)[:, None]
    expected = np.maximum(camera[..., 2], 0.05)  # (S, M)
    u, v = (np.round((camera @ observation.K[k]) / expected).astype(int) for k in (0, 1))
    height, width = observation.depth.shape
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    v, u = np.clip(v, 0, height - 1), np.clip(u, 0, width - 1)
    depth = observation.depth[v, u]
    seen = inside & np.isfinite(depth) & (depth > 0)
    farther = np.where(seen, depth - expected, -np.inf)
    same = np.abs(farther) < tolerance
    other = farther >= tolerance
    if colored is not None:
        same, other = same & colored[v, u], other | (same & ~colored[v, u])
    return same.sum(axis=1), other.sum(axis=1)
