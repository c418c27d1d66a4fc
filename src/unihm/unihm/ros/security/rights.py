"""What each node says and hears, asked of the nodes themselves, as the names of DDS topics."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rclpy.node import Node
from rclpy.parameter import Parameter

from unihm.ros.commander import Commander
from unihm.ros.context import new_context
from unihm.ros.roster import FURTHER, NODES
from unihm.ros.run import node_class
from unihm.ros.teleop import Teleoperator

# What every participant exchanges: the graph, and the clock of a simulation.
_GRAPH = "ros_discovery_info"
_CLOCKS = ("rt/clock", "rt/*/clock")  # of one robot, and below robot_namespace
# The page makes its subscriptions with the page itself; it hears what there is, and says little.
_VIEWER = ("rt/joint_states", "rt/robot_description")
_APART = 101  # a DDS domain where nothing else runs


@dataclass(frozen=True)
class Rights:
    """DDS topics that a participant may write to and read."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def graph_rights(
    namespace: str, hand: str, protocol: str = "", robot_namespace: str = ""
) -> dict[str, Rights]:
    """Enclave to rights, of every node of the graph and of the clients.

    The nodes are made, not started, in a domain of their own, and say what they use.

    Args:
        namespace: that the graph runs in.
        hand: that is mounted.
        protocol: that its driver is spoken to in; empty: the hand file's. Each has its topics.
        robot_namespace: of drivers and camera.

    Raises:
        UnihmError: of a node that could not be made.
    """
    context = new_context(_APART)
    rights = {}
    try:
        for name in [*NODES, *FURTHER]:
            node = node_class(name)(
                name,
                namespace=namespace,
                context=context,
                use_global_arguments=False,
                parameter_overrides=[
                    Parameter("hand", value=hand),
                    Parameter("protocol", value=protocol),
                    Parameter("robot_namespace", value=robot_namespace),
                ],
            )
            if name in ("hand_controller", "follower"):  # their topics are the driver's
                node.load()
            more = (*_VIEWER, f"rt/{namespace}/*") if name == "viewer" else ()
            rights[node.get_fully_qualified_name()] = _rights_of(node, more)
            node.end()
            node.destroy_node()
    finally:
        context.try_shutdown()
    with Commander(namespace, "commander", domain_id=_APART) as commander:
        rights[f"/{namespace}/commander"] = _rights_of(commander.node)
    with Teleoperator(
        hand=hand, namespace=namespace, robot_namespace=robot_namespace, domain_id=_APART
    ) as robot:
        rights[f"/{namespace}/teleop"] = _rights_of(robot.node)
    return rights


def _rights_of(node: Node, also_hears: tuple[str, ...] = ()) -> Rights:
    me = node.get_name(), node.get_namespace()
    says = [f"rt{topic}" for topic, _ in node.get_publisher_names_and_types_by_node(*me)]
    hears = [f"rt{topic}" for topic, _ in node.get_subscriber_names_and_types_by_node(*me)]
    answers = [service for service, _ in node.get_service_names_and_types_by_node(*me)]
    asks = [service for service, _ in node.get_client_names_and_types_by_node(*me)]
    says += [f"rr{service}Reply" for service in answers]
    hears += [f"rq{service}Request" for service in answers]
    says += [f"rq{service}Request" for service in asks]
    hears += [f"rr{service}Reply" for service in asks]
    return Rights((_GRAPH, *says), (_GRAPH, *_CLOCKS, *hears, *also_hears))


def refusal(keystore: Path, enclave: str) -> str:
    """Why a node cannot begin with a keystore on this machine, in its DDS's words; empty: it can.

    Args:
        keystore: folder.
        enclave: whose keys to try.
    """
    environment = {
        **os.environ,
        "ROS_SECURITY_KEYSTORE": str(keystore.resolve()),
        "ROS_SECURITY_ENABLE": "true",
        "ROS_SECURITY_STRATEGY": "Enforce",
        "ROS_SECURITY_ENCLAVE_OVERRIDE": enclave,
    }
    script = "import rclpy; rclpy.init(); rclpy.create_node('try_keys')"
    tried = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60.0,
        check=False,
    )
    if tried.returncode == 0:
        return ""
    error = tried.stderr.split("RCLError: ")[-1]
    return " ".join(line.strip() for line in error.splitlines() if line.strip())
