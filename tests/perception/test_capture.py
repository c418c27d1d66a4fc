import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.perception import camera
from unihm.perception.camera.points import radius_inliers, statistical_inliers
from unihm.types import RgbdObservation

rng = np.random.default_rng(0)
K = np.array([[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]])


def code_of(function, *args):
    with pytest.raises(UnihmError) as error:
        function(*args)
    assert len(error.value.message) > 10
    return error.value.code


@pytest.mark.parametrize(
    ("encoding", "channels"),
    [("rgb8", [0, 1, 2]), ("bgr8", [2, 1, 0]), ("rgba8", [0, 1, 2, 3]), ("bgra8", [2, 1, 0, 3])],
)
@pytest.mark.parametrize("padding", [0, 5])
def test_colour_encodings_and_row_padding(encoding, channels, padding):
    rgba = rng.integers(0, 256, (6, 7, 4), dtype=np.uint8)
    rows = rgba[..., channels].reshape(6, -1)
    raw = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    decoded = camera.decode_colour(raw.tobytes(), encoding, 6, 7, raw.shape[1])
    np.testing.assert_array_equal(decoded, rgba[..., :3])


@pytest.mark.parametrize("big", [False, True])
def test_depth_encodings(big):
    metres = rng.uniform(0.3, 2.0, (5, 4)).astype(np.float32)
    metres[1, 2] = np.nan
    order = ">" if big else "<"
    raw = metres.astype(order + "f4").tobytes()
    decoded = camera.decode_depth(raw, "32FC1", 5, 4, 16, big)
    np.testing.assert_array_equal(decoded, np.nan_to_num(metres))
    millimetres = np.nan_to_num(metres * 1000).astype(order + "u2")
    decoded = camera.decode_depth(millimetres.tobytes(), "16UC1", 5, 4, 8, big)
    np.testing.assert_allclose(decoded, np.nan_to_num(metres), atol=1e-3)


def test_wrong_encodings_and_short_buffers():
    assert code_of(camera.decode_colour, b"", "yuv422", 2, 2, 4) == ErrorCode.INVALID_IMAGE
    assert code_of(camera.decode_colour, bytes(10), "rgb8", 2, 2, 6) == ErrorCode.INVALID_IMAGE
    assert code_of(camera.decode_depth, bytes(16), "rgb8", 2, 2, 8) == ErrorCode.INVALID_DEPTH
    assert code_of(camera.decode_depth, bytes(15), "32FC1", 2, 2, 8) == ErrorCode.INVALID_DEPTH
    assert code_of(camera.decode_depth, bytes(16), "32FC1", 2, 2, 4) == ErrorCode.INVALID_DEPTH


def test_camera_info_must_fit_the_image():
    np.testing.assert_array_equal(camera.intrinsics(K.ravel(), (48, 64), (48, 64)), K)
    mismatch = ErrorCode.CAMERA_INFO_MISMATCH
    assert code_of(camera.intrinsics, K.ravel(), (48, 64), (96, 128)) == mismatch
    assert code_of(camera.intrinsics, np.zeros(9), (48, 64), (48, 64)) == mismatch
    assert code_of(camera.intrinsics, K.ravel() * np.nan, (48, 64), (48, 64)) == mismatch
    assert code_of(camera.intrinsics, K.ravel() * 4, (48, 64), (48, 64)) == mismatch


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 50.0, -1.0])
def test_depth_without_content_is_refused(value):
    depth = np.full((48, 64), value, np.float32)
    assert code_of(camera.clean_depth, depth) == ErrorCode.INVALID_DEPTH


def test_flying_pixels_go_and_edges_stay():
    depth = np.full((48, 64), 1.0, np.float32)
    depth[10:30, 20:40] = 0.8
    depth[10:30, 40] = 0.9  # a curtain between the box and the wall
    depth[40, 5] = 0.5  # a lone speck
    clean = camera.clean_depth(depth)
    assert (clean[11:29, 40] == 0).all()
    assert clean[40, 5] == 0
    kept = np.ones(depth.shape, bool)
    kept[10:30, 40] = kept[40, 5] = False
    assert (clean[kept] > 0).mean() > 0.995


def observation(depth, T=None):
    rgb = np.zeros((*depth.shape, 3), np.uint8)
    return RgbdObservation(rgb, depth, K, np.eye(4) if T is None else T)


def test_points_land_in_the_world_and_project_back():
    depth = np.full((48, 64), 1.0, np.float32)
    T = np.eye(4)
    T[:3, :3] = [[1, 0, 0], [0, -1, 0], [0, 0, -1]]  # looking down
    T[:3, 3] = 0.5, 0.0, 1.0
    points = camera.world_points(observation(depth, T))
    np.testing.assert_allclose(points[..., 2], 0.0, atol=1e-6)
    np.testing.assert_allclose(points[24, 32], [0.5, 0, 0], atol=1e-6)
    pixels = camera.project(camera.deproject(depth, K), K)
    np.testing.assert_allclose(pixels[7, 9], [9, 7], atol=1e-6)


def test_observation_refuses_what_does_not_fit():
    depth = np.ones((48, 64), np.float32)
    rgb = np.zeros((48, 64, 3), np.uint8)
    flip = np.diag([1.0, 1.0, -1.0, 1.0])
    for args, code in [
        ((rgb, depth, K, flip), ErrorCode.INVALID_TRANSFORM),
        ((rgb, depth, K, np.eye(4) * np.nan), ErrorCode.INVALID_TRANSFORM),
        ((rgb, depth[:10], K, np.eye(4)), ErrorCode.INVALID_DEPTH),
        ((rgb[..., 0], depth, K, np.eye(4)), ErrorCode.INVALID_IMAGE),
        ((rgb, depth, K * 10, np.eye(4)), ErrorCode.CAMERA_INFO_MISMATCH),
    ]:
        assert code_of(RgbdObservation, *args) == code


def test_outlier_filters_drop_the_far_specks():
    cloud = rng.normal(0, 0.01, (500, 3))
    specks = rng.uniform(0.2, 0.4, (5, 3))
    points = np.concatenate([cloud, specks])
    for keep in (
        statistical_inliers(points),
        radius_inliers(points, 0.01, 3),
    ):
        assert not keep[500:].any()
        assert keep[:500].mean() > 0.9
    assert radius_inliers(np.zeros((0, 3)), 0.1, 1).shape == (0,)


def test_two_cameras_make_one_cloud():
    depth = np.full((48, 64), 1.0, np.float32)
    shifted = np.eye(4)
    shifted[0, 3] = 0.3
    points, colours = camera.fuse([observation(depth), observation(depth, shifted)], voxel=0.01)
    assert points.shape == colours.shape
    width = 64 / 60
    assert np.ptp(points[:, 0]) == pytest.approx(width + 0.3, abs=0.03)
    assert len(np.unique(np.floor(points / 0.01), axis=0)) == len(points)


def test_stamps_are_paired_within_the_tolerance():
    matcher = camera.StampMatcher(["rgb", "depth"], tolerance=0.02)
    assert matcher.add("rgb", 1.00, "a") is None
    assert matcher.add("depth", 1.05, "b") is None
    assert matcher.add("rgb", 1.04, "c") == {"rgb": "c", "depth": "b"}
    assert matcher.add("rgb", 1.06, "d") is None  # b is used up


def test_a_second_camera_fills_what_the_first_does_not_see():
    """Both look straight down at a table with a box; the first has a hole on the box."""
    looking_down = np.diag([1.0, -1.0, -1.0, 1.0])
    depth = np.full((48, 64), 1.0, np.float32)
    depth[16:32, 24:40] = 0.9
    first, second = looking_down.copy(), looking_down.copy()
    first[:3, 3] = 0.5, 0.0, 1.0
    second[:3, 3] = 0.5 + 2 / K[0, 0], 0.0, 1.0  # two pixels of the table to the right
    shifted = np.full((48, 64), 1.0, np.float32)
    shifted[16:32, 22:38] = 0.9
    holed = depth.copy()
    holed[20:28, 28:36] = np.nan
    main, other = observation(holed, first), observation(shifted, second)
    filled = camera.fill_from(main, [other])
    assert not np.isfinite(main.depth[20:28, 28:36]).any()
    hole = filled.depth[21:27, 29:35]
    assert (hole > 0).mean() > 0.9
    np.testing.assert_allclose(hole[hole > 0], 0.9, atol=1e-3)
    kept = camera.clean_depth(holed) > 0
    np.testing.assert_array_equal(filled.depth[kept], holed[kept])


def test_a_camera_that_sees_elsewhere_changes_nothing():
    depth = np.full((48, 64), 1.0, np.float32)
    depth[10:20, 10:20] = 0.0
    away = np.eye(4)
    away[:3, 3] = 0.0, 0.0, 5.0
    filled = camera.fill_from(observation(depth), [observation(depth.copy() + 0.5, away)])
    np.testing.assert_array_equal(filled.depth[10:20, 10:20], 0.0)
    np.testing.assert_array_equal(camera.fill_from(observation(depth), []).depth[0], depth[0])


def test_projection_binning_and_region_of_interest_count() -> None:
    k = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
    projection = np.hstack([0.9 * k, np.zeros((3, 1))]).ravel()
    projection[10] = 1
    size = (480, 640)
    bent = [-0.3, 0.1, 0, 0, 0]
    K = camera.intrinsics(k, size, size, projection, bent, rectified=True)
    np.testing.assert_allclose(K[0], [540, 0, 288])
    with pytest.raises(UnihmError, match="the rectified topic"):
        camera.intrinsics(k, size, size, projection, bent)
    slightly = camera.intrinsics(k, size, size, projection, [1e-3, 0, 0, 0, 0])
    np.testing.assert_array_equal(slightly, k)
    window = camera.Window(binning=(2, 2), offset=(100, 40), size=(400, 400))
    K = camera.intrinsics(k, size, (200, 200), window=window)
    np.testing.assert_allclose(K, [[300, 0, 110], [0, 300, 100], [0, 0, 1]])
