"""The faults of the drill: an entry each."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geometry_msgs.msg import PoseStamped
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from unihm_msgs import msg

from unihm.ros.qos import LATCHED, RELIABLE, SENSOR, STATUS

if TYPE_CHECKING:
    from unihm.ros.drill.drill import Drill

Act = Callable[["Drill"], None]
Make = Callable[["Drill"], object]

# When: before the goal; when a stage says that it works; when the arm moves.
BEFORE, MOVING = "before", "arm"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong while a goal is carried out.

    Attributes:
        name: in a few words; unique.
        when: :data:`BEFORE` the goal, or the stage in which it happens.
        happen: lets it happen.
        stops: whether a moving arm has to come to rest.
        prepare: what has to be so before the goal, and is no fault.
        mend: makes it good; processes are mended by the drill.
    """

    name: str
    when: str
    happen: Act
    stops: bool = False
    prepare: Act = lambda drill: None
    mend: Act = lambda drill: None


# ---------------------------------------------------------------------- processes


def kill(node: str) -> Act:
    """As if it had crashed."""
    return lambda drill: drill.robot.signal(node, signal.SIGKILL)


def hang(node: str) -> Act:
    """It neither answers nor ends."""
    return lambda drill: drill.robot.signal(node, signal.SIGSTOP)


def restart(node: str) -> Act:
    """Somebody ends it and starts it again at once."""

    def act(drill: Drill) -> None:
        drill.robot.signal(node, signal.SIGTERM)
        while drill.robot.is_running(node):
            time.sleep(0.02)
        drill.robot.start(node)

    return act


# ---------------------------------------------------------------------- drivers


def driver(node: str, fault: str) -> Act:
    """A mock driver has one of its faults."""
    return lambda drill: drill.set_fault(node, fault)


def well(node: str) -> Act:
    """It has none any more."""
    return lambda drill: drill.set_fault(node, "")


# ---------------------------------------------------------------------- strangers


def stranger_says(topic: str, kind: type, make: Make, qos: QoSProfile = RELIABLE) -> Act:
    """Another participant publishes a message of its own, once."""

    def act(drill: Drill) -> None:
        publisher = drill.publisher(kind, topic, qos)
        drill.until(lambda: publisher.get_subscription_count() > 0, 5.0)
        publisher.publish(make(drill))

    return act


def second_publisher(topic: str, kind: type, make: Make, qos: QoSProfile = RELIABLE) -> Act:
    """Another participant publishes at 50 Hz until the fault is mended."""

    def act(drill: Drill) -> None:
        publisher = drill.publisher(kind, topic, qos)
        drill.repeat(0.02, lambda: publisher.publish(make(drill)))

    return act


def other_joints(drill: Drill) -> JointState:
    """The arm somewhere else."""
    return JointState(
        header=drill.header(),
        name=list(drill.arm.joint_names),
        position=(drill.arm.home + 0.3).tolist(),
    )


def forged_motion(drill: Drill) -> msg.HandMotion:
    """A hand motion of an invented task."""
    motion = drill.last(msg.HandMotion)
    motion.task_id = "stranger-1"
    for pose in motion.wrist_poses:
        pose.position.z -= 0.12
    return motion


def forged_plan(drill: Drill) -> msg.ExecutionPlan:
    """The plan that was carried out last, of an invented task, and now."""
    plan = drill.last(msg.ExecutionPlan)
    plan.task_id = "stranger-2"
    plan.header.stamp = drill.header().stamp
    plan.hand_positions = [0.5 * value for value in plan.hand_positions]
    return plan


def nowhere(drill: Drill) -> PoseStamped:
    """A camera pose that is none."""
    pose = PoseStamped(header=drill.header())
    pose.pose.orientation.w = 0.0
    pose.pose.position.x = float("nan")
    return pose


def huge_image(drill: Drill) -> Image:
    """An image that says it is far larger than its data."""
    return Image(header=drill.header(), height=2**31, width=2**31, encoding="bgra8", step=1)


# ---------------------------------------------------------------------- goals


def burst(drill: Drill) -> None:
    """Fifty goals at once."""
    for _ in range(50):
        drill.send()


def cancels(drill: Drill) -> None:
    """Ten goals one after the other, each cancelled at some moment."""
    for _ in range(10):
        drill.send()
        time.sleep(random.uniform(0.0, 1.5))
        drill.cancel()


def repeated_goals(drill: Drill) -> None:
    """Each preempts the one before it, in motion."""
    for _ in range(3):
        time.sleep(1.0)
        drill.send()


def by_topic(drill: Drill) -> None:
    """The same instruction on the topic, twenty times."""
    publisher = drill.publisher(String, "instruction", RELIABLE)
    drill.until(lambda: publisher.get_subscription_count() > 0, 5.0)
    for _ in range(20):
        publisher.publish(String(data=drill.sentence))


# ---------------------------------------------------------------------- time and network


def flap(drill: Drill) -> None:
    """The cable is out for a moment, again and again."""

    def once() -> None:
        drill.network.cut()
        time.sleep(0.1)
        drill.network.join()

    drill.repeat(0.4, once)


def joined(drill: Drill) -> None:
    """The network is as it should be."""
    drill.network.join()


# ---------------------------------------------------------------------- the table

STAGES = ("capture", "planner", "segmentation", "generator", "decoder", "refiner")
CONTROLLERS = ("arm_controller", "hand_controller")
DRIVERS = ("mock_arm", "mock_hand", "mock_camera")


def _table() -> Iterator[Fault]:
    for node in STAGES:
        yield Fault(f"{node} killed at its work", node, kill(node))
    for node in STAGES[1:]:
        yield Fault(f"{node} killed before", BEFORE, kill(node))
    yield Fault("verifier killed in motion", MOVING, kill("verifier"))
    for node in (*CONTROLLERS, "coordinator", "mock_arm", "mock_hand", "mock_camera", "capture"):
        yield Fault(f"{node} killed in motion", MOVING, kill(node), stops=True)
    for node in (*CONTROLLERS, "coordinator", *DRIVERS):
        yield Fault(f"{node} hung in motion", MOVING, hang(node), stops=True)
    for node in ("planner", "capture", "arm_controller"):
        yield Fault(f"{node} hung before", BEFORE, hang(node))
    for node in (*CONTROLLERS, "coordinator"):
        yield Fault(f"{node} restarted in motion", MOVING, restart(node), stops=True)
    for fault in (
        *("silent", "frozen", "delayed", "lossy", "old_stamps", "future_stamps"),
        *("black", "noisy", "no_depth", "other_size", "other_encoding", "empty_table"),
    ):
        act, mend = driver("mock_camera", fault), well("mock_camera")
        yield Fault(f"camera {fault}", BEFORE, act, mend=mend)
    yield Fault(
        "camera silent in motion",
        MOVING,
        driver("mock_camera", "silent"),
        stops=True,
        mend=well("mock_camera"),
    )
    for fault in (
        *("silent", "frozen", "delayed", "old_stamps", "future_stamps"),
        *("held_positions", "nan", "wrong_names", "stuck"),
    ):
        act, mend = driver("mock_arm", fault), well("mock_arm")
        yield Fault(f"arm {fault} in motion", MOVING, act, stops=True, mend=mend)
    yield Fault(
        "arm reflex in motion", MOVING, driver("mock_arm", "reflex"), True, well("mock_arm")
    )
    yield Fault("arm refuses", BEFORE, driver("mock_arm", "refuses"), mend=well("mock_arm"))
    yield Fault("arm lossy", MOVING, driver("mock_arm", "lossy"), mend=well("mock_arm"))
    for fault in ("silent", "frozen", "nan", "wrong_names", "stuck"):
        act, mend = driver("mock_hand", fault), well("mock_hand")
        yield Fault(f"hand {fault} in motion", MOVING, act, stops=fault != "stuck", mend=mend)
    yield Fault("emergency stop by topic", MOVING, lambda drill: drill.request_stop(), stops=True)
    yield Fault("emergency stop by service", MOVING, lambda drill: drill.engage_stop(), stops=True)
    yield Fault(
        "second publisher of joint states",
        MOVING,
        second_publisher("/joint_states", JointState, other_joints),
        stops=True,
    )
    yield Fault(
        "an image of a wrong length",
        BEFORE,
        second_publisher("/zed/zed_node/rgb/color/rect/image", Image, huge_image),
    )
    yield Fault(
        "unknown error code in StopTask",
        MOVING,
        stranger_says("stop", msg.StopTask, lambda d: msg.StopTask(task_id="x", error_code=4711)),
    )
    yield Fault(
        "unknown error code in StageStatus",
        MOVING,
        stranger_says(
            "status",
            msg.StageStatus,
            lambda d: msg.StageStatus(task_id="x", state=3, error_code=4711, stage="planner"),
            STATUS,
        ),
    )
    yield Fault(
        "forged StopTask without a task",
        MOVING,
        stranger_says("stop", msg.StopTask, lambda d: msg.StopTask()),
    )
    yield Fault(
        "forged Task",
        MOVING,
        stranger_says(
            "task",
            msg.Task,
            lambda d: msg.Task(task_id="stranger-3", instruction=d.sentence, hand=d.hand),
        ),
    )
    yield Fault(
        "forged HandMotion",
        MOVING,
        stranger_says("refined_hand_motion", msg.HandMotion, forged_motion),
    )
    yield Fault(
        "forged ExecutionPlan",
        MOVING,
        stranger_says("execution_plan", msg.ExecutionPlan, forged_plan),
    )
    yield Fault(
        "latched camera pose of NaN",
        BEFORE,
        stranger_says("camera_pose", PoseStamped, nowhere, LATCHED),
    )
    yield Fault(
        "joint states of a wrong length",
        MOVING,
        second_publisher(
            "/joint_states",
            JointState,
            lambda d: JointState(name=list(d.arm.joint_names), position=[0.0]),
            SENSOR,
        ),
    )
    yield Fault("fifty goals at once", BEFORE, burst)
    yield Fault("ten goals with random cancels", BEFORE, cancels)
    yield Fault("three goals in motion", MOVING, repeated_goals)
    yield Fault("twenty instructions by topic", BEFORE, by_topic)
    for seconds in (60.0, -30.0):
        yield Fault(
            f"clock jumps by {seconds:+.0f} s in motion",
            MOVING,
            lambda drill, seconds=seconds: drill.jump(seconds),  # type: ignore[misc]
            prepare=lambda drill: drill.simulate_time(),
            mend=lambda drill: drill.real_time(),
        )
    yield Fault(
        "disk full",
        BEFORE,
        lambda drill: drill.robot.limit_files(True),
        mend=lambda drill: drill.robot.limit_files(False),
    )


def _between_hosts() -> Iterator[Fault]:
    def cut(drill: Drill) -> None:
        drill.network.cut()

    def lossy(drill: Drill) -> None:
        drill.network.disturb(loss=0.2)

    def late(drill: Drill) -> None:
        drill.network.disturb(delay=0.3)

    yield Fault("network cut before", BEFORE, cut, mend=joined)
    yield Fault("network cut in motion", MOVING, cut, stops=True, mend=joined)
    yield Fault("network flaps in motion", MOVING, flap, mend=joined)
    yield Fault("network loses a fifth in motion", MOVING, lossy, mend=joined)
    yield Fault("network late in motion", MOVING, late, mend=joined)


FAULTS = tuple(_table())

# Between two hosts; the second one has the drivers.
NETWORK_FAULTS = tuple(_between_hosts())
