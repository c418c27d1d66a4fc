"""Grasps: solved on the surface, alike for alike objects, and lifting in physics."""

import dataclasses

import numpy as np
import pytest
from unihm.control.grasp_motion import grasp_motion
from unihm.learning.synthesis.episodes import grab_trajectory, place_trajectory
from unihm.learning.synthesis.grasps.hand_points import hand_points
from unihm.learning.synthesis.grasps.object_grasps import ObjectGrasps, reachable, sound, tried
from unihm.learning.synthesis.grasps.push import push_motion, solve_push
from unihm.learning.synthesis.grasps.trial import Trial, disturbances
from unihm.learning.synthesis.objects import TableObject, sample_object
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.types import Phase, TaskKind

TILT = 50.0


def first(shape: str, seed: int = 11) -> TableObject:
    """The first object of that shape in a series."""
    return next(o for o in (sample_object(seed, i) for i in range(100)) if o.shape == shape)


@pytest.fixture(scope="module")
def box() -> ObjectGrasps:
    return ObjectGrasps(first("box"))


@pytest.mark.parametrize("hand", ["human", "xhand", "inspire"])
@pytest.mark.parametrize("shape", ["box", "cylinder", "sphere", "ellipsoid"])
def test_pads_touch_opposite_sides_and_nothing_enters(hand, shape):
    grasps = ObjectGrasps(first(shape))
    grasp, _ = grasps.solve(hand, grasps.usual, TILT)
    assert sound(grasp)
    assert grasp.normals[0, 1] > 0.5  # the thumb on the +y side
    assert grasp.normals[1:, 1].mean() < -0.25  # the fingers round the other
    hand_data = load_hand(hand)
    assert (grasp.joints >= hand_data.lower).all()
    assert (grasp.joints <= hand_data.upper).all()
    pads, _ = hand_data.fingertips(grasp.joints)
    pads = pads @ grasp.T_object_wrist[:3, :3].T + grasp.T_object_wrist[:3, 3]
    assert np.abs(grasps.field(pads)[0])[grasp.touching].max() < 0.003


def test_the_thumb_is_on_the_far_side_and_towards_x(box):
    grasp, _ = box.solve("xhand", box.usual, TILT)
    thumb, fingers = grasp.contacts[0], grasp.contacts[1:]
    assert thumb[1] > 0 > fingers[:, 1].max()
    palm = grasp.T_object_wrist @ load_hand("xhand").T_wrist_palm
    assert palm[2, 2] < -0.4  # the palm looks down


def test_alike_objects_get_alike_grasps(box):
    item = box.item
    mesh, cloud = item.mesh.copy(), item.cloud
    mesh.apply_scale(1.03)
    larger = dataclasses.replace(
        item, mesh=mesh, solid=mesh, cloud=dataclasses.replace(cloud, points=1.03 * cloud.points)
    )
    one, _ = box.solve("inspire", box.usual, TILT)
    grasps = ObjectGrasps(larger)
    other, _ = grasps.solve("inspire", grasps.usual, TILT)
    assert np.abs(one.T_object_wrist[:3, 3] - other.T_object_wrist[:3, 3]).max() < 0.008
    assert np.abs(one.joints - other.joints).max() < 0.15


@pytest.mark.parametrize("hand", ["xhand", "inspire"])
def test_a_solved_grasp_lifts_and_one_beside_the_object_does_not(box, hand):
    _, attempt = box.solve(hand, box.usual, TILT)
    trial = Trial(hand, box.item)
    assert tried(trial, attempt, needed=1.0) == 1.0
    beside = attempt.T_object_wrist.copy()
    beside[:3, 3] += [0.0, 0.0, 0.12]
    missed = dataclasses.replace(attempt, T_object_wrist=beside)
    assert tried(trial, missed, needed=0.0) == 0.0


def test_disturbances_are_as_large_as_they_say():
    exact, *others = disturbances(0.01, np.deg2rad(10))
    assert (exact == np.eye(4)).all()
    for moved in others:
        assert np.linalg.norm(moved[:3, 3]) == pytest.approx(0.01)
        assert moved[0, 0] == pytest.approx(np.cos(np.deg2rad(10)))


def test_a_motion_opens_before_it_comes_near_and_touches_when_grasping_ends(box):
    hand = load_hand("xhand")
    _, attempt = box.solve("xhand", box.usual, TILT)
    rng = np.random.default_rng(0)
    for trajectory in (grab_trajectory(box.item, rng), place_trajectory(box.item, rng)):
        motion = grasp_motion(hand, attempt, trajectory)
        phase = trajectory.phase
        np.testing.assert_allclose(motion.joints[0], hand.open_joints)
        approach = motion.T_object_wrist[phase == Phase.APPROACH]
        np.testing.assert_allclose(approach[0, 2, 3] - approach[-1, 2, 3], 0.12)
        touching = np.flatnonzero(phase == Phase.GRASP)[-1]
        np.testing.assert_allclose(motion.joints[touching], attempt.joints)
        held = motion.joints[phase == Phase.HOLD]
        np.testing.assert_allclose(held, np.broadcast_to(attempt.joints, held.shape))
        # Open fingers are clear of the object where they pass it.
        points = hand_points("xhand")
        for k in np.flatnonzero(phase == Phase.APPROACH):
            state = points.state(motion.T_object_wrist[k], motion.joints[k])
            clearance = box.field(state.positions[points.num_pads :])[0] - points.radii
            assert clearance.min() > 0.0
        steps = np.abs(np.diff(motion.joints, axis=0)).max()
        assert steps < 0.5, "a joint jumps between two frames"
        assert len(trajectory) % 4 == 0
        assert reachable(motion)
    np.testing.assert_allclose(motion.joints[-1], hand.open_joints)  # let go at the end of a place


@pytest.mark.parametrize("hand", ["human", "xhand", "inspire"])
def test_a_push_comes_from_behind_and_just_touches(box, hand):
    item, points = box.item, hand_points(hand)
    direction = np.array([0.0, 1.0, 0.0])
    push = solve_push(points, box.field, direction, np.zeros(3), item.table_height)
    balls = points.state(push.T_object_wrist, push.joints).positions[points.num_pads :]
    gap = box.field(balls)[0] - points.radii
    assert -1e-4 < gap.min() < 1e-3
    nearest = balls[gap.argmin()]
    assert nearest[1] < 0
    assert (balls[:, 2] - points.radii).min() > item.table_height + 0.004
    trajectory = make_trajectory(
        TaskKind.PUSH,
        item.T_world_object,
        item.T_world_object[:3, 3],
        push_direction=item.T_world_object[:3, :3] @ direction,
    )
    motion = push_motion(load_hand(hand), push, trajectory)
    touching = np.flatnonzero(trajectory.phase == Phase.GRASP)[-1]
    np.testing.assert_allclose(motion.T_object_wrist[touching], push.T_object_wrist, atol=1e-9)
    first_frame = motion.T_object_wrist[0, :3, 3] - push.T_object_wrist[:3, 3]
    np.testing.assert_allclose(first_frame, [0, -0.03, 0.12], atol=1e-9)


def test_a_push_moves_the_object_and_a_push_beside_it_does_not(box):
    item = box.item
    direction = np.array([1.0, 0.0, 0.0])
    local = item.T_world_object[:3, :3].T @ direction
    push = solve_push(
        hand_points("inspire"), box.field, local, item.cloud.points.mean(0), item.table_height
    )
    trial = Trial("inspire", item)
    assert trial.pushes(push, direction, 0.10)
    beside = push.T_object_wrist.copy()
    beside[:3, 3] += 0.3 * np.cross([0, 0, 1.0], local)
    assert not trial.pushes(dataclasses.replace(push, T_object_wrist=beside), direction, 0.10)
