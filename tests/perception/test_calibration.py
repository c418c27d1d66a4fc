import imageio.v3 as iio
import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation
from unihm.cli.main import main
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.camera.calibration import (
    Board,
    BoardView,
    Calibration,
    calibrate,
    check,
    see_board,
)
from unihm.perception.camera.calibration_files import read_intrinsics
from unihm.transforms import from_pose7, invert, make_transform, to_pose7

cv2 = pytest.importorskip("cv2")

K = np.array([[620.0, 0, 320], [0, 615, 240], [0, 0, 1]])
NONE = np.zeros(0)


def random_pose(rng, turn=0.35, shift=0.06):
    return make_transform(
        Rotation.from_rotvec(rng.normal(0, turn, 3)).as_matrix(), rng.normal(0, shift, 3)
    )


def fixed_camera():
    """T_world_camera: 0.7 m before the robot, looking back at it; the board faces it."""
    rotation = np.stack([[0, -1, 0], [0, 0, -1], [1, 0, 0]]).T @ np.diag([-1, 1, -1.0])
    return make_transform(rotation, [1.2, 0.1, 0.4])


def views_of(T_world_camera, T_gripper_board, rng, count=14, noise=0.0, drift=0.0):
    """What a fixed camera sees of a board on the gripper; ``drift`` metres over the series."""
    views = []
    middle = T_world_camera @ make_transform(np.eye(3), [0, 0, 0.55]) @ invert(T_gripper_board)
    for k in range(count):
        T_world_gripper = middle @ random_pose(rng)
        slip = make_transform(np.eye(3), [drift * k / (count - 1), 0, 0])
        T = invert(T_world_camera @ slip) @ T_world_gripper @ T_gripper_board
        turn = Rotation.from_rotvec(rng.normal(0, noise, 3)).as_matrix()
        T = T @ make_transform(turn, rng.normal(0, noise, 3))
        views.append(BoardView(T_world_gripper, T))
    return views


def assert_same(T, expected, metres, degrees):
    assert np.linalg.norm(T[:3, 3] - expected[:3, 3]) < metres
    difference = Rotation.from_matrix(T[:3, :3].T @ expected[:3, :3])
    assert np.rad2deg(difference.magnitude()) < degrees


def test_a_fixed_camera_is_found():
    rng = np.random.default_rng(0)
    camera, board = fixed_camera(), random_pose(rng)
    exact = calibrate(views_of(camera, board, rng))
    assert_same(exact.T_world_camera, camera, 1e-5, 1e-3)
    noisy = calibrate(views_of(camera, board, rng, noise=0.002))
    assert_same(noisy.T_world_camera, camera, 0.008, 0.6)
    assert_same(noisy.T_other, board, 0.008, 0.6)


def test_a_camera_on_the_gripper_is_found():
    rng = np.random.default_rng(1)
    T_gripper_camera, T_world_board = random_pose(rng), random_pose(rng)
    views = []
    for _ in range(10):
        A = random_pose(rng)
        views.append(BoardView(A, invert(A @ T_gripper_camera) @ T_world_board))
    found = calibrate(views, on_gripper=True)
    assert found.T_world_camera is None
    assert_same(found.T_gripper_camera, T_gripper_camera, 1e-5, 1e-3)
    assert_same(found.T_other, T_world_board, 1e-5, 1e-3)


def test_one_bad_view_pulls_little():
    rng = np.random.default_rng(2)
    camera, board = fixed_camera(), random_pose(rng)
    views = views_of(camera, board, rng, noise=0.0005)
    shifted = views[3].T_camera_board @ make_transform(np.eye(3), [0.08, 0, 0])
    views[3] = BoardView(views[3].T_world_gripper, shifted)
    assert_same(calibrate(views).T_world_camera, camera, 0.01, 1.0)


def test_poses_that_determine_nothing_are_refused():
    rng = np.random.default_rng(3)
    camera, board = fixed_camera(), random_pose(rng)
    with pytest.raises(UnihmError, match="not enough") as few:
        calibrate(views_of(camera, board, rng, count=3))
    assert few.value.code == ErrorCode.INVALID_TRANSFORM
    same_axis = []
    for k in range(8):
        A = make_transform(Rotation.from_euler("z", 0.2 * k).as_matrix(), rng.normal(0, 0.1, 3))
        same_axis.append(BoardView(A, invert(camera) @ A @ board))
    with pytest.raises(UnihmError, match="one axis") as flat:
        calibrate(same_axis)
    assert flat.value.code == ErrorCode.INVALID_TRANSFORM
    views = views_of(camera, board, rng)
    views[0] = BoardView(np.diag([2.0, 2.0, 2.0, 1.0]), views[0].T_camera_board)
    with pytest.raises(UnihmError) as scaled:
        calibrate(views)
    assert scaled.value.code == ErrorCode.INVALID_TRANSFORM


def test_drift_is_told_from_noise():
    rng = np.random.default_rng(4)
    camera, board = fixed_camera(), random_pose(rng)
    truth = Calibration(T_other=board, T_world_camera=camera)
    steady = check(views_of(camera, board, rng, noise=0.001), truth, K)
    assert not steady.drifts
    assert "No drift" in steady.sentence
    moving = check(views_of(camera, board, rng, noise=0.001, drift=0.02), truth, K)
    assert moving.drifts
    assert moving.drift == pytest.approx(0.02, abs=0.006)


def picture_of(board, T_camera_board):
    """(480, 640, 3): the board before a grey wall."""
    flat = np.pad(board.picture(4000.0), 60, constant_values=255)
    scale = np.diag([1 / 4000.0, 1 / 4000.0, 1.0])
    shift = np.array([[1, 0, -60], [0, 1, -60], [0, 0, 1.0]])
    H = K @ T_camera_board[:3, [0, 1, 3]] @ scale @ shift
    grey = cv2.warpPerspective(flat, H, (640, 480), flags=cv2.INTER_AREA, borderValue=128)
    return np.repeat(grey[..., None], 3, axis=-1)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Images, robot poses and intrinsics of a fixed camera; and the truth."""
    folder = tmp_path_factory.mktemp("calibration")
    rng = np.random.default_rng(5)
    board = Board()
    middle = board.corners().mean(axis=0)
    T_gripper_board = make_transform(np.eye(3), -middle) @ random_pose(rng, 0.1, 0.01)
    camera = fixed_camera()
    rows = ["x,y,z,qx,qy,qz,qw"]
    (folder / "images").mkdir()
    for k, view in enumerate(views_of(camera, T_gripper_board, rng, count=10)):
        iio.imwrite(folder / f"images/{k:02d}.png", picture_of(board, view.T_camera_board))
        rows.append(",".join(f"{value:.9f}" for value in to_pose7(view.T_world_gripper)))
    (folder / "robot.csv").write_text("\n".join(rows))
    intrinsics = {"camera_matrix": {"rows": 3, "cols": 3, "data": K.ravel().tolist()}}
    (folder / "camera.yaml").write_text(yaml.safe_dump(intrinsics))
    return folder, camera


def arguments(folder, *more):
    return [
        "calibrate", "--images", str(folder / "images"), "--poses", str(folder / "robot.csv"),
        "--intrinsics", str(folder / "camera.yaml"), *more,
    ]  # fmt: skip


def test_images_give_the_camera_and_then_pass_the_check(recording, tmp_path, capsys):
    folder, camera = recording
    out = tmp_path / "calibration.yaml"
    assert main(arguments(folder, "--out", str(out))) == 0
    result = yaml.safe_load(out.read_text())
    assert np.linalg.norm(np.array(result["camera_pose"][:3]) - camera[:3, 3]) < 0.004
    assert result["median_pixels"] < 0.5
    assert main(arguments(folder, "--check", str(out))) == 0
    assert "No drift" in capsys.readouterr().out


def test_the_check_notices_a_camera_that_moves(recording, tmp_path, capsys):
    folder, _ = recording
    out = tmp_path / "calibration.yaml"
    main(arguments(folder, "--out", str(out)))
    lines = (folder / "robot.csv").read_text().splitlines()
    moved = [lines[0]]
    for k, line in enumerate(lines[1:]):
        x, *rest = line.split(",")
        moved.append(",".join([f"{float(x) + 0.003 * k:.9f}", *rest]))
    poses = tmp_path / "robot.csv"
    poses.write_text("\n".join(moved))
    command = arguments(folder, "--check", str(out))
    command[command.index("--poses") + 1] = str(poses)
    assert main(command) == 2
    assert "It drifts" in capsys.readouterr().out


def test_a_board_that_is_not_there_is_low_confidence():
    with pytest.raises(UnihmError) as error:
        see_board(np.full((480, 640, 3), 128, np.uint8), K, NONE, Board())
    assert error.value.code == ErrorCode.LOW_CONFIDENCE


def test_lens_distortion_is_taken_out():
    board = Board()
    middle = make_transform(np.eye(3), -board.corners().mean(axis=0))
    tilt = Rotation.from_rotvec([0.4, 0.2, 0.1]).as_matrix()
    T = make_transform(np.eye(3), [0, 0, 0.4]) @ make_transform(tilt, [0, 0, 0]) @ middle
    image = picture_of(board, T)
    distortion = np.array([-0.15, 0.05, 0.0, 0.0, 0.0])
    columns, rows = np.meshgrid(np.arange(640.0), np.arange(480.0))
    points = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2)
    straight = cv2.undistortPoints(points, K, distortion, P=K).reshape(480, 640, 2)
    bent = cv2.remap(image, straight.astype(np.float32), None, cv2.INTER_LINEAR)
    assert_same(see_board(bent, K, distortion, board).T_camera_board, T, 0.002, 0.5)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0,0,0,0,0,0,1\n0,0,0,0,0,0,2", ErrorCode.INVALID_TRANSFORM),
        ("0,0,0,0,0,1", ErrorCode.INVALID_TRANSFORM),
        ("0,0,nan,0,0,0,1", ErrorCode.INVALID_TRANSFORM),
    ],
)
def test_a_pose_that_is_none_is_named_by_its_line(tmp_path, text, code):
    from unihm.perception.camera.calibration_files import read_poses

    path = tmp_path / "robot.csv"
    path.write_text(text)
    with pytest.raises(UnihmError, match="line") as error:
        read_poses(path)
    assert error.value.code == code


def test_numbers_of_poses_and_images_must_agree(recording, tmp_path, capsys):
    folder, _ = recording
    poses = tmp_path / "robot.csv"
    poses.write_text("0,0,0,0,0,0,1\n")
    command = arguments(folder)
    command[command.index("--poses") + 1] = str(poses)
    assert main(command) == 1
    assert "1 robot poses and 10 views" in capsys.readouterr().err


def changed(recording, tmp_path, *more, poses=None, intrinsics=None):
    """Exit status with other poses or intrinsics, and where the result would be."""
    folder, _ = recording
    out = tmp_path / "calibration.yaml"
    command = arguments(folder, "--out", str(out), *more)
    for option, content in (("--poses", poses), ("--intrinsics", intrinsics)):
        if content is not None:
            (tmp_path / option[2:]).write_text(content)
            command[command.index(option) + 1] = str(tmp_path / option[2:])
    return main(command), out


def test_data_that_do_not_fit_are_refused(recording, tmp_path, capsys):
    folder, _ = recording
    lines = (folder / "robot.csv").read_text().splitlines()
    rows = [[float(word) for word in line.split(",")] for line in lines[1:]]
    moved = [[1e3 * x for x in row[:3]] + row[3:] for row in rows]
    inverse = [to_pose7(invert(from_pose7(np.array(row)))) for row in rows]
    half = 0.5 * K
    half[2, 2] = 1
    smaller = yaml.safe_dump({"camera_matrix": {"data": half.ravel().tolist()}})
    for what, more, sentence in (
        ({"poses": text_of(moved)}, (), "in millimetres?"),
        ({"poses": text_of(inverse)}, (), "do not fit each other"),
        ({"poses": text_of(rows[1:] + rows[:1])}, (), "do not fit each other"),
        ({}, ("--on-gripper",), "do not fit each other"),
        ({"intrinsics": smaller}, (), "has 640x480 pixels"),
    ):
        status, out = changed(recording, tmp_path, *more, **what)
        assert status == 1
        assert sentence in capsys.readouterr().err
        assert not out.exists()


def text_of(rows):
    return "\n".join(",".join(f"{value:.9f}" for value in row) for row in rows)


def test_names_count_and_a_mark_at_the_beginning_is_no_line(recording, tmp_path):
    folder, camera = recording
    images = tmp_path / "images"
    images.mkdir()
    for number, path in enumerate(sorted((folder / "images").iterdir()), start=5):
        grey = np.asarray(iio.imread(path))[..., 0]
        iio.imwrite(images / f"img_{number}.png", grey)
    rows = (folder / "robot.csv").read_text().splitlines()[1:]
    (tmp_path / "robot.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    out = tmp_path / "out.yaml"
    command = ["calibrate", "--images", str(images), "--poses", str(tmp_path / "robot.csv")]
    command += ["--intrinsics", str(folder / "camera.yaml"), "--out", str(out)]
    assert main(command) == 0
    result = yaml.safe_load(out.read_text())
    assert result["views"] == 10
    assert np.linalg.norm(np.array(result["camera_pose"][:3]) - camera[:3, 3]) < 0.004
    (images / "img_7.png").write_bytes(b"")
    (images / "img_8.png").write_bytes((images / "img_9.png").read_bytes()[:300])
    assert main(command) == 0
    assert yaml.safe_load(out.read_text())["views"] == 8


def test_fisheye_lenses_and_unknown_ones(tmp_path):
    board = Board()
    T = make_transform(np.eye(3), [0, 0, 0.4])
    T = T @ make_transform(np.eye(3), -board.corners().mean(axis=0))
    distortion = np.array([0.1, -0.02, 0.0, 0.0])
    columns, rows = np.meshgrid(np.arange(640.0), np.arange(480.0))
    points = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2)
    straight = cv2.fisheye.undistortPoints(points, K, distortion, P=K).reshape(480, 640, 2)
    bent = cv2.remap(picture_of(board, T), straight.astype(np.float32), None, cv2.INTER_LINEAR)
    assert_same(see_board(bent, K, distortion, board, fisheye=True).T_camera_board, T, 0.002, 0.5)
    values = {"camera_matrix": {"data": K.ravel().tolist()}, "distortion_model": "equidistant"}
    values["distortion_coefficients"] = {"data": distortion.tolist()}
    path = tmp_path / "camera.yaml"
    path.write_text(yaml.safe_dump(values))
    assert read_intrinsics(path).fisheye
    path.write_text(yaml.safe_dump({**values, "distortion_model": "bent"}))
    with pytest.raises(UnihmError, match="of the model 'bent'"):
        read_intrinsics(path)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--board", "7"], "COLUMNSxROWS"),
        (["--board", "2x2"], "3 squares or more"),
        (["--dictionary", "DICT_NONE"], "There is no dictionary 'DICT_NONE'"),
        (["--dictionary", "DICT_4X4_50", "--board", "15x12"], "50 markers"),
    ],
)
def test_boards_that_there_are_not(tmp_path, capsys, options, sentence):
    assert main(["calibrate", "--print-board", str(tmp_path / "a.png"), *options]) == 1
    assert sentence in capsys.readouterr().err


def test_legacy_boards_and_other_dictionaries_are_found():
    board = Board(6, 8, dictionary="DICT_4X4_50", legacy=True)
    picture = np.pad(board.picture(4000.0), 60, constant_values=255)
    assert len(board.find(picture)[1]) == 35
    with pytest.raises(UnihmError):
        Board(6, 8).find(picture)


def test_the_board_can_be_printed_and_found(tmp_path):
    path = tmp_path / "board.png"
    assert main(["calibrate", "--print-board", str(path)]) == 0
    image = np.asarray(iio.imread(path))
    assert image.shape[1] == pytest.approx(7 * 0.03 * 11811, abs=2)
    _, numbers = Board().find(np.repeat(np.pad(image, 50, constant_values=255)[..., None], 3, -1))
    assert len(numbers) == 24


def test_a_size_without_end_is_a_sentence(tmp_path):
    file = tmp_path / "camera.yaml"
    file.write_text(
        "{camera_matrix: {data: [600, 0, 320, 0, 600, 240, 0, 0, 1]}, image_width: .inf, "
        "image_height: 480}"
    )
    with pytest.raises(UnihmError) as caught:
        read_intrinsics(file)
    assert caught.value.code is ErrorCode.CAMERA_INFO_MISMATCH
