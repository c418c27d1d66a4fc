"""Random goals, cancels, faults, stalls and restarts of the controllers, against simulated drivers.

Time is the test's own. The drivers hold what they were sent and follow it, whoever lives.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan, hand_limits
from unihm.control.hand_machine import HandMachine
from unihm.control.horizon import Horizon, TooLate
from unihm.control.machine import TRANSITIONS, ArmMachine, ControllerState
from unihm.control.timing import move
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.gate import illegal
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.types import Phase

RATE = 100.0
PERIOD = 1.0 / RATE
CONFIG = ControlConfig(rate=RATE)
ARM, HAND = load_arm().limits, load_hand("inspire")
FINGERS = hand_limits(HAND)
HOME, OPEN = load_arm().home, HAND.open_joints
SHUT = OPEN + 0.3 * (HAND.closed_joints - OPEN)
OVER = HOME + np.array([0.5, 0.2, 0.0, -0.1, 0.0, 0.2, 0.0])
GRASP = OVER + np.array([0.0, 0.15, 0.0, 0.0, 0.0, 0.15, 0.0])


def plan_of(*legs):
    """A plan through ``(arm, hand, phase)``, from rest to rest; the first one is where it is."""
    limits = ARM.scaled(CONFIG.speed).joined(FINGERS)
    rows, phases = [np.concatenate(legs[0][:2])[None]], [np.array([legs[0][2]])]
    for arm, hand, phase in legs[1:]:
        goal = np.concatenate([arm, hand])
        if np.abs(goal - rows[-1][-1]).max() < 1e-4:
            continue
        piece = move(rows[-1][-1], goal, limits, RATE).positions[1:]
        rows.append(piece)
        phases.append(np.full(len(piece), phase))
    path = np.concatenate(rows)
    squeeze = np.full(len(OPEN), 0.1)
    return ExecutionPlan(
        np.arange(len(path)) / RATE,
        path[:, :7],
        path[:, 7:],
        np.concatenate(phases).astype(np.int64),
        squeeze,
    )


def grab_from(arm, hand):
    return plan_of(
        (arm, hand, Phase.APPROACH),
        (OVER, OPEN, Phase.APPROACH),
        (GRASP, OPEN, Phase.APPROACH),
        (GRASP, SHUT, Phase.GRASP),
        (OVER, SHUT, Phase.HOLD),
    )


def home_from(arm, hand):
    return plan_of((arm, hand, Phase.RETREAT), (arm, OPEN, Phase.RETREAT), (HOME, OPEN, 4))


class Robot:
    """Both controllers, both drivers and a clock; what was followed is remembered."""

    def __init__(self):
        self.now, self.period, self.passed = 0.0, 0, 0
        self.held = Horizon(0.0, RATE, HOME[None])
        self.arm_followed, self.hand_followed = [HOME], [OPEN]
        self.failures, self.results = [], []
        self.delays = []  # periods that pass before a horizon can be sent
        self.machine = self.make_arm()
        self.hand = self.make_hand()
        self.plan_start = None
        self.hand_alive = self.arm_alive = True

    def make_arm(self):
        return ArmMachine(ARM, CONFIG, self.take, lambda task, error: self.failures.append(error))

    def make_hand(self):
        return HandMachine(FINGERS, RATE, self.hand_followed[-1])

    def take(self, horizon):
        if self.delays:
            self.pass_time(self.delays.pop(), ticking=False)
        if self.now > horizon.valid_until:
            raise TooLate(self.now)
        self.held = horizon
        if self.hand_alive and self.machine.run is not None:
            run = self.machine.run
            if self.plan_start != run.start and self.machine.state != ControllerState.STOPPING:
                self.plan_start = run.start
                self.hand.follow(run.plan.hand, run.plan.phase, RATE, run.start)
            self.hand.hear(run.index(self.now), self.now)

    def here(self):
        return self.machine.setpoint or (self.arm_followed[-1], self.hand_followed[-1])

    def pass_time(self, periods, ticking=True):
        for _ in range(periods):
            self.follow()
            self.period += 1
            self.passed += 1
            self.now = self.period * PERIOD
            if ticking and self.arm_alive:
                run = self.machine.run
                reached = self.hand.sample if run and run.start == self.plan_start else -1.0
                self.machine.tick(self.now, reached)
            self.follow()

    def follow(self):
        """Both drivers are where they were told to be now."""
        if len(self.arm_followed) <= self.passed:
            self.arm_followed.append(self.held.at(self.now))
            if self.hand_alive:
                self.hand_followed.append(self.hand.step(self.now))

    def until_rest(self):
        for _ in range(3000):
            if self.machine.run is None and self.hand.state in (
                ControllerState.READY,
                ControllerState.STOPPED,
            ):
                return
            self.pass_time(1)
        raise AssertionError(f"it does not come to rest: {self.machine.state.name}")

    def begin(self, stage, plan, undoes=False):
        self.machine.begin("task", stage, plan, self.now + 0.1, lambda: None, undoes)
        self.machine.tick(self.now, -1.0)

    def joined(self, plan):
        """From where the robot rests to where a plan begins."""
        arm, hand = self.here()
        away = max(np.abs(arm - plan.arm[0]).max(), np.abs(hand - plan.hand[0]).max())
        if away < 1e-4:
            return plan
        way = plan_of((arm, hand, plan.phase[0]), (plan.arm[0], plan.hand[0], plan.phase[0]))
        return ExecutionPlan(
            np.arange(len(way) + len(plan) - 1) / RATE,
            np.concatenate([way.arm[:-1], plan.arm]),
            np.concatenate([way.hand[:-1], plan.hand]),
            np.concatenate([way.phase[:-1], plan.phase]),
            plan.squeeze,
        )

    def put_back(self):
        self.begin("ready", self.joined(self.machine.way_back), undoes=True)

    def clearly_holds(self):
        """By what the fingers did: they have closed and not opened again."""
        return np.abs(self.hand_followed[-1] - SHUT).max() < 1e-3


class Commotion(RuleBasedStateMachine):
    """Whatever happens, in whatever order."""

    def __init__(self):
        super().__init__()
        self.robot = Robot()

    @rule(what=st.sampled_from(["arm", "ready"]))
    def goal(self, what):
        """A goal is either begun or refused with a sentence, and changes nothing then."""
        robot = self.robot
        before = robot.machine.state
        try:
            if robot.machine.way_back is not None and robot.machine.run is None:
                robot.put_back()
            elif what == "arm":
                robot.begin("arm", grab_from(*robot.here()))
            else:
                robot.begin("ready", home_from(*robot.here()))
        except UnihmError as error:
            refused = error
        else:
            return
        assert refused.code == ErrorCode.SAFETY_STOP
        assert refused.message.endswith(".")
        assert robot.machine.state == before
        assert before not in (ControllerState.READY, ControllerState.HOLDING)

    @rule(periods=st.integers(1, 250))
    def time_goes_on(self, periods):
        self.robot.pass_time(periods)

    @rule(periods=st.integers(5, 90))
    def the_controller_is_held_up(self, periods):
        self.robot.pass_time(periods, ticking=False)

    @rule()
    def cancel(self):
        self.robot.machine.halt(self.robot.now, lambda: None)
        self.robot.hand.stop()

    @rule()
    def something_is_wrong(self):
        self.robot.machine.abort(UnihmError(ErrorCode.SAFETY_STOP, "A fault."), self.robot.now)
        self.robot.hand.stop()

    @rule()
    def emergency(self):
        self.robot.machine.engage("A test.", self.robot.now)
        self.robot.hand.engage("A test.")

    @rule()
    def reset(self):
        self.robot.machine.reset()
        self.robot.hand.reset()

    @rule()
    def the_arm_controller_dies_and_comes_back(self):
        """Empty-handed: what a new process cannot know is who holds what."""
        robot = self.robot
        if robot.machine.way_back is not None or robot.clearly_holds():
            return
        robot.pass_time(300, ticking=False)
        robot.hand.stop()
        robot.pass_time(100, ticking=False)
        engaged = robot.machine.state == ControllerState.STOPPED
        robot.machine = robot.make_arm()
        robot.machine.setpoint = robot.arm_followed[-1], robot.hand.position
        if engaged:
            robot.machine.engage("A test.", robot.now)

    @precondition(lambda self: self.robot.machine.run is None)
    @rule()
    def what_is_held_is_known_and_a_next_goal_works(self):
        robot = self.robot
        robot.machine.reset()
        robot.hand.reset()
        robot.until_rest()
        if robot.machine.way_back is not None:
            robot.put_back()
            robot.until_rest()
            assert robot.machine.state == ControllerState.READY
            assert np.abs(robot.hand_followed[-1] - OPEN).max() < 5e-3
        robot.begin("ready", home_from(*robot.here()))
        robot.until_rest()
        assert robot.arm_followed[-1] == pytest.approx(HOME, abs=1e-5)
        robot.begin("arm", grab_from(*robot.here()))
        robot.until_rest()
        assert robot.machine.state == ControllerState.HOLDING
        assert robot.clearly_holds()

    @invariant()
    def what_is_held_can_be_put_back(self):
        """Where fingers are shut at rest, away from where the object stood."""
        robot = self.robot
        lifted = np.abs(robot.arm_followed[-1] - GRASP).max() > 0.02
        if robot.machine.run is None and robot.clearly_holds() and lifted:
            assert robot.machine.way_back is not None
        if robot.machine.way_back is not None and robot.machine.run is None:
            assert robot.machine.state in (ControllerState.HOLDING, ControllerState.STOPPED)
            # After a stop a motion may have begun so far from the open hand.
            assert np.abs(robot.machine.way_back.hand[-1] - OPEN).max() < 1e-3

    def teardown(self):
        self.robot.pass_time(300)
        for followed, limits in (
            (self.robot.arm_followed, ARM),
            (self.robot.hand_followed, FINGERS),
        ):
            assert illegal(np.array(followed), limits, RATE) == 0


Commotion.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_whatever_happens = Commotion.TestCase


def test_the_arm_waits_for_a_hand_that_is_idle():
    robot = Robot()
    robot.begin("arm", grab_from(HOME, OPEN))
    robot.hand_alive = False
    robot.pass_time(1500)
    lowest = robot.arm_followed[-1]
    plan = grab_from(HOME, OPEN)
    first_end = np.flatnonzero(plan.phase[:-1] != plan.phase[1:])[0]
    assert lowest == pytest.approx(plan.arm[first_end], abs=1e-6)
    assert robot.machine.state == ControllerState.MOVING


def test_the_hand_stops_by_itself_when_the_arm_is_silent():
    robot = Robot()
    robot.begin("arm", grab_from(HOME, OPEN))
    while robot.machine.run.plan.phase[robot.machine.run.index(robot.now)] != Phase.GRASP:
        robot.pass_time(1)
    robot.pass_time(20)
    robot.arm_alive = False
    robot.pass_time(200)
    moving = np.abs(np.diff(robot.hand_followed[-170:], axis=0)).max(axis=1)
    assert moving[60:].max() < 1e-9
    assert not robot.clearly_holds()


def test_a_second_motion_and_one_with_full_hands_are_refused():
    robot = Robot()
    robot.begin("arm", grab_from(HOME, OPEN))
    with pytest.raises(UnihmError, match="a second motion"):
        robot.begin("arm", grab_from(HOME, OPEN))
    robot.until_rest()
    with pytest.raises(UnihmError, match="put back"):
        robot.begin("ready", home_from(*robot.here()))
    robot.put_back()
    robot.until_rest()
    with pytest.raises(UnihmError, match=r"begins 0\.5"):
        robot.begin("ready", home_from(HOME + 0.5, OPEN))


def test_the_emergency_stop_stops_and_stays_until_it_is_reset():
    robot = Robot()
    robot.begin("arm", grab_from(HOME, OPEN))
    robot.pass_time(40)
    robot.machine.engage("The button was pressed.", robot.now)
    robot.hand.engage("The button was pressed.")
    (error,) = robot.failures
    assert "The button was pressed" in error.message
    robot.until_rest()
    assert robot.machine.state == ControllerState.STOPPED
    with pytest.raises(UnihmError, match="reset it first"):
        robot.begin("ready", home_from(*robot.here()))
    robot.machine.reset()
    robot.hand.reset()
    assert robot.machine.state == ControllerState.READY
    robot.begin("ready", home_from(*robot.here()))
    robot.until_rest()
    assert robot.arm_followed[-1] == pytest.approx(HOME, abs=1e-6)


@pytest.mark.parametrize("jump", [-3600.0, -0.3, 0.3, 3600.0])
def test_a_clock_that_jumps_stops_the_arm_within_the_limits(jump):
    robot = Robot()
    robot.begin("arm", grab_from(HOME, OPEN))
    robot.pass_time(40)
    robot.held = Horizon(robot.held.start + jump, RATE, robot.held.positions)
    robot.period += round(jump * RATE)
    robot.now += jump
    robot.machine.clock_jumped(UnihmError(ErrorCode.SAFETY_STOP, "It jumped."), robot.now)
    robot.hand.stop()
    robot.machine.watch(robot.arm_followed[-1], robot.now)
    told = robot.held
    while robot.machine.run is not None:
        assert robot.held is told  # by whose clock would it be?
        robot.pass_time(1)
        robot.machine.watch(robot.arm_followed[-1], robot.now)
    assert robot.machine.state == ControllerState.READY
    assert robot.held.start == 0.0
    assert robot.held.positions == pytest.approx(robot.arm_followed[-1][None], abs=1e-6)
    assert illegal(np.array(robot.arm_followed), ARM, RATE) == 0
    assert len(robot.arm_followed) < 200
    robot.begin("ready", home_from(*robot.here()))
    robot.until_rest()


@pytest.mark.parametrize("delays", [[8], [6, 9], [20, 20, 20], [9] * 30])
def test_a_stop_that_is_ready_too_late_is_made_anew(delays):
    """On a busy machine the driver has gone on when the way to rest has been found."""
    robot = Robot()
    robot.begin("arm", grab_from(HOME, OPEN))
    robot.pass_time(60)
    robot.delays = list(delays)
    robot.machine.halt(robot.now, lambda: None)
    robot.hand.stop()
    robot.delays = []
    robot.until_rest()
    assert robot.machine.state == ControllerState.READY
    assert illegal(np.array(robot.arm_followed), ARM, RATE) == 0
    assert robot.machine.setpoint[0] == pytest.approx(robot.arm_followed[-1], abs=1e-6)


@pytest.mark.parametrize("delays", [[12], [0, 25], [60], [9, 9, 9, 9]])
def test_a_horizon_that_is_ready_too_late_is_not_sent(delays):
    """The driver is braking by then, or rests; the motion goes on from there."""
    robot = Robot()
    plan = grab_from(HOME, OPEN)
    robot.begin("arm", plan)
    robot.pass_time(60)
    robot.delays = list(delays)
    robot.until_rest()
    assert not robot.delays
    assert not robot.failures
    assert illegal(np.array(robot.arm_followed), ARM, RATE) == 0
    assert robot.arm_followed[-1] == pytest.approx(plan.arm[-1], abs=1e-6)


@pytest.mark.parametrize("periods", [2, 3, 5, 10, 15, 40])
def test_a_machine_that_is_always_late_moves_all_the_same(periods):
    """However slow it is; where it rests for the hand, too."""
    robot = Robot()
    plan = grab_from(HOME, OPEN)
    robot.delays = [periods] * 2000
    robot.begin("arm", plan)
    robot.until_rest()
    assert not robot.failures
    assert illegal(np.array(robot.arm_followed), ARM, RATE) == 0
    assert robot.arm_followed[-1] == pytest.approx(plan.arm[-1], abs=1e-6)


def test_an_arm_that_stands_while_it_is_told_to_move_is_noticed():
    robot = Robot()
    slow = move(HOME, HOME + 0.3, ARM.scaled(0.1), RATE).positions
    times, hand = np.arange(len(slow)) / RATE, np.tile(OPEN, (len(slow), 1))
    phase = np.full(len(slow), Phase.APPROACH)
    robot.begin("ready", ExecutionPlan(times, slow, hand, phase, np.zeros(len(OPEN))))

    def stand_still():
        for _ in range(len(slow)):
            robot.pass_time(1)
            robot.machine.watch(HOME, robot.now)

    with pytest.raises(UnihmError, match="stands still") as caught:
        stand_still()
    assert caught.value.code is ErrorCode.SAFETY_STOP
    assert np.abs(robot.arm_followed[-1] - HOME).max() < CONFIG.safety.tracking_error


def test_an_arm_that_turns_back_does_not_stand():
    """Though it lags a little, and so is where it was half a second ago, unlike what it is told."""
    robot = Robot()
    there = move(HOME, HOME + 0.5, ARM.scaled(0.5), RATE).positions
    path = np.concatenate([there, there[-2::-1]])
    times, hand = np.arange(len(path)) / RATE, np.tile(OPEN, (len(path), 1))
    phase = np.full(len(path), Phase.APPROACH)
    robot.begin("ready", ExecutionPlan(times, path, hand, phase, np.zeros(len(OPEN))))
    for _ in range(len(path)):
        robot.pass_time(1)
        if robot.machine.run is not None:
            lagging = robot.machine.run.follower.at(robot.now - 0.15)
            robot.machine.watch(lagging, robot.now)
    assert not robot.failures


def test_after_a_start_a_closed_hand_has_to_be_looked_at_by_a_person():
    machine = Robot().machine
    machine.engage("Somebody pressed the button before.", 0.0)
    machine.reset()  # nobody had been asked yet
    with pytest.raises(UnihmError, match="take it out by hand"):
        machine.look_at_hand(is_open=False)
    with pytest.raises(UnihmError, match="take it out by hand"):
        machine.look_at_hand(is_open=False)
    machine.engage("The hand is not open.", 0.0)
    machine.reset()
    machine.look_at_hand(is_open=False)


def test_an_open_hand_is_known_to_be_empty():
    machine = Robot().machine
    machine.look_at_hand(is_open=True)
    machine.look_at_hand(is_open=False)


def test_every_state_can_be_left_and_only_as_it_is_written():
    assert set(TRANSITIONS) == set(ControllerState) - {ControllerState.WORKING}
    machine = Robot().machine
    with pytest.raises(UnihmError, match="cannot go from READY to HOLDING"):
        machine._go(ControllerState.HOLDING)


def test_after_a_stop_that_the_driver_did_not_hear_a_motion_begins_where_the_arm_is(monkeypatch):
    robot = Robot()
    robot.begin("arm", grab_from(HOME, OPEN))
    robot.pass_time(40)
    monkeypatch.setattr(robot.machine, "_send", lambda horizon: None)
    robot.machine.halt(robot.now, lambda: None)
    robot.hand.stop()
    robot.until_rest()
    monkeypatch.undo()
    robot.pass_time(50)
    where = robot.arm_followed[-1]
    away = np.abs(robot.machine.setpoint[0] - where).max()
    assert away > 0.1
    assert not robot.machine.rests_at(where)
    hand = robot.machine.setpoint[1]
    robot.machine.found_at(where)
    assert robot.machine.rests_at(where)
    assert robot.machine.setpoint[1] is hand
    robot.begin("ready", home_from(*robot.here()))
    assert np.abs(robot.held.positions[0] - where).max() < 2e-3
    robot.until_rest()
    # A weight that pulls it down a little is no reason to begin anew after a motion's own end.
    assert robot.machine.rests_at(robot.arm_followed[-1] + 0.03)
