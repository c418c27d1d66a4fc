"""Quality of service: profiles for every kind of topic, and who is asked to warn of mismatches."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

RELIABLE = QoSProfile(depth=10)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
STATUS = QoSProfile(depth=100)
# Of a burst of goals none is lost; the default keeps ten.
REQUESTS = QoSProfile(depth=1000)
# Only the newest counts, and every node has a topic of its own for it.
HEARTBEAT = QoSProfile(depth=1)
SENSOR = qos_profile_sensor_data
# Images are many packets, of which best effort would lose some on a busy machine; some drivers
# offer nothing better.
IMAGES = QoSProfile(depth=4, reliability=ReliabilityPolicy.BEST_AVAILABLE)


def is_foreign(topic: str) -> bool:
    """True where somebody else's node may be at the other end: a driver, a camera, a tool."""
    return topic.startswith("/") and topic != "/diagnostics"


def publisher_events(warn: bool) -> PublisherEventCallbacks:
    """Callbacks of a publisher's events: rclpy's, which warn of incompatible QoS, or none.

    The executor looks at the handler of every event whenever a message comes. With the two to four
    that each publisher and subscription has by default, a graph in one process spends most of its
    time on that; within our own names both sides take their profile from here.
    """
    return PublisherEventCallbacks(use_default_callbacks=warn)


def subscription_events(warn: bool) -> SubscriptionEventCallbacks:
    """As :func:`publisher_events`."""
    return SubscriptionEventCallbacks(use_default_callbacks=warn)
