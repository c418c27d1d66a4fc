"""Arm and hand for ros2_control: a URDF that says which joints it drives, and its controllers.

What is written speaks as the drivers do that the graph knows: a joint_trajectory_controller for
the arm and one for the hand, under the names that our nodes send to. The loop that keeps time is
ros2_control's, in C++.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import yaml

from unihm.files import write_text
from unihm.robots import Hand, load_hand
from unihm.robots.arm import Arm, load_arm
from unihm.robots.description import RobotDescription

ARM_CONTROLLER = "fr3_arm_controller"
HAND_CONTROLLER = "hand_controller"
BROADCASTER = "joint_state_broadcaster"
CONTROLLERS = (BROADCASTER, ARM_CONTROLLER, HAND_CONTROLLER)
#: What stands for the hardware, to its plugin; or give a plugin's own name.
SYSTEMS = {
    "mock": "mock_components/GenericSystem",
    "gazebo": "gz_ros2_control/GazeboSimSystem",
}
RATE = 500  # Hz of the controllers' loop
STATE_RATE = 200  # joint states per second


@dataclass(frozen=True)
class ControlledRobot:
    """The files.

    Attributes:
        urdf: with the element ``ros2_control``.
        controllers: parameters of the controller manager and of :data:`CONTROLLERS`.
    """

    urdf: Path
    controllers: Path


def write(arm_name: str, hand_name: str, folder: Path, system: str = "mock") -> ControlledRobot:
    """Write ``robot.urdf`` and ``controllers.yaml`` into ``folder``.

    Args:
        arm_name: a file in ``config/robots``.
        hand_name: a file in ``config/hands``.
        folder: is made where it is missing.
        system: a name in :data:`SYSTEMS`, or a hardware plugin's.

    Raises:
        UnihmError: as :class:`unihm.robots.description.RobotDescription`.
    """
    files = ControlledRobot(folder / "robot.urdf", folder / "controllers.yaml")
    arm, hand = load_arm(arm_name), load_hand(hand_name)
    folder.mkdir(parents=True, exist_ok=True)
    robot = ElementTree.fromstring(RobotDescription(arm_name, hand_name).urdf.encode())
    robot.append(_control(arm, hand, SYSTEMS.get(system, system)))
    if system == "gazebo":
        robot.append(_gazebo(files.controllers.absolute()))
    ElementTree.indent(robot)
    write_text(files.urdf, ElementTree.tostring(robot, encoding="unicode") + "\n")
    write_text(files.controllers, yaml.safe_dump(_controllers(arm, hand), sort_keys=False))
    return files


def _control(arm: Arm, hand: Hand, plugin: str) -> Element:
    """Which joints are commanded, and where they begin; coupled ones are only read."""
    control = Element("ros2_control", name="unihm", type="system")
    hardware = SubElement(control, "hardware")
    SubElement(hardware, "plugin").text = plugin
    if plugin == SYSTEMS["mock"]:
        SubElement(hardware, "param", name="calculate_dynamics").text = "true"
    starts = {
        **dict(zip(arm.joint_names, arm.home)),
        **dict(zip(hand.all_joint_names, hand.expand(hand.open_joints))),
    }
    bounds = {
        name: (lower, upper)
        for names, lowers, uppers in (
            (arm.joint_names, arm.limits.lower, arm.limits.upper),
            (hand.joint_names, hand.lower, hand.upper),
        )
        for name, lower, upper in zip(names, lowers, uppers)
    }
    for name, start in starts.items():
        joint = SubElement(control, "joint", name=name)
        if name in bounds:
            command = SubElement(joint, "command_interface", name="position")
            for bound, value in zip(("min", "max"), bounds[name]):
                SubElement(command, "param", name=bound).text = f"{value:.9g}"
        state = SubElement(joint, "state_interface", name="position")
        SubElement(state, "param", name="initial_value").text = f"{start:.9g}"
        SubElement(joint, "state_interface", name="velocity")
    return control


def _gazebo(controllers: Path) -> Element:
    """The controller manager inside Gazebo."""
    gazebo = Element("gazebo")
    plugin = SubElement(
        gazebo,
        "plugin",
        filename="gz_ros2_control-system",
        name="gz_ros2_control::GazeboSimROS2ControlPlugin",
    )
    SubElement(plugin, "parameters").text = str(controllers)
    return gazebo


def _controllers(arm: Arm, hand: Hand) -> dict[str, Any]:
    """Node to parameters."""
    trajectories = "joint_trajectory_controller/JointTrajectoryController"
    followers = {ARM_CONTROLLER: arm.joint_names, HAND_CONTROLLER: hand.joint_names}
    return {
        "controller_manager": {
            "ros__parameters": {
                "update_rate": RATE,
                BROADCASTER: {"type": "joint_state_broadcaster/JointStateBroadcaster"},
                **{name: {"type": trajectories} for name in followers},
            }
        },
        BROADCASTER: {"ros__parameters": {"update_rate": STATE_RATE}},
        **{
            name: {
                "ros__parameters": {
                    "joints": list(joints),
                    "command_interfaces": ["position"],
                    "state_interfaces": ["position", "velocity"],
                    "allow_partial_joints_goal": False,
                }
            }
            for name, joints in followers.items()
        },
    }
