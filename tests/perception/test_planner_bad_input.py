"""What no planner can do anything with ends in a code, whichever backend looks."""

import dataclasses

import numpy as np
import pytest
from rendered_scenes import make_item, render
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.planner import Planner


@pytest.fixture(scope="module", params=["geometric", "tiny"])
def planner(request):
    return Planner() if request.param == "geometric" else Planner.load(request.param)


def plan(planner, frame_or_observation, sentence):
    observation = getattr(frame_or_observation, "observation", frame_or_observation)
    return planner.plan(observation, sentence).trajectory


def code_of(planner, frame, sentence):
    with pytest.raises(UnihmError) as error:
        plan(planner, frame, sentence)
    assert error.value.message.endswith(".")
    return error.value.code


@pytest.fixture(scope="module")
def twins():
    return render(
        make_item("box", "red", 0.45, 0.20, x=0.06, y=0.045, z=0.10),
        make_item("box", "red", 0.45, -0.20, x=0.06, y=0.045, z=0.10),
        make_item("sphere", "blue", 0.60, 0.0, radius=0.035),
    )


@pytest.mark.parametrize("value", [np.nan, 0.0, 20.0])
def test_depth_without_content(planner, three, value):
    depth = np.full_like(three.observation.depth, value)
    blind = dataclasses.replace(three.observation, depth=depth)
    assert code_of(planner, blind, "pick up the red box") == ErrorCode.INVALID_DEPTH


def test_an_empty_table(planner):
    assert code_of(planner, render(), "pick up the red box") == ErrorCode.OBJECT_NOT_FOUND


@pytest.mark.parametrize("sentence", ["pick up the elephant", "grab the green piano please"])
def test_what_stands_on_no_table(planner, three, sentence):
    assert code_of(planner, three, sentence) == ErrorCode.OBJECT_NOT_FOUND


@pytest.mark.parametrize("sentence", ["", "xqzw vfgh jkkl", "what a lovely day", "pick up"])
def test_no_instruction(planner, three, sentence):
    assert code_of(planner, three, sentence) == ErrorCode.INVALID_INSTRUCTION


def test_two_identical_objects(planner, twins):
    assert code_of(planner, twins, "pick up the red box") == ErrorCode.OBJECT_AMBIGUOUS
    left = plan(planner, twins, "pick up the red box on the left")
    assert left.pick_point[1] > 0.1
    right = plan(planner, twins, "pick up the rightmost box")
    assert right.pick_point[1] < -0.1
    assert abs(plan(planner, twins, "pick up any red box").pick_point[1]) > 0.1


def test_ordinals_count_from_where_it_is_said(planner):
    row = render(
        *(
            make_item("box", "green", 0.5, y, x=0.05, y=0.05, z=0.08)
            for y in (0.24, 0.08, -0.08, -0.24)
        )
    )
    second = plan(planner, row, "pick up the second box from the left")
    assert second.pick_point[1] == pytest.approx(0.08, abs=0.04)
    third = plan(planner, row, "grab the third box from the right")
    assert third.pick_point[1] == pytest.approx(0.08, abs=0.04)
    fifth = code_of(planner, row, "grab the fifth box from the right")
    assert fifth == ErrorCode.OBJECT_NOT_FOUND


def test_an_object_cut_by_the_border_is_picked_where_it_is_seen(planner):
    """Half of the box is outside: the pick point is on the half that is not."""
    frame = render(
        make_item("box", "red", 0.45, 0.0, yaw=0.0, x=0.05, y=0.30, z=0.06), eye=(1.1, 0.45, 0.5)
    )
    labels = frame.labels
    assert (labels[:, [0, -1]] == 1).any() or (labels[[0, -1]] == 1).any() or labels.any()
    found = plan(planner, frame, "pick up the red box")
    surface = frame.items[0].world_mesh.sample(4000, seed=0)
    assert np.linalg.norm(surface - found.pick_point, axis=1).min() < 0.01


def test_a_mirror_is_no_extrinsic(three):
    with pytest.raises(UnihmError) as error:
        dataclasses.replace(three.observation, T_world_camera=np.diag([1.0, -1.0, 1.0, 1.0]))
    assert error.value.code == ErrorCode.INVALID_TRANSFORM


def test_intrinsics_of_another_resolution(three):
    half = three.observation
    with pytest.raises(UnihmError) as error:
        dataclasses.replace(half, rgb=half.rgb[:200, :300], depth=half.depth[:200, :300])
    assert error.value.code == ErrorCode.CAMERA_INFO_MISMATCH


def test_what_is_out_of_reach(planner):
    far = render(make_item("box", "red", 0.80, 0.25, x=0.06, y=0.06, z=0.06))
    assert code_of(planner, far, "pick up the red box") == ErrorCode.UNREACHABLE


def test_a_push_ends_before_the_next_object(planner):
    frame = render(
        make_item("box", "red", 0.45, 0.0, yaw=0.0, x=0.05, y=0.05, z=0.07),
        make_item("cylinder", "green", 0.45, 0.135, radius=0.03, height=0.1),
    )
    pushed = plan(planner, frame, "push the red box to the left").T_world_object[-1, 1, 3]
    assert 0.03 < pushed < 0.09
    away = plan(planner, frame, "push the red box to the right").T_world_object[-1, 1, 3]
    assert away == pytest.approx(-0.10, abs=0.015)
    blocked = render(
        make_item("box", "red", 0.45, 0.0, yaw=0.0, x=0.05, y=0.05, z=0.07),
        make_item("cylinder", "green", 0.45, 0.075, radius=0.03, height=0.1),
    )
    code = code_of(planner, blocked, "push the red box to the left")
    assert code == ErrorCode.UNREACHABLE


def test_specks_are_no_objects(planner):
    crumbs = [make_item("sphere", "red", 0.60, y, radius=0.007) for y in (-0.2, -0.1, 0.1)]
    box = make_item("box", "red", 0.45, 0.0, x=0.06, y=0.045, z=0.10)
    frame = render(box, *crumbs)
    middle = plan(planner, frame, "pick up the largest red thing").T_world_object[0, :2, 3]
    assert np.linalg.norm(middle - [0.45, 0.0]) < 0.02
    assert code_of(planner, frame, "pick up the blue mug") == ErrorCode.OBJECT_NOT_FOUND
