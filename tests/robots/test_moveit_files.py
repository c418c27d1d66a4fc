"""What MoveIt is told about the robot."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pinocchio as pin
import pytest
import yaml
from unihm.cli.main import main
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.moveit import ARM_GROUP, HAND_GROUP, moveit_parameters, srdf
from unihm.robots.urdf import parse_urdf

HANDS = ("xhand", "inspire", "panda_gripper", "allegro")


@pytest.mark.parametrize("hand", HANDS)
def test_the_srdf_names_what_the_urdf_has(hand: str) -> None:
    parameters = moveit_parameters("fr3", hand)
    robot = ElementTree.fromstring(parameters["robot_description_semantic"])
    tree = parse_urdf(parameters["robot_description"])
    assert robot.get("name") == tree.name
    chain = robot.find(f"group[@name='{ARM_GROUP}']/chain")
    assert chain is not None
    assert {chain.get("base_link"), chain.get("tip_link")} <= set(tree.links)
    moved = {joint.get("name") for joint in robot.findall(f"group[@name='{HAND_GROUP}']/joint")}
    assert moved == set(load_hand(hand).all_joint_names)
    named = {e.get(end) for e in robot.findall("disable_collisions") for end in ("link1", "link2")}
    assert named <= set(tree.links)


def test_the_home_of_the_srdf_is_the_arms() -> None:
    arm = load_arm()
    parameters = moveit_parameters("fr3", "xhand")
    model = pin.buildModelFromXML(parameters["robot_description"])
    pin.loadReferenceConfigurationsFromXML(model, parameters["robot_description_semantic"])
    home = model.referenceConfigurations["home"]
    for name, value in zip(arm.joint_names, arm.home):
        assert home[model.joints[model.getJointId(name)].idx_q] == pytest.approx(value)


def test_links_that_can_meet_are_looked_at_and_neighbours_are_not() -> None:
    arm, hand = load_arm(), load_hand("xhand")
    urdf = moveit_parameters("fr3", "xhand")["robot_description"]
    robot = ElementTree.fromstring(srdf(arm, hand, urdf))
    left = {
        frozenset((str(e.get("link1")), str(e.get("link2"))))
        for e in robot.findall("disable_collisions")
    }
    assert frozenset(("fr3_link0", "fr3_link1")) in left
    assert frozenset(("fr3_link0", "fr3_link6")) not in left
    fingers = [link for link, _ in hand.shapes]
    assert frozenset((fingers[0], fingers[-1])) in left
    assert frozenset(("fr3_link2", fingers[-1])) not in left


def test_the_command_writes_what_a_node_reads(tmp_path: Path) -> None:
    main(["hand", "moveit", "inspire", "--out", str(tmp_path)])
    written = yaml.safe_load((tmp_path / "moveit.yaml").read_text())
    parameters = written["/**"]["ros__parameters"]
    assert parameters["robot_description"] == (tmp_path / "robot.urdf").read_text()
    assert parameters["robot_description_semantic"] == (tmp_path / "robot.srdf").read_text()
    limits = parameters["robot_description_planning"]["joint_limits"]
    assert tuple(limits) == load_arm().joint_names
    for name in parameters["planning_pipelines"]["pipeline_names"]:
        assert parameters[name]["planning_plugins"]
