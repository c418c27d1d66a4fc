"""Goals over the action: done, refused, cancelled, preempted, retried; and the next one works.

Camera, robot and the learned stages are stand-ins (see fakes.py); everything else is real.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fakes import (
    CAMERA_POSE,
    FakeCamera,
    FakeRobot,
    ScriptedStages,
    height_of_wrist,
)
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from unihm.errors import ErrorCode
from unihm.ros.graph import Graph
from unihm.ros.qos import LATCHED
from unihm.sim.still import RED_BOX, see_boxes
from unihm_msgs import msg
from waiting import eventually

pytestmark = [pytest.mark.ros, pytest.mark.xdist_group("graphs")]
NODES = [
    "capture",
    "planner",
    "segmentation",
    "coordinator",
    "emergency_stop",
    "arm_controller",
    "hand_controller",
    "verifier",
]
GRAB = "pick up the red box"
NOTHING = "pick up the elephant"  # a goal that ends soon and moves nothing
SLOW = 60.0  # s that anything may take on a machine that does other things too


class Bench:
    """The graph between a fake camera and a fake robot."""

    def __init__(self, domain_id: int) -> None:
        self.graph = Graph(
            nodes=NODES,
            use_sim_time=False,
            domain_id=domain_id,
            parameters={
                "capture": {"camera_pose": CAMERA_POSE, "timeout": 3.0},
                "coordinator": {"stop_timeout": 20.0},
                # The stand-ins for the drivers are as busy as the machine.
                "arm_controller": {
                    "joint_state_timeout": 3.0,
                    "heartbeat_timeout": 3.0,
                    "window": 3.0,
                },
                "hand_controller": {"window": 3.0},
                "verifier": {"joint_state_timeout": 3.0},
            },
        )
        made: dict[str, Any] = {"context": self.graph.context, "use_global_arguments": False}
        self.robot = FakeRobot(**made)
        self.camera = FakeCamera(self.robot, **made)
        self.stages = ScriptedStages(**made)
        self.instructions = self.stages.create_publisher(String, "instruction", 10)
        self.statuses: list[msg.StageStatus] = []
        self.stages.create_subscription(msg.StageStatus, "status", self.statuses.append, 100)
        for node in (self.camera, self.robot, self.stages):
            self.graph.spin(node)

    def say(self, instruction: str = GRAB, **options: Any) -> Any:
        return self.graph.commander.manipulate(instruction, **options).result(SLOW)

    def start(self, stage: str, instruction: str = GRAB) -> Any:
        """Send a goal and return its future once ``stage`` is at work on it."""
        reached = threading.Event()
        future = self.graph.commander.manipulate(
            instruction, on_feedback=lambda f: reached.set() if f.stage == stage else None
        )
        assert reached.wait(SLOW), f"the stage {stage} never began"
        return future

    def result(self, future: Any) -> Any:
        return future.result(SLOW)


def in_the_executor(node: Any, work: Any, *arguments: Any) -> None:
    """Do it between two looks of the executor, which stumbles over what is destroyed meanwhile."""
    done = node.executor.create_task(work, *arguments)
    assert eventually(done.done, SLOW)


def stands_still(robot: FakeRobot) -> bool:
    before = robot.where("arm")
    time.sleep(0.3)
    return bool(np.abs(robot.where("arm") - before).max() < 1e-3)


@pytest.fixture(scope="module")
def running_bench(module_domain_id: int) -> Iterator[Bench]:
    made = Bench(module_domain_id)
    with made.graph as graph:
        graph.commander.wait_until_ready(SLOW)
        yield made


@pytest.fixture
def bench(running_bench: Bench) -> Iterator[Bench]:
    """The bench, whole again afterwards, and proven to take the next goal."""
    yield running_bench
    running_bench.camera.mend()
    running_bench.robot.mend()
    running_bench.stages.deaf = running_bench.stages.reports = False
    # What was silent has to be heard again first.
    assert eventually(lambda: running_bench.say(NOTHING).error_code == ErrorCode.OBJECT_NOT_FOUND)
    assert eventually(running_bench.robot.is_home)


def test_what_is_only_planned_moves_nothing(bench: Bench) -> None:
    bench.stages.reports = True
    home = bench.robot.where("arm"), bench.robot.where("hand")
    motions: list[msg.HandMotion] = []
    bench.stages.create_subscription(
        msg.HandMotion, "refined_hand_motion", motions.append, bench.stages.motions.qos_profile
    )
    result = bench.say(until="refiner")
    assert (result.error_code, result.error_msg, result.attempts) == (0, "", 1)
    assert eventually(lambda: motions and motions[-1].task_id == result.task_id)
    time.sleep(1.0)
    assert np.abs(bench.robot.where("arm") - home[0]).max() < 1e-6
    assert np.abs(bench.robot.where("hand") - home[1]).max() < 1e-6
    assert not any(
        s.stage == "arm" and s.task_id == result.task_id and s.state == msg.StageStatus.STARTED
        for s in bench.statuses
    )


@pytest.mark.parametrize(
    ("sentence", "until"),
    [
        (GRAB, "arm"),
        (GRAB, "verifier"),
        (GRAB, "anything"),
        ("put it down", "refiner"),
        ("pick up the red box, then push the blue box to the left", "refiner"),
    ],
)
def test_what_cannot_be_only_planned_is_refused(bench: Bench, sentence: str, until: str) -> None:
    home = bench.robot.where("arm")
    assert bench.say(sentence, until=until).error_code == ErrorCode.INVALID_INSTRUCTION
    assert np.abs(bench.robot.where("arm") - home).max() < 1e-6


def test_nothing_is_planned_beside_a_task(bench: Bench) -> None:
    running = bench.start("arm")
    assert bench.say(until="planner").error_code == ErrorCode.PREEMPTED
    assert bench.result(running).error_code == 0


def test_a_grab_lifts_and_holds(bench: Bench) -> None:
    seen: list[tuple[str, float]] = []
    result = bench.say(on_feedback=lambda f: seen.append((f.stage, f.progress)))
    assert (result.error_code, result.error_msg, result.attempts) == (0, "", 1)
    assert [progress for _, progress in seen] == sorted(progress for _, progress in seen)
    stages = list(dict(seen))
    assert stages == ["ready", "capture", "planner", "segmentation", "arm", "verifier"]
    names = {m.name for m in result.measurements}
    assert {"planner/duration", "arm/duration", "verifier/pressing_fingers"} <= names
    assert height_of_wrist(bench.robot) > 0.2
    assert np.abs(bench.robot.where("hand") - bench.robot.hand.open_joints).max() > 0.3


def test_what_is_held_is_put_back_before_the_next_goal(bench: Bench) -> None:
    assert bench.say().error_code == 0
    lowest = [np.inf]
    watch = bench.stages.create_timer(0.05, lambda: lowest.append(height_of_wrist(bench.robot)))
    assert bench.say(NOTHING).error_code == ErrorCode.OBJECT_NOT_FOUND
    watch.destroy()
    assert min(lowest) < 0.2  # it went down to where the object stood
    assert eventually(bench.robot.is_home)


@pytest.mark.parametrize("seconds", [0.5, 2.5])
def test_putting_back_goes_on_where_it_was_interrupted(bench: Bench, seconds: float) -> None:
    bench.robot.jumps.clear()
    assert bench.say().error_code == 0
    putting_back = bench.start("ready", NOTHING)
    assert eventually(lambda: not stands_still(bench.robot))
    time.sleep(seconds)
    bench.graph.commander.cancel_task()
    assert bench.result(putting_back).error_code == ErrorCode.CANCELLED
    assert eventually(lambda: stands_still(bench.robot))
    assert bench.say(NOTHING).error_code == ErrorCode.OBJECT_NOT_FOUND
    assert eventually(bench.robot.is_home)
    assert max(bench.robot.jumps) <= 2e-3


def test_a_second_motion_of_a_task_is_not_carried_out(bench: Bench) -> None:
    received: list[msg.HandMotion] = []
    bench.stages.create_subscription(msg.HandMotion, "refined_hand_motion", received.append, 10)
    going = bench.start("arm")
    assert eventually(lambda: len(received) > 0)
    plans: list[msg.ExecutionPlan] = []
    bench.stages.create_subscription(msg.ExecutionPlan, "execution_plan", plans.append, 10)
    before = len(plans)
    bench.stages.motions.publish(received[0])
    assert bench.result(going).error_code == 0
    assert len(plans) - before <= 1  # the plan of the first motion, where it came this late


def hostile_messages() -> list[tuple[str, Any]]:
    """Topic and message: what no node of ours would send."""
    nowhere, turned = PoseStamped(), PoseStamped()
    nowhere.pose.orientation.w = 0.0
    turned.pose.position.x, turned.pose.orientation.w = np.nan, 1.0
    status = {"task_id": "x", "stage": "arm", "state": msg.StageStatus.FAILED}
    return [
        ("stop", msg.StopTask(task_id="x", error_code=9999)),
        ("status", msg.StageStatus(error_code=9999, error_msg="of a later version", **status)),
        ("camera_pose", nowhere),
        ("camera_pose", turned),
        ("refined_hand_motion", msg.HandMotion(task_id="x", hand="xhand")),
        ("execution_plan", msg.ExecutionPlan(task_id="x", hand="xhand", rate=-1.0)),
        ("object_trajectory", msg.ObjectTrajectory(task_id="y", kind=77, dt=float("nan"))),
        ("object_cloud", msg.ObjectCloud(task_id="x")),
        ("observation", msg.RgbdObservation(task_id="x")),
        ("task", msg.Task(task_id="", instruction="\0" * 3)),
        ("/joint_states", JointState(name=["fr3_joint1"], position=[])),
    ]


def test_no_message_ends_a_node(bench: Bench) -> None:
    """The bench itself then proves that the next goal works."""
    for topic, message in hostile_messages():
        publisher = bench.stages.create_publisher(type(message), topic, LATCHED)
        assert eventually(lambda made=publisher: made.get_subscription_count() > 0), topic
        publisher.publish(message)
        in_the_executor(bench.stages, bench.stages.destroy_publisher, publisher)
    assert bench.say().error_code == 0


def test_every_goal_of_a_burst_is_answered(bench: Bench) -> None:
    goals = [bench.graph.commander.manipulate(NOTHING) for _ in range(20)]
    codes = [bench.result(goal).error_code for goal in goals]
    assert codes[-1] == ErrorCode.OBJECT_NOT_FOUND
    assert set(codes) <= {ErrorCode.OBJECT_NOT_FOUND, ErrorCode.PREEMPTED}


def test_a_failure_with_a_code_of_a_later_version_ends_the_goal(bench: Bench) -> None:
    bench.statuses.clear()
    future = bench.start("planner")
    forged = msg.StageStatus(
        task_id=bench.statuses[-1].task_id,
        stage="refiner",  # as whom the stand-ins speak
        state=msg.StageStatus.FAILED,
        error_code=9999,
        error_msg="Something that this version does not know.",
    )
    bench.stages.statuses.publish(forged)
    result = bench.result(future)
    assert (result.error_code, result.error_msg) == (ErrorCode.INTERNAL, forged.error_msg)


@pytest.mark.parametrize("timeout", [-5.0, float("nan"), float("inf"), 1e9])
def test_a_timeout_that_cannot_be_is_refused(bench: Bench, timeout: float) -> None:
    result = bench.say(timeout=timeout)
    assert result.error_code == ErrorCode.INVALID_INSTRUCTION
    assert_is_sentence(result.error_msg)


def test_topic_does_the_same(bench: Bench) -> None:
    bench.statuses.clear()
    bench.instructions.publish(String(data=GRAB))
    verified = ("verifier", msg.StageStatus.SUCCEEDED)
    assert eventually(lambda: verified in [(s.stage, s.state) for s in bench.statuses])


@pytest.mark.parametrize(
    ("instruction", "hand", "code"),
    [
        ("", "", ErrorCode.INVALID_INSTRUCTION),
        ("  \n", "", ErrorCode.INVALID_INSTRUCTION),
        ("xkcd qwrt zzyzx", "", ErrorCode.INVALID_INSTRUCTION),
        (NOTHING, "", ErrorCode.OBJECT_NOT_FOUND),
        (GRAB, "tentacle", ErrorCode.UNKNOWN_HAND),
        (GRAB, "inspire", ErrorCode.UNKNOWN_HAND),
        (GRAB, "../robots/fr3", ErrorCode.UNKNOWN_HAND),
    ],
)
def test_what_cannot_be_done_is_refused(
    bench: Bench, instruction: str, hand: str, code: ErrorCode
) -> None:
    result = bench.say(instruction, hand=hand)
    assert result.error_code == code
    assert_is_sentence(result.error_msg)
    assert eventually(bench.robot.is_home)


def assert_is_sentence(text: str) -> None:
    assert text[-1] in ".?"
    assert len(text.split()) > 3
    assert "Traceback" not in text


def zeros(camera: FakeCamera) -> None:
    camera.depth = np.zeros_like(camera.depth)


def nans(camera: FakeCamera) -> None:
    camera.depth = np.full_like(camera.depth, np.nan)


def depth_in_rgb8(camera: FakeCamera) -> None:
    camera.depth_encoding = "rgb8"


def colour_in_yuv(camera: FakeCamera) -> None:
    camera.rgb_encoding = "yuv422"


def info_of_another_size(camera: FakeCamera) -> None:
    camera.info_width = 1920


def silence(camera: FakeCamera) -> None:
    camera.running = False


def table_only(camera: FakeCamera) -> None:
    camera.rgb, camera.depth = see_boxes(())


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (zeros, ErrorCode.INVALID_DEPTH),
        (nans, ErrorCode.INVALID_DEPTH),
        (depth_in_rgb8, ErrorCode.INVALID_DEPTH),
        (colour_in_yuv, ErrorCode.INVALID_IMAGE),
        (info_of_another_size, ErrorCode.CAMERA_INFO_MISMATCH),
        (silence, ErrorCode.CAMERA_TIMEOUT),
        (table_only, ErrorCode.OBJECT_NOT_FOUND),
    ],
)
def test_what_the_camera_gives_is_checked(
    bench: Bench, spoil: Callable[[FakeCamera], None], code: ErrorCode
) -> None:
    spoil(bench.camera)
    result = bench.say()
    assert result.error_code == code
    assert_is_sentence(result.error_msg)
    assert eventually(bench.robot.is_home)


def test_what_is_out_of_reach_is_refused(bench: Bench) -> None:
    bench.camera.rgb, bench.camera.depth = see_boxes((replace(RED_BOX, centre=(0.84, 0.0, 0.05)),))
    result = bench.say()
    assert result.error_code == ErrorCode.UNREACHABLE
    assert eventually(bench.robot.is_home)


def test_a_lift_that_fails_is_tried_again_once(bench: Bench) -> None:
    bench.robot.grips = False
    attempts: set[int] = set()
    result = bench.say(on_feedback=lambda f: attempts.add(f.attempt))
    assert result.error_code == ErrorCode.GRASP_FAILED
    assert (result.attempts, attempts) == (2, {1, 2})
    assert eventually(bench.robot.is_home)


def test_a_second_try_can_succeed(bench: Bench) -> None:
    bench.robot.grips = False

    def mend_after_first(feedback: Any) -> None:
        if feedback.attempt == 2:
            bench.robot.grips = True

    result = bench.say(on_feedback=mend_after_first)
    assert (result.error_code, result.attempts) == (0, 2)


@pytest.mark.parametrize("stage", ["ready", "capture", "planner", "segmentation"])
def test_cancel_before_the_robot_moves(bench: Bench, stage: str) -> None:
    future = bench.start(stage)
    bench.graph.commander.cancel_task()
    result = bench.result(future)
    assert result.error_code == ErrorCode.CANCELLED
    assert_is_sentence(result.error_msg)
    assert eventually(bench.robot.is_home)


def test_cancel_on_the_way_stops_and_goes_home(bench: Bench) -> None:
    future = bench.start("arm")
    assert eventually(lambda: not bench.robot.is_home())
    bench.graph.commander.cancel_task()
    assert bench.result(future).error_code == ErrorCode.CANCELLED
    assert eventually(bench.robot.is_home)


def test_cancel_with_the_object_in_hand_holds_it(bench: Bench) -> None:
    future = bench.start("arm")
    controller: Any = bench.graph.nodes["arm_controller"]
    assert eventually(lambda: controller.runs.phase == "HOLD")
    bench.graph.commander.cancel_task()
    assert bench.result(future).error_code == ErrorCode.CANCELLED
    assert stands_still(bench.robot)
    grip = np.abs(bench.robot.where("hand") - bench.robot.hand.open_joints).max()
    assert grip > 0.3
    assert not bench.robot.is_home()


def test_cancel_while_the_lift_is_judged(bench: Bench) -> None:
    future = bench.start("verifier")
    bench.graph.commander.cancel_task()
    # The last stage may have ended before the cancel arrived.
    assert bench.result(future).error_code in (ErrorCode.NONE, ErrorCode.CANCELLED)


def test_a_newer_goal_ends_the_one_before(bench: Bench) -> None:
    first = bench.start("arm")
    assert eventually(lambda: not bench.robot.is_home())
    second = bench.say()
    assert bench.result(first).error_code == ErrorCode.PREEMPTED
    assert second.error_code == 0


def test_joint_states_that_stop_stop_the_robot(bench: Bench) -> None:
    future = bench.start("arm")
    assert eventually(lambda: not bench.robot.is_home())
    bench.robot.running = False
    stopped = bench.result(future).error_code  # whichever of the two is noticed first
    assert stopped in (ErrorCode.JOINT_STATE_TIMEOUT, ErrorCode.SAFETY_STOP)
    assert stands_still(bench.robot)


def test_an_arm_that_does_not_follow_is_stopped(bench: Bench) -> None:
    bench.robot.stuck = True
    result = bench.say()
    assert result.error_code == ErrorCode.SAFETY_STOP
    assert_is_sentence(result.error_msg)


def test_a_stage_that_never_answers_times_out(bench: Bench) -> None:
    bench.stages.deaf = True
    result = bench.say(timeout=8.0)
    assert result.error_code == ErrorCode.STAGE_TIMEOUT
    assert "segmentation" in result.error_msg


def test_a_thing_that_is_moved_before_it_is_touched_is_looked_for_again(bench: Bench) -> None:
    going = bench.start("arm")
    bench.camera.move((0.0, -0.05, 0.0))
    result = bench.result(going)
    assert (result.error_code, result.attempts) == (ErrorCode.NONE, 2)
    words = [s.error_msg for s in bench.statuses if s.error_code == ErrorCode.OBJECT_MOVED]
    assert len(words) == 1
    assert_is_sentence(words[0])
    assert "red box" in words[0]


def test_a_task_whose_messages_are_lost_is_begun_anew(bench: Bench) -> None:
    bench.stages.deaf = True

    def mend_after_first(feedback: Any) -> None:
        if feedback.attempt == 2:
            bench.stages.deaf = False

    result = bench.say(on_feedback=mend_after_first)
    assert (result.error_code, result.attempts) == (0, 2)


def test_a_word_stops_the_robot(bench: Bench) -> None:
    going = bench.start("arm")
    assert eventually(lambda: bench.instructions.get_subscription_count() > 0)
    bench.instructions.publish(String(data="stop"))
    result = bench.result(going)
    assert result.error_code == ErrorCode.CANCELLED
    assert "Stopped" in result.error_msg
    assert eventually(lambda: stands_still(bench.robot))


def test_a_question_is_answered_and_ends_nothing(bench: Bench) -> None:
    going = bench.start("arm")
    asked = bench.say("is the red mug clean?")
    assert asked.error_code == ErrorCode.INVALID_INSTRUCTION
    assert "question" in asked.error_msg
    assert bench.result(going).error_code == 0


def test_steps_are_done_in_order_until_one_fails(bench: Bench) -> None:
    seen: list[Any] = []
    result = bench.say(f"{GRAB}, then push the elephant to the left", on_feedback=seen.append)
    assert result.error_code == ErrorCode.OBJECT_NOT_FOUND
    assert [f.progress for f in seen] == sorted(f.progress for f in seen)
    assert {f.steps for f in seen} == {2}
    assert {f.step for f in seen} == {1, 2}
    assert seen[0].understood == "grab the red box, then push the elephant to the left"
    assert any(m.name == "step1/arm/duration" for m in result.measurements)


def test_what_is_held_is_put_down_when_asked(bench: Bench) -> None:
    refused = bench.say("put it down")
    assert refused.error_code == ErrorCode.INVALID_INSTRUCTION
    assert bench.say().error_code == 0
    result = bench.say("put it down")
    assert (result.error_code, result.error_msg) == (0, "")
    assert eventually(bench.robot.is_home)


def test_what_is_not_to_be_done_moves_nothing(bench: Bench) -> None:
    for sentence in ("do not touch the red box", "pour the red box", "how are you"):
        assert bench.say(sentence).error_code == ErrorCode.INVALID_INSTRUCTION
    assert bench.robot.is_home()
