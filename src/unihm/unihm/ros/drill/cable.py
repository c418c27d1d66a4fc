"""A cable between two network namespaces, whose frames a process of its own carries.

It loses and delays them, which no kernel has to know how to: an interface at each end (TAP) gives
the frames that are sent there, and takes what shall arrive. Unlike an interface that is set down,
one at the end of a cable that loses everything keeps its address, as with a plug that is pulled.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import multiprocessing
import os
import random
import select
import struct
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from unihm.errors import ErrorCode, UnihmError

NAME = "cable"  # of the interface at either end
FRAME = 9000  # bytes at most, as cameras ask for
_ATTACH = 0x400454CA  # TUNSETIFF of linux/if_tun.h: the file becomes an interface,
_FRAMES = 0x0002 | 0x1000  # one of whole frames and nothing before them: IFF_TAP, IFF_NO_PI
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_BEGINNING = 30.0  # s in which the process has to be there


class Cable:
    """Its interfaces exist once it is made, and are down.

    Args:
        ends: two network namespaces, such as /run/netns/a.

    Raises:
        UnihmError: MISSING_DEPENDENCY where interfaces cannot be made here.
    """

    def __init__(self, ends: Sequence[Path]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._orders, orders = spawn.Pipe()
        self._process = spawn.Process(target=_carry, args=(ends, orders), daemon=True)
        self._process.start()
        orders.close()
        try:
            reason = self._orders.recv() if self._orders.poll(_BEGINNING) else "no answer"
        except EOFError:
            reason = "it ended"
        if reason:
            self.close()
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY, f"A cable cannot be laid here: {reason}."
            )

    def disturb(self, loss: float = 0.0, delay: float = 0.0) -> None:
        """From now on lose this share of the frames, and let the others arrive so many s later."""
        self._orders.send((loss, delay))

    def close(self) -> None:
        """The interfaces are gone."""
        self._process.terminate()
        self._process.join()
        self._orders.close()


def enter(namespace: Path) -> None:
    """Let this thread, and all that it starts, be in a network namespace.

    Raises:
        UnihmError: MISSING_DEPENDENCY where it cannot be entered.
    """
    with namespace.open("rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _NEW_NETWORK) != 0:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY, "A network namespace cannot be entered here."
            )


def _carry(ends: Sequence[Path], orders: Connection) -> None:
    try:
        first, second = (_interface(end) for end in ends)
    except (OSError, UnihmError) as error:
        orders.send(str(error))
        return
    orders.send("")
    opposite = {first: second, second: first}
    chance = random.Random(0)
    loss = delay = 0.0
    travelling: list[tuple[float, int, int, bytes]] = []  # when due, number, where to, frame
    number = 0
    poller = select.poll()
    for file in (first, second, orders.fileno()):
        poller.register(file, select.POLLIN)
    while True:
        wait = max(0.0, travelling[0][0] - time.monotonic()) if travelling else None
        for file, _ in poller.poll(None if wait is None else 1000.0 * wait):
            if file == orders.fileno():
                try:
                    loss, delay = orders.recv()
                except EOFError:
                    return
                continue
            frame = os.read(file, FRAME + 64)
            if chance.random() >= loss:
                number += 1
                due = time.monotonic() + delay
                heapq.heappush(travelling, (due, number, opposite[file], frame))
        now = time.monotonic()
        while travelling and travelling[0][0] <= now:
            _, _, file, frame = heapq.heappop(travelling)
            try:
                os.write(file, frame)
            except OSError:  # that end is down, or its queue is full: lost as on any cable
                continue


def _interface(namespace: Path) -> int:
    """The file of a new interface in a namespace, which this process enters."""
    enter(namespace)
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, _ATTACH, struct.pack("16sH14x", NAME.encode(), _FRAMES))
    return file
