"""The arm's ways keep clear of what is seen."""

from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial import cKDTree
from unihm.control.config import ControlConfig
from unihm.control.transit import TransitPlanner, obstacles, what_stands
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.collision import CollisionModel
from unihm.transforms import FloatArray, apply, make_transform
from unihm.types import ObjectCloud, TaskKind

ARM, HAND = load_arm(), load_hand("xhand")
MODEL = CollisionModel(ARM, HAND)
NOTHING = np.zeros((0, 3))


def over(x: float, y: float, z: float) -> FloatArray:
    """A posture with the wrist there and the fingers down."""
    return ARM.solve(make_transform(ARM.forward(ARM.home)[:3, :3], [x, y, z]), ARM.home)


def wall(x: tuple[float, float], y: tuple[float, float], height: float) -> FloatArray:
    """(N, 3) metres: the points of an upright box, as a camera that sees all of it has them."""
    grid = np.meshgrid(
        np.arange(*x, 0.02), np.arange(*y, 0.02), np.arange(0.01, height, 0.02), indexing="ij"
    )
    return np.stack(grid, axis=-1).reshape(-1, 3)


def all_along(start: FloatArray, paths: list[FloatArray]) -> FloatArray:
    postures = [start[None]]
    for path in paths:
        assert path[0] == pytest.approx(postures[-1][-1])
        for a, b in pairwise(path):
            postures.append(a + np.linspace(0.0, 1.0, 30)[1:, None] * (b - a))
    return np.concatenate(postures)


@pytest.fixture
def planner() -> TransitPlanner:
    return TransitPlanner(ARM, HAND, ControlConfig())


LEFT, RIGHT = over(0.5, 0.3, 0.25), over(0.5, -0.3, 0.25)
WALL = wall((0.40, 0.75), (-0.04, 0.04), 0.40)


def test_where_nothing_stands_it_goes_up_across_and_down(planner: TransitPlanner) -> None:
    paths = planner.path(LEFT, RIGHT, HAND.open_joints, NOTHING)
    assert paths[-1][-1] == pytest.approx(RIGHT)
    low = wall((0.45, 0.50), (-0.02, 0.02), 0.06)
    for one, other in zip(paths, planner.path(LEFT, RIGHT, HAND.open_joints, low)):
        np.testing.assert_array_equal(one, other)


def test_past_a_wall_that_is_higher_than_the_safe_height(planner: TransitPlanner) -> None:
    usual = all_along(LEFT, planner.path(LEFT, RIGHT, HAND.open_joints, NOTHING))
    assert MODEL.room(usual, HAND.open_joints, cKDTree(WALL)).min() < 0.0
    paths = planner.path(LEFT, RIGHT, HAND.open_joints, WALL)
    way = all_along(LEFT, paths)
    assert way[-1] == pytest.approx(RIGHT)
    assert MODEL.room(way, HAND.open_joints, cKDTree(WALL)).min() > 0.01
    gaps = MODEL.clearance(way, np.tile(HAND.open_joints, (len(way), 1)))
    assert min(gaps.table_arm.min(), gaps.table_hand.min(), gaps.itself.min()) > -1e-3
    assert (way >= ARM.limits.lower).all()
    assert (way <= ARM.limits.upper).all()


def test_the_same_way_each_time(planner: TransitPlanner) -> None:
    ways = [planner.path(LEFT, RIGHT, HAND.open_joints, WALL) for _ in range(2)]
    np.testing.assert_array_equal(np.concatenate(ways[0]), np.concatenate(ways[1]))


def test_where_there_is_no_way_it_says_so(planner: TransitPlanner) -> None:
    T = ARM.forward(RIGHT)
    box = np.stack(np.meshgrid(*[np.linspace(-1.0, 1.0, 30)] * 3), axis=-1).reshape(-1, 3)
    shell = box[np.abs(box).max(axis=1) > 0.99] * 0.35
    with pytest.raises(UnihmError, match="no way") as error:
        planner.path(LEFT, RIGHT, HAND.open_joints, T[:3, 3] + shell)
    assert error.value.code == ErrorCode.UNREACHABLE


def test_what_is_at_the_end_of_the_way_is_let_alone(planner: TransitPlanner) -> None:
    T_world_wrist = ARM.forward(RIGHT) @ HAND.T_flange_wrist
    fingertip = apply(T_world_wrist, HAND.fingertips(HAND.open_joints)[0])[0]
    held = fingertip + np.array([[0.0, 0.0, 0.0], [0.2, 0.2, 0.0]])
    left = obstacles(MODEL, LEFT, RIGHT, HAND.open_joints, held)
    np.testing.assert_allclose(left, held[1:])
    assert planner.path(LEFT, RIGHT, HAND.open_joints, held[:1])


def test_what_is_carried_stands_at_its_place_and_all_else_where_it_was() -> None:
    trajectory = make_trajectory(
        TaskKind.GRAB, make_transform(np.eye(3), [0.4, 0.0, 0.0]), np.zeros(3)
    )
    cloud = ObjectCloud(np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]]), around=np.ones((2, 3)))
    things = what_stands(trajectory, cloud, -1)
    np.testing.assert_allclose(things[0], trajectory.T_world_object[-1][:3, 3])
    np.testing.assert_allclose(things[1:], [[1.4, 1.0, 1.0]] * 2)
    assert what_stands(trajectory, None, 0).shape == (0, 3)


@pytest.mark.parametrize("described", ["hand", "arm", "neither"])
def test_what_is_described_by_meshes_alone_is_not_seen(described: str) -> None:
    arm, hand = copy.copy(ARM), copy.copy(HAND)
    if described != "arm":
        arm.shapes = ()
    if described != "hand":
        hand.shapes = ()
    paths = TransitPlanner(arm, hand, ControlConfig()).path(LEFT, RIGHT, hand.open_joints, WALL)
    assert paths[-1][-1] == pytest.approx(RIGHT)
