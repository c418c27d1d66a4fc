"""What opens: built, moved, braked, locked, put back; and judged."""

from __future__ import annotations

import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.sim import World
from unihm.sim.articulated import ARTICULATED, make_articulated
from unihm.sim.scene import Scene, SceneObject
from unihm.sim.tasks import Track, judge_close, judge_open
from unihm.transforms import apply


def world_of(kind: str, **more: object) -> World:
    item = SceneObject(name="thing", articulated=kind, mass=0.2, **more)  # type: ignore[arg-type]
    return World(Scene(objects=(item,)), hand=None, render=False)


def push(world: World, force: float, steps: int = 200) -> float:
    """How far it opens under a force or torque at its joint."""
    built = world._articulated["thing"]
    before = world.openings()["thing"]
    for _ in range(steps):
        built.set_qf(np.array([force], np.float32))
        world.step()
    return world.openings()["thing"] - before


@pytest.mark.parametrize("kind", sorted(ARTICULATED))
def test_it_stays_where_it_is_and_dry_friction_holds_it(kind):
    world = world_of(kind, opened=0.3)
    world.step(250)
    assert world.openings()["thing"] == pytest.approx(0.3, abs=0.01)
    friction = world.scene.object("thing").mechanism.joint.friction
    assert abs(push(world, 0.3 * friction)) < 0.02
    assert push(world, 4 * friction + 0.5) > 0.1


def test_a_locked_drawer_does_not_move():
    assert abs(push(world_of("drawer", locked=True), 20.0)) < 0.01


def test_reset_and_restore_bring_the_joint_back():
    world = world_of("drawer", opened=0.2)
    world.set_opening("thing", 0.7)
    snapshot = world.snapshot()
    world.reset()
    assert world.openings()["thing"] == pytest.approx(0.2, abs=1e-3)
    world.restore(snapshot)
    assert world.openings()["thing"] == pytest.approx(0.7, abs=1e-3)


@pytest.mark.parametrize("kind", sorted(ARTICULATED))
def test_opening_takes_the_handle_away_from_the_body(kind):
    made = make_articulated(kind, {})
    handle = made.handle[0].T_object_part[:3, 3]
    joint = made.joint
    if joint.kind == "prismatic":
        way = np.asarray(joint.axis)
    else:
        way = np.cross(joint.axis, handle - joint.origin)
    out = [0, 0, 1] if kind == "lidded_box" else [1, 0, 0]
    assert way @ out > 0


def test_its_frame_is_the_middle_of_its_box():
    surface = make_articulated("cabinet", {"width": 0.3}).geometry.surface
    np.testing.assert_allclose(surface.bounds.sum(axis=0), 0, atol=1e-9)
    assert apply(np.eye(4), surface.vertices).max() > 0.1


@pytest.mark.parametrize(
    ("kind", "size", "words"),
    [
        ("safe", {}, "Nothing is called 'safe'"),
        ("drawer", {"colour": 1.0}, "no measure 'colour'"),
        ("drawer", {"width": -1.0}, "must be positive"),
        ("drawer", {"travel": 0.5}, "travels further than it is deep"),
    ],
)
def test_what_cannot_be_is_one_sentence(kind, size, words):
    with pytest.raises(UnihmError, match=words) as caught:
        make_articulated(kind, size)
    assert caught.value.code == ErrorCode.INVALID_SCENE


def track(*shares: float) -> Track:
    made = Track()
    for k, share in enumerate(shares):
        made.sample(0.1 * k, {"thing": np.eye(4)}, {"thing": share})
    return made


SCENE = Scene(objects=(SceneObject(name="thing", articulated="drawer"),))


def test_open_and_closed_are_shares_of_the_way():
    assert judge_open(track(0.0, 0.4, 0.9), SCENE, "thing").success
    assert judge_close(track(0.7, 0.4, 0.03), SCENE, "thing").success
    assert judge_open(track(0.0, 0.2, 0.3), SCENE, "thing").stage == "amount"
    assert judge_open(track(0.0, 0.0, 0.0), SCENE, "thing").stage == "grasp"
    assert judge_open(track(0.0, 0.9), SCENE, "thing", 0.2, 0.7).stage == "amount"
    assert judge_close(track(0.7, 0.9), SCENE, "thing").stage == "grasp"
