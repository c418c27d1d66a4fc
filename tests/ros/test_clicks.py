"""Pointing instead of describing: a click in RViz chooses among things that words can't tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PointStamped
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from unihm.errors import ErrorCode
from unihm.perception import Planner, Segmenter
from unihm.ros import conversions
from unihm.ros.graph import Graph
from unihm.ros.qos import LATCHED, RELIABLE, STATUS
from unihm.sim.still import RED_BOX, T_WORLD_CAMERA, K, see_boxes
from unihm.types import RgbdObservation, Task
from unihm_msgs import msg
from waiting import eventually

pytestmark = pytest.mark.ros

TWINS = RED_BOX, RED_BOX.moved((0.0, -0.25, 0.0))
HEARD = {
    "object_candidates": (msg.ObjectCandidates, LATCHED),
    "object_trajectory": (msg.ObjectTrajectory, RELIABLE),
    "segmentation_overlay": (Image, LATCHED),
    "status": (msg.StageStatus, STATUS),
    "/diagnostics": (DiagnosticArray, RELIABLE),
}


class Table:
    """Planner and segmentation, without weights, and two red boxes before the camera."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.heard: dict[str, list[Any]] = {topic: [] for topic in HEARD}
        node = graph.commander.node
        for topic, (kind, qos) in HEARD.items():
            node.create_subscription(kind, topic, self.heard[topic].append, qos)
        self.clicks = node.create_publisher(PointStamped, "clicked_point", RELIABLE)
        assert eventually(lambda: self.clicks.get_subscription_count() == 2)
        assert eventually(
            lambda: (
                all(
                    publisher.get_subscription_count()
                    for stage in graph.nodes.values()
                    for publisher in stage.publishers
                    if publisher.topic_name.removeprefix("/unihm/") in HEARD
                )
                and all(node.count_publishers(topic) for topic in HEARD)
            )
        )

    def click(self, point: Any, frame: str = "world") -> None:
        self.clicks.publish(PointStamped(header=Header(frame_id=frame), point=point))

    def ask(self, task_id: str, sentence: str, attempt: int = 1) -> Any:
        """Give a task to both; the planner's last word on it."""
        header = Header(frame_id="world")
        rgb, depth = see_boxes(TWINS)
        observation = RgbdObservation(rgb, depth, K, T_WORLD_CAMERA)
        task = conversions.task_to_msg(Task(task_id, sentence, "xhand"), header, attempt)
        seen = conversions.observation_to_msg(observation, header, task_id)
        stages: list[Any] = list(self.graph.nodes.values())
        for stage in stages:
            stage.receive("task", task)
            stage.receive("observation", seen)

        def words() -> list[Any]:
            return [
                status
                for status in self.heard["status"]
                if (status.task_id, status.stage) == (task_id, "planner")
                and status.state in (msg.StageStatus.FAILED, msg.StageStatus.SUCCEEDED)
            ]

        assert eventually(words)
        return words()[0]

    def dropped(self, node: str) -> int:
        """Clicks that a node says it has dropped."""
        told = [
            value
            for array in self.heard["/diagnostics"]
            for value in array.status[0].values
            if array.status[0].name.endswith(node) and value.key.startswith("dropped clicked_point")
        ]
        return int(told[-1].value) if told else 0

    def target(self, task_id: str) -> np.ndarray:
        """(2,) where the trajectory of a task begins."""

        def found() -> list[Any]:
            return [t for t in self.heard["object_trajectory"] if t.task_id == task_id]

        assert eventually(found)
        return conversions.pose_from_msg(found()[0].poses[0])[:2, 3]


@pytest.fixture
def table(domain_id: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    monkeypatch.setattr(Planner, "load", classmethod(lambda cls, preset: cls()))
    monkeypatch.setattr(Segmenter, "load", classmethod(lambda cls, preset: cls()))
    with Graph(nodes=["planner", "segmentation"], use_sim_time=False, domain_id=domain_id) as graph:
        yield Table(graph)


def test_a_click_chooses_for_one_task_and_its_further_tries(table: Table) -> None:
    assert table.ask("a", "pick up the red box").error_code == ErrorCode.OBJECT_AMBIGUOUS
    assert eventually(lambda: table.heard["object_candidates"])
    offer = table.heard["object_candidates"][-1]
    assert offer.task_id == "a"
    assert len(offer.names) == len(offer.points) == 2
    assert all("red" in name for name in offer.names)

    for number, box in enumerate(TWINS):
        point = min(offer.points, key=lambda p: abs(p.y - box.centre[1]))
        table.heard["segmentation_overlay"].clear()
        table.click(point)
        # What was clicked is shown before anything moves.
        assert eventually(lambda: table.heard["segmentation_overlay"])
        for attempt in (1, 2):
            task_id = f"{number}-{attempt}"
            assert table.ask(task_id, "pick up this one", attempt).error_code == ErrorCode.NONE
            np.testing.assert_allclose(table.target(task_id), box.centre[:2], atol=0.01)
    assert eventually(lambda: not table.heard["object_candidates"][-1].names)
    assert table.ask("next", "pick up the red box").error_code == ErrorCode.OBJECT_AMBIGUOUS


def test_a_click_of_another_frame_or_nowhere_is_dropped(table: Table) -> None:
    x, y, z = TWINS[0].centre
    table.click(conversions.point_to_msg(np.array([x, y, z])), frame="camera")
    table.click(conversions.point_to_msg(np.array([np.nan, y, z])))
    assert eventually(lambda: table.dropped("planner") == 2)
    assert table.ask("a", "pick up the red box").error_code == ErrorCode.OBJECT_AMBIGUOUS
