"""A Franka that stops by a reflex, in franka_ros2's messages where they are installed."""

from __future__ import annotations

import types
from collections import deque
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from rclpy.parameter import Parameter
from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan
from unihm.control.machine import ArmMachine
from unihm.control.recovery import RobotMode
from unihm.control.timing import move
from unihm.errors import ErrorCode, UnihmError
from unihm.nodes.mock_arm import MockArmNode
from unihm.robots.arm import Arm
from unihm.ros import reflexes
from unihm.ros.base import UnihmNode
from unihm.ros.reflexes import Reflexes
from unihm.ros.trajectory_client import TrajectoryClient

pytestmark = pytest.mark.ros
CONFIG = ControlConfig()


class Errors:
    def __init__(self, *raised: str) -> None:
        self.cartesian_reflex = "cartesian_reflex" in raised
        self.joint_velocity_violation = "joint_velocity_violation" in raised

    def get_fields_and_field_types(self) -> dict[str, str]:
        return dict.fromkeys(vars(self), "boolean")


class Server:
    """An action client and the server behind it: goals run until they are told to end."""

    def __init__(self, node: Any, kind: type, name: str) -> None:
        self.name, self.ready = name, True
        self.goals: deque[Future[Any]] = deque()

    def server_is_ready(self) -> bool:
        return self.ready

    def send_goal_async(self, goal: Any) -> Future[Any]:
        self.goals.append(Future())
        return self.goals[-1]

    def finish(self) -> None:
        end: Future[Any] = Future()
        handle = types.SimpleNamespace(accepted=True, get_result_async=lambda: end)
        self.goals.popleft().set_result(handle)
        end.set_result(None)


class Listener:
    """A node, as far as :class:`Reflexes` needs one."""

    def __init__(self, tries: int) -> None:
        self.tries, self.seconds = tries, 100.0
        self.said: list[str] = []
        self.receive: Any = None

    def declare(self, name: str, *_: Any) -> int:
        assert name == "recovery_tries"
        return self.tries

    def outside(self, name: str) -> str:
        return f"/left{name}"

    def subscription(self, kind: type, topic: str, callback: Any, qos: Any) -> None:
        assert topic == reflexes.STATE
        self.receive = callback

    def get_logger(self) -> Any:
        return types.SimpleNamespace(warning=self.said.append, error=self.said.append)

    def hear(self, mode: RobotMode, *errors: str) -> None:
        self.receive(types.SimpleNamespace(robot_mode=int(mode), current_errors=Errors(*errors)))


class Arrangement:
    """An arm's machine, its reflexes and what stands in for the robot."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tries: int) -> None:
        servers: list[Server] = []

        def client(*args: Any) -> Server:
            servers.append(Server(*args))
            return servers[0]

        monkeypatch.setattr(reflexes, "ActionClient", client)
        monkeypatch.setattr(reflexes, "ErrorRecovery", types.SimpleNamespace(Goal=object))
        monkeypatch.setattr(reflexes, "FrankaRobotState", object)
        self.node = Listener(tries)
        made: Any = self.node
        self.reflexes = Reflexes(made)
        (self.server,) = servers
        self.failures: list[UnihmError] = []
        self.sent: list[Any] = []
        self.machine = machine(self.sent.append, lambda _, error: self.failures.append(error))

    def look(self, seconds: float = 0.01) -> None:
        self.node.seconds += seconds
        self.reflexes.look(self.machine, self.node.seconds)
        self.machine.tick(self.node.seconds)

    def rest(self) -> None:
        for _ in range(200):
            self.look()
        assert self.machine.run is None


def machine(send: Any, failed: Any, window: float = 0.25) -> ArmMachine:
    return ArmMachine(Arm("fr3").limits, CONFIG, send, failed, window)


def turn(here: np.ndarray, way: float) -> ExecutionPlan:
    """The base turns by ``way`` rad, an empty hand with it."""
    goal = here.copy()
    goal[0] += way
    path = move(here, goal, Arm("fr3").limits.scaled(0.1), CONFIG.rate).positions
    n = len(path)
    return ExecutionPlan(
        np.arange(n) / CONFIG.rate, path, np.zeros((n, 1)), np.zeros(n, np.int64), np.zeros(1)
    )


def test_a_reflex_ends_the_motion_and_is_recovered_once_nothing_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a = Arrangement(monkeypatch, tries=3)
    assert a.server.name == "/left/action_server/error_recovery"
    a.machine.begin("t", "arm", turn(Arm("fr3").home, 0.6), a.node.seconds, lambda: None)
    a.look(0.1)
    a.node.hear(RobotMode.REFLEX, "cartesian_reflex")
    a.look()
    assert a.failures[0].code == ErrorCode.SAFETY_STOP
    assert "(cartesian_reflex)" in a.failures[0].message
    assert a.machine.run is not None
    assert not a.server.goals  # it brakes
    a.rest()
    assert len(a.server.goals) == 1
    assert a.machine.setpoint is None  # the next motion begins where the arm is
    sent = len(a.sent)
    a.server.finish()
    a.node.hear(RobotMode.IDLE)
    a.rest()
    a.reflexes.wait()
    assert len(a.sent) == sent  # a recovery moves nothing
    assert not a.server.goals


def test_without_its_server_it_is_told_of_and_a_motion_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a = Arrangement(monkeypatch, tries=1)
    a.server.ready = False
    a.node.hear(RobotMode.REFLEX, "joint_velocity_violation")
    a.look()
    assert "error_recovery" in a.node.said[0]
    with pytest.raises(UnihmError, match=r"joint_velocity_violation.*1 recoveries"):
        a.reflexes.wait()


class Mover(UnihmNode):
    """Moves the arm by its machine and looks after its reflexes; nothing else."""

    stage = "arm"

    def load(self) -> None:
        self.arm = Arm("fr3")
        self.reflexes = Reflexes(self)
        self.failures: list[UnihmError] = []
        driver = TrajectoryClient(self, "/fr3_arm_controller", self.failures.append)
        self.machine = machine(
            lambda horizon: driver.send(self.arm.joint_names, horizon),
            lambda _, error: self.failures.append(error),
            window=1.0,  # for a busy machine
        )
        self.create_timer(0.01, self.tick)

    def tick(self) -> None:
        self.reflexes.look(self.machine, self.seconds)
        self.machine.tick(self.seconds)


def test_the_mock_speaks_franka_ros2s_messages(crowd: Any) -> None:
    pytest.importorskip("franka_msgs", reason="franka_msgs of franka_ros2 is not installed here")
    mock = crowd.add(MockArmNode, "mock_arm", joint_rate=20.0)
    mover = crowd.add(Mover, "arm_controller", recovery_tries=2)
    assert mock.start()
    assert mover.start()
    recovery = mover.reflexes.recovery
    assert crowd.until(lambda: recovery.mode is RobotMode.IDLE)
    assert crowd.until(mover.reflexes._client.server_is_ready)
    ended: list[bool] = []

    def move_on() -> None:
        here = mock._course.at(mock.seconds)
        start = mover.seconds + 0.3
        mover.machine.begin("t", "arm", turn(here, 0.3), start, lambda: ended.append(True))

    move_on()
    assert crowd.until(lambda: recovery.mode is RobotMode.MOVE)
    mock.set_parameters([Parameter("fault", value="reflex")])
    assert crowd.until(lambda: recovery.mode is RobotMode.REFLEX)
    stood = mock._course.at(mock.seconds)
    assert crowd.until(lambda: recovery.mode is RobotMode.IDLE)
    assert recovery.tried == 1
    assert "cartesian_reflex" in mover.failures[0].message
    np.testing.assert_array_equal(mock._course.at(mock.seconds), stood)
    assert not ended
    assert mover.machine.setpoint is None
    move_on()
    assert crowd.until(lambda: ended)
    # What blocks it stays: in the end somebody has to look.
    mock.set_parameters([Parameter("fault", value="blocked")])
    assert crowd.until(lambda: recovery.mode is RobotMode.REFLEX and not recovery.is_underway)
    with pytest.raises(UnihmError, match="2 recoveries in a row"):
        mover.reflexes.wait()
