"""Read a URDF: the tree of links and joints, mimic joints and collision primitives.

Only what kinematics, assembly and checks need; meshes are named, not loaded. Every fault of
a file is an ``INVALID_HAND_FILE`` with one sentence. Its text is read by
:mod:`unihm.robots.urdf_text`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from unihm.robots.urdf_text import fault, parse_robot, read_robot
from unihm.transforms import FloatArray, from_xyz_rpy

MOVING = ("revolute", "prismatic", "continuous")
_KINDS = (*MOVING, "fixed")
#: Eigenvalues of an inertia may be this share of the largest below zero: what rounding leaves.
_INERTIA_ROUNDING = 1e-6


@dataclass(frozen=True)
class Mimic:
    """value = multiplier * value(joint) + offset."""

    joint: str
    multiplier: float
    offset: float


@dataclass(frozen=True)
class Joint:
    """A joint; units radians and metres, velocity per second, effort Nm or N."""

    name: str
    kind: str
    parent: str
    child: str
    T_parent_joint: FloatArray
    axis: FloatArray
    lower: float
    upper: float
    velocity: float
    effort: float
    mimic: Mimic | None


@dataclass(frozen=True)
class Primitive:
    """A collision shape in the frame of its link.

    Attributes:
        kind: ``box``, ``sphere``, ``cylinder``, ``capsule`` (both along z) or ``mesh``.
        T_link_shape: (4, 4).
        size: box: full side lengths (3,); sphere: (radius,); cylinder and capsule: (radius,
            length between the end discs or the centres of the end spheres); mesh: scale (3,).
        filename: of a mesh, else empty.
    """

    kind: str
    T_link_shape: FloatArray
    size: tuple[float, ...]
    filename: str = ""


@dataclass(frozen=True)
class Urdf:
    """A tree of links; ``joints`` are ordered parents first.

    Attributes:
        name: of the robot.
        root: the link that the tree hangs on.
        links, joints: below it.
        shapes: (link, collision shape).
        path: of the file; None of a text.
        robot: all of the file, xacro expanded; not to be changed.
    """

    name: str
    root: str
    links: tuple[str, ...]
    joints: tuple[Joint, ...]
    shapes: tuple[tuple[str, Primitive], ...]
    path: Path | None = None
    robot: ElementTree.Element = field(
        default_factory=lambda: ElementTree.Element("robot"), compare=False, repr=False
    )

    @property
    def moving_joints(self) -> tuple[Joint, ...]:
        """Joints that are not fixed, parents first."""
        return tuple(joint for joint in self.joints if joint.kind in MOVING)


def read_urdf(
    path: Path, root: str | None = None, arguments: Mapping[str, str] | None = None
) -> Urdf:
    """Read a URDF or xacro file, with ``arguments`` for xacro; see :func:`parse_urdf`."""
    return _urdf(read_robot(path, arguments), root, path)


def parse_urdf(text: str, root: str | None = None) -> Urdf:
    """Parse a URDF, from the link ``root`` downwards (default: the tree's own root).

    What lies above ``root`` may be what it likes; below it everything is checked.

    Raises:
        UnihmError: INVALID_HAND_FILE where the text is no URDF, a link is missing or has two
            parents, the joints form a cycle, a name is given twice, a number is none, a shape or
            an inertia is impossible, or a mimic joint follows none.
    """
    return _urdf(parse_robot(text, "the URDF"), root, None)


def _urdf(robot: ElementTree.Element, root: str | None, path: Path | None) -> Urdf:
    where = str(path) if path else "the URDF"
    links = [element.get("name", "") for element in robot.findall("link")]
    elements = robot.findall("joint")
    for what, names in (("link", links), ("joint", [e.get("name", "") for e in elements])):
        if "" in names:
            raise fault(f"{where} has a {what} without a name.")
        repeated = sorted(name for name, count in Counter(names).items() if count > 1)
        if repeated:
            raise fault(f"{where} has more than one {what} named {', '.join(repeated)}.")
    pairs = [_ends(element, where) for element in elements]
    tree_root = _check_tree(links, pairs, where)
    if root is not None and root not in links:
        raise fault(f"{where} has no link '{root}'; its root is '{tree_root}'.")
    kept, order = _walk(root or tree_root, pairs)
    joints = _masters(tuple(_joint(elements[i], where) for i in order), where)
    shapes: list[tuple[str, Primitive]] = []
    for link in robot.findall("link"):
        name = link.get("name", "")
        if name in kept:
            _check_inertia(link, where)
            shapes += [
                (name, primitive)
                for collision in link.findall("collision")
                if (primitive := _primitive(collision, f"{where}: link '{name}'")) is not None
            ]
    return Urdf(
        robot.get("name", "robot"),
        root or tree_root,
        tuple(name for name in links if name in kept),
        joints,
        tuple(shapes),
        path,
        robot,
    )


def _numbers(
    element: ElementTree.Element | None, name: str, default: str, count: int, where: str
) -> list[float]:
    """The finite numbers of an attribute, separated by spaces."""
    text = default if element is None else element.get(name, default)
    tag = "" if element is None else f"<{element.tag}> "
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        wish = "a number" if count == 1 else f"{count} numbers separated by spaces"
        raise fault(f'{where}: {tag}{name}="{text}" is not {wish}.')
    return values


def _origin(element: ElementTree.Element, where: str) -> FloatArray:
    origin = element.find("origin")
    xyz = _numbers(origin, "xyz", "0 0 0", 3, where)
    return from_xyz_rpy(xyz, _numbers(origin, "rpy", "0 0 0", 3, where))


def _ends(element: ElementTree.Element, where: str) -> tuple[str, str, str]:
    """Name, parent link and child link of a joint."""
    name = element.get("name", "")
    parent, child = element.find("parent"), element.find("child")
    if parent is None or child is None:
        raise fault(f"{where}: joint '{name}' lacks its parent or child link.")
    return name, parent.get("link", ""), child.get("link", "")


def _joint(element: ElementTree.Element, where: str) -> Joint:
    name, parent, child = _ends(element, where)
    where, kind = f"{where}: joint '{name}'", element.get("type", "")
    if kind not in _KINDS:
        raise fault(f"{where} is '{kind}'; only {', '.join(MOVING)} and fixed go.")
    limit, mimic = element.find("limit"), element.find("mimic")
    axis = np.array([1.0, 0.0, 0.0])
    lower = upper = 0.0
    velocity = effort = np.inf
    if kind != "fixed":
        axis = np.array(_numbers(element.find("axis"), "xyz", "1 0 0", 3, where))
        if np.linalg.norm(axis) < 1e-6:
            raise fault(f"{where} has the axis 0 0 0: it could not move.")
        if limit is not None and "velocity" in limit.keys():  # noqa: SIM118 an element is no dict
            velocity = _numbers(limit, "velocity", "", 1, where)[0]
        if limit is not None and "effort" in limit.keys():  # noqa: SIM118
            effort = _numbers(limit, "effort", "", 1, where)[0]
        if kind == "continuous":
            # It may turn for ever, whatever limits are written, yet a solver needs bounds: a turn.
            lower, upper = -np.pi, np.pi
        elif limit is None:
            raise fault(f"{where} is {kind} and has no <limit>.")
        else:
            lower = _numbers(limit, "lower", "0", 1, where)[0]
            upper = _numbers(limit, "upper", "0", 1, where)[0]
    return Joint(
        name,
        kind,
        parent,
        child,
        _origin(element, where),
        axis / np.linalg.norm(axis),
        lower,
        upper,
        velocity,
        effort,
        None
        if mimic is None or kind == "fixed"
        else Mimic(
            mimic.get("joint", ""),
            _numbers(mimic, "multiplier", "1", 1, where)[0],
            _numbers(mimic, "offset", "0", 1, where)[0],
        ),
    )


def _masters(joints: tuple[Joint, ...], where: str) -> tuple[Joint, ...]:
    """The joints, where one that mimics a mimic joint mimics that one's master."""
    moving = {joint.name: joint for joint in joints if joint.kind in MOVING}

    def mimic(joint: Joint, followers: tuple[str, ...] = ()) -> Mimic | None:
        own = joint.mimic
        if own is None:
            return None
        if joint.name in followers:
            raise fault(f"{where}: {', '.join(followers)} mimic each other.")
        if own.joint not in moving:
            raise fault(f"{where}: '{joint.name}' mimics '{own.joint}', which is no moving joint.")
        if own.multiplier == 0:
            raise fault(
                f"{where}: '{joint.name}' mimics '{own.joint}' with the multiplier 0, so that it "
                "never moves: make it a fixed joint."
            )
        above = mimic(moving[own.joint], (*followers, joint.name))
        if above is None:
            return own
        return Mimic(
            above.joint,
            own.multiplier * above.multiplier,
            own.multiplier * above.offset + own.offset,
        )

    return tuple(
        replace(joint, mimic=mimic(joint)) if joint.name in moving else joint for joint in joints
    )


def _check_tree(links: list[str], joints: list[tuple[str, str, str]], where: str) -> str:
    """The link that all others hang on."""
    known = set(links)
    parents: dict[str, str] = {}
    for name, parent, child in joints:
        for link in (parent, child):
            if link not in known:
                raise fault(f"{where}: joint '{name}' names a missing link '{link}'.")
        if child in parents:
            raise fault(f"{where}: link '{child}' has two parent joints.")
        parents[child] = parent
    rooted: set[str] = set()
    for start in links:
        link, way = start, [start]
        while link in parents and link not in rooted:
            link = parents[link]
            if link == start:
                raise fault(f"{where}: the joints form a cycle through link '{link}'.")
            way.append(link)
            if len(way) > len(links):
                raise fault(f"{where}: the joints form a cycle above link '{start}'.")
        rooted.update(way)
    roots = [link for link in links if link not in parents]
    if len(roots) != 1:
        raise fault(f"{where} must have one root link; it has {', '.join(roots) or 'none'}.")
    return roots[0]


def _walk(root: str, joints: list[tuple[str, str, str]]) -> tuple[set[str], list[int]]:
    """Links below ``root``, and the indices of the joints between them, depth first."""
    below: dict[str, list[int]] = {}
    for index, (_, parent, _) in enumerate(joints):
        below.setdefault(parent, []).append(index)
    kept, order, stack = {root}, [], below.get(root, [])[::-1]
    while stack:
        index = stack.pop()
        order.append(index)
        kept.add(joints[index][2])
        stack += below.get(joints[index][2], [])[::-1]
    return kept, order


def _check_inertia(link: ElementTree.Element, where: str) -> None:
    """Mass and inertia as a simulator can take them: whole, and not negative."""
    inertial = link.find("inertial")
    if inertial is None:
        return
    where = f"{where}: link '{link.get('name')}'"
    _origin(inertial, where)
    weight, inertia = inertial.find("mass"), inertial.find("inertia")
    if weight is None or inertia is None:
        raise fault(f"{where} has an <inertial> that lacks its <mass> or <inertia>.")
    mass = _numbers(weight, "value", "", 1, where)[0]
    if mass < 0:
        raise fault(f"{where} has the mass {mass:g} kg.")
    xx, xy, xz, yy, yz, zz = (
        _numbers(inertia, name, "", 1, where)[0]
        for name in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
    )
    values = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    if values[0] < -_INERTIA_ROUNDING * max(values[-1], 1e-12):
        raise fault(f"{where} has an inertia that is not positive: {values[0]:.3g} kg m^2.")


def _primitive(collision: ElementTree.Element, where: str) -> Primitive | None:
    geometry = collision.find("geometry")
    if geometry is None or len(geometry) == 0:
        return None
    shape, pose = geometry[0], _origin(collision, where)
    if shape.tag == "mesh":
        if not shape.get("filename"):
            raise fault(f"{where} has a <mesh> without a filename.")
        scale = _numbers(shape, "scale", "1 1 1", 3, where)
        if 0 in scale:
            raise fault(f"{where} has a mesh of scale {shape.get('scale')}.")
        return Primitive("mesh", pose, tuple(scale), shape.get("filename", ""))
    measures = _MEASURES.get(shape.tag)
    if measures is None:
        raise fault(
            f"{where} has a collision shape <{shape.tag}>; there are "
            f"{', '.join(_MEASURES)} and mesh."
        )
    size = [
        value
        for name, count in measures
        for value in _numbers(shape, name, "", count, f"{where}: its collision shape")
    ]
    if min(size) <= 0:
        raise fault(f"{where} has a <{shape.tag}> of size {' '.join(f'{v:g}' for v in size)}.")
    return Primitive(shape.tag, pose, tuple(size))


#: Attributes that say how large a shape is, and how many numbers each has.
_MEASURES = {
    "box": (("size", 3),),
    "sphere": (("radius", 1),),
    "cylinder": (("radius", 1), ("length", 1)),
    "capsule": (("radius", 1), ("length", 1)),
}
