"""The whole robot for other programs: ``robot_description``, and its links as frames of TF.

Frames follow REP 103 (metres, radians, z up) and REP 105 (``world`` is the root of everything).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from xml.etree import ElementTree

import numpy as np

from unihm.robots.assembly import assemble
from unihm.robots.frames import Transform
from unihm.robots.tree import motion_coefficients
from unihm.robots.urdf import Joint, parse_urdf
from unihm.transforms import FloatArray, from_xyz_rpy

WORLD = "world"


class RobotDescription:
    """An arm with its hand, as a URDF that any reader of URDF takes.

    Args:
        arm: a file in ``config/robots``.
        hand: a file in ``config/hands``.
        world: frame that the arm's base stands at the origin of.

    Attributes:
        urdf: the text: meshes are named as ``file://``, and capsules, which few readers know, are
            a cylinder and two spheres each.
        fixed: what never moves, the arm's base in the world first.

    A hand's link that is itself called as the world is (that of the Shadow hand's file is) gets the
    hand's name before its own.

    Raises:
        UnihmError: as :func:`unihm.robots.assembly.assemble`.
    """

    def __init__(self, arm: str, hand: str, world: str = WORLD) -> None:
        text = _rename(assemble(arm, hand), world, f"{hand}_{world}")
        tree = parse_urdf(text)
        self.urdf = _for_everyone(text, tree.root, world)
        self.fixed = (
            Transform(world, tree.root, np.eye(4)),
            *(
                Transform(joint.parent, joint.child, joint.T_parent_joint)
                for joint in tree.joints
                if joint.kind == "fixed"
            ),
        )
        self._moving = tree.moving_joints
        self._coefficients = {
            joint.name: motion_coefficients(joint.T_parent_joint, joint) for joint in self._moving
        }

    def transforms(self, positions: Mapping[str, float]) -> list[Transform]:
        """The moving links whose joint is known.

        Args:
            positions: joint to radians, or metres where it slides. A coupled joint follows the one
                that it mimics, unless its own position is given.
        """
        return [
            Transform(joint.parent, joint.child, self._pose(joint, q))
            for joint in self._moving
            if (q := _position(joint, positions)) is not None
        ]

    def _pose(self, joint: Joint, q: float) -> FloatArray:
        """C0 + sin(q) C1 + cos(q) C2 + q C3, see :mod:`unihm.robots.tree`."""
        powers = np.array([1.0, np.sin(q), np.cos(q), q])
        return np.tensordot(powers, self._coefficients[joint.name], 1)


def _position(joint: Joint, positions: Mapping[str, float]) -> float | None:
    if joint.name in positions or joint.mimic is None:
        return positions.get(joint.name)
    followed = positions.get(joint.mimic.joint)
    return None if followed is None else joint.mimic.multiplier * followed + joint.mimic.offset


def _rename(text: str, old: str, new: str) -> str:
    """The URDF with the link ``old``, if it has one, called ``new``."""
    robot = ElementTree.fromstring(text.encode())
    for link in robot.findall("link"):
        if link.get("name") == old:
            link.set("name", new)
    for end in ("parent", "child"):
        for element in robot.findall(f"joint/{end}"):
            if element.get("link") == old:
                element.set("link", new)
    return ElementTree.tostring(robot, encoding="unicode")


def _for_everyone(text: str, root: str, world: str) -> str:
    robot = ElementTree.fromstring(text.encode())
    for mesh in robot.iter("mesh"):
        mesh.set("filename", f"file://{mesh.get('filename')}")
    for link in robot.findall("link"):
        for tag in ("visual", "collision"):
            for shape in link.findall(tag):
                _replace_capsule(link, shape)
    robot.insert(0, ElementTree.Element("link", name=world))
    joint = ElementTree.SubElement(robot, "joint", name="world_to_arm", type="fixed")
    ElementTree.SubElement(joint, "parent", link=world)
    ElementTree.SubElement(joint, "child", link=root)
    return ElementTree.tostring(robot, encoding="unicode")


def _replace_capsule(link: ElementTree.Element, shape: ElementTree.Element) -> None:
    """Put a cylinder and the spheres at its ends in the place of a capsule (along z)."""
    capsule = shape.find("geometry/capsule")
    if capsule is None:
        return
    radius, length = capsule.get("radius", "0"), capsule.get("length", "0")
    place = shape.find("origin")
    place = ElementTree.Element("origin") if place is None else place
    xyz = np.array([float(word) for word in place.get("xyz", "0 0 0").split()])
    rpy = place.get("rpy", "0 0 0")
    z = from_xyz_rpy(np.zeros(3), [float(word) for word in rpy.split()])[:3, 2]
    index = list(link).index(shape)
    link.remove(shape)
    for along, geometry in (
        (0.0, ElementTree.Element("cylinder", radius=radius, length=length)),
        (0.5, ElementTree.Element("sphere", radius=radius)),
        (-0.5, ElementTree.Element("sphere", radius=radius)),
    ):
        part = copy.deepcopy(shape)
        part.attrib.pop("name", None)
        for old in part.findall("origin"):
            part.remove(old)
        centre = xyz + along * float(length) * z
        origin = {"xyz": " ".join(f"{value:.9g}" for value in centre), "rpy": rpy}
        part.insert(0, ElementTree.Element("origin", origin))
        holder = part.find("geometry")
        assert holder is not None
        holder.clear()
        holder.append(geometry)
        link.insert(index, part)
        index += 1
