"""Grasps that should hold do hold: the whole control path in physics, with no learned part."""

import numpy as np
import pytest
from oracle import Oracle, grab_motion
from unihm.control.config import ControlConfig
from unihm.control.execution import plan_execution
from unihm.control.verification import verify_lift
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.rollout import Player
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.sim.scene import Scene, SceneObject
from unihm.sim.shapes import make_shape
from unihm.sim.world import World
from unihm.transforms import make_transform
from unihm.types import ObjectCloud

SHAPES = {
    "box": {"x": 0.05, "y": 0.05, "z": 0.10},
    "cylinder": {"radius": 0.03, "height": 0.12},
    "sphere": {"radius": 0.035},
}
PLACES = [(0.45, -0.12), (0.5, 0.1), (0.42, 0.0)]
ARM = Arm("fr3")


def lift(hand_name, shape, place, grasp, believed_shift=(0.0, 0.0)):
    """Carry the grasp out; returns metres risen, metres after another second, and the verdict."""
    hand, config = load_hand(hand_name), ControlConfig()
    body = SceneObject("target", shape=shape, size=SHAPES[shape], position=place, mass=0.25)
    world = World(Scene(objects=(body,)), hand=hand_name, render=False)
    start = world.object_poses()["target"][:3, 3]
    believed = make_transform(np.eye(3), start + np.array([*believed_shift, 0.0]))
    surface = make_shape(shape, SHAPES[shape]).surface
    points, faces = surface.sample(1000, return_index=True, seed=0)
    cloud = ObjectCloud(np.asarray(points), np.asarray(surface.face_normals[faces]))
    motion = grab_motion(hand, grasp, believed)
    plan = plan_execution(motion, hand, ARM, ARM.home, hand.open_joints, config, cloud)
    player = Player(world, ARM, hand, config)
    empty = player.sample()
    player.play(plan)
    risen = world.object_poses()["target"][2, 3] - start[2]
    player.wait(1.0)
    verdict = verify_lift(ARM, hand, empty, player.sample(), plan.squeeze)
    return risen, world.object_poses()["target"][2, 3] - start[2], verdict


def lift_within_reach(hand_name, shape, place, oracle):
    """The oracle knows nothing of the arm: take its first grasp that the arm gets to."""
    for _ in range(5):
        try:
            return lift(hand_name, shape, place, oracle.find((-20, 20)))
        except UnihmError as error:
            if error.code != ErrorCode.UNREACHABLE:
                raise
    raise AssertionError("none of five grasps is within reach")


@pytest.mark.slow
@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("hand_name", ["xhand", "inspire"])
def test_oracle_grasps_lift_and_the_robot_knows_it(hand_name, shape):
    oracle = Oracle(hand_name, make_shape(shape, SHAPES[shape]).surface, seed=3)
    for place in PLACES:
        risen, after, verdict = lift_within_reach(hand_name, shape, place, oracle)
        assert risen > 0.10
        assert after > 0.10
        assert verdict.held
        assert verdict.evidence["weight"] == pytest.approx(0.25 * 9.81, rel=0.2)


@pytest.mark.slow
def test_a_grasp_beside_the_object_is_noticed():
    oracle = Oracle("xhand", make_shape("box", SHAPES["box"]).surface, seed=3)
    risen, _, verdict = lift("xhand", "box", (0.5, 0.0), oracle.find((-20, 20)), (0.0, -0.15))
    assert risen < 0.01
    assert not verdict.held
