"""Put a hand on an arm: one URDF for the simulator and for control."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from xml.etree import ElementTree

from unihm.errors import ErrorCode, UnihmError
from unihm.robots.arm_spec import find_arm_file, read_arm_spec, read_arm_urdf
from unihm.robots.kinematics import Hand, load_hand
from unihm.robots.urdf import Urdf
from unihm.robots.urdf_text import fault, resolve_path

logger = logging.getLogger(__name__)
MOUNT_JOINT = "hand_mount"


def assemble(arm: str, hand_name: str) -> str:
    """URDF of ``arm`` with the hand mounted on the flange that the arm's YAML names.

    Link and joint names stay those of the two files. Names in ``<mesh>`` are made absolute, so
    that the text may be loaded from anywhere; what is only drawn is left out where its mesh is not
    there.

    Raises:
        UnihmError: INVALID_HAND_FILE where there is no such flange, names clash, or a mesh to be
            touched is missing; INVALID_CONFIG; UNKNOWN_HAND.
    """
    hand = load_hand(hand_name)
    spec = read_arm_spec(find_arm_file(arm))
    arm_urdf = read_arm_urdf(spec)
    clashes = set(arm_urdf.links) & set(hand.urdf.links)
    clashes |= {j.name for j in arm_urdf.joints} & {j.name for j in hand.urdf.joints}
    if clashes:
        raise UnihmError(
            ErrorCode.INVALID_HAND_FILE,
            f"{_file(arm_urdf).name} and {hand.urdf_path.name} both name "
            f"{', '.join(sorted(clashes))}.",
        )
    robot = copy.deepcopy(arm_urdf.robot)
    robot.set("name", f"{arm_urdf.name}_{hand.name}")
    _absolute_meshes(robot, _file(arm_urdf).absolute().parent)
    robot.append(_mount(spec.flange, hand))
    robot.extend(_hand_elements(hand))
    return ElementTree.tostring(robot, encoding="unicode")


def _file(urdf: Urdf) -> Path:
    assert urdf.path is not None
    return urdf.path


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
    robot = copy.deepcopy(hand.urdf.robot)
    _absolute_meshes(robot, hand.urdf_path.absolute().parent)
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
    for link in robot.iter("link"):
        for kind in ("visual", "collision"):
            for element in link.findall(kind):
                for mesh in element.iter("mesh"):
                    try:
                        path = resolve_path(mesh.get("filename", ""), folder)
                        if not path.is_file():
                            raise fault(f"The mesh {path} does not exist.")
                        mesh.set("filename", str(path))
                    except UnihmError as error:
                        if kind == "collision":
                            raise
                        logger.warning("Not drawn: %s", error.message)
                        link.remove(element)
                        break
