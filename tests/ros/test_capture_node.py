"""The capture node and a camera that comes, goes, or is nowhere yet."""

from __future__ import annotations

import pytest
from crowd import Crowd
from fakes import CAMERA, CAMERA_POSE, FakeCamera, FakeRobot
from geometry_msgs.msg import PoseStamped
from unihm.errors import ErrorCode
from unihm.nodes.capture import CaptureNode
from unihm.ros.base import UnihmNode
from unihm.ros.conversions import pose_to_msg
from unihm.ros.qos import LATCHED, RELIABLE
from unihm.sim.still import T_WORLD_CAMERA
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
