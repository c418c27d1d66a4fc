"""Grasps as they were asked for in words, or a sentence that says why not."""

import dataclasses

import numpy as np
import pytest
from grasp_cases import HAND, box, grab, with_arm
from unihm.errors import ErrorCode, UnihmError
from unihm.grasps.parts import find_part
from unihm.pipeline import wrist_at_home
from unihm.types import ObjectCloud, Task


def joined(*clouds: ObjectCloud) -> ObjectCloud:
    return ObjectCloud(
        np.concatenate([c.points for c in clouds]), np.concatenate([c.normals for c in clouds])
    )


def moved(cloud: ObjectCloud, *by: float) -> ObjectCloud:
    return dataclasses.replace(cloud, points=cloud.points + by)


def can(radius: float, height: float) -> ObjectCloud:
    angle, z = np.meshgrid(np.linspace(0, 2 * np.pi, 60, False), np.arange(0, height, 0.004))
    normals = np.stack([np.cos(angle), np.sin(angle), 0 * z], -1).reshape(-1, 3)
    return ObjectCloud(radius * normals + [0, 0, 1] * z.reshape(-1, 1), normals)


MUG = joined(can(0.04, 0.09), moved(box(0.03, 0.01, 0.06), 0.055, 0.0, 0.045))
HAMMER = joined(box(0.18, 0.024, 0.024), moved(box(0.03, 0.10, 0.03), 0.09, 0.0, 0.0))


def ask(chooser, cloud, words):
    task = Task("t", f"pick up the object {words}", "xhand")
    return chooser.choose(task, grab(cloud), cloud, HAND.open_joints, wrist_at_home(HAND))


def test_a_handle_sticks_out_of_a_mug_or_is_the_narrow_stretch():
    mug = find_part(MUG, "thin")
    assert MUG.points[mug, 0].min() > 0.035
    hammer = find_part(HAMMER, "thin")
    assert HAMMER.points[hammer, 0].max() < 0.09
    assert np.ptp(HAMMER.points[hammer, 0]) > 0.05


def test_what_has_no_handle_has_none():
    assert find_part(box(0.06, 0.06, 0.08), "thin") is None
    assert find_part(can(0.04, 0.09), "thin") is None


def test_top_and_bottom_middle_and_end():
    cloud = box(0.12, 0.05, 0.10)
    assert cloud.points[find_part(cloud, "top"), 2].min() > 0
    assert cloud.points[find_part(cloud, "bottom"), 2].max() < 0
    assert np.abs(cloud.points[find_part(cloud, "middle"), 0]).max() < 0.03
    assert np.abs(cloud.points[find_part(cloud, "end"), 0]).min() > 0.03


def test_the_hand_comes_from_where_it_is_asked_to(chooser):
    cloud = box(0.05, 0.05, 0.16)
    assert ask(chooser, cloud, "from the side").measures.above < 40
    assert ask(chooser, cloud, "from above").measures.above > 40


def test_what_cannot_be_done_is_said(chooser):
    cloud = box(0.06, 0.06, 0.08)
    with pytest.raises(UnihmError, match="nothing to take it by the handle") as error:
        ask(chooser, cloud, "by the handle")
    assert error.value.code == ErrorCode.OBJECT_NOT_FOUND
    with pytest.raises(UnihmError, match="with both hands") as error:
        ask(chooser, cloud, "with both hands")
    assert error.value.code == ErrorCode.INVALID_INSTRUCTION
    with pytest.raises(UnihmError, match="no grasp from the side: none of") as error:
        ask(with_arm(chooser, 9), box(0.05, 0.05, 0.16), "from the side")
    assert error.value.code == ErrorCode.UNREACHABLE
