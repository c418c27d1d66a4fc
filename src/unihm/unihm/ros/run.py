"""Runs one node as a process; ``ros2 run unihm <node>`` and the launch files end here."""

from __future__ import annotations

import importlib

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from unihm.ros.base import UnihmNode

# The graph.
NODES = {
    "capture": "CaptureNode",
    "planner": "PlannerNode",
    "segmentation": "SegmentationNode",
    "generator": "GeneratorNode",
    "decoder": "DecoderNode",
    "refiner": "RefinerNode",
    "coordinator": "CoordinatorNode",
    "arm_controller": "ArmControllerNode",
    "verifier": "VerifierNode",
    "hand_controller": "HandControllerNode",
    "simulation": "SimulationNode",
}

# Nodes that no task needs.
FURTHER = {"markers": "MarkersNode", "retargeter": "RetargeterNode", "viewer": "ViewerNode"}


def node_class(name: str) -> type[UnihmNode]:
    """The class of the node called ``name``; importing it brings only what that node needs."""
    return getattr(importlib.import_module(f"unihm.nodes.{name}"), {**NODES, **FURTHER}[name])


def run_node(name: str, argv: list[str] | None = None) -> int:
    """Run a node until it is told to end."""
    rclpy.init(args=argv)
    node = node_class(name)(name, namespace="unihm")
    autostart = node.declare(
        "autostart", True, "Configure and activate at once, without a life-cycle manager."
    )
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        if autostart:
            node.start()  # a failure is logged, and told to whoever sends a task
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.end()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0
