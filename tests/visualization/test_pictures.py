"""The picture strip and the film, from made-up stories."""

from __future__ import annotations

import imageio.v3 as iio
import numpy as np
import pytest
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.sim.scene import Camera
from unihm.transforms import from_xyz_rpy, make_transform
from unihm.types import HandMotion, ObjectCloud, RgbdObservation, TaskKind
from unihm.visualization.palette import COMPLETED, PATH, SEEN
from unihm.visualization.pictures import (
    PANEL,
    Story,
    caption,
    draw_cloud,
    draw_plan,
    picture_strip,
    project,
    splat,
    write_picture,
    write_video,
)

CAMERA = Camera(width=320, height=240)


@pytest.fixture(scope="module")
def story():
    """A grey floor, a ball-shaped cloud half seen, a hand beside it."""
    rows, cols = np.indices((240, 320))
    rays = np.stack([cols, rows, np.ones_like(rows)], -1) @ np.linalg.inv(CAMERA.K).T
    down = rays @ CAMERA.T_world_camera[2, :3]
    depth = np.where(down < -0.05, -CAMERA.T_world_camera[2, 3] / down, 0).astype(np.float32)
    observation = RgbdObservation(
        np.full((240, 320, 3), 120, np.uint8), depth, CAMERA.K, CAMERA.T_world_camera
    )
    T_world_object = from_xyz_rpy([0.5, 0.0, 0.05], [0, 0, 0])
    trajectory = make_trajectory(TaskKind.GRAB, T_world_object, T_world_object[:3, 3])
    rng = np.random.default_rng(0)
    normals = rng.standard_normal((2000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    cloud = ObjectCloud(0.04 * normals, normals, observed=normals[:, 1] > 0)
    hand = load_hand("xhand")
    palm = make_transform([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], [0.0, -0.06, 0.06])
    wrist = np.tile(palm @ np.linalg.inv(hand.T_wrist_palm), (len(trajectory), 1, 1))
    joints = np.tile(hand.pregrasp_joints, (len(trajectory), 1))
    motion = HandMotion("xhand", wrist, joints, trajectory)
    view = np.full((150, 200, 3), 90, np.uint8)
    return Story(
        "pick up the ball",
        "xhand",
        observation,
        trajectory,
        cloud,
        motion,
        view,
        view,
        True,
        "held",
    )


def near(image, color, tolerance=40):
    """(H, W): pixels near a colour."""
    return abs(image.astype(int) - np.array(color)).max(axis=2) < tolerance


def test_points_are_drawn_where_the_camera_sees_them(story):
    observation = story.observation
    point = np.array([[0.5, 0.1, 0.03]])
    image = splat(np.zeros((240, 320, 3), np.uint8), observation, point, SEEN, radius=0)
    (row,), (col,) = np.nonzero(image.any(axis=2))
    pixel, depth = project(observation, point)
    np.testing.assert_allclose([col, row], pixel[0], atol=0.5)
    assert depth[0] == pytest.approx(
        np.linalg.inv(CAMERA.T_world_camera)[2] @ np.append(point[0], 1.0)
    )


def test_the_nearer_point_covers_and_the_hidden_one_is_faint(story):
    observation, eye = story.observation, CAMERA.T_world_camera[:3, 3]
    near_point = np.array([0.5, 0.0, 0.1])
    behind = near_point + 0.1 * (near_point - eye)
    both = np.stack([near_point, behind])
    blank = np.zeros((240, 320, 3), np.uint8)
    for order in ([0, 1], [1, 0]):
        colors = np.array([[255, 0, 0], [0, 255, 0]])[order]
        image = splat(blank, observation, both[order], colors, radius=1)
        assert image[..., 0].max() > 200
        assert image[..., 1].max() == 0
    under = near_point + 0.3 * (near_point - eye)  # below the floor that the camera sees
    assert splat(blank, observation, under[None], SEEN).max() < 140


def test_cloud_and_plan_show_their_colours(story):
    found = draw_cloud(story.observation, story.trajectory, story.cloud)
    assert near(found, SEEN).sum() > 100
    assert near(found, COMPLETED).sum() > 50
    plan = draw_plan(story.observation, story.motion)
    assert near(plan, PATH).sum() > 50
    greenish = plan[..., 1].astype(int) - plan[..., 0] > 40
    assert greenish.sum() > 300  # the hand, shaded


def test_a_strip_has_a_row_for_every_story(story, tmp_path):
    one, two = picture_strip([story]), picture_strip([story, story])
    assert two.shape == (2 * one.shape[0], *one.shape[1:])
    assert one.shape[1] > 5 * PANEL[0]
    path = write_picture(tmp_path / "deep" / "strip.png", two)
    np.testing.assert_array_equal(iio.imread(path), two)


def test_success_is_green_and_failure_red(story):
    fields = {**story.__dict__, "success": False, "outcome": "rose by 1 cm"}
    good, bad = picture_strip([story])[:60, -500:], picture_strip([Story(**fields)])[:60, -500:]
    assert near(good, (24, 140, 72)).sum() > 50
    assert near(good, (196, 48, 40)).sum() == 0
    assert near(bad, (196, 48, 40)).sum() > 50
    assert near(bad, (24, 140, 72)).sum() == 0


@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_a_film_can_be_read_again(tmp_path, suffix):
    images = [
        caption(np.full((91, 120, 3), shade, np.uint8), "a task", f"{shade}")
        for shade in (20, 120, 220)
    ]
    assert all(side % 2 == 0 for side in images[0].shape[:2])
    path = write_video(tmp_path / f"film.{suffix}", images, fps=5)
    frames = iio.imread(path, index=None if suffix == "gif" else ...)
    frames = np.asarray(frames)
    assert len(frames) == 3
    means = frames[:, 20:60, 20:60, :3].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(means, [20, 120, 220], atol=12)
