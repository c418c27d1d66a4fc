"""A Franka that is not there, behind its joint trajectory controller."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from unihm.control.recovery import RobotMode
from unihm.robots.arm import Arm
from unihm.ros import conversions
from unihm.ros.course import Course, course_from_msg
from unihm.ros.mock import MockDriver
from unihm.ros.qos import LATCHED, RELIABLE, SENSOR
from unihm.ros.reflexes import RECOVERY, STATE, ErrorRecovery, FrankaRobotState
from unihm.ros.trajectory_client import FollowJointTrajectory

STATE_RATE = 30.0  # Hz of what the state broadcaster says
WEIGHT = 2.0  # N of what is held
SILENCE = 1.0  # s of a driver that hung after which the robot has stopped by itself
DISCONTINUITY = 0.05  # rad that a new trajectory may be away from the motion of now


class MockArmNode(MockDriver):
    """Follows trajectories exactly, from its controller's topic or action, within its limits.

    It refuses what joint_trajectory_controller refuses by default: joints that are not all of its
    own, no points, points out of order or all in the past, an end in motion. What would leave the
    limits of position or velocity, or jumps, is a reflex as of libfranka, and so is a driver that
    hung or a clock that jumped: it stands where it is and takes nothing until it is recovered, by
    franka_ros2's action where franka_msgs is installed (the robot's state is told then too), or by
    the service ``error_recovery``. Efforts are external torques.
    """

    stage = "arm_driver"
    priority = 2
    faults: ClassVar = (
        "held_positions",
        "nan",
        "wrong_names",
        "stuck",
        "refuses",
        "reflex",
        "blocked",
    )

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.joint_rate = self.declare("joint_rate", 100.0, "Joint states per second.", 1.0, 1000.0)
        controller = self.declare("controller", "/fr3_arm_controller", "Name of the controller.")
        self.reflex = ""
        self._held = False
        self._joints = self.publisher(JointState, "/joint_states", RELIABLE)
        broadcaster = "/franka_robot_state_broadcaster"
        self._measured = self.publisher(JointState, f"{broadcaster}/measured_joint_states", SENSOR)
        self._pose = self.publisher(PoseStamped, f"{broadcaster}/current_pose", SENSOR)
        self._wrench = self.publisher(
            WrenchStamped, f"{broadcaster}/external_wrench_in_base_frame", SENSOR
        )
        self._torques = self.publisher(JointState, f"{broadcaster}/external_joint_torques", SENSOR)
        self.create_service(Trigger, "error_recovery", self._recover)
        self.subscription(Bool, "mock/held", self._on_held, LATCHED)
        self.subscription(
            JointTrajectory, f"{controller}/joint_trajectory", self._on_trajectory, RELIABLE
        )
        self._controller = controller
        self._mode: Any = None
        if FrankaRobotState is not None:
            self._mode = self.publisher(FrankaRobotState, STATE, RELIABLE)

    def load(self) -> None:
        self.arm = Arm(self.arm_name)
        self._course = Course.resting(self.begin(self.arm.home))
        self._shown = self._course.positions[0]
        self._looked: float | None = None
        self.create_timer(1.0 / self.joint_rate, self._publish_joints)
        self.create_timer(1.0 / STATE_RATE, self._publish_state)
        if FollowJointTrajectory is not None:
            self._server = ActionServer(
                self,
                FollowJointTrajectory,
                self.outside(f"{self._controller}/follow_joint_trajectory"),
                execute_callback=self._follow,
                goal_callback=self._on_goal,
                cancel_callback=lambda handle: CancelResponse.ACCEPT,
                callback_group=ReentrantCallbackGroup(),
            )
        if ErrorRecovery is not None:
            self._recovery = ActionServer(
                self, ErrorRecovery, self.outside(RECOVERY), execute_callback=self._on_recovery
            )

    def diagnose(self) -> dict[str, Any]:
        return {"reflex": self.reflex or "none"}

    def on_fault(self) -> None:
        if self.broken in ("reflex", "blocked"):
            self._stop("cartesian_reflex")
        elif self.broken == "stuck":
            self._course = Course.resting(self._course.at(self.seconds))

    # ------------------------------------------------------------ the controller

    def refusal(self, trajectory: JointTrajectory) -> str:
        """Why the controller does not take a trajectory; empty where it does."""
        if self.reflex or self.broken == "refuses":
            return f"the robot is not ready ({self.reflex or 'user stopped'})"
        if sorted(trajectory.joint_names) != sorted(self.arm.joint_names):
            return "its joints are not those of the controller"
        if not trajectory.points:
            return "the trajectory is empty"
        last = trajectory.points[-1]
        start = conversions.time_to_seconds(trajectory.header.stamp)
        if start and start + conversions.time_to_seconds(last.time_from_start) < self.seconds:
            return "it ends in the past"
        if np.abs(last.velocities).max(initial=0.0) > np.finfo(np.float32).eps:
            return "its last point is not at rest"
        return ""

    def _on_trajectory(self, trajectory: JointTrajectory) -> None:
        reason = self.refusal(trajectory)
        if reason:
            self.get_logger().error(f"A trajectory was refused: {reason}.")
        else:
            self._take(trajectory)

    def _take(self, trajectory: JointTrajectory) -> Course | None:
        """The course that the arm is on now; None where it cannot be."""
        now = self.seconds
        try:
            course = course_from_msg(trajectory, self.arm.joint_names, self._course, now)
        except ValueError as error:
            self.get_logger().error(f"A trajectory was refused: {error}.")
            return None
        if np.abs(course.at(now) - self._course.at(now)).max() > DISCONTINUITY:
            self._stop("joint_motion_generator_position_discontinuity")
            return None
        if self.broken != "stuck":
            self._course = course
        return course

    def _on_goal(self, goal: Any) -> GoalResponse:
        refused = bool(self.refusal(goal.trajectory))
        return GoalResponse.REJECT if refused else GoalResponse.ACCEPT

    async def _follow(self, handle: Any) -> Any:
        """Succeeds when the last point is due, unless the goal was replaced or the robot stops."""
        result = FollowJointTrajectory.Result()
        course = self._take(handle.request.trajectory)
        if course is None:
            handle.abort()
            result.error_code = result.INVALID_GOAL
            result.error_string = self.reflex or "the trajectory cannot be followed"
            return result
        ended: Any = Future(executor=self.executor)
        timer = self.create_timer(0.01, lambda: self._check(handle, course, ended))
        finish = await ended
        timer.destroy()
        if self.reflex:
            result.error_code = result.PATH_TOLERANCE_VIOLATED
            result.error_string = self.reflex
        finish()
        return result

    def _check(self, handle: Any, course: Course, ended: Any) -> None:
        if ended.done():
            return
        if self._course is not course and self.broken != "stuck":
            ended.set_result(handle.abort)
        elif handle.is_cancel_requested:
            self._course = Course.resting(self._course.at(self.seconds))
            ended.set_result(handle.canceled)
        elif self.seconds >= course.times[-1]:
            ended.set_result(handle.succeed)

    # ------------------------------------------------------------ the robot

    def _stop(self, reflex: str, since: float | None = None) -> None:
        """Stand where the arm is, or was at ``since``."""
        self.reflex = reflex
        self._course = Course.resting(self._course.at(self.seconds if since is None else since))
        self.get_logger().error(f"reflex: {reflex}")

    def _recover(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Says what it was."""
        response.message, response.success = self.reflex, self.broken != "blocked"
        if response.success:
            self.reflex = ""
        return response

    def _on_recovery(self, handle: Any) -> Any:
        """As franka_ros2: the goal is aborted where the error cannot be recovered."""
        if self._recover(Trigger.Request(), Trigger.Response()).success:
            handle.succeed()
        else:
            handle.abort()
        return ErrorRecovery.Result()

    def _publish_mode(self) -> None:
        state = FrankaRobotState(header=self.header())
        moves = self.seconds < self._course.times[-1]
        mode = RobotMode.MOVE if moves else RobotMode.IDLE
        if self.reflex:
            mode = RobotMode.REFLEX
            if hasattr(state.current_errors, self.reflex):  # franka_msgs names not all of them
                setattr(state.current_errors, self.reflex, True)
        state.robot_mode = int(mode)
        self.send(self._mode, state)

    def _on_held(self, message: Bool) -> None:
        self._held = message.data

    def _publish_joints(self) -> None:
        now, before = self.seconds, self._looked
        self._looked = now
        if before is not None and not 0.0 <= now - before < SILENCE:
            self._stop("communication_constraints_violation", before)
        q, velocity = self._course.state(now)
        limits = self.arm.limits
        if (np.abs(velocity) > 1.02 * limits.velocity).any():
            self._stop("joint_velocity_violation")
        elif ((q < limits.lower) | (q > limits.upper)).any():
            self._stop("joint_position_limits_violation")
        if self.broken != "held_positions":
            self._shown = q
        load = [0.0, 0.0, WEIGHT if self._held else 0.0, 0.0, 0.0, 0.0]
        state = JointState(
            header=self.header(),
            name=list(self.arm.joint_names),
            position=self._shown.tolist(),
            velocity=velocity.tolist(),
            effort=(self.arm.jacobian(q).T @ load).tolist(),
        )
        if self.broken == "nan":
            state.position = [float("nan")] * len(q)
        elif self.broken == "wrong_names":
            state.name = [f"panda_joint{i}" for i in range(1, len(q) + 1)]
        self.send(self._joints, state)
        self.send(self._measured, state)
        # As the broadcaster does it: the positions are no positions.
        zeros = [0.0] * len(q)
        self.send(
            self._torques,
            JointState(
                header=state.header,
                name=state.name,
                position=zeros,
                velocity=zeros,
                effort=state.effort,
            ),
        )

    def _publish_state(self) -> None:
        header = self.header("base")
        pose = conversions.pose_to_msg(self.arm.forward(self._course.at(self.seconds)))
        self.send(self._pose, PoseStamped(header=header, pose=pose))
        wrench = WrenchStamped(header=header)
        wrench.wrench.force.z = -WEIGHT if self._held else 0.0
        self.send(self._wrench, wrench)
        if self._mode is not None:
            self._publish_mode()
