"""One fault after the other: a goal in which it happens, and a goal after it."""

from __future__ import annotations

import copy
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header, String
from std_srvs.srv import Trigger
from unihm_msgs import msg
from unihm_msgs.action import Manipulate

from unihm.control.execution import hand_limits
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros.commander import Commander
from unihm.ros.conversions import seconds_to_time
from unihm.ros.drill.network import TwoHosts
from unihm.ros.drill.observer import CommandObserver, StreamObserver, Witness
from unihm.ros.drill.processes import EVERYTHING, RobotProcesses
from unihm.ros.drill.table import BEFORE, CONTROLLERS, MOVING, Fault
from unihm.ros.qos import RELIABLE
from unihm.ros.senders import FORGOTTEN

SETTLE = 1.5  # s for participants to find one another after one has started
INTO_THE_MOTION = 1.0  # s after the arm's first word that a fault in motion happens
TRIALS = 3  # goals of which one has to come to the stage of the fault
ANSWER = 60.0  # s in which a goal has to be answered
NEXT = 60.0  # s in which the next one has to be done
REST = 10.0  # s that the arm is watched for coming to rest


@dataclass(frozen=True)
class FaultOutcome:
    """What came of one fault.

    Attributes:
        fault: its name.
        reaction: how the goal ended: the error code's name, and its sentence.
        noticed_after: s until anybody said that something is wrong, or the goal ended; None: never.
        resting_after: s until the arm had nowhere to go; None where it did not move.
        commanded_after: s until the arm's driver was sent its last command; None likewise.
        illegal_commands: sent to the drivers meanwhile, with the reasons.
        unanswered_goals: of those that were sent.
        next_goal_works: once the fault is mended.
        next_reaction: how that one ended.
        died: nodes that had to be started again.
        reflex: of the arm's own, that had to be acknowledged; empty: none.
    """

    fault: str
    reaction: str
    noticed_after: float | None
    resting_after: float | None
    commanded_after: float | None
    illegal_commands: tuple[str, ...]
    unanswered_goals: int
    next_goal_works: bool
    next_reaction: str
    died: tuple[str, ...]
    reflex: str


class Drill:
    """Lets faults happen to a robot of mocks.

    Args:
        robot: its processes, running.
        hand: that is mounted.
        domain_id: that the robot is in.
        sentence: what it is told to do.
        network: between the drivers' host and that of the rest, where they are two.
    """

    def __init__(
        self,
        robot: RobotProcesses,
        hand: str,
        domain_id: int,
        sentence: str = "pick up the red box",
        network: TwoHosts | None = None,
    ) -> None:
        self._network = network
        self.robot, self.hand, self.sentence = robot, hand, sentence
        self.arm = Arm("fr3")
        mounted = load_hand(hand)
        self._commander = Commander(name="drill", domain_id=domain_id)
        node = self._commander.node
        self._node = node
        self.witness = Witness(
            node,
            CommandObserver(tuple(self.arm.joint_names), self.arm.limits, self.arm.home),
            StreamObserver(
                tuple(mounted.joint_names), hand_limits(mounted), mounted.spec.driver.rate_hz
            ),
        )
        self._requests = node.create_publisher(String, "emergency_stop/request", RELIABLE)
        self._goals: list[Future[Manipulate.Result]] = []
        self._last: dict[type, Any] = {}
        self._made: list[Any] = []
        self._repeating = threading.Event()
        for kind, topic in (
            (msg.HandMotion, "refined_hand_motion"),
            (msg.ExecutionPlan, "execution_plan"),
        ):
            node.create_subscription(
                kind, topic, lambda m, kind=kind: self._last.__setitem__(kind, m), RELIABLE
            )
        self._clients: dict[str, Any] = {
            name: node.create_client(kind, service)
            for name, kind, service in (
                ("reset", Trigger, "mock/reset"),
                ("recover", Trigger, "error_recovery"),
                ("looked", Trigger, "emergency_stop/reset"),
                ("engage", Trigger, "emergency_stop/engage"),
            )
        }

    # ------------------------------------------------------------ for the faults

    @property
    def network(self) -> TwoHosts:
        """Between the drivers and the rest.

        Raises:
            UnihmError: INVALID_CONFIG where there is one host only.
        """
        if self._network is None:
            raise UnihmError(ErrorCode.INVALID_CONFIG, "The robot is on one host.")
        return self._network

    def header(self) -> Header:
        """Of now."""
        return Header(stamp=self._node.get_clock().now().to_msg(), frame_id="world")

    def last(self, kind: type) -> Any:
        """A copy of the last message of a kind that the graph sent.

        Raises:
            UnihmError: INTERNAL where there was none.
        """
        if kind not in self._last:
            raise UnihmError(ErrorCode.INTERNAL, f"No {kind.__name__} has been sent yet.")
        return copy.deepcopy(self._last[kind])

    def publisher(self, kind: type, topic: str, qos: QoSProfile) -> Any:
        """A publisher of a stranger; it lives until the fault is mended."""
        self._made.append(self._node.create_publisher(kind, topic, qos))
        return self._made[-1]

    def repeat(self, period: float, act: Callable[[], None]) -> None:
        """Do something again and again until the fault is mended."""

        def work() -> None:
            while self._repeating.is_set():
                act()
                time.sleep(period)

        self._repeating.set()
        threading.Thread(target=work, daemon=True).start()

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition; whether it came true in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def send(self) -> Future[Manipulate.Result]:
        """Send a goal, whose answer is waited for."""
        self._goals.append(self._commander.manipulate(self.sentence))
        return self._goals[-1]

    def cancel(self) -> None:
        """Cancel the last goal."""
        self._commander.cancel_task()

    def set_fault(self, node: str, fault: str) -> None:
        """Let a mock driver have a fault."""
        self._set(node, "fault", fault)

    def simulate_time(self) -> None:
        """Let every node live by /clock, which for now is the system's time."""
        clock = self.publisher(Clock, "/clock", RELIABLE)
        self.repeat(0.02, lambda: clock.publish(Clock(clock=seconds_to_time(self.witness.seconds))))
        for node in EVERYTHING:
            self._set(node, "use_sim_time", True)
        self.settle()
        self.recover()  # the arm's driver takes that for a jump of the clock

    def jump(self, seconds: float) -> None:
        """Set the clock of :meth:`simulate_time`."""
        self.witness.set_clock(seconds)
        time.sleep(0.2)  # the arm has noticed then, and stands
        self.witness.look()

    def real_time(self) -> None:
        """Let every node live by the system's clock again."""
        self.witness.set_clock(0.0)
        for node in EVERYTHING:
            self._set(node, "use_sim_time", False)
        time.sleep(0.2)  # the arm's driver has noticed then, and can be acknowledged

    def _set(self, node: str, name: str, value: Any) -> None:
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        if node not in self._clients:
            self._clients[node] = self._node.create_client(SetParameters, f"{node}/set_parameters")
        answer = self._call(node, request)
        if answer is not None and not answer.results[0].successful:
            raise UnihmError(ErrorCode.INVALID_CONFIG, answer.results[0].reason)

    def request_stop(self) -> None:
        """Engage the emergency stop by its topic."""
        self._requests.publish(String(data="The drill asks for it."))

    def engage_stop(self) -> None:
        """Engage it by its service."""
        self._call("engage", Trigger.Request())

    def recover(self) -> str:
        """Acknowledge the arm's reflex, and return what it was; empty: none."""
        answer = self._call("recover", Trigger.Request())
        return answer.message if answer is not None else "no answer"

    def _call(self, name: str, request: Any) -> Any:
        client = self._clients[name]
        client.wait_for_service(10.0)
        done: Future[Any] = Future()
        client.call_async(request).add_done_callback(
            lambda future: done.set_result(future.result())
        )
        try:
            return done.result(10.0)
        except NotYet:
            return None

    # ------------------------------------------------------------ the drill

    def settle(self) -> None:
        """Everything is well: wait until the arm rests and the objects are where they were.

        And until nodes that were killed are forgotten, whose successors are not believed before.
        """
        self.until(lambda: not self.witness.is_moving(), REST)
        self.until(self._each_once, FORGOTTEN)
        self._call("reset", Trigger.Request())
        time.sleep(SETTLE)

    def say(self, sentence: str) -> str:
        """One goal without a fault; how it ended: ``done``, the error code's name, or no answer."""
        goal = self._commander.manipulate(sentence)
        self.until(goal.done, ANSWER)
        return _reaction(goal).partition(":")[0]

    def _each_once(self) -> bool:
        names = self._node.get_node_names()
        return all(names.count(name) == 1 for name in EVERYTHING)

    def run(self, fault: Fault) -> FaultOutcome:
        """One fault."""
        witness = self.witness
        witness.forget()
        self._goals.clear()
        fault.prepare(self)
        before = len(witness.violations)
        moving = False
        if fault.when == BEFORE:
            fault.happen(self)
            happened = time.monotonic()
            goal = self.send()
        else:
            goal = self._send_until(fault.when)
            moving = witness.is_moving()
            happened, began = time.monotonic(), witness.seconds
            fault.happen(self)
        resting = self._watch(happened) if moving and fault.stops else None
        commanded = None if resting is None else max(0.0, witness.arm.commanded - began)
        unanswered = self._unanswered()
        noticed = self._noticed(happened, goal)
        reaction = _reaction(goal)
        died, reflex = self._mend(fault)
        following = self.send()
        self.until(following.done, NEXT)
        illegal = witness.violations[before:]
        works = following.done() and following.result().error_code == 0
        unanswered += not following.done()
        if not works:
            self._begin_anew()
        self.settle()
        return FaultOutcome(
            fault.name,
            reaction,
            noticed,
            resting,
            commanded,
            tuple(f"{v.topic}: {v.reason}" for v in illegal),
            unanswered,
            works,
            _reaction(following),
            tuple(died),
            reflex,
        )

    def _send_until(self, stage: str) -> Future[Manipulate.Result]:
        """A goal that has come to a stage, or the last of :data:`TRIALS` that did not."""
        for _ in range(TRIALS):
            goal = self._send_once(stage)
            if not goal.done():
                break
            self.settle()
        return goal

    def _send_once(self, stage: str) -> Future[Manipulate.Result]:
        began, goal = time.monotonic(), self.send()
        self.until(lambda: goal.done() or self._has_begun(stage, began), ANSWER)
        if stage == MOVING:
            time.sleep(INTO_THE_MOTION)
        return goal

    def _begin_anew(self) -> None:
        """Restart what remembers, so that the next fault is judged for itself.

        A controller that has just started does not know what is held: a person empties the hand.
        """
        for name in (*CONTROLLERS, "coordinator", "mock_hand"):
            self.robot.signal(name, signal.SIGKILL)
        places = self.witness.places()
        self.robot.mend({mock: at for mock, at in places.items() if mock != "mock_hand"})
        self._call("looked", Trigger.Request())

    def _has_begun(self, stage: str, since: float) -> bool:
        return any(
            topic == "status" and message.stage == stage
            for _, topic, message in self.witness.heard(since)
        )

    def _watch(self, since: float) -> float | None:
        """Seconds until the arm has nowhere to go; None where it goes on for :data:`REST`."""
        rests = self.until(lambda: not self.witness.is_moving(), REST)
        return time.monotonic() - since if rests else None

    def _unanswered(self) -> int:
        end = time.monotonic() + ANSWER
        self.until(lambda: all(goal.done() for goal in self._goals), end - time.monotonic())
        return sum(not goal.done() for goal in self._goals)

    def _noticed(self, happened: float, goal: Future[Manipulate.Result]) -> float | None:
        """Seconds from the fault to the first word of it."""
        for moment, topic, message in self.witness.heard(happened):
            if topic == "stop" or message.state == msg.StageStatus.FAILED:
                return moment - happened
        return None

    def _mend(self, fault: Fault) -> tuple[list[str], str]:
        self._repeating.clear()
        died = self.robot.mend(self.witness.places())
        fault.mend(self)
        reflex = self.recover()
        self._call("looked", Trigger.Request())  # a person has, where one was asked to
        while self._made:
            self._node.destroy_publisher(self._made.pop())
        self.settle()
        # An arm that has gone on meanwhile, on its way home, is not where it will be.
        self.until(lambda: not self.witness.is_moving(), REST)
        self.witness.look()
        return died, reflex

    def close(self) -> None:
        """End the drill's own node."""
        self._commander.close()


def _reaction(goal: Future[Manipulate.Result]) -> str:
    if not goal.done():
        return "no answer"
    result = goal.result()
    code = ErrorCode(result.error_code)
    return "done" if code == ErrorCode.NONE else f"{code.name}: {result.error_msg}"
