"""Camera views of a world with the truth about every pixel, to train and test perception."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unihm.sim.camera import add_noise
from unihm.sim.scene import Camera, Noise
from unihm.sim.world import World
from unihm.types import RgbdObservation


@dataclass(frozen=True)
class LabelledView:
    """An observation and what is in it.

    Attributes:
        observation: what a camera gives, with noise.
        labels: (H, W) int: 0 for all but objects, 1.. for ``names``.
        depth: (H, W) exact metres along the optical axis, 0 where nothing is.
        names: of the objects, in the order of the labels.
    """

    observation: RgbdObservation
    labels: NDArray[np.int64]
    depth: NDArray[np.float32]
    names: tuple[str, ...]


def labelled_view(world: World, camera: Camera, rng: np.random.Generator) -> LabelledView:
    """Render ``world`` from ``camera``; its noise kind is applied with ``rng``."""
    renderer = world.camera(camera.width, camera.height, camera.fov)
    renderer.capture(camera.T_world_camera)
    exact = renderer.depth()
    ids = renderer.entity_ids()
    names = tuple(world.entity_ids)
    labels = np.zeros(ids.shape, np.int64)
    for number, name in enumerate(names, start=1):
        labels[ids == world.entity_ids[name]] = number
    noisy = add_noise(camera.noise, exact, camera.K[0, 0], rng)
    observation = RgbdObservation(
        renderer.rgb(), noisy, camera.K, camera.T_world_camera, stamp=world.time
    )
    return LabelledView(observation, labels, exact, names)


def random_camera(
    rng: np.random.Generator, width: int = 320, height: int = 240, noise: Noise | None = None
) -> Camera:
    """A camera somewhere around the table's working area, looking at it.

    0.6 to 1.2 m away, 25 to 70 deg above the horizon, on any side but the arm's; ``noise`` is
    stereo or tof at random unless it is given.
    """
    distance, elevation = rng.uniform(0.6, 1.2), np.radians(rng.uniform(25, 70))
    azimuth = np.radians(rng.uniform(-130, 130))
    target = np.array([0.5, 0.0, 0.03]) + rng.uniform([-0.08, -0.12, -0.02], [0.08, 0.12, 0.04])
    away = [
        np.cos(elevation) * np.cos(azimuth),
        np.cos(elevation) * np.sin(azimuth),
        np.sin(elevation),
    ]
    eye = target + distance * np.array(away)
    return Camera(
        eye=(float(eye[0]), float(eye[1]), float(eye[2])),
        target=(float(target[0]), float(target[1]), float(target[2])),
        width=width,
        height=height,
        fov=float(rng.uniform(0.65, 1.0)),
        noise=noise or ("tof" if rng.choice(["stereo", "tof"]) == "tof" else "stereo"),
    )
