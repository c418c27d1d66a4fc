"""Descriptions as users have them: read as they are meant, or refused in one sentence."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pages
import pytest
import trimesh
import yaml
from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.robots.assembly import assemble
from unihm.robots.check import check_hand
from unihm.robots.surface import surface_points
from unihm.robots.urdf import parse_urdf, read_urdf
from unihm.sim.free_hand import FreeHandWorld
from unihm.sim.scene import Scene

CLAW = (pages.ROOT / "examples" / "05_add_a_hand" / "claw.urdf").read_text()
SPEC = next(text for kind, text in pages.blocks("add_a_hand") if kind == "yaml")
#: The shape of the index's last link.
DISTAL = CLAW[CLAW.index('<link name="index_distal">') :].split("</link>")[0]


def claw(folder: Path, *changes: tuple[str, str], urdf: bytes | None = None) -> str:
    """The page's hand with changes to its URDF; the path of its hand file."""
    text = CLAW
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "claw.urdf").write_bytes(text.encode() if urdf is None else urdf)
    (folder / "claw.yaml").write_text(SPEC)
    load_hand.cache_clear()
    return str(folder / "claw.yaml")


def with_distal_mesh(folder: Path, name: str, scale: str = "") -> str:
    """The claw whose last link of the index is touched as a mesh of that name."""
    body = f'<geometry><mesh filename="{name}"{scale}/></geometry>'
    start = DISTAL.index("<geometry>", DISTAL.index("<collision>"))
    end = DISTAL.index("</geometry>", start) + len("</geometry>")
    return claw(folder, (DISTAL, DISTAL[:start] + body + DISTAL[end:]))


def refused(name: str, sentence: str) -> None:
    report = check_hand(name)
    assert any(sentence in fault for fault in report.faults), report.faults
    with pytest.raises(UnihmError, match=r"\w"):
        FreeHandWorld(Scene(), name)


def pad(size: float = 1.0) -> trimesh.Trimesh:
    """About the shape of the claw's last link, metres times ``size``."""
    mesh = trimesh.creation.capsule(0.026, 0.009)
    mesh.apply_translation([0, 0, 0.02 - float(mesh.bounds[:, 2].mean())])
    mesh.apply_scale(size)
    return mesh


# ------------------------------------------------------------------------------ which file


def test_the_file_beside_the_hand_file_wins_and_is_named(tmp_path: Path) -> None:
    hands, robots = config_dir() / "hands", config_dir() / "robots"
    (tmp_path / "mine.yaml").write_text((hands / "allegro.yaml").read_text())
    text = (robots / "allegro.urdf").read_text()
    (tmp_path / "allegro.urdf").write_text(text.replace('lower="-0.47"', 'lower="-0.10"'))
    hand = load_hand(str(tmp_path / "mine.yaml"))
    assert hand.lower[0] == pytest.approx(-0.10)
    assert load_hand("allegro").lower[0] == pytest.approx(-0.47)
    report = check_hand(str(tmp_path / "mine.yaml"))
    assert any(str(tmp_path / "allegro.urdf") in remark for remark in report.remarks)


@pytest.mark.parametrize("name", ["../robots/fr3", "../../evil", "/etc/passwd", ""])
def test_a_name_is_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnihmError, match="No hand is called") as caught:
        load_hand(name)
    assert caught.value.code is ErrorCode.UNKNOWN_HAND
    (tmp_path / "hand.yaml").write_text(SPEC.replace("name: claw", f"name: '{name}'"))
    with pytest.raises(UnihmError, match="the name must be one word"):
        load_hand(str(tmp_path / "hand.yaml"))


def test_of_a_urdf_without_a_hand_file_is_said_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "claw.urdf").write_text(CLAW)
    report = check_hand(str(tmp_path / "claw.urdf"))
    assert not report.ok
    assert f"write {tmp_path / 'claw.yaml'}" in report.faults[-1]
    assert any("thumb_turn" in remark for remark in report.remarks)
    (tmp_path / "claw.yaml").write_text(SPEC)
    assert check_hand(str(tmp_path / "claw.urdf")).ok


# ------------------------------------------------------------------------------ names


def test_a_joint_may_be_named_like_a_link(tmp_path: Path) -> None:
    text = CLAW.replace('joint name="index_flex"', 'joint name="index_proximal"')
    text = text.replace('mimic joint="index_flex"', 'mimic joint="index_proximal"')
    name = claw(tmp_path, urdf=text.encode())
    path = Path(name)
    path.write_text(path.read_text().replace("index_flex", "index_proximal"))
    assert check_hand(name).ok
    hand = load_hand(name)
    expected = load_hand(claw(tmp_path)).link_poses(hand.pregrasp_joints)["index_proximal"]
    np.testing.assert_allclose(
        hand.link_poses(hand.pregrasp_joints)["index_proximal"], expected, atol=1e-12
    )


def test_two_joints_of_one_name(tmp_path: Path) -> None:
    name = claw(tmp_path, ('<joint name="thumb_flex"', '<joint name="index_flex"'))
    refused(name, "more than one joint named index_flex")


# ------------------------------------------------------------------------------ meshes


@pytest.mark.parametrize("suffix", ["stl", "obj", "ply", "dae", "glb", "off"])
def test_every_kind_of_mesh_is_touched(tmp_path: Path, suffix: str) -> None:
    pad().export(tmp_path / f"pad.{suffix}")
    name = with_distal_mesh(tmp_path, f"pad.{suffix}")
    assert check_hand(name).ok
    world = FreeHandWorld(Scene(), name)
    (shape,) = world.robot._links["index_distal"].get_collision_shapes()
    extents = np.ptp(np.asarray(shape.vertices), axis=0)
    np.testing.assert_allclose(extents, pad().extents, atol=4e-4)


def test_the_unit_of_collada_counts(tmp_path: Path) -> None:
    pad(1000.0).export(tmp_path / "pad.dae")
    text = (tmp_path / "pad.dae").read_text()
    (tmp_path / "pad.dae").write_text(text.replace("<asset>", '<asset><unit meter="0.001"/>'))
    assert check_hand(with_distal_mesh(tmp_path, "pad.dae")).ok


@pytest.mark.parametrize(
    "name", ["file://{}/pad.stl", "my%20meshes/pad.stl", "my meshes\\pad.stl", "model://my/pad.stl"]
)
def test_names_of_meshes_are_taken_as_they_are_meant(tmp_path: Path, name: str) -> None:
    for folder in (tmp_path, tmp_path / "my meshes", tmp_path / "my"):
        folder.mkdir(exist_ok=True)
        pad().export(folder / "pad.stl")
    assert check_hand(with_distal_mesh(tmp_path, name.format(tmp_path))).ok


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (pad().export(file_type="stl")[:500], "is cut off"),
    ],
    ids=["missing", "empty", "pointer", "cut off"],
)
def test_a_mesh_that_is_not_there(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "pad.stl").write_bytes(content)
    refused(with_distal_mesh(tmp_path, "pad.stl"), sentence)


def test_a_mesh_in_millimetres(tmp_path: Path) -> None:
    pad(1000.0).export(tmp_path / "pad.stl")
    refused(with_distal_mesh(tmp_path, "pad.stl"), "is the mesh in millimetres?")
    assert check_hand(with_distal_mesh(tmp_path, "pad.stl", ' scale="0.001 0.001 0.001"')).ok


def test_a_large_surface_is_not_sampled_without_end(tmp_path: Path) -> None:
    trimesh.creation.box((2.0, 2.0, 2.0)).export(tmp_path / "pad.stl")
    hand = load_hand(with_distal_mesh(tmp_path, "pad.stl"))
    assert len(surface_points(hand, hand.open_joints, 1e-4)[0]) < 1_000_000


def test_a_mesh_that_is_only_drawn_may_be_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    visual = '<visual><geometry><mesh filename="package://gone/a.dae"/></geometry></visual>'
    name = claw(tmp_path, (DISTAL, DISTAL + visual))
    with caplog.at_level(logging.WARNING):
        assert "gone" not in assemble("fr3", name)
    assert "no package 'gone'" in caplog.text


# ------------------------------------------------------------------------------ numbers


GEOMETRY = DISTAL[DISTAL.index("<geometry>", DISTAL.index("<collision>")) :].split("</collision>")[
    0
]


@pytest.mark.parametrize(
    ("geometry", "sentence"),
    [
        ('<sphere radius="0"/>', "a <sphere> of size 0"),
        ('<cylinder radius="0.01"/>', 'length="" is not a number'),
        ("<box/>", 'size="" is not 3 numbers'),
        ('<box size="0.01, 0.01, 0.01"/>', "separated by spaces"),
        ('<mesh scale="1 1 1"/>', "without a filename"),
        ("<cone/>", "there are box, sphere, cylinder, capsule and mesh"),
    ],
)
def test_impossible_shapes(tmp_path: Path, geometry: str, sentence: str) -> None:
    changed = DISTAL.replace(GEOMETRY, f"<geometry>{geometry}</geometry>")
    refused(claw(tmp_path, (DISTAL, changed)), sentence)


INDEX = CLAW[CLAW.index('<joint name="index_flex"') :].split("</joint>")[0]


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        ('<limit lower="" upper="1" velocity="1" effort="1"/>', 'lower="" is not a number'),
        ('<limit lower="nan" upper="1" velocity="1" effort="1"/>', 'lower="nan" is not a number'),
        ('<limit lower="0" upper="91.7" velocity="1" effort="1"/>', "are these degrees?"),
        ('<axis xyz="0 0 0"/>', "the axis 0 0 0"),
        ('<origin xyz="0, 0, 0.018"/>', "3 numbers separated by spaces"),
        ('<mimic joint="middle_flex" multiplier="0"/>', "the multiplier 0"),
        (None, "has no <limit>"),
    ],
)
def test_impossible_joints(tmp_path: Path, inside: str | None, sentence: str) -> None:
    tag = "limit" if inside is None else inside[1:].split()[0]
    start = INDEX.find(f"<{tag} ")
    end = INDEX.index("/>", start) + 2 if start >= 0 else len(INDEX)
    joint = (INDEX if start < 0 else INDEX[:start] + INDEX[end:]) + (inside or "")
    report = check_hand(claw(tmp_path, (INDEX, joint)))
    assert any(sentence in fault for fault in report.faults), report.faults


INERTIAL = CLAW[CLAW.index('<mass value="0.4"/>') :].split("</inertial>")[0]


@pytest.mark.parametrize(
    ("inertial", "sentence"),
    [
        (
            '<mass value="0.1"/><inertia ixx="1" ixy="0" ixz="0" iyy="-1" iyz="0" izz="1"/>',
            "an inertia that is not positive",
        ),
        ('<mass value="0.1"/><inertia ixx="1e-5"/>', 'ixy="" is not a number'),
        ('<mass value="0.1"/>', "lacks its <mass> or <inertia>"),
        ('<mass value="-1"/><inertia ixx="1"/>', "the mass -1 kg"),
    ],
)
def test_impossible_inertias(tmp_path: Path, inertial: str, sentence: str) -> None:
    refused(claw(tmp_path, (INERTIAL, inertial)), sentence)


def test_a_hand_without_collision_shapes_is_said_to_touch_nothing(tmp_path: Path) -> None:
    bare = "".join(part.split("</collision>")[-1] for part in CLAW.split("<collision>"))
    report = check_hand(claw(tmp_path, urdf=bare.encode()))
    assert any("its fingers touch nothing" in fault for fault in report.faults)


def test_a_continuous_joint_turns_whatever_its_limits_say(tmp_path: Path) -> None:
    turn = CLAW[CLAW.index('<joint name="thumb_turn"') :].split("</joint>")[0]
    joint = turn.replace('type="revolute"', 'type="continuous"')
    start = joint.index("<limit")
    frozen = joint[:start] + '<limit lower="0" upper="0" velocity="1" effort="1"/>'
    frozen += joint[joint.index("/>", start) + 2 :]
    hand = load_hand(claw(tmp_path, (turn, frozen)))
    j = hand.joint_names.index("thumb_turn")
    assert (hand.lower[j], hand.upper[j]) == pytest.approx((-np.pi, np.pi))


@pytest.mark.parametrize("kind", ["floating", "planar"])
def test_what_is_above_the_wrist_may_be_anything(tmp_path: Path, kind: str) -> None:
    above = (
        f'<link name="world"/><joint name="free" type="{kind}"><parent link="world"/>'
        '<child link="claw_base"/></joint></robot>'
    )
    assert check_hand(claw(tmp_path, ("</robot>", above))).ok


# ------------------------------------------------------------------------------ text


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("ISO-8859-1", "latin-1"),
        ("GB2312", "gb2312"),
        ("UTF-16", "utf-16"),
        ("UTF-8", "utf-8-sig"),
        ("shift_jis", "shift_jis"),
    ],
)
def test_encodings(tmp_path: Path, declared: str, encoding: str) -> None:
    word = {"latin-1": "Greifer für Bälle", "utf-8-sig": "Zangenhand ✋"}.get(encoding, "手")
    body = CLAW[CLAW.index("<robot") :].replace("<link", f"<!-- {word} --><link", 1)
    text = f'<?xml version="1.0" encoding="{declared}"?>\n{body}'
    assert check_hand(claw(tmp_path, urdf=text.encode(encoding))).ok


def test_text_that_is_not_what_it_says_names_the_line(tmp_path: Path) -> None:
    data = CLAW.replace("<robot", "<!-- für -->\n<robot", 1).encode("latin-1")
    refused(claw(tmp_path, urdf=data), "is not text in utf-8")


# ------------------------------------------------------------------------------ xacro


MACRO = """<?xml version="1.0"?>
<robot xmlns:xacro="http://www.ros.org/wiki/xacro" name="claw">
  <xacro:arg name="reach" default="1.0"/>
  <xacro:property name="reach" value="$(arg reach)"/>
  <xacro:macro name="claw">%s</xacro:macro>
  %s
</robot>"""


def test_xacro_is_expanded_with_its_arguments(tmp_path: Path) -> None:
    inner = CLAW[CLAW.index(">", CLAW.index("<robot")) + 1 : CLAW.index("</robot>")]
    inner = inner.replace('lower="-0.3"', 'lower="${-0.3 * reach}"')
    assert "reach" in inner
    name = claw(tmp_path)
    (tmp_path / "claw.urdf.xacro").write_text(MACRO % (inner, "<xacro:claw/>"))
    plain = load_hand(name)
    Path(name).write_text(SPEC.replace("claw.urdf", "claw.urdf.xacro reach:=2.0"))
    load_hand.cache_clear()
    hand = load_hand(name)
    assert hand.lower.min() == pytest.approx(2 * plain.lower.min())
    assert hand.urdf.links == plain.urdf.links


def test_xacro_that_calls_none_of_its_macros_is_no_robot(tmp_path: Path) -> None:
    (tmp_path / "claw.xacro").write_text(MACRO % ('<link name="a"/>', ""))
    report = check_hand(str(tmp_path / "claw.xacro"))
    assert "give the file that calls them" in report.faults[0]


def test_xacro_finds_packages_that_nobody_built(tmp_path: Path) -> None:
    package = tmp_path / "src" / "checkout"
    (package / "urdf").mkdir(parents=True)
    (package / "package.xml").write_text("<package><name>claw_description</name></package>")
    (package / "urdf" / "parts.xacro").write_text(MACRO % ('<link name="a"/>', ""))
    main = '<xacro:include filename="$(find claw_description)/urdf/parts.xacro"/><xacro:claw/>'
    path = package / "urdf" / "main.urdf.xacro"
    path.write_text(f'<robot xmlns:xacro="http://www.ros.org/wiki/xacro" name="r">{main}</robot>')
    assert read_urdf(path).links == ("a",)
    path.write_text(path.read_text().replace("find claw_description", "find other"))
    with pytest.raises(UnihmError, match="No package 'other'"):
        read_urdf(path)


# ------------------------------------------------------------------------------ arms


LEAVES = (
    '<link name="ground"/><joint name="to_base" type="fixed"><parent link="fr3_link0"/>'
    '<child link="ground"/></joint><link name="fr3_link8_sc"/><joint name="sc" type="fixed">'
    '<parent link="fr3_link8"/><child link="fr3_link8_sc"/></joint></robot>'
)


@pytest.fixture
def arm(tmp_path: Path) -> Path:
    """The FR3 with more than one last link, in a folder of its own; its YAML."""
    robots = config_dir() / "robots"
    text = (robots / "fr3.urdf").read_text().replace("</robot>", LEAVES)
    (tmp_path / "mine.urdf").write_text(text)
    path = tmp_path / "mine.yaml"
    path.write_text((robots / "fr3.yaml").read_text().replace("fr3.urdf", "mine.urdf"))
    return path


def test_an_arm_with_several_last_links_ends_where_its_yaml_says(arm: Path) -> None:
    q = np.array(yaml.safe_load(arm.read_text())["home"])
    for name in (str(arm), str(arm.with_suffix(".urdf"))):
        np.testing.assert_allclose(Arm(name).forward(q), Arm("fr3").forward(q), atol=1e-12)
        assembled = parse_urdf(assemble(name, "inspire"))
        mount = next(joint for joint in assembled.joints if joint.name == "hand_mount")
        assert mount.parent == "fr3_link8"


def test_an_arm_that_lacks_its_yaml_or_flange(arm: Path) -> None:
    text = arm.read_text()
    arm.write_text(text.replace("flange: fr3_link8", "flange: tool0"))
    with pytest.raises(UnihmError, match="last links are fr3_link8_sc, ground"):
        Arm(str(arm))
    arm.unlink()
    with pytest.raises(UnihmError, match=r"write .*mine\.yaml beside it"):
        Arm(str(arm.with_suffix(".urdf")))
    with pytest.raises(UnihmError, match=r"No arm is called '\.\./fr3'"):
        Arm("../fr3")
