"""Clocks that disagree and clocks that jump: noticed, the task ended, the next goal works."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fakes import FakeRobot, ScriptedStages, grasp_from_above
from rclpy.clock import ROSClock
from rclpy.clock_type import ClockType
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock as ClockMsg
from std_msgs.msg import Header
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.trajectory import make_trajectory
from unihm.ros import conversions
from unihm.ros.clock_watch import LARGEST_OFFSET, SIMULATED_JUMP, ClockWatch, StreamClock
from unihm.ros.graph import Graph
from unihm.transforms import make_transform
from unihm.types import TaskKind
from unihm_msgs import msg
from waiting import eventually

pytestmark = [pytest.mark.ros, pytest.mark.xdist_group("clocks")]
SLOW = 60.0  # s


@pytest.mark.parametrize("offset", [0.0, 0.3, -0.3])
def test_the_offset_is_measured_and_only_what_is_late_counts(offset: float) -> None:
    """Latencies of 2 to 10 ms; then one message that waited for 0.2 s."""
    stream = StreamClock("/joint_states")
    latencies = 0.002 + 0.008 * np.random.default_rng(0).random(500)
    for i, latency in enumerate(latencies):
        sent = 100.0 + 0.01 * i
        delay = stream.delay(sent + offset, sent + latency)
        assert 0.0 <= delay < 0.011
    assert stream.offset == pytest.approx(offset, abs=0.011)
    late = stream.delay(105.0 + offset, 105.0 + 0.2)
    assert late == pytest.approx(0.2, abs=0.011)


@pytest.mark.parametrize("seconds", [60.0, -60.0, LARGEST_OFFSET + 0.1])
def test_stamps_of_another_time_are_a_sentence(seconds: float) -> None:
    with pytest.raises(UnihmError, match="/joint_states") as caught:
        StreamClock("/joint_states").delay(100.0, 100.0 + seconds)
    assert caught.value.code is ErrorCode.JOINT_STATE_TIMEOUT
    assert "synchronise" in caught.value.message


def test_one_wrong_stamp_is_forgotten() -> None:
    stream = StreamClock("/joint_states")
    stream.delay(100.0, 100.0)
    stream.delay(100.51, 100.1)  # from the future
    assert stream.delay(100.2, 100.2) > 0.3
    assert stream.delay(130.0, 130.0) < 0.01


def test_a_sender_that_does_not_stamp_is_never_late() -> None:
    assert StreamClock("/joint_states").delay(0.0, 1e9) == 0.0


class Hands:
    """Two clocks that a test moves."""

    def __init__(self) -> None:
        self.system, self.steady = 1000.0, 10.0

    def go(self, seconds: float, jump: float = 0.0) -> None:
        self.steady += seconds
        self.system += seconds + jump


@pytest.mark.parametrize("jump", [-3600.0, -0.3, 0.3, 3600.0])
def test_a_jump_of_the_systems_clock_is_told_once(jump: float) -> None:
    hands, told = Hands(), []
    watch = ClockWatch(ROSClock(), lambda: hands.system, lambda: hands.steady)
    watch.listen(told.append)
    for _ in range(100):
        hands.go(100.0, jump=0.05)  # slewed by NTP, or looked at seldom
        watch.look()
    assert told == []
    hands.go(0.1, jump)
    watch.look()
    hands.go(0.1)
    watch.look()
    (error,) = told
    assert error.code is ErrorCode.SAFETY_STOP
    assert f"{jump:+.2f} s" in error.message


def set_time(clock: Any, seconds: float) -> None:
    clock.set_ros_time_override(Time(seconds=seconds, clock_type=ClockType.ROS_TIME))


def test_jumps_of_the_simulated_clock_are_told() -> None:
    hands, told = Hands(), []
    clock = ROSClock()
    clock._set_ros_time_is_active(True)
    watch = ClockWatch(clock, lambda: hands.system, lambda: hands.steady)
    watch.listen(told.append)
    set_time(clock, 500.0)  # the first that is heard
    set_time(clock, 500.0 + 0.5 * SIMULATED_JUMP)
    hands.go(0.1, 3600.0)  # whose clock it is not
    watch.look()
    assert told == []
    set_time(clock, 500.0)
    set_time(clock, 501.0 + SIMULATED_JUMP)
    assert len(told) == 2
    watch.end()
    set_time(clock, 1.0)
    assert len(told) == 2


def test_a_change_between_simulated_and_system_time_is_told() -> None:
    """Whatever was heard on /clock last is the time then, until the next message."""
    told: list[UnihmError] = []
    clock = ROSClock()
    watch = ClockWatch(clock)
    watch.listen(told.append)
    clock._set_ros_time_is_active(True)
    assert len(told) == 1
    assert told[0].code is ErrorCode.SAFETY_STOP
    set_time(clock, 500.0)
    clock._set_ros_time_is_active(False)
    clock._set_ros_time_is_active(True)
    assert [error.code for error in told] == [ErrorCode.SAFETY_STOP] * 4
    watch.end()


class SimulatedTime:
    """Publishes /clock, and jumps when it is told to."""

    def __init__(self, node: Any) -> None:
        self._publisher = node.create_publisher(ClockMsg, "/clock", 10)
        self._ahead, self._running = 1000.0 - time.monotonic(), True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def jump(self, seconds: float) -> None:
        self._ahead += seconds

    def _run(self) -> None:
        while self._running:
            now = conversions.seconds_to_time(self._ahead + time.monotonic())
            self._publisher.publish(ClockMsg(clock=now))
            time.sleep(0.01)

    def end(self) -> None:
        self._running = False
        self._thread.join()


class Bench:
    """Coordinator and controllers on simulated time."""

    def __init__(self, domain_id: int) -> None:
        self.graph = Graph(
            nodes=["coordinator", "emergency_stop", "arm_controller", "hand_controller"],
            domain_id=domain_id,
            parameters={
                "arm_controller": {"joint_state_timeout": 3.0},
                "coordinator": {"stop_timeout": 20.0},
            },
        )
        made: dict[str, Any] = {
            "context": self.graph.context,
            "use_global_arguments": False,
            "parameter_overrides": [Parameter("use_sim_time", value=True)],
        }
        self.robot = FakeRobot(**made)
        self.stages = ScriptedStages(**made)
        self.statuses: list[msg.StageStatus] = []
        self.stages.create_subscription(msg.StageStatus, "status", self.statuses.append, 100)
        for node in (self.robot, self.stages):
            self.graph.spin(node)
        self.time = SimulatedTime(self.graph.commander.node)

    def knows_where_the_arm_is(self) -> bool:
        controller: Any = self.graph.nodes["arm_controller"]
        try:
            controller.motion_watch.joint_states.read(self.robot.arm.joint_names)
        except UnihmError:
            return False
        return True

    def start_moving(self) -> Any:
        """A goal whose arm is on its way."""
        self.statuses.clear()
        goal = self.graph.commander.manipulate("pick up the red box")
        self.wait_for("ready", msg.StageStatus.SUCCEEDED)
        T = make_transform(np.eye(3), [0.45, 0.10, 0.05])
        trajectory = make_trajectory(TaskKind.GRAB, T, pick_point=np.zeros(3))
        motion = grasp_from_above(trajectory, "xhand")
        names = self.stages.hand.joint_names
        task_id = self.statuses[-1].task_id
        header = Header(frame_id="object")
        self.stages.motions.publish(conversions.motion_to_msg(motion, names, header, task_id))
        self.wait_for("arm", msg.StageStatus.PROGRESS)
        return goal

    def wait_for(self, stage: str, state: int) -> None:
        assert eventually(lambda: (stage, state) in [(s.stage, s.state) for s in self.statuses])


@pytest.fixture
def bench(domain_id: int) -> Iterator[Bench]:
    made = Bench(domain_id)
    with made.graph as graph:
        graph.commander.wait_until_ready(SLOW)
        assert eventually(made.knows_where_the_arm_is)
        yield made
        made.time.end()


@pytest.mark.parametrize("seconds", [-500.0, 3600.0])
def test_a_jump_ends_the_task_and_the_next_goal_works(bench: Bench, seconds: float) -> None:
    goal = bench.start_moving()
    bench.time.jump(seconds)
    result = goal.result(SLOW)
    assert result.error_code == ErrorCode.SAFETY_STOP
    assert "The clock jumped by" in result.error_msg
    again = bench.start_moving()
    bench.graph.commander.cancel_task()
    assert again.result(SLOW).error_code == ErrorCode.CANCELLED
    assert eventually(bench.robot.is_home)
