"""Something that opens, from a URDF of somebody else's: one of its joints moves, the rest stands.

Furniture of the kind of PartNet-Mobility: a tree of links with meshes. Of several joints each is an
object of its own to open, so a scene names the one that it is about.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.errors import ErrorCode, UnihmError
from unihm.robots.link_meshes import link_mesh
from unihm.robots.urdf import Joint, Primitive, Urdf, read_urdf
from unihm.sim.articulated import Articulated, PartJoint, centred
from unihm.sim.meshes import Convex, convex_parts
from unihm.sim.shapes import Part
from unihm.transforms import FloatArray, make_transform

_TURN = np.pi / 2  # of a joint without an end
# N and N m, and 1/s, as of what is procedural: <dynamics>, which few files have, is not read.
_FRICTION = {"prismatic": 1.5, "revolute": 0.1}
_DAMPING = 2.0


def load_articulated(
    path: Path, joint: str = "", scale: float = 1.0, convex: Convex = "decompose"
) -> Articulated:
    """Read a URDF or xacro file as a thing that opens, in metres, in the frame of its bounding box.

    Closed is the end of the joint's range that is nearer to 0, where the other joints stay. Links
    whose name, or whose meshes' names, have "handle" in them are the handle. Friction and damping
    of the joint are those of procedural things, whatever the file says.

    Args:
        path: the file.
        joint: that opens it; empty where there is one only.
        scale: metres per unit of the file.
        convex: how meshes are made touchable.

    Raises:
        UnihmError: INVALID_SCENE for a file that cannot be read, a joint that is not in it, or
            nothing to touch.
    """
    try:
        urdf = read_urdf(path)
        return _articulated(urdf, _joint(urdf, joint), scale, convex)
    except UnihmError as error:
        raise UnihmError(ErrorCode.INVALID_SCENE, error.message) from error


def _joint(urdf: Urdf, name: str) -> Joint:
    joints = {joint.name: joint for joint in urdf.moving_joints if joint.mimic is None}
    if not joints:
        raise _fault(f"Nothing moves in {urdf.path}.")
    if not name and len(joints) == 1:
        return next(iter(joints.values()))
    if name not in joints:
        what = f"no joint '{name}'" if name else f"{len(joints)} joints that move"
        raise _fault(f"{urdf.path} has {what}; set 'joint' to one of {', '.join(joints)}.")
    return joints[name]


def _articulated(urdf: Urdf, joint: Joint, scale: float, convex: Convex) -> Articulated:
    poses = _link_poses(urdf, joint, scale)
    moving = _below(urdf, joint.child)
    body: list[Part] = []
    panel: list[Part] = []
    handle: list[Part] = []
    for link, shape in urdf.shapes:
        grip = "handle" in f"{link} {Path(shape.filename).name}".lower()
        to = body if link not in moving else handle if grip else panel
        to += _parts(urdf, link, shape, poses[link], scale, convex)
    if not panel and not handle:
        raise _fault(f"What '{joint.name}' of {urdf.path} moves has no collision shape.")
    if not body:
        raise _fault(f"What stands of {urdf.path} has no collision shape.")
    # The joint's frame is that of its child, and stays where it is while that moves along or
    # about its axis.
    T = poses[joint.child]
    forwards = abs(joint.lower) <= abs(joint.upper)
    axis = T[:3, :3] @ joint.axis * (1.0 if forwards else -1.0)
    limit = _TURN if joint.kind == "continuous" else joint.upper - joint.lower
    kind: Literal["prismatic", "revolute"]
    kind = "prismatic" if joint.kind == "prismatic" else "revolute"
    if kind == "prismatic":
        limit *= scale
    if not limit > 0:
        raise _fault(f"The joint '{joint.name}' of {urdf.path} has no way to go.")
    x, y, z = (float(value) for value in axis)
    moves = PartJoint(
        kind,
        (x, y, z),
        (float(T[0, 3]), float(T[1, 3]), float(T[2, 3])),
        float(limit),
        _FRICTION[kind],
        _DAMPING,
    )
    return centred(Articulated(tuple(body), tuple(panel), tuple(handle), moves))


def _link_poses(urdf: Urdf, joint: Joint, scale: float) -> dict[str, FloatArray]:
    """(4, 4) of every link in the root's frame, metres: ``joint`` closed, the others at 0."""
    poses = {urdf.root: np.eye(4)}
    for other in urdf.joints:
        T = other.T_parent_joint.copy()
        T[:3, 3] *= scale
        if other is joint and joint.kind != "continuous":
            closed = min(joint.lower, joint.upper, key=abs)
            T = T @ _moved(joint, closed, scale)
        poses[other.child] = poses[other.parent] @ T
    return poses


def _moved(joint: Joint, by: float, scale: float) -> FloatArray:
    if joint.kind == "prismatic":
        return make_transform(np.eye(3), by * scale * joint.axis)
    return make_transform(Rotation.from_rotvec(by * joint.axis).as_matrix(), np.zeros(3))


def _below(urdf: Urdf, link: str) -> set[str]:
    """A link and all that hang on it."""
    found = {link}
    for joint in urdf.joints:  # parents first
        if joint.parent in found:
            found.add(joint.child)
    return found


def _parts(
    urdf: Urdf, link: str, shape: Primitive, T_root_link: FloatArray, scale: float, convex: Convex
) -> list[Part]:
    """Convex pieces of a collision shape in the root's frame."""
    T = shape.T_link_shape.copy()
    T[:3, 3] *= scale
    T = T_root_link @ T
    if shape.kind != "mesh":
        size = tuple(scale * measure for measure in shape.size)
        return [Part(shape.kind, size, T)]  # type: ignore[arg-type]
    # In metres, since it is checked to be no larger than a thing on a table may be.
    mesh = link_mesh(urdf, link, replace(shape, size=tuple(scale * s for s in shape.size)))
    return [Part("convex", T_object_part=T, vertices=v) for v in convex_parts(mesh, convex)]


def _fault(sentence: str) -> UnihmError:
    return UnihmError(ErrorCode.INVALID_SCENE, sentence)
