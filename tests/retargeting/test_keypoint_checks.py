"""Hostile keypoints: an error that says what is wrong, or a correction with a warning."""

from __future__ import annotations

import warnings
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
from unihm.retargeting.retargeter import Retargeter
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
