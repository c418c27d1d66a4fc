"""The world that stands in for reality: robot, table, objects and camera in SAPIEN physics.

Nothing of the pipeline sees more of it than the camera's images and the joint states; object
poses and contacts are there to measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import sapien
from numpy.typing import ArrayLike, NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.assembly import assemble
from unihm.sim.bodies import add_articulated, add_object, add_table, pose_to_sapien, sapien_to_pose
from unihm.sim.camera import RenderCamera, add_noise
from unihm.sim.robot import JointState, Robot
from unihm.sim.scene import Scene, load_scene
from unihm.sim.studio import add_floor, light, make_scene
from unihm.transforms import FloatArray
from unihm.types import RgbdObservation


@dataclass(frozen=True)
class BodyContact:
    """Two bodies that press on each other.

    Attributes:
        bodies: names of links or objects, or ``table``.
        position: (3,) metres, world: mean of the contact points, weighted by force.
        force: (3,) newtons on the first of the two.
    """

    bodies: tuple[str, str]
    position: FloatArray
    force: FloatArray


@dataclass(frozen=True)
class Snapshot:
    """State of a world at a moment: what :meth:`World.restore` needs."""

    time: float
    qpos: NDArray[np.float32]
    qvel: NDArray[np.float32]
    targets: FloatArray
    bodies: dict[str, tuple[sapien.Pose, NDArray[np.float32], NDArray[np.float32]]]
    articulated: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]


class World:
    """A scene with a robot before it, at rest in its home pose.

    Args:
        scene: a scene, or the name or path of one.
        hand: a hand of ``config/hands``; None: a scene without a robot.
        arm: a robot of ``config/robots``.
        rate: physics steps per second; below 240 grasps slip.
        render: give it a camera; needs a Vulkan driver, of which a software one will do.
        seed: of the camera's noise.

    Raises:
        UnihmError: MISSING_DEPENDENCY where ``render`` finds no Vulkan driver; INVALID_SCENE;
            UNKNOWN_HAND.
    """

    def __init__(
        self,
        scene: Scene | str = "table",
        hand: str | None = "xhand",
        arm: str = "fr3",
        rate: float = 500.0,
        render: bool = True,
        seed: int = 0,
    ) -> None:
        self.scene = scene if isinstance(scene, Scene) else load_scene(scene)
        self.rate = rate
        self.time = 0.0
        self._rng = np.random.default_rng(seed)
        self._rendered = render
        self._physics = make_scene(render)
        self._physics.timestep = 1.0 / rate
        add_floor(self._physics, render)
        add_table(self._physics, self.scene.table, render)
        self._objects = {
            o.name: add_object(self._physics, o, render) for o in self.scene.objects if not o.opens
        }
        self._articulated = {
            o.name: add_articulated(self._physics, o, render) for o in self.scene.objects if o.opens
        }
        self._bodies: dict[str, sapien.physx.PhysxRigidDynamicComponent] = {}
        for name, entity in self._objects.items():
            body = entity.find_component_by_type(sapien.physx.PhysxRigidDynamicComponent)
            if body is not None:
                self._bodies[name] = body
        self._home = np.zeros(0)
        self.robot = self._build_robot(arm, hand, render) if hand is not None else None
        self._cameras: dict[tuple[int, int, float], RenderCamera] = {}
        self._exposed = 0.0
        if render:
            light(self._physics)
        self.reset()

    def _build_robot(self, arm_name: str, hand_name: str, render: bool) -> Robot:
        arm, hand = load_arm(arm_name), load_hand(hand_name)
        self._arm_joints = len(arm)
        self._home = np.concatenate([arm.home, hand.open_joints])
        return Robot(
            self._physics,
            assemble(arm_name, hand_name),
            arm.joint_names,
            hand.joint_names,
            {tip.finger: tip.link for tip in hand.spec.fingertips},
            render,
        )

    # ---------------------------------------------------------------- running

    def step(self, n: int = 1, pull: Mapping[str, FloatArray] | None = None) -> None:
        """Advance by ``n`` physics steps of 1 / ``rate`` seconds.

        Args:
            n: how many.
            pull: by name of an object, the acceleration (3,) m/s^2, world, that it is given on top
                of gravity while they last.
        """
        self._advance(n, pull or {})
        self.time += n / self.rate

    def _advance(self, n: int, pull: Mapping[str, FloatArray]) -> None:
        for _ in range(n):
            for name, acceleration in pull.items():
                self._bodies[name].add_force_torque(
                    np.asarray(acceleration, np.float32), np.zeros(3, np.float32), "acceleration"
                )
            self._physics.step()

    def settle(self, limit: float = 2.0) -> bool:
        """Step until every object lies still, ``limit`` seconds at the most; True if they do."""
        for _ in range(int(limit * self.rate / 10)):
            self.step(10)
            if all(
                np.linalg.norm(body.linear_velocity) < 2e-3
                and np.linalg.norm(body.angular_velocity) < 2e-2
                for body in self._bodies.values()
            ):
                return True
        return False

    def reset(self) -> None:
        """Robot to its home, objects to their places, settled; time to 0."""
        for item in self.scene.objects:
            self.set_object_pose(item.name, item.T_world_object)
            if item.opens:
                self.set_opening(item.name, item.opened)
        if self.robot is not None:
            self.robot.place(self._home)
        self.settle()
        self.time = 0.0

    def snapshot(self) -> Snapshot:
        """The state, to come back to with :meth:`restore`."""
        robot = self.robot
        empty = np.zeros(0, np.float32)
        return Snapshot(
            self.time,
            robot.articulation.get_qpos() if robot else empty,
            robot.articulation.get_qvel() if robot else empty,
            robot.targets if robot else np.zeros(0),
            {
                name: (body.entity.pose, body.linear_velocity, body.angular_velocity)
                for name, body in self._bodies.items()
            },
            {name: (a.get_qpos(), a.get_qvel()) for name, a in self._articulated.items()},
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a state of this world (contact warm starts are not part of it)."""
        self.time = snapshot.time
        if self.robot is not None:
            self.robot.articulation.set_qpos(snapshot.qpos)
            self.robot.articulation.set_qvel(snapshot.qvel)
            self.robot.set_targets(snapshot.targets)
        for name, (pose, linear, angular) in snapshot.bodies.items():
            body = self._bodies[name]
            body.entity.set_pose(pose)
            body.set_linear_velocity(linear)
            body.set_angular_velocity(angular)
            body.wake_up()
        for name, (qpos, qvel) in snapshot.articulated.items():
            self._articulated[name].set_qpos(qpos)
            self._articulated[name].set_qvel(qvel)

    # ------------------------------------------------------- what drivers offer

    def set_arm_targets(self, positions: ArrayLike) -> FloatArray:
        """Position targets (n,) rad of the arm, base to flange; returns what was sent, clipped."""
        return self._robot.set_targets(np.asarray(positions, float), 0, self._arm_joints)

    def set_hand_targets(self, positions: ArrayLike) -> FloatArray:
        """Position targets (J,) of the hand's independent joints; returns what was sent."""
        return self._robot.set_targets(np.asarray(positions, float), self._arm_joints)

    def joint_state(self) -> JointState:
        """Arm joints, then the hand's independent joints."""
        return self._robot.joint_state()

    def observe(self) -> RgbdObservation:
        """A registered image pair of the scene's fixed camera, with its noise."""
        self.expose()
        return self.read_out()

    def expose(self) -> None:
        """Begin to render what the scene's camera sees now; :meth:`read_out` has the images.

        The world may be stepped in between, best until :attr:`is_exposed`.
        """
        self._scene_camera.capture(self.scene.camera.T_world_camera, self._where_all_is())
        self._exposed = self.time

    def _where_all_is(self) -> FloatArray:
        """(n,) joints and poses, by which an image differs from another."""
        poses = [entity.pose for entity in self._objects.values()]
        poses += [built.get_root_pose() for built in self._articulated.values()]
        joints = [built.get_qpos() for built in self._articulated.values()]
        if self.robot is not None:
            joints.append(self.robot.articulation.get_qpos())
        return np.concatenate([np.zeros(0), *joints, *([*pose.p, *pose.q] for pose in poses)])

    @property
    def is_exposed(self) -> bool:
        """The images are there, so that reading them probably keeps nobody waiting."""
        return self._scene_camera.is_ready

    def read_out(self) -> RgbdObservation:
        """The images of the last :meth:`expose`, stamped with its time."""
        camera, renderer = self.scene.camera, self._scene_camera
        depth = add_noise(camera.noise, renderer.depth(), camera.K[0, 0], self._rng)
        return RgbdObservation(
            renderer.rgb(), depth, camera.K, camera.T_world_camera, stamp=self._exposed
        )

    # ------------------------------------------------------ what only tests see

    def object_poses(self) -> dict[str, FloatArray]:
        """T_world_object (4, 4) of every object; its frame is the bounding box's centre."""
        poses = {name: sapien_to_pose(entity.pose) for name, entity in self._objects.items()}
        for name, built in self._articulated.items():
            poses[name] = sapien_to_pose(built.get_root_pose())
        return {item.name: poses[item.name] for item in self.scene.objects}

    def object_joints(self) -> dict[str, float]:
        """How far what opens is open, by name: metres or radians."""
        return {name: float(built.get_qpos()[0]) for name, built in self._articulated.items()}

    def openings(self) -> dict[str, float]:
        """How far what opens is open, by name: 0 closed, 1 all the way."""
        return self.scene.openings(self.object_joints())

    def set_opening(self, name: str, share: float) -> None:
        """Open something at once, from 0, closed, to 1."""
        built = self._articulated[name]
        limit = self.scene.object(name).mechanism.joint.limit
        built.set_qpos(np.array([share * limit], np.float32))
        built.set_qvel(np.zeros(1, np.float32))

    def set_object_pose(self, name: str, T_world_object: FloatArray) -> None:
        """Put an object somewhere at once, at rest; of what opens, its body."""
        if name in self._articulated:
            self._articulated[name].set_root_pose(pose_to_sapien(T_world_object))
            return
        self._objects[name].set_pose(pose_to_sapien(T_world_object))
        if name in self._bodies:
            self._bodies[name].set_linear_velocity(np.zeros(3))
            self._bodies[name].set_angular_velocity(np.zeros(3))
            self._bodies[name].wake_up()

    def link_pose(self, link: str) -> FloatArray:
        """T_world_link (4, 4) of a link of the robot."""
        return self._robot.link_pose(link)

    @property
    def entity_ids(self) -> dict[str, int]:
        """What :meth:`RenderCamera.entity_ids` shows for every object; of what opens, its body."""
        ids = {name: entity.per_scene_id for name, entity in self._objects.items()}
        for name, built in self._articulated.items():
            ids[name] = built.get_links()[0].entity.per_scene_id
        return ids

    def contacts(self) -> list[BodyContact]:
        """Pairs of bodies with a force between them in the last step, one entry per pair."""
        points: dict[tuple[str, str], list[FloatArray]] = {}
        for a, b, position, force in self._pressures():
            # A pair may come in either order; the force is that on the first.
            pair, sign = ((a, b), 1.0) if (b, a) not in points else ((b, a), -1.0)
            points.setdefault(pair, []).append(np.concatenate([position, sign * force]))
        found = []
        for pair, rows in points.items():
            positions, forces = np.split(np.array(rows), 2, axis=1)
            weights = np.linalg.norm(forces, axis=1)
            center = np.average(positions, axis=0, weights=weights)
            found.append(BodyContact(pair, center, forces.sum(axis=0)))
        return found

    def _pressures(self) -> Iterator[tuple[str, str, FloatArray, FloatArray]]:
        """Points with a force: the two bodies, the place (3,), and the force (3,) on the first."""
        for contact in self._physics.physx_system.get_contacts():
            a, b = (body.entity.name for body in contact.bodies)
            for point in contact.points:
                if point.impulse.any():
                    yield a, b, point.position.astype(float), point.impulse * self.rate

    @property
    def _scene_camera(self) -> RenderCamera:
        camera = self.scene.camera
        return self.camera(camera.width, camera.height, camera.fov)

    def camera(self, width: int, height: int, fov: float) -> RenderCamera:
        """A camera of that size and vertical field of view (radians); made once, then reused.

        Raises:
            UnihmError: MISSING_DEPENDENCY in a world without rendering.
        """
        if not self._rendered:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                "This world was made without rendering (render=False).",
            )
        key = (width, height, fov)
        if key not in self._cameras:
            self._cameras[key] = RenderCamera(self._physics, width, height, fov)
        return self._cameras[key]

    def render_view(
        self,
        T_world_camera: FloatArray,
        width: int = 640,
        height: int = 480,
        fov: float = 0.8,
    ) -> NDArray[np.uint8]:
        """(height, width, 3) colour image from any optical camera pose (4, 4), for people."""
        renderer = self.camera(width, height, fov)
        renderer.capture(T_world_camera)
        return renderer.rgb()

    @property
    def _robot(self) -> Robot:
        if self.robot is None:
            raise UnihmError(ErrorCode.UNKNOWN_HAND, "This world has no robot (hand=None).")
        return self.robot
