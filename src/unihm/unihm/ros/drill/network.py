"""Two hosts with a cable between them, as network namespaces of this machine (root's to make)."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

from unihm.errors import ErrorCode, UnihmError
from unihm.ros.drill.cable import FRAME, NAME, Cable, enter

# What both hosts need, so that DDS takes the cable and not the memory that they share.
ENVIRONMENT = {
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET",
    "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4",
}
# What docs/real_robot.md says of hosts between which images go: pieces of datagrams that were lost
# fill the kernel's memory for 30 s otherwise, and nothing large arrives meanwhile.
_SETTINGS = {"ipfrag_time": 3, "ipfrag_high_thresh": 134_217_728}
_NAMESPACES = Path("/run/netns")


class TwoHosts:
    """Use it as a context manager, before the process has threads: it becomes the first host.

    Nothing that is sent there leaves the two namespaces.

    Raises:
        UnihmError: MISSING_DEPENDENCY where namespaces cannot be made here.
    """

    def __init__(self) -> None:
        self._names = tuple(f"unihm-{os.getpid()}-{end}" for end in "ab")

    @property
    def other(self) -> Path:
        """Of the second host: what a process enters to be there."""
        return _NAMESPACES / self._names[1]

    def __enter__(self) -> TwoHosts:
        with ExitStack() as ending:
            for name in self._names:
                _ip("netns", "add", name)
                ending.callback(_ip, "netns", "delete", name)
            self._cable = Cable([_NAMESPACES / name for name in self._names])
            ending.callback(self._cable.close)
            for number, name in enumerate(self._names, 1):
                _ip("-n", name, "address", "add", f"10.77.31.{number}/24", "dev", NAME)
                _ip("-n", name, "link", "set", "lo", "up")
                _ip("-n", name, "link", "set", NAME, "mtu", str(FRAME), "up")
                _ip("-n", name, "route", "replace", "224.0.0.0/4", "dev", NAME)
                for setting, value in _SETTINGS.items():
                    words = f"echo {value} > /proc/sys/net/ipv4/{setting}"
                    _ip("netns", "exec", name, "sh", "-c", words)
            outside = os.open("/proc/self/ns/net", os.O_RDONLY)
            ending.callback(os.close, outside)
            ending.callback(enter, Path(f"/proc/self/fd/{outside}"))
            enter(_NAMESPACES / self._names[0])
            os.environ.update(ENVIRONMENT)
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def disturb(self, loss: float = 0.0, delay: float = 0.0) -> None:
        """From now on lose this share of what is sent, and let the rest arrive so many s later."""
        self._cable.disturb(loss, delay)

    def cut(self) -> None:
        """The cable is out."""
        self.disturb(loss=1.0)

    def join(self) -> None:
        """It is in, and as it should be."""
        self.disturb()


def _ip(*words: str) -> None:
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        reason = done.stderr.strip() if done.returncode else ""
    except OSError as error:
        reason = str(error)
    if reason:
        raise UnihmError(
            ErrorCode.MISSING_DEPENDENCY, f"ip {' '.join(words)} is not possible here: {reason}"
        )
