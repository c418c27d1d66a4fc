"""The nodes by name: all that a launch file has to know of them, and reads at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

RESPAWN = 2.0  # s after which a node of the graph that ended is started again
ENDING = 15.0  # s that the nodes have to end in; the arm may have to come to rest

# The graph.
NODES = {
    "refiner": "RefinerNode",
    "decoder": "DecoderNode",
    "segmentation": "SegmentationNode",
    "generator": "GeneratorNode",
    "planner": "PlannerNode",
    "emergency_stop": "EmergencyStopNode",
    "coordinator": "CoordinatorNode",
    "capture": "CaptureNode",
    "verifier": "VerifierNode",
    "arm_controller": "ArmControllerNode",
    "hand_controller": "HandControllerNode",
    "simulation": "SimulationNode",
}

# Nodes that no task needs.
FURTHER = {
    "follower": "FollowerNode",
    "markers": "MarkersNode",
    "player": "PlayerNode",
    "retargeter": "RetargeterNode",
    "robot_state": "RobotStateNode",
    "viewer": "ViewerNode",
}

# Drivers of no hardware, for tries without a robot.
MOCKS = {"mock_arm": "MockArmNode", "mock_camera": "MockCameraNode", "mock_hand": "MockHandNode"}

# In the order of their start: what takes longest to import first, while nobody talks yet.
ALL = {**NODES, **FURTHER, **MOCKS}


def parameter_file(namespace: str, parameters: Mapping[str, Mapping[str, Any]]) -> str:
    """What a file holds that gives nodes, by name, the parameters of each.

    Args:
        namespace: of the nodes, with its slash.
    """
    sections = {
        f"{namespace}/{name}": {"ros__parameters": dict(given)}
        for name, given in parameters.items()
    }
    return yaml.safe_dump(sections)
