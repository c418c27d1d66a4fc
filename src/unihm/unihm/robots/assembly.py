"""Put a hand on an arm: one URDF for the simulator and for control."""

from __future__ import annotations

import copy
from pathlib import Path
from xml.etree import ElementTree

from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir
from unihm.robots.kinematics import Hand, load_hand
from unihm.robots.urdf import read_urdf, resolve_path

MOUNT_JOINT = "hand_mount"


def arm_path(arm: str) -> Path:
    """URDF of an arm given by name (``fr3``), by path or as ``package://``."""
    if arm.endswith((".urdf", ".xml")):
        return resolve_path(arm, config_dir() / "robots")
    return config_dir() / "robots" / f"{arm}.urdf"


def assemble(arm: str, hand_name: str) -> str:
    """URDF of ``arm`` with the hand mounted on its flange (the arm's one leaf link).

    Link and joint names stay those of the two files. Names in ``<mesh>`` are made absolute, so
    that the text may be loaded from anywhere.

    Raises:
        UnihmError: INVALID_HAND_FILE where the arm has no single flange or names clash;
            UNKNOWN_HAND.
    """
    hand = load_hand(hand_name)
    path = arm_path(arm)
    arm_urdf = read_urdf(path)
    leaves = set(arm_urdf.links) - {joint.parent for joint in arm_urdf.joints}
    if len(leaves) != 1:
        raise UnihmError(
            ErrorCode.INVALID_HAND_FILE,
            f"{path.name} must end in one flange link; it ends in {', '.join(sorted(leaves))}.",
        )
    clashes = set(arm_urdf.links) & set(hand.urdf.links)
    clashes |= {j.name for j in arm_urdf.joints} & {j.name for j in hand.urdf.joints}
    if clashes:
        raise UnihmError(
            ErrorCode.INVALID_HAND_FILE,
            f"{path.name} and {hand.urdf_path.name} both name {', '.join(sorted(clashes))}.",
        )
    robot = ElementTree.parse(path).getroot()
    robot.set("name", f"{arm_urdf.name}_{hand.name}")
    _absolute_meshes(robot, path.parent)
    robot.append(_mount(leaves.pop(), hand))
    robot.extend(_hand_elements(hand))
    return ElementTree.tostring(robot, encoding="unicode")


def _mount(flange: str, hand: Hand) -> ElementTree.Element:
    joint = ElementTree.Element("joint", name=MOUNT_JOINT, type="fixed")
    mount = hand.spec.mount
    origin = {"xyz": " ".join(map(str, mount.xyz)), "rpy": " ".join(map(str, mount.rpy))}
    ElementTree.SubElement(joint, "origin", origin)
    ElementTree.SubElement(joint, "parent", link=flange)
    ElementTree.SubElement(joint, "child", link=hand.urdf.root)
    return joint


def _hand_elements(hand: Hand) -> list[ElementTree.Element]:
    """Links and joints from the wrist link downwards, with materials written out."""
    robot = copy.deepcopy(ElementTree.parse(hand.urdf_path).getroot())
    _absolute_meshes(robot, hand.urdf_path.parent)
    materials = {m.get("name"): m for m in robot.findall("material")}
    for visual in robot.iter("visual"):
        # A material named alike in the arm's file must not recolour the hand.
        material = visual.find("material")
        if material is not None and len(material) == 0 and material.get("name") in materials:
            visual.remove(material)
            inline = copy.deepcopy(materials[material.get("name")])
            inline.set("name", f"{hand.name}_{material.get('name')}")
            visual.append(inline)
    links, joints = set(hand.urdf.links), {joint.name for joint in hand.urdf.joints}
    return [
        element
        for element in robot
        if (element.tag == "link" and element.get("name") in links)
        or (element.tag == "joint" and element.get("name") in joints)
    ]


def _absolute_meshes(robot: ElementTree.Element, folder: Path) -> None:
    for mesh in robot.iter("mesh"):
        name = mesh.get("filename", "").removeprefix("file://")
        mesh.set("filename", str(resolve_path(name, folder)))
