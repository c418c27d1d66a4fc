"""The capture node and a camera that comes, goes, or is nowhere yet."""

from __future__ import annotations

import numpy as np
import pytest
from crowd import Crowd
from fakes import CAMERA, CAMERA_POSE, FakeCamera, FakeRobot
from geometry_msgs.msg import PoseStamped
from unihm.errors import ErrorCode
from unihm.nodes.capture import CaptureNode
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import pose_from_msg, pose_to_msg
from unihm.ros.qos import LATCHED, RELIABLE
from unihm.sim.still import T_WORLD_CAMERA
from unihm.transforms import from_xyz_rpy, invert, to_pose7
from unihm_msgs import msg

pytestmark = pytest.mark.ros


def add_camera(crowd: Crowd) -> FakeCamera:
    made = {"context": crowd.context, "use_global_arguments": False}
    camera = FakeCamera(FakeRobot(**made), **made)
    crowd.executor.add_node(camera)
    return camera


class Around:
    """The coordinator, and who hears what the capture node says."""

    def __init__(self, crowd: Crowd) -> None:
        coordinator, self.graph = (
            crowd.add(UnihmNode, name) for name in ("coordinator", "planner")
        )
        self.seen: list[msg.RgbdObservation] = []
        self.statuses: list[msg.StageStatus] = []
        self.graph.create_subscription(
            msg.RgbdObservation, "observation", self.seen.append, RELIABLE
        )
        self.graph.create_subscription(msg.StageStatus, "status", self.statuses.append, 100)
        self.tasks = coordinator.create_publisher(msg.Task, "task", RELIABLE)


def test_a_camera_that_falls_silent_is_said_with_every_heartbeat(crowd: Crowd) -> None:
    capture = crowd.add(CaptureNode, "capture", camera_pose=CAMERA_POSE, silence=0.5)
    assert capture.start()
    camera = add_camera(crowd)
    assert capture.pulse() == {}  # a camera that never spoke is no partner of a motion
    assert crowd.until(lambda: capture.diagnose()["pairs"] > 0)
    camera.running = False
    assert crowd.until(lambda: f"Nothing on {CAMERA}" in capture.pulse().get("fault", ""))
    camera.running = True
    assert crowd.until(lambda: capture.pulse() == {})


@pytest.mark.parametrize("is_told", [True, False])
def test_a_task_waits_for_the_camera_s_pose(crowd: Crowd, is_told: bool) -> None:
    """A capture node that was started again hears of the pose when it may have images already."""
    capture = crowd.add(
        CaptureNode, "capture", wait_for_robot=False, timeout=60.0 if is_told else 1.0
    )
    assert capture.start()
    around = Around(crowd)
    add_camera(crowd)
    assert crowd.until(lambda: around.tasks.get_subscription_count() == len(crowd.nodes))
    around.tasks.publish(msg.Task(task_id="a", instruction="x", hand="xhand"))
    assert crowd.until(lambda: capture.task_id == "a")
    pairs = capture.diagnose()["pairs"]
    assert crowd.until(lambda: capture.diagnose()["pairs"] > pairs + 1)
    assert not around.seen
    if is_told:
        poses = around.graph.create_publisher(PoseStamped, "camera_pose", LATCHED)
        poses.publish(PoseStamped(pose=pose_to_msg(T_WORLD_CAMERA)))
        assert crowd.until(lambda: len(around.seen) == 1)
    else:
        codes = [ErrorCode.INVALID_TRANSFORM]
        assert crowd.until(lambda: [s.error_code for s in around.statuses if s.error_code] == codes)


@pytest.mark.parametrize(("off", "words"), [(60.0, "in the future"), (-60.0, "clock is behind")])
def test_images_of_another_time_are_not_taken(crowd: Crowd, off: float, words: str) -> None:
    """One that is stamped in the future would always count as newer than the question."""
    capture = crowd.add(
        CaptureNode, "capture", wait_for_robot=False, camera_pose=CAMERA_POSE, timeout=1.0
    )
    assert capture.start()
    around = Around(crowd)
    camera = add_camera(crowd)
    camera.clock_off = off
    assert crowd.until(lambda: around.tasks.get_subscription_count() == len(crowd.nodes))
    assert crowd.until(lambda: capture.diagnose()["pairs"] > 0)
    around.tasks.publish(msg.Task(task_id="a", instruction="x", hand="xhand"))
    assert crowd.until(lambda: any(s.error_code for s in around.statuses))
    (failed,) = (s for s in around.statuses if s.error_code)
    assert failed.error_code == ErrorCode.CAMERA_TIMEOUT
    assert words in failed.error_msg
    assert not around.seen


def test_a_camera_that_is_off_is_put_right_by_the_table(crowd: Crowd) -> None:
    off = from_xyz_rpy([0.0, 0.0, 0.0], np.deg2rad([1.5, 1.0, 0.0]))
    capture = crowd.add(
        CaptureNode,
        "capture",
        wait_for_robot=False,
        camera_pose=to_pose7(T_WORLD_CAMERA @ off).tolist(),
    )
    assert capture.start()
    around = Around(crowd)
    add_camera(crowd)
    assert crowd.until(lambda: around.tasks.get_subscription_count() == len(crowd.nodes))
    around.tasks.publish(msg.Task(task_id="a", instruction="x", hand="xhand"))
    assert crowd.until(lambda: len(around.seen) == 1)
    T = pose_from_msg(around.seen[0].camera_pose) @ invert(T_WORLD_CAMERA)
    np.testing.assert_allclose(T[2, :3], [0.0, 0.0, 1.0], atol=0.005)


def test_what_a_motion_has_done_is_looked_at_when_nothing_moves_any_more(crowd: Crowd) -> None:
    capture = crowd.add(CaptureNode, "capture", camera_pose=CAMERA_POSE)
    assert capture.start()
    around = Around(crowd)
    camera = add_camera(crowd)
    judged: list[msg.RgbdObservation] = []
    around.graph.create_subscription(msg.RgbdObservation, "verification", judged.append, RELIABLE)
    arm = crowd.add(UnihmNode, "arm_controller")
    place = [0.0]

    def roll() -> None:
        if place[0] < 0.15:
            place[0] += 0.05
            camera.move((0.0, place[0], 0.0))

    camera.create_timer(0.2, roll)
    assert crowd.until(lambda: around.tasks.get_subscription_count() == len(crowd.nodes))
    around.tasks.publish(msg.Task(task_id="a", instruction="x", hand="xhand"))
    assert crowd.until(lambda: capture.task_id == arm.task_id == "a")
    place[0] = 0.0
    arm.report("a", msg.StageStatus.SUCCEEDED, stage="arm")
    assert crowd.until(lambda: len(judged) == 1)
    assert place[0] >= 0.15
