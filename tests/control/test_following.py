"""Whoever leads the robot, and however: limits are kept, and it rests where nobody leads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unihm.control.config import ControlConfig
from unihm.control.execution import hand_limits
from unihm.control.following import PERIOD, REACH, SILENCE, SetpointFollower
from unihm.control.horizon import Horizon, TooLate
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.gate import illegal
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.collision import CollisionModel

RATE = 100.0
CONFIG = ControlConfig(rate=RATE)
ARM, HAND = load_arm(), load_hand("inspire")
HERE = (ARM.home, HAND.open_joints)
MODEL = CollisionModel(ARM, HAND)
TICKS = round(PERIOD * RATE)


class Robot:
    """The follower and both drivers, in a time of their own; what was followed is remembered."""

    def __init__(self):
        self.now, self.samples = 0.0, 0
        self.held = Horizon(0.0, RATE, HERE[0][None])
        self.arm, self.hand = [HERE[0]], [HERE[1]]
        self.hand_with_arm = [HERE[1]]
        self.follower = SetpointFollower(ARM, HAND, CONFIG, HERE, 0.0, self.take)

    def take(self, horizon):
        if self.now > horizon.valid_until:
            raise TooLate(self.now)
        self.held = horizon

    def pass_time(self, samples, alive=True):
        for _ in range(samples):
            self.samples += 1
            self.now = self.samples / RATE
            if alive and self.samples % TICKS == 0:
                self.follower.step(self.now)
            self.arm.append(self.held.at(self.now))
            if alive:
                self.hand.append(self.follower.step_hand(self.now))
            self.hand_with_arm.append(self.hand[-1])

    def lead(self, q_arm, q_hand=HERE[1], seconds=1.0):
        """As somebody who says it again and again, and no further than he is followed."""
        for _ in range(round(seconds / PERIOD)):
            here = self.follower.setpoint(self.now)[0]
            near = here + np.clip(q_arm - here, -0.3, 0.3)
            self.follower.want(near, q_hand, self.now)
            self.pass_time(TICKS)

    def check(self):
        assert illegal(np.array(self.arm), ARM.limits, RATE) == 0
        assert illegal(np.array(self.hand), hand_limits(HAND), HAND.spec.driver.rate_hz) == 0

    def speed(self):
        return np.abs(self.arm[-1] - self.arm[-2]).max() * RATE


def test_it_goes_where_it_is_told_and_rests_where_nobody_tells():
    robot = Robot()
    goal = HERE[0] + np.array([0.4, 0.0, 0.0, 0.1, 0.0, 0.0, 0.3])
    robot.lead(goal, HAND.closed_joints, seconds=3.0)
    assert np.abs(robot.arm[-1] - goal).max() < 2e-3
    assert np.abs(robot.hand[-1] - HAND.closed_joints).max() < 2e-3
    robot.lead(HERE[0], seconds=0.4)
    assert robot.speed() > 0.1
    assert not robot.follower.rests(robot.now)
    robot.pass_time(round((SILENCE + 0.6) * RATE))
    assert robot.speed() < 1e-6
    assert robot.follower.rests(robot.now)
    robot.check()


def test_a_follower_that_dies_leaves_an_arm_that_brakes():
    robot = Robot()
    robot.lead(HERE[0] + 0.3, seconds=0.4)
    assert robot.speed() > 0.1
    robot.pass_time(60, alive=False)
    assert robot.speed() < 1e-6
    robot.lead(HERE[0], seconds=2.0)  # and goes on from there when it is alive again
    assert np.abs(robot.arm[-1] - HERE[0]).max() < 2e-3
    robot.check()


@pytest.mark.parametrize(
    ("q_arm", "q_hand", "words"),
    [
        (HERE[0] + REACH + 0.1, HERE[1], "from where it is"),
        (HERE[0] * np.nan, HERE[1], "finite numbers"),
        (HERE[0][:6], HERE[1], "set-point of the arm"),
        (HERE[0], np.full(6, np.inf), "set-point of the hand"),
    ],
)
def test_what_it_cannot_follow_is_refused_and_changes_nothing(q_arm, q_hand, words):
    robot = Robot()
    with pytest.raises(UnihmError, match=words) as refused:
        robot.follower.want(q_arm, q_hand, 0.0)
    assert refused.value.code == ErrorCode.SAFETY_STOP
    robot.pass_time(50)
    assert np.abs(np.array(robot.arm) - HERE[0]).max() == 0.0


def test_it_does_not_go_into_the_table():
    """Led straight down, it comes to rest above it, says why, and can be led away again."""
    robot = Robot()
    below = ARM.forward(HERE[0])
    below[2, 3] -= 0.5
    down = ARM.solve(below, HERE[0], table_height=None)
    assert MODEL.clearance(down[None], HERE[1][None]).table_hand[0] < -0.05
    robot.lead(down, seconds=4.0)
    assert "table" in robot.follower.refused.message
    near = MODEL.clearance(np.array(robot.arm[::5]), np.tile(HERE[1], (len(robot.arm[::5]), 1)))
    assert near.table_hand.min() > -CONFIG.safety.table_depth - 0.01
    assert near.table_arm.min() > 0.0
    robot.lead(HERE[0], seconds=4.0)
    assert robot.follower.refused is None
    assert np.abs(robot.arm[-1] - HERE[0]).max() < 2e-3
    robot.check()


def test_an_arm_that_does_not_follow_is_noticed():
    robot = Robot()
    robot.lead(HERE[0] + 0.3, seconds=0.5)
    robot.follower.watch(robot.arm[-1], robot.now)
    with pytest.raises(UnihmError, match="from where it was sent"):
        robot.follower.watch(robot.arm[-1] + 0.5, robot.now)


def test_its_memory_has_an_end():
    robot = Robot()
    robot.lead(HERE[0] + 0.1, seconds=30.0)
    assert len(robot.follower._follower._sent) < 100
    assert np.abs(robot.arm[-1] - HERE[0] - 0.1).max() < 2e-3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_comes_the_limits_are_kept(data):
    robot = Robot()
    for _ in range(data.draw(st.integers(1, 15))):
        what = data.draw(st.sampled_from(["near", "wild", "silence", "held up"]))
        if what == "silence":
            robot.pass_time(data.draw(st.integers(1, 80)))
        elif what == "held up":
            robot.pass_time(data.draw(st.integers(1, 40)), alive=False)
        else:
            far = 0.3 if what == "near" else 4.0
            random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
            try:
                robot.follower.want(
                    robot.follower.setpoint(robot.now)[0] + random.uniform(-far, far, 7),
                    random.uniform(HAND.lower - far, HAND.upper + far),
                    robot.now,
                )
            except UnihmError:
                assert what == "wild"
            robot.pass_time(data.draw(st.integers(1, 40)))
    robot.pass_time(200)
    assert robot.speed() < 1e-6
    robot.check()
    # Where it would rest is looked at, with the hand of then; on the way it may come nearer.
    near = MODEL.clearance(robot.arm[::4], robot.hand_with_arm[::4])
    assert near.table_arm.min() > -0.015
    assert near.itself.min() > -0.015
