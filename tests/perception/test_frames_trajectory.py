import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.perception import trajectory as tr
from unihm.perception.scene.frames import azimuth, canonical_object_frame, horizontal_rectangle
from unihm.transforms import apply, invert, is_rigid
from unihm.types import Phase, TaskKind

rng = np.random.default_rng(0)


def box_surface(sides, yaw, centre, n=3000):
    sides = np.asarray(sides, float)
    points = rng.uniform(-0.5, 0.5, (n, 3))
    face = rng.integers(0, 3, n)
    points[np.arange(n), face] = np.sign(points[np.arange(n), face]) * 0.5
    points *= sides
    c, s = np.cos(yaw), np.sin(yaw)
    return points @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + centre


def cylinder_surface(radius, height, centre, n=3000):
    angle = rng.uniform(0, 2 * np.pi, n)
    points = np.stack(
        [radius * np.cos(angle), radius * np.sin(angle), rng.uniform(0, height, n)], axis=1
    )
    return points + centre


def yaw_of(T):
    return np.arctan2(T[1, 0], T[0, 0])


def wrapped(angle):
    return (angle + np.pi) % (2 * np.pi) - np.pi


@pytest.mark.parametrize("yaw", np.deg2rad([-170, -60, 3, 44, 89, 130]))
def test_long_side_is_x_and_yaw_nearest_to_the_reference(yaw):
    centre = np.array([0.5, -0.1, 0.04])
    T = canonical_object_frame(box_surface([0.10, 0.05, 0.08], yaw, centre), reference_yaw=0.2)
    assert is_rigid(T)
    np.testing.assert_allclose(T[:3, 3], centre, atol=2e-3)
    assert abs(wrapped(2 * (yaw_of(T) - yaw))) / 2 < np.deg2rad(2)  # same axis, either sense
    assert abs(wrapped(yaw_of(T) - 0.2)) <= np.pi / 2 + np.deg2rad(2)


def test_nearly_square_sides_are_interchangeable():
    for ratio in (1.0, 1.1):
        T = canonical_object_frame(
            box_surface([0.06 * ratio, 0.06, 0.05], np.deg2rad(80), [0.4, 0, 0]), 0.0
        )
        assert abs(yaw_of(T) - np.deg2rad(-10)) < np.deg2rad(3)


def test_round_outline_takes_the_reference_yaw():
    T = canonical_object_frame(cylinder_surface(0.035, 0.1, [0.5, 0.2, 0]), reference_yaw=0.37)
    assert yaw_of(T) == pytest.approx(0.37)
    np.testing.assert_allclose(T[:3, 3], [0.5, 0.2, 0.05], atol=2e-3)


def test_noise_and_outliers_hardly_move_the_frame():
    clean = box_surface([0.12, 0.06, 0.06], 0.5, [0.5, 0, 0.03])
    noisy = clean + rng.normal(0, 0.0015, clean.shape)
    noisy[:6] += rng.uniform(-0.1, 0.1, (6, 3))
    shift = invert(canonical_object_frame(clean, 0)) @ canonical_object_frame(noisy, 0)
    assert np.linalg.norm(shift[:3, 3]) < 0.003
    assert abs(yaw_of(shift)) < np.deg2rad(3)
    _, _, sides = horizontal_rectangle(noisy)
    np.testing.assert_allclose(sides, [0.12, 0.06], atol=0.006)


def test_frame_is_deterministic_and_turns_with_object_and_reference():
    points = box_surface([0.1, 0.07, 0.05], 0.3, [0.5, 0.1, 0.02])
    T = canonical_object_frame(points, 0.1)
    np.testing.assert_array_equal(T, canonical_object_frame(points, 0.1))
    c, s = np.cos(0.9), np.sin(0.9)
    turn = np.eye(4)
    turn[:2, :2] = [[c, -s], [s, c]]
    turned = canonical_object_frame(apply(turn, points), 1.0)
    shift = invert(turn @ T) @ turned
    assert np.linalg.norm(shift[:3, 3]) < 1e-3
    assert abs(yaw_of(shift)) < np.deg2rad(0.6)


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.full((9, 3), np.nan), np.zeros((5, 2))])
def test_frame_refuses_bad_clouds(points):
    with pytest.raises(UnihmError) as error:
        canonical_object_frame(points, 0.0)
    assert error.value.code == ErrorCode.INVALID_CLOUD


def test_azimuth():
    assert azimuth([0.5, 0.5, 3.0]) == pytest.approx(np.pi / 4)
    assert azimuth([1.0, 0.0], base=[1.0, 1.0]) == pytest.approx(-np.pi / 2)


def pose(x=0.5, y=0.1, z=0.05):
    T = np.eye(4)
    T[:3, 3] = x, y, z
    return T


@pytest.mark.parametrize(
    ("kind", "extra", "frames"),
    [
        (TaskKind.GRAB, {}, 40),
        (TaskKind.PICK_AND_PLACE, {"place_position": [0.4, -0.2, 0.02]}, 76),
        (TaskKind.PUSH, {"push_direction": [0, 1, 0]}, 44),
        (TaskKind.OPEN_CLOSE, {"push_direction": [-1, 0]}, 44),
    ],
)
def test_standard_timings(kind, extra, frames):
    motion = tr.make_trajectory(kind, pose(), [0.5, 0.1, 0.1], **extra)
    assert len(motion) == frames
    assert frames % 4 == 0
    assert (motion.phase[:12] == Phase.APPROACH).all()
    assert (motion.phase[12:20] == Phase.GRASP).all()
    assert motion.phase[20] == Phase.HOLD
    np.testing.assert_array_equal(motion.T_world_object[:20], np.repeat(pose()[None], 20, axis=0))
    steps = np.linalg.norm(np.diff(motion.T_world_object[:, :3, 3], axis=0), axis=1)
    assert steps.max() / motion.dt < 1.0  # m/s


def test_grab_lifts_straight_and_settles():
    motion = tr.make_trajectory(TaskKind.GRAB, pose(), [0.5, 0.1, 0.1], lift=0.2)
    positions = motion.T_world_object[:, :3, 3]
    np.testing.assert_allclose(positions[-6:], [[0.5, 0.1, 0.25]] * 6)
    assert (np.diff(positions[:, 2]) >= 0).all()


def test_place_sets_the_bottom_on_the_target_and_rests():
    motion = tr.make_trajectory(
        TaskKind.PICK_AND_PLACE, pose(z=0.05), [0.5, 0.1, 0.1], place_position=[0.4, -0.2, 0.12]
    )
    end = motion.T_world_object[-1, :3, 3]
    np.testing.assert_allclose(end, [0.4, -0.2, 0.12 + 0.05 + tr.PLACE_GAP])
    resting = motion.phase >= Phase.RELEASE
    assert resting.sum() == 18
    np.testing.assert_allclose(motion.T_world_object[resting, :3, 3] - end, 0, atol=1e-12)
    carried = motion.T_world_object[20 + 12 : 20 + 28, 2, 3]
    assert carried.min() > 0.12 + 0.05 + 0.14


def test_push_keeps_the_height():
    motion = tr.make_trajectory(
        TaskKind.PUSH, pose(), [0.5, 0.1, 0.1], push_direction=[0, 3, 5], push_distance=0.1
    )
    np.testing.assert_allclose(motion.T_world_object[-1, :3, 3], [0.5, 0.2, 0.05])


def test_missing_targets_are_coded_errors():
    for kind in (TaskKind.PICK_AND_PLACE, TaskKind.PUSH):
        with pytest.raises(UnihmError) as error:
            tr.make_trajectory(kind, pose(), [0, 0, 0])
        assert error.value.code == ErrorCode.INVALID_MOTION
