"""The commander against a coordinator that a test scripts: it spins itself, over real DDS."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import children
import pytest
import rclpy
from action_msgs.msg import GoalStatusArray
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.context import Context
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from unihm.errors import ErrorCode, UnihmError
from unihm.ros import Commander, commander
from unihm.ros.qos import LATCHED
from unihm_msgs.action import Manipulate
from waiting import eventually

pytestmark = pytest.mark.ros
WAIT = 60.0


class Coordinator:
    """An action server that says one word and then waits to be let go, or cancelled."""

    def __init__(self, namespace: str) -> None:
        self.let_go = threading.Event()
        self.goals: list[Any] = []
        self.answer = GoalResponse.ACCEPT
        self.context = Context()
        rclpy.init(args=[], context=self.context)
        self.node = Node("coordinator", namespace=namespace, context=self.context)
        self.server = ActionServer(
            self.node,
            Manipulate,
            "manipulate",
            execute_callback=self.execute,
            goal_callback=lambda goal: self.answer,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
        )
        self.executor = MultiThreadedExecutor(4, context=self.context)
        self.executor.add_node(self.node)
        self.spinning = True
        self.thread = threading.Thread(target=self.spin, daemon=True)
        self.thread.start()

    def spin(self) -> None:
        while self.spinning:
            self.executor.spin_once(timeout_sec=0.1)

    def execute(self, handle: Any) -> Manipulate.Result:
        self.goals.append(handle.request)
        while not self.let_go.wait(0.05) and not handle.is_cancel_requested:
            handle.publish_feedback(Manipulate.Feedback(stage="planner", progress=0.12, attempt=1))
        if handle.is_cancel_requested:
            handle.canceled()
            return Manipulate.Result(error_code=int(ErrorCode.CANCELLED), error_msg="Cancelled.")
        handle.succeed()
        return Manipulate.Result(attempts=1)

    def close(self) -> None:
        self.let_go.set()
        self.spinning = False
        self.thread.join()
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def coordinator(domain_id: int) -> Iterator[Coordinator]:
    made = Coordinator("left")
    yield made
    made.close()


def test_a_task_from_the_sentence_to_its_result(coordinator: Coordinator) -> None:
    with Commander("left") as robot:
        assert robot.is_task_complete()
        assert robot.get_feedback() is None
        robot.manipulate("pick up the red box", "xhand", timeout=50.0, attempts=3, wait=WAIT)
        until = time.monotonic() + WAIT
        while robot.get_feedback() is None and time.monotonic() < until:
            time.sleep(0.01)
        assert not robot.is_task_complete()
        assert robot.get_feedback().stage == "planner"
        with pytest.raises(UnihmError, match="No result came") as caught:
            robot.get_result(0.1)
        assert caught.value.code == ErrorCode.STAGE_TIMEOUT
        coordinator.let_go.set()
        assert robot.get_result(WAIT).error_code == 0
        assert robot.is_task_complete()
    (goal,) = coordinator.goals
    assert (goal.instruction, goal.hand) == ("pick up the red box", "xhand")
    assert (goal.options.timeout, goal.options.attempts) == (50.0, 3)
    assert not rclpy.ok()  # the program's own context is left alone


def test_a_cancelled_task_says_so(coordinator: Coordinator) -> None:
    with Commander("left") as robot:
        robot.manipulate("pick up the red box", wait=WAIT)
        robot.cancel_task()  # perhaps before the goal has even been accepted
        assert robot.get_result(WAIT).error_code == ErrorCode.CANCELLED


def test_commanders_and_threads_do_not_disturb_each_other(coordinator: Coordinator) -> None:
    coordinator.let_go.set()
    codes: list[int] = []
    with Commander("left", "one") as one, Commander("left", "two") as two:

        def work(robot: Commander) -> None:
            future = robot.manipulate("pick up the red box", wait=WAIT)
            codes.append(future.result(WAIT).error_code)

        threads = [threading.Thread(target=work, args=(robot,)) for robot in (one, two, one)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert codes == [0, 0, 0]


def test_a_refused_goal_is_a_result(coordinator: Coordinator) -> None:
    coordinator.answer = GoalResponse.REJECT
    with Commander("left") as robot:
        robot.manipulate("pick up the red box", wait=WAIT)
        result = robot.get_result(WAIT)
    assert result.error_code == ErrorCode.INTERNAL
    assert "refused" in result.error_msg or "does not know" in result.error_msg  # a repetition


def test_a_goal_whose_answer_was_lost_is_followed(coordinator: Coordinator) -> None:
    """As where the server has not found the client yet; the goal that is sent again is refused."""
    with Commander("left") as robot:
        robot.wait_until_ready(WAIT)
        accept = commander._Goal._accept
        lost: list[Any] = []

        def lose_first(goal: Any, future: Any) -> None:
            if lost:
                accept(goal, future)
            lost.append(future)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(commander._Goal, "_accept", lose_first)
            robot.manipulate("pick up the red box", wait=WAIT)
            assert eventually(lambda: len(lost) > 1)
        assert not lost[1].result().accepted
        coordinator.let_go.set()
        assert robot.get_result(WAIT).error_code == 0
    assert len(coordinator.goals) == 1


def test_without_a_graph_there_is_one_sentence(domain_id: int) -> None:
    with Commander("right", domain_id=domain_id) as robot:
        with pytest.raises(UnihmError, match="/right/manipulate") as caught:
            robot.manipulate("pick up the red box", wait=0.2)
        assert caught.value.code == ErrorCode.MISSING_DEPENDENCY
        with pytest.raises(UnihmError, match="No instruction"):
            robot.get_result()


COORDINATOR = "from unihm.ros.run import run_node; run_node('coordinator')"


@pytest.mark.parametrize("interrupted", [False, True])
def test_say_ends_when_the_coordinator_is_killed(domain_id: int, interrupted: bool) -> None:
    """Killed while it holds the goal; within the lease of a node that says nothing any more."""
    with (
        children.child([sys.executable, "-c", COORDINATOR]) as coordinator,
        children.child(
            ["unihm", "say", "pick up the red box", "--wait", "60"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as say,
        Commander() as listener,
    ):
        goals: list[GoalStatusArray] = []
        listener.node.create_subscription(
            GoalStatusArray, "manipulate/_action/status", goals.append, LATCHED
        )
        assert eventually(lambda: any(held.status_list for held in goals))
        coordinator.kill()
        if interrupted:
            say.send_signal(signal.SIGINT)
        _, errors = say.communicate(timeout=WAIT)
    assert say.returncode == 1
    assert "coordinator" in errors.decode()
    assert "Traceback" not in errors.decode()
