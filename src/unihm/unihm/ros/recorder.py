"""Topics of the graph and of the robot -> a bag."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)

from unihm.errors import UnihmError
from unihm.learning.datasets.bag import BagWriter, installed_types
from unihm.learning.datasets.bag_reader import BagReader
from unihm.ros.base import UnihmNode
from unihm.ros.qos import subscription_events

#: What of the graph is recorded.
CHOICES = ("camera", "all")
IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
_OF_A_CAMERA = (*IMAGES, "sensor_msgs/msg/CameraInfo", "tf2_msgs/msg/TFMessage")
#: What a recorded graph began each task with, and whose word it is (:mod:`unihm.ros.senders`):
#: played in their names, every stage makes the same of it again.
BEGINNINGS = {
    "unihm_msgs/msg/RgbdObservation": ("capture", "observation"),
    "unihm_msgs/msg/Task": ("coordinator", "task"),
}
_FOREVER = QosTime(2147483647, 4294967295)
_STAMP = slice(4, 12)  # of a header, behind the four bytes that begin every serialised message
_SECONDS = slice(4, 8)


def has_beginnings(bag: BagReader) -> bool:
    """Whether the bag holds tasks with the observations that they were planned from."""
    return all(bag.of_kind(kind) for kind in BEGINNINGS)


def open_bag(path: Path, storage: str = "mcap") -> BagWriter:
    """A bag for the messages of the sourced installation; ``path`` must not exist."""
    return BagWriter(path, installed_types(), storage)


class RecorderNode(UnihmNode):
    """Writes what others publish, as it is on the wire, with the node's clock as the time.

    With ``use_sim_time`` it waits for the clock: messages that come before its first word are
    written with that time, so that a bag has one time base.

    Args:
        bag: open; the caller closes it after the node has ended.
        on_failure: called where the bag cannot be written to any more.

    Attributes:
        recorded: topics that are listened to.
    """

    stage = "recorder"

    def __init__(
        self,
        name: str,
        bag: BagWriter,
        on_failure: Callable[[UnihmError], None] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        self.what = self.declare(
            "what", "all", "camera: images, camera_info, TF, the camera's pose; or all topics."
        )
        self.whole_images = self.declare(
            "whole_images",
            False,
            "Record every image. Otherwise one a second of each topic, those of one stamp "
            "together: the bag stays small, and the graph can be replayed from it.",
        )
        self._bag = bag
        self._on_failure = on_failure or (lambda error: None)
        self._failed = False
        self.recorded: dict[str, Any] = {}
        self._early: list[tuple[str, str, bytes, list[Qos]]] = []  # before the clock's first word
        self._image_seconds: dict[str, bytes] = {}
        self._kept: set[bytes] = set()
        self._look()
        self.create_timer(0.5, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def end(self) -> None:
        """Write what came before the clock, which was never heard."""
        self._write_early(self.get_clock().now().nanoseconds)

    def _is_wanted(self, topic: str, kind: str) -> bool:
        if self.robot_namespace and not topic.startswith(f"/{self.robot_namespace}/"):
            return False
        if self.what == "all":
            return True
        own = f"{self.get_namespace().rstrip('/')}/"
        return topic == f"{own}camera_pose" or (kind in _OF_A_CAMERA and not topic.startswith(own))

    def _look(self) -> None:
        """Subscribe to topics that have appeared, so that all of their publishers are heard."""
        for topic, kinds in self.get_topic_names_and_types():
            if len(kinds) != 1 or not self._is_wanted(topic, kinds[0]):
                continue
            offers = [info.qos_profile for info in self.get_publishers_info_by_topic(topic)]
            if not offers or not self._bag.knows(kinds[0]):
                continue
            package, _, name = kinds[0].split("/")
            try:
                message = getattr(importlib.import_module(f"{package}.msg"), name)
            except ImportError:
                continue
            reliable = all(o.reliability == ReliabilityPolicy.RELIABLE for o in offers)
            latched = all(o.durability == DurabilityPolicy.TRANSIENT_LOCAL for o in offers)
            former = self.recorded.get(topic)
            if former is not None:
                if reliable or former.qos_profile.reliability != ReliabilityPolicy.RELIABLE:
                    continue
                self.destroy_subscription(former)  # it does not hear who is there now
            qos = QoSProfile(
                depth=100,
                reliability=(
                    ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
                ),
                durability=(
                    DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
                ),
            )
            self.recorded[topic] = self.create_subscription(
                message,
                topic,
                partial(self._receive, topic, kinds[0], _offered(reliable, latched)),
                qos,
                event_callbacks=subscription_events(warn=False),
                raw=True,
            )

    def _receive(self, topic: str, kind: str, offered: list[Qos], data: bytes) -> None:
        if self._failed:
            return
        if kind in IMAGES and not self.whole_images and not self._is_kept(topic, data):
            return
        now = self.get_clock().now().nanoseconds
        if now == 0:  # the simulated clock has not been heard
            self._early.append((topic, kind, data, offered))
            return
        self._write_early(now)
        self._write(topic, kind, now, data, offered)

    def _write_early(self, now: int) -> None:
        early, self._early = self._early, []
        for topic, kind, data, offered in early:
            self._write(topic, kind, now, data, offered)

    def _write(self, topic: str, kind: str, now: int, data: bytes, offered: list[Qos]) -> None:
        try:
            self._bag.write(topic, kind, now, data, offered)
        except UnihmError as error:
            if not self._failed:
                self._failed = True
                self.get_logger().error(error.message)
                self._on_failure(error)

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

    def diagnose(self) -> dict[str, Any]:
        """How much was recorded."""
        return {"topics": len(self.recorded), "messages": self._bag.messages}


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
