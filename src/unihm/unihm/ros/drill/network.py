"""Two hosts with a cable between them, as network namespaces of this machine (root's to make)."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

from unihm.errors import ErrorCode, UnihmError

# What both hosts need, so that DDS takes the cable and not the memory that they share.
ENVIRONMENT = {
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET",
    "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4",
}
_NAMESPACES = Path("/run/netns")
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET


class TwoHosts:
    """Use it as a context manager, before the process has threads: it becomes the first host.

    Nothing that is sent there leaves the two namespaces.

    Raises:
        UnihmError: MISSING_DEPENDENCY where namespaces cannot be made here.
    """

    def __init__(self) -> None:
        self._names = tuple(f"unihm-{os.getpid()}-{end}" for end in "ab")
        self._outside = -1

    @property
    def other(self) -> Path:
        """Of the second host: what a process enters to be there."""
        return _NAMESPACES / self._names[1]

    def __enter__(self) -> TwoHosts:
        first, second = self._names
        try:
            for name in self._names:
                _ip("netns", "add", name)
            _ip(
                *("link", "add", "cable", "netns", first),
                *("type", "veth", "peer", "name", "cable", "netns", second),
            )
            for number, name in enumerate(self._names, 1):
                _ip("-n", name, "address", "add", f"10.77.31.{number}/24", "dev", "cable")
                _ip("-n", name, "link", "set", "lo", "up")
            self.join()
        except UnihmError:
            self.__exit__()
            raise
        self._outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        enter(_NAMESPACES / first)
        os.environ.update(ENVIRONMENT)
        return self

    def __exit__(self, *_: object) -> None:
        if self._outside >= 0:
            enter(Path(f"/proc/self/fd/{self._outside}"))
            os.close(self._outside)
        for name in self._names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def cut(self) -> None:
        """The cable is out."""
        _ip("-n", self._names[0], "link", "set", "cable", "down")

    def join(self) -> None:
        """It is in."""
        for name in self._names:
            _ip("-n", name, "link", "set", "cable", "up")
            _ip("-n", name, "route", "replace", "224.0.0.0/4", "dev", "cable")

    def disturb(self, *words: str) -> None:
        """Lose or delay packets in both directions, in netem's words; none: no more.

        Raises:
            UnihmError: MISSING_DEPENDENCY where the kernel has no netem.
        """
        for name in self._names:
            command = ["ip", "netns", "exec", name, "tc", "qdisc"]
            subprocess.run(
                [*command, "del", "dev", "cable", "root"], capture_output=True, check=False
            )
            if words:
                _run(*command, "add", "dev", "cable", "root", "netem", *words)


def enter(namespace: Path) -> None:
    """Let this thread, and all that it starts, be in a network namespace."""
    with namespace.open("rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _NEW_NETWORK) != 0:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY, "A network namespace cannot be entered here."
            )


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        reason = done.stderr.strip() if done.returncode else ""
    except OSError as error:
        reason = str(error)
    if reason:
        raise UnihmError(
            ErrorCode.MISSING_DEPENDENCY, f"{' '.join(command)} is not possible here: {reason}"
        )
