"""Clusters that are several objects, parted where a network sees their borders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from unihm.errors import UnihmError
from unihm.perception.scene import DetectedObject, TableScene
from unihm.perception.scene.clusters import Cluster
from unihm.perception.scene.reader import describe
from unihm.perception.segmentation.backends import MaskBackend, Session
from unihm.types import FloatArray, IntArray, RgbdObservation

# A thing that one primitive explains to this many metres is one thing, unless more than this share
# of its points sticks out: of what stands upright with a handle, or without one.
_MISFIT, _HANDLE, _OUTSIDE = 0.0034, 0.15, 0.05
_DEPTH = 3  # times that a part may be parted again
# A part with less than this share of the points of what is parted belongs to a neighbour.
_SMALL = 0.1
# A cluster is parted where the overlap with one object that the network expects is no more than the
# first of these, and times the share of the misfit that the parts leave no more than the second.
_ONE, _BELIEVED = 0.85, 0.65
# What is doubtful, and of which the network expects no more than this, is taken for several things
# even where no border is seen.
_SEVERAL = 0.7


def part_clusters(
    scene: TableScene, observation: RgbdObservation, backend: MaskBackend
) -> TableScene:
    """The scene, its clusters divided into the objects that they consist of.

    Only what no primitive explains is looked at: objects that touch are neither a box nor a
    surface of revolution, and the network is asked whether such a cluster is one object. What seems
    to be several without a border in sight is named in :attr:`TableScene.unparted`.

    Args:
        backend: knows the borders of objects.
    """
    doubtful = [_is_doubtful(thing) for thing in scene.objects]
    if not any(doubtful):
        return scene
    try:
        session = backend.embed(observation, scene.table.seen_from(observation.T_world_camera))
    except UnihmError:  # it sees too little; the clusters stand as they are
        return scene
    parting = _Parting(scene, session, observation.T_world_camera[:3, 3])
    objects = []
    for thing, doubt in zip(scene.objects, doubtful):
        objects += parting.part(thing) if doubt else [thing]
    objects.sort(key=lambda thing: -len(thing.cluster.pixels))
    return replace(scene, objects=objects, unparted=tuple(parting.unparted))


class _Parting:
    """Parts the clusters of one scene; ``unparted`` are those that it could not."""

    def __init__(self, scene: TableScene, session: Session, camera: FloatArray) -> None:
        self._scene, self._session, self._camera = scene, session, camera
        self._fewest = scene.workspace.clusters.min_points // scene.stride**2
        self.unparted: list[DetectedObject] = []

    def part(self, thing: DetectedObject, depth: int = 0) -> list[DetectedObject]:
        """The objects that one is found to consist of; itself where it is one."""
        if depth == _DEPTH:
            return [thing]
        cluster = thing.cluster
        parts, expected = self._session.parts(self._scene.first_pixels(cluster))
        large = _with_neighbours(parts, cluster, self._fewest)
        found = describe([_subset(cluster, p) for p in large], self._scene, self._camera)
        if len(found) < 2 or expected > _ONE or expected * _misfit_left(thing, found) > _BELIEVED:
            if expected < _SEVERAL:
                self.unparted.append(thing)
            return [thing]
        return [
            piece
            for part in found
            for piece in (self.part(part, depth + 1) if _is_doubtful(part) else [part])
        ]


def _is_doubtful(thing: DetectedObject) -> bool:
    """True where the object may be several that touch."""
    fit = thing.fit
    if fit.misfit > _MISFIT:
        return True
    is_upright = fit.shape is fit.revolution and fit.revolution.height > fit.revolution.radii.max()
    return is_upright and fit.handle.mean() > (_HANDLE if fit.has_handle else _OUTSIDE)


def _with_neighbours(parts: list[IntArray], cluster: Cluster, fewest: int) -> list[IntArray]:
    """The parts, those too small to be a thing given to the nearest that are not."""
    least = max(fewest, _SMALL * len(cluster.points))
    large = [p for p in parts if len(p) >= least]
    small = [p for p in parts if len(p) < least]
    if not large or not small:
        return parts
    owner = np.repeat(np.arange(len(large)), [len(p) for p in large])
    tree = cKDTree(cluster.points[np.concatenate(large)])
    for part in small:
        nearest = np.bincount(owner[tree.query(cluster.points[part])[1]]).argmax()
        large[nearest] = np.concatenate([large[nearest], part])
    return large


def _misfit_left(whole: DetectedObject, parts: list[DetectedObject]) -> float:
    """Misfit of the parts' primitives over that of the whole's, handles counted."""
    sizes = [len(part.cluster.pixels) for part in parts]
    left = np.average([part.fit.whole_misfit for part in parts], weights=sizes)
    return float(left / whole.fit.whole_misfit)


def _subset(cluster: Cluster, chosen: IntArray) -> Cluster:
    return Cluster(cluster.pixels[chosen], cluster.points[chosen], cluster.rgb[chosen])
