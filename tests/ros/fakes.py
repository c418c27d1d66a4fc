"""Stand-ins for drivers and learned stages, so that the graph is tested without physics."""

from __future__ import annotations

from typing import Any

import numpy as np
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros import conversions
from unihm.ros.course import Course, course_from_msg
from unihm.ros.qos import RELIABLE, STATUS
from unihm.sim.still import FAR_BLUE_BOX, RED_BOX, SIZE, T_WORLD_CAMERA, K, see_boxes
from unihm.transforms import apply, invert, make_transform, minimum_snap, to_pose7
from unihm.types import HandMotion, ObjectTrajectory, Phase
from unihm_msgs import msg

CAMERA = "/zed/zed_node"
CAMERA_POSE = to_pose7(T_WORLD_CAMERA).tolist()
LIFT = (0.0, 0.0, 0.15)


class FakeCamera(Node):
    """Publishes an image of two boxes; a test spoils what it likes in its attributes.

    While the robot holds something up, that is the red box; robots are invisible.
    """

    def __init__(self, robot: FakeRobot, **kwargs: Any) -> None:
        super().__init__("camera", **kwargs)
        self.robot = robot
        self.mend()
        self._outputs = (
            self.create_publisher(Image, f"{CAMERA}/rgb/color/rect/image", RELIABLE),
            self.create_publisher(Image, f"{CAMERA}/depth/depth_registered", RELIABLE),
            self.create_publisher(CameraInfo, f"{CAMERA}/rgb/color/rect/camera_info", RELIABLE),
        )
        self.create_timer(0.1, self._publish)

    def mend(self) -> None:
        """As it should be."""
        self.move((0.0, 0.0, 0.0))
        self.info_width = SIZE[1]
        self.rgb_encoding, self.depth_encoding = "bgra8", "32FC1"
        self.running = True
        self.clock_off = 0.0  # s

    def move(self, step: tuple[float, float, float]) -> None:
        """Somebody moves the red box by ``step`` (3,) m."""
        box = RED_BOX.moved(step)
        self.rgb, self.depth = see_boxes((box, FAR_BLUE_BOX))
        self.lifted = see_boxes((box.moved(LIFT), FAR_BLUE_BOX))

    def _publish(self) -> None:
        if not self.running:
            return
        stamp = self.get_clock().now() + Duration(seconds=self.clock_off)
        header = Header(stamp=stamp.to_msg(), frame_id="camera")
        rgb, depth = self.lifted if self.robot.holds_up() else (self.rgb, self.depth)
        depth = conversions.depth_to_msg(depth, header)
        depth.encoding = self.depth_encoding
        info = conversions.camera_info_to_msg(K, SIZE[0], self.info_width, header)
        rgb = conversions.bgra_to_msg(rgb, header)
        rgb.encoding = self.rgb_encoding
        for output, message in zip(self._outputs, (rgb, depth, info)):
            output.publish(message)


class FakeRobot(Node):
    """Arm and hand that go exactly where their drivers are told, except where something is held.

    Attributes:
        grips: a closed hand then finds an object: the fingers stop short and the arm bears it.
        stuck: the arm does not move any more.
        running: False: the drivers fall silent.
        jumps: rad from where the arm rested to where each motion of it began.
    """

    def __init__(self, hand: str = "xhand", **kwargs: Any) -> None:
        super().__init__("robot", **kwargs)
        self.arm, self.hand = Arm("fr3"), load_hand(hand)
        self.names = {"arm": self.arm.joint_names, "hand": self.hand.joint_names}
        self.courses = {
            "arm": Course.resting(self.arm.home),
            "hand": Course.resting(self.hand.open_joints),
        }
        self.mend()
        self._states = self.create_publisher(JointState, "/joint_states", RELIABLE)
        for part, topic in (("arm", "/fr3_arm_controller"), ("hand", "/hand_controller")):
            self.create_subscription(
                JointTrajectory,
                f"{topic}/joint_trajectory",
                lambda message, part=part: self._take(part, message),
                RELIABLE,
            )
        self.create_timer(0.02, self._publish)

    def mend(self) -> None:
        """As it should be."""
        self.grips = self.running = True
        self.stuck = False
        self.jumps: list[float] = []

    @property
    def seconds(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9

    def where(self, part: str) -> np.ndarray:
        """Joints now."""
        return self.courses[part].at(self.seconds)

    def is_home(self) -> bool:
        """True where the arm is home and the hand open."""
        return bool(
            np.abs(self.where("arm") - self.arm.home).max() < 0.06
            and np.abs(self.where("hand") - self.hand.open_joints).max() < 0.06
        )

    def closed(self) -> float:
        """0 for an open hand, 1 for a closed one."""
        return self.hand.closed_share(self.where("hand"))

    def holds_up(self) -> bool:
        """True where something is in the hand, well above the table."""
        return self.grips and self.closed() > 0.4 and height_of_wrist(self) > 0.2

    def _take(self, part: str, message: JointTrajectory) -> None:
        if self.stuck:
            return
        now = self.seconds
        if part == "arm" and self.courses[part].times[-1] < now:
            first = np.array(message.points[0].positions)
            self.jumps.append(float(np.abs(first - self.where(part)).max()))
        self.courses[part] = course_from_msg(message, self.names[part], self.courses[part], now)

    def _publish(self) -> None:
        if not self.running:
            return
        arm, hand = self.where("arm"), self.where("hand")
        share = self.closed()
        effort = np.zeros(len(arm) + len(hand))
        if self.grips and share > 0.4:
            hand = self.hand.open_joints + 0.4 / share * (hand - self.hand.open_joints)
            effort[: len(arm)] = self.arm.jacobian(arm).T @ [0, 0, 2.0, 0, 0, 0]
        self._states.publish(
            JointState(
                header=Header(stamp=self.get_clock().now().to_msg()),
                name=[*self.names["arm"], *self.names["hand"]],
                position=[*arm, *hand],
                effort=effort.tolist(),
            )
        )


class ScriptedStages(Node):
    """In place of generator, decoder and refiner: a hand that comes from above and closes.

    It has the refiner's name, whose motions alone are believed.
    """

    def __init__(self, hand: str = "xhand", **kwargs: Any) -> None:
        super().__init__("refiner", namespace="unihm", **kwargs)
        self.hand = load_hand(hand)
        self.deaf = False
        self.reports = False  # to the coordinator, as the refiner does
        self.trajectories: dict[str, msg.ObjectTrajectory] = {}
        self.motions = self.create_publisher(msg.HandMotion, "refined_hand_motion", RELIABLE)
        self.statuses = self.create_publisher(msg.StageStatus, "status", STATUS)
        self.create_subscription(
            msg.ObjectTrajectory,
            "object_trajectory",
            lambda message: self.trajectories.update({message.task_id: message}),
            RELIABLE,
        )
        self.create_subscription(msg.ObjectCloud, "object_cloud", self._on_cloud, RELIABLE)

    def _on_cloud(self, cloud: msg.ObjectCloud) -> None:
        if self.deaf or cloud.task_id not in self.trajectories:
            return
        trajectory = conversions.trajectory_from_msg(self.trajectories[cloud.task_id])
        motion = grasp_from_above(trajectory, self.hand.name)
        self.motions.publish(
            conversions.motion_to_msg(motion, self.hand.joint_names, cloud.header, cloud.task_id)
        )
        if self.reports:
            self.statuses.publish(
                msg.StageStatus(
                    task_id=cloud.task_id, stage="refiner", state=msg.StageStatus.SUCCEEDED
                )
            )


def grasp_from_above(trajectory: ObjectTrajectory, hand_name: str) -> HandMotion:
    """The palm beside the object, fingers down; it comes from 10 cm above and closes half."""
    hand = load_hand(hand_name)
    axes = np.stack([[0, 0, -1.0], [-1.0, 0, 0], [0, 1.0, 0]], axis=1)  # approach, side, normal
    T_object_palm = make_transform(axes, [0.0, -0.05, 0.06])
    frames = np.arange(len(trajectory))
    grasp = np.flatnonzero(trajectory.phase == Phase.GRASP)
    wrist = np.tile(T_object_palm @ invert(hand.T_wrist_palm), (len(frames), 1, 1))
    wrist[:, 2, 3] += 0.10 * (1 - minimum_snap(frames / max(1, grasp[0])))
    closing = minimum_snap((frames - grasp[0]) / len(grasp))[:, None]
    joints = hand.open_joints + 0.5 * closing * (hand.closed_joints - hand.open_joints)
    return HandMotion(hand_name, wrist, hand.clip(joints), trajectory)


def height_of_wrist(robot: FakeRobot) -> float:
    """Metres above the table."""
    T = robot.arm.forward(robot.where("arm")) @ robot.hand.T_flange_wrist
    return float(apply(T, np.zeros((1, 3)))[0, 2])
