"""The refiner's node on one executor: its output, report and markers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from refinement_cases import ball_cloud
from unihm.robots import load_hand
from unihm.ros import conversions
from unihm.ros.graph import Graph
from unihm.ros.qos import LATCHED, RELIABLE
from unihm.types import Task
from unihm_msgs import msg
from visualization_msgs.msg import Marker, MarkerArray
from waiting import eventually

TOPICS = {
    "refined_hand_motion": (msg.HandMotion, RELIABLE),
    "refinement_report": (msg.RefinementReport, RELIABLE),
    "refinement_markers": (MarkerArray, LATCHED),
}


def test_refines_reports_and_draws(grasp, domain_id):
    motion, cloud = grasp
    radius = np.linalg.norm(cloud.points[0]) + 0.006  # more than the hand closed for
    cloud = ball_cloud(radius)
    hand = load_hand("xhand")
    heard = {}
    with Graph(nodes=["refiner"], use_sim_time=False, domain_id=domain_id) as graph:
        node: Any = graph.nodes["refiner"]
        for topic, (kind, qos) in TOPICS.items():
            graph.commander.node.create_subscription(
                kind, f"/unihm/{topic}", lambda m, topic=topic: heard.__setitem__(topic, m), qos
            )
        publishers = [p for p in node.publishers if p.topic_name.removeprefix("/unihm/") in TOPICS]
        assert len(publishers) == len(TOPICS)
        # What a reader hears before both sides know of each other is nothing.
        assert eventually(
            lambda: all(
                p.get_subscription_count() and graph.commander.node.count_publishers(p.topic_name)
                for p in publishers
            )
        )
        header = node.header("object")
        decoded = conversions.motion_to_msg(motion, hand.joint_names, header, "t")
        decoded.trajectory.header.frame_id = "world"
        node.receive("task", conversions.task_to_msg(Task("t", "take it", "xhand"), header))
        node.receive("hand_motion", decoded)
        node.receive("object_cloud", conversions.cloud_to_msg(cloud, header, "t"))
        assert eventually(lambda: len(heard) == len(TOPICS))
    refined, report = heard["refined_hand_motion"], heard["refinement_report"]
    assert refined.report[0].energy_after == report.energy_after <= report.energy_before
    markers = {m.ns: m for m in heard["refinement_markers"].markers}
    assert {m.header.frame_id for m in markers.values()} == {"world"}
    T = motion.trajectory.T_world_object[12]
    contacts = np.array([[p.x, p.y, p.z] for p in markers["contacts"].points])
    np.testing.assert_allclose(np.linalg.norm(contacts - T[:3, 3], axis=1), radius, atol=0.002)
    assert len(markers["normals"].points) == 2 * len(contacts)
    assert markers["inside before"].action == Marker.ADD
    assert len(markers["inside before"].points) > len(markers["inside"].points)
