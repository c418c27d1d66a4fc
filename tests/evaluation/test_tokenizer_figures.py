"""Figures of tokenizer and generator: right on cases that can be worked out by hand."""

import json

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from unihm.cli.main import main
from unihm.errors import UnihmError
from unihm.evaluation.generator import evaluate, mean_motion, motion_error, reconstructed
from unihm.evaluation.recordings import holding_pose, read_recordings
from unihm.evaluation.tokenizer import (
    code_use,
    fingertip_error,
    joint_positions,
    measure,
    reconstruction,
    translation,
    turns,
)
from unihm.learning.datasets.motion_file import read_motion, write_motion
from unihm.retargeting.keypoints import mirror, palm_frames
from unihm.robots import load_hand
from unihm.transforms import make_transform
from unihm.types import HandMotion
from unihm.visualization.hand_viewer import SPACING, HandViewer

HANDS = ("human", "xhand")


@pytest.fixture(scope="module")
def episodes(make_box_episodes):
    return make_box_episodes(60, HANDS, seed=2)


def moved(motion: HandMotion, T: np.ndarray) -> HandMotion:
    return HandMotion(motion.hand, motion.T_object_wrist @ T, motion.joints, motion.trajectory)


def test_a_shift_of_the_wrist_is_seen_in_every_figure(episodes):
    truth = episodes[0].motions["xhand"]
    shifted = moved(truth, make_transform(np.eye(3), [0.003, 0.0, 0.004]))
    np.testing.assert_allclose(fingertip_error(shifted, truth), 5.0, atol=1e-6)
    errors = motion_error(shifted, truth)
    assert errors["mpjpe_mm"] == pytest.approx(5.0)
    assert errors["fpl_cm"] == pytest.approx(0.5)
    assert errors["fol_deg"] == pytest.approx(0.0, abs=1e-3)
    assert errors["grasp_mm"] == pytest.approx(5.0)


def test_a_turn_of_the_wrist_is_in_degrees(episodes):
    truth = episodes[0].motions["human"]
    turn = Rotation.from_euler("x", 7.0, degrees=True).as_matrix()
    errors = motion_error(moved(truth, make_transform(turn, np.zeros(3))), truth)
    assert errors["fol_deg"] == pytest.approx(7.0)
    assert errors["fpl_cm"] == pytest.approx(0.0, abs=1e-9)
    assert errors["mpjpe_mm"] > 1.0


def test_more_codes_reconstruct_better(tokenizer, episodes):
    motions = [episode.motions["human"] for episode in episodes]
    one, three = (reconstruction(tokenizer, motions, levels)["mae"] for levels in (1, 3))
    assert three < one


def test_code_use_counts_what_occurs(tokenizer, episodes):
    motions = [episodes[0].motions["human"], *(e.motions[h] for e in episodes for h in HANDS)]
    encoded = [tokenizer.encode(motion) for motion in motions]
    one, all_of_them = code_use(tokenizer, encoded[:1]), code_use(tokenizer, encoded[1:])
    assert 0 < one["code_usage"] < all_of_them["code_usage"] <= 1
    assert one["tokens"] == len(episodes[0].trajectory) // 4


def test_translation_needs_both_hands(tokenizer, episodes):
    assert translation(tokenizer, episodes, "human", "inspire") == {}
    assert translation(tokenizer, episodes, "human", "xhand")["fingertip_mm"] > 0


def test_measure_has_the_promised_keys(tokenizer, episodes):
    figures = measure(tokenizer, episodes[:10])
    assert set(figures["hands"]) == set(HANDS)
    assert list(figures["translation_fingertip_mm"]) == ["xhand"]
    assert figures["mae"] == pytest.approx(np.mean([figures["hands"][h]["mae"] for h in HANDS]))
    assert [row["codes"] for row in figures["curve"]] == [1, 2, 3]
    assert figures["rmse"] >= figures["mae"] > 0
    assert figures["joint_mm"] == pytest.approx(figures["curve"][-1]["joint_mm"])
    assert len(figures["code_usage_of_level"]) == 3
    json.dumps(figures)


def test_joint_positions_of_the_same_joints_do_not_differ_wherever_the_wrist_is(episodes):
    truth = episodes[0].motions["xhand"]
    shifted = moved(truth, make_transform(np.eye(3), [0.1, 0.0, 0.0]))
    np.testing.assert_allclose(joint_positions(shifted), joint_positions(truth), atol=1e-12)
    bent = HandMotion("xhand", truth.T_object_wrist, truth.joints + 0.1, truth.trajectory)
    assert np.linalg.norm(joint_positions(bent) - joint_positions(truth), axis=-1).mean() > 1e-3


def test_only_a_gripper_does_not_turn():
    assert [hand for hand in ("human", "xhand", "panda_gripper") if not turns(hand)] == [
        "panda_gripper"
    ]


def test_recorded_keypoints_become_motions_at_the_place_of_a_grasp(episodes, tmp_path):
    human = load_hand("human")
    share = 0.5 - 0.5 * np.cos(np.linspace(0, 2 * np.pi, 60))[:, None]
    joints = human.open_joints + 0.7 * share * (human.closed_joints - human.open_joints)
    keypoints = np.array([human.keypoints(q) for q in joints])
    np.savez(tmp_path / "alone.npz", right=keypoints, left=mirror(keypoints))
    (alone,) = read_recordings(tmp_path / "alone.npz", HANDS, episodes)
    assert len(alone.trajectory) == 20
    palms = palm_frames(alone.keypoints, "right")
    place = np.broadcast_to(holding_pose(episodes), palms.shape)
    np.testing.assert_allclose(palms, place, atol=1e-6)

    ball = trimesh.creation.icosphere(2, 0.03)
    poses = np.tile(make_transform(np.eye(3), [0.09, 0.0, 0.06]), (60, 1, 1))
    poses[30:, 2, 3] += np.linspace(0, 0.1, 30)
    np.savez(
        tmp_path / "held.npz",
        keypoints=keypoints,
        object_vertices=ball.vertices,
        object_faces=ball.faces,
        object_poses=poses,
    )
    (held,) = read_recordings(tmp_path / "held.npz", HANDS, episodes)
    moved_up = held.trajectory.T_world_object[-1, 2, 3] - held.trajectory.T_world_object[0, 2, 3]
    assert moved_up == pytest.approx(0.1, abs=0.01)
    assert set(held.motions) == set(HANDS)

    np.savez(tmp_path / "left.npz", left=mirror(keypoints))
    with pytest.raises(UnihmError, match="right hand"):
        read_recordings(tmp_path / "left.npz", HANDS, episodes)


def test_mean_motion_holds_as_the_truth_where_all_motions_are_one(episodes):
    same = [episodes[0]] * 3
    method = mean_motion(same, HANDS)
    errors = evaluate(method, same, "xhand")
    assert errors["grasp_mpjpe_mm"] == pytest.approx(0.0, abs=1e-3)
    assert errors["grasp_deg"] == pytest.approx(0.0, abs=1e-1)


def test_reconstruction_bounds_the_mean_motion(tokenizer, episodes):
    kind = [e for e in episodes if len(e.trajectory) == 40]
    bound = evaluate(reconstructed(tokenizer), kind, "human")["grasp_mpjpe_mm"]
    assert bound < evaluate(mean_motion(kind, HANDS), kind, "human")["grasp_mpjpe_mm"]


def test_commands_bench_and_translate(tokenizer, episodes, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNIHM_WEIGHTS_DIR", str(tmp_path / "weights"))
    tokenizer.save(tmp_path / "weights" / "tiny")
    for episode in episodes:
        episode.save(tmp_path / "episodes")
    report = tmp_path / "report.json"
    command = ["bench", "tokenizer", "--episodes", str(tmp_path / "episodes")]
    assert main([*command, "--json", str(report)]) == 0
    figures = json.loads(report.read_text())
    assert {"mae", "rmse", "code_usage", "translation_fingertip_mm"} <= set(figures)
    source = tmp_path / "episodes" / f"{episodes[0].episode_id}.npz"
    out = tmp_path / "translated"
    command = ["translate", str(source), "--to", "xhand", "--out", str(out)]
    assert main(command) == 0
    assert (out / source.name).is_file()
    assert main([*command[:2], "--to", "leap"]) == 1
    assert "UNKNOWN_HAND" in capsys.readouterr().err

    alone, motion = tmp_path / "motion.npz", episodes[0].motions["human"]
    write_motion(alone, motion)
    assert main(["translate", str(alone), "--to", "xhand", "--codes", "1", "--out", str(out)]) == 0
    coarse = read_motion(out / "motion-xhand.npz")
    np.testing.assert_allclose(coarse.joints, tokenizer.translate(motion, "xhand", 1).joints)
    assert not np.allclose(coarse.joints, tokenizer.translate(motion, "xhand").joints, atol=1e-3)


def test_hands_are_shown_side_by_side(episodes):
    motions = [episodes[0].motions[hand] for hand in HANDS]
    page = HandViewer(motions, port=0)
    try:
        page.show(20)
        first, second = (
            next(handle for handle, _ in page.tracks if hand in handle.name) for hand in HANDS
        )
        wrists = [motion.T_object_wrist[20, :3, 3] for motion in motions]
        apart = np.array(second.position) - np.array(first.position)
        assert apart[0] == pytest.approx(SPACING + (wrists[1] - wrists[0])[0], abs=0.1)
    finally:
        page.close()
    shorter = episodes[1].motions["human"]
    if len(shorter) != len(motions[0]):
        with pytest.raises(UnihmError, match="equally long"):
            HandViewer([motions[0], shorter], port=0)
