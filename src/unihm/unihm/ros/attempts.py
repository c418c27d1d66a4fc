"""One try of a task: publish it, follow its stages to the last, and stop it."""

from __future__ import annotations

import queue
import time

from rclpy.qos import DurabilityPolicy
from unihm_msgs import msg

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import Action, Step
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import measurements, task_to_msg
from unihm.ros.emergency import EmergencyListener
from unihm.ros.goals import Goals, Request
from unihm.ros.partners import FIRST_WORD, Partners
from unihm.ros.progress import PROGRESS, STEPS, feedback_of, measured, nodes_until
from unihm.ros.qos import RELIABLE, STATUS
from unihm.ros.senders import FORGOTTEN, HELD_BACK, NotYet
from unihm.types import Task

_POLL = 0.02  # s between looks at cancel and time-outs
# s in which nobody works on a task, after which its messages count as lost: longer than one may be
# held back.
_LOST = HELD_BACK + 2.0


class Lost(UnihmError):
    """A message between two nodes was lost, before anything moved."""


class Attempts:
    """Gives out the tasks of goals, one at a time, and follows them in the goals' own thread.

    Args:
        node: that gives out tasks.
        goals: say which is being carried out, and whether it shall go on.
        emergency: while it is engaged, nothing goes on.
        partners: hears who is alive.
        hand_name: of the hand that is mounted.
        last_stage: the one of :data:`STEPS` that a task ends with.
        stage_timeout: s without word from any stage after which an attempt fails.
        stop_timeout: s for the arm to come to rest.
    """

    def __init__(
        self,
        node: UnihmNode,
        goals: Goals,
        emergency: EmergencyListener,
        partners: Partners,
        *,
        hand_name: str,
        last_stage: str,
        stage_timeout: float,
        stop_timeout: float,
    ) -> None:
        self._node, self._goals = node, goals
        self._emergency, self._partners = emergency, partners
        self._hand_name, self._last_stage = hand_name, last_stage
        self._stage_timeout, self._stop_timeout = stage_timeout, stop_timeout
        self._sure = 0.0  # s by the clock that never jumps, when it was sure who speaks
        self._tasks = node.publisher(msg.Task, "task", RELIABLE)
        self._stops = node.publisher(msg.StopTask, "stop", RELIABLE)
        node.subscription(msg.StageStatus, "status", self._on_status, STATUS)

    def wait_until_well(self, request: Request, deadline: float) -> None:
        """Until everybody is there, and nobody else publishes where one node may.

        A node that died is soon started again, and forgotten.

        Args:
            request: the goal that waits.
            deadline: s by the node's clock, when its time is over.

        Raises:
            UnihmError: SAFETY_STOP where somebody goes on, STAGE_TIMEOUT where one does not come;
                CANCELLED or PREEMPTED.
        """
        self._node.look_around()
        began = time.monotonic()
        needed = self._needed(request)
        while (
            (trespass := self._node.trespass) is not None
            or self._partners.gone(needed)
            or not self._reaches(self._partners.known(needed))
        ):
            waited = time.monotonic() - began
            late = self._node.seconds > deadline
            if trespass is None:
                if late or waited > FIRST_WORD:
                    self._check_alive(request)
                    return
            elif late or waited > FORGOTTEN or not isinstance(trespass, NotYet):
                raise trespass
            self._check_wanted(request, "waiting")
            time.sleep(_POLL)

    def make(
        self,
        request: Request,
        words: str,
        step: Step,
        attempt: int,
        deadline: float,
        *,
        again: bool = False,
    ) -> list[msg.Measurement]:
        """Publish the task and follow its stages to the end.

        To put down what is held is over when the robot is ready for what comes next.

        Args:
            request: the goal, which has the task's id.
            words: of the task.
            step: that they say.
            attempt: which it is.
            deadline: s by the node's clock, when the goal's time is over.
            again: it may be tried again, so that a message which is lost is not waited for.

        Returns:
            what the stages measured.

        Raises:
            Lost: where nobody works on it.
            UnihmError: of the stage that failed; CANCELLED, PREEMPTED, STAGE_TIMEOUT or
                SAFETY_STOP. The task goes on until :meth:`stop`.
        """
        task = Task(request.task_id, words, self._hand_name)
        last = request.until or self._last_stage
        if step.action is Action.RELEASE:
            last = STEPS[0]
        began = self._node.seconds
        self._partners.begin()
        self._sure = time.monotonic()
        self._tell(request, msg.StageStatus(task_id=task.task_id, stage=STEPS[0]), attempt)
        message = task_to_msg(task, self._node.header(), attempt, bool(request.until))
        self._tasks.publish(message)
        values: list[msg.Measurement] = []
        stage, heard = STEPS[0], began
        working: set[str] = set()
        lost = min(_LOST, self._stage_timeout / 2)
        while True:
            self._check_end(request, stage, heard, deadline)
            if again and not working and self._node.seconds - heard > lost:
                raise Lost(
                    ErrorCode.STAGE_TIMEOUT, f"Nobody works on the task any more after {stage}."
                )
            try:
                status = request.statuses.get(timeout=_POLL)
            except queue.Empty:
                continue
            if status.task_id != request.task_id:
                continue
            heard = self._node.seconds
            if status.state == msg.StageStatus.STARTED:
                working.add(status.stage)
                again = again and status.stage != "arm"  # from there on, something moves
            else:
                working.discard(status.stage)
            if status.state == msg.StageStatus.FAILED:
                raise UnihmError(ErrorCode(status.error_code), status.error_msg)
            if status.stage in PROGRESS:
                if status.stage == "arm" and stage != "arm":
                    values += measurements({"first_command": (heard - began, "s")})
                stage = status.stage
                self._tell(request, status, attempt)
            if status.state == msg.StageStatus.SUCCEEDED:
                values += measured(status)
                if status.stage == last:
                    if last != self._last_stage:
                        self._end_task(request, UnihmError(ErrorCode.NONE, f"It ends with {last}."))
                    return values

    def stop(self, request: Request, error: UnihmError) -> None:
        """Tell every stage that the task is over and wait until the arm rests."""
        self._end_task(request, error)
        if STEPS.index(self._last_stage) < STEPS.index("arm"):
            return  # there is no arm that could move
        end = time.monotonic() + self._stop_timeout
        while time.monotonic() < end and not self._partners.gone(["arm_controller"]):
            try:
                status = request.statuses.get(timeout=_POLL)
            except queue.Empty:
                continue
            if status.stage == "arm" and status.state == msg.StageStatus.STOPPED:
                return
        self._node.get_logger().warning("The arm controller did not say that the arm rests.")

    def _on_status(self, status: msg.StageStatus) -> None:
        current = self._goals.current
        if current is not None and status.task_id == current.task_id:
            current.statuses.put(status)

    def _reaches(self, names: set[str]) -> bool:
        """Whether a task that is published now comes to all of them.

        Where DDS has not brought two nodes together yet, a message is lost: that of a coordinator
        that was started again, for one.
        """
        ends = [
            end
            for end in self._node.get_subscriptions_info_by_topic(self._tasks.topic_name)
            if end.qos_profile.durability is DurabilityPolicy.VOLATILE  # else they never meet
        ]
        there = names <= {end.node_name for end in ends}
        return there and self._tasks.get_subscription_count() >= len(ends)

    def _needed(self, request: Request) -> set[str]:
        return nodes_until(request.until or self._last_stage)

    def _check_alive(self, request: Request) -> None:
        gone = self._partners.gone(self._needed(request))
        if gone:
            raise UnihmError(
                ErrorCode.STAGE_TIMEOUT,
                f"Nothing is heard of {' and '.join(gone)} any more; start it again.",
            )

    def _check_wanted(self, request: Request, stage: str) -> None:
        self._emergency.check()
        self._goals.check_wanted(request, stage)

    def _check_end(self, request: Request, stage: str, heard: float, deadline: float) -> None:
        now = self._node.seconds  # what follows says whether that can be believed
        self._node.clock_watch.look()
        if request.jump is not None:
            raise request.jump
        if self._node.clock_watch.jumping:
            return
        self._check_wanted(request, stage)
        self._check_trespass()
        self._check_alive(request)
        if again := self._partners.restarted(self._needed(request)):
            raise UnihmError(
                ErrorCode.STAGE_TIMEOUT,
                f"{' and '.join(again)} has been started again amid the task.",
            )
        if now - heard > self._stage_timeout:
            raise UnihmError(
                ErrorCode.STAGE_TIMEOUT,
                f"No word from any stage for {self._stage_timeout:.0f} s; the last was {stage}.",
            )
        if now > deadline:
            raise UnihmError(
                ErrorCode.STAGE_TIMEOUT, f"The task's time was over in the stage {stage}."
            )

    def _check_trespass(self) -> None:
        """Whether somebody speaks in another's place.

        Who was killed stays in the graph for some seconds; what its successor says is held back
        until then (:data:`HELD_BACK`). Two that live are known by their heartbeats.
        """
        trespass = self._node.trespass
        if not isinstance(trespass, NotYet):
            self._sure = time.monotonic()
        waits = isinstance(trespass, NotYet) and time.monotonic() - self._sure < HELD_BACK
        if trespass is not None and not waits:
            raise trespass

    def _tell(self, request: Request, status: msg.StageStatus, attempt: int) -> None:
        feedback = feedback_of(status, attempt, request.step, request.steps)
        feedback.header, feedback.understood = self._node.header(), request.understood
        request.feedback(feedback)

    def _end_task(self, request: Request, reason: UnihmError) -> None:
        """Tell every stage that the task is over."""
        self._stops.publish(
            msg.StopTask(
                header=self._node.header(),
                task_id=request.task_id,
                error_code=int(reason.code),
                reason=reason.message,
            )
        )
