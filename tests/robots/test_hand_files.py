"""Every hand file, every side: what the rest of the project relies on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import FINGERS, Hand, list_hands, load_hand
from unihm.robots.assembly import MOUNT_JOINT, assemble
from unihm.robots.check import check_hand
from unihm.robots.urdf import parse_urdf
from unihm.transforms import apply, invert, make_transform

NAMES = ("shadow", "allegro", "leap", "svh", "ability", "xhand", "inspire", "human")
READY = (0, -1 / 4, 0, -3 / 4, 0, 1 / 2, 1 / 4)  # half turns
ALL = [*NAMES, *(f"{name}_left" for name in NAMES), "panda_gripper"]


@pytest.fixture(params=ALL)
def hand(request: pytest.FixtureRequest) -> Hand:
    return load_hand(request.param)


def test_all_the_hands_are_there() -> None:
    assert set(ALL) <= set(list_hands())


def test_a_hand_passes_its_own_check(hand: Hand) -> None:
    report = check_hand(hand.name)
    assert report.faults == ()
    assert any("human keypoints" in remark for remark in report.remarks)


def test_named_poses_are_within_limits(hand: Hand) -> None:
    for pose in hand.spec.poses.values():
        np.testing.assert_allclose(hand.clip(pose), pose, atol=1e-6)


def test_coupled_joints_stay_within_their_own_limits(hand: Hand) -> None:
    random = np.random.default_rng(0)
    values = hand.expand(random.uniform(hand.lower, hand.upper, (200, hand.num_joints)))
    for column, joint in zip(values.T, hand.urdf.moving_joints):
        assert column.min() >= joint.lower - 1e-9, joint.name
        assert column.max() <= joint.upper + 1e-9, joint.name


def test_coupled_joints_follow_their_masters(hand: Hand) -> None:
    q = hand.pregrasp_joints
    values = dict(zip(hand.all_joint_names, hand.expand(q)))
    for joint in hand.urdf.moving_joints:
        if joint.mimic is not None:
            master = values[joint.mimic.joint]
            assert values[joint.name] == pytest.approx(
                joint.mimic.multiplier * master + joint.mimic.offset
            )
        else:
            assert values[joint.name] == q[hand.joint_names.index(joint.name)]


def test_mounted_on_the_arm_the_fingers_point_down_and_the_thumb_forward(hand: Hand) -> None:
    """At the arm's ready pose: flange down, joint 7 at 45 degrees."""
    ready = dict(zip((f"fr3_joint{i}" for i in range(1, 8)), np.pi * np.array(READY)))
    poses = {"fr3_link0": np.eye(4)}
    for joint in parse_urdf(assemble("fr3", hand.name)).joints:
        turn = Rotation.from_rotvec(joint.axis * ready.get(joint.name, 0.0)).as_matrix()
        T_joint = make_transform(turn, np.zeros(3))
        poses[joint.child] = poses[joint.parent] @ joint.T_parent_joint @ T_joint
    R_world_palm = (poses[hand.spec.wrist_link] @ hand.T_wrist_palm)[:3, :3]
    across = 1.0 if hand.side == "right" else -1.0
    np.testing.assert_allclose(R_world_palm[:, 0], [0, 0, -1], atol=1e-3)
    np.testing.assert_allclose(R_world_palm[:, 2], [0, across, 0], atol=1e-3)


def test_closing_brings_the_pads_to_the_palm_and_turns_them_to_it(hand: Hand) -> None:
    palm = invert(hand.T_wrist_palm)
    opened, closed = (
        apply(palm, hand.fingertips(q)[0]) for q in (hand.open_joints, hand.closed_joints)
    )
    assert (np.linalg.norm(closed, axis=1) < np.linalg.norm(opened, axis=1)).all()
    _, normals = hand.fingertips(hand.open_joints)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-3)
    if hand.num_joints > 1:
        fingers = [i for i, name in enumerate(hand.finger_names) if name != "thumb"]
        assert (normals[fingers] @ hand.T_wrist_palm[:3, 2] > 0.5).all()


def test_keypoints_have_the_tips_of_the_fingers_that_have_pads(hand: Hand) -> None:
    points = hand.keypoints(hand.open_joints)
    assert points.shape == (21, 3)
    assert np.isfinite(points[0]).all()
    for i, finger in enumerate(FINGERS):
        assert np.isfinite(points[4 + 4 * i]).all() == (finger in hand.finger_names)


def test_the_driver_commands_every_joint_once(hand: Hand) -> None:
    commanded = [channel.joint for channel in hand.spec.driver.channels]
    assert sorted(commanded) == sorted(hand.joint_names)


def test_assembly_keeps_every_name_and_mounts_the_hand_on_the_flange(hand: Hand) -> None:
    text = assemble("fr3", hand.name)
    both = parse_urdf(text)
    assert both.root == "fr3_link0"
    assert set(hand.urdf.links) <= set(both.links)
    mount = next(joint for joint in both.joints if joint.name == MOUNT_JOINT)
    assert (mount.parent, mount.child) == ("fr3_link8", hand.spec.wrist_link)
    np.testing.assert_allclose(mount.T_parent_joint, hand.T_flange_wrist, atol=1e-9)
    assert {j.name for j in both.moving_joints} == {
        *(f"fr3_joint{i}" for i in range(1, 8)),
        *hand.all_joint_names,
    }


@pytest.mark.parametrize("name", NAMES)
def test_left_and_right_mirror_each_other(name: str) -> None:
    right, left = load_hand(name), load_hand(f"{name}_left")
    assert right.num_joints == left.num_joints
    tips = []
    for hand in (right, left):
        points, _ = hand.fingertips(hand.pregrasp_joints)
        by_finger = dict(zip(hand.finger_names, apply(invert(hand.T_wrist_palm), points)))
        tips.append(np.array([by_finger[f] for f in right.finger_names]))
    # The sources' own left hands are not exact mirrors: up to 10 mm on thumbs, 12 mm at the base.
    np.testing.assert_allclose(tips[0] * [1, -1, 1], tips[1], atol=0.035)


def test_an_unknown_hand_names_those_there_are() -> None:
    with pytest.raises(UnihmError, match=r"allegro.*xhand") as caught:
        load_hand("tentacle")
    assert caught.value.code is ErrorCode.UNKNOWN_HAND


def test_a_wrong_number_of_joints_is_a_sentence() -> None:
    with pytest.raises(UnihmError, match="12 joints"):
        load_hand("xhand").fingertips(np.zeros(5))
