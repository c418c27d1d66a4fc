"""What a motion of the arm depends on: other nodes, joint states, a hand that comes along."""

from __future__ import annotations

import time

import numpy as np

from unihm.control.heartbeats import Heartbeats
from unihm.control.machine import ArmMachine
from unihm.control.planning import CLOSE, Posture
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import seconds_to_time
from unihm.ros.joints import JointStates
from unihm.ros.partners import Partners

SETTLING = 0.3  # s that an arm may come to rest later than its set-points
FRESH = 0.1  # s that a joint state may be old to be compared with where it was sent
HAND_LATE = 5.0  # s that the hand may stay at one sample of a plan, or before the first
# Without these nothing begins to move.
_NEEDED = ("hand_controller", "emergency_stop", "coordinator")


class MotionWatch:
    """Knows where the robot is, and stops a motion that must not go on.

    Args:
        node: that moves the arm; it gets the parameters of :class:`JointStates` and
            :class:`Partners`.
    """

    def __init__(self, node: UnihmNode) -> None:
        self.joint_states = JointStates(node, timeout=0.22)
        self.partners = Partners(node)
        self._hand_at = -1.0
        self._hand = Heartbeats(HAND_LATE)

    def here(self, arm: Arm, hand: Hand, machine: ArmMachine) -> Posture:
        """Where arm and hand are: the last set-points, unless the arm rests somewhere else.

        From a thread that may wait.

        Raises:
            UnihmError: JOINT_STATE_TIMEOUT.
        """
        self.joint_states.wait_for([*arm.joint_names, *hand.joint_names])
        q_arm = self.joint_states.read(arm.joint_names).positions
        end = time.monotonic() + SETTLING
        while machine.setpoint and not machine.rests_at(q_arm) and time.monotonic() < end:
            time.sleep(0.02)
            q_arm = self.joint_states.read(arm.joint_names).positions
        q_hand = self.joint_states.read(hand.joint_names).positions
        setpoint = machine.setpoint
        if setpoint is not None and machine.rests_at(q_arm):
            return setpoint
        if setpoint is not None and np.abs(setpoint[0] - q_arm).max() < CLOSE:
            machine.found_at(q_arm)
            return q_arm, setpoint[1]
        machine.moved()
        return q_arm, hand.clip(q_hand)

    def wait_for_partners(self) -> None:
        """Until all are alive that a motion needs; from a thread that may wait.

        Raises:
            UnihmError: SAFETY_STOP with the names of those that are not.
        """
        self.partners.wait_for(_NEEDED)

    def begin(self) -> None:
        """A motion begins: whoever is alive and well now has to stay so."""
        self.partners.begin()
        self._hand_at = -1.0
        self._hand.heard("hand")

    def look(self, arm: Arm, hand: Hand, machine: ArmMachine, now: float) -> float:
        """Abort a motion that must not go on; called often.

        Returns:
            the sample of the plan that the hand has come to.
        """
        self.partners.look()
        run = machine.run
        if run is None:
            return -1.0
        try:
            reading = self.joint_states.watch(arm.joint_names)
            if reading.age < FRESH:
                machine.watch(reading.positions, now - reading.age, reading.doubt)
            self.joint_states.watch(hand.joint_names)
            self.partners.check()
        except UnihmError as error:
            machine.abort(error, now)
        hand_at = self.partners.sample("hand_controller", seconds_to_time(run.start))
        self._hand.look(now)
        if hand_at != self._hand_at:
            self._hand_at = hand_at
            self._hand.heard("hand")
        if self._hand.silent(["hand"]):
            what = "take up the plan" if hand_at < 0 else "come along with the arm"
            machine.abort(
                UnihmError(ErrorCode.SAFETY_STOP, f"The hand does not {what}; stopping."), now
            )
        return hand_at
