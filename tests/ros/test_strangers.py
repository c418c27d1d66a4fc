"""Somebody on the network who commands, forges and lies: nothing moves, and he is named.

The stranger is a participant of his own, so that everything that he says comes over DDS.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from fakes import FakeRobot, ScriptedStages, grasp_from_above
from rclpy.node import Node
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.trajectory import make_trajectory
from unihm.ros import conversions
from unihm.ros.context import new_context
from unihm.ros.graph import Graph
from unihm.ros.senders import NotYet, Senders, Twin
from unihm.transforms import make_transform
from unihm.types import TaskKind
from unihm_msgs import msg
from waiting import eventually

pytestmark = [pytest.mark.ros, pytest.mark.xdist_group("strangers")]
SLOW = 60.0  # s
ARM_COMMANDS = "/fr3_arm_controller/joint_trajectory"


class Bench:
    """Coordinator and controllers, a robot, a genuine refiner that says what a test wants."""

    def __init__(self, domain_id: int) -> None:
        self.domain_id = domain_id
        self.graph = Graph(
            nodes=["coordinator", "emergency_stop", "arm_controller", "hand_controller"],
            use_sim_time=False,
            domain_id=domain_id,
            parameters={"arm_controller": {"joint_state_timeout": 3.0}},
        )
        made: dict[str, Any] = {"context": self.graph.context, "use_global_arguments": False}
        self.robot = FakeRobot(**made)
        self.stages = ScriptedStages(**made)
        self.statuses: list[msg.StageStatus] = []
        self.diagnostics: dict[str, DiagnosticStatus] = {}
        self.stages.create_subscription(msg.StageStatus, "status", self.statuses.append, 100)
        self.stages.create_subscription(DiagnosticArray, "/diagnostics", self._diagnose, 100)
        for node in (self.robot, self.stages):
            self.graph.spin(node)

    def _diagnose(self, message: DiagnosticArray) -> None:
        self.diagnostics.update({status.name: status for status in message.status})

    def dropped(self, node: str, what: str) -> int:
        values = self.diagnostics.get(f"/unihm/{node}", DiagnosticStatus()).values
        return sum(int(v.value) for v in values if v.key == f"dropped {what}")

    def start(self, **options: Any) -> tuple[Any, str]:
        """A goal that is at work, ready and waiting for its image; and its task's id."""
        self.statuses.clear()
        goal = self.graph.commander.manipulate("pick up the red box", **options)
        ready = ("ready", msg.StageStatus.SUCCEEDED)
        assert eventually(lambda: ready in [(s.stage, s.state) for s in self.statuses])
        return goal, self.statuses[-1].task_id

    def has_moved(self) -> bool:
        return not self.robot.is_home()


@pytest.fixture(scope="module")
def bench(module_domain_id: int) -> Iterator[Bench]:
    made = Bench(module_domain_id)
    with made.graph as graph:
        graph.commander.wait_until_ready(SLOW)
        yield made


@contextmanager
def node_of_another(bench: Bench, name: str = "stranger") -> Iterator[Node]:
    context = new_context(bench.domain_id)
    node = Node(name, namespace="unihm", context=context, use_global_arguments=False)
    try:
        yield node
    finally:
        node.destroy_node()
        context.try_shutdown()


def motion(task_id: str, hand: str = "xhand", lower: float = 0.0) -> msg.HandMotion:
    """A grasp of something at the red box's place that the arm can follow."""
    T = make_transform(np.eye(3), [0.45, 0.10, 0.05])
    made = grasp_from_above(make_trajectory(TaskKind.GRAB, T, pick_point=np.zeros(3)), hand)
    made.T_object_wrist[:, 2, 3] -= lower
    names = [f"joint{i}" for i in range(made.joints.shape[1])]
    return conversions.motion_to_msg(made, names, Header(frame_id="object"), task_id)


def plan(task_id: str) -> msg.ExecutionPlan:
    hand = np.linspace(0.0, 0.5, 50)[:, None] * np.ones(12)
    return msg.ExecutionPlan(
        task_id=task_id,
        stage="arm",
        hand="xhand",
        rate=50.0,
        hand_joint_names=[f"joint{i}" for i in range(12)],
        hand_positions=hand.ravel().tolist(),
    )


def verified(task_id: str) -> msg.StageStatus:
    return msg.StageStatus(task_id=task_id, stage="verifier", state=msg.StageStatus.SUCCEEDED)


FORGED: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "a task": ("task", lambda _: msg.Task(task_id="mine", instruction="x"), "arm_controller"),
    "an end of the task": (
        "stop",
        lambda running: msg.StopTask(task_id=running, error_code=int(ErrorCode.GRASP_FAILED)),
        "arm_controller",
    ),
    "a motion of an invented task": (
        "refined_hand_motion",
        lambda _: motion("invented"),
        "arm_controller",
    ),
    "a motion of the running task": ("refined_hand_motion", motion, "arm_controller"),
    "a motion of another hand": (
        "refined_hand_motion",
        lambda running: motion(running, "inspire"),
        "arm_controller",
    ),
    "a motion that is lower": (
        "refined_hand_motion",
        lambda running: motion(running, lower=0.12),
        "arm_controller",
    ),
    "a plan": ("execution_plan", plan, "hand_controller"),
    "a verdict": ("status", verified, "coordinator"),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_a_stranger_says_moves_nothing_and_he_is_named(bench: Bench, what: str) -> None:
    topic, forge, victim = FORGED[what]
    goal, task_id = bench.start()
    key = f"{topic} from /unihm/stranger"
    before = bench.dropped(victim, key)
    message = forge(task_id)
    with node_of_another(bench) as stranger:
        publisher = stranger.create_publisher(type(message), topic, 10)
        known = bench.graph.nodes[victim].get_publishers_info_by_topic
        assert eventually(
            lambda: (
                publisher.get_subscription_count()
                and "stranger" in [p.node_name for p in known(publisher.topic_name)]
            )
        )
        publisher.publish(message)
        assert eventually(lambda: bench.dropped(victim, key) > before)
        if topic == "status":  # which everybody publishes on
            assert not goal.done()
            bench.graph.commander.cancel_task()
            assert goal.result(SLOW).error_code == ErrorCode.CANCELLED
        else:
            result = goal.result(SLOW)
            assert result.error_code == ErrorCode.SAFETY_STOP
            assert "/unihm/stranger" in result.error_msg

            def is_told() -> bool:
                status = bench.diagnostics["/unihm/coordinator"]
                return (status.level, status.message) == (DiagnosticStatus.ERROR, result.error_msg)

            assert eventually(is_told)
    assert not bench.has_moved()
    coordinator = bench.graph.nodes["coordinator"]
    assert eventually(lambda: coordinator.trespass is None)


def test_what_the_refiner_says_moves_the_robot(bench: Bench) -> None:
    """The same motion that was refused from the stranger."""
    goal, task_id = bench.start()
    genuine = motion(task_id)
    bench.stages.motions.publish(copy.deepcopy(genuine))
    assert eventually(bench.has_moved)
    bench.graph.commander.cancel_task()
    assert goal.result(SLOW).error_code == ErrorCode.CANCELLED
    bench.stages.motions.publish(genuine)  # of a task that is over
    assert eventually(lambda: not bench.has_moved())


def test_somebody_else_who_commands_the_driver_ends_the_task(bench: Bench) -> None:
    goal, _ = bench.start()
    with node_of_another(bench) as stranger:
        stranger.create_publisher(JointTrajectory, ARM_COMMANDS, 10)
        result = goal.result(SLOW)
        assert result.error_code == ErrorCode.SAFETY_STOP
        assert "/unihm/stranger" in result.error_msg
        assert ARM_COMMANDS in result.error_msg
    assert eventually(lambda: bench.graph.nodes["arm_controller"].trespass is None)


def test_two_of_one_name_are_waited_for_and_then_refused(bench: Bench) -> None:
    with node_of_another(bench, "refiner") as twin:
        twin.create_publisher(msg.HandMotion, "refined_hand_motion", 10)
        coordinator = bench.graph.nodes["coordinator"]
        assert eventually(lambda: isinstance(coordinator.trespass, Twin))
        result = bench.graph.commander.manipulate("pick up the red box", timeout=0.5).result(SLOW)
        assert result.error_code == ErrorCode.SAFETY_STOP
        assert "Two nodes named /unihm/refiner" in result.error_msg
        bench.statuses.clear()
        waiting = bench.graph.commander.manipulate("pick up the red box")
    assert eventually(lambda: any(s.stage == "ready" for s in bench.statuses))
    assert not waiting.done()
    bench.graph.commander.cancel_task()
    assert waiting.result(SLOW).error_code == ErrorCode.CANCELLED


def test_a_twin_that_appears_amid_a_task_may_be_dead_and_does_not_end_it(bench: Bench) -> None:
    """Its successor is heard at once, and it is forgotten some seconds later."""
    goal, _ = bench.start()
    coordinator = bench.graph.nodes["coordinator"]
    with node_of_another(bench, "refiner") as twin:
        twin.create_publisher(msg.HandMotion, "refined_hand_motion", 10)
        assert eventually(lambda: isinstance(coordinator.trespass, Twin))
        assert not goal.done()
    assert eventually(lambda: coordinator.trespass is None)
    assert not goal.done()
    bench.graph.commander.cancel_task()
    assert goal.result(SLOW).error_code == ErrorCode.CANCELLED


@pytest.mark.parametrize("kind", [UnihmError, NotYet, Twin])
def test_whoever_has_no_name_ends_a_task_as_a_stranger_does(
    bench: Bench, kind: type[UnihmError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare publisher on the arm's commands never gets one; only a dead twin is waited for."""
    goal, task_id = bench.start()
    arm = bench.graph.nodes["arm_controller"]
    trespass = kind(ErrorCode.SAFETY_STOP, "Somebody else commands the arm.")
    looks, failed = [], []

    def look() -> UnihmError:
        looks.append(trespass)
        return trespass

    monkeypatch.setattr(arm, "fail", lambda task, error, duration=0.0: failed.append((task, error)))
    monkeypatch.setattr(arm._senders, "trespass", look)
    assert eventually(lambda: len(looks) > 2)
    monkeypatch.undo()
    assert failed == ([] if kind is Twin else [(task_id, trespass)])
    assert eventually(lambda: arm.trespass is None)
    bench.graph.commander.cancel_task()
    assert goal.result(SLOW).error_code == ErrorCode.CANCELLED


class Endpoint:
    """One publisher in the graph."""

    def __init__(self, node_name: str, gid: int, namespace: str = "/unihm") -> None:
        self.node_name, self.node_namespace = node_name, namespace
        self.endpoint_gid = [gid] * 16


class Network:
    """In place of a node: what it would see of others."""

    def __init__(self, *endpoints: Endpoint) -> None:
        self.endpoints = endpoints

    def get_namespace(self) -> str:
        return "/unihm"

    def resolve_topic_name(self, topic: str) -> str:
        return f"/unihm/{topic}"

    def get_publishers_info_by_topic(self, topic: str) -> tuple[Endpoint, ...]:
        return self.endpoints


MINE, HIS = bytes([1] * 16), bytes([2] * 16)
GENUINE = Endpoint("refiner", 1)
UNNAMED = Endpoint("_NODE_NAME_UNKNOWN_", 2, "_NODE_NAMESPACE_UNKNOWN_")


@pytest.mark.parametrize(
    ("others", "gid", "refusal"),
    [
        ([], MINE, None),
        ([], None, None),  # before Kilted
        ([], MINE + bytes(8), None),  # as Humble pads it
        ([], HIS, NotYet),
        ([UNNAMED], HIS, NotYet),
        ([UNNAMED], MINE, NotYet),
        ([Endpoint("stranger", 2)], HIS, UnihmError),
        ([Endpoint("stranger", 2)], MINE, UnihmError),
        ([Endpoint("refiner", 2, "/elsewhere")], HIS, UnihmError),
        ([Endpoint("refiner", 2)], HIS, Twin),
        ([Endpoint("refiner", 2)], None, Twin),
    ],
)
def test_whose_message_it_is(
    others: list[Endpoint], gid: bytes | None, refusal: type[UnihmError] | None
) -> None:
    senders = Senders(Network(GENUINE, *others))  # type: ignore[arg-type]
    if refusal is None:
        senders.check("refined_hand_motion", msg.HandMotion(), gid)
        return
    with pytest.raises(UnihmError) as caught:
        senders.check("refined_hand_motion", msg.HandMotion(), gid)
    assert type(caught.value) is refusal
    assert caught.value.code is ErrorCode.SAFETY_STOP


def test_a_stop_is_heard_whoever_else_is_there() -> None:
    there = Network(Endpoint("coordinator", 1), Endpoint("stranger", 2))
    senders = Senders(there)  # type: ignore[arg-type]
    senders.check("stop", msg.StopTask(), MINE)
    with pytest.raises(UnihmError, match="stranger"):
        senders.check("stop", msg.StopTask(), HIS)
