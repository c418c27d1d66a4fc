"""Read a URDF: the tree of links and joints, mimic joints and collision primitives.

Only what kinematics, assembly and checks need; meshes are named, not loaded. Every fault of
a file is an ``INVALID_HAND_FILE`` with one sentence.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.transforms import FloatArray, from_xyz_rpy

MOVING = ("revolute", "prismatic", "continuous")


def _fault(sentence: str) -> UnihmError:
    return UnihmError(ErrorCode.INVALID_HAND_FILE, sentence)


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
    """A tree of links; ``joints`` are ordered parents first."""

    name: str
    root: str
    links: tuple[str, ...]
    joints: tuple[Joint, ...]
    shapes: tuple[tuple[str, Primitive], ...]
    path: Path | None = None

    @property
    def moving_joints(self) -> tuple[Joint, ...]:
        """Joints that are not fixed, parents first."""
        return tuple(joint for joint in self.joints if joint.kind in MOVING)


def resolve_path(reference: str, folder: Path) -> Path:
    """Find a file named relative to ``folder``, absolutely, as ``~/...`` or as ``package://``.

    ``package://name/rest`` is looked for on ``ROS_PACKAGE_PATH`` and under ``share/`` of
    ``AMENT_PREFIX_PATH``.
    """
    if not reference.startswith("package://"):
        path = Path(reference).expanduser()
        return path if path.is_absolute() else folder / path
    package, _, rest = reference.removeprefix("package://").partition("/")
    roots = [Path(p) / "share" for p in os.environ.get("AMENT_PREFIX_PATH", "").split(":") if p]
    roots += [Path(p) for p in os.environ.get("ROS_PACKAGE_PATH", "").split(":") if p]
    for root in roots:
        if (root / package / rest).is_file():
            return root / package / rest
    raise _fault(
        f"{reference}: no package '{package}' with that file; source its workspace "
        "(AMENT_PREFIX_PATH) or give the path of the file."
    )


def read_urdf(path: Path, root: str | None = None) -> Urdf:
    """Parse a file; see :func:`parse_urdf`."""
    try:
        text = path.read_text()
    except OSError as error:
        raise _fault(f"The URDF {path} cannot be read: {error.strerror}.") from error
    return parse_urdf(text, root, path)


def parse_urdf(text: str, root: str | None = None, path: Path | None = None) -> Urdf:
    """Parse a URDF, from the link ``root`` downwards (default: the tree's own root).

    Raises:
        UnihmError: INVALID_HAND_FILE where the text is no URDF, a link is missing or has two
            parents, the joints form a cycle, or a mimic joint follows none.
    """
    where = str(path) if path else "the URDF"
    try:
        robot = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        raise _fault(f"{where} is not XML: {error}.") from error
    if robot.tag != "robot":
        raise _fault(f"{where} is not a URDF: its outermost element is <{robot.tag}>.")
    links = [element.get("name", "") for element in robot.findall("link")]
    repeated = sorted({name for name in links if links.count(name) > 1})
    if repeated:
        raise _fault(f"{where} has more than one link named {', '.join(repeated)}.")
    joints = [_joint(element, where) for element in robot.findall("joint")]
    _check_tree(links, joints, where)
    tree_root = (set(links) - {joint.child for joint in joints}).pop()
    if root is not None and root not in links:
        raise _fault(f"{where} has no link '{root}'; its root is '{tree_root}'.")
    kept, ordered = _walk(root or tree_root, joints)
    moving = {joint.name: joint for joint in ordered if joint.kind in MOVING}
    for joint in moving.values():
        if joint.mimic and (master := moving.get(joint.mimic.joint)) is None:
            raise _fault(
                f"{where}: '{joint.name}' mimics '{joint.mimic.joint}', which is no moving joint."
            )
        elif joint.mimic and master is not None and master.mimic:
            raise _fault(f"{where}: '{joint.name}' mimics '{master.name}', itself a mimic joint.")
    shapes = [
        (link.get("name", ""), primitive)
        for link in robot.findall("link")
        if link.get("name") in kept
        for collision in link.findall("collision")
        if (primitive := _primitive(collision)) is not None
    ]
    return Urdf(
        robot.get("name", "robot"),
        root or tree_root,
        tuple(name for name in links if name in kept),
        tuple(ordered),
        tuple(shapes),
        path,
    )


def _floats(element: ElementTree.Element | None, name: str, default: str) -> list[float]:
    text = default if element is None else element.get(name, default)
    return [float(word) for word in text.split()]


def _origin(element: ElementTree.Element) -> FloatArray:
    origin = element.find("origin")
    return from_xyz_rpy(_floats(origin, "xyz", "0 0 0"), _floats(origin, "rpy", "0 0 0"))


def _joint(element: ElementTree.Element, where: str) -> Joint:
    name, kind = element.get("name", ""), element.get("type", "fixed")
    parent, child = element.find("parent"), element.find("child")
    if parent is None or child is None:
        raise _fault(f"{where}: joint '{name}' lacks its parent or child link.")
    if kind not in (*MOVING, "fixed"):
        raise _fault(f"{where}: joint '{name}' is '{kind}'; only {', '.join(MOVING)} and fixed go.")
    limit, mimic = element.find("limit"), element.find("mimic")
    try:
        axis = np.array(_floats(element.find("axis"), "xyz", "1 0 0"))
        # A continuous joint may turn for ever, yet a solver needs bounds: one turn.
        bound = str(np.pi) if kind == "continuous" else "0"
        return Joint(
            name,
            kind,
            parent.get("link", ""),
            child.get("link", ""),
            _origin(element),
            axis / max(float(np.linalg.norm(axis)), 1e-12),
            _floats(limit, "lower", f"-{bound}")[0],
            _floats(limit, "upper", bound)[0],
            _floats(limit, "velocity", "inf")[0],
            _floats(limit, "effort", "inf")[0],
            None
            if mimic is None
            else Mimic(
                mimic.get("joint", ""),
                _floats(mimic, "multiplier", "1")[0],
                _floats(mimic, "offset", "0")[0],
            ),
        )
    except ValueError as error:
        raise _fault(f"{where}: joint '{name}' holds what is not a number: {error}.") from error


def _check_tree(links: list[str], joints: list[Joint], where: str) -> None:
    known = set(links)
    parents: dict[str, str] = {}
    for joint in joints:
        for link in (joint.parent, joint.child):
            if link not in known:
                raise _fault(f"{where}: joint '{joint.name}' names a missing link '{link}'.")
        if joint.child in parents:
            raise _fault(f"{where}: link '{joint.child}' has two parent joints.")
        parents[joint.child] = joint.parent
    for link in links:
        seen = {link}
        while link in parents:
            link = parents[link]
            if link in seen:
                raise _fault(f"{where}: the joints form a cycle through link '{link}'.")
            seen.add(link)
    roots = [link for link in links if link not in parents]
    if len(roots) != 1:
        raise _fault(f"{where} must have one root link; it has {', '.join(roots) or 'none'}.")


def _walk(root: str, joints: list[Joint]) -> tuple[set[str], list[Joint]]:
    """Links below ``root``, and the joints between them, depth first."""
    kept, ordered, stack = {root}, [], [joint for joint in joints if joint.parent == root][::-1]
    while stack:
        joint = stack.pop()
        ordered.append(joint)
        kept.add(joint.child)
        stack += [child for child in joints if child.parent == joint.child][::-1]
    return kept, ordered


def _primitive(collision: ElementTree.Element) -> Primitive | None:
    geometry = collision.find("geometry")
    if geometry is None or len(geometry) == 0:
        return None
    shape, pose = geometry[0], _origin(collision)
    if shape.tag == "box":
        return Primitive("box", pose, tuple(_floats(shape, "size", "0 0 0")))
    if shape.tag == "sphere":
        return Primitive("sphere", pose, tuple(_floats(shape, "radius", "0")))
    if shape.tag in ("cylinder", "capsule"):
        size = _floats(shape, "radius", "0") + _floats(shape, "length", "0")
        return Primitive(shape.tag, pose, tuple(size))
    if shape.tag == "mesh":
        scale = tuple(_floats(shape, "scale", "1 1 1"))
        return Primitive("mesh", pose, scale, shape.get("filename", ""))
    return None
