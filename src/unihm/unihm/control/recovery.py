"""An arm that has stopped by itself: may it be recovered, and how often before somebody looks?

A Franka that feels a collision, or is sent what it cannot follow, stops by a *reflex* and takes no
commands until its error is recovered. A recovery moves nothing. It is asked for when nothing moves
any more, a limited number of times in a row: an arm that stops again and again is stopped by
something that a person has to see.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from unihm.errors import ErrorCode, UnihmError

PATIENCE = 5.0  # s that a recovery may take until it counts as failed
PAUSE = 0.5  # s from an answer until the mode has to tell of it


class RobotMode(IntEnum):
    """What the robot says of itself: ``robot_mode`` of franka_msgs/FrankaRobotState."""

    OTHER = 0
    IDLE = 1
    MOVE = 2
    GUIDING = 3
    REFLEX = 4
    USER_STOPPED = 5
    AUTOMATIC_ERROR_RECOVERY = 6


class Recovery:
    """Counts the recoveries of one arm. It neither moves nor asks; whoever does tells it.

    Args:
        tries: recoveries in a row without a motion carried out in between; 0: a person has to
            recover it always.

    Attributes:
        mode: of the robot; None while it was never heard of.
        tried: recoveries so far.
    """

    def __init__(self, tries: int) -> None:
        self.tries, self.tried = tries, 0
        self.mode: RobotMode | None = None
        self._errors = ""
        self._asked_at = -np.inf  # s; infinite while nothing is asked
        self._again_at = -np.inf  # s
        self._is_left = False  # to somebody who has to look

    def heard(self, mode: int, errors: tuple[str, ...]) -> None:
        """The robot has told its mode and the names of its errors."""
        known = RobotMode(mode) if mode in list(RobotMode) else RobotMode.OTHER
        if known is RobotMode.REFLEX:
            self._errors = ", ".join(errors) or self._errors or "no error is named"
        elif known is not RobotMode.AUTOMATIC_ERROR_RECOVERY:
            if self._is_left:
                self.tried = 0  # not by us: somebody has looked
            self._asked_at, self._errors, self._is_left = -np.inf, "", False
        self.mode = known

    @property
    def is_underway(self) -> bool:
        """The arm cannot move now, and can without anybody's help in a moment."""
        if self.mode is RobotMode.REFLEX:
            return self._is_asked or self.tried < self.tries
        return self.mode is RobotMode.AUTOMATIC_ERROR_RECOVERY

    def due(self, rests: bool, now: float) -> bool:
        """Whether a recovery is to be asked for now; it is counted.

        Args:
            rests: nothing is sent to the arm any more.
            now: s.
        """
        if self._is_asked and now - self._asked_at > PATIENCE:
            self.answered(now)
        stands = rests and self.mode is RobotMode.REFLEX
        if not stands or self._is_asked or now < self._again_at:
            return False
        self._is_left = self.tried >= self.tries
        if self._is_left:
            return False
        self.tried += 1
        self._asked_at = now
        return True

    def answered(self, now: float) -> None:
        """What was asked for has ended; whether it helped, the robot's mode says."""
        self._asked_at, self._again_at = -np.inf, now + PAUSE

    def count_anew(self) -> None:
        """A motion was carried out, or a person has looked."""
        self.tried = 0

    def check(self) -> None:
        """Pass where the arm takes commands, as far as is known.

        Raises:
            UnihmError: SAFETY_STOP with what has to be done.
        """
        if self.mode is RobotMode.USER_STOPPED:
            raise _stop("The arm is stopped by its enabling or stop button; release it first.")
        if self.mode is RobotMode.GUIDING:
            raise _stop("The arm is guided by hand; let go of its button first.")
        if self.is_underway:
            raise _stop(
                f"The arm stopped by a reflex ({self._errors}); it is being recovered, and moves "
                "at the next instruction."
            )
        if self.mode is RobotMode.REFLEX:
            often = f"after {self.tried} recoveries in a row" if self.tried else "to be looked at"
            raise _stop(
                f"The arm stopped by a reflex ({self._errors}), {often}; see what stops it, then "
                "recover it: ros2 action send_goal /action_server/error_recovery "
                "franka_msgs/action/ErrorRecovery {}"
            )

    @property
    def _is_asked(self) -> bool:
        return self._asked_at > -np.inf


def _stop(sentence: str) -> UnihmError:
    return UnihmError(ErrorCode.SAFETY_STOP, sentence)
