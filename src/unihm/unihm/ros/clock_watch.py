"""Clocks that disagree, and clocks that jump.

A stamp is a time of the sender's clock, an arrival one of ours. What is measured of a stream is

    arrival - stamp = latency - offset,    offset = sender's clock - ours,

of which the latency is never negative: the least value of late is what the offset looks like, and
how far a message lies above it is by how much it came late.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rclpy.clock import Clock, ClockChange, JumpThreshold, ROSClock, TimeJump
from rclpy.duration import Duration

from unihm.errors import ErrorCode, UnihmError

LARGEST_OFFSET = 0.5  # s between two clocks that are meant to be the same
FORGETTING = 0.02  # s/s by which the least value creeps up: an outlier is over in 25 s
SYSTEM_JUMP = 0.2  # s in which the system's clock may differ from a steady one between two looks
# A simulation that runs as fast as it can is ahead by seconds whenever its listener is held up.
SIMULATED_JUMP = 10.0  # s that one message on /clock may be ahead of the one before
_SWITCHED = (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED)


class StreamClock:
    """How old the messages of one stream are, by their stamps.

    Args:
        name: of the stream, for people.
        largest_offset: seconds between the sender's clock and ours beyond which its stamps say
            nothing.
    """

    def __init__(self, name: str, largest_offset: float = LARGEST_OFFSET) -> None:
        self._name = name
        self._largest = largest_offset
        self._least: float | None = None  # s, arrival - stamp
        self._arrival = 0.0

    @property
    def offset(self) -> float:
        """Seconds that the sender's clock is ahead of ours, as far as is known."""
        return -self._least if self._least is not None else 0.0

    def delay(self, stamp: float, arrival: float) -> float:
        """By how many seconds a message came later than the quickest of its stream.

        Args:
            stamp: s, of its header; 0: the sender does not say, and the delay is 0.
            arrival: s, by our clock.

        Raises:
            UnihmError: JOINT_STATE_TIMEOUT where stamps and arrivals are further apart than two
                clocks may be.
        """
        if stamp == 0.0:
            return 0.0
        apart = arrival - stamp
        if self._least is None:
            self._least = apart
        else:
            crept = self._least + FORGETTING * max(0.0, arrival - self._arrival)
            self._least = min(apart, crept)
        self._arrival = arrival
        if abs(self._least) > self._largest:
            raise UnihmError(
                ErrorCode.JOINT_STATE_TIMEOUT,
                f"The stamps of {self._name} are {abs(self._least):.2f} s "
                f"{'behind' if self._least > 0 else 'ahead of'} this machine's clock; synchronise "
                "the clocks, or let the driver stamp what it measures now.",
            )
        return apart - self._least

    def reset(self) -> None:
        """A clock has jumped: measure anew."""
        self._least = None


class ClockWatch:
    """Notices that a node's clock has jumped.

    The system's clock is compared with a steady one at every :meth:`look`; jumps of the simulated
    one are told by rclpy, and so is a change from one to the other (``use_sim_time``), after which
    the time is whatever was heard on /clock last. Either way whoever listens is called once for
    each, in whichever thread noticed.

    Args:
        clock: of the node.
        system, steady: the two clocks in seconds.

    Attributes:
        jumping: the simulated clock is about to jump, or has, and not everybody was told. Read
            after the time, it says whether that can be believed.
    """

    def __init__(
        self,
        clock: Clock,
        system: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._system, self._steady = system, steady
        self._listeners: list[Callable[[UnihmError], None]] = []
        self._lock = threading.Lock()
        self._ahead = system() - steady()
        self.jumping = False
        self._switched = False
        self._handle = clock.create_jump_callback(
            JumpThreshold(
                min_forward=Duration(seconds=SIMULATED_JUMP),
                min_backward=Duration(nanoseconds=-1),
                on_clock_change=True,
            ),
            pre_callback=self._about_to_jump,
            post_callback=self._has_jumped,
        )

    def listen(self, on_jump: Callable[[UnihmError], None]) -> None:
        """Call ``on_jump`` at every jump, with SAFETY_STOP and a sentence."""
        self._listeners.append(on_jump)

    def look(self) -> None:
        """Compare the clocks now."""
        with self._lock:
            ahead = self._system() - self._steady()
            jump, self._ahead = ahead - self._ahead, ahead
        simulated = isinstance(self._clock, ROSClock) and self._clock.ros_time_is_active
        if abs(jump) > SYSTEM_JUMP and not simulated:
            self._tell(f"The clock jumped by {jump:+.2f} s")

    def end(self) -> None:
        """Listen to the clock no longer."""
        self._handle.unregister()

    def _about_to_jump(self) -> None:
        self.jumping = True

    def _has_jumped(self, jump: TimeJump) -> None:
        if jump.clock_change in _SWITCHED:
            self._switched = True
            self._tell("The clock was changed from simulated to the system's time or back")
        # Before the first message of /clock the time is 0: for who was started so that is no jump.
        elif self._switched or self._clock.now().nanoseconds != jump.delta.nanoseconds:
            self._tell(f"The clock jumped by {jump.delta.nanoseconds * 1e-9:+.2f} s")
        self.jumping = False

    def _tell(self, what: str) -> None:
        error = UnihmError(ErrorCode.SAFETY_STOP, f"{what}; what was timed by it was stopped.")
        for listener in self._listeners:
            listener(error)
