"""Figures of tokenizer and generator: right on cases that can be worked out by hand."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from unihm.cli.main import main
from unihm.evaluation.generator import evaluate, mean_motion, motion_error, reconstructed
from unihm.evaluation.tokenizer import (
    code_use,
    fingertip_error,
    measure,
    reconstruction,
    translation,
)
from unihm.tokenizer import TokenizerConfig, TokenizerTraining
from unihm.tokenizer.training import collect_motions, train_tokenizer
from unihm.transforms import make_transform
from unihm.types import HandMotion

HANDS = ("human", "xhand")


@pytest.fixture(scope="module")
def episodes(make_box_episodes):
    return make_box_episodes(60, HANDS, seed=2)


@pytest.fixture(scope="module")
def tokenizer(episodes, tmp_path_factory):
    training = TokenizerTraining(
        warmup_epochs=8, reference_epochs=8, align_epochs=4, tune_epochs=8, batch=8
    )
    config = TokenizerConfig(
        chunk=4,
        levels=3,
        codebook_size=32,
        latent=16,
        hidden=32,
        depth=1,
        reference="human",
        hands=HANDS,
        training=training,
    )
    motions = collect_motions(episodes, HANDS)
    return train_tokenizer(config, motions, {}, tmp_path_factory.mktemp("work"))


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
    one = code_use(tokenizer, [episodes[0].motions["human"]])
    all_of_them = code_use(tokenizer, [e.motions[h] for e in episodes for h in HANDS])
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
    json.dumps(figures)


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
    command = ["translate", str(source), "--to", "xhand", "--out", str(tmp_path / "translated")]
    assert main(command) == 0
    assert (tmp_path / "translated" / source.name).is_file()
    assert main([*command[:2], "--to", "leap"]) == 1
    assert "UNKNOWN_HAND" in capsys.readouterr().err
