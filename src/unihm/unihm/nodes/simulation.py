"""The simulated robot and camera behind the topics and actions of the real drivers."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory
from unihm_msgs import msg

from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.ros import conversions
from unihm.ros.base import UnihmNode
from unihm.ros.course import Course, course_from_msg
from unihm.ros.qos import LATCHED, RELIABLE, SENSOR
from unihm.ros.trajectory_client import FollowJointTrajectory
from unihm.sim.mujoco_world import ENGINES
from unihm.types import FloatArray

RATE = 100.0  # set-points per second given to the physics
MEASURING_RATE = 20.0  # ground truth per second
MOST_BEHIND = 0.5  # s of real time that are made up for after a slow image
CAMERA_FRAME = "zed_left_camera_frame_optical"


class SimulationNode(UnihmNode):
    """Steps the world, follows the commands of arm and hand, and publishes what is sensed.

    What only the simulator knows is published under ``sim/`` and is for measuring.
    """

    stage = "simulation"
    batch = 0.0

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.scene = self.declare("scene", "table", "Scene: a name in config/scenes, or a path.")
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        simulator = self.declare("simulator", "sapien", f"Whose physics: {', '.join(ENGINES)}.")
        if simulator not in ENGINES:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"There is no simulator '{simulator}'; use {', '.join(ENGINES)}.",
            )
        self._engine = ENGINES[simulator]
        self.factor = self.declare(
            "real_time_factor", 1.0, "Simulated per real seconds; 0: as fast as it can.", 0.0, 100.0
        )
        self.camera_rate = self.declare(
            "camera_rate", 3.0, "Images per second; 0: none.", 0.0, 60.0
        )
        self.joint_rate = self.declare("joint_rate", 50.0, "Joint states per second.", 1.0, RATE)
        self.seed = self.declare("seed", 0, "Of the camera's noise.", 0, 2**31 - 1)
        controller = self.declare(
            "arm_controller", "/fr3_arm_controller", "Where the arm's trajectories are taken."
        )
        hand_topic = self.declare(
            "hand_topic", "/hand_controller/joint_trajectory", "Where the hand's are taken."
        )
        camera = self.declare("camera", "/zed/zed_node", "Namespace of the camera's topics.")
        self.simulated_time = bool(self.get_parameter("use_sim_time").value)
        self._lock = threading.Lock()  # the stepping thread against the executor
        self._courses: dict[str, Course] = {}
        self._reset = False
        self._time = 0.0
        self._exposed: Time | None = None  # stamp of the image that is being rendered
        self._running = False
        self._loop = threading.Thread(target=self._run, name=name, daemon=True)
        self._clock_topic = self.publisher(Clock, "/clock", RELIABLE)
        self._joints = self.publisher(JointState, "/joint_states", RELIABLE)
        self._rgb = self.publisher(Image, f"{camera}/rgb/color/rect/image", RELIABLE)
        self._rgb_info = self.publisher(
            CameraInfo, f"{camera}/rgb/color/rect/camera_info", RELIABLE
        )
        self._depth = self.publisher(Image, f"{camera}/depth/depth_registered", RELIABLE)
        self._depth_info = self.publisher(CameraInfo, f"{camera}/depth/camera_info", RELIABLE)
        self._camera_pose = self.publisher(PoseStamped, "camera_pose", LATCHED)
        self._contacts = self.publisher(msg.Contacts, "sim/contacts", SENSOR)
        self._objects = self.publisher(msg.ObjectStates, "sim/object_states", SENSOR)
        self._openings = self.publisher(JointState, "sim/object_joint_states", SENSOR)
        self.create_service(Trigger, "sim/reset", self._on_reset)
        self.subscription(
            JointTrajectory,
            f"{controller}/joint_trajectory",
            lambda message: self._on_trajectory("arm", message),
            RELIABLE,
        )
        self.subscription(
            JointTrajectory,
            hand_topic,
            lambda message: self._on_trajectory("hand", message),
            RELIABLE,
        )
        if FollowJointTrajectory is not None:
            self._server = ActionServer(
                self,
                FollowJointTrajectory,
                self.outside(f"{controller}/follow_joint_trajectory"),
                execute_callback=self._follow,
                cancel_callback=lambda handle: CancelResponse.ACCEPT,
                callback_group=ReentrantCallbackGroup(),
            )

    def load(self) -> None:
        self.names = {
            "arm": tuple(load_arm(self.arm_name).joint_names),
            "hand": tuple(load_hand(self.hand_name).joint_names),
        }
        self.world = self._engine(
            self.scene,
            self.hand_name,
            self.arm_name,
            render=self.camera_rate > 0,
            seed=self.seed,
        )
        if self.camera_rate > 0:
            for _ in range(2):  # the first image takes seconds, the second as long as any other
                self.world.observe()
        self._running = True
        self._loop.start()

    def end(self) -> None:
        self._running = False
        if self._loop.is_alive():
            self._loop.join()

    # ------------------------------------------------------------ what drivers take

    def _now(self) -> float:
        return self._time if self.simulated_time else self.seconds

    def _on_trajectory(self, part: str, message: JointTrajectory) -> None:
        try:
            self._take(part, message)
        except ValueError as error:
            self.get_logger().error(f"A trajectory of the {part} was refused: {error}.")

    def _take(self, part: str, message: JointTrajectory) -> Course:
        with self._lock:
            before = self._courses.get(part) or Course.resting(self._targets(part))
            course = course_from_msg(message, self.names[part], before, self._now())
            self._courses[part] = course
        return course

    def _targets(self, part: str) -> FloatArray:
        """(n,) what the arm or hand is told now."""
        if part in self._courses:
            return self._courses[part].at(self._now())
        targets = self.world.robot.targets if self.world.robot else np.zeros(0)
        arm = len(self.names["arm"])
        return targets[:arm] if part == "arm" else targets[arm:]

    async def _follow(self, handle: Any) -> Any:
        """FollowJointTrajectory: succeed when its last point is due, unless it was replaced."""
        result = FollowJointTrajectory.Result()
        try:
            course = self._take("arm", handle.request.trajectory)
        except ValueError as error:
            handle.abort()
            result.error_code = result.INVALID_JOINTS
            result.error_string = str(error)
            return result
        ended: Any = Future(executor=self.executor)
        timer = self.create_timer(0.02, lambda: self._check_course(handle, course, ended))
        finish = await ended
        timer.destroy()
        finish()
        return result

    def _check_course(self, handle: Any, course: Course, ended: Future) -> None:
        """Ends a goal with the method of its handle that says how."""
        if ended.done():
            return
        if self._courses.get("arm") is not course:
            ended.set_result(handle.abort)
        elif handle.is_cancel_requested:
            with self._lock:
                here = self._targets("arm")
                self._courses["arm"] = Course.resting(here)
            ended.set_result(handle.canceled)
        elif self._now() >= course.times[-1]:
            ended.set_result(handle.succeed)

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Objects and robot to their places."""
        self._reset = True
        response.success = True
        return response

    # ------------------------------------------------------------ the stepping thread

    def _run(self) -> None:
        world = self.world
        steps = max(1, round(world.rate / RATE))
        started = world.time
        self._publish_camera_pose()
        due = dict.fromkeys(("joints", "camera", "truth"), -np.inf)
        periods = {
            "joints": 1.0 / self.joint_rate,
            "camera": 1.0 / self.camera_rate if self.camera_rate > 0 else np.inf,
            "truth": 1.0 / MEASURING_RATE,
        }
        actions = {
            "joints": self._publish_joints,
            "camera": self._expose,
            "truth": self._publish_truth,
        }
        next_step = time.monotonic()
        self._time = started
        while self._running and self.context.ok():
            with self._lock:
                self._apply()
            world.step(steps)
            self._time += steps / world.rate
            if self.simulated_time:
                self._clock_topic.publish(Clock(clock=self._stamp()))
            for name, action in actions.items():
                if self._time >= due[name] and np.isfinite(periods[name]):
                    due[name] = self._time + periods[name] - 1e-6
                    action()
            if self._exposed is not None and world.is_exposed:
                self._publish_camera(self._exposed)
                self._exposed = None
            if self.factor > 0:
                next_step = max(
                    next_step + steps / world.rate / self.factor, time.monotonic() - MOST_BEHIND
                )
                time.sleep(max(0.0, next_step - time.monotonic()))

    def _apply(self) -> None:
        """Give the physics what the drivers were last told."""
        if self._reset:
            self._reset = False
            self._courses.clear()
            self.world.reset()
        if "arm" in self._courses:
            self.world.set_arm_targets(self._targets("arm"))
        if "hand" in self._courses:
            self.world.set_hand_targets(self._targets("hand"))

    def _stamp(self) -> Time:
        return conversions.seconds_to_time(self._now())

    def _publish_joints(self) -> None:
        state = self.world.joint_state()
        self._joints.publish(
            JointState(
                header=Header(stamp=self._stamp()),
                name=list(state.names),
                position=state.position.tolist(),
                velocity=state.velocity.tolist(),
                effort=state.effort.tolist(),
            )
        )

    def _publish_camera_pose(self) -> None:
        pose = conversions.pose_to_msg(self.world.scene.camera.T_world_camera)
        self._camera_pose.publish(PoseStamped(header=self.header(), pose=pose))

    def _expose(self) -> None:
        """Begin an image, unless the last one is still being rendered."""
        if self._exposed is None:
            self.world.expose()
            self._exposed = self._stamp()

    def _publish_camera(self, stamp: Time) -> None:
        observation = self.world.read_out()
        header = Header(stamp=stamp, frame_id=CAMERA_FRAME)
        height, width = observation.depth.shape
        info = conversions.camera_info_to_msg(observation.K, height, width, header)
        self._rgb_info.publish(info)
        self._depth_info.publish(info)
        self._rgb.publish(conversions.bgra_to_msg(observation.rgb, header))
        self._depth.publish(conversions.depth_to_msg(observation.depth, header))

    def _publish_truth(self) -> None:
        header = Header(stamp=self._stamp(), frame_id=self.world_frame)
        poses = self.world.object_poses()
        self._objects.publish(
            msg.ObjectStates(
                header=header,
                names=list(poses),
                poses=conversions.poses_to_msg(np.array(list(poses.values()))) if poses else [],
            )
        )
        joints = self.world.object_joints()
        self._openings.publish(
            JointState(header=header, name=list(joints), position=list(joints.values()))
        )
        contacts = self.world.contacts()
        self._contacts.publish(
            msg.Contacts(
                header=header,
                body_a=[contact.bodies[0] for contact in contacts],
                body_b=[contact.bodies[1] for contact in contacts],
                positions=[conversions.point_to_msg(contact.position) for contact in contacts],
                forces=[conversions.vector_to_msg(contact.force) for contact in contacts],
            )
        )
