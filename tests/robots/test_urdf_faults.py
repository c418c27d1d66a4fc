"""A broken URDF or hand file is one sentence that says what is broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from unihm.cli.main import main
from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir
from unihm.robots import load_hand
from unihm.robots.check import check_hand
from unihm.robots.urdf import parse_urdf
from unihm.robots.urdf_text import resolve_path

LINKS = '<link name="a"/><link name="b"/><link name="c"/>'


def joint(name: str, parent: str, child: str, inside: str = "", kind: str = "revolute") -> str:
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
        f'<limit lower="0" upper="1" velocity="1" effort="1"/>{inside}</joint>'
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("<link", "not XML"),
        (LINKS + joint("j", "a", "nowhere"), "missing link 'nowhere'"),
        (LINKS + joint("j", "a", "b") + joint("k", "b", "a"), "cycle"),
        (LINKS + joint("j", "a", "b") + joint("k", "c", "b"), "two parent joints"),
        (LINKS + joint("j", "a", "b"), "one root link; it has a, c"),
        (LINKS + joint("j", "a", "b") + joint("k", "b", "c", kind="floating"), "'floating'"),
        (LINKS + joint("j", "a", "b") + joint("k", "b", "c", '<mimic joint="x"/>'), "mimics 'x'"),
        (LINKS + joint("j", "a", "b") + joint("k", "b", "c", '<origin xyz="1 2 x"/>'), "3 numbers"),
        (LINKS + LINKS + joint("j", "a", "b"), "more than one link named a, b, c"),
    ],
)
def test_broken_urdfs(body: str, sentence: str) -> None:
    with pytest.raises(UnihmError, match=sentence) as caught:
        parse_urdf(f"<robot name='r'>{body}</robot>")
    assert caught.value.code is ErrorCode.INVALID_HAND_FILE


def test_a_hand_below_an_arm_is_read_from_its_wrist_down() -> None:
    text = f"<robot name='r'>{LINKS}{joint('j', 'a', 'b')}{joint('k', 'b', 'c')}</robot>"
    urdf = parse_urdf(text, root="b")
    assert urdf.links == ("b", "c")
    assert [j.name for j in urdf.joints] == ["k"]
    with pytest.raises(UnihmError, match="no link 'wrist'"):
        parse_urdf(text, "wrist")


def test_package_urls_are_found_in_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "share" / "my_hand" / "urdf" / "hand.urdf"
    file.parent.mkdir(parents=True)
    file.write_text("<robot/>")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert resolve_path("package://my_hand/urdf/hand.urdf", Path("/")) == file
    with pytest.raises(UnihmError, match="no package 'other_hand'"):
        resolve_path("package://other_hand/urdf/hand.urdf", Path("/"))


def broken(tmp_path: Path, old: str, new: str, name: str = "inspire") -> Path:
    """The hand's file with one thing changed."""
    text = (config_dir() / "hands" / f"{name}.yaml").read_text()
    assert old in text
    path = tmp_path / f"{name}.yaml"
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("urdf: inspire.urdf", "urdf: nowhere.urdf", "nowhere.urdf does not exist"),
        ("wrist_link: base", "wrist_link: bass", "no link 'bass'"),
        ("index_proximal_joint", "index_joint", "index_joint: not in the URDF"),
        ("[thumb_proximal_yaw_joint, ", "[", "leaves out|has 6 values"),
        ("index_proximal_joint", "index_intermediate_joint", "mimic joints there"),
        ("link: index_proximal}", "link: index_phalanx}", "index_phalanx: no links of the URDF"),
        ("side: right", "side: up", "side must be .right. or .left."),
        ("side: right", "side: right\ncolour: red", "colour: no such setting"),
        ("protocol: inspire", "protocol: telepathy", "telepathy"),
        ("joint: pinky_proximal_joint, at", "joint: pinkie, at", "pinkie"),
        ("finger: thumb", "finger: tentacle", "tentacle"),
        (
            "pad_radius: 0.00693",
            "pad_radius: 0",
            "pad_radius must be greater than 0",
        ),
        ("normal: [-0.4108, 0.9117, 0.0046]", "normal: [0, 0, 7]", "length 7.000"),
        ("normal: [-0.4108, 0.9117, 0.0046]", "normal: [0, 1]", r"normal\[2\] is missing"),
        ("  open: ", "  ajar: ", "poses must be open, pregrasp, closed"),
        ("  wrist: {link: base}", "  elbow: {link: base}", "unknown parts: elbow"),
        ("urdf: inspire.urdf", "urdf: [", "not YAML"),
    ],
)
def test_broken_hand_files(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(UnihmError, match=sentence) as caught:
        load_hand(str(broken(tmp_path, old, new)))
    assert caught.value.code is ErrorCode.INVALID_HAND_FILE


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("normal: [-0.4108, 0.9117, 0.0046]", "normal: [0.4108, -0.9117, -0.0046]", "points into"),
        ("xyz: [0.01008, 0.01397, -0.00604]", "xyz: [0.01, 0.1, -0.006]", "outside the surface"),
        ("open: [1.2, 0.05, 0.0,", "open: [1.2, 0.05, 9.0,", "outside 0.000 to 1.47"),
        ("  closed: [1.2, 0.5, 1.3,", "  closed: [1.2, 0.5, 0.0,", "moves the index's tip away"),
        ("normal: [1.0, 0.0, 0.0]}", "normal: [-1.0, 0.0, 0.0]}", "is a left hand"),
        ("approach: [0.0, 0.0, 1.0]", "approach: [0.0, 0.0, -1.0]", "away from the open fingers"),
        ("  wrist: {link: base}\n", "", "lacks the wrist"),
        ("  - {name: ring, joint: ring_", "  - {name: ring, joint: middle_", "no channel for ring"),
    ],
)
def test_hand_check_finds_what_is_wrong(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    report = check_hand(str(broken(tmp_path, old, new)))
    assert not report.ok
    assert any(sentence in fault for fault in report.faults), report.faults


def test_hand_check_sees_links_that_overlap_at_rest(tmp_path: Path) -> None:
    urdf = (config_dir() / "robots" / "inspire.urdf").read_text()
    # The little finger grows out of the middle one.
    old = '<origin xyz="0.00028533 -0.13571 0.025488" rpy="3.0369 0 0"/>'
    assert old in urdf
    (tmp_path / "clash.urdf").write_text(
        urdf.replace(old, '<origin xyz="0.00028533 -0.1371 -0.01295" rpy="3.0369 0 0"/>')
    )
    report = check_hand(str(broken(tmp_path, "urdf: inspire.urdf", "urdf: clash.urdf")))
    assert any("overlap" in fault for fault in report.faults), report.faults


def test_the_command_prints_faults_and_draws_what_can_be_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "hand.png"
    assert main(["hand", "check", "inspire", "--picture", str(picture)]) == 0
    assert "The hand is fine." in capsys.readouterr().out
    colours = np.unique(np.asarray(Image.open(picture)).reshape(-1, 3), axis=0)
    assert len(colours) > 50
    backwards = broken(tmp_path, "normal: [-0.4108, 0.9117,", "normal: [0.4108, -0.9117,")
    assert main(["hand", "check", str(backwards), "--picture", str(picture)]) == 1
    assert "fault: Fingertip thumb: the normal points into" in capsys.readouterr().out
    missing = broken(tmp_path, "urdf: inspire.urdf", "urdf: nowhere.urdf")
    assert main(["hand", "check", str(missing)]) == 1
    assert "fault: The URDF" in capsys.readouterr().out
