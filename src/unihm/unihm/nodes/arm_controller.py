"""HandMotion -> ExecutionPlan (for the hand controller) and the arm driver's horizons."""

from __future__ import annotations

from typing import Any

from unihm_msgs import msg

from unihm import least_squares
from unihm.config import load_section
from unihm.control.config import ControlConfig
from unihm.control.planning import MotionPlanner
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros.arm_runs import ArmRuns
from unihm.ros.arm_tasks import ArmTasks
from unihm.ros.base import UnihmNode
from unihm.ros.emergency import EmergencyListener
from unihm.ros.motion_watch import MotionWatch
from unihm.ros.moveit import MoveItPathPlanner
from unihm.ros.partners import declare_window
from unihm.ros.qos import RELIABLE


class ArmControllerNode(UnihmNode):
    """Plans arm and hand together, drives the arm, watches it, and stops it.

    It reports two stages: ``ready``, when a task has come and the robot is out of the camera's
    way with an empty hand, and ``arm``, the motion itself. What it may do when is
    :class:`ArmMachine`'s to say; :class:`ArmTasks` has what it is asked, :class:`ArmRuns` what
    moves; here is by whom it is asked.
    """

    stage = "arm"
    priority = 2
    batch = 0.004

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        self._path_planner = self.declare(
            "path_planner", "builtin", "Who finds the arm's ways past things: builtin or moveit."
        )
        if self._path_planner not in ("builtin", "moveit"):
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"path_planner is '{self._path_planner}'; it may be 'builtin' or 'moveit'.",
            )
        window = declare_window(self)
        self.motion_watch = MotionWatch(self)
        self.runs = ArmRuns(self, self.motion_watch, self.hand_name, window)
        self._tasks = ArmTasks(self, self.runs)
        self._planned_only = ""  # the newest task for which nothing may move
        self.emergency = EmergencyListener(self, self.runs.on_emergency)
        self.subscription(msg.ObjectCloud, "object_cloud", self._on_cloud, RELIABLE)
        self.subscription(msg.HandMotion, "refined_hand_motion", self._on_motion, RELIABLE)

    @classmethod
    def prepare(cls) -> None:
        least_squares.warm_up()

    def load(self) -> None:
        config = load_section(self.preset, "control", ControlConfig)
        arm, hand = Arm(self.arm_name), load_hand(self.hand_name)
        paths = None
        if self._path_planner == "moveit":
            paths = MoveItPathPlanner(arm, hand)
        planner = MotionPlanner(arm, hand, config, paths)
        planner.warm_up()
        self.runs.load(planner)
        self.runs.on_emergency(self.emergency.reason)
        self.create_timer(1.0 / config.rate, self.runs.tick)

    def end(self) -> None:
        self._tasks.end()

    def diagnose(self) -> dict[str, Any]:
        return self.runs.diagnose()

    def pulse(self) -> dict[str, Any]:
        return self.runs.pulse()

    def on_task(self, task: msg.Task) -> None:
        if self.fault is not None:
            self.fail(task.task_id, self.fault)
        elif task.plan_only:
            self._planned_only = task.task_id
        else:
            self._tasks.get_ready(task)

    def on_stop_task(self, task_id: str, code: ErrorCode) -> None:
        if task_id == self._planned_only:
            self.report(task_id, msg.StageStatus.STOPPED)
        else:
            self._tasks.stop(task_id, code)

    def on_clock_jump(self, error: UnihmError) -> None:
        self.runs.clock_jumped(error)

    def _on_cloud(self, cloud: msg.ObjectCloud) -> None:
        self._tasks.cloud = cloud

    def _on_motion(self, motion: msg.HandMotion) -> None:
        self.check_live(motion.task_id)
        if self.fault is None and motion.task_id != self._planned_only:
            self._tasks.carry_out(motion)
