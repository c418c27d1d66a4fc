"""The closed-form tokenizer."""

import dataclasses

import numpy as np
import pytest
import torch
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.training.tokenizer import collect_motions, train_tokenizer
from unihm.tokenizer import TokenizerConfig, TokenizerTraining
from unihm.tokenizer.closed_form import alternate, solve_networks
from unihm.tokenizer.model import TokenizerModel

HANDS = ("human", "xhand", "inspire")
CONFIG = TokenizerConfig(
    levels=4,
    codebook_size=128,
    latent=24,
    hidden=72,
    depth=1,
    reference="human",
    hands=HANDS,
    training=TokenizerTraining(solve=True, window=20, batch=8),
)


@pytest.fixture(scope="module")
def train_set(make_box_episodes):
    return collect_motions(make_box_episodes(40, HANDS, seed=0), HANDS)


@pytest.fixture(scope="module")
def unseen(make_box_episodes):
    return make_box_episodes(8, HANDS, seed=1)


@pytest.fixture(scope="module")
def tokenizer(train_set, tmp_path_factory):
    return train_tokenizer(CONFIG, train_set, {}, tmp_path_factory.mktemp("work"))


def test_views_of_the_same_thing_are_found_exactly():
    random = np.random.default_rng(0)
    hidden = random.normal(size=(400, 5))
    rows = {name: hidden @ random.normal(size=(5, width)) for name, width in (("a", 7), ("b", 6))}
    encode, decode = alternate(rows, 5)
    for source in rows:
        for target in rows:
            told = rows[source] @ encode[source].T @ decode[target].T
            np.testing.assert_allclose(told, rows[target], atol=1e-3)


@pytest.mark.parametrize(("chunk", "backbone"), [(1, "conv"), (4, "conv"), (4, "mlp")])
def test_the_networks_do_what_the_matrices_say(train_set, chunk, backbone):
    config = dataclasses.replace(CONFIG, chunk=chunk, hidden=128, backbone=backbone)
    model = TokenizerModel(config)
    for hand in HANDS:
        model.add_hand(hand, train_set[hand].rows[0].shape[1])
    solve_networks(model, {hand: train_set[hand].rows for hand in HANDS})
    for hand in HANDS:
        x = torch.from_numpy(train_set[hand].rows[0])[None]
        x = x[:, : x.shape[1] // chunk * chunk]
        with torch.no_grad():
            again = model.decode(hand, model.encode(hand, x))
        assert (again - x).abs().mean() < 0.01


def test_more_codes_are_nearer_and_all_translate(tokenizer, unseen):
    for hand in HANDS:
        errors = []
        for levels in (1, 4):
            joints = [
                tokenizer.translate(e.motions[hand], hand, levels).joints - e.motions[hand].joints
                for e in unseen
            ]
            errors.append(np.abs(np.concatenate(joints)).mean())
        assert errors[1] < 0.6 * errors[0]
    truth = np.concatenate([e.motions["xhand"].joints for e in unseen])
    told = np.concatenate([tokenizer.translate(e.motions["human"], "xhand").joints for e in unseen])
    assert np.abs(told - truth).mean() < 0.5 * np.abs(truth.mean(0) - truth).mean()


def test_carried_codes_say_more(tokenizer, train_set, unseen, tmp_path):
    carried = train_tokenizer(dataclasses.replace(CONFIG, carry=0.9), train_set, {}, tmp_path)
    for hand in HANDS:
        errors = [
            np.mean(
                [
                    np.abs(
                        t.translate(e.motions[hand], hand, 1).joints - e.motions[hand].joints
                    ).mean()
                    for e in unseen
                ]
            )
            for t in (tokenizer, carried)
        ]
        assert errors[1] < 0.9 * errors[0]


def test_chunks_of_frames_are_told(train_set, unseen, tmp_path):
    config = dataclasses.replace(CONFIG, chunk=4, hidden=128)
    for carry in (0.0, 0.9):
        chunked = train_tokenizer(
            dataclasses.replace(config, carry=carry), train_set, {}, tmp_path / str(carry)
        )
        for hand in HANDS:
            told = [chunked.translate(e.motions[hand], hand).joints for e in unseen]
            truth = np.concatenate([e.motions[hand].joints for e in unseen])
            error = np.abs(np.concatenate(told) - truth).mean()
            assert error < 0.3 * np.abs(truth.mean(0) - truth).mean()


def test_the_same_seed_gives_the_same_weights(tokenizer, train_set, tmp_path):
    again = train_tokenizer(CONFIG, train_set, {}, tmp_path)
    assert again.codebook_id == tokenizer.codebook_id


def test_a_hand_may_be_added_to_it(tokenizer, make_box_episodes, tmp_path):
    hands = (*HANDS, "leap")
    motions = collect_motions(make_box_episodes(10, HANDS, seed=3), hands)
    training = TokenizerTraining(
        solve=True, window=20, batch=8, align_epochs=1, tune_epochs=1, crops=16
    )
    config = dataclasses.replace(CONFIG, hands=hands, training=training)
    larger = train_tokenizer(config, motions, {}, tmp_path, base=tokenizer)
    assert larger.codebook_id == tokenizer.codebook_id
    before, after = tokenizer.model.state_dict(), larger.model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


@pytest.mark.parametrize("change", [{"chunk": 4}, {"hidden": 16}])
def test_sizes_without_room_are_refused(train_set, tmp_path, change):
    with pytest.raises(UnihmError) as caught:
        train_tokenizer(dataclasses.replace(CONFIG, **change), train_set, {}, tmp_path)
    assert caught.value.code == ErrorCode.INVALID_CONFIG
