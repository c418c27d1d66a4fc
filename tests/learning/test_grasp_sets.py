"""Many grasps of one object: of many kinds, kept where they lift, labelled as measured."""

import json

import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.grasp_set import GraspSet, load_grasps
from unihm.learning.synthesis.grasp_sets import STEPS, part_names, produce_grasps
from unihm.learning.synthesis.grasps.grasp_kinds import GraspKind, KindSolver
from unihm.learning.synthesis.objects import sample_object
from unihm.learning.synthesis.part_objects import GRASP_RECIPES, PART_SIZES, recipes_of
from unihm.robots import load_hand
from unihm.robots.fingers import PALM, finger_joints, link_fingers
from unihm.transforms import apply

HAND = load_hand("xhand")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("grasps")
    produce_grasps(out, objects=2, seed=5, hands=("xhand",), workers=1)
    return out


def test_grasps_are_kept_with_labels_that_are_possible(folder):
    sets = list(load_grasps(folder))
    assert len(sets) == 2
    grasps = [grasp for some in sets for grasp in some.grasps]
    assert len(grasps) >= 3
    for some in sets:
        low, high = some.cloud.points.min(axis=0), some.cloud.points.max(axis=0)
        for grasp in some.grasps:
            assert grasp.fingers >= 2
            assert grasp.margin >= 1.0
            touching = np.isfinite(grasp.contacts[:, 0])
            assert (np.isfinite(grasp.forces) == touching).all()
            assert (grasp.contacts[touching] > low - 0.01).all()
            assert (grasp.contacts[touching] < high + 0.01).all()
            assert grasp.part in {"", *np.unique(some.names)}
            assert -90 <= grasp.above <= 90


def test_the_table_of_yields_counts_down(folder):
    summary = json.loads((folder / "grasps.json").read_text())
    for row in summary["yields"].values():
        counts = [row[step] for step in STEPS]
        assert counts == sorted(counts, reverse=True)
    total = sum(row["kept"] for row in summary["yields"].values())
    assert total == summary["grasps"] == sum(len(s.grasps) for s in load_grasps(folder))


def test_the_same_again_after_an_interruption(folder, tmp_path):
    produce_grasps(tmp_path, objects=1, seed=5, hands=("xhand",), workers=1)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"index": 1, "obj')  # killed while writing
    produce_grasps(tmp_path, objects=2, seed=5, hands=("xhand",), workers=1)
    for one, other in zip(load_grasps(folder), load_grasps(tmp_path)):
        assert [g.part for g in one.grasps] == [g.part for g in other.grasps]
        for a, b in zip(one.grasps, other.grasps):
            np.testing.assert_allclose(a.joints, b.joints, atol=1e-6)


def test_what_is_missing_or_damaged_is_said(tmp_path):
    with pytest.raises(UnihmError, match="no grasps in"):
        list(load_grasps(tmp_path))
    np.savez(tmp_path / "a-1-000000.npz", points=np.zeros((1, 3)))
    with pytest.raises(UnihmError, match="holds no grasps") as error:
        GraspSet.load(tmp_path / "a-1-000000.npz")
    assert error.value.code == ErrorCode.INVALID_EPISODE


def test_a_part_is_grasped_where_it_is():
    item = sample_object(1, 0, recipes_of({"vase": PART_SIZES["vase"]}))
    names = part_names(item)
    solver = KindSolver(item, names)
    assert solver.parts == ["body", "neck", "rim"]
    heights = {}
    for part in ("body", "rim"):
        found = solver.solve(HAND, GraspKind(part, 0.0, 0.0, 0.0, 50.0, 0))
        assert found is not None
        pads, _ = HAND.fingertips(found[1].joints)
        heights[part] = apply(found[1].T_object_wrist, pads)[:, 2].mean()
    assert heights["rim"] > heights["body"]


def test_two_fingers_come_from_the_side_and_the_others_stay_open():
    item = sample_object(5, 1, GRASP_RECIPES)
    kind = GraspKind("", -30.0, 25.0, 75.0, 50.0, 2)
    found = KindSolver(item, part_names(item)).solve(HAND, kind)
    assert found is not None
    grasp, attempt = found
    assert grasp.touching.tolist() == [True, True, False, False, False]
    for chain in finger_joints(HAND)[2:]:
        np.testing.assert_allclose(attempt.joints[chain], HAND.open_joints[chain], atol=0.3)
    assert abs(attempt.approach[2]) < 0.5 * np.linalg.norm(attempt.approach)


@pytest.mark.parametrize("name", ["xhand", "inspire", "allegro", "shadow", "leap", "human"])
def test_every_finger_has_links_and_the_palm_too(name):
    hand = load_hand(name)
    owners = link_fingers(hand)
    assert set(owners.values()) == {PALM, *range(len(hand.finger_names))}
    for number, tip in enumerate(hand.spec.fingertips):
        assert owners[tip.link] == number


def test_objects_with_parts_come_among_the_others():
    shapes = {sample_object(3, i, GRASP_RECIPES).shape for i in range(60)}
    assert len(shapes & set(PART_SIZES)) >= 5
    assert len(shapes - set(PART_SIZES)) >= 5
