"""The description and the frames that other programs are given, against pinocchio."""

from __future__ import annotations

import numpy as np
import pinocchio as pin
import pytest
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.assembly import assemble
from unihm.robots.description import RobotDescription
from unihm.robots.frames import FrameTree, Transform
from unihm.robots.urdf import parse_urdf
from unihm.transforms import from_xyz_rpy, invert


@pytest.mark.parametrize("name", ["xhand", "inspire", "panda_gripper", "shadow_left"])
def test_frames_are_where_pinocchio_has_the_links(name: str) -> None:
    robot, hand, arm = RobotDescription("fr3", name), load_hand(name), load_arm()
    random = np.random.default_rng(1)
    q_arm = arm.home + random.uniform(-0.3, 0.3, len(arm))
    q_hand = random.uniform(hand.lower, hand.upper)
    positions = dict(zip((*arm.joint_names, *hand.joint_names), (*q_arm, *q_hand)))
    tree = FrameTree()
    for transform in (*robot.fixed, *robot.transforms(positions)):
        tree.add(transform)
    # The arm by pinocchio's own reader of the description, coupled joints by the hand's model.
    model = pin.buildModelFromXML(robot.urdf)
    data = model.createData()
    q = pin.neutral(model)
    values = {**positions, **dict(zip(hand.all_joint_names, hand.expand(q_hand)))}
    for joint, value in values.items():
        q[model.joints[model.getJointId(joint)].idx_q] = value
    pin.framesForwardKinematics(model, data, q)
    for link in parse_urdf(robot.urdf).links:
        expected = data.oMf[model.getFrameId(link)].homogeneous
        pose = tree.lookup("world", link)
        assert pose is not None, link
        np.testing.assert_allclose(pose, expected, atol=1e-9, err_msg=link)


def test_a_joint_that_nobody_reports_has_no_frame() -> None:
    robot = RobotDescription("fr3", "xhand")
    moved = robot.transforms({"fr3_joint1": 0.3})
    assert [(t.parent, t.child) for t in moved] == [("fr3_link0", "fr3_link1")]


def test_the_description_has_only_what_every_reader_knows() -> None:
    text = RobotDescription("fr3", "xhand").urdf
    assert "<capsule" not in text
    assert 'filename="/' not in text
    assert parse_urdf(text).root == "world"


def test_a_capsule_becomes_what_covers_the_same_space() -> None:
    capsules = [s for s in parse_urdf(assemble("fr3", "xhand")).shapes if s[1].kind == "capsule"]
    parts = parse_urdf(RobotDescription("fr3", "xhand").urdf).shapes
    for link, capsule in capsules:
        radius, length = capsule.size
        own = [p for name, p in parts if name == link and p.size[0] == radius]
        (cylinder,) = (
            p
            for p in own
            if p.kind == "cylinder" and np.allclose(p.T_link_shape, capsule.T_link_shape, atol=1e-6)
        )
        assert cylinder.size == (radius, length)
        for end in (0.5, -0.5):
            centre = (capsule.T_link_shape @ [0, 0, end * length, 1])[:3]
            assert any(
                p.kind == "sphere" and np.allclose(p.T_link_shape[:3, 3], centre, atol=1e-6)
                for p in own
            )


def test_frames_are_looked_up_along_the_tree() -> None:
    tree = FrameTree()
    T_world_base = from_xyz_rpy((1, 2, 3), (0.1, 0.2, 0.3))
    T_base_camera = from_xyz_rpy((0, 0, 1), (0.4, 0, 0))
    tree.add(Transform("base", "camera", T_base_camera))
    assert tree.root_of("camera") == "base"
    assert tree.lookup("world", "camera") is None
    tree.add(Transform("world", "base", T_world_base))
    found = tree.lookup("world", "camera")
    assert found is not None
    np.testing.assert_allclose(found, T_world_base @ T_base_camera)
    back = tree.lookup("camera", "world")
    assert back is not None
    np.testing.assert_allclose(back, invert(found), atol=1e-12)
    tree.add(Transform("camera", "world", np.eye(4)))  # would close a circle
    assert tree.root_of("camera") == "world"
