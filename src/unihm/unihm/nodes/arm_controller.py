"""HandMotion -> ExecutionPlan (for the hand controller) and the arm driver's horizons."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from std_msgs.msg import String
from unihm_msgs import msg

from unihm.config import load_section
from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan
from unihm.control.horizon import Horizon
from unihm.control.machine import NOTHING_HELD, ArmMachine, ControllerState, Run
from unihm.control.planning import MotionPlanner, Posture
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language.manner import manner_of
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros import conversions
from unihm.ros.base import UnihmNode
from unihm.ros.emergency import EmergencyListener
from unihm.ros.motion_watch import MotionWatch
from unihm.ros.partners import declare_window
from unihm.ros.qos import RELIABLE
from unihm.ros.trajectory_client import TrajectoryClient
from unihm.ros.worker import Worker
from unihm.types import Phase

LEAD = 0.1  # s between publishing a plan and its first sample, for the messages to arrive
PROGRESS_PERIOD = 0.25  # s between progress reports
# After these the robot stays where it stopped: what moved it, or what saw it move, is not trusted.
_STAY = (ErrorCode.SAFETY_STOP, ErrorCode.JOINT_STATE_TIMEOUT)


class ArmControllerNode(UnihmNode):
    """Plans arm and hand together, drives the arm, watches it, and stops it.

    It reports two stages: ``ready``, when a task has come and the robot is out of the camera's
    way with an empty hand, and ``arm``, the motion itself. What it may do when is
    :class:`ArmMachine`'s to say; here is what it is asked, and by whom.
    """

    stage = "arm"

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        self._window = declare_window(self)
        self.motion_watch = MotionWatch(self)
        self.driver = TrajectoryClient(self, "/fr3_arm_controller", self._on_refused)
        self._lock = threading.RLock()  # executor and planning thread both start and stop runs
        self._machine: ArmMachine | None = None
        self._ended = False
        self._carried_out = ""  # the task whose motion came last
        self._reported = 0.0
        self._cloud: msg.ObjectCloud | None = None
        self._task: msg.Task | None = None
        self._worker = Worker(self)
        self._plans = self.publisher(msg.ExecutionPlan, "execution_plan", RELIABLE)
        self._requests = self.publisher(String, "emergency_stop/request", RELIABLE)
        self.emergency = EmergencyListener(self, self._on_emergency)
        self.subscription(msg.ObjectCloud, "object_cloud", self._on_cloud, RELIABLE)
        self.subscription(msg.HandMotion, "refined_hand_motion", self._on_motion, RELIABLE)

    def load(self) -> None:
        self.config = load_section(self.preset, "control", ControlConfig)
        self.arm, self.hand = Arm(self.arm_name), load_hand(self.hand_name)
        self._planner = MotionPlanner(self.arm, self.hand, self.config)
        self._planner.warm_up()
        self._machine = ArmMachine(
            self.arm.limits, self.config, self._send, self.fail, self._window
        )
        self._on_emergency(self.emergency.reason)
        self.create_timer(1.0 / self.config.rate, self._tick)

    def end(self) -> None:
        self._ended = True
        self._worker.end()

    @property
    def machine(self) -> ArmMachine:
        """What the arm is doing; there once the node is active."""
        assert self._machine is not None
        return self._machine

    @property
    def phase(self) -> str:
        """What the hand is doing now: a name of :class:`Phase`, or ``IDLE``."""
        run = self._machine.run if self._machine is not None else None
        return "IDLE" if run is None else Phase(run.plan.phase[run.index(self.seconds)]).name

    def diagnose(self) -> dict[str, Any]:
        if self._machine is None:
            return {}
        holds = self._machine.way_back is not None
        return {"state": self._machine.state.name, "phase": self.phase, "holds": holds}

    def pulse(self) -> dict[str, Any]:
        if self._machine is None:
            return {}
        run = self._machine.run
        if run is None:
            return {"state": int(self._machine.state)}
        return {
            "state": int(self._machine.state),
            "task_id": run.task_id,
            "plan": conversions.seconds_to_time(run.start),
            "sample": float(run.index(self.seconds)),
        }

    # ------------------------------------------------------------ messages

    def on_task(self, task: msg.Task) -> None:
        if self.fault is not None:
            self.fail(task.task_id, self.fault)
        else:
            self._task = task
            self._worker.submit(self._get_ready, task.task_id)

    def _on_cloud(self, cloud: msg.ObjectCloud) -> None:
        self._cloud = cloud

    def _on_motion(self, motion: msg.HandMotion) -> None:
        self.check_live(motion.task_id)
        if self.fault is None:
            self._worker.submit(self._carry_out, motion.task_id, motion)

    def on_stop_task(self, task_id: str, code: ErrorCode) -> None:
        if self._machine is None:
            return
        with self._lock:
            if code in NOTHING_HELD:
                self._machine.forget_held()
            run = self._machine.run
            if run is not None and run.task_id == task_id and run.stage != "retreat":
                self._machine.halt(self.seconds, lambda: self._at_rest(task_id, code))
            else:
                self._at_rest(task_id, code)

    def _on_refused(self, error: UnihmError) -> None:
        with self._lock:
            self.machine.abort(error, self.seconds)

    def on_clock_jump(self, error: UnihmError) -> None:
        with self._lock:
            if self._machine is not None:
                self._machine.clock_jumped(error, self.seconds)

    def _on_emergency(self, reason: str | None) -> None:
        if self._machine is None:
            return
        with self._lock:
            if reason is not None:
                self._machine.engage(reason, self.seconds)
            else:
                self._machine.reset()

    def _at_rest(self, task_id: str, code: ErrorCode) -> None:
        """The robot has come to rest for a task that is over: hold, or go home empty-handed."""
        self.report(task_id, msg.StageStatus.STOPPED)
        if code not in _STAY and self.machine.state == ControllerState.READY:
            self._worker.submit(self._retreat, task_id)

    # ------------------------------------------------------------ planning thread

    def _get_ready(self, task_id: str, started: float | None = None) -> None:
        """Put back what is held, go home, open the hand."""
        self._wait_until_idle()
        if self.is_stopped(task_id):
            return
        if started is None:
            started = self.seconds
            self.report(task_id, msg.StageStatus.STARTED, stage="ready")
        plan = self._way_home()
        if plan is not None:
            self._start(
                task_id,
                "ready",
                plan,
                lambda: self._worker.submit(self._get_ready, task_id, started),
            )
            return
        duration = self.seconds - started
        self.report(
            task_id, msg.StageStatus.SUCCEEDED, stage="ready", progress=1.0, duration=duration
        )

    def _carry_out(self, task_id: str, message: msg.HandMotion) -> None:
        """Plan and start the motion of the task."""
        if self.is_stopped(task_id):
            return
        if task_id == self._carried_out:
            self.get_logger().warning(f"A second motion for the task {task_id}: not carried out.")
            return
        self._carried_out = task_id
        self._wait_until_idle()
        self.report(task_id, msg.StageStatus.STARTED)
        motion = conversions.motion_from_msg(message)
        cloud = None
        if self._cloud is not None and self._cloud.task_id == task_id:
            cloud = conversions.cloud_from_msg(self._cloud)
        manner = None
        if self._task is not None and self._task.task_id == task_id:
            manner = manner_of(self._task.instruction)
        plan = self._planner.carry_out(motion, self._here(), cloud, manner)
        started = self.seconds

        def done() -> None:
            self.report(
                task_id,
                msg.StageStatus.SUCCEEDED,
                progress=1.0,
                duration=self.seconds - started,
                measurements=conversions.measurements({"duration_planned": (plan.duration, "s")}),
            )

        self._start(task_id, "arm", plan, done)

    def _retreat(self, task_id: str) -> None:
        """Open the hand and go home, where nothing is held."""
        self._wait_until_idle()
        if self.machine.state == ControllerState.READY:
            plan = self._way_home()
            if plan is not None:
                self._start(task_id, "retreat", plan, lambda: None)

    def _way_home(self) -> ExecutionPlan | None:
        """The next plan on the way home with an empty, open hand; None where it is there."""
        if self.machine.way_back is not None:
            return self.machine.way_back
        here = self._here()
        try:
            self.machine.look_at_hand(self._planner.is_open(here[1]))
        except UnihmError as error:
            self._requests.publish(String(data=error.message))
            raise
        return self._planner.way_home(here)

    def _here(self) -> Posture:
        return self.motion_watch.here(self.arm, self.hand, self.machine)

    def _wait_until_idle(self) -> None:
        while self.machine.run is not None and not self._ended and self.context.ok():
            time.sleep(0.01)

    def _start(
        self, task_id: str, stage: str, plan: ExecutionPlan, then: Callable[[], None]
    ) -> None:
        """Check the whole plan, tell the hand of it, and follow it from now on."""
        undoes = plan is self.machine.way_back
        smooth = self._planner.begin(plan, self._here())
        self.motion_watch.wait_for_partners()
        with self._lock:
            if self.is_stopped(task_id) and stage != "retreat":
                return
            self.machine.begin(task_id, stage, smooth, self.seconds + LEAD, then, undoes)
            self.motion_watch.begin()
            self._reported = self.seconds
            run = self.machine.run
            if run is not None:
                self._tell_hand(run)
                self._tick()

    # ------------------------------------------------------------ following a plan

    def _send(self, horizon: Horizon) -> None:
        self.driver.send(self.arm.joint_names, horizon)
        self.beat()  # so that the hand goes along

    def _tell_hand(self, run: Run) -> None:
        header = self.header()
        header.stamp = conversions.seconds_to_time(run.start)
        self._plans.publish(
            conversions.plan_to_msg(
                run.plan,
                run.stage,
                self.config.rate,
                self.hand_name,
                self.arm.joint_names,
                self.hand.joint_names,
                header,
                run.task_id,
            )
        )

    def _tick(self) -> None:
        self.clock_watch.look()
        with self._lock:
            now = self.seconds
            hand_at = self.motion_watch.look(self.arm, self.hand, self.machine, now)
            run = self.machine.run
            if run is None:
                return
            self.machine.tick(now, hand_at)
            if run.stage == "arm" and now - self._reported > PROGRESS_PERIOD:
                self._reported = now
                progress = run.index(now) / len(run.plan)
                self.report(run.task_id, msg.StageStatus.PROGRESS, progress=progress)
