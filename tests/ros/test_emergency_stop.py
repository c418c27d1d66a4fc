"""The emergency stop as nodes see it: by service, by topic, for whoever comes later."""

from __future__ import annotations

import pytest
from crowd import Crowd
from std_msgs.msg import String
from unihm.errors import ErrorCode, UnihmError
from unihm.nodes.emergency_stop import EmergencyStopNode
from unihm.ros.base import UnihmNode
from unihm.ros.emergency import EmergencyListener

pytestmark = pytest.mark.ros


def is_engaged(listener: EmergencyListener) -> bool:
    try:
        listener.check()
    except UnihmError as error:
        return error.code is ErrorCode.SAFETY_STOP
    return False


def test_engaged_by_service_kept_by_a_restart_and_reset(crowd: Crowd) -> None:
    stop = crowd.add(EmergencyStopNode, "emergency_stop")
    robot = crowd.add(UnihmNode, "robot")
    calls: list[str | None] = []
    listener = EmergencyListener(robot, calls.append)
    assert crowd.call(robot, "emergency_stop/engage").success
    assert crowd.until(lambda: is_engaged(listener))
    assert calls == ["The button was pressed."]
    crowd.remove(stop)
    crowd.add(EmergencyStopNode, "emergency_stop")
    late = EmergencyListener(crowd.add(UnihmNode, "late"))
    assert crowd.until(lambda: is_engaged(late))
    assert is_engaged(listener)
    assert crowd.call(robot, "emergency_stop/reset").success
    assert crowd.until(lambda: not is_engaged(listener) and not is_engaged(late))
    assert calls == ["The button was pressed.", None]


def test_a_request_is_heard_without_the_node_and_outlives_its_start(crowd: Crowd) -> None:
    robot = crowd.add(UnihmNode, "robot")
    listener = EmergencyListener(robot)
    button = robot.create_publisher(String, "emergency_stop/request", 10)
    assert crowd.until(lambda: button.get_subscription_count() > 0)
    button.publish(String(data="The cable is torn."))
    assert crowd.until(lambda: is_engaged(listener))
    crowd.add(EmergencyStopNode, "emergency_stop")
    assert crowd.until(lambda: button.get_subscription_count() > 1)
    assert is_engaged(listener)  # its first word is older than the request
    with pytest.raises(UnihmError, match="The cable is torn"):
        listener.check()
    assert crowd.call(robot, "emergency_stop/reset").success
    assert crowd.until(lambda: not is_engaged(listener))
