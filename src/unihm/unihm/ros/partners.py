"""The other nodes that a motion depends on: are they alive, and where are they?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from builtin_interfaces.msg import Time
from unihm_msgs.msg import Heartbeat

from unihm.control.heartbeats import Heartbeats
from unihm.control.horizon import WINDOW
from unihm.errors import ErrorCode, UnihmError
from unihm.ros.base import UnihmNode
from unihm.ros.qos import HEARTBEAT
from unihm.ros.roster import NODES

FIRST_WORD = 5.0  # s that a node which has just started may take to be heard of


class Partners:
    """Hears the heartbeats of all nodes, for one that moves something.

    Args:
        node: that listens; it gets the parameter ``heartbeat_timeout``.
        timeout: default of it, s.
        step: s between two looks of the node.

    Attributes:
        watched: who must stay alive in the motion that goes on.
    """

    def __init__(self, node: UnihmNode, timeout: float = 0.25, step: float = 0.05) -> None:
        timeout = node.declare(
            "heartbeat_timeout",
            timeout,
            "Seconds of silence after which a node that takes part in a task counts as dead.",
            0.05,
            60.0,
        )
        self._me = node.get_name()
        self._beats: dict[str, Heartbeat] = {}
        self._alive = Heartbeats(timeout, step)
        self._lives: dict[str, int] = {}  # when what goes on began
        self.watched: set[str] = set()
        for name in NODES:
            if name != self._me:
                node.subscription(Heartbeat, f"heartbeat/{name}", self._receive, HEARTBEAT)

    def _receive(self, beat: Heartbeat) -> None:
        self._beats[beat.node] = beat
        self._alive.heard(beat.node)

    def look(self) -> None:
        """Count how long nobody was heard; called often."""
        self._alive.look(time.monotonic())

    def wait_for(self, needed: Sequence[str], seconds: float = FIRST_WORD) -> None:
        """Until all of them are alive, if not for ever; from a thread that may wait.

        Raises:
            UnihmError: SAFETY_STOP with the names of those that are not.
        """
        end = time.monotonic() + seconds
        while missing := self._alive.silent(needed):
            if time.monotonic() > end:
                raise UnihmError(
                    ErrorCode.SAFETY_STOP,
                    f"Nothing is heard of {' and '.join(missing)}, without which the robot does "
                    "not move; start it.",
                )
            time.sleep(0.02)

    def known(self, names: Iterable[str]) -> set[str]:
        """Those of ``names`` that were heard of."""
        return set(self._alive.known.intersection(names))

    def gone(self, names: Iterable[str]) -> list[str]:
        """Those of ``names`` that were heard of once and have fallen silent, sorted."""
        return self._alive.silent(self.known(names))

    def restarted(self, names: Iterable[str]) -> list[str]:
        """Those of ``names`` that have begun anew since :meth:`begin`, sorted."""
        lives = {name: beat.life for name, beat in list(self._beats.items())}
        return sorted(n for n in names if lives.get(n) != self._lives.get(n, lives.get(n)))

    def begin(self) -> None:
        """A task or motion begins: whoever is alive and well now has to stay so."""
        self._lives = {name: beat.life for name, beat in list(self._beats.items())}
        self.watched = {name for name in self._alive.alive() if not self._beats[name].fault}

    def check(self) -> None:
        """Whether the motion may go on.

        Raises:
            UnihmError: SAFETY_STOP with the name of who has fallen silent, has begun anew, or says
                that it cannot do its part.
        """
        silent = self._alive.silent(self.watched)
        if silent:
            raise UnihmError(
                ErrorCode.SAFETY_STOP,
                f"Nothing has been heard of {' and '.join(silent)} for "
                f"{self._alive.timeout:.2f} s; stopping.",
            )
        if again := self.restarted(self.watched):
            raise UnihmError(
                ErrorCode.SAFETY_STOP, f"{' and '.join(again)} has been started again; stopping."
            )
        for name in sorted(self.watched):
            if self._beats[name].fault:
                raise UnihmError(ErrorCode.SAFETY_STOP, f"{name}: {self._beats[name].fault}")

    def sample(self, name: str, plan: Time) -> float:
        """The sample of the plan with this stamp that a node has come to; -1: none of it."""
        beat = self._beats.get(name)
        return beat.sample if beat is not None and beat.plan == plan else -1.0


def declare_window(node: UnihmNode) -> float:
    """The parameter ``window`` of both controllers."""
    window: float = node.declare(
        "window",
        WINDOW,
        "Seconds that arm and hand go on without a word of their controllers.",
        0.05,
        10.0,
    )
    return window
