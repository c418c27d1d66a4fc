"""Grasps sampled from masked part tokens: sampling, editing, training, and what the words say."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from grasp_cases import HAND, grab
from grasp_set_cases import CLOUD, grasp_of, grasp_set
from unihm.errors import ErrorCode, UnihmError
from unihm.grasps import GraspChooser
from unihm.grasps.masked_transformer import (
    MASK,
    MaskedGraspGenerator,
    MaskedTransformerConfig,
    MaskedTransformerTraining,
    named_parts,
)
from unihm.grasps.part_tokenizer import PARTS, PartTokenizer, PartTokenizerConfig
from unihm.grasps.part_tokenizer.heading import face, headings
from unihm.grasps.sampled import SampledGrasps
from unihm.grasps.sources import GraspRequest, MaskedSource
from unihm.learning.datasets.grasp_set import GraspSet
from unihm.learning.synthesis.grasp_sentences import GraspSentences
from unihm.learning.training import masked_transformer as training
from unihm.learning.training.masked_transformer import (
    collect_corpus,
    draw,
    mask,
    train_masked_transformer,
    validate,
)
from unihm.perception.language.manner import manner_of
from unihm.pipeline import wrist_at_home
from unihm.robots.fingers import own_joints
from unihm.tokenizer.features import move_rows, to_features
from unihm.transforms import from_xyz_rpy
from unihm.types import Task, TaskKind

CONFIG = MaskedTransformerConfig(
    layers=1,
    heads=2,
    width=32,
    points=64,
    patches=6,
    neighbours=8,
    training=MaskedTransformerTraining(steps=110, batch=12, learning_rate=3e-3, sentences=2),
)


@pytest.fixture(scope="module")
def tokenizer():
    torch.manual_seed(0)
    config = PartTokenizerConfig(
        hands=("xhand", "allegro"), codes=16, latent=8, points=8, hidden=32
    )
    return PartTokenizer.create(config)


@pytest.fixture(scope="module")
def generator(tokenizer):
    torch.manual_seed(1)
    return MaskedGraspGenerator.create(CONFIG, tokenizer)


@pytest.fixture(scope="module")
def corpus(tokenizer):
    return collect_corpus([grasp_set(0), grasp_set(1)], tokenizer.model.hands, 2, 0)


@pytest.mark.parametrize("hand", ["xhand", "allegro"])
def test_every_part_that_the_hand_has_is_filled_in_and_no_other(generator, hand):
    grasps = generator.sample(hand, CLOUD, "pick up the box from above", 5, seed=3)
    present = generator.tokenizer.points(hand).present.numpy()
    assert (grasps.codes[:, present] >= 0).all()
    assert (grasps.codes[:, ~present] == -1).all()
    assert (np.diff(grasps.confidence) <= 0).all()
    assert grasps.T_object_wrist.shape == (5, 4, 4)
    again = generator.sample(hand, CLOUD, "pick up the box from above", 5, seed=3)
    np.testing.assert_array_equal(grasps.codes, again.codes)
    other = generator.sample(hand, CLOUD, "pick up the box from above", 5, seed=4)
    assert (grasps.codes != other.codes).any()


def test_the_least_sure_are_asked_for_again_by_the_cosine_of_the_time(generator, monkeypatch):
    asked, model = [], generator.model
    forward = type(model).forward

    def watched(self, codes, *others):
        asked.append(int((codes[0] == MASK).sum()))
        return forward(self, codes, *others)

    monkeypatch.setattr(type(model), "forward", watched)
    quick = MaskedGraspGenerator(replace(CONFIG, iterations=3), model, generator.tokenizer)
    quick.sample("xhand", CLOUD, "take it", 2)
    assert asked == [6, 5, 3]  # of all; then at most ceil(6 cos(pi t / 6)), but one fewer each time


def test_guidance_goes_away_from_what_is_said_without_the_condition(generator, monkeypatch):
    """Equation 7: (1 + s) c - s u."""

    def forward(self, codes, hand, condition, shown):
        logits = torch.zeros(len(codes), 6, 16)
        logits[shown, :, 3], logits[shown, :, 5] = 2.0, 1.5
        logits[~shown, :, 3] = 1.8
        return logits

    monkeypatch.setattr(type(generator.model), "forward", forward)
    for guidance, wanted in ((0.0, 3), (2.0, 5)):  # 3: 2; 5: 1.5, then 6 - 3.6 and 4.5
        config = replace(CONFIG, guidance=guidance, temperature=0.01)
        guided = MaskedGraspGenerator(config, generator.model, generator.tokenizer)
        assert (guided.sample("xhand", CLOUD, "take it", 3).codes == wanted).all()


def test_an_edited_finger_moves_and_nothing_else(generator):
    grasps = generator.sample("xhand", CLOUD, "pick up the box", 4)
    edited = generator.edit(grasps, ["index"], CLOUD, "pick up the box with two fingers")
    index = PARTS.index("index")
    assert (edited.codes[:, index] != grasps.codes[:, index]).all()
    np.testing.assert_array_equal(
        np.delete(edited.codes, index, axis=1), np.delete(grasps.codes, index, axis=1)
    )
    own = own_joints(HAND)[HAND.finger_names.index("index")]
    assert np.abs(edited.joints - grasps.joints)[:, own].max() > 1e-4
    np.testing.assert_array_equal(
        np.delete(edited.joints, own, axis=1), np.delete(grasps.joints, own, axis=1)
    )
    np.testing.assert_array_equal(edited.T_object_wrist, grasps.T_object_wrist)
    moved = generator.edit(grasps, ["palm"], CLOUD, "pick up the box")
    np.testing.assert_array_equal(moved.joints, grasps.joints)
    assert np.abs(moved.T_object_wrist - grasps.T_object_wrist).max() > 1e-6


@pytest.mark.parametrize("parts", [[], ["little"], ["thumb", "little"]])
def test_what_the_hand_lacks_is_not_edited(generator, parts):
    grasps = generator.sample("allegro", CLOUD, "take it", 1)
    with pytest.raises(UnihmError, match="I can move palm, thumb, index, middle, ring") as error:
        generator.edit(grasps, parts, CLOUD, "take it")
    assert error.value.code is ErrorCode.INVALID_INSTRUCTION


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Move only the thumb.", ["thumb"]),
        ("use the index instead of the middle finger", ["index", "middle"]),
        ("the pinky and the wrist", ["little", "palm"]),
        ("move a bit", []),
    ],
)
def test_a_sentence_names_parts(sentence, parts):
    assert named_parts(sentence) == parts


def test_masks_follow_the_cosine_and_leave_what_is_absent():
    codes = torch.arange(6).repeat(3000, 1)
    codes[:, 5] = -1
    masked = mask(codes, np.random.default_rng(0))
    count = (masked == MASK).sum(dim=1)
    assert (masked[:, 5] == -1).all()
    assert ((masked == codes) | (masked == MASK)).all()
    assert count.min() == 1
    assert count.max() == 5
    # P(ceil(5 cos(pi tau / 2)) = 5) = 2 arccos(4 / 5) / pi
    assert abs((count == 5).float().mean() - 2 * np.arccos(0.8) / np.pi) < 0.03


def test_a_grasp_is_written_where_the_palm_looks_along_y():
    grasp = grasp_of("xhand", 80)
    rows = to_features(grasp.T_object_wrist[None], grasp.joints[None], HAND)
    faced = face(rows)
    np.testing.assert_allclose(headings(faced), 0.0, atol=1e-5)
    np.testing.assert_allclose(faced[:, 2], rows[:, 2], atol=1e-5)  # as high as before
    quarter = from_xyz_rpy([0, 0, 0], [0, 0, np.pi / 2])[None]
    np.testing.assert_allclose(
        headings(move_rows(faced[:, None], quarter)[:, 0]), np.pi / 2, atol=1e-5
    )


def test_object_and_grasp_are_moved_alike(tokenizer, corpus):
    """A batch's clouds lie about their grasps as they did: both are turned by the same turn."""
    config = replace(CONFIG, training=replace(CONFIG.training, shift=0.0, turn=0.0, partial=0.0))
    batch = draw(corpus, "xhand", config, tokenizer, np.random.default_rng(0))
    rows = corpus.hands["xhand"].grasps.rows
    turns = -headings(rows)
    for cloud in batch.clouds.numpy():
        back = [cloud[:, :2] @ [[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]] for t in turns]
        assert min(np.abs(points).max() for points in back) < 0.0251  # half its sides


def test_training_learns_and_goes_on_where_it_was_interrupted(
    tokenizer, corpus, tmp_path, monkeypatch
):
    trained = train_masked_transformer(CONFIG, tokenizer, corpus, tmp_path / "whole")
    figures = validate(trained, corpus)
    for row in figures.values():
        assert row["nll"] < 0.8 * np.log(16)
        assert row["edit_others_deg"] == 0.0
        assert row["edit_own_deg"] > 0.0
    steps = []

    def interrupted(*arguments):
        steps.append(1)
        if len(steps) > 60:  # the last checkpoint is that of step 50
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(training, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_masked_transformer(CONFIG, tokenizer, corpus, tmp_path / "part")
    monkeypatch.undo()
    again = train_masked_transformer(CONFIG, tokenizer, corpus, tmp_path / "part")
    for key, value in trained.model.state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[key], value, rtol=0, atol=0)


def test_a_hand_without_grasps_is_said(tokenizer):
    with pytest.raises(UnihmError, match="no grasp of the hand 'leap'"):
        collect_corpus([grasp_set()], ("xhand", "leap"), 2, 0)


def test_weights_are_read_with_the_codes_that_they_speak(generator, tokenizer, tmp_path):
    generator.save(tmp_path)
    again = MaskedGraspGenerator.read(tmp_path, tokenizer)
    assert again.config == CONFIG
    for key, value in generator.model.state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[key], value.half().float())
    torch.manual_seed(9)
    other = PartTokenizer.create(tokenizer.model.config)
    with pytest.raises(UnihmError, match="speaks codebook") as error:
        MaskedGraspGenerator.read(tmp_path, other)
    assert error.value.code is ErrorCode.CODEBOOK_MISMATCH


def test_sentences_say_what_is_true():
    top = grasp_of("xhand", above=75.0, part="rim", contacts=(0.02, 0.0, 0.055))
    low = grasp_of("allegro", above=10.0, contacts=(0.02, 0.0, -0.055))
    some = GraspSet("mug-1-000000", CLOUD, np.full(len(CLOUD.points), ""), np.eye(4), (top, low))
    writer, rng = GraspSentences(some), np.random.default_rng(0)
    of_top = " | ".join(writer.write(top, 20, rng))
    of_low = " | ".join(writer.write(low, 20, rng))
    assert "above" in of_top
    assert "side" not in of_top
    assert "rim" in of_top
    assert "side" in of_low
    assert "above" not in of_low
    assert "bottom" in of_low
    assert "by the top" not in of_low
    assert "five fingers" in of_top
    assert "four fingers" in of_low
    assert "five fingers" not in of_low


@pytest.fixture(scope="module")
def masked_chooser(chooser, generator):
    return GraspChooser(
        chooser.generator,
        chooser.refinement,
        chooser.control,
        chooser.config,
        chooser.arm,
        MaskedSource(generator, chooser.generator.tokenizer),
    )


def test_grasps_become_motions_that_the_whole_hand_tokenizer_says(chooser):
    """A grasp of the generator, taken as if it had been sampled, comes back nearly as it was."""
    course = grab(CLOUD)
    found = chooser.candidates(
        Task("t", "pick up the box", "xhand"), course, CLOUD, HAND.open_joints, wrist_at_home(HAND)
    )
    T = np.array([c.motion.T_object_wrist[course.contact] for c in found])
    joints = np.array([c.motion.joints[course.contact] for c in found])
    turns = headings(to_features(T, joints, HAND)).astype(float)
    grasps = SampledGrasps("xhand", turns, T, joints, np.zeros(len(T)))

    class Sampled:
        def sample(self, *_):
            return grasps

    source = MaskedSource(Sampled(), chooser.generator.tokenizer)
    task = Task("t", "pick up the box", "xhand")
    asked = GraspRequest(
        task, course, CLOUD, HAND.open_joints, np.eye(4), manner_of(task.instruction), None
    )
    proposals = source.propose(asked, len(T))
    assert len(proposals) == len(T)
    for (_, tokens), wanted, angles in zip(proposals, T, joints):
        motion = chooser.generator.tokenizer.decode(tokens, "xhand", course)
        off = motion.T_object_wrist[course.contact] @ np.linalg.inv(wanted)
        assert np.linalg.norm(off[:3, 3]) < 0.02
        assert np.abs(motion.joints[course.contact] - angles).mean() < np.deg2rad(5)
        came = motion.T_object_wrist[0, :3, 3] - wanted[:3, 3]
        palm = (wanted @ HAND.T_wrist_palm)[:3, 2]
        assert came @ palm < -0.03  # from behind the palm


def test_candidates_are_judged_alike_and_pushes_are_the_generators(masked_chooser, monkeypatch):
    asked, sample = [], MaskedGraspGenerator.sample

    def watched(*arguments):
        asked.append(1)
        return sample(*arguments)

    monkeypatch.setattr(MaskedGraspGenerator, "sample", watched)
    where = HAND.open_joints, wrist_at_home(HAND)
    push = grab(CLOUD, kind=TaskKind.PUSH)
    task = Task("t", "push the box away", "xhand")
    assert masked_chooser.candidates(task, push, CLOUD, *where, most=1)
    assert not asked
    task = Task("t", "pick up the box", "xhand")
    with suppress(UnihmError):  # the refinement may refuse what was never trained
        found = masked_chooser.candidates(task, grab(CLOUD), CLOUD, *where, most=3)
        sound = [c.measures.sound for c in found]
        assert sound == sorted(sound, reverse=True)
    assert asked


def test_the_generators_grasps_cannot_be_edited(chooser):
    with pytest.raises(UnihmError, match=r"grasps\.method is another") as error:
        chooser.edited(Task("t", "take it", "xhand"), grab(CLOUD), CLOUD, ["thumb"])
    assert error.value.code is ErrorCode.INVALID_CONFIG


def test_a_method_without_weights_is_said(chooser):
    with pytest.raises(UnihmError) as error:
        GraspChooser.load("paper", chooser.generator, chooser.arm, "masked")
    assert error.value.code is ErrorCode.WEIGHTS_MISSING
