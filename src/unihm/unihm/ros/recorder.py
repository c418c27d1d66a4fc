"""Every topic of the graph -> an MCAP bag; images are thinned out."""

from __future__ import annotations

import importlib
import os
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)

from unihm.learning.datasets.bag import BagWriter, typestore
from unihm.ros.base import UnihmNode

_FOREVER = QosTime(2147483647, 4294967295)
_STAMP = slice(4, 12)  # of a header, behind the four bytes that begin every serialised message
_SECONDS = slice(4, 8)


def open_bag(path: Path) -> BagWriter:
    """A bag for the messages of the sourced installation; ``path`` must not exist."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return BagWriter(path, typestore([Path(prefix) for prefix in prefixes if prefix]))


class RecorderNode(UnihmNode):
    """Writes what the others publish, as it is on the wire.

    Of raw images one a second is kept, with the same stamps for colour and depth, so that the bag
    stays small and the graph can still be replayed from it.

    Args:
        bag: open; the caller closes it after the node has ended.
    """

    stage = "recorder"

    def __init__(self, name: str, bag: BagWriter, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._bag = bag
        self._topics: dict[str, Any] = {}
        self._image_seconds: dict[str, bytes] = {}
        self._kept: set[bytes] = set()
        self._look()
        self.create_timer(0.5, self._look)

    def _look(self) -> None:
        """Subscribe to topics that have appeared."""
        for topic, kinds in self.get_topic_names_and_types():
            if topic in self._topics or len(kinds) != 1 or not self._bag.knows(kinds[0]):
                continue
            offers = [info.qos_profile for info in self.get_publishers_info_by_topic(topic)]
            if not offers:
                continue
            reliable = all(o.reliability == ReliabilityPolicy.RELIABLE for o in offers)
            latched = all(o.durability == DurabilityPolicy.TRANSIENT_LOCAL for o in offers)
            qos = QoSProfile(
                depth=20,
                reliability=(
                    ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
                ),
                durability=(
                    DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
                ),
            )
            package, _, name = kinds[0].split("/")
            offered = _offered(reliable, latched)
            self._topics[topic] = self.create_subscription(
                getattr(importlib.import_module(f"{package}.msg"), name),
                topic,
                partial(self._write, topic, kinds[0], offered),
                qos,
                raw=True,
            )

    def _write(self, topic: str, kind: str, offered: list[Qos], data: bytes) -> None:
        if kind == "sensor_msgs/msg/Image" and not self._is_kept(topic, data):
            return
        now = self.get_clock().now().nanoseconds
        self._bag.write(topic, kind, now, data, offered)

    def _is_kept(self, topic: str, data: bytes) -> bool:
        """The first image of every second, and all others with the stamp of such a one."""
        stamp = bytes(data[_STAMP])
        if stamp in self._kept:
            return True
        second = bytes(data[_SECONDS])
        if self._image_seconds.get(topic) == second:
            return False
        self._image_seconds[topic] = second
        self._kept.add(stamp)
        return True


def _offered(reliable: bool, latched: bool) -> list[Qos]:
    return [
        Qos(
            QosHistory.KEEP_LAST,
            20,
            QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
            QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
            _FOREVER,
            _FOREVER,
            QosLiveliness.AUTOMATIC,
            _FOREVER,
            False,
        )
    ]
