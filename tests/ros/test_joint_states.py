"""Joint states of late, and of a driver that is started again, which are waited for."""

from __future__ import annotations

import threading
import time

import pytest
from crowd import Crowd
from sensor_msgs.msg import JointState
from unihm.errors import UnihmError
from unihm.ros.base import UnihmNode
from unihm.ros.joints import JointStates

pytestmark = pytest.mark.ros


def test_a_driver_that_is_started_again_is_waited_for(crowd: Crowd) -> None:
    listener = crowd.add(UnihmNode, "arm_controller")
    states = JointStates(listener, timeout=0.5)
    driver = listener.create_publisher(JointState, "/joint_states", 10)

    def say(position: float) -> None:
        message = JointState(name=["a"], position=[position])
        message.header.stamp = listener.get_clock().now().to_msg()
        driver.publish(message)

    def is_heard() -> bool:
        say(1.0)
        try:
            return states.read(["a"]).positions.tolist() == [1.0]
        except UnihmError:
            return False

    assert crowd.until(is_heard)
    time.sleep(0.7)
    with pytest.raises(UnihmError, match="old; has the driver stopped"):
        states.read(["a"])
    waiting = threading.Thread(target=states.wait_for, args=(["a"],))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    say(2.0)
    assert crowd.until(lambda: not waiting.is_alive())
    assert states.read(["a"]).positions.tolist() == [2.0]


def test_where_the_joints_were_is_known_while_they_are_heard(crowd: Crowd) -> None:
    listener = crowd.add(UnihmNode, "generator")
    states = JointStates(listener, timeout=0.5)
    driver = listener.create_publisher(JointState, "/joint_states", 10)
    began = listener.seconds

    def is_heard(position: float) -> bool:
        message = JointState(name=["a"], position=[position])
        message.header.stamp = listener.get_clock().now().to_msg()
        driver.publish(message)
        try:
            return states.read(["a"]).positions.tolist() == [position]
        except UnihmError:
            return False

    assert crowd.until(lambda: is_heard(1.0))
    seen = listener.seconds
    time.sleep(0.05)
    assert crowd.until(lambda: is_heard(2.0))
    assert states.read_at(["a"], seen).tolist() == [1.0]
    assert states.read_at(["a"], listener.seconds).tolist() == [2.0]
    assert states.read_at(["a"], began).tolist() == [2.0]  # nothing had been heard then
    time.sleep(0.7)
    with pytest.raises(UnihmError, match="has the driver stopped"):
        states.read_at(["a"], seen)
