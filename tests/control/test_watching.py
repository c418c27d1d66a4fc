"""Whether a thing is where the plan believes it to be, and whether anything moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from unihm.control.watching import StillWatch, TargetWatch
from unihm.errors import ErrorCode, UnihmError
from unihm.sim.still import FAR_BLUE_BOX, RED_BOX, T_WORLD_CAMERA, K, see_boxes
from unihm.transforms import make_transform
from unihm.types import ObjectCloud, ObjectTrajectory, Phase, RgbdObservation, TaskKind


def _see(*boxes) -> RgbdObservation:
    rgb, depth = see_boxes(boxes)
    return RgbdObservation(rgb, depth.astype(np.float32), K, T_WORLD_CAMERA)


def _watch() -> TargetWatch:
    half = np.array(RED_BOX.half)
    rng = np.random.default_rng(0)
    sides = np.repeat(np.concatenate([np.eye(3), -np.eye(3)]), 400, axis=0)
    points = np.where(sides != 0, sides, rng.uniform(-1, 1, sides.shape)) * half
    cloud = ObjectCloud(points, sides, np.ones(len(points), bool), 1.0)
    T = np.tile(make_transform(np.eye(3), RED_BOX.centre), (2, 1, 1))
    trajectory = ObjectTrajectory(
        T,
        np.array([Phase.APPROACH, Phase.GRASP]),
        0.1,
        TaskKind.GRAB,
        np.array(RED_BOX.centre),
        description="red box",
    )
    return TargetWatch(_see(RED_BOX, FAR_BLUE_BOX), trajectory, cloud)


def test_what_stands_still_stops_nobody() -> None:
    watch = _watch()
    rng = np.random.default_rng(1)
    for _ in range(20):
        seen = _see(RED_BOX, FAR_BLUE_BOX)
        noise = rng.normal(0, 0.003, seen.depth.shape)
        watch.look(replace(seen, depth=(seen.depth + noise).astype(np.float32)))


@pytest.mark.parametrize("step", [(0.05, 0.0, 0.0), (-0.05, 0, 0), (0, 0.05, 0), (0.03, 0.03, 0)])
def test_what_is_moved_by_half_its_width_is_noticed_at_the_third_look(step) -> None:
    watch = _watch()
    moved = _see(RED_BOX.moved(step), FAR_BLUE_BOX)
    watch.look(moved)
    watch.look(moved)
    with pytest.raises(UnihmError) as caught:
        watch.look(moved)
    assert caught.value.code == ErrorCode.OBJECT_MOVED
    assert "red box" in caught.value.message


def test_one_bad_image_stops_nobody() -> None:
    watch = _watch()
    for _ in range(5):
        watch.look(_see(FAR_BLUE_BOX))
        watch.look(_see(RED_BOX, FAR_BLUE_BOX))


def test_what_shines_stops_nobody() -> None:
    """Half of its depth is that of the table behind it, in every image another half."""
    watch = _watch()
    rng = np.random.default_rng(2)
    here, away = _see(RED_BOX, FAR_BLUE_BOX), _see(FAR_BLUE_BOX)
    for _ in range(30):
        through = rng.random(here.depth.shape) < 0.5
        watch.look(replace(here, depth=np.where(through, away.depth, here.depth)))


def test_what_comes_in_front_has_no_say() -> None:
    watch = _watch()
    arm = replace(RED_BOX, centre=(0.60, 0.10, 0.25), half=(0.02, 0.08, 0.2))
    for _ in range(5):
        watch.look(_see(RED_BOX, FAR_BLUE_BOX, arm))


def test_without_depth_nothing_is_said() -> None:
    watch = _watch()
    seen = _see(FAR_BLUE_BOX)
    for _ in range(5):
        watch.look(replace(seen, depth=np.zeros_like(seen.depth)))


def test_what_rolls_is_waited_for_until_it_lies() -> None:
    watch = StillWatch()
    places = [0.0, 0.06, 0.10, 0.12, 0.12]
    looks = []
    for number, place in enumerate(places):
        seen = replace(_see(RED_BOX.moved((0.0, place, 0.0)), FAR_BLUE_BOX), stamp=0.3 * number)
        assert watch.is_due(seen.stamp)
        looks.append(watch.look(seen))
        assert not watch.is_due(seen.stamp + 0.1)
    assert looks == [False, False, False, False, True]


def test_noise_of_a_stereo_camera_is_no_motion() -> None:
    rng = np.random.default_rng(3)

    def noisy(stamp: float) -> RgbdObservation:
        seen = _see(RED_BOX, FAR_BLUE_BOX)
        noise = rng.normal(0, 0.004, seen.depth.shape) * seen.depth**2
        holes = rng.random(seen.depth.shape) < 0.05
        depth = np.where(holes, 0.0, seen.depth + noise).astype(np.float32)
        return replace(seen, depth=depth, stamp=stamp)

    watch = StillWatch()
    assert [watch.look(noisy(0.0)), watch.look(noisy(0.3))] == [False, True]


def test_images_of_another_size_have_no_say() -> None:
    seen = _see(FAR_BLUE_BOX)
    half = np.diag([0.5, 0.5, 1.0]) @ K
    small = replace(seen, rgb=seen.rgb[::2, ::2].copy(), depth=seen.depth[::2, ::2], K=half)
    target, still = _watch(), StillWatch()
    for n in range(4):
        target.look(small)
        assert not still.look(replace([seen, small][n % 2], stamp=0.3 * n))


def test_patience_ends() -> None:
    watch = StillWatch()
    looks = [
        watch.look(replace(_see(RED_BOX.moved((0.0, 0.05 * n, 0.0))), stamp=0.3 * n))
        for n in range(8)
    ]
    assert looks.index(True) == 6
