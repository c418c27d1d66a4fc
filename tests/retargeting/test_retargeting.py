"""Retargeting: limits, accuracy, smoothness, streams, batches, and what it must not depend on."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from human_motions import human_motion
from unihm.errors import ErrorCode, UnihmError
from unihm.retargeting.keypoints import mirror
from unihm.retargeting.retargeter import Retargeter, RetargetingConfig
from unihm.retargeting.targets import GripperTargets
from unihm.robots import FINGERS, list_hands, load_hand
from unihm.transforms import FloatArray, apply, from_xyz_rpy, is_rigid

FULLY_ACTUATED = ("human", "shadow", "allegro", "leap")


def within_limits(hand_name: str, joints: FloatArray) -> bool:
    hand = load_hand(hand_name)
    return bool((joints >= hand.lower).all() and (joints <= hand.upper).all())


@pytest.mark.parametrize("name", list_hands())
def test_every_hand_follows_a_person(name: str) -> None:
    hand = load_hand(name)
    keypoints = human_motion(60, side=hand.side)
    result = Retargeter(hand).retarget(keypoints)
    assert result.joints.shape == (60, hand.num_joints)
    assert is_rigid(result.T_world_wrist)
    assert within_limits(name, result.joints)
    limit = 0.003 if name.removesuffix("_left") in FULLY_ACTUATED else 0.015
    if hand.num_joints > 1:
        assert result.tip_error.mean() < limit
        # What is reported is what forward kinematics says.
        rows = [4 + 4 * FINGERS.index(finger) for finger in hand.finger_names]
        for i in (0, 30, 59):
            miss = hand.keypoints(result.joints[i])[rows] - result.targets[i]
            np.testing.assert_allclose(np.linalg.norm(miss, axis=1), result.tip_error[i], atol=1e-9)


def test_the_human_hand_gets_its_own_pose_back() -> None:
    hand, keypoints = load_hand("human"), human_motion(60, seed=3)
    result = Retargeter(hand, RetargetingConfig(smoothness=1e-6)).retarget(keypoints)
    again = np.array([hand.keypoints(q) for q in result.joints])
    in_world = apply(result.T_world_wrist, again)
    assert np.linalg.norm(in_world - keypoints, axis=-1).mean() < 0.004


def test_where_the_hand_is_in_the_world_does_not_matter(keypoints: FloatArray) -> None:
    T = from_xyz_rpy([1.0, -2.0, 0.5], [0.4, -1.2, 2.5])
    retargeter = Retargeter(load_hand("xhand"))
    here, there = retargeter.retarget(keypoints), retargeter.retarget(apply(T, keypoints))
    np.testing.assert_allclose(there.joints, here.joints, atol=1e-6)
    np.testing.assert_allclose(there.T_world_wrist, T @ here.T_world_wrist, atol=1e-6)


def test_the_size_of_the_person_does_not_matter_to_the_posture(keypoints: FloatArray) -> None:
    # Apertures are kept true on purpose; without that, a child's hand gives the same joints.
    config = RetargetingConfig(pinch_near=0.0, pinch_far=1e-6)
    retargeter = Retargeter(load_hand("allegro"), config)
    adult, child = retargeter.retarget(keypoints), retargeter.retarget(0.7 * keypoints)
    np.testing.assert_allclose(child.joints, adult.joints, atol=1e-4)


@pytest.mark.parametrize("name", ["allegro", "leap", "shadow"])
def test_a_pinch_stays_a_pinch_on_larger_hands(name: str) -> None:
    keypoints = human_motion(30, seed=5)
    keypoints[:, 4] = keypoints[:, 8] + 0.002
    result = Retargeter(load_hand(name)).retarget(keypoints)
    gap = np.linalg.norm(result.targets[:, 0] - result.targets[:, 1], axis=1)
    assert gap.max() < 0.005


def test_one_frame_and_two_frames(keypoints: FloatArray) -> None:
    retargeter = Retargeter(load_hand("svh"))
    for count in (1, 2):
        result = retargeter.retarget(keypoints[:count])
        assert len(result) == count
        assert within_limits("svh", result.joints)


def test_a_hundred_thousand_frames(keypoints: FloatArray) -> None:
    many = np.tile(np.concatenate([keypoints, keypoints[::-1]]), (834, 1, 1))[:100_000]
    result = Retargeter(load_hand("inspire")).retarget(many)
    assert len(result) == 100_000
    assert within_limits("inspire", result.joints)
    short = Retargeter(load_hand("inspire")).retarget(many[:240])
    np.testing.assert_allclose(result.joints[60:120], short.joints[60:120], atol=0.05)


def test_many_sequences_at_once_are_each_their_own() -> None:
    sequences = [human_motion(n, seed=n) for n in (40, 1, 75)]
    retargeter = Retargeter(load_hand("shadow"))
    together = retargeter.retarget_many(sequences)
    for sequence, result in zip(sequences, together):
        alone = retargeter.retarget(sequence)
        np.testing.assert_allclose(result.joints, alone.joints, atol=1e-6)
        np.testing.assert_allclose(result.T_world_wrist, alone.T_world_wrist, atol=1e-6)


@pytest.mark.parametrize("name", ["xhand", "human", "panda_gripper"])
def test_a_stream_gives_nearly_what_the_whole_gives(name: str, keypoints: FloatArray) -> None:
    retargeter = Retargeter(load_hand(name))
    whole = retargeter.retarget(keypoints)
    stream = [retargeter.step(frame) for frame in keypoints]
    positions = np.array([s.T_world_wrist[0, :3, 3] for s in stream])
    assert within_limits(name, np.array([s.joints[0] for s in stream]))
    assert np.linalg.norm(positions - whole.T_world_wrist[:, :3, 3], axis=1).mean() < 0.02
    assert np.mean([s.tip_error for s in stream]) < whole.tip_error.mean() + 0.004


def test_a_stream_survives_bad_frames(keypoints: FloatArray) -> None:
    retargeter = Retargeter(load_hand("xhand"))
    before = retargeter.step(keypoints[0])
    for bad in (np.full((21, 3), np.nan), np.zeros((20, 3))):
        with pytest.raises(UnihmError) as caught:
            retargeter.step(bad)
        assert caught.value.code is ErrorCode.INVALID_KEYPOINTS
    after = retargeter.step(keypoints[0])
    np.testing.assert_allclose(after.joints, before.joints, atol=0.15)


def test_a_stream_in_millimetres_is_recognised_once(keypoints: FloatArray) -> None:
    retargeter = Retargeter(load_hand("xhand"))
    with pytest.warns(UserWarning, match="millimetres"):
        first = retargeter.step(1e3 * keypoints[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = retargeter.step(1e3 * keypoints[1])
    assert np.abs(second.T_world_wrist[0, :3, 3] - first.T_world_wrist[0, :3, 3]).max() < 0.1


def test_a_stream_of_the_wrong_hand_is_refused(keypoints: FloatArray) -> None:
    with pytest.raises(UnihmError, match="left hand"):
        Retargeter(load_hand("xhand")).step(mirror(keypoints)[0])


def test_noise_of_millimetres_does_not_shake_the_fingers(keypoints: FloatArray) -> None:
    random = np.random.default_rng(0)
    noisy = np.repeat(keypoints[:1], 120, axis=0) + random.normal(0, 0.002, (120, 21, 3))
    result = Retargeter(load_hand("xhand")).retarget(noisy)
    assert result.joints.std(axis=0).mean() < 0.06
    palm = (result.T_world_wrist @ load_hand("xhand").T_wrist_palm)[:, :3, 3]
    assert np.linalg.norm(palm.std(axis=0)) < 0.004


def test_the_gripper_takes_the_aperture_and_clamps_it(keypoints: FloatArray) -> None:
    hand = load_hand("panda_gripper")
    # The thumb's tip about the index's: shut, open, wider open than the gripper goes.
    frames = np.repeat(keypoints[:1], 3, axis=0)
    direction = frames[:, 4] - frames[:, 8]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    frames[:, 8] = frames[:, 4] - direction * np.array([[0.001], [0.05], [0.12]])
    targets = GripperTargets(hand, aperture_scale=1.0)
    joints, T_world_wrist = targets.joints(frames), targets.build(frames).T_world_wrist
    openings = [np.linalg.norm(np.diff(hand.fingertips(q)[0], axis=0)) for q in joints]
    np.testing.assert_allclose(openings, [0.001, 0.05, 0.08], atol=2e-3)
    for T, q, frame in zip(T_world_wrist, joints, frames):
        pads = apply(T, hand.fingertips(q)[0])
        np.testing.assert_allclose(pads.mean(axis=0), (frame[4] + frame[8]) / 2, atol=1e-6)


def test_motions_are_smoother_than_the_recording_is_noisy(recording: FloatArray) -> None:
    for name in ("allegro", "inspire", "xhand"):
        result = Retargeter(load_hand(name)).retarget(recording)
        assert within_limits(name, result.joints)
        assert np.median(np.abs(np.diff(result.joints, axis=0))) < 0.05
        assert result.tip_error.mean() < 0.012


def test_nonsense_settings_are_refused() -> None:
    with pytest.raises(UnihmError, match="pinch_near"):
        RetargetingConfig(pinch_near=0.2, pinch_far=0.1)
