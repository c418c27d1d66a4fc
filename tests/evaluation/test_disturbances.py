"""What a benchmark does to the robot's world."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from unihm.evaluation.disturbances import DISTURBANCES, SHIFT, Moved
from unihm.sim.scene import Scene, SceneObject
from unihm.sim.still import T_WORLD_CAMERA, K, see_boxes
from unihm.transforms import invert
from unihm.types import RgbdObservation

BOX = SceneObject("box", "box", size={"x": 0.05, "y": 0.05, "z": 0.1}, position=(0.5, 0.0))
OTHER = SceneObject("other", "box", size={"x": 0.05, "y": 0.05, "z": 0.1}, position=(0.5, 0.14))
SCENE = Scene(name="two", objects=(BOX, OTHER))


class World:
    """One that only keeps poses."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.time = scene, 0.0
        self.poses = {item.name: item.T_world_object for item in scene.objects}

    def object_poses(self) -> dict[str, np.ndarray]:
        return {name: T.copy() for name, T in self.poses.items()}

    def set_object_pose(self, name: str, T: np.ndarray) -> None:
        self.poses[name] = T


@pytest.mark.parametrize("seed", range(10))
def test_the_target_is_moved_once_and_into_nothing(seed: int) -> None:
    world = World(SCENE)
    moved = Moved("box", np.random.default_rng(seed))
    acted = []
    for step in range(200):
        world.time += 0.01
        acted.append(moved.act(world, step / 200))
        between = world.poses["box"][:2, 3] - world.poses["other"][:2, 3]
        assert np.linalg.norm(between) > BOX.footprint + OTHER.footprint
    way = world.poses["box"][:3, 3] - BOX.T_world_object[:3, 3]
    assert np.linalg.norm(way) == pytest.approx(SHIFT)
    assert way[2] == 0.0
    assert moved.happened
    assert [acted[0], acted[-1]] == [False, False]  # neither at once nor for ever


def test_nothing_is_moved_where_there_is_no_room() -> None:
    ring = [
        SceneObject(
            f"{k}",
            "box",
            size={"x": 0.05, "y": 0.05, "z": 0.1},
            position=(0.5 + 0.1 * np.cos(k), 0.1 * np.sin(k)),
        )
        for k in range(7)
    ]
    world = World(SimpleNamespace(object=lambda name: BOX, objects=(BOX, *ring)))
    moved = Moved("box", np.random.default_rng(0))
    assert not any(moved.act(world, share) for share in np.linspace(0, 1, 50))
    assert not moved.happened


def test_the_camera_is_elsewhere_than_the_robot_believes() -> None:
    rgb, depth = see_boxes()
    seen = RgbdObservation(rgb, depth, K, T_WORLD_CAMERA)
    T = (
        invert(T_WORLD_CAMERA)
        @ DISTURBANCES["camera"]("box", np.random.default_rng(3)).see(seen).T_world_camera
    )
    assert np.linalg.norm(T[:3, 3]) == pytest.approx(0.01)
    assert np.degrees(np.arccos((np.trace(T[:3, :3]) - 1) / 2)) == pytest.approx(2.0)


def test_only_the_target_is_slippery_or_heavy() -> None:
    rng = np.random.default_rng(0)
    box, other = DISTURBANCES["slippery"]("box", rng).prepare(SCENE).objects
    assert (box.friction, other.friction) == (0.4, 0.8)
    box, other = DISTURBANCES["heavy"]("box", rng).prepare(SCENE).objects
    assert (box.mass, other.mass) == (0.6, 0.2)
