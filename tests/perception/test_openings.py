"""Panels with a handle: which way they move, how far open they are, which is meant."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from unihm.control.verification import verify_opening
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.opening_scenes import OVER_THE_SHOULDER
from unihm.perception import Planner, Segmenter
from unihm.perception.scene import read_scene
from unihm.perception.scene.openings import find_openings
from unihm.robots import load_hand
from unihm.sim import World
from unihm.sim.scene import Scene, SceneObject
from unihm.tokenizer.pinches import decode_pinch, encode_pinch
from unihm.transforms import is_rigid
from unihm.types import Phase, RgbdObservation, TaskKind

pytestmark = pytest.mark.render

KINDS = {"drawer": "drawer", "cabinet": "door", "lidded_box": "lid"}


def world_of(*items: SceneObject) -> World:
    return World(Scene(camera=OVER_THE_SHOULDER, objects=items), "xhand")


@cache
def closed_drawer() -> RgbdObservation:
    return world_of(thing("drawer")).observe()


def thing(kind: str, opened: float = 0.0, turn: float = 0.1) -> SceneObject:
    return SceneObject(
        name="thing",
        articulated=kind,
        position=(0.64, -0.02),
        rpy=(0.0, 0.0, np.pi + turn),
        color="white",
        mass=0.2,
        opened=opened,
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("opened", [0.0, 0.12, 0.25])
def test_the_joint_is_estimated_from_the_image(kind, opened):
    world = world_of(thing(kind, opened))
    observation = world.observe()
    (opening,) = find_openings(read_scene(observation), observation)
    assert opening.looks_like() == KINDS[kind]
    assert is_rigid(opening.T_world_handle)
    joint = world.scene.object("thing").mechanism.joint
    R = world.object_poses()["thing"][:3, :3]
    screw = opening.screw(KINDS[kind])
    assert screw.axis @ (R @ joint.axis) > np.cos(0.1)
    assert opening.opened(KINDS[kind]) == pytest.approx(opened * joint.limit, abs=0.1 * joint.limit)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("open the lid", "I see a drawer with a handle"),
        ("close the drawer", "closed already"),
        ("open the bottle", "I cannot open a bottle"),
        ("open the drawer by 30 degrees", "does not turn"),
        ("open the drawer 120 %", "more than all the way"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(sentence, words):
    observation = closed_drawer()
    with pytest.raises(UnihmError, match=words):
        Planner().plan(observation, sentence)


def test_what_has_no_handle_is_refused():
    box = SceneObject(name="box", shape="box", size={"x": 0.2, "y": 0.2, "z": 0.1}, color="red")
    with pytest.raises(UnihmError, match="I see no handle") as caught:
        Planner().plan(world_of(box).observe(), "open the red box")
    assert caught.value.code == ErrorCode.OBJECT_NOT_FOUND


def test_how_far_is_obeyed():
    observation = closed_drawer()
    planner = Planner()

    def way(sentence: str) -> float:
        poses = planner.plan(observation, sentence).trajectory.T_world_object
        return float(np.linalg.norm(poses[-1][:3, 3] - poses[0][:3, 3]))

    whole = way("open the drawer all the way")
    assert way("open the drawer") == pytest.approx(whole)
    assert way("open the drawer halfway") == pytest.approx(whole / 2, rel=0.02)
    assert way("open the drawer a little") == pytest.approx(whole / 4, rel=0.02)
    assert way("open the drawer by 5 cm") == pytest.approx(0.05, abs=1e-6)
    assert way("open the drawer by two inches") == pytest.approx(0.0508, abs=1e-6)
    assert way("open the drawer as far as it goes") == pytest.approx(whole)
    for words, share in (
        ("a third of the way", 1 / 3),
        ("two thirds", 2 / 3),
        ("three quarters of the way", 0.75),
        ("50 %", 0.5),
        ("60 percent", 0.6),
    ):
        assert way(f"open the drawer {words}") == pytest.approx(share * whole, rel=0.02)


@pytest.mark.parametrize("opened", [0.0, 0.25])
@pytest.mark.parametrize(
    ("words", "degrees", "absolute"),
    [("by 30 degrees", 30.0, False), ("to 60°", 60.0, True), ("by forty degrees", 40.0, False)],
)
def test_what_turns_is_told_in_degrees(opened, words, degrees, absolute):
    observation = world_of(thing("lidded_box", opened)).observe()
    (opening,) = find_openings(read_scene(observation), observation)
    poses = Planner().plan(observation, f"open the lid {words}").trajectory.T_world_object
    turned = np.arccos((np.trace(poses[-1][:3, :3] @ poses[0][:3, :3].T) - 1) / 2)
    before = opening.opened("lid") if absolute else 0.0
    assert np.degrees(turned) == pytest.approx(degrees - np.degrees(before), abs=0.5)


def test_a_length_is_the_way_of_the_handle():
    observation = world_of(thing("lidded_box")).observe()
    poses = Planner().plan(observation, "open the lid by 5 cm").trajectory.T_world_object
    way = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).sum()
    assert way == pytest.approx(0.05, abs=0.002)


def test_the_segmentation_gives_the_bar_and_what_is_around_it():
    observation = closed_drawer()
    plan = Planner().plan(observation, "open the drawer")
    assert plan.trajectory.kind == TaskKind.OPEN_CLOSE
    segmentation = Segmenter().segment(observation, plan.trajectory, plan.scene)
    assert np.ptp(segmentation.cloud.points[:, 1]) == pytest.approx(0.10, abs=0.012)
    assert segmentation.cloud.around[:, 0].max() > -0.05  # the panel is near
    assert 100 < segmentation.mask.sum() < 2000


@pytest.mark.parametrize("hand", ["xhand", "allegro", "panda_gripper"])
def test_a_pinch_has_the_bar_between_thumb_and_fingers(hand):
    observation = closed_drawer()
    trajectory = Planner().plan(observation, "open the drawer").trajectory
    motion = decode_pinch(encode_pinch(0, 30, 180, 0.012, trajectory), load_hand(hand), trajectory)
    pads, _ = load_hand(hand).fingertips(motion.joints[trajectory.contact])
    in_object = pads @ motion.T_object_wrist[trajectory.contact][:3, :3].T
    in_object += motion.T_object_wrist[trajectory.contact][:3, 3]
    names = load_hand(hand).finger_names
    thumb, finger = in_object[names.index("thumb")], in_object[names.index("index")]
    assert np.linalg.norm((thumb + finger)[[0, 2]]) / 2 < 0.012
    assert np.linalg.norm((thumb - finger)[[0, 2]]) < 0.03
    still = trajectory.phase == Phase.HOLD
    assert np.ptp(motion.T_object_wrist[still], axis=0).max() < 1e-9


def test_the_verdict_looks_how_far_it_moved():
    world = world_of(thing("drawer"))
    before = world.observe()
    trajectory = Planner().plan(before, "open the drawer").trajectory
    for opened, done in ((0.0, False), (0.4, False), (0.88, True)):
        world.set_opening("thing", opened)
        verdict = verify_opening(trajectory, before, world.observe())
        assert verdict.held == done
        assert verdict.held or verdict.code == ErrorCode.NOT_DONE
