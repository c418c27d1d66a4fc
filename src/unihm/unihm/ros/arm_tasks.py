"""What a task asks of the arm: to get ready, its motion, and the way home."""

from __future__ import annotations

import time

from std_msgs.msg import String
from unihm_msgs import msg

from unihm.control.execution import ExecutionPlan
from unihm.control.machine import ControllerState
from unihm.control.transit import what_stands
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language.manner import manner_of
from unihm.ros import conversions
from unihm.ros.arm_runs import ArmRuns
from unihm.ros.base import UnihmNode
from unihm.ros.qos import RELIABLE
from unihm.ros.worker import Worker
from unihm.types import FloatArray

# After these the robot stays where it stopped: what moved it, or what saw it move, is not trusted.
_STAY = (ErrorCode.SAFETY_STOP, ErrorCode.JOINT_STATE_TIMEOUT)


class ArmTasks:
    """Plans in a thread of its own what is asked, and begins it; one thing after the other.

    Args:
        node: that moves the arm and reports on tasks.
        runs: of the arm.

    Attributes:
        cloud: the newest one of an object.
    """

    def __init__(self, node: UnihmNode, runs: ArmRuns) -> None:
        self._node, self._runs = node, runs
        self._worker = Worker(node)
        self._requests = node.publisher(String, "emergency_stop/request", RELIABLE)
        self.cloud: msg.ObjectCloud | None = None
        self._task: msg.Task | None = None
        self._carried_out = ""  # the task whose motion came last
        self._things: FloatArray | None = None  # (N, 3) m, world: what the last image showed
        self._ended = False

    def get_ready(self, task: msg.Task) -> None:
        """Put back what is held, go home, open the hand."""
        self._task = task
        self._worker.submit(self._get_ready, task.task_id)

    def carry_out(self, motion: msg.HandMotion) -> None:
        """The motion of a task."""
        self._worker.submit(self._carry_out, motion.task_id, motion)

    def stop(self, task_id: str, code: ErrorCode) -> None:
        """The task is over, for the reason ``code``: come to rest, then hold, or go home."""
        self._runs.stop(task_id, code, lambda: self._at_rest(task_id, code))

    def end(self) -> None:
        """Wait for what is being planned, and forget the rest."""
        self._ended = True
        self._worker.end()

    def _at_rest(self, task_id: str, code: ErrorCode) -> None:
        """The robot has come to rest for a task that is over: hold, or go home empty-handed."""
        self._node.report(task_id, msg.StageStatus.STOPPED)
        if code not in _STAY and self._runs.machine.state == ControllerState.READY:
            self._worker.submit(self._retreat, task_id)

    # ------------------------------------------------------------ in the thread

    def _get_ready(self, task_id: str, started: float | None = None) -> None:
        if started is None and not self._node.is_stopped(task_id):
            started = self._node.seconds
            self._node.report(task_id, msg.StageStatus.STARTED, stage="ready")
        self._wait_until_idle()
        if started is None or self._node.is_stopped(task_id):
            return
        plan = self._way_home()
        if plan is not None:
            self._runs.begin(
                task_id,
                "ready",
                plan,
                lambda: self._worker.submit(self._get_ready, task_id, started),
            )
            return
        duration = self._node.seconds - started
        self._node.report(
            task_id, msg.StageStatus.SUCCEEDED, stage="ready", progress=1.0, duration=duration
        )

    def _carry_out(self, task_id: str, message: msg.HandMotion) -> None:
        """Plan and start the motion of the task."""
        if self._node.is_stopped(task_id):
            return
        if task_id == self._carried_out:
            self._node.get_logger().warning(
                f"A second motion for the task {task_id}: not carried out."
            )
            return
        self._carried_out = task_id
        self._wait_until_idle()
        self._node.report(task_id, msg.StageStatus.STARTED)
        motion = conversions.motion_from_msg(message)
        cloud = None
        if self.cloud is not None and self.cloud.task_id == task_id:
            cloud = conversions.cloud_from_msg(self.cloud)
            self._things = what_stands(motion.trajectory, cloud, 0)
        manner = None
        if self._task is not None and self._task.task_id == task_id:
            manner = manner_of(self._task.instruction)
        plan = self._runs.planner.carry_out(motion, self._runs.here(), cloud, manner)
        started = self._node.seconds

        def done() -> None:
            self._node.report(
                task_id,
                msg.StageStatus.SUCCEEDED,
                progress=1.0,
                duration=self._node.seconds - started,
                measurements=conversions.measurements({"duration_planned": (plan.duration, "s")}),
            )

        self._runs.begin(task_id, "arm", plan, done)

    def _retreat(self, task_id: str) -> None:
        """Open the hand and go home, where nothing is held."""
        self._wait_until_idle()
        if self._runs.machine.state == ControllerState.READY:
            plan = self._way_home()
            if plan is not None:
                self._runs.begin(task_id, "retreat", plan, lambda: None)

    def _way_home(self) -> ExecutionPlan | None:
        """The next plan on the way home with an empty, open hand; None where it is there."""
        machine, planner = self._runs.machine, self._runs.planner
        if machine.way_back is not None:
            return machine.way_back
        here = self._runs.here()
        try:
            machine.look_at_hand(planner.is_open(here[1]))
        except UnihmError as error:
            self._requests.publish(String(data=error.message))
            raise
        # Who makes room does not tell us: the next try goes as if nothing stood there.
        things, self._things = self._things, None
        try:
            plan = planner.way_home(here, things)
        except UnihmError as error:
            if things is None:
                raise
            sentence = f"{error.message} Make room for its way home, then say it again."
            raise UnihmError(error.code, sentence) from error
        self._things = things
        return plan

    def _wait_until_idle(self) -> None:
        while self._runs.machine.run is not None and not self._ended and self._node.context.ok():
            time.sleep(0.01)
