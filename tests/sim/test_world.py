"""Physics of robot and objects, without rendering."""

from __future__ import annotations

import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import list_hands, load_hand
from unihm.robots.arm import load_arm
from unihm.sim.free_hand import FreeHandWorld
from unihm.sim.scene import Scene, SceneObject, random_scene
from unihm.sim.world import World
from unihm.transforms import from_xyz_rpy, invert, make_transform, minimum_snap


@pytest.fixture(scope="module")
def world():
    return World("table", render=False)


def test_the_robot_waits_at_home_at_rest(world):
    world.reset()
    world.step(250)
    state = world.joint_state()
    arm, hand = load_arm("fr3"), load_hand("xhand")
    assert state.names == (*arm.joint_names, *hand.joint_names)
    np.testing.assert_allclose(state.position[:7], arm.home, atol=1e-3)
    np.testing.assert_allclose(state.position[7:], hand.open_joints, atol=1e-3)
    assert abs(state.velocity).max() < 1e-3
    assert abs(state.effort).max() < 0.1  # nothing is held, the robot's own weight is borne


def test_links_are_where_the_kinematics_say(world):
    world.reset()
    target = np.array([0.4, -0.5, 0.2, -2.1, 0.1, 1.8, 1.0])
    world.set_arm_targets(target)
    world.step(1500)
    q = world.joint_state().position
    np.testing.assert_allclose(q[:7], target, atol=2e-3)
    arm, hand = load_arm("fr3"), load_hand("xhand")
    T_world_wrist = arm.forward(q[:7]) @ from_xyz_rpy(hand.spec.mount.xyz, hand.spec.mount.rpy)
    poses = hand.link_poses(q[7:])
    for link, T_wrist_link in poses.items():
        np.testing.assert_allclose(
            world.link_pose(link), T_world_wrist @ T_wrist_link, atol=1e-5, err_msg=link
        )


def test_targets_are_clipped_and_reported(world):
    world.reset()
    sent = world.set_hand_targets(np.full(12, 9.0))
    np.testing.assert_allclose(sent, world.robot.upper[7:], atol=1e-6)
    world.set_hand_targets(world.joint_state().position[7:])


@pytest.mark.parametrize("bad", [np.zeros(6), np.full(7, np.nan), np.zeros((1, 7)), []])
def test_wrong_targets_are_refused(world, bad):
    before = world.robot.targets
    with pytest.raises(UnihmError) as caught:
        world.set_arm_targets(bad)
    assert caught.value.code is ErrorCode.INVALID_MOTION
    np.testing.assert_array_equal(world.robot.targets, before)


def test_objects_settle_where_the_scene_puts_them(world):
    world.reset()
    for item in world.scene.objects:
        pose = world.object_poses()[item.name]
        np.testing.assert_allclose(pose, item.T_world_object, atol=2e-3)
    weights = {c.bodies[0]: c.force[2] for c in world.contacts() if c.bodies[1] == "table"}
    for name in ("red box", "blue cylinder", "yellow ball", "green mug"):
        assert weights[name] == pytest.approx(9.81 * world.scene.object(name).mass, rel=0.05)


def test_a_snapshot_is_come_back_to(world):
    world.reset()
    snapshot, before = world.snapshot(), world.joint_state()
    poses = world.object_poses()
    world.set_arm_targets(load_arm("fr3").home + 0.3)
    world.set_object_pose("red box", from_xyz_rpy([0.5, 0.1, 0.4], [0, 0, 0]))
    world.step(200)
    assert abs(world.joint_state().position - before.position).max() > 0.1
    world.restore(snapshot)
    assert world.time == snapshot.time
    np.testing.assert_allclose(world.joint_state().position, before.position, atol=1e-6)
    for name, pose in world.object_poses().items():
        np.testing.assert_allclose(pose, poses[name], atol=1e-6)
    world.step(200)
    np.testing.assert_allclose(world.joint_state().position, before.position, atol=1e-3)


def test_friction_holds_up_to_its_angle():
    """Coefficients 0.8 and 0.8: a block stays on a slope of 35 deg, slides on one of 42."""
    for angle, stays in ((35, True), (42, False)):
        slope = SceneObject(
            name="slope", shape="box", size={"x": 0.4, "y": 0.3, "z": 0.02},
            position=(0.5, 0.0, 0.3), rpy=(0.0, np.radians(angle), 0.0), fixed=True,
        )  # fmt: skip
        normal = np.array([np.sin(np.radians(angle)), 0, np.cos(np.radians(angle))])
        place = np.array([0.5, 0.0, 0.3]) + normal * (0.01 + 0.02)
        block = SceneObject(
            name="block", shape="box", size={"x": 0.06, "y": 0.06, "z": 0.04},
            position=tuple(place), rpy=slope.rpy,
        )  # fmt: skip
        world = World(Scene(objects=(slope, block)), hand=None, render=False)
        world.set_object_pose("block", block.T_world_object)
        world.step(250)
        moved = np.linalg.norm(world.object_poses()["block"][:3, 3] - place)
        assert bool(moved < 0.01) is stays, (angle, moved)


@pytest.mark.parametrize("hand", list_hands())
def test_every_hand_moves_and_rests(hand):
    world = World(Scene(), hand, render=False)
    spec = load_hand(hand)
    for pose in (spec.pregrasp_joints, spec.open_joints):
        world.set_hand_targets(pose)
        world.step(600)
        state = world.joint_state()
        np.testing.assert_allclose(state.position[7:], pose, atol=5e-3)
        assert abs(state.velocity).max() < 5e-3
        # Coupled joints are where the hand's own kinematics put them.
        q = world.robot.articulation.get_qpos()
        for coupling in world.robot.couplings:
            wanted = coupling.multiplier * q[coupling.parent] + coupling.offset
            assert q[coupling.child] == pytest.approx(wanted, abs=5e-3)


def pinch(hand, width):
    """Joints with thumb and three fingers ``width`` m apart, and T_grasp_wrist.

    The grasp frame lies between the pads: y from the thumb to the fingers, z against the approach.
    """
    path = np.linspace(hand.pregrasp_joints, hand.closed_joints, 200)
    pads = [hand.fingertips(q)[0] for q in path]
    gaps = [np.linalg.norm(p[1:4].mean(axis=0) - p[0]) for p in pads]
    best = int(np.argmin(np.abs(np.array(gaps) - width)))
    thumb, fingers = pads[best][0], pads[best][1:4].mean(axis=0)
    y = (fingers - thumb) / np.linalg.norm(fingers - thumb)
    approach = hand.T_wrist_palm[:3, 0]
    z = approach @ y * y - approach
    z /= np.linalg.norm(z)
    axes = np.stack([np.cross(y, z), y, z], axis=1)
    return path[best], invert(make_transform(axes, (thumb + fingers) / 2))


@pytest.mark.parametrize("hand", ["xhand", "allegro"])
def test_a_pinch_lifts_a_cylinder(hand):
    spec = load_hand(hand)
    can = SceneObject(name="can", shape="cylinder", position=(0.5, 0.0), mass=0.2)
    world = FreeHandWorld(Scene(objects=(can,)), hand)
    joints, T_grasp_wrist = pinch(spec, 0.06)
    start = from_xyz_rpy([0.5, 0.0, 0.07], [0, 0, 0]) @ T_grasp_wrist
    world.place_wrist(start, spec.pregrasp_joints)
    closed = joints + 0.25 * (spec.closed_joints - spec.pregrasp_joints)
    for fraction in minimum_snap(np.linspace(0, 1, 100)):
        world.set_hand_targets(spec.pregrasp_joints + fraction * (closed - spec.pregrasp_joints))
        world.step(4)
    efforts = world.joint_state().effort[6:]
    assert abs(efforts).max() > 0.1  # the motors feel the object
    lifted = start.copy()
    for fraction in minimum_snap(np.linspace(0, 1, 150)):
        lifted[2, 3] = start[2, 3] + 0.15 * fraction
        world.set_wrist_target(lifted)
        world.step(4)
    world.step(500)
    assert world.object_poses()["can"][2, 3] > 0.06 + 0.13
    touching = {name for contact in world.contacts() for name in contact.bodies}
    assert "table" not in touching
    assert len(touching) >= 3  # the can and two digits at least


def test_a_free_wrist_goes_where_it_is_told():
    world = FreeHandWorld(Scene(), "xhand")
    spec = load_hand("xhand")
    start = from_xyz_rpy([0.5, 0.1, 0.5], [0.3, 0.4, 1.0])
    world.place_wrist(start, spec.open_joints)
    np.testing.assert_allclose(world.link_pose(spec.urdf.root), start, atol=1e-6)
    goal = from_xyz_rpy([0.45, 0.2, 0.6], [0.5, 0.0, 1.6])
    world.set_wrist_target(goal)
    world.step(1500)
    np.testing.assert_allclose(world.link_pose(spec.urdf.root), goal, atol=2e-3)


def test_random_objects_stand_still():
    for seed in range(4):
        world = World(random_scene(seed, 5), hand=None, render=False)
        world.step(250)
        for item in world.scene.objects:
            np.testing.assert_allclose(
                world.object_poses()[item.name], item.T_world_object, atol=5e-3, err_msg=item.name
            )


def test_what_falls_off_the_table_ends_on_the_floor():
    ball = SceneObject(name="ball", shape="sphere", position=(1.4, 0.0, 0.1))
    world = World(Scene(objects=(ball,)), hand=None, render=False)
    world.step(1000)
    assert world.object_poses()["ball"][2, 3] == pytest.approx(-0.75 + 0.035, abs=2e-3)


def test_a_world_without_a_robot_or_camera_says_so():
    world = World(Scene(), hand=None, render=False)
    with pytest.raises(UnihmError, match="no robot"):
        world.joint_state()
    with pytest.raises(UnihmError, match="without rendering"):
        world.observe()
    with pytest.raises(UnihmError) as caught:
        World(Scene(), hand="tentacle", render=False)
    assert caught.value.code is ErrorCode.UNKNOWN_HAND
