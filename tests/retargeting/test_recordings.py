"""Whole folders: what is written, kept, refused; and the benchmark against dex-retargeting."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from human_motions import human_motion
from unihm.cli.main import main
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode
from unihm.learning.synthesis.adoption import adopt, adopt_folder
from unihm.retargeting.keypoints import mirror
from unihm.retargeting.recordings import retarget_recordings
from unihm.retargeting.retargeter import Retargeter
from unihm.robots import load_hand
from unihm.transforms import FloatArray, apply


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(3):
        np.savez(tmp_path / f"take_{seed}.npz", keypoints=human_motion(30, seed))
    right = human_motion(30, 7)
    np.savez(tmp_path / "both.npz", right_keypoints=right, left_keypoints=mirror(right))
    np.savez(tmp_path / "nothing.npz", other=np.zeros(3))
    return tmp_path


def test_a_folder_is_retargeted_and_what_is_there_is_kept(folder: Path) -> None:
    files, out = sorted(folder.glob("*.npz")), folder / "out"
    first = list(retarget_recordings(files, "inspire", out, workers=1))
    assert sorted(o.output.name for o in first if not o.error) == [
        "both.right_keypoints.npz",
        "take_0.npz",
        "take_1.npz",
        "take_2.npz",
    ]
    (failed,) = (o for o in first if o.error)
    assert failed.source.name == "nothing.npz"
    again = list(retarget_recordings(files, "inspire", out, workers=1))
    assert sum(o.skipped for o in again) == 4
    # A source that changed is done again, and so is a half-written result.
    np.savez(files[-1], keypoints=human_motion(31, 9))
    (out / "inspire" / "take_0.npz").unlink()
    third = list(retarget_recordings(files, "inspire", out, workers=1))
    assert sorted(o.source.stem for o in third if not o.skipped and not o.error) == [
        "take_0",
        "take_2",
    ]


def test_the_file_holds_what_the_retargeter_gives(folder: Path) -> None:
    (outcome,) = retarget_recordings([folder / "take_1.npz"], "xhand_left", folder, workers=1)
    assert "right hand" in outcome.error
    (outcome,) = retarget_recordings([folder / "take_1.npz"], "xhand", folder, workers=1)
    direct = Retargeter(load_hand("xhand")).retarget(human_motion(30, 1))
    with np.load(outcome.output, allow_pickle=False) as file:
        np.testing.assert_array_equal(file["joints"], direct.joints)
        np.testing.assert_array_equal(file["T_world_wrist"], direct.T_world_wrist)
        assert file["joint_names"].tolist() == list(load_hand("xhand").joint_names)
    about = json.loads(outcome.output.with_suffix(".json").read_text())
    assert about["hand"] == "xhand"
    assert about["config"]["smoothness"] > 0


def test_the_command_goes_on_after_a_bad_file_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["retarget", str(folder), "--hand", "ability", "--out", str(folder / "out")]
    assert main([*arguments, "--workers", "2"]) == 1
    printed = capsys.readouterr()
    assert "4 motions written, 0 kept, 1 failed" in printed.out
    assert main(["retarget", str(folder), "--hand", "tentacle"]) == 1
    assert "UNKNOWN_HAND" in capsys.readouterr().err
    assert main(["retarget", str(folder / "out" / "empty"), "--hand", "ability"]) == 1


def test_dask_is_an_option_that_is_missed_politely(folder: Path) -> None:
    try:
        import distributed  # noqa: F401
    except ImportError:
        with pytest.raises(UnihmError, match="Dask is not installed") as caught:
            list(retarget_recordings([folder / "take_0.npz"], "xhand", folder, dask="tcp://x:1"))
        assert caught.value.code is ErrorCode.MISSING_DEPENDENCY
    else:
        pytest.skip("Dask is installed")


def test_an_episode_gets_a_motion_of_another_hand(
    tmp_path: Path, make_box_episodes: Callable[..., list[Episode]]
) -> None:
    (episode,) = make_box_episodes(1, ("human",))
    adopted = adopt(episode, "allegro")
    person, hand = load_hand("human"), load_hand("allegro")
    for i in (0, len(episode.trajectory) - 1):
        tips = apply(
            episode.motions["human"].T_object_wrist[i],
            person.fingertips(episode.motions["human"].joints[i])[0],
        )
        robot = apply(
            adopted.motions["allegro"].T_object_wrist[i],
            hand.fingertips(adopted.motions["allegro"].joints[i])[0],
        )
        # Between thumb and fingers is between thumb and fingers.
        centres = [0.5 * (t[0] + t[1:4].mean(axis=0)) for t in (tips, robot)]
        assert np.linalg.norm(centres[0] - centres[1]) < 0.04
    path = episode.save(tmp_path)
    assert list(adopt_folder([path], "allegro", workers=1)) == [True]
    assert list(adopt_folder([path], "allegro", workers=1)) == [False]
    assert set(Episode.load(path).motions) == {"human", "allegro"}
    with pytest.raises(UnihmError, match="left hand"):
        adopt(episode, "allegro_left")


@pytest.mark.parametrize("hand", ["allegro", "shadow", "inspire", "leap"])
def test_no_worse_than_dex_retargeting(hand: str, keypoints: FloatArray) -> None:
    pytest.importorskip("dex_retargeting")
    from unihm.evaluation.retarget import measure, summarise
    from unihm.retargeting.retargeter import RetargetingConfig

    row = measure(hand, "made", keypoints, RetargetingConfig())
    assert row.error_mm <= row.error_dex_mm
    # The machine may be busy; the figures proper are those of `unihm bench retarget`.
    assert row.speedup_batch > 2
    figures: dict[str, Any] = summarise([row])
    assert figures["fingertip_error_no_worse"]
    assert figures["hands"][hand]["batch_us"] == pytest.approx(row.batch_us)


@pytest.mark.parametrize("hand", ["allegro", "shadow", "inspire", "leap"])
def test_no_worse_than_dex_retargeting_on_real_recordings(hand: str, recording: FloatArray) -> None:
    pytest.importorskip("dex_retargeting")
    from unihm.evaluation.retarget import measure
    from unihm.retargeting.retargeter import RetargetingConfig

    row = measure(hand, "recorded", recording[:150], RetargetingConfig())
    assert row.error_mm <= row.error_dex_mm
    assert row.error_stream_mm <= 1.05 * row.error_dex_mm
    assert row.error_corrected_mm <= row.error_mm


def test_the_benchmark_command(tmp_path: Path, keypoints: FloatArray) -> None:
    pytest.importorskip("dex_retargeting")
    np.savez(tmp_path / "take.npz", keypoints=keypoints[:20])
    out = tmp_path / "figures.json"
    arguments = ["--keypoints", str(tmp_path / "take.npz"), "--hands", "inspire"]
    assert main(["bench", "retarget", *arguments, "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert {"rows", "hands", "speedup_batch_min", "fingertip_error_no_worse"} <= set(figures)
