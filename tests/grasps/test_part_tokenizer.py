"""A grasp as tokens of its parts: the same parts on every hand, trained exactly resumable."""

import numpy as np
import pytest
import torch
from unihm.errors import ErrorCode, UnihmError
from unihm.grasps.part_tokenizer import (
    PARTS,
    PartPoints,
    PartTokenizer,
    PartTokenizerConfig,
    PartTokenizerTraining,
)
from unihm.learning.training import part_tokenizer as training
from unihm.learning.training.part_tokenizer import (
    reconstruction,
    train_part_tokenizer,
    varied,
)
from unihm.robots import load_hand
from unihm.tokenizer.features import to_features
from unihm.transforms import make_transform

TRAINING = PartTokenizerTraining(steps=240, batch=32, learning_rate=3e-3)
SMALL = PartTokenizerConfig(
    hands=("xhand", "allegro"), codes=16, latent=16, points=12, hidden=48, training=TRAINING
)


def rows_of(name, count=24, seed=0):
    rng, hand = np.random.default_rng(seed), load_hand(name)
    joints = rng.uniform(hand.lower, hand.upper, (count, hand.num_joints))
    T = make_transform(np.eye(3), rng.normal(0.0, 0.05, (count, 3)))
    return to_features(T, joints, hand)


ROWS = {name: rows_of(name) for name in SMALL.hands}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_part_tokenizer(SMALL, ROWS, tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize("name", ["xhand", "allegro", "shadow", "inspire"])
def test_points_are_on_the_part_that_they_are_of(name):
    hand = load_hand(name)
    rng = np.random.default_rng(3)
    joints = rng.uniform(hand.lower, hand.upper, hand.num_joints)
    T = make_transform(np.eye(3), [0.1, 0.2, 0.3])
    points = PartPoints(name, 200)(torch.from_numpy(to_features(T[None], joints[None], hand)))
    pads, _ = hand.fingertips(joints)
    for finger, pad in zip(hand.finger_names, pads):
        own = 0.1 * points[0, PARTS.index(finger)].numpy()
        assert np.linalg.norm(own - (pad + T[:3, 3]), axis=1).min() < 0.012, finger


def test_an_absent_finger_has_no_code_and_none_is_looked_at(trained):
    assert not PartPoints("allegro", 12).present[PARTS.index("little")]
    codes = trained.encode_rows("allegro", ROWS["allegro"])
    assert (codes[:, PARTS.index("little")] == -1).all()
    assert (codes[:, : PARTS.index("little")] >= 0).all()
    other = codes.copy()
    other[:, PARTS.index("little")] = 3
    np.testing.assert_array_equal(
        trained.decode_rows("allegro", codes), trained.decode_rows("allegro", other)
    )


def test_training_brings_grasps_nearer(trained):
    before = reconstruction(PartTokenizer.create(SMALL), ROWS)
    after = reconstruction(trained, ROWS)
    for name in SMALL.hands:
        assert after[name]["surface_mm"] < 0.7 * before[name]["surface_mm"]


def test_codes_follow_what_they_stand_for_and_cold_ones_are_put_onto_it():
    model = PartTokenizer.create(SMALL).model
    z = torch.randn(8, 6, 16)
    codes = torch.zeros(8, 6, dtype=torch.int64)
    codes[:, 5] = -1  # a hand without a little finger leaves its codebook alone
    before = model.codebook.clone()
    model.uses[:, 1] = 0.0
    moved = model.follow(z, codes, 0.05, torch.Generator().manual_seed(0))
    assert moved == 5
    torch.testing.assert_close(model.codebook[5], before[5])
    for part in range(5):
        assert (model.codebook[part, 1] == z[:, part]).all(dim=-1).any()
        old, new = before[part, 0], model.codebook[part, 0]
        mean = z[:, part].mean(dim=0)
        assert (new - mean).norm() < (old - mean).norm()


def test_codes_of_one_hand_are_a_grasp_of_another(trained):
    codes = trained.encode_rows("xhand", ROWS["xhand"])
    T, joints = trained.decode("allegro", codes)
    hand = load_hand("allegro")
    assert T.shape == (24, 4, 4)
    assert (joints >= hand.lower - 1e-6).all()
    assert (joints <= hand.upper + 1e-6).all()


def test_an_interrupted_training_ends_the_same(trained, tmp_path, monkeypatch):
    steps = []

    def interrupted(*arguments):
        steps.append(1)
        if len(steps) > 155:  # the last checkpoint is that of step 150
            raise KeyboardInterrupt
        return varied(*arguments)

    monkeypatch.setattr(training, "varied", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_part_tokenizer(SMALL, ROWS, tmp_path)
    monkeypatch.undo()
    again = train_part_tokenizer(SMALL, ROWS, tmp_path)
    for key, value in trained.model.state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[key], value, rtol=0, atol=0)


def test_weights_are_written_and_read(trained, tmp_path):
    trained.save(tmp_path)
    again = PartTokenizer.read(tmp_path)
    np.testing.assert_array_equal(
        again.encode_rows("xhand", ROWS["xhand"]), trained.encode_rows("xhand", ROWS["xhand"])
    )


def test_what_cannot_be_is_said(trained):
    with pytest.raises(UnihmError, match="does not know the hand 'leap'") as error:
        trained.encode_rows("leap", rows_of("leap"))
    assert error.value.code == ErrorCode.UNKNOWN_HAND
    with pytest.raises(UnihmError, match="numbers below 16") as error:
        trained.decode_rows("xhand", np.full((1, 6), 16))
    assert error.value.code == ErrorCode.INVALID_MOTION
    with pytest.raises(UnihmError, match="no grasp of the hand 'allegro'"):
        train_part_tokenizer(SMALL, {"xhand": ROWS["xhand"]}, None)
