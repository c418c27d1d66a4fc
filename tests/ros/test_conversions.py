"""Dataclass to message and back is the same value, in every direction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from unihm.control.execution import ExecutionPlan
from unihm.errors import ErrorCode, UnihmError
from unihm.ros import conversions
from unihm.transforms import from_xyz_rpy, make_transform
from unihm.types import (
    HandMotion,
    HandTokens,
    ObjectCloud,
    ObjectTrajectory,
    Phase,
    RgbdObservation,
    Task,
    TaskKind,
)

pytestmark = pytest.mark.ros
HEADER = Header(frame_id="world")
seeds = st.integers(0, 2**32 - 1)


def poses(random: np.random.Generator, count: int) -> np.ndarray:
    return make_transform(
        Rotation.random(count, random_state=random.integers(2**31)).as_matrix(),
        random.normal(size=(count, 3)),
    )


def trajectory(random: np.random.Generator, frames: int) -> ObjectTrajectory:
    return ObjectTrajectory(
        poses(random, frames),
        np.sort(random.integers(0, len(Phase), frames)),
        0.1,
        TaskKind(int(random.integers(len(TaskKind)))),
        random.normal(size=3),
        "red box",
    )


def assert_same_trajectory(a: ObjectTrajectory, b: ObjectTrajectory) -> None:
    np.testing.assert_allclose(a.T_world_object, b.T_world_object, atol=1e-12)
    np.testing.assert_array_equal(a.phase, b.phase)
    np.testing.assert_allclose(a.pick_point, b.pick_point)
    assert (a.dt, a.kind, a.description) == (b.dt, b.kind, b.description)


@given(st.floats(0, 4e9, allow_nan=False))
def test_time(seconds: float) -> None:
    back = conversions.time_to_seconds(conversions.seconds_to_time(seconds))
    assert back == pytest.approx(seconds, abs=1e-6)


@given(seeds, st.integers(1, 60))
@settings(max_examples=25)
def test_trajectory(seed: int, frames: int) -> None:
    value = trajectory(np.random.default_rng(seed), frames)
    message = conversions.trajectory_to_msg(value, HEADER, "t")
    assert message.task_id == "t"
    assert_same_trajectory(conversions.trajectory_from_msg(message), value)


@given(seeds, st.integers(1, 60), st.integers(1, 24))
@settings(max_examples=25)
def test_motion(seed: int, frames: int, joints: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"joint{i}" for i in range(joints)]
    value = HandMotion(
        "xhand",
        poses(random, frames),
        random.normal(size=(frames, joints)),
        trajectory(random, frames),
    )
    message = conversions.motion_to_msg(value, names, HEADER, "t")
    back = conversions.motion_from_msg(message)
    np.testing.assert_allclose(back.T_object_wrist, value.T_object_wrist, atol=1e-12)
    np.testing.assert_array_equal(back.joints, value.joints)
    assert_same_trajectory(back.trajectory, value.trajectory)


@given(seeds, st.integers(1, 300))
@settings(max_examples=25)
def test_cloud(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    normals = random.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    observed, around = random.random(count) < 0.5, random.normal(size=(count // 2, 3))
    value = ObjectCloud(random.normal(size=(count, 3)), normals, 0.5, observed, around)
    back = conversions.cloud_from_msg(conversions.cloud_to_msg(value, HEADER, "t"))
    np.testing.assert_allclose(back.points, value.points, atol=1e-6)
    np.testing.assert_allclose(back.normals, value.normals, atol=1e-6)
    np.testing.assert_allclose(back.around, value.around, atol=1e-6)
    np.testing.assert_array_equal(back.observed, value.observed)
    assert back.confidence == 0.5


@given(seeds, st.integers(1, 40), st.integers(1, 4))
@settings(max_examples=25)
def test_tokens(seed: int, chunks: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 8192, (chunks, levels))
    T = from_xyz_rpy(random.normal(size=3), random.normal(size=3))
    back = conversions.tokens_from_msg(
        conversions.tokens_to_msg(HandTokens(codes, 4, "abc", T), HEADER, "t")
    )
    np.testing.assert_allclose(back.T_object_frame, T, atol=1e-9)
    np.testing.assert_array_equal(back.codes, codes)
    assert (back.chunk, back.codebook_id) == (4, "abc")


def test_task() -> None:
    task = Task("t", "pick up the red box", "xhand")
    assert conversions.task_from_msg(conversions.task_to_msg(task, HEADER)) == task


def test_plan() -> None:
    random = np.random.default_rng(0)
    plan = ExecutionPlan(
        np.arange(50) / 100.0,
        random.normal(size=(50, 7)),
        random.normal(size=(50, 12)),
        np.sort(random.integers(0, 5, 50)),
        random.normal(size=12),
    )
    arm, hand = [f"a{i}" for i in range(7)], [f"h{i}" for i in range(12)]
    message = conversions.plan_to_msg(plan, "arm", 100.0, "xhand", arm, hand, HEADER, "t")
    back = conversions.plan_from_msg(message)
    for name in ("times", "arm", "hand", "phase", "squeeze"):
        np.testing.assert_array_equal(getattr(back, name), getattr(plan, name))


@pytest.fixture
def observation() -> RgbdObservation:
    random = np.random.default_rng(0)
    return RgbdObservation(
        random.integers(0, 255, (480, 640, 3)).astype(np.uint8),
        random.random((480, 640)).astype(np.float32),
        np.array([[570.0, 0, 320], [0, 570, 240], [0, 0, 1]]),
        poses(random, 1)[0],
        12.5,
    )


def test_observation(observation: RgbdObservation) -> None:
    header = Header(stamp=conversions.seconds_to_time(12.5), frame_id="camera")
    message = conversions.observation_to_msg(observation, header, "t")
    back = conversions.observation_from_msg(message)
    for name in ("rgb", "depth", "K"):
        np.testing.assert_array_equal(getattr(back, name), getattr(observation, name))
    np.testing.assert_allclose(back.T_world_camera, observation.T_world_camera, atol=1e-12)
    assert back.stamp == 12.5


def test_bgra_image_is_read_as_it_was(observation: RgbdObservation) -> None:
    message = conversions.observation_to_msg(observation, HEADER, "t")
    message.rgb = conversions.bgra_to_msg(observation.rgb, HEADER)
    np.testing.assert_array_equal(conversions.observation_from_msg(message).rgb, observation.rgb)


def code_of(function: object, *arguments: object) -> ErrorCode:
    with pytest.raises(UnihmError) as caught:
        function(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_quaternion_of_length_two_is_refused() -> None:
    message = conversions.trajectory_to_msg(trajectory(np.random.default_rng(0), 3), HEADER, "t")
    message.poses[1].orientation.w += 1.0
    assert code_of(conversions.trajectory_from_msg, message) == ErrorCode.INVALID_TRANSFORM


def test_joints_that_fill_no_row_are_refused() -> None:
    random = np.random.default_rng(0)
    value = HandMotion("xhand", poses(random, 3), np.zeros((3, 2)), trajectory(random, 3))
    message = conversions.motion_to_msg(value, ["a", "b"], HEADER, "t")
    message.joint_names = ["a", "b", "c", "d"]
    assert code_of(conversions.motion_from_msg, message) == ErrorCode.INVALID_MOTION


def test_cloud_without_normals_is_refused() -> None:
    cloud = ObjectCloud(np.zeros((4, 3)), np.ones((4, 3)))
    message = conversions.cloud_to_msg(cloud, HEADER, "t")
    message.cloud.fields = message.cloud.fields[:3]
    assert code_of(conversions.cloud_from_msg, message) == ErrorCode.INVALID_CLOUD


def test_codes_that_fill_no_chunk_are_refused() -> None:
    message = conversions.tokens_to_msg(HandTokens(np.zeros((3, 2), int), 4, "a"), HEADER, "t")
    message.levels = 4
    assert code_of(conversions.tokens_from_msg, message) == ErrorCode.INVALID_MOTION
