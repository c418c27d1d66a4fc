"""What the vendors' drivers are sent and how their answers are read, in messages like theirs."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.nodes.simulation import course_from_msg
from unihm.robots import load_hand
from unihm.ros import hand_drivers
from unihm.ros.hand_drivers import make_driver

pytestmark = pytest.mark.ros


class Recorder:
    """A node and a publisher in one, which remember."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.callbacks: dict[str, Any] = {}

    def declare(self, name: str, default: Any, *_: Any) -> Any:
        return default

    def publisher(self, *_: Any) -> Recorder:
        return self

    def subscription(self, kind: type, topic: str, callback: Any, qos: Any) -> None:
        self.callbacks[topic] = callback

    def publish(self, message: Any) -> None:
        self.sent.append(message)

    def get_subscription_count(self) -> int:
        return 1


class XHandCommand:
    """The vendor's fields; the types are those of its ROS 2 package."""

    def get_fields_and_field_types(self) -> dict[str, str]:
        floats = dict.fromkeys(("kp", "ki", "kd"), "sequence<int32>")
        return {**floats, "effort_limit": "sequence<float>", "mode": "int32"}


class SetAngle1:
    pass


PACKAGES = {
    "xhand_control_interfaces.msg": types.SimpleNamespace(
        XHandCommand=XHandCommand, XHandStateArray=object
    ),
    "inspire_interfaces.msg": types.SimpleNamespace(SetAngle1=SetAngle1, GetAngleAct1=object),
}


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(name: str) -> Any:
        if name not in PACKAGES:
            raise ImportError(name)
        return PACKAGES[name]

    monkeypatch.setattr(hand_drivers.importlib, "import_module", import_module)


@pytest.mark.usefixtures("vendor")
def test_xhand_gets_every_joint_in_position_mode() -> None:
    node, hand = Recorder(), load_hand("xhand")
    driver = make_driver(node, hand, "xhand", "/command", lambda p, e: None)
    driver.send(hand.pregrasp_joints)
    (command,) = node.sent
    assert command.name[:3] == ["thumb_bend_joint", "thumb_rota_joint1", "thumb_rota_joint2"]
    assert len(command.name) == 12
    np.testing.assert_allclose(command.position, hand.pregrasp_joints)
    assert command.mode == 3
    assert command.kp == [100] * 12
    assert isinstance(command.kp[0], int)
    assert command.effort_limit == [350.0] * 12


@pytest.mark.usefixtures("vendor")
def test_xhand_state_becomes_joints() -> None:
    node, hand = Recorder(), load_hand("xhand")
    heard: list[Any] = []
    make_driver(node, hand, "xhand", "/command", lambda p, e: heard.append((p, e)))
    names = [channel.name for channel in hand.spec.driver.channels][::-1]
    state = types.SimpleNamespace(name=names, position=range(12), effort=range(100, 112))
    other = types.SimpleNamespace(name=[], position=[], effort=[])
    callback = node.callbacks["/xhand_control/xhand_state"]
    callback(types.SimpleNamespace(hand_id=[7, 0], hand_states=[other, state]))
    ((positions, efforts),) = heard
    np.testing.assert_array_equal(positions, np.arange(12)[::-1])
    assert efforts == [float(e) for e in range(111, 99, -1)]


@pytest.mark.usefixtures("vendor")
def test_inspire_is_open_at_1000_and_closed_at_0() -> None:
    node, hand = Recorder(), load_hand("inspire")
    heard: list[Any] = []
    driver = make_driver(node, hand, "inspire", "/command", lambda p, e: heard.append(p))
    driver.send(hand.lower)
    driver.send(hand.upper)
    assert node.sent[0].angles == [1000] * 6
    assert node.sent[1].angles == [0] * 6
    assert node.sent[0].finger_ids == [1, 2, 3, 4, 5, 6]
    node.callbacks["/angle_data"](
        types.SimpleNamespace(finger_ids=[6, 5, 4, 3, 2, 1], angles=[500] * 6)
    )
    np.testing.assert_allclose(heard[0], (hand.lower + hand.upper) / 2)


def test_a_vendor_package_that_is_missing_is_named() -> None:
    with pytest.raises(UnihmError, match="xhand_control_msgs") as caught:
        make_driver(Recorder(), load_hand("xhand"), "xhand", "/c", lambda p, e: None)
    assert caught.value.code == ErrorCode.MISSING_DEPENDENCY


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(UnihmError, match="joint_trajectory"):
        make_driver(Recorder(), load_hand("xhand"), "morse", "/c", lambda p, e: None)


def test_simulated_driver_follows_points_in_its_own_joint_order() -> None:
    node, hand = Recorder(), load_hand("inspire")
    make_driver(node, hand, "joint_trajectory", "/c", lambda p, e: None).send(hand.closed_joints)
    message = node.sent[0]
    message.joint_names = message.joint_names[::-1]
    message.points[0].positions = message.points[0].positions[::-1]
    course = course_from_msg(message, hand.joint_names, hand.open_joints, now=5.0)
    np.testing.assert_allclose(course.at(5.0), hand.open_joints)
    np.testing.assert_allclose(course.at(5.01), (hand.open_joints + hand.closed_joints) / 2)
    np.testing.assert_allclose(course.at(9.0), hand.closed_joints)


def test_simulated_driver_refuses_a_joint_that_it_does_not_have() -> None:
    node, hand = Recorder(), load_hand("inspire")
    make_driver(node, hand, "joint_trajectory", "/c", lambda p, e: None).send(hand.closed_joints)
    node.sent[0].joint_names[0] = "tail"
    with pytest.raises(ValueError, match="tail"):
        course_from_msg(node.sent[0], hand.joint_names, hand.open_joints, now=5.0)
