"""The viewer's node: what the graph says reaches the page, and what the page says the graph."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PointStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Header, String
from std_srvs.srv import Trigger
from unihm.nodes import viewer as viewer_module
from unihm.nodes.viewer import ViewerNode
from unihm.perception.language import SentenceKind, understand
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.ros import conversions
from unihm.ros.qos import LATCHED, RELIABLE, SENSOR, STATUS
from unihm.sim.scene import Camera
from unihm.transforms import from_xyz_rpy
from unihm.types import HandMotion, ObjectCloud, RgbdObservation, Task, TaskKind
from unihm.visualization.viewer import Controls
from unihm_msgs import msg

pytestmark = pytest.mark.ros


class Page:
    """Stands for the web page: notes what it was asked to show."""

    def __init__(self, port: int, arm: str, hand: str, host: str, controls: Controls) -> None:
        self.shown: dict[str, tuple[Any, ...]] = {}
        self.controls = controls
        self.url = f"http://{host}:{port}"
        self.closed = False

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("show_"):
            raise AttributeError(name)
        return lambda *values: self.shown.__setitem__(name.removeprefix("show_"), values)

    def close(self) -> None:
        self.closed = True


class Setting:
    """A viewer node with a page, and a node that speaks for the rest of the graph."""

    def __init__(self, domain_id: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        made: dict[str, Any] = {"context": self.context, "use_global_arguments": False}
        self.node = ViewerNode("viewer", namespace="unihm", **made)
        assert self.node.start(), self.node.fault
        self.page: Page = self.node.viewer  # type: ignore[assignment]
        self.graph = Node("graph", namespace="unihm", **made)
        self.executor = SingleThreadedExecutor(context=self.context)
        for node in (self.node, self.graph):
            self.executor.add_node(node)
        self.thread = threading.Thread(target=self.executor.spin, daemon=True)
        self.thread.start()

    def publish(self, topic: str, message: Any, qos: Any = RELIABLE) -> None:
        publisher = self.graph.create_publisher(type(message), topic, qos)
        self.wait(lambda: publisher.get_subscription_count() > 0, f"nobody listens to {topic}")
        publisher.publish(message)

    def wait(self, condition: Any, otherwise: str) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, otherwise
            time.sleep(0.02)

    def shown(self, what: str) -> tuple[Any, ...]:
        self.wait(lambda: what in self.page.shown, f"{what} was not shown")
        return self.page.shown[what]

    def close(self) -> None:
        self.node.end()
        self.executor.shutdown()
        self.thread.join()
        for node in (self.node, self.graph):
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def setting(domain_id, monkeypatch):
    monkeypatch.setattr(viewer_module, "Viewer", Page)
    made = Setting(domain_id)
    yield made
    made.close()
    assert made.page.closed


def test_every_topic_reaches_the_page(setting):
    header = Header(frame_id="world")
    task = conversions.task_to_msg(Task("t", "take it", "xhand"), header)
    setting.publish("task", task)
    assert setting.shown("task") == ("take it",)

    camera = Camera(width=64, height=48)
    observation = RgbdObservation(
        np.full((48, 64, 3), 7, np.uint8),
        np.ones((48, 64), np.float32),
        camera.K,
        camera.T_world_camera,
    )
    setting.publish("observation", conversions.observation_to_msg(observation, header, "t"))
    (seen,) = setting.shown("observation")
    np.testing.assert_array_equal(seen.rgb, observation.rgb)
    np.testing.assert_allclose(seen.T_world_camera, camera.T_world_camera, atol=1e-9)

    normals = np.eye(3)
    cloud = ObjectCloud(0.05 * normals, normals)
    setting.publish("object_cloud", conversions.cloud_to_msg(cloud, header, "t"))  # out of turn

    T_world_object = from_xyz_rpy([0.5, 0.1, 0.05], [0, 0, 0.3])
    trajectory = make_trajectory(TaskKind.GRAB, T_world_object, T_world_object[:3, 3])
    setting.publish("object_trajectory", conversions.trajectory_to_msg(trajectory, header, "t"))
    (planned,) = setting.shown("trajectory")
    np.testing.assert_allclose(planned.T_world_object, trajectory.T_world_object, atol=1e-9)

    points, T = setting.shown("cloud")
    np.testing.assert_allclose(points.points, cloud.points, atol=1e-6)
    np.testing.assert_allclose(T, T_world_object, atol=1e-9)

    hand = load_hand("xhand")
    wrist = np.tile(np.eye(4), (len(trajectory), 1, 1))
    joints = np.tile(hand.open_joints, (len(trajectory), 1))
    motion = HandMotion("xhand", wrist, joints, trajectory)
    setting.publish(
        "refined_hand_motion",
        conversions.motion_to_msg(motion, hand.joint_names, header, "t"),
    )
    (moved,) = setting.shown("motion")
    np.testing.assert_allclose(moved.joints, joints, atol=1e-9)


def test_a_failed_stage_is_told(setting):
    status = msg.StageStatus(
        task_id="t", stage="planner", state=msg.StageStatus.FAILED, error_msg="No.", duration=0.5
    )
    setting.publish("status", status, STATUS)
    assert setting.shown("stage") == ("planner", "failed", 0.5, "No.")


def test_joints_objects_and_contacts_are_drawn(setting):
    setting.publish("/joint_states", JointState(name=["a"], position=[1.0]), SENSOR)
    setting.publish("/joint_states", JointState(name=["b"], position=[2.0]), SENSOR)
    setting.wait(
        lambda: setting.page.shown.get("joints") == (["a", "b"], [1.0, 2.0]), "joints do not add up"
    )
    pose = from_xyz_rpy([0.1, 0.2, 0.3], [0, 0, 0])
    setting.publish(
        "sim/object_states",
        msg.ObjectStates(names=["box"], poses=conversions.poses_to_msg(pose[None])),
        SENSOR,
    )
    np.testing.assert_allclose(setting.shown("objects")[0]["box"], pose)
    setting.publish(
        "sim/contacts",
        msg.Contacts(
            body_a=["finger", "box"],
            body_b=["box", "table"],
            positions=[conversions.point_to_msg(np.ones(3)), conversions.point_to_msg(np.zeros(3))],
            forces=[conversions.vector_to_msg(np.ones(3)), conversions.vector_to_msg(np.ones(3))],
        ),
        SENSOR,
    )
    positions, forces = setting.shown("contacts")  # without what merely stands on the table
    assert (positions, forces) == ([(1.0, 1.0, 1.0)], [(1.0, 1.0, 1.0)])


def test_a_sentence_typed_into_the_page_is_an_instruction(setting):
    heard: list[str] = []
    setting.graph.create_subscription(String, "instruction", lambda m: heard.append(m.data), 10)
    publisher = setting.node._instructions
    setting.wait(lambda: publisher.get_subscription_count() > 0, "nobody listens")
    setting.page.controls.say("pick up the cup")
    setting.wait(lambda: heard == ["pick up the cup"], "it was not heard")


def test_the_emergency_stop_is_asked_for_at_first_hand_and_reset_by_its_service(setting):
    heard: list[str] = []
    reset: list[bool] = []

    def on_reset(_: Any, response: Any) -> Any:
        reset.append(True)
        return response

    setting.graph.create_subscription(
        String, "emergency_stop/request", lambda m: heard.append(m.data), 10
    )
    setting.graph.create_service(Trigger, "emergency_stop/reset", on_reset)
    setting.wait(
        lambda: setting.node.count_subscribers("emergency_stop/request") > 0, "nobody listens"
    )
    setting.page.controls.stop()
    setting.wait(lambda: heard, "it was not heard")
    engaged, reason = setting.shown("emergency_stop")
    assert engaged
    assert "not confirmed" in reason
    setting.publish("emergency_stop/state", msg.EmergencyStop(engaged=True, reason="Why."), LATCHED)
    setting.wait(
        lambda: setting.page.shown["emergency_stop"] == (True, "Why."), "the state is not shown"
    )
    setting.wait(setting.node._reset.service_is_ready, "the service is not there")
    setting.page.controls.reset()
    setting.wait(lambda: reset, "it was not reset")


def test_cancel_is_for_a_task_of_the_action_and_of_the_topic(setting):
    said: list[str] = []
    setting.graph.create_subscription(String, "instruction", lambda m: said.append(m.data), 10)
    setting.wait(lambda: setting.node.count_subscribers("instruction") > 0, "nobody listens")
    setting.page.controls.cancel()
    setting.wait(lambda: said, "it was not asked for")
    assert understand(said[0]).kind is SentenceKind.STOP


def test_what_was_understood_is_shown_and_a_choice_is_a_click(setting):
    points: list[Any] = []
    said: list[str] = []
    setting.graph.create_subscription(PointStamped, "clicked_point", points.append, 10)
    setting.graph.create_subscription(String, "instruction", lambda m: said.append(m.data), 10)
    setting.publish("understood", msg.Command(understood="grab the red box"), LATCHED)
    assert setting.shown("understood") == ("grab the red box",)
    header = Header(frame_id="world")
    task = Task("t", "pick up the box", "xhand")
    setting.publish("task", conversions.task_to_msg(task, header))
    places = [conversions.point_to_msg(np.array([0.5, y, 0.1])) for y in (0.1, -0.1)]
    setting.publish(
        "object_candidates",
        msg.ObjectCandidates(header=header, task_id="t", names=["one", "other"], points=places),
        LATCHED,
    )
    assert setting.shown("candidates") == (["one", "other"],)
    setting.wait(
        lambda: (
            setting.node.count_subscribers("clicked_point")
            and setting.node.count_subscribers("instruction")
        ),
        "nobody listens",
    )
    setting.shown("task")
    setting.page.controls.choose(1)
    setting.wait(lambda: points and said, "it was not chosen")
    assert (points[0].header.frame_id, points[0].point) == ("world", places[1])
    assert said == ["pick up the box"]
