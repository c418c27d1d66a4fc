"""The same world in MuJoCo's physics, so that no success rests on the habits of one engine.

SAPIEN renders it and keeps its state between two calls of :meth:`MujocoWorld.step`; what moves,
touches and slips in a step is MuJoCo's doing alone.
"""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import sapien

from unihm.errors import ErrorCode, UnihmError
from unihm.robots.link_meshes import write_collision_meshes
from unihm.sim.bodies import pose_to_sapien, sapien_to_pose
from unihm.sim.export import bodies, mjcf
from unihm.sim.robot import FINGER_GROUP, HAND_ARMATURE, THUMB_GROUP, JointState, Robot
from unihm.sim.world import Snapshot, World
from unihm.transforms import FloatArray

if TYPE_CHECKING:
    import mujoco

# Bits of MuJoCo's contype and conaffinity: whatever has none of its own touches the first.
_ANYTHING, _LINK, _FINGER, _THUMB = 1, 2, 4, 8
_ROBOT = "robot/"  # before the names of its bodies and joints
# kg m^2 of a Franka's motors as its joints feel it, as MuJoCo Menagerie has it; without it a wrist
# that is driven by all that its motor gives is thrown from one side to the other in every step.
_ARM_ARMATURE = 0.1
# Of friction's stiffness to that of the normal; MuJoCo's manual wants more than 1 for what is held.
_CONE_RATIO = 10.0


class MujocoWorld(World):
    """A :class:`World` that MuJoCo advances; same arguments, same methods.

    Raises:
        UnihmError: MISSING_DEPENDENCY without the package mujoco.
    """

    @cached_property
    def _twin(self) -> _Twin:
        return _Twin(self)

    def joint_state(self) -> JointState:
        """Like :meth:`World.joint_state`; the efforts are those of the motors."""
        return replace(super().joint_state(), effort=self._twin.efforts())

    def _advance(self, n: int, pull: Mapping[str, FloatArray]) -> None:
        fixed = {name: T for name, T in self.object_poses().items() if name not in self._bodies}
        self.restore(self._twin.advance(self.snapshot(), fixed, n, pull))

    def _pressures(self) -> Iterator[tuple[str, str, FloatArray, FloatArray]]:
        return self._twin.pressures()


ENGINES: dict[str, type[World]] = {"sapien": World, "mujoco": MujocoWorld}
"""By name: worlds of the same look and of different physics."""


class _Twin:
    """MuJoCo's model and data of a world, and what of them is what there."""

    def __init__(self, world: MujocoWorld) -> None:
        try:
            import mujoco
        except ImportError as error:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                "MuJoCo is not installed; run: pip install mujoco",
            ) from error
        self._mujoco = mujoco
        self.model = self._build(world)
        self.data = mujoco.MjData(self.model)
        # The bodies of the export are in the order of the scene's objects, each before its panel.
        made = [body for body in bodies.bodies_of(world.scene)[2:] if not body.parent]
        self._bodies = {
            item.name: self.model.body(body.name).id
            for item, body in zip(world.scene.objects, made)
        }
        self._names = {number: name for name, number in self._bodies.items()}
        self._names |= {self.model.body("table").id: "table"}
        self._hinges = {
            item.name: (
                self.model.joint(f"{body.name}_panel_joint"),
                item.mechanism.joint.limit * item.opened,
            )
            for item, body in zip(world.scene.objects, made)
            if item.opens
        }
        for name, (joint, _) in self._hinges.items():
            self._names[int(self.model.jnt_bodyid[joint.id])] = f"{name} panel"
        self._q = self._v = self._driven = np.zeros(0, int)
        if world.robot is not None:
            self._index_robot(world.robot)

    # ------------------------------------------------------------------- build

    def _build(self, world: MujocoWorld) -> mujoco.MjModel:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            spec = self._mujoco.MjSpec.from_file(str(mjcf.write(world.scene, folder)))
            spec.option.timestep = 1.0 / world.rate
            spec.option.impratio = _CONE_RATIO
            if world.robot is not None:
                spec.attach(
                    self._robot(world.robot, folder),
                    prefix=_ROBOT,
                    frame=spec.worldbody.add_frame(),
                )
            return spec.compile()

    def _robot(self, robot: Robot, folder: Path) -> mujoco.MjSpec:
        """The robot with the drives, coupled joints and collision groups that it has in SAPIEN."""
        root = ET.fromstring(robot.urdf)
        write_collision_meshes(root, folder)
        for joint in root.iter("joint"):
            for mimic in joint.findall("mimic"):
                joint.remove(mimic)  # tied below
        extension = ET.SubElement(root, "mujoco")
        ET.SubElement(
            extension,
            "compiler",
            meshdir=str(folder),
            discardvisual="true",
            fusestatic="false",
            balanceinertia="true",
        )
        file = folder / "robot.urdf"
        file.write_text(ET.tostring(root, encoding="unicode"))
        spec = self._mujoco.MjSpec.from_file(str(file))
        groups = robot.ignored_groups
        for body in spec.bodies:
            body.gravcomp = 1.0
            own = groups.get(body.name, FINGER_GROUP | THUMB_GROUP)
            for geom in body.geoms:
                geom.contype, geom.conaffinity = _bits(own)
                geom.friction = [robot.friction, 0.005, 0.0001]
                geom.condim = 4
        for name, drive in zip(robot.names, robot.drives):
            actuator = spec.add_actuator(
                name=name, target=name, trntype=self._mujoco.mjtTrn.mjTRN_JOINT
            )
            actuator.set_to_position(kp=drive.stiffness, kv=drive.damping)
            actuator.forcelimited, actuator.forcerange = True, [-drive.limit, drive.limit]
        active = [joint.name for joint in robot.articulation.get_active_joints()]
        coupled = [active[coupling.child] for coupling in robot.couplings]
        for name in robot.names:
            spec.joint(name).armature = _ARM_ARMATURE
        for name in [*robot.hand_names, *coupled]:
            spec.joint(name).armature = HAND_ARMATURE
        for coupling in robot.couplings:
            tie = spec.add_equality(
                type=self._mujoco.mjtEq.mjEQ_JOINT,
                name1=active[coupling.child],
                name2=active[coupling.parent],
            )
            tie.data[:5] = [coupling.offset, coupling.multiplier, 0.0, 0.0, 0.0]
        return spec

    def _index_robot(self, robot: Robot) -> None:
        joints = [
            self.model.joint(_ROBOT + joint.name)
            for joint in robot.articulation.get_active_joints()
        ]
        self._q = np.array([int(joint.qposadr[0]) for joint in joints])
        self._v = np.array([int(joint.dofadr[0]) for joint in joints])
        driven = [self.model.joint(_ROBOT + name) for name in robot.names]
        self._driven = np.array([int(joint.dofadr[0]) for joint in driven])
        for number in range(self.model.nbody):
            name = self.model.body(number).name
            if name.startswith(_ROBOT):
                self._names[number] = name.removeprefix(_ROBOT)

    # --------------------------------------------------------------------- run

    def advance(
        self,
        state: Snapshot,
        fixed: Mapping[str, FloatArray],
        n: int,
        pull: Mapping[str, FloatArray],
    ) -> Snapshot:
        """The state ``n`` steps later, with ``fixed`` objects at their poses (4, 4)."""
        self._take(state, fixed)
        self.data.xfrc_applied[:] = 0.0
        for name, acceleration in pull.items():
            number = self._bodies[name]
            self.data.xfrc_applied[number, :3] = self.model.body_mass[number] * acceleration
        self._mujoco.mj_step(self.model, self.data, n)
        return self._state(state)

    def efforts(self) -> FloatArray:
        """(N,) N m or N of the driven joints' motors in the last step."""
        return self.data.qfrc_actuator[self._driven].copy()

    def pressures(self) -> Iterator[tuple[str, str, FloatArray, FloatArray]]:
        """See :meth:`World._pressures`."""
        wrench = np.zeros(6)
        for number in range(self.data.ncon):
            contact = self.data.contact[number]
            self._mujoco.mj_contactForce(self.model, self.data, number, wrench)
            if not wrench.any():
                continue
            a, b = (
                self._names.get(int(self.model.geom_bodyid[geom]), "floor")
                for geom in (contact.geom1, contact.geom2)
            )
            # Of the contact's frame, whose axes are its rows, on the second body.
            yield a, b, contact.pos.copy(), -contact.frame.reshape(3, 3).T @ wrench[:3]

    def _take(self, state: Snapshot, fixed: Mapping[str, FloatArray]) -> None:
        data = self.data
        data.qpos[self._q], data.qvel[self._v] = state.qpos, state.qvel
        data.ctrl[:] = state.targets
        for name, T in fixed.items():
            pose = pose_to_sapien(T)
            self.model.body_pos[self._bodies[name]] = pose.p
            self.model.body_quat[self._bodies[name]] = pose.q
        for name, (pose, linear, angular) in state.bodies.items():
            q, v = self._free(name)
            data.qpos[q : q + 7] = [*pose.p, *pose.q]
            # In SAPIEN of the centre of mass, here of the frame; there in the world, here in that.
            rotation = sapien_to_pose(pose)[:3, :3]
            data.qvel[v : v + 3] = linear - np.cross(angular, self._to_center(name, rotation))
            data.qvel[v + 3 : v + 6] = rotation.T @ angular
        for name, (opened, speed) in state.articulated.items():
            joint, first = self._hinges[name]
            data.qpos[joint.qposadr[0]] = opened[0] - first
            data.qvel[joint.dofadr[0]] = speed[0]

    def _state(self, before: Snapshot) -> Snapshot:
        data, moved, hinges = self.data, {}, {}
        for name in before.bodies:
            q, v = self._free(name)
            pose = sapien.Pose(data.qpos[q : q + 3], data.qpos[q + 3 : q + 7])
            rotation = sapien_to_pose(pose)[:3, :3]
            angular = rotation @ data.qvel[v + 3 : v + 6]
            linear = data.qvel[v : v + 3] + np.cross(angular, self._to_center(name, rotation))
            moved[name] = pose, linear.astype(np.float32), angular.astype(np.float32)
        for name in before.articulated:
            joint, first = self._hinges[name]
            hinges[name] = (
                np.array([data.qpos[joint.qposadr[0]] + first], np.float32),
                np.array([data.qvel[joint.dofadr[0]]], np.float32),
            )
        return replace(
            before,
            qpos=data.qpos[self._q].astype(np.float32),
            qvel=data.qvel[self._v].astype(np.float32),
            bodies=moved,
            articulated=hinges,
        )

    def _to_center(self, name: str, rotation: FloatArray) -> FloatArray:
        """(3,) from an object's frame to its centre of mass, world."""
        return rotation @ self.model.body_ipos[self._bodies[name]]

    def _free(self, name: str) -> tuple[int, int]:
        """Where a free object's pose and velocity are."""
        joint = int(self.model.body_jntadr[self._bodies[name]])
        return int(self.model.jnt_qposadr[joint]), int(self.model.jnt_dofadr[joint])


def _bits(ignored: int) -> tuple[int, int]:
    """contype and conaffinity of a link that passes through the robot's links of a group.

    Two shapes touch where the contype of one has a bit of the other's conaffinity.
    """
    if ignored == THUMB_GROUP:  # the thumb itself
        return _LINK | _THUMB, _ANYTHING | _FINGER
    if ignored == FINGER_GROUP:
        return _LINK | _FINGER, _ANYTHING | _THUMB
    return _LINK, _ANYTHING
