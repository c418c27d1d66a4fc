"""Clusters that are several objects, parted where a network sees their borders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unihm.errors import UnihmError
from unihm.perception.scene import DetectedObject, TableScene
from unihm.perception.scene.clusters import Cluster
from unihm.perception.scene.reader import describe
from unihm.perception.segmentation.backends import MaskBackend, Session
from unihm.types import FloatArray, IntArray, RgbdObservation

# A thing that one primitive explains to this many metres is one thing.
_MISFIT = 0.0034
_DEPTH = 3  # times that a part may be parted again


def part_clusters(
    scene: TableScene, observation: RgbdObservation, backend: MaskBackend
) -> TableScene:
    """The scene, its clusters divided into the objects that they consist of.

    Only what no primitive explains is looked at: objects that touch are neither a box nor a
    surface of revolution, and the network is asked whether such a cluster is one object.

    Args:
        backend: knows the borders of objects.
    """
    doubtful = [thing.fit.misfit > _MISFIT for thing in scene.objects]
    if not any(doubtful):
        return scene
    try:
        session = backend.embed(observation, scene.table.seen_from(observation.T_world_camera))
    except UnihmError:  # it sees too little; the clusters stand as they are
        return scene
    camera = observation.T_world_camera[:3, 3]
    objects = []
    for thing, doubt in zip(scene.objects, doubtful):
        objects += _part(thing, scene, session, camera) if doubt else [thing]
    objects.sort(key=lambda thing: -len(thing.cluster.pixels))
    return replace(scene, objects=objects)


def _part(
    thing: DetectedObject, scene: TableScene, session: Session, camera: FloatArray, depth: int = 0
) -> list[DetectedObject]:
    """The objects that one is found to consist of; itself where it is one."""
    pixels = scene.first_pixels(thing.cluster)
    parts = session.parts(pixels) if depth < _DEPTH else [np.arange(len(pixels))]
    if len(parts) < 2:
        return [thing]
    fewest = scene.workspace.clusters.min_points // scene.stride**2
    found = []
    for part in describe(
        [_subset(thing.cluster, p) for p in parts if len(p) >= fewest], scene, camera
    ):
        again = part.fit.misfit > _MISFIT
        found += _part(part, scene, session, camera, depth + 1) if again else [part]
    return found or [thing]


def _subset(cluster: Cluster, chosen: IntArray) -> Cluster:
    return Cluster(cluster.pixels[chosen], cluster.points[chosen], cluster.rgb[chosen])
