"""A robot in the simulator: a URDF with drives, coupled joints and collision groups.

The gains and limits are those under which grasps hold: arm 2000 N m/rad, hand 10 N m/rad, both
limited to the effort of the URDF, at 500 Hz. Links carry no weight, as a real arm and hand
compensate for their own.
"""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sapien
from numpy.typing import ArrayLike

from unihm.errors import ErrorCode, UnihmError
from unihm.robots.link_meshes import write_collision_meshes
from unihm.sim.bodies import pose_to_sapien, sapien_to_pose
from unihm.sim.skin import cover_mount, smooth_links
from unihm.transforms import FloatArray

# Inertia of a geared motor as its joint feels it, kg m^2: finger links are so light that without
# it they chatter where thumb and fingers press on each other.
HAND_ARMATURE = 1e-3
FINGER_GROUP, THUMB_GROUP = 1 << 9, 1 << 10  # shapes that share a bit do not touch


@dataclass(frozen=True)
class JointState:
    """What the drivers of arm and hand would report.

    Attributes:
        names: the driven joints, arm first, then the hand's independent joints.
        position: (N,) radians, metres for sliding joints.
        velocity: (N,) per second.
        effort: (N,) N m or N: the torque of each motor, without that which bears the robot's
            own weight.
    """

    names: tuple[str, ...]
    position: FloatArray
    velocity: FloatArray
    effort: FloatArray


@dataclass(frozen=True)
class Drive:
    """Position drive of a joint: torque = k (target - q) - d qdot, within +-limit."""

    stiffness: float
    damping: float
    limit: float


def arm_drive(effort: float, prismatic: bool) -> Drive:
    """Drive of an arm joint or, with ``prismatic``, of an axis of a free-flying wrist."""
    return Drive(8000.0, 800.0, effort) if prismatic else Drive(2000.0, 200.0, effort)


def hand_drive(effort: float, prismatic: bool) -> Drive:
    """Drive of a hand joint; some vendors' efforts are placeholders, hence the bounds."""
    if prismatic:
        return Drive(1000.0, 50.0, min(effort, 60.0))
    return Drive(10.0, 0.3, min(effort, 2.0))


class Robot:
    """Articulation with named joints; targets are held until the next ones.

    Args:
        scene: where it is built.
        urdf: the description; every link and joint of arm and hand in one.
        arm_joints: joints of the arm, base to flange (empty where there is none).
        hand_joints: independent joints of the hand, in the hand file's order.
        finger_links: the link of each finger's pad by the finger's name, ``thumb`` and others;
            they tell which links are the thumb's.
        render: keep ``<visual>``, which needs a Vulkan driver.
        friction: of every link.

    Attributes:
        urdf, friction: as given.
        names: of the driven joints, arm first.
        hand_names: of those of the hand.
        ignored_groups: by link, :data:`FINGER_GROUP`, :data:`THUMB_GROUP` or both: it passes
            through links that ignore the same.
    """

    def __init__(
        self,
        scene: sapien.Scene,
        urdf: str,
        arm_joints: Sequence[str],
        hand_joints: Sequence[str],
        finger_links: Mapping[str, str],
        render: bool,
        friction: float = 0.8,
    ) -> None:
        self.urdf, self.friction, self.hand_names = urdf, friction, tuple(hand_joints)
        self.articulation = _load(scene, urdf, render, friction)
        joints = self.articulation.get_active_joints()
        self._index = {joint.name: i for i, joint in enumerate(joints)}
        missing = [name for name in [*arm_joints, *hand_joints] if name not in self._index]
        if missing:
            raise UnihmError(
                ErrorCode.INVALID_HAND_FILE, f"The URDF has no moving joint '{missing[0]}'."
            )
        self.names = (*arm_joints, *hand_joints)
        self._arm = np.array([self._index[n] for n in arm_joints], int)
        self._hand = np.array([self._index[n] for n in hand_joints], int)
        self._driven = np.concatenate([self._arm, self._hand])
        self._joints = [joints[i] for i in self._driven]
        efforts = _efforts(urdf)
        self.drives = [
            (arm_drive if i < len(arm_joints) else hand_drive)(
                efforts.get(joint.name, 50.0), joint.type == "prismatic"
            )
            for i, joint in enumerate(self._joints)
        ]
        for joint, drive in zip(self._joints, self.drives):
            joint.set_drive_properties(drive.stiffness, drive.damping, drive.limit)
        for joint in self._joints[len(arm_joints) :]:
            joint.set_armature(np.array([HAND_ARMATURE], np.float32))
        # Where each driven joint is in the joint forces: its link, and force or torque along x.
        links = self.articulation.get_links()
        self._sensors = (
            np.array([links.index(joint.child_link) for joint in self._joints]),
            np.array([0 if joint.type == "prismatic" else 3 for joint in self._joints]),
        )
        limits = self.articulation.get_qlimits()
        self.lower, self.upper = limits[self._driven].astype(float).T
        self.couplings = _couplings(urdf, self._index)
        # Coupled joints that no tendon can tie; they follow the command.
        self._followers: list[tuple[Any, Coupling]] = []
        for coupling in self.couplings:
            joint = joints[coupling.child]
            joint.set_armature(np.array([HAND_ARMATURE], np.float32))
            if not _tie(self.articulation, coupling):
                drive = hand_drive(efforts.get(joint.name, 50.0), joint.type == "prismatic")
                joint.set_drive_properties(drive.stiffness, drive.damping, drive.limit)
                self._followers.append((joint, coupling))
        self._links = {link.name: link for link in self.articulation.get_links()}
        for link in self._links.values():
            link.set_disable_gravity(True)
        self.ignored_groups = self._ignored_groups(finger_links)
        for name, link in self._links.items():
            for shape in link.get_collision_shapes():
                shape.set_collision_groups([1, 1, self.ignored_groups[name], 0])
        self._targets = np.zeros(len(self._driven))

    @property
    def targets(self) -> FloatArray:
        """(N,) position targets in force, in the order of ``names``."""
        return self._targets.copy()

    def set_targets(
        self, targets: ArrayLike, start: int = 0, stop: int | None = None
    ) -> FloatArray:
        """Send targets to the driven joints ``start`` to ``stop`` (by default all).

        Returns:
            (stop - start,) what was sent after clipping to the joint limits.

        Raises:
            UnihmError: INVALID_MOTION for another number of joints or a value not finite.
        """
        values = np.asarray(targets, float)
        joints = self._joints[start:stop]
        if values.shape != (len(joints),) or not np.isfinite(values).all():
            raise UnihmError(
                ErrorCode.INVALID_MOTION,
                f"Targets must be {len(joints)} finite numbers, not {values.tolist()}.",
            )
        sent = np.clip(values, self.lower[start:stop], self.upper[start:stop])
        for joint, value, old in zip(joints, sent, self._targets[start:stop]):
            if value != old:
                joint.set_drive_target(value)
        self._targets[start:stop] = sent
        if self._followers:
            q = self._expand(self._targets)
            for joint, coupling in self._followers:
                joint.set_drive_target(q[coupling.child])
        return sent

    def place(self, positions: ArrayLike) -> None:
        """Put the driven joints at ``positions`` (N,), and the coupled ones with them, at rest."""
        q = self._expand(np.clip(positions, self.lower, self.upper))
        self.articulation.set_qpos(q)
        self.articulation.set_qvel(np.zeros_like(q))
        self._targets[:] = np.nan  # so that every drive is told
        self.set_targets(q[self._driven])

    def _expand(self, driven: FloatArray) -> FloatArray:
        """Driven joints (N,) to all joints of the articulation, coupled ones following."""
        q = np.zeros(self.articulation.dof)
        q[self._driven] = driven
        for coupling in self.couplings:
            q[coupling.child] = coupling.multiplier * q[coupling.parent] + coupling.offset
        return q

    def joint_state(self) -> JointState:
        """Positions, velocities and torques of the driven joints.

        The torques are those that the joints transmit, as a torque sensor sees them. The drives'
        own law would not do: at rest under contact the solver leaves small errors of position and
        velocity that stiff gains turn into several newton metres.
        """
        q = self.articulation.get_qpos()[self._driven].astype(float)
        v = self.articulation.get_qvel()[self._driven].astype(float)
        forces = self.articulation.get_link_incoming_joint_forces().astype(float)
        return JointState(self.names, q, v, forces[self._sensors[0], self._sensors[1]])

    def link_pose(self, name: str) -> FloatArray:
        """(4, 4) T_world_link."""
        return sapien_to_pose(self._links[name].entity_pose)

    def set_root_pose(self, T_world_root: FloatArray) -> None:
        """Move the base of the robot at once."""
        self.articulation.set_root_pose(pose_to_sapien(T_world_root))

    @property
    def link_names(self) -> tuple[str, ...]:
        """All links of the URDF."""
        return tuple(self._links)

    def _ignored_groups(self, finger_links: Mapping[str, str]) -> dict[str, int]:
        """The thumb touches the other fingers, and no other pair of the robot's links touches.

        Neighbouring links overlap in most descriptions: with every pair on, a robot never rests.
        """
        chains = {finger: self._chain(link) for finger, link in finger_links.items()}
        thumb = chains.pop("thumb", set())
        fingers = set[str]().union(*chains.values())
        groups = dict.fromkeys(self._links, FINGER_GROUP | THUMB_GROUP)
        groups |= dict.fromkeys(thumb - fingers, THUMB_GROUP)
        return groups | dict.fromkeys(fingers - thumb, FINGER_GROUP)

    def _chain(self, name: str) -> set[str]:
        """Names of the link and all its ancestors."""
        names: set[str] = set()
        link = self._links[name]
        while link is not None:
            names.add(link.name)
            link = link.parent
        return names


@dataclass(frozen=True)
class Coupling:
    """Mimic joint by indices of the articulation: q[child] = multiplier q[parent] + offset."""

    child: int
    parent: int
    multiplier: float
    offset: float


def _couplings(urdf: str, index: dict[str, int]) -> list[Coupling]:
    """The ``<mimic>`` elements, masters before those that depend on them."""
    found = []
    for joint in ET.fromstring(urdf).findall("joint"):
        mimic = joint.find("mimic")
        if mimic is not None:
            found.append(
                Coupling(
                    index[joint.get("name", "")],
                    index[mimic.get("joint", "")],
                    float(mimic.get("multiplier", 1.0)),
                    float(mimic.get("offset", 0.0)),
                )
            )
    ordered: list[Coupling] = []
    while found:
        waiting = {c.child for c in found}
        ready = [c for c in found if c.parent not in waiting]
        if not ready:
            raise UnihmError(ErrorCode.INVALID_HAND_FILE, "Mimic joints depend on each other.")
        ordered += ready
        found = [c for c in found if c.parent in waiting]
    return ordered


def _efforts(urdf: str) -> dict[str, float]:
    limits = {j.get("name", ""): j.find("limit") for j in ET.fromstring(urdf).findall("joint")}
    return {n: float(e.get("effort", 0)) or 50.0 for n, e in limits.items() if e is not None}


def _load(
    scene: sapien.Scene, urdf: str, render: bool, friction: float
) -> sapien.physx.PhysxArticulation:
    """Build the articulation; the base is fixed, mimic joints are left free."""
    root = ET.fromstring(urdf)
    if not render:  # render materials need a Vulkan driver
        for link in root.iter("link"):
            for visual in link.findall("visual"):
                link.remove(visual)
    loader = scene.create_urdf_loader()
    loader.set_material(friction, friction, 0.0)
    with tempfile.TemporaryDirectory() as folder:  # the loader takes files alone
        touched = write_collision_meshes(root, Path(folder))
        file = Path(folder) / "robot.urdf"
        file.write_text(ET.tostring(root, encoding="unicode"))
        builder = loader.parse(str(file))[0][0]
        articulation = builder.build(fix_root_link=True, build_mimic_joints=False)
    for link in articulation.get_links():
        if link.name in touched and not link.get_collision_shapes():
            raise UnihmError(
                ErrorCode.INVALID_HAND_FILE,
                f"The simulator makes no body of the collision shape of link '{link.name}': is its "
                "mesh flat?",
            )
    if render:
        smooth_links(articulation, urdf)
        cover_mount(articulation)
    return articulation


def _tie(articulation: sapien.physx.PhysxArticulation, coupling: Coupling) -> bool:
    """Tie a coupled joint to its master further up the same finger by a soft fixed tendon.

    The loader's own tendons (stiffness 1e5, no damping) explode. False where the master is on
    another branch or the robot's first joint, where no tendon can be.
    """
    joints = articulation.get_active_joints()
    child, master = joints[coupling.child].child_link, joints[coupling.parent].child_link
    chain, link = [child], child.parent
    while link is not None and link is not master:
        chain.insert(0, link)
        link = link.parent
    if link is None or master.parent is None:
        return False
    between = [0.0] * (len(chain) - 1)
    articulation.create_fixed_tendon(
        [master.parent, master, *chain],
        [0.0, -coupling.multiplier, *between, 1.0],
        [0.0, -1 / coupling.multiplier, *between, 1.0],
        rest_length=coupling.offset,
        stiffness=100.0,
        damping=1.0,
    )
    return True
