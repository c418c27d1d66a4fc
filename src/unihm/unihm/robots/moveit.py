"""Arm and hand for MoveIt 2: its parameters, made from the same URDF as everything else."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import yaml

from unihm.files import write_text
from unihm.robots import Hand, load_hand
from unihm.robots.arm import Arm, load_arm
from unihm.robots.assembly import MOUNT_JOINT
from unihm.robots.collision import APART, CollisionModel
from unihm.robots.description import RobotDescription
from unihm.robots.urdf import Urdf, parse_urdf

ARM_GROUP, HAND_GROUP = "arm", "hand"
_ADAPTERS = {
    "request_adapters": [
        f"default_planning_request_adapters/{name}"
        for name in (
            "ResolveConstraintFrames",
            "ValidateWorkspaceBounds",
            "CheckStartStateBounds",
            "CheckStartStateCollision",
        )
    ],
    "response_adapters": [
        f"default_planning_response_adapters/{name}"
        for name in ("AddTimeOptimalParameterization", "ValidateSolution")
    ],
}
_PLANNING_SECONDS = 2.0
_SPEED = {"max_velocity_scaling_factor": 1.0, "max_acceleration_scaling_factor": 1.0}


@dataclass(frozen=True)
class MoveItFiles:
    """What ``move_group`` and MoveIt's setup assistant read.

    Attributes:
        urdf: the robot.
        srdf: its groups, its home, and which links need not be looked at for collisions.
        parameters: of a node with MoveIt in it, the two files above among them.
    """

    urdf: Path
    srdf: Path
    parameters: Path


def moveit_parameters(arm_name: str, hand_name: str) -> dict[str, Any]:
    """Parameters of a node with MoveIt (Jazzy or newer) in it, nested as in a YAML file.

    Args:
        arm_name: a file in ``config/robots``.
        hand_name: a file in ``config/hands``.

    Raises:
        UnihmError: as :class:`unihm.robots.description.RobotDescription`.
    """
    arm, hand = load_arm(arm_name), load_hand(hand_name)
    urdf = RobotDescription(arm_name, hand_name).urdf
    pipelines = {
        "ompl": ("ompl_interface/OMPLPlanner", "RRTConnectkConfigDefault"),
        "pilz_industrial_motion_planner": ("pilz_industrial_motion_planner/CommandPlanner", "PTP"),
    }
    first = "ompl"
    return {
        "robot_description": urdf,
        "robot_description_semantic": srdf(arm, hand, urdf),
        "robot_description_kinematics": {
            ARM_GROUP: {
                "kinematics_solver": "kdl_kinematics_plugin/KDLKinematicsPlugin",
                "kinematics_solver_search_resolution": 0.005,
                "kinematics_solver_timeout": 0.05,
            }
        },
        "robot_description_planning": {
            "joint_limits": {
                name: {
                    "has_velocity_limits": True,
                    "max_velocity": float(velocity),
                    "has_acceleration_limits": True,
                    "max_acceleration": float(acceleration),
                    "has_jerk_limits": True,
                    "max_jerk": float(jerk),
                }
                for name, velocity, acceleration, jerk in zip(
                    arm.joint_names,
                    arm.limits.velocity,
                    arm.limits.acceleration,
                    arm.limits.jerk,
                )
            },
            # Of the straight lines and arcs of Pilz: m/s, m/s^2, rad/s.
            "cartesian_limits": {
                "max_trans_vel": 0.5,
                "max_trans_acc": 1.0,
                "max_trans_dec": -1.0,
                "max_rot_vel": 1.0,
            },
        },
        "planning_pipelines": {"pipeline_names": list(pipelines)},
        **{
            name: {"planning_plugins": [plugin], "default_planner_config": planner, **_ADAPTERS}
            for name, (plugin, planner) in pipelines.items()
        },
        "plan_request_params": {
            "planning_pipeline": first,
            "planner_id": pipelines[first][1],
            "planning_attempts": 1,
            "planning_time": _PLANNING_SECONDS,
            **_SPEED,
        },
        "planning_scene_monitor_options": {
            "name": "planning_scene_monitor",
            "robot_description": "robot_description",
            "joint_state_topic": "/joint_states",
            "attached_collision_object_topic": "planning_scene_monitor/attached_collision_object",
            "publish_planning_scene_topic": "planning_scene_monitor/planning_scene",
            "monitored_planning_scene_topic": "planning_scene_monitor/monitored_planning_scene",
            "wait_for_initial_state_timeout": 0.0,  # we say where every joint is
        },
    }


def srdf(arm: Arm, hand: Hand, urdf: str) -> str:
    """Groups ``arm`` and ``hand``, the state ``home``, and the pairs of links that are let alone.

    Let alone are links less than :data:`~unihm.robots.collision.APART` joints from each other, the
    fingers among themselves, and what touches at home with an open hand, as in
    :class:`~unihm.robots.collision.CollisionModel`.

    Args:
        arm: that carries the hand.
        hand: at its flange.
        urdf: text of both together.
    """
    tree = parse_urdf(urdf)
    robot = Element("robot", name=tree.name)
    group = SubElement(robot, "group", name=ARM_GROUP)
    SubElement(group, "chain", base_link=tree.root, tip_link=arm.spec.flange)
    group = SubElement(robot, "group", name=HAND_GROUP)
    for name in hand.all_joint_names:
        SubElement(group, "joint", name=name)
    SubElement(robot, "end_effector", name="mounted", group=HAND_GROUP, parent_link=arm.spec.flange)
    for which, names, values in (
        (ARM_GROUP, arm.joint_names, arm.home),
        (HAND_GROUP, hand.all_joint_names, hand.expand(hand.open_joints)),
    ):
        state = SubElement(robot, "group_state", name="home", group=which)
        for name, value in zip(names, values):
            SubElement(state, "joint", name=name, value=f"{value:.9g}")
    touching = CollisionModel(arm, hand).touching
    behind = _joints_before(tree, arm)
    solid = dict.fromkeys(link for link, _ in tree.shapes)
    for one, other in combinations(solid, 2):
        if abs(behind[one] - behind[other]) < APART:
            reason = "Adjacent"
        elif frozenset((one, other)) in touching:
            reason = "Default"
        else:
            continue
        SubElement(robot, "disable_collisions", link1=one, link2=other, reason=reason)
    ElementTree.indent(robot)
    return ElementTree.tostring(robot, encoding="unicode") + "\n"


def write(arm_name: str, hand_name: str, folder: Path) -> MoveItFiles:
    """Write ``robot.urdf``, ``robot.srdf`` and ``moveit.yaml`` into ``folder``, which is made.

    Raises:
        UnihmError: as :func:`moveit_parameters`.
    """
    files = MoveItFiles(folder / "robot.urdf", folder / "robot.srdf", folder / "moveit.yaml")
    parameters = moveit_parameters(arm_name, hand_name)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(files.urdf, parameters["robot_description"])
    write_text(files.srdf, parameters["robot_description_semantic"])
    everyone = {"/**": {"ros__parameters": parameters}}
    write_text(files.parameters, yaml.safe_dump(everyone, sort_keys=False))
    return files


def _joints_before(tree: Urdf, arm: Arm) -> dict[str, int]:
    """Joints of the arm that move each link; the hand's links count as one more joint."""
    before = {tree.root: 0}
    for joint in tree.joints:
        count = before[joint.parent] + (joint.name in arm.joint_names)
        before[joint.child] = len(arm) + 1 if joint.name == MOUNT_JOINT else count
    return before
