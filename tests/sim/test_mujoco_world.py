"""The world behaves alike in both engines, whose laws are the same."""

from __future__ import annotations

import numpy as np
import pytest
from unihm.cli.main import build_parser
from unihm.sim.bodies import sapien_to_pose
from unihm.sim.mujoco_world import ENGINES
from unihm.sim.scene import Scene, SceneObject
from unihm.sim.world import World
from unihm.transforms import FloatArray, from_xyz_rpy

mujoco = pytest.importorskip("mujoco", reason="the package mujoco is not installed")
pytestmark = pytest.mark.parametrize("engine", list(ENGINES))
GRAVITY = 9.81


def test_things_stay_where_they_stand_and_press_with_their_weight(engine: str) -> None:
    world = ENGINES[engine]("table", None, render=False)
    before = world.object_poses()
    world.step(500)
    for name, T in world.object_poses().items():
        assert np.allclose(T, before[name], atol=2e-4)
    pressing = {contact.bodies: contact.force for contact in world.contacts()}
    for item in world.scene.objects:
        if not item.fixed:
            pair = next(pair for pair in pressing if item.name in pair)
            up = 1.0 if pair[0] == item.name else -1.0
            assert up * pressing[pair][2] == pytest.approx(item.mass * GRAVITY, rel=0.05)


@pytest.mark.parametrize("hand", ["xhand", "inspire", "panda_gripper"])
def test_the_robot_goes_where_it_is_told_and_coupled_joints_follow(engine: str, hand: str) -> None:
    world = ENGINES[engine]("table", hand, render=False)
    robot = world.robot
    assert robot is not None
    arm = world.joint_state().position[:7] + 0.2
    world.set_arm_targets(arm)
    told = world.set_hand_targets(0.5 * (robot.lower + robot.upper)[7:])
    world.step(750)
    assert np.allclose(world.joint_state().position, [*arm, *told], atol=2e-3)
    q = robot.articulation.get_qpos()
    for coupling in robot.couplings:
        follows = coupling.multiplier * q[coupling.parent] + coupling.offset
        assert q[coupling.child] == pytest.approx(follows, abs=0.02)


@pytest.mark.parametrize(("pull", "slides"), [(4.0, False), (6.0, True)])
def test_friction_is_the_mean_of_two_materials(engine: str, pull: float, slides: bool) -> None:
    """0.2 on a table of 0.8: from 4.9 m/s^2 on it slides."""
    item = SceneObject("a box", shape="box", friction=0.2)
    world = ENGINES[engine](Scene(objects=(item,)), None, render=False)
    before = world.object_poses()["a box"][0, 3]
    world.step(250, {"a box": np.array([pull, 0.0, 0.0])})
    moved = world.object_poses()["a box"][0, 3] - before
    assert (moved > 0.05) == slides
    assert slides or moved < 2e-3


def center_of_mass(world: World, name: str) -> FloatArray:
    """(3,) of a thing, world."""
    body = world._bodies[name]
    return sapien_to_pose(body.entity.pose * body.cmass_local_pose)[:3, 3]


def test_what_is_thrown_flies_and_spins_by_the_laws_of_motion(engine: str) -> None:
    """Its frame is not its centre of mass: a mug, thrown while it lies."""
    item = SceneObject("a mug", shape="mug", position=(0.5, 0.0, 0.8), rpy=(1.2, 0.3, 0.0))
    world = ENGINES[engine](Scene(objects=(item,)), None, render=False)
    world.set_object_pose("a mug", from_xyz_rpy([0.5, 0.0, 0.8], [1.2, 0.3, 0.0]))
    start = world.snapshot()
    pose, _, _ = start.bodies["a mug"]
    start.bodies["a mug"] = (
        pose,
        np.array([0.3, 0, 1.0], np.float32),
        np.array([0, 0, 3.0], np.float32),
    )
    world.restore(start)
    center = center_of_mass(world, "a mug")
    world.step(100)
    now = center_of_mass(world, "a mug")
    fallen = np.array([0.3 * 0.2, 0.0, 0.2 - 0.5 * GRAVITY * 0.04])
    assert np.allclose(now - center, fallen, atol=3e-3)


def test_a_drawer_stays_as_far_open_as_it_is_put(engine: str) -> None:
    world = ENGINES[engine]("cupboard", None, render=False)
    for name in world.openings():
        world.set_opening(name, 0.5)
    world.step(250)
    for share in world.openings().values():
        assert share == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("command", ["grab", "tasks"])
def test_benchmarks_offer_every_engine(engine: str, command: str) -> None:
    options = build_parser().parse_args(["bench", command, "--simulator", engine])
    assert options.simulator == engine
