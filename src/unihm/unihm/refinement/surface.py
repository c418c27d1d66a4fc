"""The object's surface as the refinement sees it: nearest points, and what a cloud must satisfy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.refinement import compiled
from unihm.types import FloatArray, IntArray, ObjectCloud

MIN_POINTS = 16
MAX_EXTENT = 1.5  # m; a hand-held object is smaller, the same object in millimetres is not
BANDWIDTH = 1.5  # of the mean over neighbours, in spacings of the cloud
_THIN = 0.006  # m behind a wall from which on it may be a thin one
BEHIND = 0.77  # cosine about -n of the cone that holds the far side of whatever is solid
_CLOSED = 0.45  # length of the mean normal; 0 of a closed surface, 0.5 of half a ball
SAME_SIDE = 0.3  # cosine between normals below which a neighbour lies on another wall


def check_cloud(cloud: ObjectCloud) -> None:
    """Refuse a cloud that cannot be an object's surface with outward normals in metres.

    Raises:
        UnihmError: INVALID_CLOUD: too few points, another unit, normals missing or inward.
    """
    points, normals = cloud.points, cloud.normals
    if len(points) < MIN_POINTS:
        _refuse(f"A cloud of {len(points)} points is no surface; at least {MIN_POINTS} are needed")
    extent = float(np.linalg.norm(np.ptp(points, axis=0)))
    if extent > MAX_EXTENT:
        _refuse(f"The cloud is {extent:.1f} m across; it must be in metres and of one object")
    if extent < 1e-3:
        _refuse("All points of the cloud are in one place")
    length = np.linalg.norm(normals, axis=1)
    if (np.abs(length - 1.0) > 0.05).any():
        _refuse(
            f"{int((np.abs(length - 1.0) > 0.05).sum())} normals of the cloud are not unit vectors;"
            " unihm.refinement.estimate_normals makes them from the points"
        )
    # Divergence theorem: over a closed surface the mean of n . p is 3 volume / area > 0. Where the
    # mean normal is not small the surface is open, and which side is outside cannot be told.
    if np.linalg.norm(normals.mean(axis=0)) < 0.3:
        flux = np.einsum("ij,ij->i", normals, points - points.mean(axis=0)).mean()
        if flux < -0.01 * extent:
            _refuse("The cloud is inside out: its normals point into the object")


def _refuse(sentence: str) -> None:
    raise UnihmError(ErrorCode.INVALID_CLOUD, sentence + ".")


class Surface:
    """Nearest surface points of one cloud for all sequences of a batch, or of one cloud for each.

    The structure, a k-d tree of each cloud, is built once.

    Args:
        clouds: one, or as many as sequences.
        neighbours: points that a local plane is averaged over; 1 is the nearest point alone.

    Attributes:
        points, normals: (N, 3) of all clouds, one after the other.
        starts: (C + 1,) where each cloud begins.
        spacing: (C,) metres from a point to its neighbour.
        doubt: (C,) metres behind a wall from which on it may be a thin one.
        shared: whether one cloud serves all sequences.
    """

    def __init__(self, clouds: Sequence[ObjectCloud], neighbours: int = 1) -> None:
        self.neighbours = neighbours
        points, normals, boxes, self.spacing = [], [], [], np.empty(len(clouds))
        for cloud in clouds:
            order, box = compiled.build_tree(np.array(cloud.points, float))
            points.append(cloud.points[order])
            normals.append(cloud.normals[order])
            boxes.append(box)
        self.points = np.concatenate(points).astype(float)
        self.normals = np.concatenate(normals).astype(float)
        self.normals /= np.linalg.norm(self.normals, axis=1, keepdims=True)
        self._boxes = np.concatenate(boxes)
        self.starts = np.cumsum([0, *map(len, points)])
        self._box_starts = np.cumsum([0, *map(len, boxes)])
        self.shared = len(clouds) == 1
        for i, own in enumerate(points):
            some = np.array(own[:: max(1, len(own) // 256)], float)
            index = self.nearest(some, np.full(len(some), i), np.full((len(some), 2), -1))
            second = self.points[index[:, 1]]
            gap = np.linalg.norm(some - second, axis=1)
            self.spacing[i] = max(np.median(gap), 1e-4)
        # An open surface has nothing behind it anywhere: what is behind it may be inside.
        whole = [np.linalg.norm(n.mean(axis=0)) < _CLOSED for n in normals]
        self.doubt = np.where(whole, _THIN, np.inf)
        self._memory: dict[tuple[int, int], tuple[IntArray, IntArray]] = {}

    def planes(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Local tangent plane (p, n) of the surface nearest to each point of ``x``.

        With one neighbour this is the nearest point and its normal, as in equation 11. With
        several it is their mean, weighted by how near they are and taken on the nearest one's
        side of the wall; where x lies beyond an edge (the way to p is far from the normal) n turns
        towards x, because the plane through p would call x inside; and where x is well behind a
        wall with nothing of the object farther on, the wall is a thin one that was only seen from
        the other side, as those of a cup, and n turns round.

        Args:
            x: (B, P, 3) in the object frame.

        Returns:
            ``p`` (B, P, 3) on the surface and ``n`` (B, P, 3), unit, outward; constants as far
            as derivatives are concerned.
        """
        p, n = self._planes_of(x.reshape(-1, 3), *self.remembered(*x.shape[:2]))
        return p.reshape(x.shape), n.reshape(x.shape)

    def planes_of(self, x: FloatArray, sequence: IntArray) -> tuple[FloatArray, FloatArray]:
        """The same for points (N, 3) that belong to the clouds of ``sequence`` (N,)."""
        cloud = np.zeros_like(sequence) if self.shared else sequence
        return self._planes_of(x, cloud, np.full((len(x), self.neighbours), -1))

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest coordinates (C, 3) of each cloud."""
        whole = self._boxes[self._box_starts[:-1]]
        return whole[:, 0], whole[:, 1]

    def centre(self, sequence: int) -> FloatArray:
        """Middle (3,) of the box around the cloud of a sequence."""
        low, high = self.bounds()
        cloud = 0 if self.shared else sequence
        return (low[cloud] + high[cloud]) / 2

    def remembered(self, sequences: int, count: int) -> tuple[IntArray, IntArray]:
        """For P points of each sequence their clouds (B P,), and what was nearest (B P, K) last.

        The solver asks for nearly the same points again and again.
        """
        key = sequences, count
        if key not in self._memory:
            clouds = np.zeros(sequences, int) if self.shared else np.arange(sequences)
            last = np.full((sequences * count, self.neighbours), -1)
            self._memory[key] = np.repeat(clouds, count), last
        return self._memory[key]

    def _planes_of(
        self, x: FloatArray, cloud: IntArray, last: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Planes next to ``x`` (R, 3); ``last`` (R, K) helps to find them and is brought on."""
        search = self.points, self.starts, self._boxes, self._box_starts
        return compiled.planes(
            x,
            cloud,
            last,
            *search,
            self.normals,
            self.spacing,
            self.doubt,
            BANDWIDTH,
            SAME_SIDE,
            BEHIND,
        )

    def nearest(self, x: FloatArray, cloud: IntArray, last: IntArray) -> IntArray:
        """Indices (R, K) of the points nearest to ``x`` (R, 3) in that order, kept in ``last``."""
        compiled.nearest(x, cloud, last, self.points, self.starts, self._boxes, self._box_starts)
        return last
