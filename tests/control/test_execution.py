"""Execution plans: continuous, within limits, with the phases in their order."""

import numpy as np
import pytest
from unihm.control.config import ControlConfig
from unihm.control.execution import (
    aim,
    hand_limits,
    plan_execution,
    plan_move,
    wrist_path,
)
from unihm.control.transit import hand_points
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language.manner import Manner
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.robots.collision import lowest_of_hand
from unihm.transforms import apply, make_transform, minimum_snap
from unihm.types import HandMotion, Phase, TaskKind

ARM = Arm("fr3")
CONFIG = ControlConfig()


def motion(hand_name, kind, place=(0.5, 0.1), wrist_height=0.17):
    """Straight down onto an object, fingers half closed, as a refiner would hand it over."""
    hand = load_hand(hand_name)
    trajectory = make_trajectory(
        kind,
        make_transform(np.eye(3), [*place, 0.05]),
        np.array([*place, 0.1]),
        place_position=np.array([place[0], place[1] - 0.2, 0.0]),
        push_direction=np.array([0.0, 1.0]),
    )
    flange = ARM.forward(ARM.home)
    wrist = np.tile(np.eye(4), (len(trajectory), 1, 1))
    wrist[:, :3, :3] = (flange @ hand.T_flange_wrist)[:3, :3]
    wrist[:, :3, 3] = -wrist[0, :3, :3] @ hand.T_wrist_palm[:3, 3]
    wrist[:, 2, 3] = wrist_height
    wrist[:12, 2, 3] += np.linspace(0.12, 0.0, 12)
    closed = np.ones(len(trajectory))
    closed[:12] = 0.0
    closed[12:20] = minimum_snap(np.arange(1, 9) / 8)
    if kind == TaskKind.PICK_AND_PLACE:
        closed[trajectory.phase == Phase.RELEASE] = 1 - closed[12:20]
        closed[trajectory.phase == Phase.RETREAT] = 0.0
    opening = hand.open_joints - hand.pregrasp_joints
    joints = hand.pregrasp_joints + (1 - closed)[:, None] * opening
    return hand, HandMotion(hand_name, wrist, joints, trajectory)


def plan(hand_name, kind, **kwargs):
    hand, made = motion(hand_name, kind, **kwargs)
    return hand, plan_execution(made, hand, ARM, ARM.home, hand.open_joints, CONFIG)


def test_gently_is_less_squeeze_and_slower():
    hand, made = motion("xhand", TaskKind.GRAB)
    usual, gentle = (
        plan_execution(made, hand, ARM, ARM.home, hand.open_joints, CONFIG, manner=manner)
        for manner in (None, Manner(force=0.6, speed=0.6))
    )
    assert gentle.duration > 1.3 * usual.duration
    assert np.abs(gentle.squeeze).max() < 0.7 * np.abs(usual.squeeze).max()


@pytest.mark.parametrize("hand_name", ["xhand", "inspire"])
@pytest.mark.parametrize("kind", [TaskKind.GRAB, TaskKind.PICK_AND_PLACE, TaskKind.PUSH])
def test_plans_are_continuous_and_within_limits(hand_name, kind):
    hand, made = plan(hand_name, kind)
    limits = ARM.limits.scaled(CONFIG.speed).joined(hand_limits(hand))
    q = np.hstack([made.arm, made.hand])
    assert q[0] == pytest.approx(np.concatenate([ARM.home, hand.open_joints]))
    velocity = np.diff(q, axis=0) * CONFIG.rate
    acceleration = np.diff(velocity, axis=0) * CONFIG.rate
    assert (np.abs(velocity).max(axis=0) <= limits.velocity * 1.05).all()
    assert (np.abs(acceleration).max(axis=0) <= limits.acceleration * 1.1).all()
    assert (q >= limits.lower - 1e-9).all()
    assert (q <= limits.upper + 1e-9).all()
    assert (np.diff(made.phase) >= 0).all()
    assert made.times[1] == pytest.approx(1 / CONFIG.rate)


def test_the_squeeze_comes_with_the_grasp_and_goes_with_the_release():
    hand, made = plan("xhand", TaskKind.PICK_AND_PLACE)
    contact = hand.pregrasp_joints
    assert made.squeeze[hand.joint_names.index("right_hand_index_joint1")] > 0.1
    assert made.hand[made.last_of(Phase.GRASP)] == pytest.approx(contact + made.squeeze)
    holding = made.phase == Phase.HOLD
    assert made.hand[holding] == pytest.approx(
        np.tile(contact + made.squeeze, (holding.sum(), 1)), abs=1e-6
    )
    assert made.hand[-1] == pytest.approx(hand.open_joints)


def test_the_arm_rests_while_the_fingers_close():
    _, made = plan("xhand", TaskKind.GRAB)
    grasping = made.arm[made.phase == Phase.GRASP]
    assert np.abs(grasping - grasping[0]).max() < 5e-3


def test_a_push_is_not_squeezed():
    _, made = plan("xhand", TaskKind.PUSH)
    assert not made.squeeze.any()


def test_the_lift_raises_the_wrist_straight_up():
    hand, made = plan("xhand", TaskKind.GRAB)
    grasp = ARM.forward(made.arm[made.last_of(Phase.GRASP)]) @ hand.T_flange_wrist
    end = ARM.forward(made.arm[-1]) @ hand.T_flange_wrist
    assert end[:3, 3] - grasp[:3, 3] == pytest.approx([0.0, 0.0, 0.15], abs=2e-3)


def test_transit_keeps_the_hand_high_until_it_is_over_the_place():
    hand, made = motion("xhand", TaskKind.GRAB, place=(0.45, -0.2))
    start = ARM.solve(make_transform(ARM.forward(ARM.home)[:3, :3], [0.45, 0.25, 0.30]), ARM.home)
    path = plan_execution(made, hand, ARM, start, hand.open_joints, CONFIG)
    points = hand_points(hand, hand.open_joints)
    for q in path.arm:
        T_world_wrist = ARM.forward(q) @ hand.T_flange_wrist
        if abs(T_world_wrist[1, 3] + 0.2) > 0.1 and abs(T_world_wrist[1, 3] - 0.25) > 0.1:
            assert apply(T_world_wrist, points)[:, 2].min() > 0.6 * CONFIG.safe_height


@pytest.mark.parametrize(("down", "share"), [(1.0, 1.0), (0.5, 0.0), (0.0, 0.0)])
def test_only_grasps_from_above_are_aimed_low(down, share):
    hand = load_hand("xhand")
    approach = np.array([np.sqrt(1 - down**2), 0.0, -down])
    aside = np.array([0.0, 1.0, 0.0])
    palm = np.stack([approach, np.cross(aside, approach), aside], axis=1)
    T = make_transform(palm @ hand.T_wrist_palm[:3, :3].T, [0.5, 0.0, 0.2])
    lowered = T[2, 3] - aim(T[None], hand, 0.006)[0, 2, 3]
    assert lowered == pytest.approx(0.006 * share, abs=1e-6)


def test_a_push_goes_close_above_the_table():
    hand, high = motion("xhand", TaskKind.PUSH, wrist_height=0.22)
    _, low = motion("xhand", TaskKind.PUSH, wrist_height=0.02)
    for made in (high, low):
        path = wrist_path(made, hand, CONFIG)
        pushing = made.trajectory.phase == Phase.HOLD
        lowest = lowest_of_hand(hand, path[pushing], made.joints[pushing]).min()
        assert -CONFIG.touch_depth - 1e-6 <= lowest <= CONFIG.push_gap + 1e-6
        shift = path[:, :3, 3] - made.T_world_wrist[:, :3, 3]
        assert np.ptp(shift[:, :2], axis=0).max() < 1e-9
        assert np.ptp(shift[pushing, 2]) < 1e-9
        # Fingers that hang lower before they bend come no nearer to the table than they push.
        assert lowest_of_hand(hand, path, made.joints).min() >= -CONFIG.touch_depth - 1e-6
        assert (shift[:, 2] >= shift[pushing, 2].min() - 1e-9).all()


def test_out_of_reach_is_an_error():
    with pytest.raises(UnihmError) as caught:
        plan("xhand", TaskKind.GRAB, place=(0.95, 0.0))
    assert caught.value.code == ErrorCode.UNREACHABLE


def test_going_home_opens_the_hand_first():
    hand = load_hand("inspire")
    start = ARM.solve(make_transform(ARM.forward(ARM.home)[:3, :3], [0.5, 0.0, 0.35]), ARM.home)
    made = plan_move(ARM, hand, start, hand.closed_joints, ARM.home, hand.open_joints)
    moving = np.flatnonzero(np.abs(made.arm - start).max(axis=1) > 1e-6)
    assert made.hand[moving[0]] == pytest.approx(hand.open_joints, abs=2e-3)
    assert made.arm[-1] == pytest.approx(ARM.home)
