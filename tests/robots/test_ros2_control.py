"""What is written for ros2_control says what our own files say."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from unihm.cli.main import main
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.ros2_control import SYSTEMS, write
from unihm.robots.urdf import parse_urdf


def joints(urdf: Path) -> dict[str, ElementTree.Element]:
    return {j.get("name", ""): j for j in ElementTree.parse(urdf).findall("ros2_control/joint")}


@pytest.mark.parametrize("name", ["xhand", "inspire", "panda_gripper", "shadow"])
def test_independent_joints_are_commanded_and_coupled_ones_read(name: str, tmp_path: Path) -> None:
    arm, hand = load_arm(), load_hand(name)
    files = write("fr3", name, tmp_path)
    described = joints(files.urdf)
    assert set(described) == {*arm.joint_names, *hand.all_joint_names}
    commanded = {n for n, j in described.items() if j.find("command_interface") is not None}
    assert commanded == {*arm.joint_names, *hand.joint_names}
    moving = {joint.name for joint in parse_urdf(files.urdf.read_text()).moving_joints}
    assert set(described) == moving  # names that the URDF itself has
    for joint, lower, upper in zip(hand.joint_names, hand.lower, hand.upper):
        bounds = [float(p.text or "") for p in described[joint].findall("command_interface/param")]
        np.testing.assert_allclose(bounds, [lower, upper], rtol=1e-6)
    for joint, start in zip(arm.joint_names, arm.home):
        value = described[joint].findtext("state_interface/param")
        assert float(value or "nan") == pytest.approx(start)


def test_each_joint_has_one_controller(tmp_path: Path) -> None:
    arm, hand = load_arm(), load_hand("inspire")
    text = write("fr3", "inspire", tmp_path).controllers.read_text()
    given = {name: node["ros__parameters"] for name, node in yaml.safe_load(text).items()}
    assert given["fr3_arm_controller"]["joints"] == list(arm.joint_names)
    assert given["hand_controller"]["joints"] == list(hand.joint_names)
    known = {name for name in given["controller_manager"] if name != "update_rate"}
    assert known == set(given) - {"controller_manager"}


@pytest.mark.parametrize(
    ("system", "plugin"), [*SYSTEMS.items(), ("my_arm/Hardware", "my_arm/Hardware")]
)
def test_what_stands_for_the_hardware(system: str, plugin: str, tmp_path: Path) -> None:
    assert main(["hand", "ros2_control", "xhand", "--system", system, "--out", str(tmp_path)]) == 0
    robot = ElementTree.parse(tmp_path / "robot.urdf")
    assert robot.findtext("ros2_control/hardware/plugin") == plugin
    inside = robot.findtext("gazebo/plugin/parameters")
    assert inside == (str(tmp_path / "controllers.yaml") if system == "gazebo" else None)
