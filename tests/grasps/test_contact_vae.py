"""Grasps drawn from an autoencoder and adjusted to a contact map: RealDex's generator."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from grasp_cases import HAND, grab
from grasp_set_cases import CLOUD, grasp_set
from scipy.spatial import cKDTree
from unihm.errors import ErrorCode, UnihmError
from unihm.grasps.contact_vae import ContactVae, ContactVaeConfig, ContactVaeTraining
from unihm.grasps.contact_vae.contact_map import ContactMap, adjust
from unihm.grasps.contact_vae.generator import contact_agreement, contact_map
from unihm.grasps.sources import ContactSource, GraspRequest
from unihm.learning.training import contact_vae as training
from unihm.learning.training.contact_vae import train_contact_vae, validate
from unihm.learning.training.grasp_corpus import draw_grasps, grasps_by_hand
from unihm.perception.language.manner import manner_of
from unihm.refinement import RefinementConfig
from unihm.refinement.batch import Batch
from unihm.refinement.chain import chain_of
from unihm.refinement.problem import FrameProblem
from unihm.tokenizer.features import to_features
from unihm.transforms import from_xyz_rpy
from unihm.types import HandMotion, Task

CONFIG = ContactVaeConfig(
    hands=("xhand", "allegro"),
    latent=4,
    width=24,
    hidden=48,
    points=64,
    hand_points=8,
    near=0.03,
    training=ContactVaeTraining(steps=160, batch=12, learning_rate=5e-3, kl=1e-3),
)


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return ContactVae.create(CONFIG)


@pytest.fixture(scope="module")
def grasps():
    return grasps_by_hand([grasp_set(0), grasp_set(1)], CONFIG.hands)


CLOUDS = [CLOUD, CLOUD]


def with_tips_at(place, rpy):
    """(4, 4) of the wrist, so that the middle of the open hand's fingertips is there."""
    R = from_xyz_rpy([0.0, 0.0, 0.0], rpy)[:3, :3]
    middle = HAND.fingertips(HAND.open_joints)[0].mean(axis=0)
    return from_xyz_rpy(np.array(place) - R @ middle, rpy)


@pytest.mark.parametrize("hand", CONFIG.hands)
def test_as_many_grasps_as_asked_for_the_same_from_the_same_seed(vae, hand):
    drawn = vae.sample(hand, CLOUD, 4, seed=3)
    assert drawn.T_object_wrist.shape == (4, 4, 4)
    assert (np.diff(drawn.confidence) <= 0).all()
    assert (drawn.confidence >= 0).all()
    assert (drawn.confidence <= 1).all()
    assert sorted(drawn.turns) == pytest.approx([0.0, np.pi / 2, np.pi, 3 * np.pi / 2])
    again = vae.sample(hand, CLOUD, 4, seed=3)
    np.testing.assert_array_equal(drawn.T_object_wrist, again.T_object_wrist)
    np.testing.assert_array_equal(drawn.joints, again.joints)
    other = vae.sample(hand, CLOUD, 4, seed=4)
    assert np.abs(drawn.joints - other.joints).max() > 1e-3


def test_a_hand_that_it_was_not_trained_for_is_refused(vae):
    with pytest.raises(UnihmError, match="does not know the hand 'inspire'") as error:
        vae.sample("inspire", CLOUD, 1)
    assert error.value.code is ErrorCode.UNKNOWN_HAND


def test_points_near_the_hand_are_in_contact(vae):
    """The hand is put so that its thumb's pad is in the middle of the box's top."""
    pad = HAND.link_poses(HAND.open_joints)[HAND.spec.fingertips[0].link][:3, 3]
    T = from_xyz_rpy(np.array([0.0, 0.0, 0.06]) - pad, [0, 0, 0])
    row = torch.from_numpy(to_features(T[None], HAND.open_joints[None], HAND))
    cloud = torch.from_numpy(CLOUD.points[None].astype(np.float32))
    touched = contact_map(vae.points("xhand"), row, cloud, 0.02)[0].numpy()
    wider = contact_map(vae.points("xhand"), row, cloud, 0.03)[0].numpy()
    assert 0 < touched.sum() < wider.sum()
    assert CLOUD.points[touched, 2].min() > 0.0
    assert (wider | ~touched).all()


def test_agreement_is_what_both_have_of_what_either_has():
    a = np.array([True, True, False, False])
    assert contact_agreement(a, a) == 1.0
    assert contact_agreement(a, ~a) == 0.0
    assert contact_agreement(a, np.array([True, False, True, False])) == pytest.approx(1 / 3)
    assert contact_agreement(~a & a, ~a & a) == 0.0


def test_the_terms_derivative_is_that_of_its_residual():
    course = grab(CLOUD)
    T = np.repeat(with_tips_at([0.0, 0.0, 0.06], [np.pi, 0.1, 0.2])[None], len(course), 0)
    motion = HandMotion("xhand", T, np.tile(HAND.open_joints, (len(course), 1)), course)
    chain = chain_of(HAND)
    batch = Batch(chain, [motion], [CLOUD], RefinementConfig())
    probes = chain.at(chain.pads, np.arange(len(chain.pads))[None], batch.ops)
    problem = FrameProblem(
        batch.arrays, batch.planes, batch.R_reference, probes, [], None, None, None
    )
    term = ContactMap(len(HAND.finger_names), cKDTree(CLOUD.points), CLOUD.normals, 10.0)
    y = batch.y[:, 0]
    r, J = term(problem.state(y))
    assert r.shape == (1, 15)
    assert np.abs(r).max() > 0
    step = 1e-6
    for i in range(y.shape[1]):
        moved = y.copy()
        moved[:, i] += step
        np.testing.assert_allclose((term(problem.state(moved))[0] - r) / step, J[..., i], atol=2e-3)


def test_pads_are_drawn_to_where_contact_is_foretold():
    T = with_tips_at([0.0, 0.0, 0.03], [np.pi, 0.0, 0.0])
    joints = HAND.open_joints
    high = CLOUD.points[:, 2] > 0.02

    def distance(weight):
        wrist, own = adjust("xhand", T, joints, CLOUD, high, weight, RefinementConfig())
        poses = HAND.link_poses(own)
        tips = [(wrist @ poses[tip.link] @ [*tip.xyz, 1.0])[:3] for tip in HAND.spec.fingertips]
        return cKDTree(CLOUD.points[high]).query(np.array(tips))[0].mean()

    assert distance(1e6) < distance(0.0) - 1e-4


def test_what_the_refinement_refuses_stays_as_it_was():
    T, joints = from_xyz_rpy([0, 0, 0.1], [0, 0, 0]), HAND.upper + 1.0  # far beyond the limits
    nothing = np.zeros(len(CLOUD.points), bool)
    wrist, own = adjust("xhand", T, joints, CLOUD, nothing, 1e5, RefinementConfig())
    np.testing.assert_array_equal(wrist, T)
    np.testing.assert_array_equal(own, joints)


def test_object_and_grasp_are_moved_alike(grasps):
    settings = replace(CONFIG.training, shift=0.0, turn=0.0, partial=0.0, joint_noise=0.0)
    drawn = draw_grasps(grasps["xhand"], CLOUDS, 64, settings, np.random.default_rng(0))
    true = grasps["xhand"].rows[drawn.chosen]
    np.testing.assert_allclose(drawn.rows[:, 2], true[:, 2], atol=1e-6)  # as high as before
    np.testing.assert_array_equal(drawn.rows[:, 9:], true[:, 9:])
    for row, old, cloud in zip(drawn.rows, true, drawn.clouds):
        before = np.linalg.norm(CLOUD.points - 0.1 * old[:3], axis=1).min()
        after = np.linalg.norm(cloud[:, :3] - 0.1 * row[:3], axis=1).min()
        assert after > before - 1e-4


def test_training_learns_and_goes_on_where_it_was_interrupted(grasps, tmp_path, monkeypatch):
    untrained = validate(ContactVae.create(CONFIG), grasps, CLOUDS)
    trained = train_contact_vae(CONFIG, grasps, CLOUDS, tmp_path / "whole")
    figures = validate(trained, grasps, CLOUDS)
    for hand, row in figures.items():
        assert row["points_mm"] < 0.5 * untrained[hand]["points_mm"]
        assert row["contact_bce"] < 0.5 * untrained[hand]["contact_bce"]
    steps, draw = [], draw_grasps

    def interrupted(*arguments):
        steps.append(1)
        if len(steps) > 60:  # the last checkpoint is that of step 50
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(training, "draw_grasps", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_contact_vae(CONFIG, grasps, CLOUDS, tmp_path / "part")
    monkeypatch.undo()
    again = train_contact_vae(CONFIG, grasps, CLOUDS, tmp_path / "part")
    for key, value in trained.model.state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[key], value, rtol=0, atol=0)


def test_weights_come_back(vae, tmp_path):
    vae.save(tmp_path)
    again = ContactVae.read(tmp_path)
    assert again.config == CONFIG
    for key, value in vae.model.state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[key], value.half().float())


def test_a_part_that_is_asked_for_is_all_that_is_shown(vae, chooser, monkeypatch):
    shown, sample = [], ContactVae.sample

    def watched(self, hand, cloud, *others):
        shown.append(cloud)
        return sample(self, hand, cloud, *others)

    monkeypatch.setattr(ContactVae, "sample", watched)
    source = ContactSource(vae, chooser.generator.tokenizer)
    task = Task("t", "pick up the box by the top", "xhand")
    high = CLOUD.points[:, 2] > 0.03
    asked = GraspRequest(
        task, grab(CLOUD), CLOUD, HAND.open_joints, np.eye(4), manner_of(task.instruction), high
    )
    proposals = source.propose(asked, 2)
    assert len(proposals) == 2
    assert len(shown[0].points) == high.sum()
    for view, _ in proposals:
        assert view.cloud is CLOUD
