"""The tokenizer in use and in training, on motions made for the test."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.tokenizer import fingertips
from unihm.learning.training.tokenizer import (
    TrainingStage,
    collect_motions,
    paired,
    train_tokenizer,
    validate,
)
from unihm.robots import load_hand
from unihm.tokenizer import Tokenizer
from unihm.tokenizer.features import from_features
from unihm.tokenizer.model import TokenizerModel
from unihm.types import HandMotion, HandTokens, ObjectTrajectory

HANDS = ("human", "xhand")


@pytest.fixture(scope="module")
def train_set(make_box_episodes):
    return collect_motions(make_box_episodes(60, (*HANDS, "inspire"), seed=0), (*HANDS, "inspire"))


@pytest.fixture(scope="module")
def validation_episodes(make_box_episodes):
    return make_box_episodes(8, (*HANDS, "inspire"), seed=1)


def frames(motion: HandMotion, count: int) -> HandMotion:
    trajectory = motion.trajectory
    index = np.minimum(np.arange(count), len(motion) - 1)
    shorter = ObjectTrajectory(
        trajectory.T_world_object[index],
        trajectory.phase[index],
        trajectory.dt,
        trajectory.kind,
        trajectory.pick_point,
    )
    return HandMotion(motion.hand, motion.T_object_wrist[index], motion.joints[index], shorter)


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("count", [1, 3, 4, 41, 80])
def test_encode_and_decode_any_number_of_frames(tokenizer, validation_episodes, count):
    motion = frames(validation_episodes[0].motions["xhand"], count)
    tokens = tokenizer.encode(motion)
    assert tokens.codes.shape == (-(-count // 4), 3)
    assert tokens.codebook_id == tokenizer.codebook_id
    decoded = tokenizer.decode(tokens, "xhand", motion.trajectory)
    assert len(decoded) == count
    assert decoded.joints.shape == motion.joints.shape


def test_training_beats_the_mean_motion_on_motions_not_seen(tokenizer, validation_episodes):
    for hand in HANDS:
        truth = [e.motions[hand] for e in validation_episodes]
        decoded = [tokenizer.decode(tokenizer.encode(m), hand, m.trajectory) for m in truth]
        mean = np.mean(np.concatenate([m.joints for m in truth]), axis=0)
        error = np.mean([np.abs(d.joints - m.joints).mean() for d, m in zip(decoded, truth)])
        baseline = np.mean([np.abs(mean - m.joints).mean() for m in truth])
        assert error < 0.5 * baseline


def test_translation_is_near_the_paired_motion(tokenizer, validation_episodes):
    errors, baseline = [], []
    for episode in validation_episodes:
        translated = tokenizer.translate(episode.motions["human"], "xhand")
        truth = episode.motions["xhand"]
        assert translated.hand == "xhand"
        errors.append(np.abs(translated.joints - truth.joints).mean())
        baseline.append(np.abs(truth.joints.mean(0) - truth.joints).mean())
    assert np.mean(errors) < 0.6 * np.mean(baseline)


def test_fewer_levels_decode_too(tokenizer, validation_episodes):
    motion = validation_episodes[0].motions["human"]
    tokens = tokenizer.encode(motion)
    coarse = dataclasses.replace(tokens, codes=tokens.codes[:, :1])
    assert len(tokenizer.decode(coarse, "human", motion.trajectory)) == len(motion)


def test_save_and_read_give_the_same_codes(tokenizer, validation_episodes, tmp_path):
    tokenizer.save(tmp_path, {"command": "test"})
    again = Tokenizer.read(tmp_path)
    motion = validation_episodes[1].motions["xhand"]
    np.testing.assert_array_equal(again.encode(motion).codes, tokenizer.encode(motion).codes)
    assert again.codebook_id == tokenizer.codebook_id


def test_an_interrupted_training_ends_as_an_uninterrupted_one(
    tokenizer_config, tokenizer, train_set, tmp_path, monkeypatch
):
    import unihm.learning.training.tokenizer as module

    calls = 0
    save = module.save_checkpoint

    def save_then_stop(*args):
        nonlocal calls
        save(*args)
        calls += 1
        if calls in (17, 33, 41):  # once in each stage
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "save_checkpoint", save_then_stop)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            train_tokenizer(tokenizer_config, train_set, {}, tmp_path)
    resumed = train_tokenizer(tokenizer_config, train_set, {}, tmp_path)
    assert same(resumed.model.state_dict(), tokenizer.model.state_dict())
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [*range(30), *range(5), *range(20)]


def test_few_motions_are_cropped_several_times_an_epoch(tokenizer_config, train_set):
    training = dataclasses.replace(tokenizer_config.training, crops=150)
    model = TokenizerModel(dataclasses.replace(tokenizer_config, training=training))
    model.add_hand("human", train_set["human"].rows[0].shape[1])
    pairs = {"human": paired(train_set, "human", "human", training.window)}
    stage = TrainingStage(model, "reference", pairs, {}, epochs=1, plain=1, learn_codebook=True)
    batches = stage.batches(np.random.default_rng(0))
    chosen = np.concatenate([part for _, part in batches])
    assert (np.bincount(chosen) == 3).all()  # of 60 motions


def test_validation_says_how_many_codes_are_used(tokenizer, validation_episodes):
    motions = collect_motions(validation_episodes, ["human"])["human"]
    figures = validate(tokenizer.model, "human", motions)
    codes = np.concatenate(
        [tokenizer.encode(e.motions["human"]).codes for e in validation_episodes]
    )
    used = [len(np.unique(codes[:, level])) / 64 for level in range(3)]
    assert figures["code_usage"] == pytest.approx(np.mean(used), abs=0.02)


def test_a_checkpoint_of_other_settings_is_refused(tokenizer_config, train_set, tmp_path):
    training = dataclasses.replace(tokenizer_config.training, warmup_epochs=1, reference_epochs=0)
    config = dataclasses.replace(tokenizer_config, hands=("human",), training=training)
    train_tokenizer(config, train_set, {}, tmp_path)
    with pytest.raises(UnihmError) as caught:
        train_tokenizer(dataclasses.replace(config, latent=8), train_set, {}, tmp_path)
    assert caught.value.code == ErrorCode.INVALID_CONFIG


def test_adding_a_hand_leaves_codebook_and_other_hands_bit_identical(
    tokenizer_config, tokenizer, train_set, validation_episodes, tmp_path
):
    before = {k: v.clone() for k, v in tokenizer.model.state_dict().items()}
    config = dataclasses.replace(tokenizer_config, hands=(*HANDS, "inspire"))
    larger = train_tokenizer(config, train_set, {}, tmp_path, base=tokenizer)
    after = larger.model.state_dict()
    assert set(larger.hands) == {*HANDS, "inspire"}
    assert same({k: after[k] for k in before}, before)
    assert larger.codebook_id == tokenizer.codebook_id
    figures = validate(
        larger.model, "inspire", collect_motions(validation_episodes, ["inspire"])["inspire"]
    )
    assert figures["mae"] < 0.3


def test_tokens_of_another_codebook_are_refused(tokenizer, validation_episodes):
    motion = validation_episodes[0].motions["xhand"]
    tokens = dataclasses.replace(tokenizer.encode(motion), codebook_id="0" * 16)
    with pytest.raises(UnihmError) as caught:
        tokenizer.decode(tokens, "xhand", motion.trajectory)
    assert caught.value.code == ErrorCode.CODEBOOK_MISMATCH


@pytest.mark.parametrize(
    "codes",
    [
        np.zeros((3, 3), np.int64),  # too few for the trajectory
        np.full((10, 3), 64),  # out of range
        np.full((10, 3), -1),
        np.zeros((10, 4), np.int64),  # more levels than there are
    ],
)
def test_codes_that_fit_nothing_are_refused(tokenizer, validation_episodes, codes):
    motion = frames(validation_episodes[0].motions["xhand"], 40)
    tokens = HandTokens(codes, 4, tokenizer.codebook_id)
    with pytest.raises(UnihmError) as caught:
        tokenizer.decode(tokens, "xhand", motion.trajectory)
    assert caught.value.code == ErrorCode.INVALID_MOTION


def test_a_hand_without_weights_is_unknown(tokenizer, validation_episodes):
    motion = validation_episodes[0].motions["inspire"]
    for use in (
        lambda: tokenizer.encode(motion),
        lambda: tokenizer.translate(validation_episodes[0].motions["human"], "inspire"),
    ):
        with pytest.raises(UnihmError) as caught:
            use()
        assert caught.value.code == ErrorCode.UNKNOWN_HAND


def test_weights_that_are_missing_damaged_or_of_another_codebook(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setenv("UNIHM_WEIGHTS_DIR", str(tmp_path))
    with pytest.raises(UnihmError) as caught:
        Tokenizer.load("paper")
    assert caught.value.code == ErrorCode.WEIGHTS_MISSING
    folder = tmp_path / "tiny"
    tokenizer.save(folder)
    about = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**about, "codebook_id": "0" * 16}))
    with pytest.raises(UnihmError) as caught:
        Tokenizer.load("tiny")
    assert caught.value.code == ErrorCode.CODEBOOK_MISMATCH
    (folder / "tokenizer.safetensors").write_bytes(b"not weights")
    with pytest.raises(UnihmError) as caught:
        Tokenizer.load("tiny")
    assert caught.value.code == ErrorCode.WEIGHTS_MISSING


def test_mlp_sees_only_its_own_chunk_and_conv_its_neighbours(tokenizer_config, train_set):
    torch.manual_seed(0)
    rows = torch.from_numpy(train_set["human"].rows[0][None, :40].copy())
    changed = rows.clone()
    changed[:, 20:24] += 1.0  # chunk 5
    for backbone, reach in (("mlp", 0), ("conv", 2)):
        config = dataclasses.replace(tokenizer_config, backbone=backbone)
        model = TokenizerModel(config)
        model.add_hand("human", rows.shape[-1])
        difference = (model.encode("human", rows) - model.encode("human", changed)).abs().sum(-1)
        moved = torch.nonzero(difference[0] > 1e-7).flatten()
        assert moved.min() >= 5 - reach
        assert moved.max() <= 5 + reach
        assert 5 in moved


def test_a_hand_that_no_episode_has_is_retargeted_from_the_human(make_box_episodes):
    episodes = make_box_episodes(3, ("human",), seed=4)
    motions = collect_motions(episodes, ("human", "leap"))
    assert [len(rows) for rows in motions["leap"].rows] == [len(e.trajectory) for e in episodes]
    np.testing.assert_array_equal(motions["leap"].episodes, motions["human"].episodes)
    hand, human = load_hand("leap"), episodes[0].motions["human"]
    T_object_wrist, joints = from_features(motions["leap"].rows[0], hand)
    leap = HandMotion("leap", T_object_wrist, joints, human.trajectory)
    tips, human_tips = fingertips(leap)[20], fingertips(human)[20]
    assert np.linalg.norm(tips[:3] - human_tips[:3], axis=-1).max() < 0.05


def test_random_tokens_are_valid_and_differ(tokenizer, validation_episodes):
    trajectory = validation_episodes[0].trajectory
    random = np.random.default_rng(0)
    count = len(trajectory) // 4
    a, b = (tokenizer.random_tokens((count, 3), random) for _ in range(2))
    assert (a.codes != b.codes).mean() > 0.9
    assert len(tokenizer.decode(a, "xhand", trajectory)) == len(trajectory)
