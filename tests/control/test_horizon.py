"""Whatever the driver holds ends at rest within the limits; who was late goes on from there."""

import numpy as np
import pytest
from unihm.control.horizon import LEAD, WINDOW, Follower
from unihm.control.safety import SafetyGate
from unihm.control.timing import move
from unihm.evaluation.gate import illegal
from unihm.robots.arm import load_arm

RATE = 100.0
LIMITS = load_arm().limits
HOME = load_arm().home
PATH = move(HOME, HOME + 0.8, LIMITS.scaled(0.3), RATE).positions  # 1.6 s


class Driver:
    """Holds the last horizon, and remembers every set-point that it followed, one a period."""

    def __init__(self):
        self.held, self.followed, self.period = None, [], 0

    def follow_until(self, now):
        while self.period / RATE <= now + 1e-9:
            self.followed.append(self.held.at(self.period / RATE) if self.held else HOME)
            self.period += 1


@pytest.fixture
def follower():
    return Follower(PATH, SafetyGate(LIMITS, RATE, HOME), 0.1)


def follow(follower, driver, seconds, start=0.0, step=0.1):
    for now in np.arange(start, start + seconds, step):
        driver.follow_until(now)
        driver.held = follower.horizon(now)


def legal(positions):
    return illegal(np.array(positions), LIMITS, RATE) == 0


def test_the_path_is_followed_as_it_is(follower):
    driver = Driver()
    follow(follower, driver, 0.3 + len(PATH) / RATE)
    assert follower.is_done(0.3 + len(PATH) / RATE)
    followed = np.array(driver.followed)
    assert followed[10 : 10 + len(PATH)] == pytest.approx(PATH, abs=1e-9)
    assert legal(followed)


@pytest.mark.parametrize("died", np.arange(0.0, len(PATH) / RATE, 0.05))
def test_a_controller_that_dies_at_any_moment_leaves_an_arm_that_brakes(follower, died):
    driver = Driver()
    follow(follower, driver, died + 1e-3)
    driver.follow_until(died + 3.0)
    followed = np.array(driver.followed)
    assert legal(followed)
    assert np.abs(np.diff(followed[-10:], axis=0)).max() == 0.0  # at rest
    # It brakes within 0.3 s: from then on it follows the shortest stop.
    begun = round((died + 0.3) * RATE)
    speed = np.abs(np.diff(followed, axis=0)).max(axis=1)
    assert (np.diff(speed[begun:]) <= 1e-9).all()
    assert WINDOW + LEAD < 0.3


@pytest.mark.parametrize("stalled", [0.1, 0.2, 0.3, 0.4, 1.0])
def test_a_controller_that_was_held_up_goes_on_from_where_the_arm_has_gone(follower, stalled):
    driver = Driver()
    follow(follower, driver, 0.55)  # the last one is of 0.5
    now = 0.5 + stalled
    driver.follow_until(now)
    driver.held = follower.horizon(now)
    assert follower.braked == (stalled > WINDOW)
    driver.follow_until(now + 3.0)
    assert legal(driver.followed)
    assert follower.at(now + 3.0) == pytest.approx(driver.followed[-1])


def test_a_stop_begins_at_once_and_is_legal(follower):
    driver = Driver()
    follow(follower, driver, 0.58)
    driver.follow_until(0.57)
    driver.held = follower.halt(0.57)
    driver.follow_until(3.0)
    assert legal(driver.followed)
    shortest = SafetyGate(LIMITS, RATE, HOME)
    for q in PATH[: round((0.57 - 0.1 + LEAD) * RATE) + 1]:
        shortest.command(q)
    assert driver.followed[-1] == pytest.approx(shortest.stop().positions[-1], abs=1e-9)
    assert follower.end <= 3.0


def test_it_waits_where_it_may_not_go_on(follower):
    """At a sample at which the path rests; here its beginning."""
    driver = Driver()
    follower.allowed = 0
    follow(follower, driver, 2.0)
    assert np.ptp(driver.followed, axis=0).max() == 0.0
    assert not follower.braked
    follower.allowed = len(PATH) - 1
    follow(follower, driver, len(PATH) / RATE + 0.3, start=2.0)
    assert driver.followed[-1] == pytest.approx(PATH[-1])
    assert legal(driver.followed)
