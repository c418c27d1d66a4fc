"""A hand that can be asked where its links, pads and keypoints are (pinocchio, one pose at a time).

For batches see :mod:`unihm.robots.numpy_kinematics`, for gradients
:mod:`unihm.robots.torch_kinematics`; both evaluate :mod:`unihm.robots.tree` and are tested against
this.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from functools import lru_cache
from xml.etree import ElementTree

import numpy as np
import pinocchio as pin
from numpy.typing import ArrayLike

from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir
from unihm.robots.spec import HandSpec, LinkPoint, find_hand_file, read_spec
from unihm.robots.tree import KinematicTree
from unihm.robots.urdf import Primitive, Urdf, read_urdf
from unihm.robots.urdf_text import resolve_path, split_arguments
from unihm.transforms import FloatArray, from_xyz_rpy, make_transform


@lru_cache(maxsize=64)
def load_hand(name: str) -> Hand:
    """Load a hand by name (``xhand``, ``xhand_left``, ...) or by the path of its hand file.

    Raises:
        UnihmError: UNKNOWN_HAND or INVALID_HAND_FILE.
    """
    return Hand(read_spec(find_hand_file(name)))


class Hand:
    """Kinematics and data of one hand. Points are metres in the frame of the wrist link.

    ``q`` is always (J,): the independent joints in the order of ``joint_names``. Coupled
    (mimic) joints follow them: q_all = E q + e, applied here and not left to pinocchio, whose
    parser refuses a mimic joint that stands before its master. The limits are the URDF's,
    narrowed where a coupled joint would leave its own.
    """

    def __init__(self, spec: HandSpec) -> None:
        self.spec = spec
        self.name, self.side = spec.name, spec.side
        reference, arguments = split_arguments(spec.urdf)
        # A file beside the hand's own wins over the one that comes with the project.
        self.urdf_path = resolve_path(reference, spec.path.parent)
        if not self.urdf_path.is_file():
            self.urdf_path = resolve_path(reference, config_dir() / "robots")
        self.urdf: Urdf = read_urdf(self.urdf_path, spec.wrist_link, arguments)
        self.joint_names = spec.joints
        self.finger_names: tuple[str, ...] = tuple(tip.finger for tip in spec.fingertips)
        self.all_joint_names = tuple(joint.name for joint in self.urdf.moving_joints)
        self._check_names()
        self.tree = KinematicTree.of(self.urdf, self.joint_names)
        self._read_limits()
        y_palm = np.cross(spec.palm.normal, spec.palm.approach)
        palm_axes = np.stack([spec.palm.approach, y_palm, spec.palm.normal], axis=1)
        self.T_wrist_palm: FloatArray = make_transform(palm_axes, spec.palm.xyz)
        self.T_flange_wrist: FloatArray = from_xyz_rpy(spec.mount.xyz, spec.mount.rpy)
        self.open_joints = self.clip(spec.poses["open"])
        self.pregrasp_joints = self.clip(spec.poses["pregrasp"])
        self.closed_joints = self.clip(spec.poses["closed"])
        self.shapes: tuple[tuple[str, Primitive], ...] = self.urdf.shapes
        self._build_model()

    def __repr__(self) -> str:
        return f"Hand({self.name}, {self.num_joints} joints, {len(self.finger_names)} fingers)"

    @property
    def num_joints(self) -> int:
        """J."""
        return len(self.joint_names)

    def clip(self, q: ArrayLike) -> FloatArray:
        """Nearest joints (..., J) within the limits."""
        return np.clip(np.asarray(q, float), self.lower, self.upper)

    def closed_share(self, q: ArrayLike) -> float:
        """How far joints (J,) have closed the hand: 0 open, 1 its fist."""
        way = self.closed_joints - self.open_joints
        return float((np.asarray(q, float) - self.open_joints) @ way / (way @ way))

    def expand(self, q: ArrayLike) -> FloatArray:
        """Values (..., M) of all moving joints, coupled ones included, as ``all_joint_names``."""
        return np.asarray(q, float) @ self.tree.expansion.T + self.tree.offset

    def link_poses(self, q: ArrayLike) -> dict[str, FloatArray]:
        """Pose (4, 4) of every link in the wrist frame."""
        data = self._forward(q)
        return {link: data.oMf[i].homogeneous for link, i in self._frames.items()}

    def fingertips(self, q: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Pad centres (F, 3) and their outward unit normals (F, 3), as ``finger_names``."""
        poses = self.link_poses(q)
        tips = self.spec.fingertips
        points = np.array([poses[t.link][:3, :3] @ t.xyz + poses[t.link][:3, 3] for t in tips])
        normals = np.array([poses[t.link][:3, :3] @ t.normal for t in tips])
        return points, normals

    def fingertip_jacobian(self, q: ArrayLike) -> FloatArray:
        """d(pad centre)/dq, (F, 3, J)."""
        return self.point_jacobian(q, [LinkPoint(t.link, t.xyz) for t in self.spec.fingertips])

    def keypoints(self, q: ArrayLike) -> FloatArray:
        """The 21 human keypoints (21, 3) on this hand; NaN where it has none."""
        poses = self.link_poses(q)
        points = np.full((21, 3), np.nan)
        for i, point in enumerate(self.spec.keypoints):
            if point is not None:
                points[i] = poses[point.link][:3, :3] @ point.xyz + poses[point.link][:3, 3]
        return points

    def point_jacobian(self, q: ArrayLike, points: list[LinkPoint]) -> FloatArray:
        """d(point)/dq of points fixed to links, (N, 3, J)."""
        data = self._forward(q)
        pin.computeJointJacobians(self.model, data)
        jacobian = np.zeros((len(points), 3, self.num_joints))
        for i, point in enumerate(points):
            frame = self._frames[point.link]
            spatial = pin.getFrameJacobian(
                self.model, data, frame, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED
            )
            arm = data.oMf[frame].rotation @ np.array(point.xyz)
            at_point = spatial[:3] - pin.skew(arm) @ spatial[3:]
            jacobian[i] = at_point @ self._velocity_expansion
        return jacobian

    def _check_names(self) -> None:
        free = [joint.name for joint in self.urdf.moving_joints if joint.mimic is None]
        missing = sorted(set(self.joint_names) - set(self.all_joint_names))
        coupled = sorted(set(self.joint_names) & set(self.all_joint_names) - set(free))
        unnamed = sorted(set(free) - set(self.joint_names))
        named = {tip.link for tip in self.spec.fingertips}
        named |= {point.link for point in self.spec.keypoints if point is not None}
        links = sorted(named - set(self.urdf.links))
        for names, what in (
            (missing, "not in the URDF"),
            (coupled, "mimic joints there, so not independent"),
            (unnamed, "moving joints of the URDF that the hand file leaves out"),
            (links, "no links of the URDF"),
        ):
            if names:
                raise UnihmError(
                    ErrorCode.INVALID_HAND_FILE,
                    f"{self.spec.path.name} and {self.urdf_path.name} disagree: "
                    f"{', '.join(names)}: {what}.",
                )

    def _read_limits(self) -> None:
        by_name = {joint.name: joint for joint in self.urdf.moving_joints}
        own = [by_name[name] for name in self.joint_names]
        self.lower: FloatArray = np.array([joint.lower for joint in own])
        self.upper: FloatArray = np.array([joint.upper for joint in own])
        self.velocity_limit: FloatArray = np.array([joint.velocity for joint in own])
        self.effort_limit: FloatArray = np.array([joint.effort for joint in own])
        for joint in self.urdf.moving_joints:
            if joint.mimic is None or joint.mimic.multiplier == 0:
                continue
            j = self.joint_names.index(joint.mimic.joint)
            bounds = (np.array([joint.lower, joint.upper]) - joint.mimic.offset) / (
                joint.mimic.multiplier
            )
            self.lower[j] = max(self.lower[j], bounds.min())
            self.upper[j] = min(self.upper[j], bounds.max())
        if (self.lower > self.upper).any():
            names = [n for n, bad in zip(self.joint_names, self.lower > self.upper) if bad]
            raise UnihmError(
                ErrorCode.INVALID_HAND_FILE,
                f"{self.urdf_path.name}: no value of {', '.join(names)} is within its limits.",
            )

    def _build_model(self) -> None:
        self.model = build_model(self.urdf)
        self._frames = {link: link_frame(self.model, link) for link in self.urdf.links}
        ids = [self.model.getJointId(name) for name in self.all_joint_names]
        self._columns = np.array([self.model.joints[i].idx_q for i in ids], int)
        self._velocity_expansion = np.zeros((self.model.nv, self.num_joints))
        self._velocity_expansion[self._columns] = self.tree.expansion
        self._local = threading.local()

    def _forward(self, q: ArrayLike) -> pin.Data:
        q = np.asarray(q, float)
        if q.shape != (self.num_joints,):
            raise UnihmError(
                ErrorCode.INVALID_MOTION,
                f"{self.name} has {self.num_joints} joints; the values have shape {q.shape}.",
            )
        if not hasattr(self._local, "data"):
            self._local.data = self.model.createData()
        data = self._local.data
        values = np.zeros(self.model.nq)
        values[self._columns] = self.expand(q)
        pin.forwardKinematics(self.model, data, values)
        pin.updateFramePlacements(self.model, data)
        return data


def build_model(urdf: Urdf, frozen: Collection[str] = ()) -> pin.Model:
    """The tree alone for pinocchio: no shapes, inertias or mimic tags, continuous joints bounded.

    Args:
        urdf: what it is made of.
        frozen: moving joints that stay at zero.
    """
    robot = ElementTree.Element("robot", name=urdf.name)
    for link in urdf.links:
        ElementTree.SubElement(robot, "link", name=link)
    for joint in urdf.joints:
        kind = "revolute" if joint.kind == "continuous" else joint.kind
        if joint.name in frozen:
            kind = "fixed"
        element = ElementTree.SubElement(robot, "joint", name=joint.name, type=kind)
        rotation = pin.rpy.matrixToRpy(joint.T_parent_joint[:3, :3])
        origin = {"xyz": _text(joint.T_parent_joint[:3, 3]), "rpy": _text(rotation)}
        ElementTree.SubElement(element, "origin", origin)
        ElementTree.SubElement(element, "parent", link=joint.parent)
        ElementTree.SubElement(element, "child", link=joint.child)
        if kind != "fixed":
            ElementTree.SubElement(element, "axis", xyz=_text(joint.axis))
            limits = {"lower": str(joint.lower), "upper": str(joint.upper)}
            ElementTree.SubElement(element, "limit", {**limits, "velocity": "1", "effort": "1"})
    return pin.buildModelFromXML(ElementTree.tostring(robot, encoding="unicode"))


def link_frame(model: pin.Model, link: str) -> int:
    """The frame of a link; a joint may have the same name."""
    return model.getFrameId(link, pin.FrameType.BODY)


def joint_of(frame: pin.Frame) -> int:
    """Index of the joint that moves ``frame``; pinocchio 2 (for NumPy 1) names it otherwise."""
    return frame.parentJoint if hasattr(frame, "parentJoint") else frame.parent


def _text(values: ArrayLike) -> str:
    return " ".join(repr(float(value)) for value in np.asarray(values))
