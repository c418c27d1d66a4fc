"""Hostile keypoints: an error that says what is wrong, or a correction with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from human_motions import human_motion
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from unihm.errors import ErrorCode, UnihmError
from unihm.retargeting.keypoints import (
    FROM_MANO,
    check_keypoints,
    mirror,
    palm_frames,
    read_keypoints,
    side_of,
)
from unihm.retargeting.retargeter import PATIENCE, Retargeter
from unihm.robots import load_hand
from unihm.transforms import FloatArray, is_rigid


def rejected(keypoints: FloatArray, sentence: str, side: str = "right") -> None:
    with pytest.raises(UnihmError, match=sentence) as caught:
        check_keypoints(keypoints, side)
    assert caught.value.code is ErrorCode.INVALID_KEYPOINTS


def test_good_keypoints_pass_unchanged_and_in_silence(keypoints: FloatArray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(check_keypoints(keypoints, "right"), keypoints)


@pytest.mark.parametrize("shape", [(21, 3), (5, 20, 3), (5, 21, 2), (0, 21, 3)])
def test_wrong_shapes(shape: tuple[int, ...]) -> None:
    rejected(np.zeros(shape), "T, 21, 3")


def test_short_gaps_are_bridged_with_a_warning(keypoints: FloatArray) -> None:
    holed = keypoints.copy()
    holed[20:26, 3:5] = np.nan
    holed[0] = np.inf
    with pytest.warns(UserWarning, match="Bridged 7 frames"):
        clean = check_keypoints(holed, "right")
    assert np.abs(clean - keypoints).max() < 0.1
    np.testing.assert_array_equal(clean[30:], keypoints[30:])


def test_long_gaps_and_nothing_but_gaps_are_errors(keypoints: FloatArray) -> None:
    holed = keypoints.copy()
    holed[10:30] = np.nan
    rejected(holed, "20 in a row")
    rejected(np.full_like(keypoints, np.nan), "60 of 60 frames")


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "millimetres"), (1e2, "centimetres")])
def test_other_units_are_recognised(keypoints: FloatArray, factor: float, unit: str) -> None:
    with pytest.warns(UserWarning, match=unit):
        clean = check_keypoints(factor * keypoints, "right")
    np.testing.assert_allclose(clean, keypoints, atol=1e-12)


@pytest.mark.parametrize("factor", [3.0, 1e-2, 1e6])
def test_a_hand_of_impossible_size(keypoints: FloatArray, factor: float) -> None:
    rejected(factor * keypoints, "no hand does")


def test_the_other_hand_is_noticed(keypoints: FloatArray) -> None:
    rejected(mirror(keypoints), "left hand")
    rejected(keypoints, "right hand", side="left")
    check_keypoints(mirror(keypoints), "left")
    assert side_of(keypoints) == "right"
    assert side_of(mirror(keypoints)) == "left"


def test_manos_own_order_is_named(keypoints: FloatArray) -> None:
    in_mano_order = np.empty_like(keypoints)
    in_mano_order[:, FROM_MANO] = keypoints
    rejected(in_mano_order, "FROM_MANO")


@pytest.mark.parametrize(
    "order",
    {
        "fingers reversed": [
            0,
            *range(17, 21),
            *range(13, 17),
            *range(9, 13),
            *range(5, 9),
            1,
            2,
            3,
            4,
        ],
        "tips first": [0, *(b + 3 - i for b in range(1, 21, 4) for i in range(4))],
        "wrist last": [*range(1, 21), 0],
        "two fingers swapped": [*range(5), *range(9, 13), *range(5, 9), *range(13, 21)],
        "by joint, not by finger": [0, *(b + i for i in range(4) for b in range(1, 21, 4))],
    }.values(),
)
def test_other_orders_are_errors(keypoints: FloatArray, order: list[int]) -> None:
    with pytest.raises(UnihmError, match=r"order|hand") as caught:
        check_keypoints(keypoints[:, order], "right")
    assert caught.value.code is ErrorCode.INVALID_KEYPOINTS


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(21)).filter(lambda order: order != list(range(21))))
def test_no_permutation_passes_unnoticed(order: list[int]) -> None:
    with pytest.raises(UnihmError):
        check_keypoints(human_motion(5)[:, order], "right")


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float64,
        (3, 21, 3),
        elements=st.floats(-1e3, 1e3) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0]),
    )
)
def test_whatever_comes_in_either_a_motion_within_limits_or_a_coded_error_comes_out(
    keypoints: FloatArray,
) -> None:
    hand = load_hand("inspire")
    code, result = None, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = Retargeter(hand).retarget(keypoints)
    except UnihmError as error:
        code = error.code
    if result is None:
        assert code is ErrorCode.INVALID_KEYPOINTS
        return
    assert np.isfinite(result.T_world_wrist).all()
    assert (result.joints >= hand.lower).all()
    assert (result.joints <= hand.upper).all()


def test_palm_frames_are_rigid_and_turn_with_the_hand(keypoints: FloatArray) -> None:
    frames = palm_frames(keypoints, "right")
    assert is_rigid(frames)
    turn = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    turned = palm_frames(keypoints @ turn.T, "right")
    np.testing.assert_allclose(turned[:, :3, :3], turn @ frames[:, :3, :3], atol=1e-9)


def test_the_real_recordings_pass(recording: FloatArray) -> None:
    check_keypoints(recording, "right")
    rejected(mirror(recording), "left hand")


def test_files_that_hold_no_keypoints(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", other=np.zeros(3))
    with pytest.raises(UnihmError, match="no keypoints"):
        read_keypoints(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", objects=np.array([{}], dtype=object))
    with pytest.raises(UnihmError, match=r"pickle|no keypoints"):
        read_keypoints(tmp_path / "b.npz")
    (tmp_path / "c.npz").write_bytes(b"not a zip")
    with pytest.raises(UnihmError, match="cannot be read"):
        read_keypoints(tmp_path / "c.npz")


# ---------------------------------------------------------------- as trackers make them


@pytest.mark.parametrize("value", [0.0, -1.0])
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_frame_without_a_hand_is_bridged(keypoints: FloatArray, value: float, side: str) -> None:
    clean = keypoints if side == "right" else mirror(keypoints)
    lost = clean.copy()
    lost[30] = value
    with pytest.warns(UserWarning, match=r"Bridged 1 frames .*frame 30"):
        mended = check_keypoints(lost, side)
    assert np.linalg.norm(mended[30] - clean[30], axis=-1).max() < 0.03
    with pytest.raises(UnihmError, match="hand"), pytest.warns(UserWarning, match="Bridged"):
        check_keypoints(lost, "left" if side == "right" else "right")


def test_a_joint_at_the_origin_is_bridged(keypoints: FloatArray) -> None:
    lost = keypoints.copy()
    lost[20:24, 7] = 0.0
    with pytest.warns(UserWarning, match="Bridged 4 frames"):
        mended = check_keypoints(lost, "right")
    assert np.linalg.norm(mended[20:24] - keypoints[20:24], axis=-1).max() < 0.05


def test_a_joint_off_its_bone_is_bridged(keypoints: FloatArray) -> None:
    odd = keypoints.copy()
    odd[20, 8] += [0.0, 0.0, 0.3]
    with pytest.warns(UserWarning, match="Bridged 1 frames"):
        mended = check_keypoints(odd, "right")
    assert np.linalg.norm(mended[20, 8] - keypoints[20, 8]) < 0.05


def test_keypoints_relative_to_the_wrist_are_not_lost(keypoints: FloatArray) -> None:
    relative = keypoints - keypoints[:, :1]
    np.testing.assert_array_equal(check_keypoints(relative, "right"), relative)


def test_landmarks_normalised_to_the_image_are_refused(keypoints: FloatArray) -> None:
    landmarks = 0.5 + 1.5 * keypoints
    landmarks[:, :, 2] -= landmarks[:, :1, 2]
    rejected(landmarks, "hand_world_landmarks")
    rejected(landmarks[:1], "hand_world_landmarks")


def test_hands_that_swap_sides_halfway(keypoints: FloatArray) -> None:
    swapped = keypoints.copy()
    swapped[40:] = mirror(keypoints[40:])
    swapped[40:] += swapped[39, 0] - swapped[40, 0]
    rejected(swapped, "frames 40 to 59.* other hand")


def test_a_wrist_that_jumps(keypoints: FloatArray) -> None:
    jumped = keypoints.copy()
    jumped[25:] += [1.0, 0.0, 0.0]
    rejected(jumped, "Between frames 24 and 25 the wrist jumps by")


def test_a_unit_that_changes(keypoints: FloatArray) -> None:
    changed = keypoints.copy()
    changed[40:] *= 1e3
    rejected(changed, r"20 of 60 frames \(frames 40 to 59\) hold a hand of another size")


def refused_next(retargeter: Retargeter, frame: FloatArray, sentence: str) -> None:
    with pytest.raises(UnihmError, match=sentence) as caught:
        retargeter.step(frame)
    assert caught.value.code is ErrorCode.INVALID_KEYPOINTS


def test_every_frame_of_a_stream_is_checked(keypoints: FloatArray) -> None:
    retargeter = Retargeter(load_hand("inspire"))
    for frame in keypoints[:5]:
        retargeter.step(frame)
    refused_next(retargeter, np.zeros((21, 3)), "is it lost")
    refused_next(retargeter, 1e3 * keypoints[5], "did the unit change")
    refused_next(retargeter, keypoints[5] + [1.0, 0, 0], "The wrist jumps by")
    other = mirror(keypoints[5])
    refused_next(retargeter, other + keypoints[5, 0] - other[0], "the other hand")
    off = keypoints[5].copy()
    off[12] = 0.4
    refused_next(retargeter, off, "Keypoint 12 .* off its bone")
    follows, undisturbed = Retargeter(load_hand("inspire")), retargeter.step(keypoints[5])
    for frame in keypoints[:6]:
        expected = follows.step(frame)
    np.testing.assert_array_equal(undisturbed.joints, expected.joints)


def test_a_stream_that_goes_on_elsewhere_is_taken_up_again(keypoints: FloatArray) -> None:
    retargeter = Retargeter(load_hand("inspire"))
    retargeter.step(keypoints[0])
    elsewhere = keypoints + np.array([1.0, 0.0, 0.0])
    for frame in elsewhere[:PATIENCE]:
        refused_next(retargeter, frame, "jumps")
    moved = retargeter.step(elsewhere[PATIENCE])
    expected = Retargeter(load_hand("inspire")).step(elsewhere[PATIENCE])
    np.testing.assert_array_equal(moved.T_world_wrist, expected.T_world_wrist)


@pytest.mark.parametrize(
    ("lay_out", "sentence"),
    [
        (lambda k: k.reshape(-1, 63), "rows of 21 points"),
        (lambda k: k[0], "one frame"),
        (lambda k: np.concatenate([k, np.ones((60, 21, 1))], axis=2), "with a confidence"),
        (lambda k: k.swapaxes(1, 2), "coordinates before points"),
    ],
)
def test_other_layouts_are_taken_and_said(
    tmp_path: Path,
    keypoints: FloatArray,
    lay_out: Callable[[FloatArray], FloatArray],
    sentence: str,
) -> None:
    np.save(tmp_path / "a.npy", lay_out(keypoints))
    with pytest.warns(UserWarning, match=sentence):
        (found,) = read_keypoints(tmp_path / "a.npy").values()
    np.testing.assert_array_equal(found, keypoints[: len(found)])


def test_two_hands_and_whole_numbers(tmp_path: Path, keypoints: FloatArray) -> None:
    np.savez(tmp_path / "a.npz", hands=np.stack([keypoints, mirror(keypoints)], axis=1))
    with pytest.warns(UserWarning, match="two hands"):
        found = read_keypoints(tmp_path / "a.npz")
    np.testing.assert_array_equal(found["hands1"], mirror(keypoints))
    whole = np.round(1e3 * keypoints).astype(int)
    np.savez(tmp_path / "b.npz", k=whole)
    with pytest.warns(UserWarning, match="millimetres"):
        check_keypoints(read_keypoints(tmp_path / "b.npz")["k"], "right")


def test_what_is_there_is_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", points=np.zeros((5, 21, 2)), other=np.zeros(3))
    sentence = r"points \(5, 21, 2\), other \(3,\)\. Points \(x, y\) of an image have no depth"
    with pytest.raises(UnihmError, match=sentence):
        read_keypoints(tmp_path / "a.npz")


def test_fingers_without_a_length_are_refused() -> None:
    """Scaled to a robot's finger they would be infinite, and the wrist nowhere."""
    keypoints = np.ones((3, 21, 3))
    keypoints[0, 5, 0] = keypoints[1, 6, 0] = 0.0
    with pytest.raises(UnihmError, match="all in one place") as caught:
        Retargeter(load_hand("inspire")).retarget(keypoints)
    assert caught.value.code is ErrorCode.INVALID_KEYPOINTS
