"""The runs of the arm: plans that arm and hand follow, begun, watched and stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from unihm_msgs import msg

from unihm.control.execution import ExecutionPlan
from unihm.control.horizon import Horizon
from unihm.control.machine import NOTHING_HELD, ArmMachine, Run
from unihm.control.planning import MotionPlanner, Posture
from unihm.errors import ErrorCode, UnihmError
from unihm.ros import conversions
from unihm.ros.base import UnihmNode
from unihm.ros.motion_watch import MotionWatch
from unihm.ros.qos import RELIABLE
from unihm.ros.reflexes import Reflexes
from unihm.ros.trajectory_client import TrajectoryClient
from unihm.types import Phase

LEAD = 0.1  # s between publishing a plan and its first sample, for the messages to arrive
PROGRESS_PERIOD = 0.25  # s between progress reports


class ArmRuns:
    """Runs the arm's machine by the node's clock, drives the arm, and tells the hand.

    The node's executor and its planning thread may both call it. Before :meth:`load` nothing
    moves, and what comes then changes nothing.

    Args:
        node: that moves the arm; it gets the parameters of :class:`TrajectoryClient`.
        watch: stops a motion that must not go on.
        hand_name: of the hand that is mounted.
        window: s of the path that the driver is given at a time.
    """

    def __init__(self, node: UnihmNode, watch: MotionWatch, hand_name: str, window: float) -> None:
        self._node, self._watch = node, watch
        self._hand_name, self._window = hand_name, window
        self._driver = TrajectoryClient(node, "/fr3_arm_controller", self._on_refused)
        self._reflexes = Reflexes(node)
        self._plans = node.publisher(msg.ExecutionPlan, "execution_plan", RELIABLE)
        self._lock = threading.RLock()  # executor and planning thread both start and stop runs
        self._machine: ArmMachine | None = None
        self._planner: MotionPlanner | None = None
        self._reported = 0.0  # s, when progress was reported last

    def load(self, planner: MotionPlanner) -> None:
        """From now on the arm and the hand of ``planner`` can move."""
        self._planner = planner
        self._machine = ArmMachine(
            planner.arm.limits, planner.config, self._send, self._node.fail, self._window
        )

    # ------------------------------------------------------------ what is known

    @property
    def planner(self) -> MotionPlanner:
        """Plans for arm and hand; there once it is loaded."""
        assert self._planner is not None
        return self._planner

    @property
    def machine(self) -> ArmMachine:
        """What the arm is doing; there once it is loaded."""
        assert self._machine is not None
        return self._machine

    @property
    def phase(self) -> str:
        """What the hand is doing now: a name of :class:`Phase`, or ``IDLE``."""
        run = self._machine.run if self._machine is not None else None
        return "IDLE" if run is None else Phase(run.plan.phase[run.index(self._node.seconds)]).name

    def here(self) -> Posture:
        """Where arm and hand are; see :meth:`MotionWatch.here`."""
        return self._watch.here(self.planner.arm, self.planner.hand, self.machine)

    def diagnose(self) -> dict[str, Any]:
        """Values for ``/diagnostics``."""
        if self._machine is None:
            return {}
        holds = self._machine.way_back is not None
        return {"state": self._machine.state.name, "phase": self.phase, "holds": holds}

    def pulse(self) -> dict[str, Any]:
        """Fields of the heartbeat: the state, and the plan with the sample that is due."""
        if self._machine is None:
            return {}
        run = self._machine.run
        if run is None:
            return {"state": int(self._machine.state)}
        return {
            "state": int(self._machine.state),
            "task_id": run.task_id,
            "plan": conversions.seconds_to_time(run.start),
            "sample": float(run.index(self._node.seconds)),
        }

    # ------------------------------------------------------------ begin and stop

    def begin(
        self, task_id: str, stage: str, plan: ExecutionPlan, then: Callable[[], None]
    ) -> None:
        """Check the whole plan, tell the hand of it, and follow it from now on.

        From a thread that may wait. Nothing begins for a task that was stopped, but a retreat.

        Args:
            task_id: that it is for.
            stage: "ready", "arm" or "retreat": what it is for.
            plan: of arm and hand.
            then: called once it has come to its end.

        Raises:
            UnihmError: JOINT_STATE_TIMEOUT or SAFETY_STOP; nothing has moved then.
        """
        self._reflexes.wait()

        def carried_out() -> None:
            if stage == "arm":
                self._reflexes.recovery.count_anew()
            then()

        undoes = plan is self.machine.way_back
        smooth = self.planner.begin(plan, self.here())
        self._watch.wait_for_partners()
        with self._lock:
            if self._node.is_stopped(task_id) and stage != "retreat":
                return
            self.machine.begin(
                task_id, stage, smooth, self._node.seconds + LEAD, carried_out, undoes
            )
            self._watch.begin()
            self._reported = self._node.seconds
            run = self.machine.run
            if run is not None:
                self._tell_hand(run)
                self.tick()

    def stop(self, task_id: str, code: ErrorCode, then: Callable[[], None]) -> None:
        """A task is over: end its motion, but no retreat.

        Args:
            task_id: of the task.
            code: why it is over; by it the hand may be known to be empty.
            then: called once the robot rests, at once where nothing moves for the task.
        """
        if self._machine is None:
            return
        with self._lock:
            if code in NOTHING_HELD:
                self._machine.forget_held()
            run = self._machine.run
            if run is not None and run.task_id == task_id and run.stage != "retreat":
                self._machine.halt(self._node.seconds, then)
            else:
                then()

    def clock_jumped(self, error: UnihmError) -> None:
        """Stop: what moves is timed by a clock that has jumped."""
        with self._lock:
            if self._machine is not None:
                self._machine.clock_jumped(error, self._node.seconds)

    def on_emergency(self, reason: str | None) -> None:
        """The emergency stop is engaged, for a reason, or reset: None."""
        if self._machine is None:
            return
        with self._lock:
            if reason is not None:
                self._machine.engage(reason, self._node.seconds)
            else:
                self._machine.reset()
                self._reflexes.recovery.count_anew()

    # ------------------------------------------------------------ follow

    def tick(self) -> None:
        """Send what is due, look whether the motion may go on, report progress; called often."""
        self._node.clock_watch.look()
        with self._lock:
            now = self._node.seconds
            arm, hand = self.planner.arm, self.planner.hand
            hand_at = self._watch.look(arm, hand, self.machine, now)
            self._reflexes.look(self.machine, now)
            run = self.machine.run
            if run is None:
                return
            self.machine.tick(now, hand_at)
            if run.stage == "arm" and now - self._reported > PROGRESS_PERIOD:
                self._reported = now
                progress = run.index(now) / len(run.plan)
                self._node.report(run.task_id, msg.StageStatus.PROGRESS, progress=progress)

    def _send(self, horizon: Horizon) -> None:
        self._driver.send(self.planner.arm.joint_names, horizon)
        self._node.beat()  # so that the hand goes along

    def _on_refused(self, error: UnihmError) -> None:
        with self._lock:
            self.machine.abort(error, self._node.seconds)

    def _tell_hand(self, run: Run) -> None:
        header = self._node.header()
        header.stamp = conversions.seconds_to_time(run.start)
        self._plans.publish(
            conversions.plan_to_msg(
                run.plan,
                run.stage,
                self.planner.config.rate,
                self._hand_name,
                self.planner.arm.joint_names,
                self.planner.hand.joint_names,
                header,
                run.task_id,
            )
        )
