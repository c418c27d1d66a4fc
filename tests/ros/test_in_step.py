"""Arm and hand go along with each other, or neither goes on."""

from __future__ import annotations

import numpy as np
import pytest
from crowd import Crowd
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory
from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan, plan_move
from unihm.control.machine import ArmMachine, ControllerState
from unihm.errors import ErrorCode, UnihmError
from unihm.nodes.hand_controller import HandControllerNode
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.ros import conversions
from unihm.ros.base import UnihmNode
from unihm.ros.motion_watch import HAND_LATE, MotionWatch
from unihm.ros.qos import RELIABLE
from unihm_msgs import msg

pytestmark = pytest.mark.ros
ARM, HAND = load_arm(), load_hand("xhand")
NAMES = [*ARM.joint_names, *HAND.joint_names]
HERE = (ARM.home + np.linspace(0.2, 0.0, 7), HAND.open_joints)


def way_home() -> ExecutionPlan:
    return plan_move(ARM, HAND, *HERE, ARM.home, HAND.open_joints)


class Drivers:
    """What says where the robot is, and listens to the hand's commands."""

    def __init__(self, crowd: Crowd) -> None:
        self.node = crowd.add(UnihmNode, "drivers")
        states = self.node.create_publisher(JointState, "/joint_states", RELIABLE)
        self.node.create_subscription(
            JointTrajectory, "/hand_controller/joint_trajectory", lambda command: None, RELIABLE
        )
        self.node.create_timer(0.02, lambda: states.publish(self._here()))

    def _here(self) -> JointState:
        return JointState(
            header=self.node.header(), name=NAMES, position=np.concatenate(HERE).tolist()
        )


def hand_and_others(crowd: Crowd) -> tuple[HandControllerNode, UnihmNode, UnihmNode]:
    """A hand's controller at its driver; who speaks as coordinator and as the arm's controller."""
    Drivers(crowd)
    hand = crowd.add(HandControllerNode, "hand_controller", protocol="joint_trajectory")
    assert hand.start()
    return hand, crowd.add(UnihmNode, "coordinator"), crowd.add(UnihmNode, "arm_controller")


@pytest.mark.parametrize(("stage", "is_taken_up"), [("retreat", True), ("arm", False)])
def test_of_a_task_that_is_over_the_hand_takes_the_way_home_alone(
    crowd: Crowd, stage: str, is_taken_up: bool
) -> None:
    """The arm goes home from a task that has failed while the next one is given already."""
    hand, coordinator, arm = hand_and_others(crowd)
    tasks = coordinator.create_publisher(msg.Task, "task", RELIABLE)
    plans = arm.create_publisher(msg.ExecutionPlan, "execution_plan", RELIABLE)
    everybody = len(crowd.nodes)
    assert crowd.until(lambda: tasks.get_subscription_count() == everybody)
    assert crowd.until(lambda: plans.get_subscription_count() == 1)
    for task_id in ("first", "second"):
        tasks.publish(msg.Task(task_id=task_id, instruction="x", hand="xhand"))
        assert crowd.until(lambda wanted=task_id: hand.task_id == wanted)
    header = arm.header()
    taken: set[int] = set()

    def has_taken(number: int) -> bool:
        stamp = hand.pulse().get("plan")
        taken.update({stamp.nanosec} if stamp is not None else ())
        return number in taken

    for number, task_id, of_stage in ((1, "first", stage), (2, "second", "ready")):
        header.stamp.nanosec = number
        plans.publish(
            conversions.plan_to_msg(
                *(way_home(), of_stage, 100.0, "xhand"),
                *(ARM.joint_names, HAND.joint_names, header, task_id),
            )
        )
        if number == 2 or is_taken_up:
            assert crowd.until(lambda number=number: has_taken(number))
    assert taken == ({1, 2} if is_taken_up else {2})


def test_a_stop_that_is_heard_late_does_not_end_the_way_home(crowd: Crowd) -> None:
    """The arm begins to go home once it has heard the stop, and the hand may hear of that first."""
    hand, coordinator, arm = hand_and_others(crowd)
    tasks = coordinator.create_publisher(msg.Task, "task", RELIABLE)
    stops = coordinator.create_publisher(msg.StopTask, "stop", RELIABLE)
    plans = arm.create_publisher(msg.ExecutionPlan, "execution_plan", RELIABLE)
    everybody = len(crowd.nodes)
    assert crowd.until(lambda: tasks.get_subscription_count() == everybody)
    assert crowd.until(lambda: stops.get_subscription_count() == everybody)
    assert crowd.until(lambda: plans.get_subscription_count() == 1)
    tasks.publish(msg.Task(task_id="a task", instruction="x", hand="xhand"))
    assert crowd.until(lambda: hand.task_id == "a task")
    plans.publish(
        conversions.plan_to_msg(
            *(way_home(), "retreat", 100.0, "xhand"),
            *(ARM.joint_names, HAND.joint_names, arm.header(), "a task"),
        )
    )
    assert crowd.until(lambda: hand.pulse().get("state") == ControllerState.MOVING)
    stops.publish(msg.StopTask(task_id="a task", error_code=int(ErrorCode.GRASP_FAILED)))
    assert crowd.until(lambda: hand.is_stopped("a task"))
    assert hand.pulse()["state"] == ControllerState.MOVING


@pytest.mark.parametrize(
    ("begun", "sentence"),
    [
        (-1.0, "The hand does not take up the plan; stopping."),
        (7.0, "The hand does not come along with the arm; stopping."),
    ],
)
def test_an_arm_whose_hand_does_not_come_along_stops_with_a_sentence(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, begun: float, sentence: str
) -> None:
    Drivers(crowd)
    watch = MotionWatch(crowd.add(UnihmNode, "arm_controller"))
    failed: list[UnihmError] = []
    machine = ArmMachine(
        ARM.limits, ControlConfig(), lambda horizon: None, lambda task, error: failed.append(error)
    )

    def joints_are_known() -> bool:
        try:
            watch.here(ARM, HAND, machine)
        except UnihmError:
            return False
        return True

    watch.joint_states.wait_for = lambda names: None  # type: ignore[method-assign]
    monkeypatch.setattr(watch.partners, "sample", lambda name, plan: begun)
    monkeypatch.setattr(machine, "watch", lambda *where: None)  # these drivers stand still
    assert crowd.until(joints_are_known)
    start = 100.0
    machine.begin("a task", "retreat", way_home(), start, lambda: None)
    watch.begin()
    machine.tick(start)
    assert watch.look(ARM, HAND, machine, start) == begun
    # Only so long as the watcher itself is awake.
    watch.look(ARM, HAND, machine, start + 100.0)
    assert machine.state == ControllerState.MOVING, failed
    for now in start + 100.0 + np.arange(0.0, HAND_LATE + 0.1, 0.04):
        watch.look(ARM, HAND, machine, now)
    assert machine.state == ControllerState.STOPPING
    assert [(error.code, error.message) for error in failed] == [(ErrorCode.SAFETY_STOP, sentence)]
