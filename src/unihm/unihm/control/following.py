"""Set-points of somebody else, one by one, made safe: a person's hand, or a learned policy.

Whoever sends them need not know the limits. The arm goes where it is told as fast as may be, and
the driver never holds more than the next tenth of a second and the shortest stop behind it. Where
that stop ends is looked at before it is sent: within the workspace, above the table, links apart.
A set-point that leads elsewhere is not followed, and where none come any more, the robot rests.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np

from unihm.control.config import ControlConfig, SafetyConfig
from unihm.control.execution import hand_limits
from unihm.control.horizon import LEAD, Follower, Horizon, TooLate
from unihm.control.planning import Posture, check_clearance
from unihm.control.safety import SafetyGate
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.robots.collision import CollisionModel
from unihm.types import FloatArray

PERIOD = 0.04  # s between two steps of the arm
WINDOW = 0.1  # s of the way in a horizon, before its stop
SILENCE = 0.25  # s without a set-point after which the robot comes to rest
REACH = 0.35  # rad that a joint of the arm may be told to be away from where it is
_STILL = 1e-6  # rad


class SetpointFollower:
    """Goes where it is told, no further than it may, and rests where it is told nothing.

    Args:
        arm: that carries the hand.
        hand: that is mounted.
        config: rate, speed and bounds.
        here: (n,) and (J,) rad, where arm and hand rest.
        now: s.
        send: gives a horizon to the arm's driver.

    Attributes:
        wanted: (n,) and (J,) rad, what it was told last.
        refused: why the arm does not go where it was told last; None: it does.
    """

    def __init__(
        self,
        arm: Arm,
        hand: Hand,
        config: ControlConfig,
        here: Posture,
        now: float,
        send: Callable[[Horizon], None],
    ) -> None:
        self._arm, self._hand, self._config, self._send = arm, hand, config, send
        self._collisions = CollisionModel(arm, hand)
        self._limits = arm.limits.scaled(config.speed)
        self._follower = self._resting(here[0], now)
        self._fingers = SafetyGate(
            hand_limits(hand),
            hand.spec.driver.rate_hz,
            here[1],
            SafetyConfig(tracking_error=np.inf),  # a finger that presses is far from its set-point
        )
        self.wanted: Posture = here
        # Where arm and hand come to rest with what they were told until now.
        self._rest: Posture = here
        self._told = -np.inf  # s, when a set-point came last
        self.refused: UnihmError | None = None

    # ------------------------------------------------------------ what it is told

    def want(self, q_arm: FloatArray, q_hand: FloatArray, now: float) -> None:
        """Go to (n,) and (J,) rad from now on.

        Raises:
            UnihmError: SAFETY_STOP for what is not finite or of another length, and where the arm
                would have to go further than :data:`REACH`; the set-point before counts then.
        """
        here = self.setpoint(now)
        for what, wanted, present in zip(("arm", "hand"), (q_arm, q_hand), here):
            if wanted.shape != present.shape or not np.isfinite(wanted).all():
                raise UnihmError(
                    ErrorCode.SAFETY_STOP,
                    f"A set-point of the {what} must be {len(present)} finite numbers; its shape "
                    f"is {wanted.shape}.",
                )
        away = np.abs(q_arm - here[0])
        if away.max() > REACH:
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"{self._arm.joint_names[int(away.argmax())]} is told to be {away.max():.2f} rad "
                f"from where it is; more than {REACH} rad are not followed.",
            )
        self.wanted, self._told = (q_arm, q_hand), now

    def watch(self, measured: FloatArray, taken: float) -> None:
        """Compare where the arm's joints (n,) were at a time, s, with where they were sent.

        Raises:
            UnihmError: SAFETY_STOP where they do not follow; it is for the caller to :meth:`stop`.
        """
        gate = SafetyGate(
            self._limits, self._config.rate, self._follower.at(taken), self._config.safety
        )
        gate.check(measured, 0.0)

    # ------------------------------------------------------------ as time goes on

    def setpoint(self, now: float) -> Posture:
        """Where arm (n,) and hand (J,) are told to be now."""
        return self._follower.at(now), self._fingers.position

    def rests(self, now: float) -> bool:
        """Whether the arm has come to the end of all that its driver holds."""
        follower = self._follower
        return bool(np.abs(follower.at(now) - follower.at(follower.end)).max() < _STILL)

    def is_followed(self, now: float) -> bool:
        """Whether somebody tells it where to go."""
        return now - self._told <= SILENCE

    def step(self, now: float) -> None:
        """Send the arm's driver its next moments; every :data:`PERIOD`.

        Raises:
            UnihmError: MISSING_DEPENDENCY where nothing listens to the commands.
        """
        self._follower.forget(now)
        self._follower.advance(now)
        if self._follower.braked:  # it was left without a horizon, by a busy machine
            if now < self._follower.end:
                return
            self._follower = self._resting(self._follower.at(now), now)
        rest, refused = self._rest[0], None
        for goal in (self.wanted[0], rest) if self.is_followed(now) else (rest,):
            try:
                self._go_towards(goal, now)
            except TooLate:
                return  # what the driver holds ends at rest
            except UnihmError as error:
                if error.code != ErrorCode.SAFETY_STOP:
                    raise
                refused = refused or error
            else:
                break
        self.refused = refused

    def step_hand(self, now: float) -> FloatArray:
        """The hand's next set-point (J,), one period of its driver after the last."""
        goal = self.wanted[1] if self.is_followed(now) else self._rest[1]
        position = self._fingers.command(goal)
        self._rest = self._rest[0], copy.copy(self._fingers).stop().positions[-1]
        return position

    def stop(self) -> None:
        """Come to rest: nothing is followed until the next set-point."""
        self._told = -np.inf

    # ------------------------------------------------------------ inside

    def _resting(self, q_arm: FloatArray, now: float) -> Follower:
        gate = SafetyGate(self._limits, self._config.rate, q_arm, self._config.safety)
        return Follower(np.stack([q_arm, q_arm]), gate, now + LEAD, WINDOW)

    def _go_towards(self, goal: FloatArray, now: float) -> None:
        """Send what leads towards ``goal`` (n,), if it may be.

        Raises:
            UnihmError: SAFETY_STOP where it may not; what the driver holds is as it was.
        """
        follower = copy.copy(self._follower)
        follower.path = np.stack([follower.path[-1], goal])
        horizon = follower.horizon(now)
        self._check(follower.at(now), horizon.positions[-1])
        self._send(horizon)
        self._follower, self._rest = follower, (horizon.positions[-1], self._rest[1])

    def _check(self, here: FloatArray, end: FloatArray) -> None:
        """Whether the arm may come to rest at ``end`` (n,); it is at ``here`` (n,) now."""
        q_hand = self._fingers.position
        clearance = self._collisions.clearance(np.stack([here, end]), np.stack([q_hand, q_hand]))
        check_clearance(clearance, self._config.safety)
        wrist = self._arm.forward(end) @ self._hand.T_flange_wrist
        self._config.safety.check_workspace(wrist[:3, 3])
