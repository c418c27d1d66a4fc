"""HandMotion -> ExecutionPlan (for the hand controller) and the arm driver's horizons."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from unihm_msgs import msg

from unihm.config import load_section
from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan, begin_at, plan_execution, plan_move
from unihm.control.horizon import Horizon
from unihm.control.machine import NOTHING_HELD, ArmMachine, ControllerState, Run
from unihm.control.safety import SafetyGate
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros import conversions
from unihm.ros.base import RELIABLE, UnihmNode
from unihm.ros.emergency import EmergencyListener
from unihm.ros.joints import JointStates
from unihm.ros.partners import Partners, declare_window
from unihm.ros.trajectory_client import TrajectoryClient, make_trajectory
from unihm.types import FloatArray, Phase

LEAD = 0.1  # s between publishing a plan and its first sample, for the messages to arrive
FRESH = 0.1  # s that a joint state may be old to be compared with where it was sent
CLOSE = 0.05  # rad between set-point and joint below which the set-point is where the robot is
HAND_LATE = 5.0  # s from a plan's first sample, after which the hand has not taken it up
PROGRESS_PERIOD = 0.25  # s between progress reports
# After these the robot stays where it stopped: what moved it, or what saw it move, is not trusted.
_STAY = (ErrorCode.SAFETY_STOP, ErrorCode.JOINT_STATE_TIMEOUT)
# Without these it does not begin to move.
_NEEDED = ("hand_controller", "emergency_stop", "coordinator")


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
        self.joint_states = JointStates(self, timeout=0.25)
        self.driver = TrajectoryClient(self, "/fr3_arm_controller", self._on_refused)
        self._lock = threading.RLock()  # executor and planning thread both start and stop runs
        self._machine: ArmMachine | None = None
        self._ended = False
        self._carried_out = ""  # the task whose motion came last
        self._reported = 0.0
        self._cloud: msg.ObjectCloud | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._plans = self.publisher(msg.ExecutionPlan, "execution_plan", RELIABLE)
        self.partners = Partners(self)
        self.emergency = EmergencyListener(self, self._on_emergency)
        self.subscription(msg.ObjectCloud, "object_cloud", self._on_cloud, RELIABLE)
        self.subscription(msg.HandMotion, "refined_hand_motion", self._on_motion, RELIABLE)

    def load(self) -> None:
        self.config = load_section(self.preset, "control", ControlConfig)
        self.arm = Arm(self.arm_name)
        self.hand = load_hand(self.hand_name)
        self._machine = ArmMachine(
            self.arm.limits, self.config, self._send, self.fail, self._window
        )
        self._on_emergency(self.emergency.reason)
        self.create_timer(1.0 / self.config.rate, self._tick)

    def end(self) -> None:
        self._ended = True
        self._thread.shutdown(wait=True, cancel_futures=True)

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
            self._submit(self._get_ready, task.task_id)

    def _on_cloud(self, cloud: msg.ObjectCloud) -> None:
        self._cloud = cloud

    def _on_motion(self, motion: msg.HandMotion) -> None:
        self.check_live(motion.task_id)
        if self.fault is None:
            self._submit(self._carry_out, motion.task_id, motion)

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
            self._submit(self._retreat, task_id)

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
        if plan is not None:
            self._start(
                task_id, "ready", plan, lambda: self._submit(self._get_ready, task_id, started)
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
        q_arm, q_hand = self._here()
        plan = plan_execution(motion, self.hand, self.arm, q_arm, q_hand, self.config, cloud)
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
        self.joint_states.wait_for([*self.arm.joint_names, *self.hand.joint_names])
        arm = self.joint_states.read(self.arm.joint_names).positions
        hand = self.joint_states.read(self.hand.joint_names).positions
        setpoint = self.machine.setpoint
        if setpoint is not None and np.abs(setpoint[0] - arm).max() < CLOSE:
            return setpoint
        self.machine.moved()
        return arm, self.hand.clip(hand)

    def _wait_until_idle(self) -> None:
        while self.machine.run is not None and not self._ended and self.context.ok():
            time.sleep(0.01)

    def _start(
        self, task_id: str, stage: str, plan: ExecutionPlan, then: Callable[[], None]
    ) -> None:
        """Check the whole plan, tell the hand of it, and follow it from now on."""
        undoes = plan is self.machine.way_back
        smooth = self._checked(begin_at(plan, self.arm, self.hand, *self._here(), self.config))
        self.partners.wait_for(_NEEDED)
        with self._lock:
            if self.is_stopped(task_id) and stage != "retreat":
                return
            self.machine.begin(task_id, stage, smooth, self.seconds + LEAD, then, undoes)
            self.partners.begin()
            self._reported = self.seconds
            run = self.machine.run
            if run is not None:
                self._tell_hand(run)
                self._tick()

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

    # ------------------------------------------------------------ following a plan

    def _send(self, horizon: Horizon) -> None:
        self.driver.send(
            make_trajectory(
                self.arm.joint_names,
                horizon.positions,
                horizon.rate,
                conversions.seconds_to_time(horizon.start),
            )
        )
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
            self.partners.look()
            run = self.machine.run
            if run is None:
                return
            if self.machine.state != ControllerState.STOPPING:
                try:
                    self.partners.check()
                    reading = self.joint_states.watch(self.arm.joint_names)
                    self.joint_states.watch(self.hand.joint_names)
                    if reading.age < FRESH:
                        self.machine.watch(reading.positions, now - reading.age, reading.doubt)
                except UnihmError as error:
                    self.machine.abort(error, now)
            hand_at = self.partners.sample(
                "hand_controller", conversions.seconds_to_time(run.start)
            )
            if hand_at < 0 and now > run.start + HAND_LATE:
                self.machine.abort(
                    UnihmError(ErrorCode.SAFETY_STOP, "The hand does not take up the plan."), now
                )
            self.machine.tick(now, hand_at)
            if run.stage == "arm" and now - self._reported > PROGRESS_PERIOD:
                self._reported = now
                progress = run.index(now) / len(run.plan)
                self.report(run.task_id, msg.StageStatus.PROGRESS, progress=progress)
