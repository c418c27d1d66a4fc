"""HandMotion -> ExecutionPlan (for the hand controller) and the arm driver's trajectory."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from unihm_msgs import msg

from unihm.config import load_section
from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan, begin_at, plan_execution, plan_move
from unihm.control.reverse import put_back
from unihm.control.safety import SafetyGate
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros import conversions
from unihm.ros.base import RELIABLE, UnihmNode
from unihm.ros.joints import JointStates
from unihm.ros.trajectory_client import TrajectoryClient, make_trajectory
from unihm.types import FloatArray, Phase

LEAD = 0.1  # s between sending a plan and its first sample, for the messages to arrive
FRESH = 0.1  # s that a joint state may be old to be compared with the set-point of now
CLOSE = 0.05  # rad between set-point and joint below which the set-point is where the robot is
PROGRESS_PERIOD = 0.25  # s between progress reports
# After these the robot stays where it stopped: what moved it, or what saw it move, is not trusted.
_STAY = (ErrorCode.SAFETY_STOP, ErrorCode.JOINT_STATE_TIMEOUT)
_NOTHING_HELD = (ErrorCode.GRASP_FAILED, ErrorCode.OBJECT_LOST)


@dataclass
class Run:
    """A plan that is being followed."""

    task_id: str
    stage: str  # "ready", "arm", "retreat" or "stop"
    plan: ExecutionPlan
    start: float  # s, when sample 0 is due
    gate: SafetyGate
    then: Callable[[], None]
    undoes: bool = False  # puts back what is held
    index: int = 0  # the next sample to pass the gate
    reported: float = 0.0

    def progress(self) -> float:
        """0 to 1."""
        return self.index / len(self.plan)


class ArmControllerNode(UnihmNode):
    """Plans arm and hand together, drives the arm, watches it, and stops it.

    It reports two stages: ``ready``, when a task has come and the robot is out of the camera's
    way with an empty hand, and ``arm``, the motion itself.
    """

    stage = "arm"

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        self.joint_states = JointStates(self)
        self.driver = TrajectoryClient(self, "/fr3_arm_controller", self._on_refused)
        self._lock = threading.RLock()  # executor and planning thread both start and stop runs
        self._run: Run | None = None
        self._ended = False
        self._way_back: ExecutionPlan | None = None  # puts back what is held; None: nothing is
        self._carried_out = ""  # the task whose motion came last
        self._setpoint: tuple[FloatArray, FloatArray] | None = None
        self._cloud: msg.ObjectCloud | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._plans = self.publisher(msg.ExecutionPlan, "execution_plan", RELIABLE)
        self.subscription(msg.ObjectCloud, "object_cloud", self._on_cloud, RELIABLE)
        self.subscription(msg.HandMotion, "refined_hand_motion", self._on_motion, RELIABLE)

    def load(self) -> None:
        self.config = load_section(self.preset, "control", ControlConfig)
        self.arm = Arm(self.arm_name)
        self.monitor_arm = Arm(self.arm_name)  # the planning thread uses the other one
        self.hand = load_hand(self.hand_name)
        self._timer = self.create_timer(1.0 / self.config.rate, self._tick)

    def end(self) -> None:
        self._ended = True
        self._thread.shutdown(wait=True, cancel_futures=True)

    @property
    def phase(self) -> str:
        """What the hand is doing now: a name of :class:`Phase`, or ``IDLE``."""
        run = self._run
        if run is None:
            return "IDLE"
        return Phase(run.plan.phase[min(run.index, len(run.plan) - 1)]).name

    def diagnose(self) -> dict[str, Any]:
        return {"phase": self.phase, "holds": self._way_back is not None}

    # ------------------------------------------------------------ messages

    def on_task(self, task: msg.Task) -> None:
        if self.fault is not None:
            self.fail(task.task_id, self.fault)
        else:
            self._submit(self._get_ready, task.task_id)

    def _on_cloud(self, cloud: msg.ObjectCloud) -> None:
        self._cloud = cloud

    def _on_motion(self, motion: msg.HandMotion) -> None:
        self.check_live(motion.task_id)
        if self.fault is None:
            self._submit(self._carry_out, motion.task_id, motion)

    def on_stop_task(self, task_id: str, code: ErrorCode) -> None:
        with self._lock:
            if code in _NOTHING_HELD:
                self._way_back = None
            run = self._run
            if run is None or run.task_id != task_id or run.stage == "retreat":
                self._at_rest(task_id, code)
            elif run.stage == "stop":
                run.then = lambda: self._at_rest(task_id, code)
            else:
                self._halt(run, lambda: self._at_rest(task_id, code))

    def on_clock_jump(self, error: UnihmError) -> None:
        self._on_refused(error)

    def _on_refused(self, error: UnihmError) -> None:
        with self._lock:
            if self._run is not None:
                self._abort(self._run, error)

    # ------------------------------------------------------------ planning thread

    def _submit(self, work: Callable[..., None], task_id: str, *arguments: Any) -> None:
        self._thread.submit(self._guarded, work, task_id, *arguments)

    def _guarded(self, work: Callable[..., None], task_id: str, *arguments: Any) -> None:
        try:
            work(task_id, *arguments)
        except UnihmError as error:
            self.fail(task_id, error)
        except Exception as error:  # a defect of ours must still end the task with a code
            self.get_logger().error(traceback.format_exc())
            self.fail(task_id, UnihmError(ErrorCode.INTERNAL, f"{self.stage}: {error!r}"))

    def _get_ready(self, task_id: str, started: float | None = None) -> None:
        """Put back what is held, go home, open the hand."""
        self._wait_until_idle()
        if self.is_stopped(task_id):
            return
        if started is None:
            started = self.seconds
            self.report(task_id, msg.StageStatus.STARTED, stage="ready")
        plan = self._way_home()
        if plan is None:
            duration = self.seconds - started
            self.report(
                task_id, msg.StageStatus.SUCCEEDED, stage="ready", progress=1.0, duration=duration
            )
            return

        def arrived() -> None:
            self._way_back = None
            self._submit(self._get_ready, task_id, started)

        self._start(task_id, "ready", plan, arrived)

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
        q_arm, q_hand = self._here()
        plan = plan_execution(motion, self.hand, self.arm, q_arm, q_hand, self.config, cloud)
        started = self.seconds

        def done() -> None:
            if plan.phase[-1] == Phase.HOLD and plan.squeeze.any():
                self._way_back = put_back(plan, len(plan) - 1)
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
        if self._way_back is None:
            plan = self._way_home()
            if plan is not None:
                self._start(task_id, "retreat", plan, lambda: None)

    def _way_home(self) -> ExecutionPlan | None:
        """The next plan on the way home with an empty, open hand; None where it is there."""
        if self._way_back is not None:
            return self._way_back
        q_arm, q_hand = self._here()
        away = max(
            np.abs(q_arm - self.arm.home).max(), np.abs(q_hand - self.hand.open_joints).max()
        )
        if away < CLOSE:
            return None
        return plan_move(
            self.arm, self.hand, q_arm, q_hand, self.arm.home, self.hand.open_joints, self.config
        )

    def _here(self) -> tuple[FloatArray, FloatArray]:
        """Where arm and hand are: the last set-points, unless somebody moved the arm since."""
        arm = self.joint_states.read(self.arm.joint_names).positions
        hand = self.joint_states.read(self.hand.joint_names).positions
        if self._setpoint is not None and np.abs(self._setpoint[0] - arm).max() < CLOSE:
            return self._setpoint
        return arm, self.hand.clip(hand)

    def _wait_until_idle(self) -> None:
        while self._run is not None and not self._ended and self.context.ok():
            time.sleep(0.01)

    # ------------------------------------------------------------ following a plan

    def _start(
        self, task_id: str, stage: str, plan: ExecutionPlan, then: Callable[[], None]
    ) -> None:
        """Check the whole plan, send it, and watch it from now on."""
        undoes = plan is self._way_back
        smooth = self._checked(begin_at(plan, self.arm, self.hand, *self._here(), self.config))
        with self._lock:
            if self.is_stopped(task_id) and stage != "retreat":
                return
            start = self.seconds + LEAD
            gate = SafetyGate(self.arm.limits, self.config.rate, smooth.arm[0], self.config.safety)
            self._send(Run(task_id, stage, smooth, start, gate, then, undoes))

    def _send(self, run: Run) -> None:
        stamp = conversions.seconds_to_time(run.start)
        header = self.header()
        header.stamp = stamp
        trajectory = make_trajectory(
            self.arm.joint_names, run.plan.arm, self.config.rate, start=stamp
        )
        self.driver.send(trajectory)
        if run.stage != "stop":  # the hand controller hears of a stop itself
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
        self._run = run

    def _checked(self, plan: ExecutionPlan) -> ExecutionPlan:
        """The plan after the safety gate, which also looks at where it takes the wrist.

        Raises:
            UnihmError: SAFETY_STOP, before anything has moved.
        """
        gate = SafetyGate(self.arm.limits, self.config.rate, plan.arm[0], self.config.safety)
        arm = [
            gate.command(q, wrist_position=(self.arm.forward(q) @ self.hand.T_flange_wrist)[:3, 3])
            for q in plan.arm
        ]
        return ExecutionPlan(plan.times, np.array(arm), plan.hand, plan.phase, plan.squeeze)

    def _tick(self) -> None:
        self.clock_watch.look()
        with self._lock:
            run = self._run
            if run is None:
                return
            now = self.seconds
            due = min(int((now - run.start) * self.config.rate), len(run.plan) - 1)
            try:
                while run.index <= due:
                    self._pass_gate(run, newest=run.index == due)
                    run.index += 1
            except UnihmError as error:
                self._abort(run, error)
                return
            if run.index >= len(run.plan):
                self._run = None
                run.then()
            elif run.stage == "arm" and now - run.reported > PROGRESS_PERIOD:
                run.reported = now
                self.report(run.task_id, msg.StageStatus.PROGRESS, progress=run.progress())

    def _pass_gate(self, run: Run, newest: bool) -> None:
        """One set-point; the newest one is compared with where the joints are."""
        if run.stage == "stop":
            self._setpoint = run.plan.arm[run.index], run.plan.hand[run.index]
            return
        measured, old = None, 0.0
        if newest:
            reading = self.joint_states.read(self.monitor_arm.joint_names)
            old = reading.age
            if old < FRESH:
                measured = reading.positions
        run.gate.command(run.plan.arm[run.index], measured, old)
        self._setpoint = run.gate.position.copy(), run.plan.hand[run.index]

    # ------------------------------------------------------------ stopping

    def _abort(self, run: Run, error: UnihmError) -> None:
        """Something is wrong: stop, and say so."""
        if run.stage == "stop":
            self._run = None
            return
        self._halt(run, lambda: None)
        self.fail(run.task_id, error)

    def _halt(self, run: Run, then: Callable[[], None]) -> None:
        """The smoothest quick way to rest, in place of the rest of the plan."""
        self._remember_grip(run)
        path = run.gate.stop()
        q_hand = run.plan.hand[min(run.index, len(run.plan) - 1)]
        plan = ExecutionPlan(
            path.times,
            path.positions,
            np.tile(q_hand, (len(path), 1)),
            np.full(len(path), run.plan.phase[min(run.index, len(run.plan) - 1)]),
            run.plan.squeeze,
        )
        try:
            self._send(Run(run.task_id, "stop", plan, self.seconds, run.gate, then))
        except UnihmError as error:  # nothing listens any more
            self._run = None
            self.get_logger().error(error.message)

    def _remember_grip(self, run: Run) -> None:
        """How what the hand holds at this point of the plan is put back."""
        index = max(0, run.index - 1)
        if run.undoes:
            self._way_back = run.plan.rest(index)
        elif run.stage == "arm":
            holds = run.plan.phase[index] == Phase.HOLD and run.plan.squeeze.any()
            self._way_back = put_back(run.plan, index) if holds else None

    def _at_rest(self, task_id: str, code: ErrorCode) -> None:
        """The robot has come to rest for a task that is over: hold, or go home empty-handed."""
        self.report(task_id, msg.StageStatus.STOPPED)
        if code not in _STAY and self._way_back is None:
            self._submit(self._retreat, task_id)
