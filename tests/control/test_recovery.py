"""How often an arm is recovered by itself, and what is said when it is not."""

from __future__ import annotations

import pytest
from unihm.control.recovery import PATIENCE, PAUSE, Recovery, RobotMode
from unihm.errors import ErrorCode, UnihmError

REFLEX = ("cartesian_reflex",)


def reflex(recovery: Recovery) -> None:
    recovery.heard(RobotMode.REFLEX, REFLEX)


def sentence(recovery: Recovery) -> str:
    with pytest.raises(UnihmError) as caught:
        recovery.check()
    assert caught.value.code == ErrorCode.SAFETY_STOP
    return caught.value.message


def test_a_robot_that_says_nothing_is_not_held_up() -> None:
    recovery = Recovery(3)
    recovery.check()
    assert not recovery.due(True, 0.0)


def test_it_is_recovered_at_rest_and_moves_again() -> None:
    recovery = Recovery(3)
    reflex(recovery)
    assert not recovery.due(False, 0.0)
    assert recovery.due(True, 1.0)
    assert not recovery.due(True, 1.1)
    assert "cartesian_reflex" in sentence(recovery)
    assert recovery.is_underway
    recovery.answered(1.2)
    recovery.heard(RobotMode.IDLE, ())
    recovery.check()
    assert not recovery.is_underway


def recover(recovery: Recovery, now: float) -> None:
    reflex(recovery)
    assert recovery.due(True, now)
    recovery.answered(now)
    recovery.heard(RobotMode.IDLE, ())


def test_after_so_many_in_a_row_somebody_has_to_look() -> None:
    recovery = Recovery(2)
    recover(recovery, 0.0)
    recover(recovery, 10.0)
    reflex(recovery)
    assert not recovery.due(True, 20.0)
    assert "2 recoveries in a row" in sentence(recovery)
    assert "error_recovery" in sentence(recovery)
    recovery.heard(RobotMode.IDLE, ())  # by somebody else
    recovery.check()
    recover(recovery, 30.0)


def test_a_motion_that_was_carried_out_counts_anew() -> None:
    recovery = Recovery(1)
    recover(recovery, 0.0)
    recovery.count_anew()
    recover(recovery, 10.0)


def test_what_does_not_help_is_tried_again_and_counted() -> None:
    recovery = Recovery(2)
    reflex(recovery)
    assert recovery.due(True, 0.0)
    recovery.answered(0.1)
    assert not recovery.due(True, 0.1 + PAUSE / 2)
    assert recovery.due(True, 0.2 + PAUSE)
    assert not recovery.due(True, 0.2 + PAUSE + PATIENCE / 2)  # nobody answers
    assert not recovery.due(True, 0.3 + PAUSE + PATIENCE)
    assert not recovery.is_underway
    assert "2 recoveries" in sentence(recovery)


def test_with_no_tries_it_is_never_asked() -> None:
    recovery = Recovery(0)
    reflex(recovery)
    assert not recovery.due(True, 0.0)
    assert "to be looked at" in sentence(recovery)


@pytest.mark.parametrize(
    ("mode", "word"), [(RobotMode.USER_STOPPED, "release"), (RobotMode.GUIDING, "guided")]
)
def test_a_person_who_holds_the_arm_is_not_overruled(mode: RobotMode, word: str) -> None:
    recovery = Recovery(3)
    recovery.heard(mode, ())
    assert not recovery.due(True, 0.0)
    assert word in sentence(recovery)
