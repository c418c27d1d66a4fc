"""Many grasps of one object: what is shown to the generator, and which is taken."""

import dataclasses

import numpy as np
import pytest
from grasp_cases import HAND, box, grab, with_arm
from unihm.errors import ErrorCode, UnihmError
from unihm.generator import View
from unihm.grasps import chooser as module
from unihm.grasps import grasp_views
from unihm.grasps.chooser import alike
from unihm.pipeline import wrist_at_home
from unihm.refinement import refine_batch
from unihm.robots import load_hand
from unihm.transforms import from_xyz_rpy, make_transform
from unihm.types import ObjectCloud, Task, TaskKind

TASK = Task("t", "pick up the red box", "xhand")


def choose(chooser, cloud, trajectory, **others):
    wrist = wrist_at_home(HAND)
    return chooser.choose(TASK, trajectory, cloud, HAND.open_joints, wrist, **others)


@pytest.mark.parametrize(
    ("size", "turns"),
    [
        ((0.12, 0.05, 0.05), {0, 180, 90, -90}),
        ((0.06, 0.06, 0.05), {0, 180, 90, -90}),
    ],
)
def test_an_object_is_seen_from_all_its_sides(size, turns):
    cloud = box(*size)
    views = grasp_views(cloud, grab(cloud), HAND, 20)
    assert {view.turn for view in views} == turns
    assert views[0].words == "as generated"
    assert not any(view.sideways for view in views)
    np.testing.assert_array_equal(views[0].T_object_frame, np.eye(4))
    assert len({tuple(view.T_object_frame.ravel().round(6)) for view in views}) == len(views)


def test_a_tall_object_is_taken_from_the_side_too():
    cloud = box(0.05, 0.05, 0.15)
    views = grasp_views(cloud, grab(cloud), HAND, 20)
    side = next(view for view in views if view.sideways)
    assert "from the side" in side.words
    # The frame's x, along which a lying object is long, is nearly vertical.
    assert abs(side.T_object_frame[2, 0]) > 0.9
    left = grasp_views(cloud, grab(cloud), load_hand("xhand_left"), 20)
    other = next(view for view in left if view.sideways)
    assert np.sign(other.T_object_frame[2, 0]) == -np.sign(side.T_object_frame[2, 0])


def test_a_push_comes_from_one_side_with_the_forearm_above_it_or_beside(chooser):
    cloud = box(0.05, 0.05, 0.08)
    course = grab(cloud, kind=TaskKind.PUSH)
    found = chooser.candidates(
        Task("t", "push the red box away", "xhand"),
        course,
        cloud,
        HAND.open_joints,
        wrist_at_home(HAND),
        most=10,
    )
    way, aside = np.eye(3)[0], np.eye(3)[1]
    fingers = []
    for candidate in found:
        T_world_palm = candidate.motion.T_world_wrist[course.contact] @ HAND.T_wrist_palm
        assert (T_world_palm[:3, 3] - course.T_world_object[0, :3, 3]) @ way < 0  # behind it
        assert T_world_palm[:3, 2] @ way > 0.8
        assert candidate.measures.pushes
        fingers.append(T_world_palm[:3, 0] @ aside)
    assert min(fingers) < -0.4
    assert max(fingers) > 0.4
    assert found[0].measures.sound  # though no thumb holds anything


def test_the_same_view_of_a_turned_object_gives_the_same_tokens(chooser):
    cloud = box(0.12, 0.05, 0.05)
    T = from_xyz_rpy([0, 0, 0], [0, 0, 2.0])
    turned = ObjectCloud(cloud.points @ T[:3, :3].T, cloud.normals @ T[:3, :3].T)
    wrist = make_transform(np.eye(3), [0.1, -0.2, 0.4])
    joints, course = HAND.open_joints, grab(cloud)
    plain = chooser.generator.generate(TASK, course, cloud, joints, wrist)
    (seen,) = chooser.generator.generate_views(TASK, course, [View(T, turned)], joints, T @ wrist)
    np.testing.assert_array_equal(seen.codes, plain.codes)
    there, here = (chooser.generator.tokenizer.decode(t, "xhand", course) for t in (seen, plain))
    np.testing.assert_allclose(there.T_object_wrist, T @ here.T_object_wrist, atol=1e-9)


def test_the_first_that_the_arm_can_carry_out_is_taken(chooser):
    cloud = box(0.10, 0.05, 0.06)
    course = grab(cloud)
    found = chooser.candidates(TASK, course, cloud, HAND.open_joints, wrist_at_home(HAND))
    sound = [c.measures.sound for c in found]
    assert sound[0]
    assert sound == sorted(sound, reverse=True)
    best = choose(chooser, cloud, course)
    second = choose(with_arm(chooser, 2), cloud, course)  # asked for the usual one twice
    assert not alike(best.motion, second.motion)


def test_unreachable_is_said_of_all_of_them(chooser):
    cloud = box(0.10, 0.05, 0.06)
    with pytest.raises(UnihmError, match="None of 4 grasps can be reached") as error:
        choose(with_arm(chooser, 5), cloud, grab(cloud))
    assert error.value.code == ErrorCode.UNREACHABLE


def test_another_try_is_another_grasp(chooser):
    cloud = box(0.10, 0.05, 0.06)
    course, tried = grab(cloud), []
    for _ in range(2):
        chosen = choose(chooser, cloud, course, tried=tried)
        assert not any(alike(chosen.motion, old) for old in tried)
        tried.append(chosen.motion)
    assert choose(with_arm(chooser, 3), cloud, course, tried=tried) is not None


def test_a_neighbour_is_not_touched(chooser):
    cloud = box(0.10, 0.05, 0.06)
    course = grab(cloud)
    free = choose(chooser, cloud, course)
    # A wall where the chosen grasp's palm would be.
    wall = free.motion.T_object_wrist[course.contact, :3, 3]
    beside = dataclasses.replace(cloud, around=wall + 0.03 * (box(1, 1, 1, 0.1).points))
    found = chooser.candidates(TASK, course, beside, HAND.open_joints, wrist_at_home(HAND))
    same = next(c for c in found if alike(c.motion, free.motion))
    assert same.measures.around < 0
    assert same.measures.cost > free.measures.cost + 1
    assert same.measures.collides
    order = [(not c.measures.sound, c.measures.collides) for c in found]
    assert order == sorted(order)


def test_the_warm_up_is_a_whole_search(chooser, monkeypatch):
    """What a first search among many takes of time and memory is taken before anybody waits."""
    searched = []

    def refine(motions, *others):
        searched.append(len(motions))
        return refine_batch(motions, *others)

    monkeypatch.setattr(module, "refine_batch", refine)
    chooser.warm_up()
    assert searched == [chooser.config.candidates]
