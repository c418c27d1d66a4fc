"""What a benchmark does to the robot's world that nobody has told it of; one class for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.sim.scene import Scene, SceneObject
from unihm.sim.world import World
from unihm.transforms import make_transform
from unihm.types import FloatArray, RgbdObservation

SHIFT = 0.05  # m that the target is moved
SECONDS = 0.3  # in which somebody moves it
WHEN = (0.2, 0.7)  # share of the time before the hand is there, when that begins
CAMERA = (0.01, 2.0)  # m and degrees that the camera is elsewhere than the robot believes
FRICTION = 0.4
MASS = 0.6  # kg
_APART = 0.03  # m that stays between the target and what stands about
_REACH = (0.3, 0.72)  # m from the arm's base between which the target is moved to


class Disturbance:
    """Nothing at all; what disturbs overrides one of the methods.

    Args:
        target: name of the object that is asked for.
        rng: chance of the episode's own.

    Attributes:
        needs_loose: it does nothing to what is fastened to the table.
        happened: whether anything was disturbed.
    """

    needs_loose = True

    def __init__(self, target: str, rng: np.random.Generator) -> None:
        self.target, self.rng = target, rng
        self.happened = True

    def prepare(self, scene: Scene) -> Scene:
        """The scene as it is built."""
        return scene

    def see(self, observation: RgbdObservation) -> RgbdObservation:
        """What the robot gets of an image."""
        return observation

    def act(self, world: World, share: float) -> bool:
        """Do something before the hand is there, at a ``share`` of the time until then.

        Returns:
            whether anything was moved.
        """
        return False

    def _change(self, scene: Scene, change: Callable[[SceneObject], SceneObject]) -> Scene:
        objects = (change(item) if item.name == self.target else item for item in scene.objects)
        return replace(scene, objects=tuple(objects))


class Moved(Disturbance):
    """Somebody moves the target by 5 cm while the arm is on its way."""

    def __init__(self, target: str, rng: np.random.Generator) -> None:
        super().__init__(target, rng)
        self.happened = False  # where there is no room, it is not moved
        self._begin = float(rng.uniform(*WHEN))
        self._since: float | None = None  # s, when it began
        self._start = np.eye(4)
        self._way = np.zeros(3)

    def act(self, world: World, share: float) -> bool:
        if share < self._begin:
            return False
        if self._since is None:
            self._since, self._start = world.time, world.object_poses()[self.target]
            self._way = self._free_way(world)
        done = (world.time - self._since) / SECONDS
        if done > 1.5 or not self._way.any():
            return False
        T = self._start.copy()
        T[:3, 3] += min(done, 1.0) * self._way
        world.set_object_pose(self.target, T)
        self.happened = True
        return True

    def _free_way(self, world: World) -> FloatArray:
        """(3,) m, in a direction where nothing stands and the arm reaches; 0: there is none."""
        poses = world.object_poses()
        at = self._start[:2, 3]
        own = world.scene.object(self.target).footprint
        for angle in self.rng.uniform(-np.pi, np.pi, 32):
            way = SHIFT * np.array([np.cos(angle), np.sin(angle)])
            # It must not run into anything on its way either.
            path = at + np.linspace(0.0, 1.0, 6)[:, None] * way
            room = min(
                (
                    np.linalg.norm(path - poses[item.name][:2, 3], axis=1).min()
                    - item.footprint
                    - own
                    for item in world.scene.objects
                    if item.name != self.target
                ),
                default=np.inf,
            )
            if room >= _APART and _REACH[0] < np.linalg.norm(path[-1]) < _REACH[1]:
                return np.append(way, 0.0)
        return np.zeros(3)


class Displaced(Disturbance):
    """The camera is 1 cm and 2 degrees elsewhere than the robot believes."""

    needs_loose = False

    def __init__(self, target: str, rng: np.random.Generator) -> None:
        super().__init__(target, rng)
        shift, turn = rng.standard_normal(3), rng.standard_normal(3)
        self._error = make_transform(
            Rotation.from_rotvec(np.deg2rad(CAMERA[1]) * turn / np.linalg.norm(turn)).as_matrix(),
            CAMERA[0] * shift / np.linalg.norm(shift),
        )

    def see(self, observation: RgbdObservation) -> RgbdObservation:
        return replace(observation, T_world_camera=observation.T_world_camera @ self._error)


class Slippery(Disturbance):
    """The target has half the friction."""

    def prepare(self, scene: Scene) -> Scene:
        return self._change(scene, lambda item: replace(item, friction=FRICTION))


class Heavy(Disturbance):
    """The target weighs three times as much."""

    def prepare(self, scene: Scene) -> Scene:
        return self._change(scene, lambda item: replace(item, mass=MASS))


DISTURBANCES: dict[str, type[Disturbance]] = {
    "moved": Moved,
    "camera": Displaced,
    "slippery": Slippery,
    "heavy": Heavy,
}
