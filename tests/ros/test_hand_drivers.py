"""What the vendors' drivers are sent and how their answers are read, in messages like theirs."""

from __future__ import annotations

import importlib
import sys
import types
from concurrent.futures import Future
from typing import Any, get_args

import numpy as np
import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from unihm.errors import ErrorCode, UnihmError
from unihm.nodes.mock_hand import BLOCKED, MockHandNode
from unihm.robots import load_hand
from unihm.robots.spec import Protocol
from unihm.ros import hand_drivers
from unihm.ros.base import UnihmNode
from unihm.ros.context import new_context
from unihm.ros.course import Course, course_from_msg
from unihm.ros.hand_drivers import make_driver
from waiting import eventually

pytestmark = pytest.mark.ros


class Recorder:
    """A node and a publisher in one, which remember."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.callbacks: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.seconds = 100.0

    def declare(self, name: str, default: Any, *_: Any) -> Any:
        return default

    def outside(self, name: str) -> str:
        return f"/left{name}"

    def publisher(self, *_: Any, alone: bool = False) -> Recorder:
        return self

    def subscription(self, kind: type, topic: str, callback: Any, qos: Any) -> None:
        self.callbacks[topic] = callback

    def publish(self, message: Any) -> None:
        self.sent.append(message)

    def get_subscription_count(self) -> int:
        return 1

    def get_logger(self) -> Any:
        return types.SimpleNamespace(warning=self.warnings.append)


class XHandCommand:
    """The vendor's fields; the types are those of its ROS 2 package."""

    def get_fields_and_field_types(self) -> dict[str, str]:
        floats = dict.fromkeys(("kp", "ki", "kd"), "sequence<int32>")
        return {**floats, "effort_limit": "sequence<float>", "mode": "int32"}


class SetAngle1:
    pass


class GripperCommand:
    """control_msgs' action, as far as a client fills it in."""

    class Goal:
        def __init__(self) -> None:
            self.command = types.SimpleNamespace(position=0.0, max_effort=0.0)


class FrankaGoal:
    """A goal of franka_msgs' actions; a grasp's bounds are 5 mm unless others are given."""

    def __init__(self, **fields: float) -> None:
        self.fields = fields
        self.epsilon = types.SimpleNamespace(inner=0.005, outer=0.005)


class Gripper:
    """An action client and the driver behind it: goals run until they are told to end."""

    def __init__(self, node: Any, kind: type, topic: str) -> None:
        self.topic = topic
        self.ready = True
        self.goals: list[Any] = []
        self.answer: Future[Any] = Future()
        self.end: Future[Any] = Future()

    def server_is_ready(self) -> bool:
        return self.ready

    def send_goal_async(self, goal: Any) -> Future[Any]:
        self.goals.append(
            goal
            if isinstance(goal, FrankaGoal)
            else (goal.command.position, goal.command.max_effort)
        )
        self.answer, self.end = Future(), Future()
        return self.answer

    def finish(self, accepted: bool = True) -> None:
        self.answer.set_result(
            types.SimpleNamespace(accepted=accepted, get_result_async=lambda: self.end)
        )
        self.end.set_result(None)


PACKAGES = {
    "control_msgs.action": types.SimpleNamespace(GripperCommand=GripperCommand),
    "franka_msgs.action": types.SimpleNamespace(
        **dict.fromkeys(("Homing", "Move", "Grasp"), types.SimpleNamespace(Goal=FrankaGoal))
    ),
    "xhand_control_interfaces.msg": types.SimpleNamespace(
        XHandCommand=XHandCommand,
        XHandState=types.SimpleNamespace,
        XHandStateArray=types.SimpleNamespace,
    ),
    "inspire_interfaces.msg": types.SimpleNamespace(
        SetAngle1=SetAngle1, GetAngleAct1=types.SimpleNamespace
    ),
}


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    really = importlib.import_module
    vendors = {package for packages in hand_drivers.PACKAGES.values() for package in packages}

    def import_module(name: str, package: str | None = None) -> Any:
        if name in PACKAGES:
            return PACKAGES[name]
        if name.partition(".")[0] in vendors:
            raise ImportError(name)
        return really(name, package)

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


def test_an_allegro_says_where_it_is_on_a_topic_of_its_own() -> None:
    node, hand = Recorder(), load_hand("allegro")
    heard: list[Any] = []
    make_driver(node, hand, "joint_state", "/command", lambda p, e: heard.append((p, e)))
    receive = node.callbacks["/allegroHand_0/joint_states"]
    names = list(hand.joint_names)[::-1]
    receive(JointState(name=names, position=[float(i) for i in range(16)]))
    receive(JointState(name=names, position=[0.0] * 16, effort=[float(i) for i in range(16)]))
    (positions, none), (_, efforts) = heard
    np.testing.assert_array_equal(positions, np.arange(16)[::-1])
    assert none == []
    assert efforts == [float(i) for i in range(16)][::-1]


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


@pytest.fixture
def gripper(vendor: None, monkeypatch: pytest.MonkeyPatch) -> tuple[Recorder, Any, Gripper, list]:
    """Node, driver, action server and the states that were heard."""
    servers: list[Gripper] = []

    def client(*args: Any) -> Gripper:
        servers.append(Gripper(*args))
        return servers[0]

    monkeypatch.setattr(hand_drivers, "ActionClient", client)
    node, hand = Recorder(), load_hand("panda_gripper")
    heard: list[Any] = []
    topic = hand.spec.driver.command_topic
    driver = make_driver(
        node, hand, "gripper_command", topic, lambda p, e: heard.append((p.tolist(), e))
    )
    return node, driver, servers[0], heard


def test_a_gripper_gets_one_goal_at_a_time(gripper) -> None:
    _, driver, server, _ = gripper
    assert server.topic == "/left/franka_gripper/gripper_action"
    for travel in (0.03, 0.02, 0.01):
        driver.send(np.array([travel]))
    assert server.goals == [(0.03, 40.0)]
    server.finish()
    driver.send(np.array([0.01]))
    server.finish()
    driver.send(np.array([0.0104]))
    assert server.goals == [(0.03, 40.0), (0.01, 40.0)]


def test_a_gripper_is_not_opened_beyond_what_it_has(gripper) -> None:
    _, driver, server, _ = gripper
    driver.send(np.array([0.04]))
    ((position, _),) = server.goals
    assert 0.0395 < position < 0.04


def test_a_goal_without_an_end_does_not_keep_the_gripper_for_ever(gripper) -> None:
    node, driver, server, _ = gripper
    driver.send(np.array([0.03]))
    node.seconds += hand_drivers.GOAL_TIMEOUT
    driver.send(np.array([0.01]))
    assert len(server.goals) == 2


def test_a_goal_that_is_refused_is_told_of(gripper) -> None:
    node, driver, server, _ = gripper
    driver.send(np.array([0.03]))
    server.finish(accepted=False)
    assert "refused" in node.warnings[0]
    driver.send(np.array([0.01]))
    assert len(server.goals) == 2


def test_a_gripper_without_its_server_gets_its_goal_later(gripper) -> None:
    _, driver, server, _ = gripper
    server.ready = False
    driver.send(np.array([0.03]))
    assert driver.subscribers() == 0
    assert not server.goals
    server.ready = True
    driver.send(np.array([0.03]))
    assert driver.subscribers() == 1
    assert len(server.goals) == 1


def test_a_grippers_joint_gets_the_name_that_the_hand_file_gives_it(gripper) -> None:
    node, _, _, heard = gripper
    receive = node.callbacks["/franka_gripper/joint_states"]
    receive(JointState(name=["fr3_joint1"], position=[1.0]))
    fingers = ["fr3_finger_joint1", "fr3_finger_joint2"]
    receive(JointState(name=fingers, position=[0.02, 0.02], effort=[0.0, 0.0]))
    assert heard == [([0.02], [])]


@pytest.fixture
def franka(vendor: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a driver; returns it and the servers of its actions, by name."""

    def make(**parameters: Any) -> tuple[Any, dict[str, Gripper]]:
        servers: dict[str, Gripper] = {}

        def client(*args: Any) -> Gripper:
            made = Gripper(*args)
            servers[made.topic.rpartition("/")[2]] = made
            return made

        monkeypatch.setattr(hand_drivers, "ActionClient", client)
        node: Any = Recorder()
        node.declare = lambda name, default, *_: parameters.get(name, default)
        hand = load_hand("panda_gripper")
        driver = make_driver(node, hand, "franka_gripper", "/franka_gripper", lambda p, e: None)
        return driver, servers

    return make


def test_a_franka_gripper_opens_by_a_move_and_closes_by_a_grasp(franka) -> None:
    driver, servers = franka()
    assert servers["grasp"].topic == "/left/franka_gripper/grasp"
    driver.send(np.array([0.03]))
    driver.send(np.array([0.01]))
    (opened,) = servers["move"].goals
    assert opened.fields == {"width": pytest.approx(0.06), "speed": 0.05}
    assert not servers["grasp"].goals  # the first has not ended
    servers["move"].finish()
    driver.send(np.array([0.01]))
    (closed,) = servers["grasp"].goals
    assert closed.fields == {"width": pytest.approx(0.02), "speed": 0.05, "force": 40.0}
    # What is held may have any width that the gripper has.
    assert closed.fields["width"] - closed.epsilon.inner <= 0.0
    assert closed.fields["width"] + closed.epsilon.outer >= 0.08
    servers["grasp"].finish()
    driver.send(np.array([0.02]))
    assert len(servers["move"].goals) == 2
    assert not servers["homing"].goals


def test_a_franka_gripper_that_is_to_be_homed_does_so_once_and_first(franka) -> None:
    driver, servers = franka(**{"franka_gripper.homing": True})
    servers["grasp"].ready = False
    driver.send(np.array([0.03]))
    assert driver.subscribers() == 0
    assert not servers["homing"].goals
    servers["grasp"].ready = True
    driver.send(np.array([0.03]))
    assert len(servers["homing"].goals) == 1
    assert not servers["move"].goals
    servers["homing"].finish()
    driver.send(np.array([0.03]))
    assert len(servers["homing"].goals) == 1
    assert len(servers["move"].goals) == 1


class HandSide(UnihmNode):
    """The node that a hand's driver belongs to."""

    stage = "hand"


def test_driver_and_mock_speak_franka_grippers_actions(crowd) -> None:
    pytest.importorskip("franka_msgs", reason="franka_msgs of franka_ros2 is not installed here")
    spoken = {"protocol": "franka_gripper", "command_topic": "/franka_gripper"}
    mock = crowd.add(MockHandNode, "mock_hand", hand="panda_gripper", **spoken)
    node = crowd.add(HandSide, "hand_controller")
    assert mock.start()
    hand = load_hand("panda_gripper")
    heard: list[np.ndarray] = []
    driver: Any = make_driver(
        node,
        hand,
        spoken["protocol"],
        spoken["command_topic"],
        lambda positions, _: heard.append(positions),
    )
    assert crowd.until(driver.subscribers)

    def there(position: float) -> bool:
        driver.send(np.array([position]))
        return bool(heard) and abs(float(heard[-1][0]) - position) < 1e-4

    for position in (0.01, 0.03):
        assert crowd.until(lambda position=position: there(position))
    # Something between the fingers: the grasp ends where they meet it, and is none the worse.
    held = hand.open_joints + BLOCKED * (hand.closed_joints - hand.open_joints)
    mock._on_held(Bool(data=True))
    assert crowd.until(lambda: there(0.005) or abs(float(heard[-1][0] - held[0])) < 1e-3)
    assert crowd.until(lambda: driver._busy_until == 0.0)
    assert not there(0.005)


@pytest.mark.usefixtures("vendor")
def test_a_hand_of_several_joints_is_no_gripper() -> None:
    with pytest.raises(UnihmError, match="one joint") as caught:
        make_driver(Recorder(), load_hand("xhand"), "gripper_command", "/c", lambda p, e: None)
    assert caught.value.code == ErrorCode.INVALID_HAND_FILE


@pytest.mark.usefixtures("vendor")
@pytest.mark.parametrize("name", ["xhand", "inspire"])
def test_a_mock_hand_answers_in_the_vendors_messages(
    name: str, domain_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, vendor, hand = Recorder(), Recorder(), load_hand(name)
    context = new_context(domain_id)
    mock = MockHandNode(
        "mock_hand",
        context=context,
        use_global_arguments=False,
        parameter_overrides=[Parameter("hand", value=name)],
    )
    monkeypatch.setattr(mock, "publisher", vendor.publisher)
    monkeypatch.setattr(mock, "subscription", vendor.subscription)
    assert mock.start()
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(mock)
    heard: list[Any] = []
    driver = make_driver(node, hand, name, "/command", lambda p, e: heard.append(p))
    half = (hand.open_joints + hand.closed_joints) / 2
    driver.send(half)
    vendor.callbacks[hand.spec.driver.command_topic](node.sent[-1])

    def there() -> bool:
        executor.spin_once(timeout_sec=0.1)
        if vendor.sent:
            node.callbacks[hand.spec.driver.state_topic](vendor.sent[-1])
        return bool(heard) and np.abs(heard[-1] - half).max() < 0.01

    try:
        assert eventually(there)
    finally:
        executor.shutdown()
        mock.destroy_node()
        context.try_shutdown()


def test_every_protocol_of_a_hand_file_has_a_driver() -> None:
    assert set(hand_drivers.DRIVERS) == set(get_args(Protocol))


@pytest.mark.parametrize(
    ("name", "package"), [("xhand", "xhand_control_msgs"), ("panda_gripper", "control_msgs")]
)
def test_a_vendor_package_that_is_missing_is_named(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, f"{package}.action", None)  # a ROS installation may have it
    hand = load_hand(name)
    with pytest.raises(UnihmError, match=package) as caught:
        make_driver(Recorder(), hand, hand.spec.driver.protocol, "/c", lambda p, e: None)
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
    course = course_from_msg(message, hand.joint_names, Course.resting(hand.open_joints), now=5.0)
    np.testing.assert_allclose(course.at(5.0), hand.open_joints)
    np.testing.assert_allclose(course.at(5.01), (hand.open_joints + hand.closed_joints) / 2)
    np.testing.assert_allclose(course.at(9.0), hand.closed_joints)


def test_simulated_driver_refuses_a_joint_that_it_does_not_have() -> None:
    node, hand = Recorder(), load_hand("inspire")
    make_driver(node, hand, "joint_trajectory", "/c", lambda p, e: None).send(hand.closed_joints)
    node.sent[0].joint_names[0] = "tail"
    with pytest.raises(ValueError, match="tail"):
        course_from_msg(node.sent[0], hand.joint_names, Course.resting(hand.open_joints), now=5.0)
