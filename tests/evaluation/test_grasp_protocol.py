"""Grasps under six gravities, their measures, and words compared with what touched."""

import json

import numpy as np
import pytest
from unihm.cli.main import main
from unihm.control.grasp_motion import Attempt
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.grasps.manner import manners, obeys
from unihm.evaluation.grasps.objects import (
    mesh_objects,
    part_objects,
    standing,
    unseen_objects,
)
from unihm.evaluation.grasps.protocol import (
    SixGravities,
    ferrari_canny,
    geometry,
    joint_entropies,
)
from unihm.learning.synthesis.grasp_sets import part_names
from unihm.learning.synthesis.grasps.grasp_kinds import GraspKind, KindSolver
from unihm.learning.synthesis.objects import sample_object
from unihm.learning.synthesis.part_objects import recipes_of
from unihm.robots import load_hand

HAND = load_hand("xhand")
CAN = recipes_of({"cylinder": {"radius": (0.0299, 0.03), "height": (0.0999, 0.1)}})


@pytest.fixture(scope="module")
def can():
    return sample_object(0, 0, CAN)


@pytest.fixture(scope="module")
def grasp(can) -> Attempt:
    found = KindSolver(can, part_names(can)).solve(HAND, GraspKind("", 0.0, 0.0, 0.0, 50.0, 0))
    assert found is not None
    return found[1]


def test_a_grasp_holds_from_six_sides_and_an_open_hand_from_none(can, grasp):
    trial = SixGravities("xhand", standing(can))
    held = trial.judge(grasp)
    assert held.success
    assert held.q1 > 0.05
    far = grasp.T_object_wrist.copy()
    far[2, 3] += 0.3
    away = Attempt(far, grasp.approach, grasp.open_joints, grasp.joints)
    dropped = trial.judge(away)
    assert not any(dropped.stable)
    assert dropped.penetration == 0.0
    assert dropped.q1 == 0.0


def test_what_is_too_deep_has_no_q1(can, grasp):
    deep = grasp.T_object_wrist.copy()
    deep[:3, 3] = [0.0, 0.0, 0.0]
    depth, q1 = geometry(HAND, Attempt(deep, grasp.approach, grasp.joints, grasp.joints), can.cloud)
    assert depth > 0.005
    assert q1 == 0.0


def test_q1_of_contacts_around_is_larger_than_of_two_and_none_of_one_side():
    angles = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    around = np.stack([np.cos(angles), np.sin(angles), 0.3 * np.cos(3 * angles)], -1)
    normals = around / np.linalg.norm(around, axis=1, keepdims=True)
    whole = ferrari_canny(0.03 * around, normals)
    assert whole > ferrari_canny(0.03 * around[::2], normals[::2]) > 0
    assert ferrari_canny(0.03 * around[:2], normals[:2]) == 0.0
    assert ferrari_canny(0.03 * around[:1], normals[:1]) == 0.0


def test_entropy_is_that_of_the_bins():
    unit = np.linspace(0.005, 0.995, 100)[:, None]
    joints = HAND.lower + unit * (HAND.upper - HAND.lower)
    np.testing.assert_allclose(joint_entropies(joints, HAND), np.log(100), atol=0.05)
    np.testing.assert_allclose(joint_entropies(joints[:1].repeat(9, 0), HAND), 0.0)


def test_words_are_compared_with_what_touched():
    item = next(o for o in part_objects(4, 3) if o.shape == "flask")
    names = part_names(item)
    assert {"by the neck", "from above", "with two fingers"} <= set(manners(names))
    neck, body = (item.cloud.points[names == part] for part in ("neck", "body"))
    assert obeys("by the neck", neck[:3], 3, 60.0, item, names)
    assert not obeys("by the neck", body[:3], 3, 60.0, item, names)
    assert obeys("by the top", neck[:3], 3, 60.0, item, names)
    assert not obeys("by the base", neck[:3], 3, 60.0, item, names)
    assert obeys("from the side", neck[:3], 3, 10.0, item, names)
    assert not obeys("from the side", neck[:3], 3, 60.0, item, names)
    assert obeys("with three fingers", neck[:3], 3, 60.0, item, names)
    assert not obeys("with two fingers", neck[:3], 3, 60.0, item, names)


def test_unseen_objects_are_the_same_again_and_stand_on_the_table():
    for one, other in zip(unseen_objects(9, 5), unseen_objects(9, 5)):
        np.testing.assert_array_equal(one.cloud.points, other.cloud.points)
        assert one.cloud.points[:, 2].min() + one.T_world_object[2, 3] == pytest.approx(0, abs=2e-3)


def test_a_folder_without_meshes_is_refused(tmp_path):
    with pytest.raises(UnihmError, match="no mesh") as error:
        mesh_objects(tmp_path)
    assert error.value.code == ErrorCode.INVALID_SCENE


@pytest.mark.slow
def test_the_command_writes_its_keys(tmp_path, capsys):
    path = tmp_path / "grasps.json"
    words = ["bench", "grasps", "--objects", "1", "--asked", "1", "--n", "1", "--hands", "xhand"]
    assert main([*words, "--json", str(path)]) == 0
    figures = json.loads(path.read_text())
    assert {
        "success",
        "q1",
        "penetration_mm",
        "entropy_mean",
        "manner_obeyed",
        "manner_shuffled",
        "ms_20_candidates",
    } <= set(figures)
    assert figures["manner_asked"] == 8
    assert "success" in capsys.readouterr().out
